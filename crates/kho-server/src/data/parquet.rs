//! Opening the data files of a layer.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use kho_lake::{DataFile, LayerFiles};
use moka::sync::Cache;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};

use crate::http::problem::Problem;

/// How many parsed footers are kept: a footer of a million features takes about 2 MB.
const FOOTERS: u64 = 64;

/// Parsed footers by `data_file_id`, which is never used again for other data.
#[derive(Clone)]
pub(crate) struct Footers(Cache<i64, ArrowReaderMetadata>);

impl Default for Footers {
    fn default() -> Self {
        Self(Cache::new(FOOTERS))
    }
}

/// An open data file of a layer.
pub(crate) struct Open {
    file: File,
    footer: ArrowReaderMetadata,
}

impl Footers {
    /// Opens a data file; blocks.
    pub(crate) fn open(&self, data: &DataFile) -> Result<Open, Problem> {
        let file = File::open(&data.path)?;
        let footer = match self.0.get(&data.id) {
            Some(footer) => footer,
            None => {
                let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
                let footer = ArrowReaderMetadata::load(&file, options)?;
                self.0.insert(data.id, footer.clone());
                footer
            }
        };
        Ok(Open { file, footer })
    }
}

impl Open {
    /// The row groups, in order.
    pub(crate) fn groups(&self) -> &[RowGroupMetaData] {
        self.footer.metadata().row_groups()
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
    let fields: Vec<_> = files.schema.fields().iter().filter(|f| names.contains(&f.name().as_str())).cloned().collect();
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
