//! Vector tiles and their descriptions.

mod describe;
pub(crate) mod grids;
mod tile;

pub(crate) use describe::around;
pub(crate) use tile::{Address, MVT, answer, numbers, passing};

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes under `/tiles`. `{layers}` is the name of one, or several with commas between.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/tiles", get(describe::list))
        .route("/tiles/{layers}", get(describe::layers))
        .route("/tiles/{layers}/{z}/{x}/{y}", get(tile::tile))
}
