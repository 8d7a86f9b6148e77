//! The parameters `filter`, `filter-lang` and `filter-crs` (OGC API Features, Part 3), and for tiles `as_of`.

use std::sync::Arc;

use chrono::NaiveDate;
use kho_crs::Zone;
use kho_filter::{Filter, Language};
use kho_layer::LayerDef;
use serde_json::{Value, json};

use super::catalogue::Published;
use crate::app::App;
use crate::http::params::Params;
use crate::http::problem::Problem;

/// Their names.
pub(crate) const FILTER: [&str; 3] = ["filter", "filter-lang", "filter-crs"];
/// The day on which what tiles show must be valid.
const AS_OF: &str = "as_of";
/// What narrows tiles.
pub(crate) const TILE_FILTER: [&str; 4] = [FILTER[0], FILTER[1], FILTER[2], AS_OF];

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
    compiled(app, layer, params, params.get("filter").map(str::to_owned)).await
}

/// The same for tiles, which a filter can have of one layer only, for its names are that layer's; and
/// with [`AS_OF`]: the features that are valid on a day.
pub(crate) async fn filter_of_one(
    app: &App,
    layers: &[Arc<Published>],
    params: &Params,
) -> Result<Option<Filter>, Problem> {
    let asked = TILE_FILTER.iter().find(|name| params.get(name).is_some());
    let (layer, Some(_)) = (layers, asked) else { return Ok(None) };
    let [layer] = layer else {
        let name = asked.copied().unwrap_or_default();
        return Err(Problem::bad_request(format!("{name} is for tiles of one layer: name one.")));
    };
    let text = params.get("filter").map(str::to_owned);
    let Some(day) = params.get(AS_OF) else { return compiled(app, layer, params, text).await };
    let day = day.trim().parse::<NaiveDate>();
    let day = day.map_err(|_| Problem::bad_request("as_of must be a day, for example 2026-07-01."))?;
    let Some(valid) = valid_on(layer.def(), day) else { return compiled(app, layer, params, text).await };
    let json = params.get("filter-lang").is_some_and(|lang| lang.contains("json"));
    let both = match (text, json) {
        (None, false) => valid,
        (Some(text), false) => format!("({valid}) AND ({text})"),
        (text, true) => {
            let mut all = vec![valid_on_json(layer.def(), day)];
            if let Some(text) = text {
                let read = serde_json::from_str(&text);
                all.push(read.map_err(|e| Problem::bad_request(format!("filter is no JSON: {e}.")))?);
            }
            if all.len() == 1 {
                all.remove(0).to_string()
            } else {
                json!({"op": "and", "args": all}).to_string()
            }
        }
    };
    compiled(app, layer, params, Some(both)).await
}

/// That a feature is valid on a day, if the layer says when its features are. A bound that is not known
/// is open.
fn valid_on(def: &LayerDef, day: NaiveDate) -> Option<String> {
    match (&def.valid_from, &def.valid_to) {
        (Some(from), Some(to)) => Some(format!("T_INTERSECTS(INTERVAL({from}, {to}), DATE('{day}'))")),
        (Some(from), None) => Some(format!("({from} IS NULL OR {from} <= DATE('{day}'))")),
        (None, Some(to)) => Some(format!("({to} IS NULL OR {to} >= DATE('{day}'))")),
        (None, None) => None,
    }
}

fn valid_on_json(def: &LayerDef, day: NaiveDate) -> Value {
    let day = json!({"date": day.to_string()});
    let open = |column: &str, op: &str| {
        let property = json!({"property": column});
        json!({"op": "or", "args": [{"op": "isNull", "args": [property]}, {"op": op, "args": [property, day]}]})
    };
    match (&def.valid_from, &def.valid_to) {
        (Some(from), Some(to)) => json!({"op": "t_intersects", "args": [
            {"interval": [{"property": from}, {"property": to}]}, day
        ]}),
        (Some(from), None) => open(from, "<="),
        (None, Some(to)) => open(to, ">="),
        (None, None) => Value::Bool(true),
    }
}

async fn compiled(
    app: &App,
    layer: &Published,
    params: &Params,
    text: Option<String>,
) -> Result<Option<Filter>, Problem> {
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
    let Some(text) = text else { return Ok(None) };
    let grant = layer.grant.clone();
    // A hostile filter may take a while to be refused.
    let read = move || match zone.map(Zone::plane) {
        None => Filter::parse(&text, language, &grant),
        Some(plane) => Filter::parse_in(&text, language, &grant, &|x, y| plane.unproject(x, y)),
    };
    Ok(Some(tokio::task::spawn_blocking(read).await??))
}
