//! All routes, and what every request passes through.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::app::App;
use crate::config::MAX_BODY_BYTES;
use crate::http::limits::Turns;
use crate::http::problem::Problem;
use crate::http::{headers, limits, log};
use crate::tiles::{MLT, MVT, PMTILES};
use crate::{api, arcgis, events, health, ogc, pages, planning, search, styles, tiles};

/// The server as a service, ready to be bound.
pub(crate) fn router(app: App) -> Router {
    let turns = Turns::default();
    // Tiles come compressed, 304s have nothing to compress, and an event must not wait in a
    // compressor for the next one.
    let worth = SizeAbove::new(1024)
        .and(NotForContentType::const_new(MVT))
        .and(NotForContentType::const_new(MLT))
        .and(NotForContentType::const_new(PMTILES))
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE);
    Router::new()
        .merge(pages::routes())
        .merge(tiles::routes())
        .merge(styles::routes())
        .merge(ogc::routes(&turns))
        .merge(arcgis::routes())
        .merge(api::routes(&turns))
        .merge(planning::routes(&turns))
        .merge(search::routes(&turns))
        .merge(events::routes())
        .merge(health::routes())
        .fallback(|| async { Problem::not_found("There is nothing at this address.") })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        // From the inside out.
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::custom(Problem::from_panic))
        .layer(from_fn(limits::time))
        .layer(CompressionLayer::new().gzip(true).compress_when(worth))
        .layer(from_fn(headers::add))
        .layer(from_fn_with_state(app.metrics.clone(), log::request))
        .with_state(app)
}
