//! What is asked of a reading, and what is said about it afterwards.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How to read a source.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The coordinate system of its coordinates, such as `EPSG:9217`; needed where the file does
    /// not say. Where both speak and differ, this wins and a warning says so.
    pub crs: Option<String>,
    /// Which of its layers to read; needed where it has several.
    pub source_layer: Option<String>,
    /// Where to write the features that were set aside: one GeoJSON feature a line, with all the
    /// delivered attributes, restricted ones included, so readable by its owner only. Not written
    /// when there are none.
    pub quarantine: Option<PathBuf>,
    /// Features in a batch, about; 0 for the default.
    pub batch_rows: usize,
}

impl ReadOptions {
    /// Batches this long keep both cores busy and stay small beside the data.
    pub const DEFAULT_BATCH_ROWS: usize = 16_384;

    pub(crate) fn rows(&self) -> usize {
        if self.batch_rows == 0 { Self::DEFAULT_BATCH_ROWS } else { self.batch_rows }
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { crs: None, source_layer: None, quarantine: None, batch_rows: Self::DEFAULT_BATCH_ROWS }
    }
}

/// The delivered file, for the provenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name without the folder; inside an archive, `archive.zip/name`.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal. Of several files (a shapefile, a FileGDB), that of
    /// the list `sha256sum` prints for them in name order.
    pub sha256: String,
    /// Size of all its files.
    pub bytes: u64,
    /// The coordinate system it was read in: `EPSG:9217`, or a name where there is no code.
    pub source_crs: String,
    /// Features in it.
    pub features_read: u64,
}

/// What came of reading a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The file.
    pub source: SourceFile,
    /// Features handed on.
    pub features_written: u64,
    /// Features among them whose geometry was repaired: rings closed, spikes and crossings
    /// mended with less than 1 % change of area, or by keeping a loop below one square metre.
    pub repaired: u64,
    /// Features set aside: reason → count. A feature counts under its first reason.
    pub quarantined: BTreeMap<String, u64>,
    /// What a person should know, in sentences; names no value of a feature.
    pub warnings: Vec<String>,
    /// Columns of the source that no column of the layer takes; they were left out.
    pub unmapped: Vec<String>,
}

impl Summary {
    /// How many features were set aside.
    pub fn quarantined_total(&self) -> u64 {
        self.quarantined.values().sum()
    }
}
