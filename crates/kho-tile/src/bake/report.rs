//! What a bake made.

use super::figures::Figures;
use serde::{Deserialize, Serialize};

/// The tiles of one zoom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoomStats {
    /// The zoom.
    pub zoom: u8,
    /// Tiles that are not empty.
    pub tiles: u64,
    /// Tiles of them that were made in this bake and not taken over from the one before.
    pub made: u64,
    /// Features in them; one that lies in several tiles counts in each.
    pub features: u64,
    /// Features left out of tiles that would have been too big.
    pub left_out: u64,
    /// Features that are seen only as a part of what they were merged to, in overviews.
    #[serde(default)]
    pub merged: u64,
    /// The time the slowest tile took, in microseconds, from decoded blocks to compressed bytes.
    pub slowest_micros: u64,
    /// Compressed bytes of all tiles, each counted though some share their bytes.
    pub bytes: u64,
    /// The compressed size of the largest tile.
    pub largest_bytes: u64,
    /// The largest tile: column, row.
    pub largest: (u32, u32),
}

impl ZoomStats {
    /// Counts a tile of `bytes`.
    pub(super) fn add(&mut self, x: u32, y: u32, bytes: u64, figures: &Figures) {
        self.tiles += 1;
        self.bytes += bytes;
        self.features += figures.features;
        self.left_out += figures.left_out;
        self.merged += figures.merged;
        self.slowest_micros = self.slowest_micros.max(figures.micros);
        if bytes > self.largest_bytes {
            (self.largest_bytes, self.largest) = (bytes, (x, y));
        }
    }

    /// The share of features that were left out, 0 to 1.
    pub fn left_out_share(&self) -> f64 {
        self.share(self.left_out)
    }

    /// The share of features that are seen only as a part of others, 0 to 1.
    pub fn merged_share(&self) -> f64 {
        self.share(self.merged)
    }

    fn share(&self, of: u64) -> f64 {
        // Of an overview's features, what is neither merged nor left out is there as itself.
        of as f64 / (self.features + self.left_out + self.merged).max(1) as f64
    }
}

/// What a bake made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BakeReport {
    /// The layer, or the composite.
    pub layer: String,
    /// The snapshot that last changed the layer; of several, the newest.
    pub since: i64,
    /// Tiles in the archive.
    pub tiles: u64,
    /// Tiles made now; the others were taken over from the bake before.
    pub made: u64,
    /// Bytes of the archive.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// The zooms, from the lowest.
    pub zooms: Vec<ZoomStats>,
}
