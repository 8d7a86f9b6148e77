//! Cities to test with.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod postgres;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;
use kho_access::{Grant, Policy, Principal};
use kho_lake::{Lake, LakeError, Provenance, ReadRequest, SnapshotId};
use kho_layer::{City, LayerDef, StandardModel, arrow_schema};
use std::path::Path;
use std::sync::Arc;

/// In every restricted text of a test city.
pub const CANARY: &str = "CANARY-Nguyễn Thị Hoàng Yến";

pub fn city() -> Arc<City> {
    Arc::new(StandardModel::load().unwrap())
}

pub fn layer(name: &str) -> Arc<LayerDef> {
    Arc::clone(city().layer(name).unwrap())
}

pub fn grant(who: &Principal, layer: &str, snapshot: SnapshotId) -> Grant {
    Policy::new(city()).grant(who, layer, snapshot).unwrap()
}

/// A permission to read all of a layer that may have another shape than the standard one.
pub fn grant_of(def: &LayerDef, snapshot: SnapshotId) -> Grant {
    let model = city();
    let codes = model.code_lists().map(|c| (**c).clone()).collect();
    let one = City::new(model.config.clone(), vec![def.clone()], codes).unwrap();
    Policy::new(Arc::new(one)).grant(&Principal::LocalCli, &def.name, snapshot).unwrap()
}

/// SplitMix64: the same numbers on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (self.next() >> 11) as f64 / (1u64 << 53) as f64 * (high - low)
    }
}

/// A square of WKB.
pub fn square(x: f64, y: f64, side: f64) -> Vec<u8> {
    let mut wkb = vec![1, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0];
    for (dx, dy) in [(0., 0.), (side, 0.), (side, side), (0., side), (0., 0.)] {
        wkb.extend((x + dx).to_le_bytes());
        wkb.extend((y + dy).to_le_bytes());
    }
    wkb
}

/// `rows` features of a layer all over Nha Trang, in no order, with ids from `first`. Every
/// eleventh value is null, and so is the first geometry.
pub fn features(def: &LayerDef, first: i64, rows: usize, seed: u64) -> RecordBatch {
    let mut random = Random(seed);
    let schema = arrow_schema(def);
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let mut value = |_| (!random.next().is_multiple_of(11)).then(|| random.next());
        let values = (0..rows).map(&mut value);
        let restricted =
            def.column(field.name()).is_some_and(|c| c.access == kho_layer::AccessClass::Restricted);
        match field.data_type() {
            DataType::Int64 if field.name() == "kho_id" => {
                Arc::new(Int64Array::from_iter_values(first..first + rows as i64))
            }
            DataType::Int64 => {
                Arc::new(values.map(|v| v.map(|v| (v % 500) as i64 - 100)).collect::<Int64Array>())
            }
            DataType::Float64 => {
                Arc::new(values.map(|v| v.map(|v| v as f64 / 1e16)).collect::<Float64Array>())
            }
            DataType::Boolean => Arc::new(values.map(|v| v.map(|v| v % 2 == 0)).collect::<BooleanArray>()),
            DataType::Date32 => {
                Arc::new(values.map(|v| v.map(|v| (v % 20_000) as i32)).collect::<Date32Array>())
            }
            DataType::Timestamp(..) => Arc::new(
                values
                    .map(|v| v.map(|v| (v % (1 << 50)) as i64))
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
            DataType::Utf8 if restricted => {
                Arc::new(values.map(|v| v.map(|v| format!("{CANARY} {v}"))).collect::<StringArray>())
            }
            DataType::Utf8 => {
                Arc::new(values.map(|v| v.map(|v| format!("mã {}", v % 977))).collect::<StringArray>())
            }
            DataType::Binary => Arc::new(BinaryArray::from_iter((0..rows).map(|row| {
                let (x, y) = (random.between(109.1, 109.3), random.between(12.1, 12.4));
                (row > 0).then(|| square(x, y, 0.0002))
            }))),
            other => unreachable!("no layer has {other}"),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

pub fn provenance(rows: usize) -> Provenance {
    Provenance {
        sources: vec![kho_lake::SourceFile {
            name: "thửa đất.gpkg".into(),
            sha256: "00".repeat(32),
            bytes: 12,
            source_crs: "EPSG:9217".into(),
            features_read: rows as u64,
        }],
        features_written: rows as u64,
        quarantined: 0,
        repaired: 0,
        author: "test".into(),
        at: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}

/// Replaces a layer by batches, in a commit of its own.
pub async fn replace(lake: &Lake, def: &LayerDef, batches: &[RecordBatch]) -> SnapshotId {
    let mut commit = lake.begin("test", "replace");
    let mut writer = commit.replace(def).unwrap();
    for batch in batches {
        writer.write(batch.clone()).unwrap();
    }
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let written = writer.finish(provenance(rows)).unwrap();
    commit.finish(vec![written]).await.unwrap()
}

/// Everything of a request, as one batch.
pub async fn read(lake: &Lake, grant: &Grant, request: ReadRequest) -> Result<RecordBatch, LakeError> {
    let batches: Vec<_> = lake.read(grant, request).await?.try_collect().await?;
    let Some(first) = batches.first() else {
        return Ok(RecordBatch::new_empty(arrow_schema(grant.layer())));
    };
    Ok(arrow::compute::concat_batches(first.schema_ref(), &batches).unwrap())
}

pub fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

/// The same rows, in the order of their ids.
pub fn by_id(batch: &RecordBatch) -> RecordBatch {
    let order = arrow::compute::sort_to_indices(batch.column(0), None, None).unwrap();
    arrow::compute::take_record_batch(batch, &order).unwrap()
}

/// All files under a folder, relative to it.
pub fn files_under(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
