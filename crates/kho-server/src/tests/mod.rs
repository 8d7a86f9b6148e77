//! The whole router over a real lake of a few features.

mod api;
mod events;
mod filters;
mod grids;
mod mlt;
mod ogc;
mod planning;
mod rules;
mod styles;
mod tiles;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use arrow::datatypes::Schema;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use geo_types::{Geometry, polygon};
use kho_lake::{Lake, Provenance};
use kho_layer::{City, LayerDef, StandardModel, arrow_schema};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::App;
use crate::config::ServerConfig;
use crate::router::router;

/// A value that stands in restricted and internal columns only.
const CANARY: &str = "CANARY-Nguyễn Văn A";
/// Where the test city is; a block is 0.001 degrees wide.
const CORNER: [f64; 2] = [109.19, 12.24];
const STEP: f64 = 0.0001;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// A served city, and the folder it is in.
struct Served {
    router: Router,
    lake: Lake,
    city: City,
    _dir: tempfile::TempDir,
}

impl Served {
    /// Twelve parcels in three rows of four, one unit old and one of today, two plans, three drains,
    /// and a layer that is not published.
    async fn start() -> Self {
        Self::prepared(|_| ()).await
    }

    /// The same, with more in its kho.toml.
    async fn with(config: &str) -> Self {
        Self::prepared(|dir| {
            let path = dir.join("kho.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text + config).unwrap();
        })
        .await
    }

    /// The same, after something more was done in the city's folder.
    async fn prepared(prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        StandardModel::write(dir.path()).unwrap();
        hide(dir.path());
        prepare(dir.path());
        let city = City::load(dir.path()).unwrap();
        let lake = Lake::create(dir.path(), None).await.unwrap();
        let served = Self { router: Router::new(), lake: lake.clone(), city: city.clone(), _dir: dir };
        served.commit(&first()).await;
        let config = ServerConfig {
            dir: served._dir.path().to_owned(),
            catalog: None,
            city,
            listen: "127.0.0.1:0".into(),
            public_url: None,
            tile_cache_bytes: 1 << 20,
            block_cache_bytes: 1 << 24,
        };
        let router = router(App::over(config, lake).unwrap());
        Self { router, ..served }
    }

    async fn commit(&self, layers: &[(&str, Vec<(Value, Geometry<f64>)>)]) -> i64 {
        let mut commit = self.lake.begin("test", "a delivery");
        let mut done = Vec::new();
        for (name, rows) in layers {
            let def = self.city.layer(name).unwrap();
            let mut writer = commit.replace(def).unwrap();
            let batch = batch(def, rows);
            let provenance = Provenance {
                sources: Vec::new(),
                features_written: rows.len() as u64,
                quarantined: 0,
                repaired: 0,
                author: "test".into(),
                at: chrono::Utc::now(),
            };
            done.push(
                tokio::task::spawn_blocking(move || {
                    writer.write(batch).unwrap();
                    writer.finish(provenance).unwrap()
                })
                .await
                .unwrap(),
            );
        }
        commit.finish(done).await.unwrap()
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "city.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: axum::body::to_bytes(body, 1 << 26).await.unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(path, &[]).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.json()
    }
}

/// Unpublishes the roads.
fn hide(dir: &Path) {
    let path = dir.join("layers/road.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("published = true", "published = false");
    std::fs::write(&path, text).unwrap();
}

fn square(column: f64, row: f64, width: f64, height: f64) -> Geometry<f64> {
    let (x, y) = (CORNER[0] + column * STEP, CORNER[1] + row * STEP);
    let (w, h) = (width * STEP, height * STEP);
    polygon![(x: x, y: y), (x: x + w, y: y), (x: x + w, y: y + h), (x: x, y: y + h)].into()
}

fn point(column: f64, row: f64) -> Geometry<f64> {
    geo_types::point!(x: CORNER[0] + column * STEP, y: CORNER[1] + row * STEP).into()
}

fn parcels(count: usize) -> Vec<(Value, Geometry<f64>)> {
    (0..count)
        .map(|n| {
            let row = json!({
                "kho_id": 1000 + n, "ma_xa": "22366", "so_to": 12, "so_thua": 341 + n, "so_to_cu": 3, "so_thua_cu": 1 + n,
                "dien_tich": 100.0 + n as f64, "loai_dat": "ODT", "chu_su_dung": CANARY, "dia_chi": CANARY, "valid_from": "2025-07-01",
            });
            (row, square((n % 4) as f64, (n / 4) as f64, 1.0, 1.0))
        })
        .collect()
}

fn first() -> Vec<(&'static str, Vec<(Value, Geometry<f64>)>)> {
    let unit = |id: i64, name: &str, from: &str, to: Value| {
        let row = json!({"kho_id": id, "ma_dvhc": "22366", "ten": name, "loai": "phường", "cap": "xã", "valid_from": from, "valid_to": to});
        (row, square(-1.0, -1.0, 10.0, 10.0))
    };
    let node = |id: i64, name: &str, kind: &str, floor: f64, column: f64| {
        (
            json!({"kho_id": id, "ma_nut": name, "loai": kind, "cao_do_nap": floor + 2.0, "cao_do_day": floor, "do_sau": 2.0}),
            point(column, 0.5),
        )
    };
    let pipe = |id: i64, from: &str, to: &str, a: f64, b: f64, start: f64, end: f64| {
        let line = geo_types::LineString::from(vec![
            (CORNER[0] + a * STEP, CORNER[1] + 0.5 * STEP),
            (CORNER[0] + b * STEP, CORNER[1] + 0.5 * STEP),
        ]);
        let row = json!({"kho_id": id, "ma_tuyen": format!("{from}-{to}"), "nut_dau": from, "nut_cuoi": to, "duong_kinh": 600,
                         "cao_do_dau": start, "cao_do_cuoi": end});
        (row, line.into())
    };
    let address = |id: i64, number: &str, whole: &str| {
        (
            json!({"kho_id": id, "ma_dia_chi": number, "so_nha": number, "dia_chi_day_du": whole, "dien_thoai": CANARY}),
            point(1.0, 1.0),
        )
    };
    vec![
        (
            "admin_unit",
            vec![
                unit(1, "Phường cũ", "1977-01-01", json!("2025-06-30")),
                unit(2, "Phường Nha Trang", "2025-07-01", Value::Null),
            ],
        ),
        ("land_parcel", parcels(12)),
        (
            "planning_project",
            vec![(
                json!({"kho_id": 30, "ma_ho_so": "56QPK2025014", "ten": "Phân khu ven biển", "cap_do": "QPK", "so_quyet_dinh": "1204/QĐ-UBND",
                   "ngay_quyet_dinh": "2025-06-30", "valid_from": "2025-06-30"}),
                square(0.0, 0.0, 4.0, 3.0),
            )],
        ),
        (
            "planning_zone",
            vec![
                (
                    json!({"kho_id": 40, "ma_doi_tuong": "z1", "ma_ho_so": "56QPK2025014", "chuc_nang": "ODT", "valid_from": "2025-06-30"}),
                    square(0.0, 0.0, 0.25, 3.0),
                ),
                (
                    json!({"kho_id": 41, "ma_doi_tuong": "z2", "ma_ho_so": "56QPK2025014", "chuc_nang": "CX", "valid_from": "2025-06-30"}),
                    square(0.25, 0.0, 3.75, 3.0),
                ),
                (
                    json!({"kho_id": 42, "ma_doi_tuong": "z3", "ma_ho_so": "56QPK2025014", "chuc_nang": "CX", "valid_from": "2001-01-01", "valid_to": "2010-01-01"}),
                    square(0.0, 0.0, 4.0, 3.0),
                ),
            ],
        ),
        (
            "drain_node",
            vec![
                node(50, "n0", "ho_ga", 2.0, 0.0),
                node(51, "n1", "ho_ga", 1.8, 1.0),
                node(52, "n2", "cua_xa", 1.6, 2.0),
            ],
        ),
        (
            "drain_pipe",
            vec![pipe(60, "n0", "n1", 0.0, 1.0, 2.0, 1.8), pipe(61, "n1", "n2", 1.0, 2.0, 1.8, 1.9)],
        ),
        (
            "address_point",
            vec![
                address(70, "12/3/4A", "12/3/4A Trần Phú, Phường Nha Trang"),
                address(71, "12", "12 Trần Phú, Phường Nha Trang"),
            ],
        ),
        (
            "road",
            vec![(
                json!({"kho_id": 80, "ma_duong": "d1", "loai": "hem"}),
                geo_types::LineString::from(vec![(109.19, 12.24), (109.2, 12.24)]).into(),
            )],
        ),
    ]
}

/// Rows of a layer as the batch that ingest would hand over.
fn batch(def: &LayerDef, rows: &[(Value, Geometry<f64>)]) -> RecordBatch {
    let schema = arrow_schema(def);
    let fields = schema.fields();
    let facts = Arc::new(Schema::new(fields[..fields.len() - 1].to_vec()));
    let mut decoder = arrow::json::ReaderBuilder::new(facts).build_decoder().unwrap();
    let values: Vec<&Value> = rows.iter().map(|(row, _)| row).collect();
    decoder.serialize(&values).unwrap();
    let facts = decoder.flush().unwrap().unwrap();
    let shapes = rows.iter().map(|(_, shape)| {
        let mut bytes = Vec::new();
        wkb::writer::write_geometry(&mut bytes, shape, &wkb::writer::WriteOptions::default()).unwrap();
        bytes
    });
    let mut columns: Vec<ArrayRef> = facts.columns().to_vec();
    columns.push(Arc::new(BinaryArray::from_iter_values(shapes)));
    RecordBatch::try_new(schema, columns).unwrap()
}
