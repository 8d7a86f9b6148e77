//! Filters over a layer that has a column of every type.

mod classes;
mod hostile;
mod languages;
mod reference;

use crate::{Filter, FilterError, Language};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use geo_types::{Geometry, polygon};
use kho_access::{Grant, Policy, Principal};
use kho_layer::{City, StandardModel, arrow_schema};
use std::sync::{Arc, LazyLock};

const THING: &str = r#"
name = "thing"
title = { vi = "Vật", en = "Things" }
theme = "base"
geometry = "polygon"
geometry_optional = true
published = true
[[column]]
name = "ten"
type = "text"
title = { vi = "Tên" }
access = "public"
[[column]]
name = "ten_cu"
type = "text"
title = { vi = "Tên cũ" }
access = "public"
[[column]]
name = "so"
type = "integer"
title = { vi = "Số" }
access = "public"
[[column]]
name = "so_cu"
type = "integer"
title = { vi = "Số cũ" }
access = "public"
[[column]]
name = "gia"
type = "float"
title = { vi = "Giá" }
access = "public"
[[column]]
name = "dung"
type = "boolean"
title = { vi = "Đúng" }
access = "public"
[[column]]
name = "tu"
type = "date"
title = { vi = "Từ" }
access = "public"
[[column]]
name = "den"
type = "date"
title = { vi = "Đến" }
access = "public"
[[column]]
name = "luc"
type = "timestamp"
title = { vi = "Lúc" }
access = "public"
[[column]]
name = "noi_bo"
type = "text"
title = { vi = "Nội bộ" }
[[column]]
name = "bi_mat"
type = "text"
title = { vi = "Bí mật" }
access = "restricted"
"#;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    StandardModel::write(dir.path()).unwrap();
    std::fs::write(dir.path().join("layers/thing.toml"), THING).unwrap();
    Policy::new(Arc::new(City::load(dir.path()).unwrap()))
});

fn grant(who: &Principal) -> Grant {
    POLICY.grant(who, "thing", 1).unwrap()
}

fn public() -> Grant {
    grant(&Principal::Anonymous)
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, Language::Text, &public())
}

fn said(text: &str) -> String {
    parse(text).map(|filter| filter.text().to_owned()).expect_err(text).to_string()
}

/// A row: its values, and the column and row of its square, one degree wide.
#[derive(Debug, Clone, Default)]
struct Row {
    ten: Option<String>,
    ten_cu: Option<String>,
    so: Option<i64>,
    so_cu: Option<i64>,
    gia: Option<f64>,
    dung: Option<bool>,
    tu: Option<i32>,
    den: Option<i32>,
    luc: Option<i64>,
    at: Option<(f64, f64)>,
}

impl Row {
    fn geometry(&self) -> Option<Geometry<f64>> {
        let (x, y) = self.at?;
        Some(polygon![(x: x, y: y), (x: x + 1.0, y: y), (x: x + 1.0, y: y + 1.0), (x: x, y: y + 1.0)].into())
    }
}

fn wkb(geometry: &Geometry<f64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    wkb::writer::write_geometry(&mut bytes, geometry, &wkb::writer::WriteOptions::default()).unwrap();
    bytes
}

/// Rows as the lake has them; ids count from 1.
fn batch(rows: &[Row]) -> RecordBatch {
    let texts =
        |of: fn(&Row) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let integers =
        |of: fn(&Row) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int64Array>()) };
    let days =
        |of: fn(&Row) -> Option<i32>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Date32Array>()) };
    let shapes: Vec<Option<Vec<u8>>> = rows.iter().map(|row| row.geometry().map(|g| wkb(&g))).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(1..=rows.len() as i64)),
        texts(|r| r.ten.as_deref()),
        texts(|r| r.ten_cu.as_deref()),
        integers(|r| r.so),
        integers(|r| r.so_cu),
        Arc::new(rows.iter().map(|r| r.gia).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.dung).collect::<BooleanArray>()),
        days(|r| r.tu),
        days(|r| r.den),
        Arc::new(rows.iter().map(|r| r.luc).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(StringArray::new_null(rows.len())),
        Arc::new(StringArray::new_null(rows.len())),
        Arc::new(BinaryArray::from_iter(shapes.iter().map(Option::as_deref))),
    ];
    let layer = public().layer().clone();
    RecordBatch::try_new(arrow_schema(&layer), columns).unwrap()
}

/// The ids of the rows that pass.
fn passing(filter: &str, rows: &[Row]) -> Vec<i64> {
    let filter = parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
    let keep = filter.matches(&batch(rows)).unwrap();
    assert_eq!(keep.null_count(), 0);
    (1..).zip(keep.values().iter()).filter(|(_, keep)| *keep).map(|(id, _)| id).collect()
}

/// A day as a number.
fn day(text: &str) -> i32 {
    let date: chrono::NaiveDate = text.parse().unwrap();
    date.signed_duration_since(chrono::NaiveDate::default()).num_days() as i32
}
