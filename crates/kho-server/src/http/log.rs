//! The access log and the request figures.
//!
//! The log has the route's template, never the address as asked: search words, parcels and
//! coordinates are nobody's business.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::metrics::Metrics;

/// Logs and counts one request.
pub(crate) async fn request(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    metrics.count(method.as_str(), route, status, took);
    tracing::info!(target: "kho_server::access", %method, route, status, micros = took.as_micros() as u64, "answered");
    response
}
