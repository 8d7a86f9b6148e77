//! Tiles, of one layer or of several, in any grid.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kho_access::Grant;
use kho_filter::Filter;
use kho_tile::{Encoding, Grid};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::cql::filter_of_one;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::negotiate;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

/// The media type of a Mapbox vector tile.
pub(crate) const MVT: &str = "application/vnd.mapbox-vector-tile";

/// A place in a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) grid: Grid,
    pub(crate) z: u8,
    /// The column, from the west.
    pub(crate) x: u32,
    /// The row, from the north.
    pub(crate) y: u32,
}

/// A Mapbox vector tile of WebMercatorQuad; 204 where the layers have nothing.
pub(super) async fn tile(
    State(app): State<App>,
    at: At,
    Segments((names, z, x, y)): Segments<(String, String, String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layers = at.catalogue.require_all(&names)?;
    let address = address(&z, &x, &y)?;
    if let Some(filter) = filter_of_one(&app, &layers, &params).await? {
        return passing(&app, &at, &layers[0], &filter, address, &headers).await;
    }
    answer(&app, &at, &layers, address, &headers).await
}

/// The tile of layers at a place that the grid has: each layer through its own grant. Of one layer,
/// the baked one if there is one and the asker takes gzip, which it is packed in.
pub(crate) async fn answer(
    app: &App,
    at: &At,
    layers: &[Arc<Published>],
    Address { grid, z, x, y }: Address,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if let [layer] = layers
        && grid == Grid::WebMercatorQuad
        && negotiate::takes_gzip(headers)
        && let Some(baked) = app.bakes.tile(&app.tiles, &layer.grant, z, x, y).await?
    {
        return Ok(if baked.gzipped.is_empty() {
            empty(at.tile_freshness())
        } else {
            let (body, gzip) = (Body::from(baked.gzipped), Encoding::Gzip);
            send(at, headers, body, tag(baked.etag, gzip), gzip)
        });
    }
    let grants: Vec<&Grant> = layers.iter().map(|layer| &layer.grant).collect();
    let encoding = negotiate::encoding(headers);
    let tile = app.tiles.composite(&grants, grid, z, x, y, encoding).await?;
    if tile.body.is_empty() {
        return Ok(empty(at.tile_freshness()));
    }
    Ok(send(at, headers, Body::from(tile.body), tag(tile.etag, encoding), encoding))
}

/// The tile of the features of a layer that pass a filter. Always made, never baked.
pub(crate) async fn passing(
    app: &App,
    at: &At,
    layer: &Published,
    filter: &Filter,
    Address { grid, z, x, y }: Address,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let encoding = negotiate::encoding(headers);
    let tile = app.tiles.filtered(&layer.grant, Some(filter), grid, z, x, y, encoding).await?;
    if tile.body.is_empty() {
        return Ok(empty(at.tile_freshness()));
    }
    Ok(send(at, headers, Body::from(tile.body), tag(tile.etag, encoding), encoding))
}

fn send(at: &At, request: &HeaderMap, body: Body, tag: String, encoding: Encoding) -> Response {
    Tagged {
        content_type: MVT,
        tag,
        freshness: at.tile_freshness(),
        encoding: encoding.token(),
        vary: "Accept-Encoding",
        body,
    }
    .answer(request)
}

/// Encodings are representations of their own, and a strong tag must tell them apart.
fn tag(tag: String, encoding: Encoding) -> String {
    match encoding.token() {
        Some(token) => format!("\"{}-{token}\"", tag.trim_matches('"')),
        None => tag,
    }
}

fn empty(freshness: Freshness) -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, freshness.header())]).into_response()
}

/// Reads the three numbers of an address; the last one may end in `.mvt` or `.pbf`, as many clients
/// write it. `None` for anything but digits, and for numbers that no grid has.
pub(crate) fn numbers(z: &str, second: &str, last: &str) -> Option<(u8, u32, u32)> {
    let last = last.strip_suffix(".mvt").or_else(|| last.strip_suffix(".pbf")).unwrap_or(last);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if ![z, second, last].into_iter().all(digits) {
        return None;
    }
    Some((z.parse().ok()?, second.parse().ok()?, last.parse().ok()?))
}

/// Reads `z`, `x` and `y` of WebMercatorQuad.
fn address(z: &str, x: &str, y: &str) -> Result<Address, Problem> {
    let grid = Grid::WebMercatorQuad;
    numbers(z, x, y)
        .filter(|&(z, x, y)| grid.has(z, x, y))
        .map(|(z, x, y)| Address { grid, z, x, y })
        .ok_or_else(|| {
            Problem::bad_request(
                "A tile is /tiles/LAYER/Z/X/Y with whole numbers: Z from 0 to 22, X and Y from 0 to 2^Z - 1.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let read = |z, x, y| address(z, x, y).map(|a| (a.z, a.x, a.y)).unwrap();
        assert_eq!(read("14", "13160", "7626"), (14, 13160, 7626));
        assert_eq!(read("0", "0", "0.mvt"), (0, 0, 0));
        assert_eq!(read("1", "1", "1.pbf"), (1, 1, 1));
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
