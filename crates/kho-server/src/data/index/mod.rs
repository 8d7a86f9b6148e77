//! Ways into a layer other than its place on the map: by id, by sheet and parcel, by name.
//!
//! An index is made when it is first needed, from the columns of the grant for everybody, and kept
//! until the layer changes. It holds row numbers: the features themselves stay in their files.

mod parcel;

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use kho_lake::Lake;
use kho_layer::KHO_ID;

pub(crate) use parcel::Parcels;

use super::catalogue::Published;
use super::rows::{at_rows, each};
use crate::app::App;
use crate::http::problem::Problem;
use crate::search::gazetteer::Gazetteer;

/// What an index is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum IndexKind {
    /// The feature's `kho_id`.
    Id,
    /// Sheet and parcel number, today's and the former ones.
    Parcel,
    /// The names of places.
    Places,
}

/// An index.
pub(crate) enum Index {
    /// By id.
    Ids(Ids),
    /// By sheet and parcel.
    Parcels(Parcels),
    /// By name.
    Places(Gazetteer),
}

impl Index {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.0.len() * size_of::<(i64, u32)>(),
            Self::Parcels(parcels) => parcels.bytes(),
            Self::Places(places) => places.bytes(),
        }
    }

    /// The index of a layer, from the cache or made now.
    pub(crate) async fn of(app: &App, layer: &Arc<Published>, kind: IndexKind) -> Result<Arc<Self>, Problem> {
        let key = (layer.name().to_owned(), layer.files.layer_since, kind);
        let (lake, layer) = (app.lake.clone(), Arc::clone(layer));
        let build = async move {
            let build = move || Self::build(&lake, &layer, kind).map(Arc::new);
            tokio::task::spawn_blocking(build).await?
        };
        Ok(app.caches.indices.try_get_with(key, build).await?)
    }

    fn build(lake: &Lake, layer: &Published, kind: IndexKind) -> Result<Self, Problem> {
        let started = std::time::Instant::now();
        let index = match kind {
            IndexKind::Id => Self::Ids(Ids::build(lake, layer)?),
            IndexKind::Parcel => Self::Parcels(Parcels::build(lake, layer)?),
            IndexKind::Places => Self::Places(Gazetteer::build(lake, layer)?),
        };
        let millis = started.elapsed().as_millis() as u64;
        tracing::debug!(layer = layer.name(), ?kind, bytes = index.bytes(), millis, "index built");
        Ok(index)
    }
}

/// Row numbers by id.
pub(crate) struct Ids(Vec<(i64, u32)>);

impl Ids {
    fn build(lake: &Lake, layer: &Published) -> Result<Self, Problem> {
        let mut ids = Vec::with_capacity(usize::try_from(layer.files.feature_count).unwrap_or_default());
        each(lake, layer, &[KHO_ID], |first, batch| {
            let column = batch.column_by_name(KHO_ID).and_then(|c| c.as_primitive_opt::<Int64Type>());
            let column = column.ok_or_else(|| Problem::fault("a layer without kho_id"))?;
            for (row, id) in (first..).zip(column.values()) {
                ids.push((*id, row_number(row)?));
            }
            Ok(())
        })?;
        ids.sort_unstable();
        Ok(Self(ids))
    }

    fn row(&self, id: i64) -> Option<u64> {
        let at = self.0.partition_point(|&(other, _)| other < id);
        self.0.get(at).filter(|(found, _)| *found == id).map(|&(_, row)| u64::from(row))
    }
}

/// A row number in an index; layers of more than 4 billion features are beyond it.
fn row_number(row: u64) -> Result<u32, Problem> {
    u32::try_from(row).map_err(|_| Problem::fault("a layer with more rows than an index holds"))
}

/// The feature of an id, as a batch of one row in the granted schema; 404 when there is none.
pub(crate) async fn feature(app: &App, layer: &Arc<Published>, id: i64) -> Result<RecordBatch, Problem> {
    let index = Index::of(app, layer, IndexKind::Id).await?;
    let row = match &*index {
        Index::Ids(ids) => ids.row(id),
        _ => None,
    };
    let missing = || Problem::not_found(format!("Layer {} has no feature {id}.", layer.name()));
    let found = at_rows(&app.lake, layer, vec![row.ok_or_else(missing)?]).await?;
    found.into_iter().find(|batch| batch.num_rows() > 0).ok_or_else(missing)
}

/// The id that is written in an address.
pub(crate) fn id(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::bad_request("The id of a feature is a whole number."))
}

/// The value of an integer column.
fn integer(batch: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    let array = batch.column_by_name(column)?.as_primitive_opt::<Int64Type>()?;
    (!array.is_null(row)).then(|| array.value(row))
}
