//! The pages' own API: layers, codes, features in words, search, planning, figures, networks.

mod city;
mod features;
pub(crate) mod indicators;
mod layers;
mod networks;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::app::App;
use crate::http::limits::{Turns, turn};

/// The routes under `/api`.
pub(crate) fn routes(turns: &Turns) -> Router<App> {
    let heavy = Router::new()
        .route("/api/layers/{layer}/features/{id}", get(features::feature))
        .route("/api/parcels/{id}/planning", get(crate::planning::of_parcel))
        .route("/api/indicators/wards", get(indicators::wards))
        .route("/api/networks/{network}/trace", get(networks::trace))
        .route("/api/networks/{network}/findings", get(networks::findings))
        .route_layer(from_fn_with_state(turns.clone(), turn));
    Router::new()
        .route("/api/city", get(city::city))
        .route("/api/snapshot", get(city::snapshot))
        .route("/api/layers", get(layers::layers))
        .route("/api/codes", get(layers::code_lists))
        .route("/api/codes/{list}", get(layers::codes))
        .merge(heavy)
}
