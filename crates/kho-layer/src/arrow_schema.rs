//! A layer's shape as an Arrow schema: `kho_id`, the columns, `geometry`.

use crate::{Column, ColumnType, LayerDef};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// The name of the first column: the stable feature id.
pub const KHO_ID: &str = "kho_id";
/// The name of the last column: WKB, little endian, 2D, CRS84 (lon, lat in degrees).
pub const GEOMETRY: &str = "geometry";
/// The Arrow extension type of the geometry column.
pub const GEOMETRY_EXTENSION: &str = "geoarrow.wkb";
/// The CRS of every geometry at rest: WGS 84, longitude first.
pub const CRS84: &str = "OGC:CRS84";

/// The field of the feature id: `Int64`, never null, 1 ..= 2⁵³−1.
pub fn id_field() -> Field {
    Field::new(KHO_ID, DataType::Int64, false)
}

/// The field of the geometry: `Binary`, tagged `geoarrow.wkb` with its CRS.
pub fn geometry_field() -> Field {
    Field::new(GEOMETRY, DataType::Binary, true).with_metadata(HashMap::from([
        ("ARROW:extension:name".into(), GEOMETRY_EXTENSION.into()),
        ("ARROW:extension:metadata".into(), format!(r#"{{"crs":"{CRS84}"}}"#)),
    ]))
}

/// The field of a column. Always nullable at rest: a column that becomes required later must not
/// make older snapshots unreadable; `required` is checked when data comes in.
pub fn column_field(column: &Column) -> Field {
    let ty = match column.ty {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    };
    Field::new(&column.name, ty, true)
}

/// The schema of a layer's batches between ingest and the lake, restricted columns included.
pub fn arrow_schema(layer: &LayerDef) -> SchemaRef {
    let fields = std::iter::once(id_field())
        .chain(layer.columns.iter().map(column_field))
        .chain(std::iter::once(geometry_field()));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
