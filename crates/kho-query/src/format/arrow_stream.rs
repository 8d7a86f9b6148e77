//! The Arrow IPC stream.

use super::Encode;
use crate::QueryError;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;

pub(super) struct ArrowStream(StreamWriter<Vec<u8>>);

impl ArrowStream {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        Ok(Self(StreamWriter::try_new(Vec::new(), schema)?))
    }
}

impl Encode for ArrowStream {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        self.0.write(batch)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    fn finish(&mut self) -> Result<Vec<u8>, QueryError> {
        self.0.finish()?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}
