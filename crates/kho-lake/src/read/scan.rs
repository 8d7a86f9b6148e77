//! Reading files: what a window cannot touch is not decoded.

use super::footer::{Footers, row_group_bounds};
use crate::bounds::{Bounds, intersects, wkb_bounds};
use crate::error::{LakeError, at};
use crate::model::{DataFile, LayerFiles, ReadRequest};
use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef};
use kho_layer::{GEOMETRY, KHO_ID};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::sync::Arc;

const BATCH_ROWS: usize = 8_192;

/// Gives the features of a request to `sink`, batch by batch, until it wants no more.
pub(crate) fn scan(
    footers: &Footers,
    files: &LayerFiles,
    request: &ReadRequest,
    schema: &SchemaRef,
    mut sink: impl FnMut(RecordBatch) -> bool,
) -> Result<(), LakeError> {
    let mut left = request.limit.unwrap_or(usize::MAX);
    for (i, file) in files.files.iter().enumerate() {
        let outside = |w: &Bounds| file.bounds.is_some_and(|b| !intersects(&b, w));
        if left == 0 || request.window.as_ref().is_some_and(outside) {
            continue;
        }
        let sibling = sibling(files, schema, i)?;
        let mut reader = Reader::open(footers, file, sibling, request.window, schema)?;
        while left > 0 {
            let Some(batch) = reader.next()? else { break };
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            if batch.num_rows() > 0 && !sink(batch) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The file with the restricted columns of a file's features, if the output has any.
fn sibling<'a>(
    files: &'a LayerFiles,
    schema: &SchemaRef,
    number: usize,
) -> Result<Option<&'a DataFile>, LakeError> {
    let own = |f: &&Arc<arrow::datatypes::Field>| files.schema.field_with_name(f.name()).is_err();
    let Some(field) = schema.fields().iter().find(own) else {
        return Ok(None);
    };
    let file = files.restricted.as_ref().and_then(|r| r.files.get(number));
    match file.filter(|s| s.rows == files.files[number].rows) {
        Some(file) => Ok(Some(file)),
        None => Err(LakeError::Damaged(format!(
            "no file beside {} has its column {}",
            files.files[number].path.display(),
            field.name()
        ))),
    }
}

/// One file, and the one with its restricted columns, in step.
struct Reader<'a> {
    main: ParquetRecordBatchReader,
    sibling: Option<ParquetRecordBatchReader>,
    window: Option<Bounds>,
    schema: &'a SchemaRef,
}

impl<'a> Reader<'a> {
    fn open(
        footers: &Footers,
        file: &DataFile,
        sibling: Option<&DataFile>,
        window: Option<Bounds>,
        schema: &'a SchemaRef,
    ) -> Result<Self, LakeError> {
        let footer = footers.get(file)?;
        let groups: Option<Vec<usize>> = window.map(|w| {
            let bounds = row_group_bounds(&footer);
            let may = |b: &Option<Bounds>| b.is_none_or(|b| intersects(&b, &w));
            (0..bounds.len()).filter(|i| may(&bounds[*i])).collect()
        });
        let mut names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        if window.is_some() {
            names.push(GEOMETRY);
        }
        Ok(Self {
            main: decoder(file, footer, &names, groups.clone())?,
            sibling: sibling.map(|file| decoder(file, footers.get(file)?, &names, groups)).transpose()?,
            window,
            schema,
        })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        let main = self.main.next().transpose()?;
        let sibling = match &mut self.sibling {
            Some(reader) => reader.next().transpose()?,
            None => None,
        };
        let Some(main) = main else { return Ok(None) };
        if self.sibling.is_some() {
            in_step(&main, sibling.as_ref())?;
        }
        let columns = self.schema.fields().iter().map(|field| {
            main.column_by_name(field.name())
                .or_else(|| sibling.as_ref()?.column_by_name(field.name()))
                .cloned()
                .ok_or_else(|| LakeError::Damaged(format!("a data file lacks the column {}", field.name())))
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(main.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        let Some(window) = self.window else {
            return Ok(Some(batch));
        };
        let Some(geometry) = main.column_by_name(GEOMETRY) else {
            return Err(LakeError::Damaged("a data file lacks its geometry".into()));
        };
        let geometry = geometry.as_binary::<i32>();
        let inside: BooleanArray = geometry
            .iter()
            .map(|wkb| Some(wkb_bounds(wkb?).is_some_and(|b| intersects(&b, &window))))
            .map(|inside| Some(inside.unwrap_or(false)))
            .collect();
        Ok(Some(filter_record_batch(&batch, &inside)?))
    }
}

/// Both files must have the same features in the same rows: else names would go to others'
/// parcels, so nothing is shown.
fn in_step(main: &RecordBatch, sibling: Option<&RecordBatch>) -> Result<(), LakeError> {
    let ids = |batch: &RecordBatch| {
        let ids = batch.column_by_name(KHO_ID)?.as_primitive_opt::<Int64Type>()?;
        Some(ids.values().clone())
    };
    if sibling.and_then(ids) == ids(main) && ids(main).is_some() {
        return Ok(());
    }
    Err(LakeError::Damaged("a file and that of its restricted columns hold different features".into()))
}

/// A decoder of some columns and row groups (`None` for all) of a file.
fn decoder(
    file: &DataFile,
    footer: Arc<ParquetMetaData>,
    names: &[&str],
    groups: Option<Vec<usize>>,
) -> Result<ParquetRecordBatchReader, LakeError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::try_new(footer, options)?;
    let columns = metadata.parquet_schema().columns().iter().enumerate();
    let leaves = columns.filter(|(_, c)| names.contains(&c.name()));
    let mask = ProjectionMask::leaves(metadata.parquet_schema(), leaves.map(|(i, _)| i));
    let opened = File::open(&file.path).map_err(at(&file.path))?;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, metadata)
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS);
    if let Some(groups) = groups {
        builder = builder.with_row_groups(groups);
    }
    Ok(builder.build()?)
}
