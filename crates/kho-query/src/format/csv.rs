//! CSV, geometry as WKT.

use super::geometry::wkt;
use super::{Encode, is_geometry};
use crate::QueryError;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use std::sync::Arc;

pub(super) struct Csv {
    schema: SchemaRef,
    header: bool,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { schema: Arc::clone(schema), header: true }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let batch = geometry_as_text(batch, wkt)?;
        let mut out = Vec::new();
        WriterBuilder::new().with_header(self.header).build(&mut out).write(&batch)?;
        self.header = false;
        Ok(out)
    }
}

impl Encode for Csv {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        self.write(batch)
    }

    fn finish(&mut self) -> Result<Vec<u8>, QueryError> {
        // An empty answer has a header too.
        if self.header {
            return self.write(&RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        Ok(Vec::new())
    }
}

/// The batch with every geometry column as text.
pub(super) fn geometry_as_text(
    batch: &RecordBatch,
    text: impl Fn(&[u8]) -> Option<String>,
) -> Result<RecordBatch, QueryError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if is_geometry(field) {
            let texts: StringArray = binary_values(column)?.into_iter().map(|b| b.and_then(&text)).collect();
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
            columns.push(Arc::new(texts));
        } else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

/// The values of a column of bytes of any layout.
pub(crate) fn binary_values(column: &dyn Array) -> Result<Vec<Option<&[u8]>>, QueryError> {
    Ok(match column.data_type() {
        DataType::Binary => column.as_binary::<i32>().iter().collect(),
        DataType::LargeBinary => column.as_binary::<i64>().iter().collect(),
        DataType::BinaryView => column.as_binary_view().iter().collect(),
        other => return Err(QueryError::internal(format!("a geometry column of type {other}"))),
    })
}
