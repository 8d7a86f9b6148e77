//! Statistics of a column in a file, as DuckLake keeps them: numbers and text as text, geometry
//! as a box and types in JSON.

use crate::bounds::{Bounds, union};
use crate::catalog::Row;
use crate::error::LakeError;
use chrono::{DateTime, Datelike, NaiveDate};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use std::collections::BTreeSet;

/// The names of DuckDB for the WKB geometry types 1 to 7.
const TYPES: [&str; 7] =
    ["point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"];

/// What is known of a column's values in one file, or in a whole table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ColumnStats {
    /// Compressed size.
    pub bytes: u64,
    /// How many values are not null.
    pub values: Option<u64>,
    pub nulls: Option<u64>,
    /// A lower and an upper bound; long text is cut.
    pub min: Option<String>,
    pub max: Option<String>,
    /// Whether a value may be NaN, which no bound covers; for floats only.
    pub nan: Option<bool>,
    pub geometry: Option<GeometryStats>,
}

/// What is known of the geometries in a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GeometryStats {
    pub bounds: Option<Bounds>,
    /// WKB type codes, 1 to 7.
    pub types: BTreeSet<i32>,
}

impl GeometryStats {
    /// The names that GeoParquet has for the types.
    pub fn geoparquet_types(&self) -> Vec<&'static str> {
        let name = |code: &i32| match code {
            1 => Some("Point"),
            2 => Some("LineString"),
            3 => Some("Polygon"),
            4 => Some("MultiPoint"),
            5 => Some("MultiLineString"),
            6 => Some("MultiPolygon"),
            7 => Some("GeometryCollection"),
            _ => None,
        };
        self.types.iter().filter_map(name).collect()
    }
}

impl ColumnStats {
    /// DuckLake's `extra_stats`.
    pub fn extra(&self) -> Option<String> {
        let geometry = self.geometry.as_ref()?;
        let [x0, y0, x1, y1] = match geometry.bounds {
            Some(bounds) => bounds.map(|v| format!("{v:?}")),
            None => std::array::from_fn(|_| "null".to_owned()),
        };
        let types: Vec<_> = geometry
            .types
            .iter()
            .filter_map(|code| TYPES.get(usize::try_from(code - 1).ok()?))
            .map(|name| format!("\"{name}\""))
            .collect();
        Some(format!(
            r#"{{"bbox": {{"xmin": {x0}, "xmax": {x1}, "ymin": {y0}, "ymax": {y1}, "zmin": null, "zmax": null, "mmin": null, "mmax": null}}, "types": [{}]}}"#,
            types.join(", ")
        ))
    }

    /// From `contains_null, contains_nan, min_value, max_value, extra_stats`.
    pub fn from_table_row(row: &Row) -> Result<Self, LakeError> {
        let geometry = row.opt_text(4)?.and_then(|json| {
            let json: serde_json::Value = serde_json::from_str(&json).ok()?;
            let side = |name: &str| json["bbox"][name].as_f64();
            let bounds = || Some([side("xmin")?, side("ymin")?, side("xmax")?, side("ymax")?]);
            let types = json["types"].as_array().into_iter().flatten();
            Some(GeometryStats {
                bounds: bounds(),
                types: types
                    .filter_map(|t| TYPES.iter().position(|name| t == name))
                    .filter_map(|i| i32::try_from(i + 1).ok())
                    .collect(),
            })
        });
        Ok(Self {
            bytes: 0,
            values: None,
            nulls: row.opt_int(0)?.map(i64::unsigned_abs),
            min: row.opt_text(2)?,
            max: row.opt_text(3)?,
            nan: row.opt_int(1)?.map(|v| v != 0),
            geometry,
        })
    }

    /// The statistics of a column, out of the file's footer. `ty` is its DuckLake type.
    pub fn of_column(metadata: &ParquetMetaData, column: usize, ty: &str, nan: bool) -> Self {
        let mut all: Option<Self> = None;
        for group in metadata.row_groups() {
            let chunk = group.column(column);
            let stats = chunk.statistics();
            let nulls = stats.and_then(Statistics::null_count_opt);
            let (min, max) = stats.and_then(|s| range(s, ty)).unzip();
            let one = Self {
                bytes: chunk.compressed_size().unsigned_abs(),
                values: nulls.map(|n| (chunk.num_values().unsigned_abs()).saturating_sub(n)),
                nulls,
                min,
                max,
                nan: (ty == "float64").then_some(nan),
                geometry: chunk.geo_statistics().map(|geo| GeometryStats {
                    bounds: geo
                        .bounding_box()
                        .map(|b| [b.get_xmin(), b.get_ymin(), b.get_xmax(), b.get_ymax()]),
                    types: geo.geospatial_types().into_iter().flatten().copied().collect(),
                }),
            };
            all = Some(match all {
                Some(all) => merge(ty, all, one),
                None => one,
            });
        }
        all.unwrap_or_default()
    }
}

/// The statistics of two sets of values together. A bound that one of them lacks although it has
/// values, or may have them, is lacking in the whole.
pub(crate) fn merge(ty: &str, a: ColumnStats, b: ColumnStats) -> ColumnStats {
    let bound = |x: Option<String>, y: Option<String>, smaller: bool| match (x, y) {
        (Some(x), Some(y)) => Some(if less(ty, &x, &y) == smaller { x } else { y }),
        (Some(x), None) if b.values == Some(0) => Some(x),
        (None, Some(y)) if a.values == Some(0) => Some(y),
        _ => None,
    };
    let sum = |x: Option<u64>, y: Option<u64>| Some(x?.saturating_add(y?));
    ColumnStats {
        bytes: a.bytes + b.bytes,
        values: sum(a.values, b.values),
        nulls: sum(a.nulls, b.nulls),
        min: bound(a.min, b.min, true),
        max: bound(a.max, b.max, false),
        nan: a.nan.zip(b.nan).map(|(x, y)| x || y),
        geometry: match (a.geometry, b.geometry) {
            (Some(x), Some(y)) => Some(GeometryStats {
                bounds: union(x.bounds, y.bounds),
                types: x.types.union(&y.types).copied().collect(),
            }),
            (x, y) => x.or(y),
        },
    }
}

/// Whether `a` sorts before `b` as values of a DuckLake type.
fn less(ty: &str, a: &str, b: &str) -> bool {
    let number = |s: &str| s.parse::<f64>().unwrap_or(f64::NAN);
    match ty {
        "int64" => match (a.parse::<i64>(), b.parse::<i64>()) {
            (Ok(a), Ok(b)) => a < b,
            _ => a < b,
        },
        "float64" => number(a) < number(b),
        // ISO dates and times of our era sort as text, and so do 0 and 1
        _ => a < b,
    }
}

/// The bounds of a column chunk as text; `None` if it has none or they have no text.
fn range(stats: &Statistics, ty: &str) -> Option<(String, String)> {
    fn both<T>(
        min: Option<&T>,
        max: Option<&T>,
        text: impl Fn(&T) -> Option<String>,
    ) -> Option<(String, String)> {
        Some((text(min?)?, text(max?)?))
    }
    match stats {
        Statistics::Boolean(s) => both(s.min_opt(), s.max_opt(), |v| Some(u8::from(*v).to_string())),
        Statistics::Int32(s) if ty == "date" => both(s.min_opt(), s.max_opt(), |v| date(*v)),
        Statistics::Int64(s) if ty == "timestamptz" => both(s.min_opt(), s.max_opt(), |v| instant(*v)),
        Statistics::Int64(s) => both(s.min_opt(), s.max_opt(), |v| Some(v.to_string())),
        Statistics::Double(s) => both(s.min_opt(), s.max_opt(), |v| Some(format!("{v:?}"))),
        Statistics::ByteArray(s) if ty == "varchar" => both(s.min_opt(), s.max_opt(), |v| {
            // PostgreSQL has no text with a zero in it
            v.as_utf8().ok().filter(|s| !s.contains('\0')).map(str::to_owned)
        }),
        _ => None,
    }
}

/// Days since 1970 as an ISO date, of years that sort as text.
fn date(days: i32) -> Option<String> {
    NaiveDate::from_epoch_days(days).filter(|d| (0..10_000).contains(&d.year())).map(|d| d.to_string())
}

/// Microseconds since 1970, UTC, as DuckDB writes them.
fn instant(micros: i64) -> Option<String> {
    DateTime::from_timestamp_micros(micros)
        .filter(|t| (0..10_000).contains(&t.year()))
        .map(|t| t.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(min: &str, max: &str) -> ColumnStats {
        ColumnStats {
            values: Some(1),
            nulls: Some(0),
            min: Some(min.into()),
            max: Some(max.into()),
            ..Default::default()
        }
    }

    #[test]
    fn numbers_merge_as_numbers() {
        let m = merge("int64", stats("9", "10"), stats("-5", "9"));
        assert_eq!((m.min.as_deref(), m.max.as_deref()), (Some("-5"), Some("10")));
        let m = merge("float64", stats("9.5", "10.0"), stats("-0.5", "1e3"));
        assert_eq!((m.min.as_deref(), m.max.as_deref()), (Some("-0.5"), Some("1e3")));
        let m = merge("varchar", stats("9", "9"), stats("10", "10"));
        assert_eq!((m.min.as_deref(), m.max.as_deref()), (Some("10"), Some("9")));
    }

    #[test]
    fn an_unknown_bound_stays_unknown_unless_nothing_is_there() {
        let unknown = ColumnStats::default();
        assert_eq!(merge("int64", stats("1", "2"), unknown).min, None);
        let empty = ColumnStats { values: Some(0), nulls: Some(7), ..Default::default() };
        let m = merge("int64", empty, stats("1", "2"));
        assert_eq!((m.min.as_deref(), m.nulls), (Some("1"), Some(7)));
    }

    #[test]
    fn geometry_in_the_writing_of_duckdb() {
        let stats = ColumnStats {
            geometry: Some(GeometryStats { bounds: Some([109.0, 12.0, 110.0, 13.25]), types: [1, 3].into() }),
            ..Default::default()
        };
        assert_eq!(
            stats.extra().as_deref(),
            Some(
                r#"{"bbox": {"xmin": 109.0, "xmax": 110.0, "ymin": 12.0, "ymax": 13.25, "zmin": null, "zmax": null, "mmin": null, "mmax": null}, "types": ["point", "polygon"]}"#
            )
        );
    }

    #[test]
    fn days_and_instants() {
        assert_eq!(date(18_262).as_deref(), Some("2020-01-01"));
        assert_eq!(date(i32::MAX), None);
        assert_eq!(instant(1).as_deref(), Some("1970-01-01 00:00:00.000001+00"));
    }
}
