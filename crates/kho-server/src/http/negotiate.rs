//! Which representation the asker wants (RFC 9110, 12.5).

use axum::http::{HeaderMap, header};
use kho_tile::{Encoding, Format as TileFormat};

use super::params::Params;
use super::problem::Problem;

/// A document for programs or for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON, GeoJSON or OpenAPI, as the resource has it.
    Json,
    /// A plain page.
    Html,
}

impl Format {
    /// What `f=` says, else what `Accept` prefers; JSON when nothing decides.
    pub(crate) fn of(params: &Params, headers: &HeaderMap) -> Result<Self, Problem> {
        match params.get("f") {
            Some("json" | "geojson" | "application/json" | "application/geo+json") => return Ok(Self::Json),
            Some("html" | "text/html") => return Ok(Self::Html),
            Some(_) => return Err(Problem::bad_request("f must be json or html.")),
            None => {}
        }
        let Some(accept) = list(headers, header::ACCEPT) else { return Ok(Self::Json) };
        let html = quality(&accept, &["text/html", "application/xhtml+xml"], &["text/*"]);
        let json = quality(
            &accept,
            &["application/geo+json", "application/json", "application/vnd.oai.openapi+json;version=3.0"],
            &["application/*", "*/*"],
        );
        match (json, html) {
            (json, html) if html > json => Ok(Self::Html),
            (json, _) if json > 0.0 => Ok(Self::Json),
            _ => Err(Problem::not_acceptable("There is JSON and HTML here, and Accept wants neither.")),
        }
    }
}

/// The format of a tile: what `f=` says, else the suffix of the address, else what `Accept` prefers.
/// Where it prefers neither, MVT.
///
/// `*/*` and `application/*` count for MVT only, since whoever names nothing is not taken to know MLT;
/// who names MLT and of MVT says no more than that is taken to want MLT.
pub(crate) fn tile_format(
    params: &Params,
    suffix: Option<TileFormat>,
    headers: &HeaderMap,
) -> Result<TileFormat, Problem> {
    if let Some(format) = named_tile_format(params)?.or(suffix) {
        return Ok(format);
    }
    let Some(accept) = list(headers, header::ACCEPT) else { return Ok(TileFormat::Mvt) };
    let mlt = quality(&accept, &MLT_NAMES, &[]);
    let mvt = quality(&accept, &MVT_NAMES, &["application/*", "*/*"]);
    let mvt_is_named = quality(&accept, &MVT_NAMES, &[]) > 0.0;
    if mlt > mvt || (mlt > 0.0 && mlt == mvt && !mvt_is_named) {
        Ok(TileFormat::Mlt)
    } else if mvt > 0.0 {
        Ok(TileFormat::Mvt)
    } else {
        Err(Problem::not_acceptable("There is MVT and MLT here, and Accept wants neither."))
    }
}

/// The format of tiles that `f=` names, if it names one.
pub(crate) fn named_tile_format(params: &Params) -> Result<Option<TileFormat>, Problem> {
    match params.get("f") {
        None => Ok(None),
        Some("mvt" | "pbf") => Ok(Some(TileFormat::Mvt)),
        Some("mlt") => Ok(Some(TileFormat::Mlt)),
        Some(name) if MVT_NAMES.contains(&name) => Ok(Some(TileFormat::Mvt)),
        Some(name) if MLT_NAMES.contains(&name) => Ok(Some(TileFormat::Mlt)),
        Some(_) => Err(Problem::bad_request("f must be mvt or mlt.")),
    }
}

/// What MVT is called: its media type, and what servers without one for it use.
const MVT_NAMES: [&str; 4] = [
    TileFormat::Mvt.media_type(),
    "application/x-protobuf",
    "application/protobuf",
    "application/octet-stream",
];
/// What MLT is called: its media type, and the one that PMTiles has for it.
const MLT_NAMES: [&str; 2] = [TileFormat::Mlt.media_type(), "application/vnd.maplibre-vector-tile"];

/// The encoding of a tile: what `Accept-Encoding` likes best. Where it likes several as well, the
/// one that gives small tiles at least cost: zstd, then brotli, then gzip.
///
/// `*` counts for gzip only: whoever names nothing is not taken to know the younger ones.
pub(crate) fn encoding(headers: &HeaderMap) -> Encoding {
    let Some(accept) = list(headers, header::ACCEPT_ENCODING) else { return Encoding::Plain };
    let mut best = (Encoding::Plain, quality(&accept, &["identity"], &[]));
    // The last of equals wins.
    let known: [(Encoding, &[&str], &[&str]); 3] = [
        (Encoding::Gzip, &["gzip", "x-gzip"], &["*"]),
        (Encoding::Brotli, &["br"], &[]),
        (Encoding::Zstd, &["zstd"], &[]),
    ];
    for (encoding, names, wild) in known {
        let q = quality(&accept, names, wild);
        if q > 0.0 && q >= best.1 {
            best = (encoding, q);
        }
    }
    best.0
}

/// Whether the asker takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    list(headers, header::ACCEPT_ENCODING)
        .is_some_and(|accept| quality(&accept, &["gzip", "x-gzip"], &["*"]) > 0.0)
}

/// The language of what people read: what the asker prefers, Vietnamese when nothing says English.
pub(crate) fn language(headers: &HeaderMap) -> &'static str {
    let first =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(|v| v.split(',').next());
    if first.is_some_and(|lang| lang.trim().to_ascii_lowercase().starts_with("en")) { "en" } else { "vi" }
}

fn list(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    let joined = values.join(",");
    (!joined.trim().is_empty()).then_some(joined)
}

/// The best quality that a list gives to one of `exact`, else to one of `wild`; 0 for none.
fn quality(accept: &str, exact: &[&str], wild: &[&str]) -> f32 {
    let find = |names: &[&str]| {
        accept
            .split(',')
            .filter_map(|item| {
                let mut parts = item.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default().to_ascii_lowercase();
                let known = names.iter().any(|n| n.split(';').next() == Some(name.as_str()));
                let q = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
                known.then(|| q.map_or(Some(1.0), |q| q.trim().parse().ok()).unwrap_or(0.0_f32))
            })
            .reduce(f32::max)
    };
    find(exact).or_else(|| find(wild)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(name: header::HeaderName, value: &'static str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    fn format(query: &str, accept: &'static str) -> Option<Format> {
        Format::of(&Params::parse(query), &asks(header::ACCEPT, accept)).ok()
    }

    #[test]
    fn browsers_get_pages_and_programs_get_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(format("", browser), Some(Format::Html));
        assert_eq!(format("f=json", browser), Some(Format::Json));
        assert_eq!(format("", "application/geo+json, application/json;q=0.9"), Some(Format::Json));
        assert_eq!(format("", "*/*"), Some(Format::Json));
        assert_eq!(format("", "application/*"), Some(Format::Json));
        assert_eq!(format("f=html", "*/*"), Some(Format::Html));
        assert_eq!(format("", "image/png"), None);
        assert_eq!(format("f=xml", "*/*"), None);
        assert_eq!(Format::of(&Params::default(), &HeaderMap::new()).unwrap(), Format::Json);
    }

    #[test]
    fn a_tile_is_mvt_unless_mlt_is_liked_better() {
        let taken = |query, suffix, accept| {
            tile_format(&Params::parse(query), suffix, &asks(header::ACCEPT, accept)).ok()
        };
        let (mvt, mlt) = (Some(TileFormat::Mvt), Some(TileFormat::Mlt));
        for (accept, wanted) in [
            ("application/vnd.maplibre-tile", mlt),
            ("Application/Vnd.MapLibre-Tile", mlt),
            ("application/vnd.maplibre-vector-tile", mlt),
            ("application/vnd.mapbox-vector-tile", mvt),
            ("application/x-protobuf", mvt),
            ("*/*", mvt),
            ("application/*;q=0.2", mvt),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", mvt),
            ("application/vnd.maplibre-tile, application/vnd.mapbox-vector-tile", mvt),
            ("application/vnd.maplibre-tile;q=0.9, application/vnd.mapbox-vector-tile", mvt),
            ("application/vnd.maplibre-tile, application/vnd.mapbox-vector-tile;q=0.9", mlt),
            ("application/vnd.maplibre-tile, */*;q=0.1", mlt),
            ("application/vnd.maplibre-tile, */*", mlt),
            ("application/vnd.maplibre-tile;q=0.5, */*", mvt),
            ("application/vnd.maplibre-tile;q=0, */*", mvt),
            ("application/vnd.maplibre-tile, application/vnd.mapbox-vector-tile;q=0, */*", mlt),
            ("application/vnd.maplibre-tile;q=0", None),
            ("image/png", None),
            ("text/html", None),
        ] {
            assert_eq!(taken("", None, accept), wanted, "{accept}");
        }
        let png = "image/png";
        assert_eq!((taken("f=mlt", None, png), taken("f=pbf", None, png)), (mlt, mvt));
        assert_eq!((taken("", mlt, png), taken("", mvt, "application/vnd.maplibre-tile")), (mlt, mvt));
        assert_eq!(taken("f=mvt", mlt, png), mvt);
        assert_eq!(taken("f=application/vnd.maplibre-tile", None, png), mlt);
        assert_eq!(taken("f=png", None, "*/*"), None);
        assert_eq!(tile_format(&Params::default(), None, &HeaderMap::new()).ok(), mvt);
    }

    #[test]
    fn the_best_liked_encoding_is_taken() {
        let taken = |value| encoding(&asks(header::ACCEPT_ENCODING, value));
        for (value, wanted) in [
            ("gzip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("gzip, deflate, br", Encoding::Brotli),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("br;q=1.0, GZIP;q=0.2", Encoding::Brotli),
            ("zstd;q=0.5, br;q=0.5, gzip;q=0.8", Encoding::Gzip),
            ("zstd;q=0.5, br;q=0.5", Encoding::Zstd),
            ("gzip;q=0", Encoding::Plain),
            ("*, gzip;q=0", Encoding::Plain),
            ("zstd;q=0, br;q=0", Encoding::Plain),
            ("identity, gzip;q=0.5", Encoding::Plain),
            ("identity, gzip", Encoding::Gzip),
            ("deflate", Encoding::Plain),
        ] {
            assert_eq!(taken(value), wanted, "{value}");
        }
        let gzip = |value| takes_gzip(&asks(header::ACCEPT_ENCODING, value));
        assert!(gzip("br, gzip;q=0.1") && gzip("*") && !gzip("br, gzip;q=0") && !gzip("zstd"));
        assert_eq!(encoding(&HeaderMap::new()), Encoding::Plain);
    }
}
