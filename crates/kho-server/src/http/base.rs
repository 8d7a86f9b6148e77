//! The address under which the asker knows this server.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::app::App;

/// Scheme, authority and path prefix, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base(pub(crate) String);

impl Base {
    /// The configured address, else what a proxy says, else the Host header.
    fn of(configured: Option<&str>, headers: &HeaderMap) -> Self {
        if let Some(url) = configured {
            return Self(url.trim_end_matches('/').to_owned());
        }
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            // Proxies append: the first value is the one that the asker used.
            value.split(',').next().map(str::trim).filter(|v| !v.is_empty())
        };
        let host = header("x-forwarded-host")
            .filter(|h| is_authority(h))
            .or_else(|| header("host").filter(|h| is_authority(h)))
            .unwrap_or("localhost");
        let scheme = header("x-forwarded-proto").filter(|s| ["http", "https"].contains(s)).unwrap_or("http");
        let prefix = header("x-forwarded-prefix").filter(|p| is_prefix(p)).unwrap_or("");
        Self(format!("{scheme}://{host}{}", prefix.trim_end_matches('/')))
    }
}

/// Host names, addresses and ports; anything else would end up in documents unescaped.
fn is_authority(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
}

fn is_prefix(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= 255
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_~".contains(&b))
}

impl FromRequestParts<App> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app.config.public_url.as_deref(), &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn the_nearest_truth_wins() {
        let direct = headers(&[("host", "127.0.0.1:8080")]);
        assert_eq!(Base::of(None, &direct).0, "http://127.0.0.1:8080");
        let proxied = headers(&[
            ("host", "10.0.0.1"),
            ("x-forwarded-host", "gis.example.vn, inner"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/kho/"),
        ]);
        assert_eq!(Base::of(None, &proxied).0, "https://gis.example.vn/kho");
        assert_eq!(Base::of(Some("https://a.vn/"), &proxied).0, "https://a.vn");
    }

    #[test]
    fn an_authority_cannot_smuggle() {
        let bad = headers(&[
            ("host", "a.vn"),
            ("x-forwarded-host", "evil.vn/\"><script>"),
            ("x-forwarded-proto", "javascript"),
        ]);
        assert_eq!(Base::of(None, &bad).0, "http://a.vn");
        assert_eq!(Base::of(None, &HeaderMap::new()).0, "http://localhost");
    }
}
