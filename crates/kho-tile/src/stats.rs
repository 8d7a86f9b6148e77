//! What the engine has done so far.

use crate::grid::MAX_ZOOM;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
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

/// What has been made of each layer. Looked up when an index is opened, not for every tile: an index
/// holds its layer's counters.
#[derive(Debug, Default)]
pub(crate) struct Layers(RwLock<HashMap<String, Arc<LayerCounters>>>);

impl Layers {
    /// A layer's counters.
    pub fn of(&self, layer: &str) -> Arc<LayerCounters> {
        if let Some(known) = self.get(layer) {
            return known;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(layer.to_owned()).or_default())
    }

    /// The same, if there are any.
    pub fn get(&self, layer: &str) -> Option<Arc<LayerCounters>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(layer).cloned()
    }
}

/// Counters of a layer, one for each zoom.
#[derive(Debug, Default)]
pub(crate) struct LayerCounters([ZoomCounters; MAX_ZOOM as usize + 1]);

#[derive(Debug, Default)]
struct ZoomCounters {
    made: AtomicU64,
    features: AtomicU64,
    left_out: AtomicU64,
    bytes: AtomicU64,
    slowest: AtomicU64,
}

impl LayerCounters {
    /// Counts a tile that was made on demand.
    pub fn made(&self, zoom: u8, features: usize, left_out: usize, bytes: usize, took: Duration) {
        let Some(counters) = self.0.get(usize::from(zoom)) else { return };
        counters.made.fetch_add(1, Relaxed);
        counters.features.fetch_add(features as u64, Relaxed);
        counters.left_out.fetch_add(left_out as u64, Relaxed);
        counters.bytes.fetch_add(bytes as u64, Relaxed);
        counters.slowest.fetch_max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The zooms at which something was made.
    pub fn read(&self) -> Vec<LayerFigures> {
        (0..)
            .zip(&self.0)
            .map(|(zoom, c)| LayerFigures {
                zoom,
                tiles: c.made.load(Relaxed),
                features: c.features.load(Relaxed),
                left_out: c.left_out.load(Relaxed),
                bytes: c.bytes.load(Relaxed),
                slowest_micros: c.slowest.load(Relaxed),
            })
            .filter(|figures| figures.tiles > 0)
            .collect()
    }
}

/// What has been made on demand of a layer at one zoom, since the engine was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LayerFigures {
    /// The zoom.
    pub zoom: u8,
    /// Tiles, empty ones too.
    pub tiles: u64,
    /// Features in them.
    pub features: u64,
    /// Features left out because a tile would have been too big.
    pub left_out: u64,
    /// Bytes, as they were packed for those who asked.
    pub bytes: u64,
    /// The slowest tile, microseconds from decoded blocks to packed bytes.
    pub slowest_micros: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_counted_apart_and_zooms_too() {
        let layers = Layers::default();
        let took = Duration::from_micros(700);
        layers.of("a").made(14, 10, 2, 500, took);
        layers.of("a").made(14, 5, 0, 100, Duration::ZERO);
        layers.of("b").made(22, 1, 0, 10, Duration::ZERO);
        layers.of("b").made(200, 1, 0, 10, Duration::ZERO);
        let one =
            LayerFigures { zoom: 14, tiles: 2, features: 15, left_out: 2, bytes: 600, slowest_micros: 700 };
        assert_eq!(layers.get("a").unwrap().read(), [one]);
        assert_eq!(layers.get("b").unwrap().read().len(), 1);
        assert!(layers.get("c").is_none());
    }
}
