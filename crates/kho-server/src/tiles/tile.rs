//! One tile.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kho_tile::Encoding;

use crate::app::App;
use crate::data::at::At;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::negotiate::accepts_gzip;
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// The media type of a Mapbox vector tile.
pub(crate) const MVT: &str = "application/vnd.mapbox-vector-tile";

/// A Mapbox vector tile; 204 where the layer has nothing.
pub(super) async fn tile(
    State(app): State<App>,
    at: At,
    Segments((name, z, x, y)): Segments<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layer = at.catalogue.require(&name)?;
    let (z, x, y) = address(&z, &x, &y)?;
    let encoding = if accepts_gzip(&headers) { Encoding::Gzip } else { Encoding::Plain };
    let tile = app.tiles.tile_as(&layer.grant, z, x, y, encoding).await?;
    if tile.body.is_empty() {
        return Ok(empty(at.tile_freshness()));
    }
    // The two encodings are two representations, and a strong tag must tell them apart.
    let (tag, encoding) = match encoding {
        Encoding::Gzip => (format!("\"{}-gzip\"", tile.etag.trim_matches('"')), Some("gzip")),
        Encoding::Plain => (tile.etag, None),
    };
    let body = Body::from(tile.body);
    Ok(Tagged {
        content_type: MVT,
        tag,
        freshness: at.tile_freshness(),
        encoding,
        vary: "Accept-Encoding",
        body,
    }
    .answer(&headers))
}

fn empty(freshness: Freshness) -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, freshness.header())]).into_response()
}

/// Reads `z`, `x` and `y`; the row may end in `.mvt` or `.pbf`, as many clients write it.
fn address(z: &str, x: &str, y: &str) -> Result<(u8, u32, u32), Problem> {
    let row = y.strip_suffix(".mvt").or_else(|| y.strip_suffix(".pbf")).unwrap_or(y);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let wrong = || {
        Problem::bad_request(
            "A tile is /tiles/LAYER/Z/X/Y with whole numbers: Z from 0 to 22, X and Y from 0 to 2^Z - 1.",
        )
    };
    if ![z, x, row].into_iter().all(digits) {
        return Err(wrong());
    }
    let (Ok(z), Ok(x), Ok(y)) = (z.parse::<u8>(), x.parse::<u32>(), row.parse::<u32>()) else {
        return Err(wrong());
    };
    if z > 22 || x >> z != 0 || y >> z != 0 {
        return Err(wrong());
    }
    Ok((z, x, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        assert_eq!(address("14", "13160", "7626").unwrap(), (14, 13160, 7626));
        assert_eq!(address("0", "0", "0.mvt").unwrap(), (0, 0, 0));
        assert_eq!(address("1", "1", "1.pbf").unwrap(), (1, 1, 1));
        for bad in [
            ("0", "1", "0"),
            ("23", "0", "0"),
            ("-1", "0", "0"),
            ("3", "8", "0"),
            ("3", "0", "8"),
            ("1", "+1", "0"),
            ("1", "0", "1.png"),
            ("", "0", "0"),
            ("1", "4294967296", "0"),
            ("1", "0", ""),
        ] {
            assert!(address(bad.0, bad.1, bad.2).is_err(), "{bad:?}");
        }
    }
}
