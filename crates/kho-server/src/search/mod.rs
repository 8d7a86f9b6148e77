//! Search: parcels by number, places by name, coordinates.

pub(crate) mod gazetteer;
pub(crate) mod question;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use kho_lake::wkb_bounds;
use kho_layer::{GEOMETRY, Text, fold};
use serde_json::{Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::filter::today;
use crate::data::geojson::{id, value};
use crate::data::index::{Index, IndexKind};
use crate::data::rows::{at_rows, each};
use crate::http::conditional::{Freshness, Tagged};
use crate::http::limits::{Turns, turn};
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::planning::point;
use gazetteer::{Gazetteer, LAYERS};
use question::Question;

/// The most characters of a search, and the most results.
const LONGEST: usize = 200;
const MOST: usize = 50;
const USUAL: usize = 20;
/// A place whose score is so far below the best one's is not shown.
const FAR: f32 = 0.25;

/// The routes: `/search` for everybody, and the same for the pages.
pub(crate) fn routes(turns: &Turns) -> Router<App> {
    Router::new()
        .route("/search", get(search))
        .route("/api/search", get(search))
        .route_layer(from_fn_with_state(turns.clone(), turn))
}

async fn search(
    State(app): State<App>,
    at: At,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A blank at the end says that the last word is whole.
    let q = params.get("q").unwrap_or_default().trim_start();
    if q.chars().count() > LONGEST {
        return Err(Problem::bad_request(format!("q must have at most {LONGEST} characters.")));
    }
    let limit =
        params.number::<usize>("limit", "a whole number from 1 to 50")?.unwrap_or(USUAL).clamp(1, MOST);
    let mut results = Vec::new();
    results.extend(coordinates(&app, q));
    let question = Question::read(q);
    if let Some(question) = &question {
        parcels(&app, &at, question, limit, &mut results).await?;
    }
    // "12/345" may be a house number too, but only a search with words is surely no parcel.
    if !q.is_empty() && results.is_empty() {
        places(&app, &at, q, limit, &mut results).await?;
    }
    results.truncate(limit);
    Ok(Tagged::json(Freshness::Revalidate, &json!({"snapshot": at.snapshot(), "results": results}))?
        .answer(&headers))
}

/// A pair of coordinates, in degrees or in metres of the city's zone.
fn coordinates(app: &App, q: &str) -> Option<Value> {
    let [x, y] = point(q, app.city.config.srid, app.city.config.center[0])?;
    let label = format!("{y:.6}, {x:.6}");
    Some(json!({
        "kind": "coordinate", "layer": null, "id": null, "label": Text::new(label.clone(), label), "bbox": [x, y, x, y], "center": [x, y],
    }))
}

async fn parcels(
    app: &App,
    at: &At,
    question: &Question,
    limit: usize,
    results: &mut Vec<Value>,
) -> Result<(), Problem> {
    let Some(layer) = at.catalogue.layer("land_parcel") else { return Ok(()) };
    let index = Index::of(app, layer, IndexKind::Parcel).await?;
    let Index::Parcels(parcels) = &*index else { return Ok(()) };
    let (today, former) = parcels.find(question.sheet, question.parcel);
    let wards = wards(app, at).await?;
    for (rows, kind) in [(today, "parcel"), (former, "former_parcel")] {
        let mut found = Vec::new();
        for batch in at_rows(&app.lake, layer, rows).await? {
            for row in 0..batch.num_rows() {
                let ward = value(&batch, "ma_xa", row);
                let ward = ward.as_str().unwrap_or_default();
                let ward = wards.get(ward).map_or(ward, String::as_str);
                if question.place.iter().all(|word| fold(ward).contains(word)) {
                    found.extend(result(layer, &batch, row, kind, parcel_label(&batch, row, kind, ward)));
                }
            }
        }
        found.sort_by(|a, b| a["label"]["vi"].as_str().cmp(&b["label"]["vi"].as_str()));
        results.extend(found);
        if results.len() >= limit {
            break;
        }
    }
    Ok(())
}

fn parcel_label(batch: &RecordBatch, row: usize, kind: &str, ward: &str) -> Text {
    let number = |column: &str| value(batch, column, row).to_string();
    let (sheet, parcel) = (number("so_to"), number("so_thua"));
    let place = if ward.is_empty() { String::new() } else { format!(", {ward}") };
    let mut label = Text::new(
        format!("Thửa {parcel}, tờ {sheet}{place}"),
        format!("Parcel {parcel}, sheet {sheet}{place}"),
    );
    if kind == "former_parcel" {
        let (sheet, parcel) = (number("so_to_cu"), number("so_thua_cu"));
        label.vi.push_str(&format!(" (trước là thửa {parcel}, tờ {sheet})"));
        label.en.push_str(&format!(" (formerly parcel {parcel}, sheet {sheet})"));
    }
    label
}

/// Places by their names, from all layers that have some.
async fn places(app: &App, at: &At, q: &str, limit: usize, results: &mut Vec<Value>) -> Result<(), Problem> {
    let mut found: Vec<(f32, String, Value)> = Vec::new();
    for name in LAYERS {
        let Some(layer) = at.catalogue.layer(name) else { continue };
        let hits = find(app, layer, q, limit).await?;
        found.extend(hits.into_iter().map(|(score, place, label)| {
            let said = json!({
                "kind": place.kind.name(), "layer": name, "id": place.id, "label": label, "bbox": place.bounds, "center": place.center,
            });
            (score, format!("{} {}", place.kind.name(), fold(&label.vi)), said)
        }));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    // Beside what fits well, what fits badly is noise.
    let best = found.first().map_or(0.0, |(score, ..)| *score);
    found.retain(|(score, ..)| best - score < FAR);
    // A street is known by its own layer and by its addresses.
    let mut known = HashSet::new();
    results
        .extend(found.into_iter().filter(|(_, name, _)| known.insert(name.clone())).map(|(_, _, said)| said));
    Ok(())
}

/// The places of a layer that fit, the best first: score, place and name.
pub(crate) async fn find(
    app: &App,
    layer: &Arc<Published>,
    q: &str,
    limit: usize,
) -> Result<Vec<(f32, gazetteer::Place, Text)>, Problem> {
    let index = Index::of(app, layer, IndexKind::Places).await?;
    let q = q.to_owned();
    let work = move || match &*index {
        Index::Places(places) => named(places, &q, limit),
        _ => Vec::new(),
    };
    Ok(tokio::task::spawn_blocking(work).await?)
}

fn named(places: &Gazetteer, q: &str, limit: usize) -> Vec<(f32, gazetteer::Place, Text)> {
    let hits = places.find(q, limit);
    hits.into_iter().map(|hit| (hit.score, *places.place(hit.text), places.text(hit.text))).collect()
}

/// A result; `None` for a feature that is nowhere on the map.
fn result(layer: &Published, batch: &RecordBatch, row: usize, kind: &str, label: Text) -> Option<Value> {
    let shapes = batch.column_by_name(GEOMETRY)?.as_binary_opt::<i32>()?;
    if shapes.is_null(row) {
        return None;
    }
    let shape = shapes.value(row);
    let bounds = wkb_bounds(shape)?;
    let middle = [(bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0];
    // The middle of the box of an L-shaped parcel may lie in the neighbour's.
    let inside = crate::data::shape::geometry(shape).and_then(|g| geo::InteriorPoint::interior_point(&g));
    let center = inside.map_or(middle, |p| [p.x(), p.y()]);
    Some(json!({
        "kind": kind, "layer": layer.name(), "id": id(batch, row), "label": label, "bbox": bounds, "center": center,
    }))
}

/// The names of the units by code: of those valid today first, because codes are reused.
pub(crate) async fn wards(app: &App, at: &At) -> Result<HashMap<String, String>, Problem> {
    let Some(layer) = at.catalogue.layer("admin_unit").map(Arc::clone) else { return Ok(HashMap::new()) };
    let lake = app.lake.clone();
    tokio::task::spawn_blocking(move || {
        let (now, mut wards) = (crate::data::filter::date(today()).map(|d| d.to_string()), HashMap::new());
        let mut seen: HashMap<String, (bool, String)> = HashMap::new();
        each(&lake, &layer, &["ma_dvhc", "ten", "valid_from", "valid_to"], |_, batch| {
            for row in 0..batch.num_rows() {
                let text = |column: &str| value(batch, column, row).as_str().map(str::to_owned);
                let (Some(code), Some(name)) = (text("ma_dvhc"), text("ten")) else { continue };
                let (from, to) = (text("valid_from"), text("valid_to"));
                let started = from.is_none() || from <= now;
                let valid = started && (to.is_none() || to >= now);
                let rank = (valid, from.unwrap_or_default());
                if seen.get(&code).is_none_or(|before| *before < rank) {
                    seen.insert(code.clone(), rank);
                    wards.insert(code, name);
                }
            }
            Ok(())
        })?;
        Ok(wards)
    })
    .await?
}
