//! Entity tags and the requests that are conditional on them (RFC 9110, 8.8.3 and 13.1.2).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::xxh3_64;

use super::problem::Problem;

/// How long an answer may be kept without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It may change with the next snapshot: keep it, but ask before using it.
    Revalidate,
    /// It changes when the program or the city's own files do: a day old is new enough.
    Day,
    /// The address names the version: it never changes.
    Immutable,
}

impl Freshness {
    /// Immutable when the address pins the snapshot.
    pub(crate) fn pinned(pinned: bool) -> Self {
        if pinned { Self::Immutable } else { Self::Revalidate }
    }

    /// The `Cache-Control` header.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Revalidate => "no-cache",
            Self::Day => "public, max-age=86400",
            Self::Immutable => "public, max-age=31536000, immutable",
        })
    }
}

/// Whether an `If-None-Match` names this tag, by weak comparison.
///
/// `tag` is quoted (`"abc"`), perhaps weak (`W/"abc"`).
pub(crate) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(tag);
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| tags(list).any(|candidate| candidate.trim() == "*" || opaque(candidate) == wanted))
}

/// Splits a list of entity tags. A comma may stand inside the quotes.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c| {
        if c == '"' {
            quoted = !quoted;
        }
        c == ',' && !quoted
    })
    .filter(|tag| !tag.trim().is_empty())
}

/// A body with its tag: 200, or 304 without the body when the asker has it.
pub(crate) struct Tagged {
    pub(crate) content_type: &'static str,
    pub(crate) tag: String,
    pub(crate) freshness: Freshness,
    pub(crate) encoding: Option<&'static str>,
    pub(crate) vary: &'static str,
    pub(crate) body: Body,
}

impl Tagged {
    /// Text made for this request, tagged weakly by its content: the bytes that travel may be
    /// compressed on the way.
    pub(crate) fn text(content_type: &'static str, freshness: Freshness, text: String) -> Self {
        let tag = format!("W/\"{:016x}\"", xxh3_64(text.as_bytes()));
        Self {
            content_type,
            tag,
            freshness,
            encoding: None,
            vary: "Accept, Accept-Encoding, Accept-Language",
            body: Body::from(text),
        }
    }

    /// Bytes that are the same for everybody, under a tag that names their content. It is weak, as
    /// [`Tagged::text`] says why.
    pub(crate) fn bytes(
        content_type: &'static str,
        freshness: Freshness,
        content: u64,
        body: bytes::Bytes,
    ) -> Self {
        Self {
            content_type,
            tag: format!("W/\"{content:016x}\""),
            freshness,
            encoding: None,
            vary: "Accept-Encoding",
            body: Body::from(body),
        }
    }

    /// A JSON document, tagged as [`Tagged::text`].
    pub(crate) fn json(freshness: Freshness, value: &impl serde::Serialize) -> Result<Self, Problem> {
        let text = serde_json::to_string(value).map_err(|e| Problem::internal(&e))?;
        Ok(Self::text("application/json", freshness, text))
    }

    /// The answer to a request with these headers.
    pub(crate) fn answer(self, request: &HeaderMap) -> Response {
        let unchanged = matches(request, &self.tag);
        let mut response = if unchanged {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(self.body);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if let Some(encoding) = self.encoding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            response
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(self.tag) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(header::CACHE_CONTROL, self.freshness.header());
        headers.insert(header::VARY, HeaderValue::from_static(self.vary));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn tags_compare_weakly_and_whole() {
        for yes in [
            &["\"a\""][..],
            &["W/\"a\""],
            &["\"b\", \"a\""],
            &["*"],
            &["\"b\", *"],
            &["\"b\"", "\"a\""],
            &["\"x,y\",W/\"a\""],
        ] {
            assert!(matches(&asks(yes), "\"a\""), "{yes:?}");
            assert!(matches(&asks(yes), "W/\"a\""), "{yes:?}");
        }
        for no in [&["\"ab\""][..], &["a"], &[""], &["\"b,a\""], &[]] {
            assert!(!matches(&asks(no), "\"a\""), "{no:?}");
        }
    }

    #[tokio::test]
    async fn not_modified_keeps_the_headers_and_drops_the_body() {
        let make = || Tagged::text("text/plain", Freshness::Immutable, "hello".into());
        let tag = make().answer(&HeaderMap::new()).headers()[header::ETAG].clone();
        let mut again = HeaderMap::new();
        again.insert(header::IF_NONE_MATCH, tag.clone());
        let response = make().answer(&again);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], tag);
        assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(response.headers().contains_key(header::VARY));
        assert!(axum::body::to_bytes(response.into_body(), 10).await.unwrap().is_empty());
    }
}
