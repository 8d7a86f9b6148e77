//! What the engine has done so far.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the histogram's classes, in microseconds: powers of four up to a minute.
const BOUNDS: [u64; 13] = [
    16,
    64,
    256,
    1_024,
    4_096,
    16_384,
    65_536,
    262_144,
    1_048_576,
    4_194_304,
    16_777_216,
    67_108_864,
    u64::MAX,
];

/// Counters that only grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits: AtomicU64,
    made: AtomicU64,
    features: AtomicU64,
    repaired: AtomicU64,
    left_out: AtomicU64,
    bytes: AtomicU64,
    blocks_decoded: AtomicU64,
    micros: AtomicU64,
    histogram: [AtomicU64; BOUNDS.len()],
}

impl Counters {
    pub fn hit(&self) {
        self.hits.fetch_add(1, Relaxed);
    }

    pub fn block_decoded(&self) {
        self.blocks_decoded.fetch_add(1, Relaxed);
    }

    pub fn made(&self, features: usize, bytes: usize, repaired: usize, left_out: usize, took: Duration) {
        self.made.fetch_add(1, Relaxed);
        self.features.fetch_add(features as u64, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.repaired.fetch_add(repaired as u64, Relaxed);
        self.left_out.fetch_add(left_out as u64, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Relaxed);
        let class = BOUNDS.partition_point(|&b| b < micros).min(BOUNDS.len() - 1);
        self.histogram[class].fetch_add(1, Relaxed);
    }

    pub fn read(&self) -> TileStats {
        TileStats {
            tile_hits: self.hits.load(Relaxed),
            tiles_made: self.made.load(Relaxed),
            features: self.features.load(Relaxed),
            repaired: self.repaired.load(Relaxed),
            left_out: self.left_out.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            blocks_decoded: self.blocks_decoded.load(Relaxed),
            micros: self.micros.load(Relaxed),
            histogram: BOUNDS.iter().zip(&self.histogram).map(|(&b, n)| (b, n.load(Relaxed))).collect(),
            ..TileStats::default()
        }
    }
}

/// What a [`TileEngine`](crate::TileEngine) has done since it was made, and what it holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TileStats {
    /// Tiles answered from the tile cache.
    pub tile_hits: u64,
    /// Tiles made from blocks.
    pub tiles_made: u64,
    /// Features written into these.
    pub features: u64,
    /// Polygons among them that had to be repaired after snapping.
    pub repaired: u64,
    /// Features left out of tiles that would have been too big.
    pub left_out: u64,
    /// Compressed bytes of the tiles made.
    pub bytes: u64,
    /// Row groups decoded into blocks (geometry and attributes count apart).
    pub blocks_decoded: u64,
    /// Microseconds spent making tiles, from blocks to compressed bytes, added up.
    pub micros: u64,
    /// Tiles made by the time they took: (at most so many microseconds, number of tiles), not
    /// cumulative; the last class has no bound (`u64::MAX`).
    pub histogram: Vec<(u64, u64)>,
    /// Bytes held by the tile cache.
    pub tile_cache_bytes: u64,
    /// Tiles held.
    pub tile_cache_entries: u64,
    /// Bytes held by the block cache.
    pub block_cache_bytes: u64,
    /// Blocks held.
    pub block_cache_entries: u64,
}
