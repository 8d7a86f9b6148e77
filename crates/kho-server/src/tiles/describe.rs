//! TileJSON 3.0: what tiles layers have and what is in them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_layer::{ColumnType, GeometryKind};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::cql::{FILTER, filter_of_one};
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::{Params, Segments};
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

/// The TileJSON of one layer, or of several (`a,b`) in one tile.
///
/// A filter goes on into the addresses of the tiles.
pub(super) async fn layers(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(names): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layers = at.catalogue.require_all(&names)?;
    // Who gets a document must get its tiles.
    let filtered = filter_of_one(&app, &layers, &params).await?.is_some();
    let query = if filtered { query(&at, &params) } else { pin(&at) };
    Ok(Tagged::json(Freshness::Revalidate, &tilejson(&layers, &query, &base))?.answer(&headers))
}

/// What keeps a request filtered, and pinned if it is.
fn query(at: &At, params: &Params) -> String {
    let mut query = url::form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
    query.extend_pairs(FILTER.iter().filter_map(|name| Some((*name, params.get(name)?))));
    if at.pinned {
        query.append_pair("snapshot", &at.snapshot().to_string());
    }
    query.finish()
}

fn tilejson(layers: &[Arc<Published>], query: &str, base: &str) -> Value {
    let names = joined(layers, ",", Published::name);
    let min = layers.iter().map(|layer| layer.def().zoom.min).min().unwrap_or_default();
    let max = layers.iter().map(|layer| layer.def().zoom.max).max().unwrap_or_default();
    let since = layers.iter().map(|layer| layer.files.layer_since).max().unwrap_or_default();
    let mut document = json!({
        "tilejson": "3.0.0",
        "name": names,
        "description": joined(layers, "; ", |l| &l.def().description.as_ref().unwrap_or(&l.def().title).vi),
        "version": format!("{since}.0.0"),
        "scheme": "xyz",
        "tiles": [format!("{base}/tiles/{names}/{{z}}/{{x}}/{{y}}{query}")],
        "minzoom": min,
        "maxzoom": max,
        "vector_layers": layers.iter().map(|layer| vector_layer(layer)).collect::<Vec<_>>(),
    });
    if let Some([west, south, east, north]) = around(layers) {
        document["bounds"] = json!([west, south, east, north]);
        document["center"] = json!([(west + east) / 2.0, (south + north) / 2.0, min.max(12).min(max)]);
    }
    document
}

fn vector_layer(layer: &Published) -> Value {
    let def = layer.def();
    let mut fields = Map::new();
    for column in layer.grant.columns() {
        fields.insert(column.name.clone(), field(column.ty, column.unit.as_deref()).into());
    }
    json!({
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
    })
}

fn joined<'a>(
    layers: &'a [Arc<Published>],
    between: &str,
    word: impl Fn(&'a Published) -> &'a str,
) -> String {
    layers.iter().map(|layer| word(layer)).collect::<Vec<_>>().join(between)
}

/// The box around layers: west, south, east, north in degrees.
pub(crate) fn around(layers: &[Arc<Published>]) -> Option<[f64; 4]> {
    let hull = |a: [f64; 4], b: [f64; 4]| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
    layers.iter().filter_map(|layer| layer.files.bounds).reduce(hull)
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
