//! Vector tiles and their descriptions.

mod composite;
mod describe;
mod download;
pub(crate) mod federated;
pub(crate) mod figures;
pub(crate) mod grids;
mod tile;

pub(crate) use describe::{around, query};
pub(crate) use download::PMTILES;
pub(crate) use tile::{Address, MLT, MVT, answer, numbers, passing, suffix};

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes under `/tiles`. `{layers}` is the name of one, several with commas between, or a composite
/// of the city; of layers, and of what sources open. With `.pmtiles` after it, its bake as a file.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/tiles", get(describe::list))
        .route("/tiles/{layers}", get(describe::layers))
        .route("/tiles/{layers}/{z}/{x}/{y}", get(tile::tile))
}
