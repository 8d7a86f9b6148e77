//! Baked tiles as one file: `/tiles/NAME.pmtiles`, whole or in ranges (RFC 9110, 14), for static hosts
//! and for clients that read PMTiles themselves.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kho_access::Grant;

use super::composite::{named, of};
use crate::app::App;
use crate::data::at::At;
use crate::http::conditional::{Freshness, matches};
use crate::http::problem::Problem;

/// The media type of a PMTiles archive.
pub(crate) const PMTILES: &str = "application/vnd.pmtiles";

/// The bake of a layer or composite at the request's snapshot; 404 if there is none.
pub(super) async fn archive(
    app: &App,
    at: &At,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let layers = named(app, at, name)?;
    let grants: Vec<&Grant> = layers.iter().map(|layer| &layer.grant).collect();
    let composite = of(&app.city.config.bake, &at.catalogue, &layers);
    let found = match (&grants[..], composite) {
        ([grant], _) => app.bakes.archive(&app.tiles, grant).await?,
        (_, Some(composite)) => app.bakes.composite(&app.tiles, &composite.name, &grants).await?,
        _ => None,
    };
    let tagged = found.and_then(|archive| Some((archive.etag()?, archive.file())));
    let Some((tag, file)) = tagged else {
        return Err(Problem::not_found(format!(
            "The tiles of {name} are not baked at snapshot {}: /tiles/{name} makes them as they are asked for. `kho bake` bakes each published layer, and each composite of kho.toml.",
            at.snapshot()
        )));
    };
    let length = file.len() as u64;
    let mut response = if matches(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match asked(headers, &tag, length) {
            Asked::All => Response::new(Body::from(file)),
            Asked::Part(first, last) => {
                // Within the file, so within memory's addresses.
                let part = file.slice(first as usize..=last as usize);
                let mut response = Response::new(Body::from(part));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
                response
            }
            Asked::Nowhere => {
                let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                response
            }
        }
    };
    set(&mut response, header::CONTENT_TYPE, PMTILES);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, &tag);
    // Also when the snapshot is named: it may be baked again in another manner.
    response.headers_mut().insert(header::CACHE_CONTROL, Freshness::Revalidate.header());
    Ok(response)
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    /// The first byte and the last.
    Part(u64, u64),
    /// Bytes that the file does not have.
    Nowhere,
}

/// Reads `Range` and `If-Range`. What is no single range of bytes is ignored, as RFC 9110 (14.2) says a
/// server may: PMTiles clients ask for one at a time.
fn asked(headers: &HeaderMap, tag: &str, length: u64) -> Asked {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // A weak tag or a date never matches (13.1.5).
    if headers.contains_key(header::IF_RANGE) && text(header::IF_RANGE) != Some(tag) {
        return Asked::All;
    }
    let spec = text(header::RANGE).and_then(|range| range.trim().strip_prefix("bytes="));
    let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else { return Asked::All };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // More digits than fit are past the end of any file.
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    let (first, last) = (first.trim(), last.trim());
    let (from, to) = match (digits(first), digits(last)) {
        (true, true) => (number(first), number(last)),
        (true, false) if last.is_empty() => (number(first), u64::MAX),
        // The last so many bytes.
        (false, true) if first.is_empty() && number(last) > 0 => {
            (length.saturating_sub(number(last)), u64::MAX)
        }
        (false, true) if first.is_empty() => return Asked::Nowhere,
        _ => return Asked::All,
    };
    match length.checked_sub(1) {
        _ if to < from => Asked::All,
        Some(end) if from <= end => Asked::Part(from, to.min(end)),
        _ => Asked::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(value: &'static str) -> Asked {
        let headers: HeaderMap = [(header::RANGE, HeaderValue::from_static(value))].into_iter().collect();
        asked(&headers, "\"a\"", 1_000)
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        for (value, wanted) in [
            ("bytes=0-16383", Asked::Part(0, 999)),
            ("bytes=0-0", Asked::Part(0, 0)),
            ("bytes=500-", Asked::Part(500, 999)),
            ("bytes=-100", Asked::Part(900, 999)),
            ("bytes=-5000", Asked::Part(0, 999)),
            ("bytes=999-999", Asked::Part(999, 999)),
            ("bytes=1000-", Asked::Nowhere),
            ("bytes=99999999999999999999999-", Asked::Nowhere),
            ("bytes=-0", Asked::Nowhere),
            ("bytes=5-4", Asked::All),
            ("bytes=0-1,5-6", Asked::All),
            ("bytes=a-b", Asked::All),
            ("bytes=-", Asked::All),
            ("lines=0-1", Asked::All),
        ] {
            assert_eq!(range(value), wanted, "{value}");
        }
        assert_eq!(asked(&HeaderMap::new(), "\"a\"", 0), Asked::All);
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        for (tag, wanted) in [("\"a\"", Asked::Part(0, 9)), ("\"b\"", Asked::All), ("W/\"a\"", Asked::All)] {
            let headers: HeaderMap = [
                (header::RANGE, HeaderValue::from_static("bytes=0-9")),
                (header::IF_RANGE, HeaderValue::from_static(tag)),
            ]
            .into_iter()
            .collect();
            assert_eq!(asked(&headers, "\"a\"", 1_000), wanted, "{tag}");
        }
    }
}
