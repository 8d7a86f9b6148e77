//! GeoParquet (1.x, and 2.0 with the native GEOMETRY type), read without GDAL.

use super::{Encoding, Location, Opened, Reader, plain, plain_schema, plain_type};
use crate::{IngestError, crs};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use kho_layer::GeometryKind;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::basic::LogicalType;
use parquet::file::metadata::ParquetMetaData;
use serde_json::Value;
use std::fs::File;

pub(super) fn open(location: &Location) -> Result<Opened, IngestError> {
    let path = &location.given;
    let io = |source| IngestError::Io { path: location.file.clone(), source };
    let unreadable = |message: String| IngestError::Unreadable { path: path.clone(), message };
    let file = File::open(&location.file).map_err(io)?;
    let metadata =
        ArrowReaderMetadata::load(&file, Default::default()).map_err(|e| unreadable(e.to_string()))?;
    let geo: Option<Value> = metadata
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .into_iter()
        .flatten()
        .find(|kv| kv.key == "geo")
        .and_then(|kv| serde_json::from_str(kv.value.as_deref()?).ok());
    let schema = metadata.schema().clone();
    let (geometry, described) =
        geometry_column(&schema, metadata.metadata(), geo.as_ref()).ok_or_else(|| {
            IngestError::NoGeometry {
                path: path.clone(),
                hint: " (no `geo` metadata and no column of type GEOMETRY)".into(),
            }
        })?;
    let encoding =
        encoding(&described, schema.field(geometry).data_type()).ok_or_else(|| IngestError::Encoding {
            path: path.clone(),
            column: schema.field(geometry).name().clone(),
            encoding: described.encoding.clone(),
        })?;
    let crs = described.crs.map(|text| crs::parse(&text)).transpose()?;
    let mut warnings = Vec::new();
    if described.spherical {
        warnings.push("its edges are great circles; they were read as straight lines in longitude and latitude, which differs only over long distances".into());
    }
    Ok(Opened {
        layer: location.file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
        schema: plain_schema(&schema, |f| plain_type(f.data_type())),
        geometry,
        encoding,
        kinds: described.kinds,
        crs,
        why_no_crs: " (its metadata says the coordinate system is unknown)",
        total: u64::try_from(metadata.metadata().file_metadata().num_rows()).ok(),
        short_names: false,
        typed: true,
        coordinates: Vec::new(),
        warnings,
        reader: Box::new(ParquetReader { file, metadata, path: path.clone() }),
    })
}

/// What the file says about its geometry column.
struct Described {
    encoding: String,
    /// `None`: said to be unknown.
    crs: Option<String>,
    kinds: Option<Vec<GeometryKind>>,
    spherical: bool,
}

/// Finds the geometry column by the `geo` metadata, else by Parquet's own geometry types.
fn geometry_column(
    schema: &Schema,
    metadata: &ParquetMetaData,
    geo: Option<&Value>,
) -> Option<(usize, Described)> {
    let crs84 = || Some("OGC:CRS84".to_owned());
    if let Some(geo) = geo {
        let name = geo.get("primary_column").and_then(Value::as_str).unwrap_or("geometry");
        if let (Ok(index), Some(column)) = (schema.index_of(name), geo.pointer(&format!("/columns/{name}"))) {
            let kinds = column.get("geometry_types").and_then(Value::as_array).and_then(|types| {
                let kinds: Option<Vec<_>> = types.iter().map(|t| kind(t.as_str()?)).collect();
                kinds.filter(|k| !k.is_empty())
            });
            let described = Described {
                encoding: column.get("encoding").and_then(Value::as_str).unwrap_or("WKB").into(),
                crs: match column.get("crs") {
                    None => crs84(),
                    Some(Value::Null) => None,
                    Some(Value::String(text)) => Some(text.clone()),
                    Some(json) => Some(json.to_string()),
                },
                kinds,
                spherical: column.get("edges").and_then(Value::as_str).is_some_and(|e| e != "planar"),
            };
            return Some((index, described));
        }
    }
    let parquet = metadata.file_metadata().schema_descr().root_schema().get_fields();
    parquet.iter().find_map(|field| {
        let (crs, spherical) = match field.get_basic_info().logical_type_ref()? {
            LogicalType::Geometry { crs } => (crs, false),
            LogicalType::Geography { crs, .. } => (crs, true),
            _ => return None,
        };
        // arrow-rs writes a plain name as a JSON string, quotes included.
        let crs = crs.as_ref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.clone()));
        let crs: Option<String> = match crs.as_deref() {
            None => crs84(),
            // The definition may stand in the file's key-value metadata.
            Some(text) if text.starts_with("projjson:") => metadata
                .file_metadata()
                .key_value_metadata()
                .into_iter()
                .flatten()
                .find(|kv| Some(kv.key.as_str()) == text.strip_prefix("projjson:"))
                .and_then(|kv| kv.value.clone()),
            Some("srid:0") => None,
            Some(text) => Some(text.to_owned()),
        };
        let described = Described { encoding: "WKB".into(), crs, kinds: None, spherical };
        Some((schema.index_of(field.name()).ok()?, described))
    })
}

fn kind(geometry_type: &str) -> Option<GeometryKind> {
    match geometry_type.split(' ').next()? {
        "Point" | "MultiPoint" => Some(GeometryKind::Point),
        "LineString" | "MultiLineString" => Some(GeometryKind::Line),
        "Polygon" | "MultiPolygon" => Some(GeometryKind::Polygon),
        _ => None,
    }
}

fn encoding(described: &Described, ty: &DataType) -> Option<Encoding> {
    let name = described.encoding.as_str();
    if name.eq_ignore_ascii_case("wkb") || name == "geoarrow.wkb" {
        return (plain_type(ty) == DataType::Binary).then_some(Encoding::Wkb);
    }
    let levels = match name.trim_start_matches("geoarrow.") {
        "point" => 0,
        "linestring" | "multipoint" => 1,
        "polygon" | "multilinestring" => 2,
        "multipolygon" => 3,
        _ => return None,
    };
    let mut ty = ty;
    for _ in 0..levels {
        let (DataType::List(item) | DataType::LargeList(item)) = ty else { return None };
        ty = item.data_type();
    }
    let DataType::Struct(fields) = ty else { return None };
    let has = |name| fields.iter().any(|f| f.name() == name && *f.data_type() == DataType::Float64);
    (has("x") && has("y")).then(|| Encoding::Native(name.to_owned()))
}

struct ParquetReader {
    file: File,
    metadata: ArrowReaderMetadata,
    path: String,
}

impl Reader for ParquetReader {
    fn read(&mut self, rows: usize, emit: &mut dyn FnMut(RecordBatch) -> bool) -> Result<(), IngestError> {
        let mut feature = 0;
        let broken = |feature, message| IngestError::Read { path: self.path.clone(), feature, message };
        let file = self.file.try_clone().map_err(|e| broken(0, e.to_string()))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_batch_size(rows.max(1))
            .build()
            .map_err(|e| broken(0, e.to_string()))?;
        let schema = plain_schema(self.metadata.schema(), |f| plain_type(f.data_type()));
        for batch in reader {
            let batch = batch.map_err(|e| broken(feature, e.to_string()))?;
            let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
            let batch = RecordBatch::try_new(schema.clone(), columns)?;
            feature += batch.num_rows() as u64;
            if !emit(batch) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_geometry_types() {
        assert_eq!(kind("MultiPolygon Z"), Some(GeometryKind::Polygon));
        assert_eq!(kind("GeometryCollection"), None);
    }
}
