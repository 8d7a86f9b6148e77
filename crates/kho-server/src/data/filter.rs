//! Which features are asked for: a window on the map, a span of valid time, and what else they must be.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::and;
use arrow::datatypes::{DataType, Date32Type};
use chrono::{DateTime, Days, FixedOffset, NaiveDate, Utc};
use kho_lake::{Bounds, wkb_bounds};
use kho_layer::{GEOMETRY, LayerDef};

use crate::http::problem::Problem;

/// Days since 1970-01-01, as Arrow counts them.
pub(crate) type Day = i32;

/// A span of days, both ends included; an open end is the first or last day there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Day,
    pub(crate) to: Day,
}

/// The day it is in Vietnam (UTC+7, no summer time).
pub(crate) fn today() -> Day {
    day_in_vietnam(Utc::now())
}

/// The day it was in Vietnam at an instant.
pub(crate) fn day_in_vietnam(at: DateTime<Utc>) -> Day {
    let zone = FixedOffset::east_opt(7 * 3600);
    day(zone.map_or(at.date_naive(), |zone| at.with_timezone(&zone).date_naive()))
}

/// A date as a day.
pub(crate) fn day(date: NaiveDate) -> Day {
    Day::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or(Day::MAX)
}

/// A day as a date; `None` for a day outside the calendar.
pub(crate) fn date(day: Day) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    match u64::try_from(day) {
        Ok(after) => epoch.checked_add_days(Days::new(after)),
        Err(_) => epoch.checked_sub_days(Days::new(u64::from(day.unsigned_abs()))),
    }
}

impl Span {
    /// One day.
    pub(crate) fn on(day: Day) -> Self {
        Self { from: day, to: day }
    }

    /// The parameter `datetime` of OGC API Features: an instant, `a/b`, `../b`, `a/..`.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            Problem::bad_request(
                "datetime must be a date (2025-07-01), a date and time (2025-07-01T00:00:00Z), or an interval \
                 of two (2025-01-01/2025-12-31, ../2025-12-31, 2025-01-01/..).",
            )
        };
        let moment = |text: &str| -> Result<Day, Problem> {
            if let Ok(date) = text.parse::<NaiveDate>() {
                return Ok(day(date));
            }
            // A plus sign in a query string arrives as a blank.
            let text = text.replace(' ', "+");
            DateTime::parse_from_rfc3339(&text)
                .map(|t| day(t.with_timezone(&Utc).date_naive()))
                .map_err(|_| wrong())
        };
        let open = |text: &str| text.is_empty() || text == "..";
        let Some((from, to)) = text.split_once('/') else {
            return Ok(Self::on(moment(text)?));
        };
        if open(from) && open(to) {
            return Err(wrong());
        }
        let span = Self {
            from: if open(from) { Day::MIN } else { moment(from)? },
            to: if open(to) { Day::MAX } else { moment(to)? },
        };
        if span.from > span.to {
            return Err(Problem::bad_request("datetime must not end before it begins."));
        }
        Ok(span)
    }
}

/// The parameter `bbox`: four or six numbers in CRS84; `None` when absent.
pub(crate) fn parse_bbox(text: Option<&str>, crs: Option<&str>) -> Result<Option<Bounds>, Problem> {
    const CRS84: [&str; 3] = [
        "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "http://www.opengis.net/def/crs/OGC/0/CRS84",
        "urn:ogc:def:crs:OGC:1.3:CRS84",
    ];
    if crs.is_some_and(|crs| !CRS84.contains(&crs.trim_matches(['[', ']']))) {
        return Err(Problem::bad_request(format!("bbox-crs must be {}.", CRS84[0])));
    }
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        Problem::bad_request(
            "bbox must be four numbers in degrees, west,south,east,north (or six, with heights), \
             south not above north; for example bbox=109.18,12.22,109.21,12.26.",
        )
    };
    let numbers = text
        .split(',')
        .map(|n| n.trim().parse::<f64>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong())?;
    let bounds = match *numbers {
        [w, s, e, n] | [w, s, _, e, n, _] => [w, s, e, n],
        _ => return Err(wrong()),
    };
    let sound = bounds.iter().all(|v| v.is_finite()) && bounds[1] <= bounds[3];
    if !sound {
        return Err(wrong());
    }
    Ok(Some(bounds))
}

/// Whether two boxes meet. A box whose west is east of its east crosses the antimeridian.
pub(crate) fn meet(a: &Bounds, window: &Bounds) -> bool {
    let latitudes = a[1] <= window[3] && window[1] <= a[3];
    let longitudes = if window[0] <= window[2] {
        a[0] <= window[2] && window[0] <= a[2]
    } else {
        a[2] >= window[0] || a[0] <= window[2]
    };
    latitudes && longitudes
}

/// What a feature must meet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) window: Option<Bounds>,
    pub(crate) valid: Option<Span>,
    /// In CQL2.
    pub(crate) passing: Option<kho_filter::Filter>,
}

impl Filter {
    /// Whether everything passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.window.is_none() && self.valid.is_none() && self.passing.is_none()
    }

    /// Whether features within these bounds can pass; unknown bounds may hold anything.
    pub(crate) fn may_meet(&self, bounds: Option<&Bounds>) -> bool {
        let place = self.passing.as_ref().and_then(kho_filter::Filter::bounds);
        let windows = [self.window.as_ref(), place.as_ref()].into_iter().flatten();
        bounds.is_none_or(|bounds| windows.into_iter().all(|window| meet(bounds, window)))
    }

    /// Which rows pass; `None` for all of them.
    pub(crate) fn rows(&self, batch: &RecordBatch, def: &LayerDef) -> Result<Option<BooleanArray>, Problem> {
        let here = self.in_window_and_valid(batch, def);
        let Some(passing) = &self.passing else { return Ok(here) };
        let passing = passing.matches(batch)?;
        Ok(Some(match here {
            Some(here) => and(&here, &passing)?,
            None => passing,
        }))
    }

    /// Which rows are in the window and valid; `None` for all of them.
    fn in_window_and_valid(&self, batch: &RecordBatch, def: &LayerDef) -> Option<BooleanArray> {
        if self.window.is_none() && self.valid.is_none() {
            return None;
        }
        let shapes = batch.column_by_name(GEOMETRY).and_then(|c| c.as_binary_opt::<i32>());
        let dates = |name: &Option<String>| {
            let array = batch.column_by_name(name.as_deref()?)?;
            (array.data_type() == &DataType::Date32).then(|| array.as_primitive::<Date32Type>().clone())
        };
        let (from, to) = (dates(&def.valid_from), dates(&def.valid_to));
        let keep = (0..batch.num_rows()).map(|row| {
            let inside = self.window.is_none_or(|window| {
                shapes
                    .filter(|shapes| !shapes.is_null(row))
                    .and_then(|shapes| wkb_bounds(shapes.value(row)))
                    .is_some_and(|bounds| meet(&bounds, &window))
            });
            let value = |array: &Option<arrow::array::Date32Array>| {
                array.as_ref().filter(|a| !a.is_null(row)).map(|a| a.value(row))
            };
            inside
                && self.valid.is_none_or(|span| {
                    value(&from).is_none_or(|first| first <= span.to)
                        && value(&to).is_none_or(|last| last >= span.from)
                })
        });
        Some(keep.map(Some).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let d = |text: &str| day(text.parse().unwrap());
        assert_eq!(Span::parse("2025-07-01").unwrap(), Span::on(d("2025-07-01")));
        assert_eq!(Span::parse("2025-07-01T10:00:00Z").unwrap(), Span::on(d("2025-07-01")));
        assert_eq!(Span::parse("../2025-07-01").unwrap(), Span { from: Day::MIN, to: d("2025-07-01") });
        assert_eq!(Span::parse("2025-07-01/").unwrap(), Span { from: d("2025-07-01"), to: Day::MAX });
        for bad in ["", "../..", "yesterday", "2025-02-30", "2025-07-02/2025-07-01", "/"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(date(d("1969-12-31")).unwrap().to_string(), "1969-12-31");
        assert_eq!(date(d("2026-11-21")).unwrap().to_string(), "2026-11-21");
    }

    #[test]
    fn boxes() {
        let parse = |text| parse_bbox(Some(text), None);
        assert_eq!(parse("1,2,3,4").unwrap(), Some([1.0, 2.0, 3.0, 4.0]));
        assert_eq!(parse("1,2,0,3,4,9").unwrap(), Some([1.0, 2.0, 3.0, 4.0]));
        for bad in ["1,2,3", "1,2,3,x", "1,5,3,4", "1,2,3,NaN", "inf,2,3,4"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse_bbox(Some("1,2,3,4"), Some("http://www.opengis.net/def/crs/EPSG/0/9217")).is_err());
        assert!(parse_bbox(None, Some("http://www.opengis.net/def/crs/OGC/1.3/CRS84")).unwrap().is_none());
    }

    #[test]
    fn a_window_may_cross_the_antimeridian() {
        let window = [170.0, -10.0, -170.0, 10.0];
        assert!(meet(&[175.0, 0.0, 176.0, 1.0], &window));
        assert!(meet(&[-175.0, 0.0, -174.0, 1.0], &window));
        assert!(!meet(&[0.0, 0.0, 1.0, 1.0], &window));
    }
}
