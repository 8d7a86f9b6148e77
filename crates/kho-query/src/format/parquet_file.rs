//! One Parquet file.
//!
//! Geometry columns get the native GEOMETRY type (the writer makes it from the `geoarrow.wkb`
//! tag) and, for readers that do not know it yet, the `geo` key of GeoParquet 1.1.

use super::{Encode, is_geometry};
use crate::QueryError;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct ParquetFile {
    writer: Option<ArrowWriter<Pipe>>,
    pipe: Pipe,
}

impl ParquetFile {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        let level = ZstdLevel::try_new(3).map_err(QueryError::internal)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(65_536))
            .build();
        let pipe = Pipe::default();
        let mut writer = ArrowWriter::try_new(pipe.clone(), Arc::clone(schema), Some(properties))
            .map_err(QueryError::internal)?;
        if let Some(geo) = geoparquet(schema) {
            writer.append_key_value_metadata(KeyValue::new("geo".into(), geo.to_string()));
        }
        Ok(Self { writer: Some(writer), pipe })
    }
}

impl Encode for ParquetFile {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        if let Some(writer) = &mut self.writer {
            writer.write(batch).map_err(QueryError::internal)?;
        }
        Ok(self.pipe.drain())
    }

    fn finish(&mut self) -> Result<Vec<u8>, QueryError> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(QueryError::internal)?;
        }
        Ok(self.pipe.drain())
    }
}

/// The `geo` key: the first geometry column is the primary one. A CRS that is left out is CRS84;
/// one that is not known is null.
fn geoparquet(schema: &Schema) -> Option<Value> {
    let geometry: Vec<_> = schema.fields().iter().filter(|f| is_geometry(f)).collect();
    let primary = geometry.first()?.name().clone();
    let mut columns = Map::new();
    for field in geometry {
        let mut column =
            Map::from_iter([("encoding".to_owned(), json!("WKB")), ("geometry_types".to_owned(), json!([]))]);
        let metadata = field.metadata().get("ARROW:extension:metadata");
        let crs =
            metadata.and_then(|m| serde_json::from_str::<Value>(m).ok()).and_then(|m| m.get("crs").cloned());
        match crs {
            Some(Value::String(s)) if s == kho_layer::CRS84 => {}
            Some(projjson @ Value::Object(_)) => {
                column.insert("crs".into(), projjson);
            }
            // GeoParquet 1.1 takes PROJJSON only; the native type carries the code.
            _ => {
                column.insert("crs".into(), Value::Null);
            }
        }
        columns.insert(field.name().clone(), Value::Object(column));
    }
    Some(json!({ "version": "1.1.0", "primary_column": primary, "columns": columns }))
}

/// What the writer has written and nobody has taken yet.
#[derive(Debug, Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn drain(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
