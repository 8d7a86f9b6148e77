//! Which parcels are meant: by number, by place, by address.

use std::sync::Arc;

use arrow::array::RecordBatch;
use geo::Intersects;
use geo_types::Point;
use kho_layer::fold;

use super::overlay::{areas, plane};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::filter::{Day, Filter, Span};
use crate::data::geojson::{id, value};
use crate::data::index::{self, Index, IndexKind};
use crate::data::rows::{at_rows, page};
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::search::question::Question;
use crate::search::{find, gazetteer, wards};

/// The most parcels that one question is answered for.
pub(super) const MOST: usize = 20;
/// The most places that an address may mean.
const PLACES: usize = 5;
/// The most parcels whose boxes hold one point.
const AROUND: usize = 1000;
/// The longest question.
const LONGEST: usize = 200;

/// A question.
#[derive(Debug, Clone, PartialEq)]
enum Ask {
    Id(i64),
    Number {
        ward: Option<String>,
        question: Question,
    },
    /// CRS84.
    Point([f64; 2]),
    Address(String),
}

/// A parcel that matches: its row, and whether it is valid on the day.
pub(super) struct Match {
    pub(super) batch: RecordBatch,
    pub(super) row: usize,
    pub(super) valid: bool,
}

/// The parcels that the parameters name, at most [`MOST`], by id; and how many there are.
pub(super) async fn parcels(
    app: &App,
    at: &At,
    params: &Params,
    day: Day,
) -> Result<(Vec<Match>, usize), Problem> {
    let layer = at.catalogue.require("land_parcel")?;
    let mut found = match read(params, app.city.config.srid, app.city.config.center[0])? {
        Ask::Id(number) => matches(layer, [index::feature(app, layer, number).await?], day)?,
        Ask::Number { ward, question } => by_number(app, at, layer, ward.as_deref(), &question, day).await?,
        Ask::Point(point) => at_point(app, layer, point, day).await?,
        Ask::Address(words) => by_address(app, at, layer, &words, day).await?,
    };
    found.sort_by_key(|m| id(&m.batch, m.row));
    found.dedup_by_key(|m| id(&m.batch, m.row));
    let count = found.len();
    found.truncate(MOST);
    Ok((found, count))
}

/// Reads the one parameter that says which parcels.
fn read(params: &Params, srid: u32, lon: f64) -> Result<Ask, Problem> {
    let wrong = || {
        Problem::bad_request(
            "Say which parcel with one of: parcel=ID, parcel=SHEET/NUMBER, parcel=WARD/SHEET/NUMBER (or in words: \
             tờ 12 thửa 345), point=LON,LAT (or point=EASTING,NORTHING in the city's VN-2000 zone), address=TEXT.",
        )
    };
    let given: Vec<(&str, &str)> = ["parcel", "point", "address"]
        .into_iter()
        .filter_map(|name| Some((name, params.get(name)?.trim())))
        .collect();
    let [(name, text)] = given[..] else { return Err(wrong()) };
    if text.chars().count() > LONGEST {
        return Err(Problem::bad_request(format!("{name} must have at most {LONGEST} characters.")));
    }
    match name {
        "parcel" => parcel(text).ok_or_else(wrong),
        "point" => point(text, srid, lon).map(Ask::Point).ok_or_else(wrong),
        _ => Ok(Ask::Address(text.to_owned())),
    }
}

fn parcel(text: &str) -> Option<Ask> {
    if let Ok(number) = text.parse() {
        return Some(Ask::Id(number));
    }
    let parts: Vec<&str> = text.split(['/', ':']).map(str::trim).collect();
    // A commune's code has five digits.
    if let [ward, sheet, number] = parts[..]
        && ward.len() == 5
        && ward.bytes().all(|b| b.is_ascii_digit())
    {
        let question = Question::read(&format!("{sheet}/{number}"))?;
        return Some(Ask::Number { ward: Some(ward.to_owned()), question });
    }
    Question::read(text).map(|question| Ask::Number { ward: None, question })
}

/// Longitude and latitude in degrees, or easting and northing in metres, in either order: in Vietnam
/// no pair can be taken for another.
pub(crate) fn point(text: &str, srid: u32, lon: f64) -> Option<[f64; 2]> {
    let numbers: Vec<f64> = text
        .split([',', ';', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<f64>().ok().filter(|n| n.is_finite()))
        .collect::<Option<_>>()?;
    let [a, b] = numbers[..] else { return None };
    let is = |v: f64, from: f64, to: f64| (from..=to).contains(&v);
    if is(a, 100.0, 120.0) && is(b, 4.0, 24.0) {
        Some([a, b])
    } else if is(b, 100.0, 120.0) && is(a, 4.0, 24.0) {
        Some([b, a])
    } else {
        // Northings of Vietnam begin at 440 km, eastings end at 900 km, and in the mainland at most
        // one of them can be below 800 km.
        let (east, north) = if a < b { (a, b) } else { (b, a) };
        let inside = is(east, 100_000.0, 900_000.0) && is(north, 400_000.0, 2_700_000.0);
        inside.then(|| plane(srid, lon).unproject(east, north))?
    }
}

fn matches(
    layer: &Published,
    batches: impl IntoIterator<Item = RecordBatch>,
    day: Day,
) -> Result<Vec<Match>, Problem> {
    let on = Filter { window: None, valid: Some(Span::on(day)), passing: None };
    let mut found = Vec::new();
    for batch in batches {
        let valid = on.rows(&batch, layer.def())?;
        for row in 0..batch.num_rows() {
            let valid = valid.as_ref().is_none_or(|valid| valid.value(row));
            found.push(Match { batch: batch.clone(), row, valid });
        }
    }
    Ok(found)
}

/// Where some are valid on the day, the others are history.
fn valid_first(mut found: Vec<Match>) -> Vec<Match> {
    if found.iter().any(|m| m.valid) {
        found.retain(|m| m.valid);
    }
    found
}

async fn by_number(
    app: &App,
    at: &At,
    layer: &Arc<Published>,
    ward: Option<&str>,
    question: &Question,
    day: Day,
) -> Result<Vec<Match>, Problem> {
    let index = Index::of(app, layer, IndexKind::Parcel).await?;
    let Index::Parcels(parcels) = &*index else { return Ok(Vec::new()) };
    let (today, former) = parcels.find(question.sheet, question.parcel);
    let names = if question.place.is_empty() { Default::default() } else { wards(app, at).await? };
    // People's papers may have the former numbers; today's win.
    for rows in [today, former] {
        let mut found = matches(layer, at_rows(&app.lake, layer, rows).await?, day)?;
        found.retain(|m| {
            let code = value(&m.batch, "ma_xa", m.row);
            let code = code.as_str().unwrap_or_default();
            let name = fold(names.get(code).map_or(code, String::as_str));
            ward.is_none_or(|ward| ward == code) && question.place.iter().all(|word| name.contains(word))
        });
        if !found.is_empty() {
            return Ok(valid_first(found));
        }
    }
    Err(Problem::not_found(format!(
        "No parcel has number {} on sheet {} there. Check the ward, or ask with the former numbers.",
        question.parcel, question.sheet
    )))
}

async fn at_point(
    app: &App,
    layer: &Arc<Published>,
    [x, y]: [f64; 2],
    day: Day,
) -> Result<Vec<Match>, Problem> {
    let filter = Filter { window: Some([x, y, x, y]), valid: None, passing: None };
    let near = page(&app.lake, layer, filter, None, AROUND).await?.batches;
    let place = Point::new(x, y);
    let mut found = matches(layer, near, day)?;
    found.retain(|m| areas(&m.batch, m.row).is_some_and(|area| area.intersects(&place)));
    if found.is_empty() {
        return Err(Problem::not_found(format!("No parcel of the data lies at {x:.7}, {y:.7}.")));
    }
    Ok(valid_first(found))
}

async fn by_address(
    app: &App,
    at: &At,
    layer: &Arc<Published>,
    words: &str,
    day: Day,
) -> Result<Vec<Match>, Problem> {
    let addresses = at.catalogue.require("address_point")?;
    let mut hits = find(app, addresses, words, 50).await?;
    hits.retain(|(_, place, _)| place.kind == gazetteer::Kind::Address);
    // Those that fit as well as the best one do.
    let best = hits.first().map(|(score, ..)| *score);
    hits.retain(|(score, ..)| best.is_some_and(|best| best - score < 0.01));
    let mut found = Vec::new();
    for (_, place, _) in hits.into_iter().take(PLACES) {
        match at_point(app, layer, place.center, day).await {
            Ok(there) => found.extend(there),
            Err(none) if none.is_not_found() => {}
            Err(other) => return Err(other),
        }
    }
    if found.is_empty() {
        return Err(Problem::not_found(if best.is_some() {
            "The address is known, but no parcel of the data lies there.".to_owned()
        } else {
            format!("No address of the data has all of these words: {words}.")
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Option<Ask> {
        read(&Params::parse(query), 9217, 108.25).ok()
    }

    #[test]
    fn parcels_are_named_in_many_ways() {
        assert_eq!(asked("parcel=4611"), Some(Ask::Id(4611)));
        let number = |ward: Option<&str>, sheet, parcel| {
            let question = Question { sheet, parcel, place: Vec::new() };
            Some(Ask::Number { ward: ward.map(str::to_owned), question })
        };
        assert_eq!(asked("parcel=12/345"), number(None, 12, 345));
        assert_eq!(asked("parcel=22366/12/345"), number(Some("22366"), 12, 345));
        assert_eq!(asked("parcel=22366:12/345"), number(Some("22366"), 12, 345));
        assert_eq!(asked("parcel=tờ 12 thửa 345"), number(None, 12, 345));
        assert_eq!(asked("address=12 Trần Phú"), Some(Ask::Address("12 Trần Phú".into())));
        for bad in [
            "",
            "parcel=",
            "parcel=abc",
            "parcel=1&point=109.2,12.2",
            "point=1,2",
            "point=109.2",
            "point=a,b",
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
    }

    #[test]
    fn points_are_degrees_or_metres_in_any_order() {
        // PROJ: WGS 84 109.1967, 12.2388 is EPSG:9217 602805.660403, 1353660.027680.
        for text in [
            "109.1967,12.2388",
            "12.2388, 109.1967",
            "602805.660403,1353660.027680",
            "1353660.027680 602805.660403",
        ] {
            let [x, y] = point(text, 9217, 108.25).unwrap();
            assert!((x - 109.1967).abs() < 1e-8 && (y - 12.2388).abs() < 1e-8, "{text}: {x}, {y}");
        }
    }
}
