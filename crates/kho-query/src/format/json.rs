//! JSON, geometry as GeoJSON.

use super::csv::binary_values;
use super::geometry::geojson;
use super::{Encode, is_geometry};
use crate::QueryError;
use arrow::array::Array;
use arrow::datatypes::FieldRef;
use arrow::error::ArrowError;
use arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder, WriterBuilder,
};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Json {
    begun: bool,
}

impl Encode for Json {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let mut lines = Vec::new();
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .with_encoder_factory(Arc::new(Geometry))
            .build::<_, LineDelimited>(&mut lines);
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        // Values hold no raw line breaks, so every line is one object.
        let mut out = Vec::with_capacity(lines.len() + 2);
        for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            out.extend_from_slice(if self.begun { b",\n" } else { b"[\n" });
            self.begun = true;
            out.extend_from_slice(line);
        }
        Ok(out)
    }

    fn finish(&mut self) -> Result<Vec<u8>, QueryError> {
        Ok(if self.begun { b"\n]\n".to_vec() } else { b"[]\n".to_vec() })
    }
}

#[derive(Debug)]
struct Geometry;

impl EncoderFactory for Geometry {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !is_geometry(field) {
            return Ok(None);
        }
        let values = binary_values(array).map_err(|e| ArrowError::ExternalError(Box::new(e)))?;
        Ok(Some(NullableEncoder::new(Box::new(GeoJson(values)), array.nulls().cloned())))
    }
}

struct GeoJson<'a>(Vec<Option<&'a [u8]>>);

impl Encoder for GeoJson<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let json = self.0.get(row).copied().flatten().and_then(geojson);
        out.extend_from_slice(json.as_deref().unwrap_or("null").as_bytes());
    }
}
