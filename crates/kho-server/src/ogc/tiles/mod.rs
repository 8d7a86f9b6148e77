//! OGC API Tiles 1.0: tile matrix sets, tilesets of a collection and of the whole, and their tiles.
//!
//! Addresses have the row before the column, as the standard wants it and nobody else.

mod matrix;
mod sets;
mod tile;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// From a tileset to its tile matrix set.
const TILING_SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
/// From a collection, or the landing page, to the list of its tilesets.
pub(super) const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
/// From the landing page to the tile matrix sets.
pub(super) const TILING_SCHEMES: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes";

/// The routes under `/ogc`.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ogc/tileMatrixSets", get(matrix::list))
        .route("/ogc/tileMatrixSets/{tms}", get(matrix::one))
        .route("/ogc/tiles", get(sets::of_dataset))
        .route("/ogc/tiles/{tms}", get(sets::one_of_dataset))
        .route("/ogc/tiles/{tms}/{z}/{row}/{column}", get(tile::of_dataset))
        .route("/ogc/collections/{collection}/tiles", get(sets::of_collection))
        .route("/ogc/collections/{collection}/tiles/{tms}", get(sets::one_of_collection))
        .route("/ogc/collections/{collection}/tiles/{tms}/{z}/{row}/{column}", get(tile::of_collection))
}
