//! What city this is, and how fresh its data.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::data::at::At;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::problem::Problem;

/// The parts of `kho.toml` that are for everybody: where the catalog is kept is not.
pub(super) async fn city(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let config = &app.city.config;
    let body = json!({
        "name": config.name,
        "center": config.center,
        "zoom": config.zoom,
        "bounds": config.bounds,
        "synthetic": config.synthetic,
        "srid": config.srid,
    });
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

pub(super) async fn snapshot(at: At, headers: HeaderMap) -> Result<Response, Problem> {
    let body = json!({"id": at.snapshot(), "at": at.catalogue.committed});
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}
