//! What is planned on a plot: the answer, its printable page, and the confirmation of its code.
//!
//! `GET /planning/answer?parcel=…|point=…|address=…[&as_of=DAY][&snapshot=N][&f=json|html][&lang=vi|en]`
//! and `GET /planning/verify/CODE`. Areas are m² in the plane of the city's VN-2000 zone. The answer is
//! information, not a certificate, and says so; that nothing was found does not mean that nothing is planned.

mod answer;
mod ask;
mod overlay;
mod page;
mod plans;
mod words;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::filter::{self, Day, today};
use crate::data::geojson::{id, value};
use crate::data::index;
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::limits::{Turns, turn};
use crate::http::negotiate::{Format, language};
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

pub(crate) use ask::point;
pub(crate) use plans::{Plans, Version};

use answer::{Answer, Code, Parcel, Unknown};
use ask::Match;
use overlay::Overlay;

/// Of [`Answer`].
const VERSION: u8 = 1;
/// A zone of the plan may miss so much of the parcel, as a share, without a word: the noise of digitising.
const MISSING: f64 = 0.001;

/// The routes under `/planning`.
pub(crate) fn routes(turns: &Turns) -> Router<App> {
    Router::new()
        .route("/planning/answer", get(answer))
        .route("/planning/verify/{code}", get(verify))
        .route_layer(from_fn_with_state(turns.clone(), turn))
        .route("/planning/page.css", get(css))
}

/// An answer, and the parcel and plans it is drawn from.
struct Worked {
    answer: Answer,
    overlay: Overlay,
    code: Code,
}

async fn css() -> Response {
    let head = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=86400")];
    (head, page::CSS).into_response()
}

async fn answer(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["parcel", "point", "address", "as_of", "snapshot", "f", "lang"])?;
    let format = Format::of(&params, &headers)?;
    let lang = lang(&params, &headers)?;
    let day = day(&at, params.get("as_of"))?;
    let (found, count) = ask::parcels(&app, &at, &params, day).await?;
    let worked = work(&app, &at, found, day).await?;
    if worked.is_empty() {
        return Err(without_area());
    }
    if format == Format::Html {
        let html = page::answers(&app.city, &base, &at, &worked, count, lang);
        return Ok(Tagged::text("text/html; charset=utf-8", Freshness::Revalidate, html).answer(&headers));
    }
    let answers = worked.iter().map(|w| document(&app, &base, w)).collect::<Result<Vec<_>, Problem>>()?;
    let body = json!({
        "snapshot": at.snapshot(),
        "day": filter::date(day).map(|d| d.to_string()),
        "data_dates": data_dates(&at),
        "notice": words::notice(),
        "count": count,
        "answers": answers,
    });
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

async fn verify(
    State(app): State<App>,
    Base(base): Base,
    Segments(code): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f", "lang"])?;
    let format = Format::of(&params, &headers)?;
    let lang = lang(&params, &headers)?;
    let code: Code = code.parse().map_err(|()| {
        Problem::bad_request("This is no code of a planning answer: it is SNAPSHOT.PARCEL.DAY.DIGEST, as printed on the answer.")
    })?;
    let at = At::snapshot_of(&app, code.snapshot).await?;
    let day = filter::day(code.day);
    let layer = at.catalogue.require("land_parcel")?;
    let parcel = index::feature(&app, layer, code.parcel).await?;
    let parcels = vec![Match { valid: is_valid(layer.def(), &parcel, day)?, batch: parcel, row: 0 }];
    let worked = work(&app, &at, parcels, day).await?;
    let confirmed = worked.first().is_some_and(|w| w.code == code);
    if format == Format::Html {
        let html =
            page::confirmation(&app.city, &base, &at, &code, worked.first().filter(|_| confirmed), lang);
        return Ok(Tagged::text("text/html; charset=utf-8", Freshness::Revalidate, html).answer(&headers));
    }
    let shown = worked.first().filter(|_| confirmed).map(|w| document(&app, &base, w)).transpose()?;
    let body =
        json!({"code": code.to_string(), "confirmed": confirmed, "answer": shown, "notice": words::notice()});
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

/// The answers for parcels that have an area on the map.
async fn work(app: &App, at: &At, parcels: Vec<Match>, day: Day) -> Result<Vec<Worked>, Problem> {
    let plans = Plans::at(app, at).await?;
    let (snapshot, config) = (at.snapshot(), app.city.config.clone());
    let missing: Vec<&'static str> =
        plans::LAYERS.into_iter().filter(|name| at.catalogue.layer(name).is_none()).collect();
    let work = move || {
        let plane = overlay::plane(config.srid, config.center[0]);
        let answers = parcels.iter().filter_map(|parcel| {
            let overlay = Overlay::new(plane, &parcel.batch, parcel.row)?;
            let answer = one(&overlay, &plans, parcel, &missing, snapshot, config.srid, day)?;
            Some(answer.code().map(|code| Worked { answer, overlay, code }))
        });
        answers.collect::<Result<Vec<_>, _>>().map_err(|e| Problem::internal(&e))
    };
    tokio::task::spawn_blocking(work).await?
}

fn one(
    overlay: &Overlay,
    plans: &Plans,
    parcel: &Match,
    missing: &[&'static str],
    snapshot: i64,
    srid: u32,
    day: Day,
) -> Option<Answer> {
    let (batch, row) = (&parcel.batch, parcel.row);
    let text = |column: &str| value(batch, column, row).as_str().map(str::to_owned).filter(|t| !t.is_empty());
    let facts = Parcel {
        id: id(batch, row)?,
        ward: text("ma_xa"),
        sheet: value(batch, "so_to", row).as_i64(),
        number: value(batch, "so_thua", row).as_i64(),
        land_use: text("loai_dat"),
        registered_area_m2: value(batch, "dien_tich", row).as_f64(),
    };
    let found = overlay.plans(plans, day);
    let roads = overlay.roads(plans, day);
    let area_m2 = overlay::tenth(overlay.area);
    let mut unknown: Vec<Unknown> = missing.iter().map(|&layer| Unknown::NoData { layer }).collect();
    if !parcel.valid {
        unknown.push(Unknown::ParcelNotValid);
    }
    if found.is_empty() {
        unknown.push(Unknown::NoPlan);
    }
    for plan in &found {
        let code = || plan.code.clone();
        if plan.zones.is_empty() {
            unknown.push(Unknown::NoZones { plan: code() });
        } else if plan.without_zone_m2 > overlay.area * MISSING {
            unknown.push(Unknown::WithoutZone { plan: code(), area_m2: plan.without_zone_m2 });
        }
        if plan.overlapping_m2 > overlay.area * MISSING {
            unknown.push(Unknown::Overlapping { plan: code(), area_m2: plan.overlapping_m2 });
        }
        if plan.decision.is_none() || plan.decision_date.is_none() {
            unknown.push(Unknown::NoDecision { plan: code() });
        }
        let bare = |z: &answer::Part| {
            z.function.is_none()
                || z.max_floors.is_none()
                || z.density.is_none()
                || z.floor_area_ratio.is_none()
        };
        if plan.zones.iter().any(bare) {
            unknown.push(Unknown::NoIndicators { plan: code() });
        }
    }
    if roads.without_width > 0 {
        unknown.push(Unknown::RoadsWithoutWidth { count: roads.without_width });
    }
    if let Some(registered_m2) =
        facts.registered_area_m2.filter(|r| (r - overlay.area).abs() > overlay.area / 20.0)
    {
        unknown.push(Unknown::AreaDiffers { registered_m2 });
    }
    Some(Answer {
        version: VERSION,
        snapshot,
        day: filter::date(day)?,
        parcel: facts,
        srid,
        area_m2,
        ellipsoid_area_m2: overlay::tenth(overlay.ellipsoid_area()),
        plans: found,
        roads: roads.each,
        lost_to_roads_m2: overlay::tenth(roads.lost),
        in_setback_m2: overlay::tenth(roads.setback),
        unknown,
    })
}

/// `GET /api/parcels/ID/planning`: the answer in the words of the portal's page.
pub(crate) async fn of_parcel(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(parcel): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layer = at.catalogue.require("land_parcel")?;
    let parcel = index::feature(&app, layer, index::id(&parcel)?).await?;
    let day = day(&at, None)?;
    let mut facts = Map::new();
    facts.insert("id".into(), json!(id(&parcel, 0)));
    facts.extend(layer.grant.columns().map(|c| (c.name.clone(), value(&parcel, &c.name, 0))));
    let parcels = vec![Match { valid: is_valid(layer.def(), &parcel, day)?, batch: parcel, row: 0 }];
    let worked = work(&app, &at, parcels, day).await?.into_iter().next().ok_or_else(without_area)?;
    let mut body = document(&app, &base, &worked)?;
    body["parcel"] = Value::Object(facts);
    body["projects"] = body["plans"].take();
    body["no_planning_found"] = json!(worked.answer.plans.is_empty());
    body["data_date"] = json!(oldest(&at));
    body["notice"] = json!(words::notice());
    let pin = if at.pinned { format!("&snapshot={}", at.snapshot()) } else { String::new() };
    body["sheet"] = json!(format!("{base}/planning/answer?parcel={}&f=html{pin}", worked.answer.parcel.id));
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

fn without_area() -> Problem {
    Problem::not_found("This parcel has no area on the map, so no plan can be laid over it.")
}

fn document(app: &App, base: &str, worked: &Worked) -> Result<Value, Problem> {
    let mut body = words::present(&app.city, &worked.answer).map_err(|e| Problem::internal(&e))?;
    body["code"] = json!(worked.code.to_string());
    body["verify"] = json!(format!("{base}/planning/verify/{}", worked.code));
    Ok(body)
}

/// The day asked about. A pinned answer must not change from day to day: it is about the day of its
/// snapshot, in Vietnam.
pub(crate) fn day(at: &At, as_of: Option<&str>) -> Result<Day, Problem> {
    if let Some(text) = as_of {
        let day = text.trim().parse::<NaiveDate>();
        return day
            .map(filter::day)
            .map_err(|_| Problem::bad_request("as_of must be a day, for example 2026-07-01."));
    }
    Ok(at.catalogue.committed.filter(|_| at.pinned).map_or_else(today, filter::day_in_vietnam))
}

fn is_valid(def: &kho_layer::LayerDef, batch: &arrow::array::RecordBatch, day: Day) -> Result<bool, Problem> {
    let on = filter::Filter { window: None, valid: Some(filter::Span::on(day)), passing: None };
    Ok(on.rows(batch, def)?.is_none_or(|valid| valid.len() > 0 && valid.value(0)))
}

/// When the data of the answer was delivered, by layer.
fn data_dates(at: &At) -> Value {
    let layers = plans::LAYERS.into_iter().chain(["land_parcel"]);
    let dates = layers.filter_map(|name| {
        let delivered = at.catalogue.layer(name)?.delivered?;
        let day = filter::date(filter::day_in_vietnam(delivered))?;
        Some((name.to_owned(), json!(day.to_string())))
    });
    Value::Object(dates.collect())
}

/// The day of the oldest planning data: an answer is no fresher than that.
fn oldest(at: &At) -> Option<String> {
    let delivered = plans::LAYERS.into_iter().filter_map(|name| at.catalogue.layer(name)?.delivered);
    let oldest = delivered.min().or(at.catalogue.committed)?;
    filter::date(filter::day_in_vietnam(oldest)).map(|day| day.to_string())
}

fn lang(params: &Params, headers: &HeaderMap) -> Result<&'static str, Problem> {
    match params.get("lang") {
        Some("vi") => Ok("vi"),
        Some("en") => Ok("en"),
        Some(_) => Err(Problem::bad_request("lang must be vi or en.")),
        None => Ok(language(headers)),
    }
}
