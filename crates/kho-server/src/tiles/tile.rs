//! Tiles, of one layer or of several, in any grid.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kho_access::Grant;
use kho_filter::Filter;
use kho_tile::{Encoding, Format, Grid, Representation};

use super::{composite, federated};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::cql::filter_of_one;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::negotiate;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

/// The media type of a Mapbox vector tile.
pub(crate) const MVT: &str = Format::Mvt.media_type();
/// The media type of a MapLibre tile.
pub(crate) const MLT: &str = Format::Mlt.media_type();

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

/// A tile of WebMercatorQuad, MVT or MLT; 204 where the layers have nothing.
pub(super) async fn tile(
    State(app): State<App>,
    at: At,
    Segments((names, z, x, y)): Segments<(String, String, String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(parts) = federated::parts(&app, &at, &names)? {
        return federated::tile(&app, &at, &parts, address(&z, &x, &y)?, &headers).await;
    }
    let layers = composite::named(&app, &at, &names)?;
    let address = address(&z, &x, &y)?;
    let format = negotiate::tile_format(&params, suffix(&y).1, &headers)?;
    if let Some(filter) = filter_of_one(&app, &layers, &params).await? {
        return passing(&app, &at, &layers[0], &filter, address, format, &headers).await;
    }
    answer(&app, &at, &layers, address, format, &headers).await
}

/// The tile of layers at a place that the grid has: each layer through its own grant. The baked one if
/// there is one, of the layer or of the composite that holds these, and the asker takes gzip, which it
/// is packed in; or MLT made of it.
pub(crate) async fn answer(
    app: &App,
    at: &At,
    layers: &[Arc<Published>],
    Address { grid, z, x, y }: Address,
    format: Format,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let wanted = Representation { format, encoding: negotiate::encoding(headers) };
    let grants: Vec<&Grant> = layers.iter().map(|layer| &layer.grant).collect();
    if grid == Grid::WebMercatorQuad && (format == Format::Mlt || negotiate::takes_gzip(headers)) {
        let baked = match (&grants[..], composite::of(&app.city.config.bake, &at.catalogue, layers)) {
            ([grant], _) => app.bakes.tile(&app.tiles, grant, z, x, y).await?,
            (_, Some(composite)) => {
                app.bakes.composite_tile(&app.tiles, &composite.name, &grants, z, x, y).await?
            }
            _ => None,
        };
        if let Some(baked) = baked {
            return Ok(match format {
                Format::Mvt => {
                    let packed = Representation { format, encoding: Encoding::Gzip };
                    send(at, headers, baked.gzipped, baked.etag, packed)
                }
                Format::Mlt => {
                    let tile = app.tiles.baked_as_mlt(baked, wanted.encoding).await?;
                    send(at, headers, tile.body, tile.etag, wanted)
                }
            });
        }
    }
    let tile = app.tiles.composite(&grants, grid, z, x, y, wanted).await?;
    Ok(send(at, headers, tile.body, tile.etag, wanted))
}

/// The tile of the features of a layer that pass a filter. Always made, never baked.
pub(crate) async fn passing(
    app: &App,
    at: &At,
    layer: &Published,
    filter: &Filter,
    Address { grid, z, x, y }: Address,
    format: Format,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let wanted = Representation { format, encoding: negotiate::encoding(headers) };
    let tile = app.tiles.filtered(&layer.grant, Some(filter), grid, z, x, y, wanted).await?;
    Ok(send(at, headers, tile.body, tile.etag, wanted))
}

/// A tile, or 204 if there is nothing in it.
pub(super) fn send(at: &At, request: &HeaderMap, body: Bytes, tag: String, sent: Representation) -> Response {
    if body.is_empty() {
        return empty(at.tile_freshness());
    }
    Tagged {
        content_type: sent.format.media_type(),
        tag: tagged(tag, sent.encoding),
        freshness: at.tile_freshness(),
        encoding: sent.encoding.token(),
        vary: "Accept, Accept-Encoding",
        body: Body::from(body),
    }
    .answer(request)
}

/// Encodings are representations of their own, and a strong tag must tell them apart.
pub(super) fn tagged(tag: String, encoding: Encoding) -> String {
    match encoding.token() {
        Some(token) => format!("\"{}-{token}\"", tag.trim_matches('"')),
        None => tag,
    }
}

fn empty(freshness: Freshness) -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, freshness.header())]).into_response()
}

/// The end of an address without its suffix, and the format that the suffix asks for: `.mvt` or
/// `.pbf`, as many clients write it, or `.mlt`.
pub(crate) fn suffix(last: &str) -> (&str, Option<Format>) {
    [(".mvt", Format::Mvt), (".pbf", Format::Mvt), (".mlt", Format::Mlt)]
        .into_iter()
        .find_map(|(suffix, format)| Some((last.strip_suffix(suffix)?, Some(format))))
        .unwrap_or((last, None))
}

/// Reads the three numbers of an address, without its [`suffix`]. `None` for anything but digits, and
/// for numbers that no grid has.
pub(crate) fn numbers(z: &str, second: &str, last: &str) -> Option<(u8, u32, u32)> {
    let (last, _) = suffix(last);
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
        assert_eq!(read("1", "1", "1.mlt"), (1, 1, 1));
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
