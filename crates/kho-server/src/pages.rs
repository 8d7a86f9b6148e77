//! The built pages of web/, carried inside the binary.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use rust_embed::Embed;

use crate::app::App;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// `web/dist` as it was when the binary was built.
#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// `/`, `/ioc` and what they load.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(|headers: HeaderMap| page("index.html", headers)))
        .route("/ioc", get(|headers: HeaderMap| page("ioc.html", headers)))
        .route("/assets/{*path}", get(asset))
        .route("/favicon.ico", get(|| async { Problem::not_found("There is no such file.") }))
}

async fn page(name: &'static str, headers: HeaderMap) -> Response {
    match Dist::get(name) {
        Some(file) => {
            let text = String::from_utf8_lossy(&file.data).into_owned();
            Tagged::text("text/html; charset=utf-8", Freshness::Revalidate, text).answer(&headers)
        }
        None => fallback().into_response(),
    }
}

/// Names under assets/ hold a hash of their content, so they never change.
async fn asset(Segments(path): Segments<String>) -> Result<Response, Problem> {
    let file =
        Dist::get(&format!("assets/{path}")).ok_or_else(|| Problem::not_found("There is no such file."))?;
    let kind = HeaderValue::try_from(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = Response::new(Body::from(file.data.into_owned()));
    let hashed = path.rsplit('/').next().is_some_and(|name| name.contains('-'));
    let freshness = if hashed { Freshness::Immutable } else { Freshness::Revalidate };
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, freshness.header());
    Ok(response)
}

/// What stands here when the binary was built before the pages.
fn fallback() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=\"vi\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>kho</title><link rel=\"stylesheet\" href=\"ogc/plain.css\"></head><body><main><h1>kho</h1>\
         <p lang=\"vi\">Máy chủ đang chạy, nhưng chương trình này được dựng khi chưa có trang bản đồ. \
         Hãy chạy <code>npm ci &amp;&amp; npm run build</code> trong <code>web/</code> rồi dựng lại.</p>\
         <p lang=\"en\">The server is running, but this program was built without the map pages. \
         Run <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then build again.</p>\
         <ul><li><a href=\"ogc\">OGC API Features</a></li><li><a href=\"tiles\">Tiles</a></li>\
         <li><a href=\"styles/portal.json\">Style</a></li><li><a href=\"health\">Health</a></li></ul></main></body></html>",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_binary_without_pages_says_so() {
        assert!(fallback().0.contains("npm run build"));
        assert!(asset(Segments("../Cargo.toml".into())).await.is_err());
    }
}
