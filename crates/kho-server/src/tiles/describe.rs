//! TileJSON 3.0: what tiles layers have and what is in them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_layer::{ColumnType, GeometryKind, OverviewRule, POINT_COUNT};
use kho_tile::Format;
use serde_json::{Map, Value, json};

use super::{composite, download, federated};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::cql::{TILE_FILTER, filter_of_one};
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::negotiate;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

/// All that has tiles: the layers, the composites, and what the sources open, which no snapshot holds.
pub(super) async fn list(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut tiles: Vec<Value> = at
        .catalogue
        .layers
        .iter()
        .map(|layer| {
            json!({
                "layer": layer.name(),
                "title": layer.def().title,
                "tilejson": format!("{base}/tiles/{}{}", layer.name(), query(&at, Format::Mvt)),
            })
        })
        .collect();
    if !at.pinned {
        tiles.extend(federated::listed(&app, &base));
    }
    let composites: Vec<Value> = composite::all(&app, &at)
        .into_iter()
        .map(|(name, layers)| {
            json!({
                "composite": name,
                "layers": layers.iter().map(|layer| layer.name()).collect::<Vec<_>>(),
                "tilejson": format!("{base}/tiles/{name}{}", query(&at, Format::Mvt)),
            })
        })
        .collect();
    let all = json!({"snapshot": at.snapshot(), "layers": tiles, "composites": composites});
    Ok(Tagged::json(Freshness::Revalidate, &all)?.answer(&headers))
}

/// The TileJSON of one layer, or of several (`a,b`) in one tile, with `f=mlt` of their MLT tiles; or the
/// bake (`a.pmtiles`) as a file.
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
    if let Some(name) = names.strip_suffix(".pmtiles") {
        return download::archive(&app, &at, name, &headers).await;
    }
    if let Some(parts) = federated::parts(&app, &at, &names)? {
        let document = federated::tilejson(&app, &parts, &base)?;
        return Ok(Tagged::json(Freshness::Revalidate, &document)?.answer(&headers));
    }
    let layers = composite::named(&app, &at, &names)?;
    let names = match app.city.config.bake.composite(&names) {
        Some(composite) => composite.name.clone(),
        None => joined(&layers, ",", Published::name),
    };
    let format = match params.get("f") {
        Some("json") => Format::Mvt,
        _ => negotiate::named_tile_format(&params)?.unwrap_or_default(),
    };
    // Who gets a document must get its tiles.
    let filtered = filter_of_one(&app, &layers, &params).await?.is_some();
    let query = query(&at, format) + &if filtered { filters(&at, format, &params) } else { String::new() };
    Ok(Tagged::json(Freshness::Revalidate, &tilejson(&names, &layers, &query, &base, format))?
        .answer(&headers))
}

/// What keeps a request filtered, after [`query`].
fn filters(at: &At, format: Format, params: &Params) -> String {
    let mut filters = url::form_urlencoded::Serializer::new(String::new());
    filters.extend_pairs(TILE_FILTER.iter().filter_map(|name| Some((*name, params.get(name)?))));
    let first = if query(at, format).is_empty() { "?" } else { "&" };
    format!("{first}{}", filters.finish())
}

fn tilejson(names: &str, layers: &[Arc<Published>], query: &str, base: &str, format: Format) -> Value {
    let min = layers.iter().map(|layer| layer.def().first_zoom()).min().unwrap_or_default();
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
    if format == Format::Mlt {
        // TileJSON has no word for it; this is what MapLibre GL reads from a source.
        document["encoding"] = json!(format.name());
    }
    if let Some([west, south, east, north]) = around(layers) {
        document["bounds"] = json!([west, south, east, north]);
        document["center"] = json!([(west + east) / 2.0, (south + north) / 2.0, min.max(12).min(max)]);
    }
    document
}

pub(super) fn vector_layer(layer: &Published) -> Value {
    let def = layer.def();
    let mut fields = Map::new();
    for column in layer.grant.columns() {
        fields.insert(column.name.clone(), field(column.ty, column.unit.as_deref()).into());
    }
    if def.overview.as_ref().is_some_and(|overview| overview.rule == OverviewRule::Cluster) {
        fields.insert(
            POINT_COUNT.into(),
            "Number, the points of a cluster, below the layer's own zooms".into(),
        );
    }
    json!({
        "id": def.name,
        "description": def.title.vi,
        "minzoom": def.first_zoom(),
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

/// The query that keeps a pinned request pinned, and its tiles in their format.
pub(crate) fn query(at: &At, format: Format) -> String {
    let mut query = String::new();
    if at.pinned {
        query = format!("?snapshot={}", at.snapshot());
    }
    if format != Format::default() {
        query += if query.is_empty() { "?f=" } else { "&f=" };
        query += format.name();
    }
    query
}
