//! What a bake made.

use crate::Tile;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The tiles of one zoom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoomStats {
    /// The zoom.
    pub zoom: u8,
    /// Tiles that are not empty.
    pub tiles: u64,
    /// Tiles of them that were made in this bake and not taken over from the one before; the next
    /// four numbers are of these alone.
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
    /// Compressed bytes of all tiles.
    pub bytes: u64,
    /// The compressed size of the largest tile.
    pub largest_bytes: u64,
    /// The largest tile: column, row.
    pub largest: (u32, u32),
}

impl ZoomStats {
    /// Counts a tile of `bytes`.
    pub(super) fn add(&mut self, x: u32, y: u32, bytes: u64) {
        self.tiles += 1;
        self.bytes += bytes;
        if bytes > self.largest_bytes {
            (self.largest_bytes, self.largest) = (bytes, (x, y));
        }
    }

    /// Counts what is known only of a tile that was made now.
    pub(super) fn drawn(&mut self, tile: &Tile, took: Duration) {
        self.made += 1;
        self.features += tile.features as u64;
        self.left_out += tile.left_out as u64;
        self.merged += tile.merged as u64;
        self.slowest_micros = self.slowest_micros.max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// What a bake made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BakeReport {
    /// The layer.
    pub layer: String,
    /// The snapshot that last changed the layer.
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
