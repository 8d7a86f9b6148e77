//! Whether the server is well, and its figures.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::app::App;
use crate::http::metrics::gauge;
use crate::http::problem::Problem;
use crate::tiles::federated;

/// `/health` and `/metrics`.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/health", get(health)).route("/metrics", get(metrics))
}

/// Well means that the catalog answers.
async fn health(State(app): State<App>) -> Result<Response, Problem> {
    let snapshot = app.lake.current().await.map_err(|error| {
        tracing::error!(%error, "the catalog does not answer");
        Problem::busy("The catalog does not answer.")
    })?;
    let mut body = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "snapshot": snapshot});
    // A source that is down is not the server's illness: it is said, and the status stays.
    let sources = federated::health(&app);
    if !sources.is_empty() {
        body["sources"] = sources.into();
    }
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body.to_string())
        .into_response())
}

async fn metrics(State(app): State<App>) -> Response {
    let mut out = app.metrics.text();
    let tiles = app.tiles.stats().await;
    let snapshot = app.current().await.ok();
    for (name, kind, help, value) in [
        (
            "kho_uptime_seconds",
            "gauge",
            "Seconds since the server started.",
            app.started.elapsed().as_secs_f64(),
        ),
        ("kho_snapshot", "gauge", "The current snapshot.", snapshot.map_or(f64::NAN, |s| s as f64)),
        ("kho_listeners", "gauge", "Who listens for commits.", app.feed.listeners() as f64),
        ("kho_tiles_made_total", "counter", "Tiles made from features.", tiles.tiles_made as f64),
        ("kho_tile_hits_total", "counter", "Tiles answered from the cache.", tiles.tile_hits as f64),
        ("kho_tile_features_total", "counter", "Features drawn into tiles.", tiles.features as f64),
        (
            "kho_tile_left_out_total",
            "counter",
            "Features left out because a tile was full.",
            tiles.left_out as f64,
        ),
        (
            "kho_tile_repaired_total",
            "counter",
            "Polygons repaired after snapping to the grid.",
            tiles.repaired as f64,
        ),
        ("kho_tile_bytes_total", "counter", "Bytes of the tiles made, compressed.", tiles.bytes as f64),
        ("kho_tile_seconds_total", "counter", "Time spent making tiles.", tiles.micros as f64 / 1e6),
        ("kho_tile_cache_bytes", "gauge", "Memory held by finished tiles.", tiles.tile_cache_bytes as f64),
        ("kho_tile_cache_entries", "gauge", "Finished tiles held.", tiles.tile_cache_entries as f64),
        (
            "kho_block_cache_bytes",
            "gauge",
            "Memory held by decoded blocks of features.",
            tiles.block_cache_bytes as f64,
        ),
        ("kho_blocks_decoded_total", "counter", "Blocks of features decoded.", tiles.blocks_decoded as f64),
    ] {
        gauge(&mut out, name, kind, help, value);
    }
    federated::metrics(&app, &mut out);
    // Without a catalog there are no layers to speak of; the other figures stand.
    if let Ok(layers) = crate::tiles::figures::text(&app).await {
        out += &layers;
    }
    (
        [
            (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        out,
    )
        .into_response()
}
