//! Vector tiles in the words of ArcGIS, for clients that speak no others: a VectorTileServer for each
//! published layer, and `portal` for all of them in one.

mod service;
mod style;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use kho_tile::{Format, Grid};
use serde_json::{Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use crate::tiles::{Address, answer, numbers};

/// The service of all layers; the theme of the same name draws them.
const PORTAL: &str = "portal";
/// The version of ArcGIS whose documents these are like.
const VERSION: f64 = 11.1;

/// The routes under `/arcgis`.
pub(crate) fn routes() -> Router<App> {
    let server = "/arcgis/rest/services/{service}/VectorTileServer";
    Router::new()
        .route("/arcgis/rest/info", get(info))
        .route("/arcgis/rest/services", get(services))
        .route(server, get(service::describe))
        .route(&format!("{server}/"), get(service::describe))
        .route(&format!("{server}/tile/{{z}}/{{y}}/{{x}}"), get(tile))
        .route(&format!("{server}/resources/styles"), get(style::root))
        .route(&format!("{server}/resources/styles/root.json"), get(style::root))
        .route(&format!("{server}/resources/sprites/{{file}}"), get(style::sprite))
        .route(&format!("{server}/resources/fonts/{{fontstack}}/{{range}}"), get(style::glyphs))
}

async fn info(params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    json_only(&params)?;
    let body = json!({"currentVersion": VERSION, "authInfo": {"isTokenBasedSecurity": false}});
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

async fn services(at: At, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    json_only(&params)?;
    let names = at.catalogue.layers.iter().map(|layer| layer.name()).filter(|name| *name != PORTAL);
    let services: Vec<Value> = std::iter::once(PORTAL)
        .chain(names)
        .map(|name| json!({"name": name, "type": "VectorTileServer"}))
        .collect();
    let body = json!({"currentVersion": VERSION, "folders": [], "services": services});
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

/// A tile of WebMercatorQuad: the row before the column.
async fn tile(
    State(app): State<App>,
    at: At,
    Segments((service, z, y, x)): Segments<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layers = layers_of(&at, &service)?;
    let grid = Grid::WebMercatorQuad;
    let (z, y, x) = numbers(&z, &y, &x).filter(|&(z, y, x)| grid.has(z, x, y)).ok_or_else(|| {
        Problem::not_found("There is no such tile: an address ends in tile/Z/ROW/COLUMN.pbf.")
    })?;
    // No client of ArcGIS knows another format.
    answer(&app, &at, &layers, Address { grid, z, x, y }, Format::Mvt, &headers).await
}

/// The layers of a service, or the refusal that a layer of its name would get.
fn layers_of(at: &At, service: &str) -> Result<Vec<Arc<Published>>, Problem> {
    if service == PORTAL {
        return Ok(at.catalogue.layers.clone());
    }
    Ok(vec![Arc::clone(at.catalogue.require(service)?)])
}

/// ArcGIS clients send parameters of their own, which change nothing here; but what they want must be
/// JSON.
fn json_only(params: &Params) -> Result<(), Problem> {
    match params.get("f") {
        None | Some("json" | "pjson") => Ok(()),
        Some(_) => Err(Problem::bad_request("f must be json.")),
    }
}

/// The query that keeps a pinned request pinned.
fn pin(at: &At) -> String {
    if at.pinned { format!("?snapshot={}", at.snapshot()) } else { String::new() }
}
