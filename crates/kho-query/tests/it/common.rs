//! A small city in a lake, for the tests: two square wards, parcels in rows, a plan across them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test helpers")]

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use kho_access::Policy;
use kho_lake::{Lake, Provenance, SourceFile, WrittenLayer};
use kho_layer::{City, ColumnType, FeatureIds, LayerDef, StandardModel, arrow_schema};
use kho_query::{Limits, QueryEngine};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub type Row = (Value, Vec<u8>);

pub struct TestCity {
    pub dir: TempDir,
    pub lake: Lake,
    pub policy: Arc<Policy>,
}

impl TestCity {
    /// The standard model with `publish` alone published.
    pub async fn new(publish: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let model = StandardModel::load().unwrap();
        let layers = model.layers().map(|l| {
            let mut l = LayerDef::clone(l);
            l.published = publish.contains(&l.name.as_str());
            l
        });
        let codes = model.code_lists().map(|c| (**c).clone()).collect();
        let city = City::new(model.config.clone(), layers.collect(), codes).unwrap();
        let lake = Lake::create(dir.path(), None).await.unwrap();
        Self { dir, lake, policy: Arc::new(Policy::new(Arc::new(city))) }
    }

    pub fn engine(&self, limits: Limits) -> QueryEngine {
        QueryEngine::new(self.lake.clone(), Arc::clone(&self.policy), limits).unwrap()
    }

    /// Commits layers together.
    pub async fn commit(&self, layers: Vec<(&str, Vec<Row>)>) -> i64 {
        let mut commit = self.lake.begin("test", "test data");
        let mut done: Vec<WrittenLayer> = Vec::new();
        for (name, rows) in layers {
            let def = self.policy.city().layer(name).unwrap();
            let mut writer = commit.replace(def).unwrap();
            for chunk in rows.chunks(8192) {
                writer.write(batch(def, chunk)).unwrap();
            }
            done.push(writer.finish(provenance(rows.len())).unwrap());
        }
        commit.finish(done).await.unwrap()
    }
}

fn provenance(features: usize) -> Provenance {
    Provenance {
        sources: vec![SourceFile {
            name: "test".into(),
            sha256: String::new(),
            bytes: 0,
            source_crs: "OGC:CRS84".into(),
            features_read: features as u64,
        }],
        features_written: features as u64,
        quarantined: 0,
        repaired: 0,
        author: "test".into(),
        at: Default::default(),
    }
}

fn batch(def: &LayerDef, rows: &[Row]) -> RecordBatch {
    let value = |row: &Row, name: &str| row.0.get(name).cloned().unwrap_or(Value::Null);
    let mut ids = FeatureIds::default();
    let id = |row: &Row| {
        let key: Vec<String> = def.key.iter().map(|k| value(row, k).to_string()).collect();
        ids.id(key.join("\u{1f}").as_bytes())
    };
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(rows.iter().map(id)))];
    for column in &def.columns {
        let values = rows.iter().map(|r| value(r, &column.name));
        columns.push(match column.ty {
            ColumnType::Text => {
                Arc::new(values.map(|v| v.as_str().map(str::to_owned)).collect::<StringArray>())
            }
            ColumnType::Integer => Arc::new(values.map(|v| v.as_i64()).collect::<Int64Array>()),
            ColumnType::Float => Arc::new(values.map(|v| v.as_f64()).collect::<Float64Array>()),
            ColumnType::Boolean => Arc::new(values.map(|v| v.as_bool()).collect::<BooleanArray>()),
            ColumnType::Date => {
                Arc::new(values.map(|v| v.as_i64().map(|d| d as i32)).collect::<Date32Array>())
            }
            ColumnType::Timestamp => panic!("no timestamps in the test city"),
        });
    }
    columns.push(Arc::new(BinaryArray::from_iter_values(rows.iter().map(|r| &r.1))));
    RecordBatch::try_new(arrow_schema(def), columns).unwrap()
}

pub fn square(x: f64, y: f64, side: f64) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(3_u32.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(5_u32.to_le_bytes());
    for (dx, dy) in [(0., 0.), (side, 0.), (side, side), (0., side), (0., 0.)] {
        // Clean decimals, so that the tests read well.
        let clean = |v: f64| (v * 1e7).round() / 1e7;
        out.extend(f64::to_le_bytes(clean(x + dx)));
        out.extend(f64::to_le_bytes(clean(y + dy)));
    }
    out
}

pub fn point(x: f64, y: f64) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(1_u32.to_le_bytes());
    out.extend(f64::to_le_bytes(x));
    out.extend(f64::to_le_bytes(y));
    out
}

pub fn line(points: &[(f64, f64)]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(2_u32.to_le_bytes());
    out.extend((points.len() as u32).to_le_bytes());
    for (x, y) in points {
        out.extend(f64::to_le_bytes(*x));
        out.extend(f64::to_le_bytes(*y));
    }
    out
}

/// The canary: a name that must be found in no answer to strangers.
pub const OWNER: &str = "Nguyễn Thị Bí Mật";

/// Parcels in a grid of `per_side`², from (109.1, 12.2), each `side` degrees.
pub fn parcels(per_side: usize, side: f64) -> Vec<Row> {
    let one = |i: usize| {
        let (col, row) = (i % per_side, i / per_side);
        let ward = if col < per_side / 2 { "22366" } else { "22369" };
        let attributes = json!({
            "ma_xa": ward, "so_to": 1 + row, "so_thua": 1 + col,
            "dien_tich": 100.0 + col as f64, "loai_dat": if i.is_multiple_of(2) { "ODT" } else { "CLN" },
            "dia_chi": format!("{i} Trần Phú"), "chu_su_dung": OWNER,
            "so_giay_to": format!("0560{i:08}"), "valid_from": 19_000,
        });
        (attributes, square(109.1 + col as f64 * side, 12.2 + row as f64 * side, side))
    };
    (0..per_side * per_side).map(one).collect()
}

/// A city in which every view has something to show; `land_parcel`, `planning_zone` and
/// `admin_unit` are published.
pub async fn small() -> TestCity {
    let city = TestCity::new(&["land_parcel", "planning_zone", "admin_unit"]).await;
    let ward = |code: &str, name: &str, x: f64| {
        let attributes = json!({
            "ma_dvhc": code, "ten": name, "loai": "phường", "cap": "xa", "valid_from": 20_000, "dan_so": 1000,
        });
        (attributes, square(x, 12.2, 0.01))
    };
    let zone = |code: &str, function: &str, x: f64, side: f64| {
        let attributes = json!({
            "ma_doi_tuong": code, "ma_ho_so": "56QPK2500001", "ky_hieu": code, "chuc_nang": function,
            "dien_tich": 1.0, "valid_from": 19_000, "ghi_chu": "nội bộ",
        });
        (attributes, square(x, 12.2, side))
    };
    let pipe = |code: &str, length: f64, condition: &str| {
        let attributes = json!({
            "ma_tuyen": code, "nut_dau": "A", "nut_cuoi": "B", "chuc_nang": "mua", "hinh_dang": "tron",
            "chieu_dai": length, "vat_lieu": "BTCT", "nam_xd": 1998, "tinh_trang": condition,
        });
        (attributes, line(&[(109.1, 12.2), (109.101, 12.201)]))
    };
    let lamp = |code: &str, cabinet: &str, circuit: &str, watts: i64| {
        let attributes = json!({
            "ma_den": code, "ma_tu": cabinet, "lo": circuit, "loai_den": "led", "cong_suat": watts,
            "tinh_trang": "tot", "ngay_lap": 18_500,
        });
        (attributes, point(109.102, 12.203))
    };
    let cabinet = |code: &str, kw: f64| {
        let attributes =
            json!({ "ma_tu": code, "ten": code, "cong_suat_kw": kw, "so_lo": 2, "tinh_trang": "tot" });
        (attributes, point(109.102, 12.203))
    };
    let address = |code: &str, number: &str, x: f64| {
        let attributes = json!({
            "ma_dia_chi": code, "so_nha": number, "duong": "Trần Phú", "ten_phuong": "Nha Trang",
            "ma_xa": "22366", "dia_chi_day_du": format!("{number} Trần Phú"), "nguoi_dai_dien": OWNER,
        });
        (attributes, point(x, 12.2))
    };
    city.commit(vec![
        ("admin_unit", vec![ward("22366", "Nha Trang", 109.1), ward("22369", "Bắc Nha Trang", 109.11)]),
        ("land_parcel", parcels(10, 0.002)),
        (
            "planning_zone",
            // The first covers the whole of 9 parcels, the second cuts through the middle of column 8.
            vec![zone("Z1", "dat_o", 109.1, 0.006), zone("Z2", "cay_xanh", 109.117, 0.004)],
        ),
        ("drain_pipe", vec![pipe("P1", 10.5, "tot"), pipe("P2", 20.0, "tot"), pipe("P3", 5.0, "hong")]),
        (
            "drain_node",
            vec![(
                json!({"ma_nut": "A", "loai": "ho_ga", "tinh_trang": "tot", "nam_xd": 2001}),
                point(109.1, 12.2),
            )],
        ),
        ("street_light", vec![lamp("L1", "T1", "1", 100), lamp("L2", "T1", "2", 150)]),
        ("lighting_cabinet", vec![cabinet("T1", 0.2), cabinet("T2", 5.0)]),
        (
            "address_point",
            vec![address("D1", "12", 109.1), address("D2", "12", 109.1001), address("D3", "14", 109.1)],
        ),
    ])
    .await;
    city
}

/// Asked when the test runs: clones of one machine share their builds.
pub fn folder() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(package).join("tests/slt")
}
