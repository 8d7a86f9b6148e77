//! TileJSON 3.0: what tiles a layer has and what is in them.

use axum::http::HeaderMap;
use axum::response::Response;
use kho_layer::{ColumnType, GeometryKind};
use serde_json::{Map, Value, json};

use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// All layers that have tiles.
pub(super) async fn list(at: At, Base(base): Base, headers: HeaderMap) -> Result<Response, Problem> {
    let tiles: Vec<Value> = at
        .catalogue
        .layers
        .iter()
        .map(|layer| {
            json!({
                "layer": layer.name(),
                "title": layer.def().title,
                "tilejson": format!("{base}/tiles/{}{}", layer.name(), pin(&at)),
            })
        })
        .collect();
    Ok(Tagged::json(Freshness::Revalidate, &json!({"snapshot": at.snapshot(), "layers": tiles}))?
        .answer(&headers))
}

/// One layer's TileJSON.
pub(super) async fn layer(
    at: At,
    Base(base): Base,
    Segments(name): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layer = at.catalogue.require(&name)?;
    Ok(Tagged::json(Freshness::Revalidate, &tilejson(layer, &at, &base))?.answer(&headers))
}

fn tilejson(layer: &Published, at: &At, base: &str) -> Value {
    let def = layer.def();
    let mut fields = Map::new();
    for column in layer.grant.columns() {
        fields.insert(column.name.clone(), field(column.ty, column.unit.as_deref()).into());
    }
    let mut document = json!({
        "tilejson": "3.0.0",
        "name": def.name,
        "description": def.description.as_ref().unwrap_or(&def.title).vi,
        "version": format!("{}.0.0", layer.files.layer_since),
        "scheme": "xyz",
        "tiles": [format!("{base}/tiles/{}/{{z}}/{{x}}/{{y}}{}", def.name, pin(at))],
        "minzoom": def.zoom.min,
        "maxzoom": def.zoom.max,
        "vector_layers": [{
            "id": def.name,
            "description": def.title.vi,
            "minzoom": def.zoom.min,
            "maxzoom": def.zoom.max,
            "geometry_type": match def.geometry {
                GeometryKind::Point => "point",
                GeometryKind::Line => "line",
                GeometryKind::Polygon => "polygon",
            },
            "fields": fields,
        }],
    });
    if let Some([west, south, east, north]) = layer.files.bounds {
        document["bounds"] = json!([west, south, east, north]);
        document["center"] =
            json!([(west + east) / 2.0, (south + north) / 2.0, def.zoom.min.max(12).min(def.zoom.max)]);
    }
    document
}

/// A field's type in words, with its unit.
fn field(ty: ColumnType, unit: Option<&str>) -> String {
    let ty = match ty {
        ColumnType::Text => "String",
        ColumnType::Integer | ColumnType::Float => "Number",
        ColumnType::Boolean => "Boolean",
        ColumnType::Date => "String, a date",
        ColumnType::Timestamp => "String, a time in UTC",
    };
    unit.map_or_else(|| ty.to_owned(), |unit| format!("{ty}, {unit}"))
}

/// The query that keeps a pinned request pinned.
fn pin(at: &At) -> String {
    if at.pinned { format!("?snapshot={}", at.snapshot()) } else { String::new() }
}
