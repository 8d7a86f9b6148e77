//! OGC API Features 1 (Core, GeoJSON, HTML, OpenAPI 3.0) and 3 (filters in CQL2), and OGC API Tiles 1.

mod collections;
pub(crate) mod html;
mod items;
mod landing;
mod openapi;
mod queryables;
mod tiles;
mod token;

use axum::Router;
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use kho_layer::City;
use serde_json::{Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::limits::{Turns, turn};
use crate::http::negotiate::{Format, language};
use crate::http::problem::Problem;

/// The only CRS of this interface, for queries and answers.
const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
const JSON: &str = "application/json";
const GEOJSON: &str = "application/geo+json";
const HTML: &str = "text/html";
const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

/// The routes under `/ogc`.
pub(crate) fn routes(turns: &Turns) -> Router<App> {
    let items = Router::new()
        .route("/ogc/collections/{collection}/items", get(items::items))
        .route("/ogc/collections/{collection}/items/{feature}", get(items::item))
        .route_layer(from_fn_with_state(turns.clone(), turn));
    Router::new()
        .route("/ogc", get(landing::landing))
        .route("/ogc/", get(landing::landing))
        .route("/ogc/conformance", get(landing::conformance))
        .route("/ogc/api", get(openapi::api))
        .route("/ogc/collections", get(collections::list))
        .route("/ogc/collections/{collection}", get(collections::one))
        .route("/ogc/collections/{collection}/queryables", get(queryables::one))
        .route("/ogc/plain.css", get(html::css))
        .merge(items)
        .merge(tiles::routes())
}

/// A link of a document.
fn link(href: impl Into<String>, rel: &str, kind: &str, title: &str) -> Value {
    json!({"href": href.into(), "rel": rel, "type": kind, "title": title})
}

/// The document at this address, and its other representation: `self` and `alternate`.
fn representations(address: &str, query: &str, format: Format, json_type: &str) -> [Value; 2] {
    let at = |f: &str| {
        let mut pairs = crate::http::params::Params::parse(query).with("f", f);
        pairs.insert(0, '?');
        format!("{address}{pairs}")
    };
    let plain = if query.is_empty() { address.to_owned() } else { format!("{address}?{query}") };
    match format {
        Format::Json => [link(plain, "self", json_type, "JSON"), link(at("html"), "alternate", HTML, "HTML")],
        Format::Html => [link(plain, "self", HTML, "HTML"), link(at("json"), "alternate", json_type, "JSON")],
    }
}

/// What stands above everything: the city's name, and that its data is made up if it is.
fn city_title(city: &City, lang: &str) -> String {
    let name = city.config.name.get(lang);
    match (city.config.synthetic, lang) {
        (false, _) => name.to_owned(),
        (true, "en") => format!("{name} (made-up sample data)"),
        (true, _) => format!("{name} (dữ liệu giả lập)"),
    }
}

/// The query that keeps a pinned request pinned.
fn pin(at: &At) -> String {
    if at.pinned { format!("?snapshot={}", at.snapshot()) } else { String::new() }
}

fn document(kind: &'static str, freshness: Freshness, value: &Value, headers: &HeaderMap) -> Response {
    Tagged::text(kind, freshness, value.to_string()).answer(headers)
}

fn page(freshness: Freshness, html: String, headers: &HeaderMap) -> Result<Response, Problem> {
    Ok(Tagged::text("text/html; charset=utf-8", freshness, html).answer(headers))
}
