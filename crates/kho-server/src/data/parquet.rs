//! Opening the data files of a layer.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use kho_lake::{Bounds, DataFile, Lake, LayerFiles, row_group_bounds};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection,
};

use crate::http::problem::Problem;

/// An open data file of a layer.
pub(crate) struct Open {
    file: File,
    footer: ArrowReaderMetadata,
}

/// A row group: how many rows, and the box around them if it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) rows: u64,
    pub(crate) bounds: Option<Bounds>,
}

impl Open {
    /// Opens a data file; blocks. The lake keeps its footer.
    pub(crate) fn new(lake: &Lake, data: &DataFile) -> Result<Self, Problem> {
        let footer = ArrowReaderMetadata::try_new(lake.footer(data)?, ArrowReaderOptions::new())?;
        Ok(Self { file: File::open(&data.path)?, footer })
    }

    /// The row groups, in order.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let metadata = self.footer.metadata();
        let rows =
            metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or_default());
        rows.zip(row_group_bounds(metadata)).map(|(rows, bounds)| Group { rows, bounds }).collect()
    }

    /// Reads some columns of some row groups; `selection` is over the rows of these groups.
    pub(crate) fn read(
        &self,
        columns: &SchemaRef,
        groups: Vec<usize>,
        selection: Option<RowSelection>,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader, Problem> {
        let names = columns.fields().iter().map(|field| field.name().as_str());
        let mask = ProjectionMask::columns(self.footer.parquet_schema(), names);
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, self.footer.clone())
                .with_projection(mask)
                .with_row_groups(groups)
                .with_batch_size(batch_rows);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        Ok(builder.build()?)
    }
}

/// Part of the granted schema: `names` that are granted, and geometry if asked for.
///
/// Names outside the grant are not there, so no caller can reach past it.
pub(crate) fn granted(files: &LayerFiles, names: &[&str]) -> SchemaRef {
    let fields: Vec<_> =
        files.schema.fields().iter().filter(|f| names.contains(&f.name().as_str())).cloned().collect();
    Arc::new(Schema::new(fields))
}

/// The batch in the layer's order and types: files of older layer versions may lack a column, or
/// hold it in another type.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Problem> {
    let column = |field: &arrow::datatypes::Field| -> Result<ArrayRef, Problem> {
        match batch.column_by_name(field.name()) {
            Some(array) if array.data_type() == field.data_type() => Ok(Arc::clone(array)),
            Some(array) => Ok(cast(array, field.data_type())?),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    };
    let columns = schema.fields().iter().map(|field| column(field)).collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
