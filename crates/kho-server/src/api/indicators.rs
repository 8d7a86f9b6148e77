//! Counts per ward, for the wards of today.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_access::Principal;
use kho_lake::SnapshotId;
use kho_layer::{GeometryKind, KHO_ID};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::filter::{Day, date, today};
use crate::http::conditional::{Freshness, Tagged};
use crate::http::problem::Problem;

/// The layer of the wards.
const WARDS: &str = "admin_unit";
/// The layers that are counted.
const COUNTED: [&str; 4] = ["land_parcel", "street_light", "drain_node", "address_point"];

/// The figures of one snapshot on one day.
#[derive(Debug, Serialize)]
pub(crate) struct Wards {
    snapshot: SnapshotId,
    date: String,
    wards: Vec<Ward>,
}

#[derive(Debug, Serialize)]
struct Ward {
    #[serde(skip)]
    id: i64,
    code: String,
    name: String,
    counts: Map<String, Value>,
}

pub(super) async fn wards(State(app): State<App>, at: At, headers: HeaderMap) -> Result<Response, Problem> {
    let key = (at.snapshot(), today());
    let count = async { count(&app, &at, key.1).await.map(Arc::new) };
    let wards = app.caches.wards.try_get_with(key, count).await?;
    Ok(Tagged::json(Freshness::Revalidate, &*wards)?.answer(&headers))
}

async fn count(app: &App, at: &At, day: Day) -> Result<Wards, Problem> {
    let units = at.catalogue.require(WARDS)?;
    let day = date(day).ok_or_else(|| Problem::fault("today is not in the calendar"))?.to_string();
    let mut wards = list(app, at, units, &day).await?;
    for layer in COUNTED.iter().filter_map(|name| at.catalogue.layer(name)) {
        let found = ask(app, at, &counting(units, layer, &day)).await?;
        for ward in &mut wards {
            ward.counts.insert(layer.name().to_owned(), 0.into());
        }
        for batch in &found {
            let (ids, counts) = (integers(batch, "ward")?, integers(batch, "n")?);
            for (id, n) in ids.values().iter().zip(counts.values()) {
                if let Some(ward) = wards.iter_mut().find(|ward| ward.id == *id) {
                    ward.counts.insert(layer.name().to_owned(), (*n).into());
                }
            }
        }
    }
    Ok(Wards { snapshot: at.snapshot(), date: day, wards })
}

/// The units that are valid on a day.
async fn list(app: &App, at: &At, units: &Published, day: &str) -> Result<Vec<Ward>, Problem> {
    let text = |column: &str| {
        let name = if units.grant.allows(column) { column } else { "NULL" };
        format!("CAST({name} AS VARCHAR) AS {column}")
    };
    let sql = format!(
        "SELECT {KHO_ID}, {}, {} FROM {WARDS}{} ORDER BY 2, 1",
        text("ma_dvhc"),
        text("ten"),
        valid(units, day),
    );
    let mut wards = Vec::new();
    for batch in ask(app, at, &sql).await? {
        let ids = integers(&batch, KHO_ID)?;
        let texts = |column: &str| {
            batch
                .column_by_name(column)
                .map(|c| arrow::compute::cast(c, &arrow::datatypes::DataType::Utf8))
                .transpose()
        };
        let (codes, names) = (texts("ma_dvhc")?, texts("ten")?);
        let value = |array: &Option<arrow::array::ArrayRef>, row: usize| {
            let array = array.as_ref()?.as_string_opt::<i32>()?;
            (!array.is_null(row)).then(|| array.value(row).to_owned())
        };
        wards.extend((0..batch.num_rows()).map(|row| Ward {
            id: ids.value(row),
            code: value(&codes, row).unwrap_or_default(),
            name: value(&names, row).unwrap_or_default(),
            counts: Map::new(),
        }));
    }
    Ok(wards)
}

/// Counts a layer's features by the ward that holds them. An area counts where its centroid is, so
/// that one on a border counts once.
fn counting(units: &Published, layer: &Published, day: &str) -> String {
    let place = match layer.def().geometry {
        GeometryKind::Point => "geometry",
        GeometryKind::Line | GeometryKind::Polygon => "ST_Centroid(geometry)",
    };
    format!(
        "SELECT u.{KHO_ID} AS ward, count(*) AS n \
         FROM (SELECT {KHO_ID}, geometry FROM {WARDS}{}) u \
         JOIN (SELECT {place} AS place FROM {}{}) f ON ST_Intersects(u.geometry, f.place) \
         GROUP BY u.{KHO_ID}",
        valid(units, day),
        layer.name(),
        valid(layer, day),
    )
}

/// The condition that a feature is valid on a day, with its WHERE; empty for layers without dates.
fn valid(layer: &Published, day: &str) -> String {
    let column = |name: &Option<String>| name.clone().filter(|name| layer.grant.allows(name));
    let from = column(&layer.def().valid_from).map(|c| format!("({c} IS NULL OR {c} <= DATE '{day}')"));
    let to = column(&layer.def().valid_to).map(|c| format!("({c} IS NULL OR {c} >= DATE '{day}')"));
    let parts: Vec<String> = from.into_iter().chain(to).collect();
    if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
}

async fn ask(app: &App, at: &At, sql: &str) -> Result<Vec<RecordBatch>, Problem> {
    Ok(app.query.sql(&Principal::Anonymous, sql, Some(at.snapshot())).await?.collect().await?)
}

fn integers<'a>(batch: &'a RecordBatch, column: &str) -> Result<&'a arrow::array::Int64Array, Problem> {
    let array = batch.column_by_name(column).and_then(|c| c.as_primitive_opt::<Int64Type>());
    array.ok_or_else(|| Problem::fault("a count is not a number"))
}
