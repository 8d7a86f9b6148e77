//! Vector tiles and their descriptions.

mod describe;
mod tile;

pub(crate) use tile::MVT;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes under `/tiles`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/tiles", get(describe::list))
        .route("/tiles/{layer}", get(describe::layer))
        .route("/tiles/{layer}/{z}/{x}/{y}", get(tile::tile))
}
