//! The parameters `filter`, `filter-lang` and `filter-crs` (OGC API Features, Part 3).

use std::sync::Arc;

use kho_crs::Zone;
use kho_filter::{Filter, Language};

use super::catalogue::Published;
use crate::app::App;
use crate::http::params::Params;
use crate::http::problem::Problem;

/// Their names.
pub(crate) const FILTER: [&str; 3] = ["filter", "filter-lang", "filter-crs"];

const CRS84: [&str; 3] = [
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "http://www.opengis.net/def/crs/OGC/0/CRS84",
    "urn:ogc:def:crs:OGC:1.3:CRS84",
];

/// The CRSs that a filter's geometries may come in: CRS84, and the plane of the city's zone of VN-2000,
/// easting before northing, if it has one.
pub(crate) fn filter_crs(app: &App) -> Vec<String> {
    let srid = app.city.config.srid;
    let own = Zone::of(srid).map(|_| format!("http://www.opengis.net/def/crs/EPSG/0/{srid}"));
    std::iter::once(CRS84[0].to_owned()).chain(own).collect()
}

/// What the parameters ask of a layer's features, checked against what everybody may see of it.
pub(crate) async fn filter(app: &App, layer: &Published, params: &Params) -> Result<Option<Filter>, Problem> {
    let language = params.get("filter-lang").map(str::parse::<Language>).transpose()?.unwrap_or_default();
    let zone = match params.get("filter-crs") {
        None => None,
        Some(crs) if CRS84.contains(&crs) => None,
        Some(crs) => {
            let known = filter_crs(app);
            let own = Zone::of(app.city.config.srid).filter(|_| known.iter().skip(1).any(|k| k == crs));
            let refused = || Problem::bad_request(format!("filter-crs must be {}.", known.join(" or ")));
            Some(own.ok_or_else(refused)?)
        }
    };
    let Some(text) = params.get("filter").map(str::to_owned) else { return Ok(None) };
    let grant = layer.grant.clone();
    // A hostile filter may take a while to be refused.
    let read = move || match zone.map(Zone::plane) {
        None => Filter::parse(&text, language, &grant),
        Some(plane) => Filter::parse_in(&text, language, &grant, &|x, y| plane.unproject(x, y)),
    };
    Ok(Some(tokio::task::spawn_blocking(read).await??))
}

/// The same for tiles, which a filter can have of one layer only: its names are that layer's.
pub(crate) async fn filter_of_one(
    app: &App,
    layers: &[Arc<Published>],
    params: &Params,
) -> Result<Option<Filter>, Problem> {
    match layers {
        [layer] => filter(app, layer, params).await,
        _ if params.get("filter").is_some() => {
            Err(Problem::bad_request("filter is for tiles of one layer: name one."))
        }
        _ => Ok(None),
    }
}
