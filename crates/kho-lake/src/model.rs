//! What the lake says about itself.

use crate::bounds::Bounds;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A DuckLake snapshot id. 0 is the empty lake; every commit adds one.
pub type SnapshotId = i64;

/// One state of the whole lake.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Its number.
    pub id: SnapshotId,
    /// When it was committed.
    pub at: DateTime<Utc>,
    /// Who committed it.
    pub author: Option<String>,
    /// Why.
    pub message: Option<String>,
    /// The layers it replaced, by name.
    pub layers: Vec<String>,
}

/// One layer at one snapshot, without a value of any feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerState {
    /// The layer's name.
    pub name: String,
    /// How many features it has.
    pub feature_count: u64,
    /// In how many data files, restricted siblings included.
    pub file_count: u64,
    /// The size of these files.
    pub bytes: u64,
    /// The box around all features, CRS84; `None` without any geometry.
    pub bounds: Option<Bounds>,
    /// The snapshot that last changed it.
    pub since_snapshot: SnapshotId,
    /// Where it came from; `None` if another program wrote it.
    pub provenance: Option<Provenance>,
}

/// Where a version of a layer came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The files it was made of.
    pub sources: Vec<SourceFile>,
    /// How many features went into the lake.
    pub features_written: u64,
    /// How many were left out, each with a reason, in the quarantine file.
    pub quarantined: u64,
    /// How many geometries were repaired on the way.
    pub repaired: u64,
    /// The account that brought it in.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// One delivered file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name, without the folder it lay in.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// The CRS its coordinates were delivered in, as `EPSG:9217`.
    pub source_crs: String,
    /// How many features were read from it.
    pub features_read: u64,
}

/// The data files that a grant opens: the only way to them.
#[derive(Debug, Clone)]
pub struct LayerFiles {
    /// The snapshot they belong to.
    pub snapshot: SnapshotId,
    /// The snapshot that last changed this layer: what caches should be keyed by.
    pub layer_since: SnapshotId,
    /// `kho_id`, the granted columns that lie in these files, and (unless these are restricted
    /// siblings) `geometry`. The files may hold more columns; these are what may be read.
    pub schema: SchemaRef,
    /// The files, in the order of the Hilbert curve.
    pub files: Vec<DataFile>,
    /// How many features they hold.
    pub feature_count: u64,
    /// The box around all features, CRS84.
    pub bounds: Option<Bounds>,
    /// The files with the restricted columns, only if the grant has any: as many files, with the
    /// same features in the same rows.
    pub restricted: Option<Box<LayerFiles>>,
}

/// One Parquet file.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Its DuckLake `data_file_id`: never used again for other data.
    pub id: i64,
    /// Where it is: an absolute path.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How many features are in it.
    pub rows: u64,
    /// The size of its Parquet footer.
    pub footer_bytes: u64,
    /// The box around its features, CRS84; `None` if unknown, and then nothing may be pruned.
    pub bounds: Option<Bounds>,
}

/// What to read of a layer.
#[derive(Debug, Clone, Default)]
pub struct ReadRequest {
    /// Only features whose bounding box meets this one, CRS84.
    pub window: Option<Bounds>,
    /// Only these columns, in this order; `None` for all that are granted.
    pub columns: Option<Vec<String>>,
    /// Whether the last column is `geometry` (WKB, CRS84).
    pub geometry: bool,
    /// Stop after so many features.
    pub limit: Option<usize>,
}
