//! Features out of the files, as a grant allows.

pub(crate) mod footer;
mod scan;

use crate::catalog::{LayerAt, TableAt};
use crate::error::LakeError;
use crate::model::{LayerFiles, ReadRequest, SnapshotId};
use crate::write::arrow_field;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use footer::Footers;
use futures::stream::{BoxStream, StreamExt};
use kho_access::Grant;
use kho_layer::{Column, GEOMETRY, KHO_ID};
use std::sync::Arc;

/// What a grant opens of a layer. Columns that the layer did not have at that snapshot are left
/// out; a column that has since become restricted is looked for in both tables.
pub(crate) fn granted(grant: &Grant, layer: &LayerAt, snapshot: SnapshotId) -> Result<LayerFiles, LakeError> {
    let columns: Vec<&Column> = grant.columns().collect();
    let since = layer.since();
    let mut files = part(&columns, &layer.main, snapshot, since)?;
    if let Some(table) = &layer.restricted {
        let sibling = part(&columns, table, snapshot, since)?;
        if sibling.schema.fields().len() > 1 {
            files.restricted = Some(Box::new(sibling));
        }
    }
    Ok(files)
}

fn part(
    columns: &[&Column],
    table: &TableAt,
    snapshot: SnapshotId,
    layer_since: SnapshotId,
) -> Result<LayerFiles, LakeError> {
    let fields = table
        .columns
        .iter()
        .filter(|(name, _)| name == KHO_ID || name == GEOMETRY || columns.iter().any(|c| c.name == *name))
        .map(|(name, ty)| arrow_field(name, ty))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(LayerFiles {
        snapshot,
        layer_since,
        schema: Arc::new(Schema::new(fields)),
        files: table.files.clone(),
        feature_count: table.rows(),
        bounds: table.bounds(),
        restricted: None,
    })
}

/// The features of a request, as a stream. Files are read one after the other on a blocking
/// thread, which stops when the stream is dropped.
pub(crate) fn read(
    footers: Arc<Footers>,
    grant: &Grant,
    files: LayerFiles,
    request: ReadRequest,
) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
    let schema = output_schema(grant, &files, &request)?;
    // A batch being read, one waiting: more would only cost memory.
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let result =
            scan::scan(&footers, &files, &request, &schema, |batch| sender.blocking_send(Ok(batch)).is_ok());
        if let Err(error) = result {
            // The receiver may be gone, and then nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let stream = futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|item| (item, receiver))
    });
    Ok(stream.boxed())
}

/// `kho_id`, the columns asked for, and `geometry` if it is.
fn output_schema(grant: &Grant, files: &LayerFiles, request: &ReadRequest) -> Result<SchemaRef, LakeError> {
    let closed = files.restricted.iter().flat_map(|r| r.schema.fields());
    let available: Vec<&Arc<Field>> =
        files.schema.fields().iter().chain(closed.filter(|f| f.name() != KHO_ID)).collect();
    let find = |name: &str| available.iter().find(|f| f.name() == name).copied();
    let named = |name: &str| {
        grant.require(name)?;
        find(name).cloned().ok_or_else(|| {
            LakeError::Access(kho_access::AccessError::NoSuchColumn {
                layer: grant.layer().name.clone(),
                column: name.to_owned(),
            })
        })
    };
    let mut fields = vec![named(KHO_ID)?];
    match &request.columns {
        Some(columns) => {
            for name in columns.iter().filter(|n| *n != KHO_ID && *n != GEOMETRY) {
                fields.push(named(name)?);
            }
        }
        // In the layer's order, in which restricted columns stand among the others.
        None => fields.extend(grant.columns().filter_map(|c| find(&c.name).cloned())),
    }
    if request.geometry {
        fields.push(named(GEOMETRY)?);
    }
    Ok(Arc::new(Schema::new(fields)))
}
