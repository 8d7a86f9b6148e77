//! A table for a terminal.

use super::csv::geometry_as_text;
use super::geometry::short_wkt;
use super::{Encode, is_geometry};
use crate::QueryError;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches_with_schema;

/// Characters of a geometry.
const GEOMETRY_CHARS: usize = 48;

/// Holds all rows: the width of a column is known at the end.
pub(super) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { schema: geometry_as_text_schema(schema), batches: Vec::new(), rows: 0 }
    }
}

fn geometry_as_text_schema(schema: &SchemaRef) -> SchemaRef {
    use arrow::datatypes::{DataType, Field, Schema};
    let field = |f: &std::sync::Arc<Field>| {
        if is_geometry(f) {
            std::sync::Arc::new(Field::new(f.name(), DataType::Utf8, true))
        } else {
            f.clone()
        }
    };
    std::sync::Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

impl Encode for Table {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        self.rows += batch.num_rows();
        self.batches.push(geometry_as_text(batch, |b| Some(short_wkt(b, GEOMETRY_CHARS)))?);
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<Vec<u8>, QueryError> {
        let table = pretty_format_batches_with_schema(self.schema.clone(), &self.batches)?;
        let s = if self.rows == 1 { "" } else { "s" };
        Ok(format!("{table}\n{} row{s}\n", self.rows).into_bytes())
    }
}
