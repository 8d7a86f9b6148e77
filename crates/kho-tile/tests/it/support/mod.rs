//! A small city for tests and benches: parcels on a crooked lattice, sharing every border.
#![allow(dead_code, missing_docs, reason = "each test uses its part of it")]

pub mod lines;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use kho_access::{Grant, Policy, Principal};
use kho_lake::{Lake, Provenance};
use kho_layer::{City, CodeList, ColumnType, LayerDef, StandardModel, arrow_schema};
use std::sync::Arc;

pub type Fallible<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The south-west corner: Nha Trang.
pub const CORNER: (f64, f64) = (109.17, 12.22);
/// The side of a lattice cell in degrees, about 9 m.
pub const CELL: f64 = 8.0e-5;

/// A repeatable number in 0..1 for a place.
fn noise(a: i64, b: i64, c: i64) -> f64 {
    let mut h = (a as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (b as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
        ^ (c as u64).wrapping_mul(0x1656_67B1_9E37_79F9);
    h ^= h >> 29;
    h = h.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h ^= h >> 32;
    (h & 0xFFFF_FFFF) as f64 / 4_294_967_296.0
}

fn corner(i: i64, j: i64) -> [f64; 2] {
    let (dx, dy) = (noise(i, j, 1) - 0.5, noise(i, j, 2) - 0.5);
    [CORNER.0 + CELL * (i as f64 + 0.5 * dx), CORNER.1 + CELL * (j as f64 + 0.5 * dy)]
}

/// A bend in the border from a corner to the next, for one border in three.
fn bend(i: i64, j: i64, upward: bool) -> Option<[f64; 2]> {
    let seed = 3 + i64::from(upward);
    (noise(i, j, seed) < 0.33).then(|| {
        let (a, b) = (corner(i, j), if upward { corner(i, j + 1) } else { corner(i + 1, j) });
        let off = 0.25 * CELL * (noise(i, j, seed + 4) - 0.5);
        [(a[0] + b[0]) / 2.0 + off, (a[1] + b[1]) / 2.0 - off]
    })
}

/// The outline of a cell, counter-clockwise, without its closing point.
pub fn outline(i: i64, j: i64) -> Vec<[f64; 2]> {
    let mut ring = vec![corner(i, j)];
    ring.extend(bend(i, j, false));
    ring.push(corner(i + 1, j));
    ring.extend(bend(i + 1, j, true));
    ring.push(corner(i + 1, j + 1));
    ring.extend(bend(i, j + 1, false));
    ring.push(corner(i, j + 1));
    ring.extend(bend(i, j, true));
    ring
}

/// A cell in two halves, of which the neighbours below and above know nothing; `None` if its borders to
/// them are bent.
pub fn halves(i: i64, j: i64) -> Option<[Vec<[f64; 2]>; 2]> {
    if bend(i, j, false).is_some() || bend(i, j + 1, false).is_some() {
        return None;
    }
    let between = |a: [f64; 2], b: [f64; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    let (a, b, c, d) = (corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1));
    let (low, high) = (between(a, b), between(d, c));
    let west = [a, low, high, d].into_iter().chain(bend(i, j, true)).collect();
    let east = [low, b].into_iter().chain(bend(i + 1, j, true)).chain([c, high]).collect();
    Some([west, east])
}

/// The outline of `side` × `side` cells, counter-clockwise, without its closing point.
pub fn rim(side: i64) -> Vec<[f64; 2]> {
    let mut ring = Vec::new();
    for i in 0..side {
        ring.push(corner(i, 0));
        ring.extend(bend(i, 0, false));
    }
    for j in 0..side {
        ring.push(corner(side, j));
        ring.extend(bend(side, j, true));
    }
    for i in (0..side).rev() {
        ring.push(corner(i + 1, side));
        ring.extend(bend(i, side, false));
    }
    for j in (0..side).rev() {
        ring.push(corner(0, j + 1));
        ring.extend(bend(0, j, true));
    }
    ring
}

/// A polygon in WKB from rings without closing points.
pub fn polygon(rings: &[Vec<[f64; 2]>]) -> Vec<u8> {
    let mut wkb = vec![1, 3, 0, 0, 0];
    wkb.extend((rings.len() as u32).to_le_bytes());
    for ring in rings {
        wkb.extend((ring.len() as u32 + 1).to_le_bytes());
        for p in ring.iter().chain(ring.first()) {
            wkb.extend(p.iter().flat_map(|v| v.to_le_bytes()));
        }
    }
    wkb
}

/// A line in WKB.
pub fn line(points: &[[f64; 2]]) -> Vec<u8> {
    let mut wkb = vec![1, 2, 0, 0, 0];
    wkb.extend((points.len() as u32).to_le_bytes());
    wkb.extend(points.iter().flatten().flat_map(|v| v.to_le_bytes()));
    wkb
}

/// A point in WKB.
pub fn point(p: [f64; 2]) -> Vec<u8> {
    let mut wkb = vec![1, 1, 0, 0, 0];
    wkb.extend(p.iter().flat_map(|v| v.to_le_bytes()));
    wkb
}

/// One batch of a layer: ids from `first`, the geometries given, and for every column values that
/// say where they come from. `edition` changes them.
pub fn batch(
    layer: &LayerDef,
    first: i64,
    edition: i64,
    shapes: &[Option<Vec<u8>>],
) -> Fallible<RecordBatch> {
    let ids = || first..first + shapes.len() as i64;
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(ids()))];
    for (at, column) in layer.columns.iter().enumerate() {
        let some = |n: i64| column.required || (n + at as i64) % 7 != 0;
        columns.push(match column.ty {
            ColumnType::Text => {
                // Few values for codes, one each for what names things.
                let text = |n: i64| match column.name.as_str() {
                    "ma_xa" => format!("{}", 22_366 + n / 40_000),
                    "loai_dat" => ["ODT", "ONT", "CLN", "TMD"][(n % 4) as usize].to_owned(),
                    name => format!("{name}-{edition}-{}", n % 5000),
                };
                Arc::new(StringArray::from_iter(ids().map(|n| some(n).then(|| text(n)))))
            }
            ColumnType::Integer => {
                Arc::new(Int64Array::from_iter(ids().map(|n| some(n).then_some(n / 7 % 300 + edition - 3))))
            }
            ColumnType::Float => Arc::new(Float64Array::from_iter(
                ids().map(|n| some(n).then(|| (noise(n, at as i64, 9) * 30_000.0).round() / 100.0)),
            )),
            ColumnType::Boolean => {
                Arc::new(BooleanArray::from_iter(ids().map(|n| some(n).then_some(n % 2 == 0))))
            }
            ColumnType::Date => {
                Arc::new(Date32Array::from_iter(ids().map(|n| some(n).then_some(18_000 + (n % 900) as i32))))
            }
            ColumnType::Timestamp => return Err("no timestamps here".into()),
        });
    }
    columns.push(Arc::new(BinaryArray::from_iter(shapes.iter().map(Option::as_deref))));
    Ok(RecordBatch::try_new(arrow_schema(layer), columns)?)
}

/// `side` × `side` parcels.
pub fn parcels(
    layer: &LayerDef,
    side: i64,
    edition: i64,
) -> impl Iterator<Item = Fallible<RecordBatch>> + '_ {
    (0..side).map(move |j| {
        let shapes: Vec<_> = (0..side).map(|i| Some(polygon(&[outline(i, j)]))).collect();
        batch(layer, 1 + j * side, edition, &shapes)
    })
}

/// A layer that draws every feature as itself from z13 on, and nothing below.
pub fn plain(layer: &mut LayerDef) {
    layer.overview = None;
    layer.zoom.min = 13;
}

/// A city in a temporary folder.
pub struct Town {
    pub dir: tempfile::TempDir,
    pub lake: Lake,
    pub city: Arc<City>,
}

impl Town {
    pub async fn new() -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let lake = Lake::create(dir.path(), None).await?;
        Ok(Self { dir, lake, city: Arc::new(StandardModel::load()?) })
    }

    /// Changes what a layer's file says.
    pub fn alter(&mut self, name: &str, change: impl FnOnce(&mut LayerDef)) -> Fallible {
        let mut layers: Vec<LayerDef> = self.city.layers().map(|l| LayerDef::clone(l)).collect();
        change(layers.iter_mut().find(|l| l.name == name).ok_or("no such layer")?);
        let codes = self.city.code_lists().map(|c| CodeList::clone(c)).collect();
        self.city = Arc::new(City::new(self.city.config.clone(), layers, codes)?);
        Ok(())
    }

    pub fn layer(&self, name: &str) -> Fallible<Arc<LayerDef>> {
        Ok(Arc::clone(self.city.layer(name).ok_or("no such layer")?))
    }

    /// Replaces a layer; gives the new snapshot.
    pub async fn put(
        &self,
        name: &str,
        batches: impl Iterator<Item = Fallible<RecordBatch>>,
    ) -> Fallible<i64> {
        let layer = self.layer(name)?;
        let mut commit = self.lake.begin("test", "test");
        let mut writer = commit.replace(&layer)?;
        let mut features = 0;
        for batch in batches {
            let batch = batch?;
            features += batch.num_rows() as u64;
            writer.write(batch)?;
        }
        let written = writer.finish(Provenance {
            sources: vec![],
            features_written: features,
            quarantined: 0,
            repaired: 0,
            author: "test".into(),
            at: chrono::Utc::now(),
        })?;
        Ok(commit.finish(vec![written]).await?)
    }

    pub fn grant(&self, who: &Principal, layer: &str, snapshot: i64) -> Fallible<Grant> {
        Ok(Policy::new(Arc::clone(&self.city)).grant(who, layer, snapshot)?)
    }
}

/// The tile of a zoom that holds a place.
pub fn tile_at(z: u8, lon: f64, lat: f64) -> (u32, u32) {
    let n = f64::from(1u32 << z);
    let y = 0.5 - lat.to_radians().tan().asinh() / std::f64::consts::TAU;
    (((lon / 360.0 + 0.5) * n) as u32, (y * n) as u32)
}
