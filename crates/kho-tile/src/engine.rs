//! From a grant and an address to a tile.

mod coarse;
mod composite;
mod filtered;
mod recode;
mod weave;

use crate::block::{GeometryBlock, Rows};
use crate::generalise::Rule;
use crate::grid::{Grid, TileFrame};
use crate::index::{Group, LayerIndex, columns_id};
use crate::load::{Blocks, LoadedGroup};
use crate::overview::{FabricConfig, Overview, Overviews};
use crate::render::{Manner, Painter};
use crate::stats::{Counters, LayerFigures, Layers, TileStats};
use crate::tile::Packing;
use crate::{Encoding, Representation, Tile, TileError};
use coarse::is_overview;
use futures::{StreamExt, TryStreamExt};
use kho_access::Grant;
use kho_filter::{Filter, FilterId};
use kho_lake::{Lake, SnapshotId};
use moka::future::Cache;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How much memory the engine may use, and how big a tile may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileConfig {
    /// Bytes for finished tiles, a quarter of them for tiles of several layers; 0 turns the tile
    /// caches off.
    pub cache_bytes: u64,
    /// Bytes for decoded row groups (about 150 for a parcel with ten attributes).
    pub block_bytes: u64,
    /// The size in compressed bytes above which a tile is thinned, at zooms below
    /// [`Drawing::full_zoom`].
    pub max_tile_bytes: usize,
}

impl Default for TileConfig {
    fn default() -> Self {
        Self { cache_bytes: 256 << 20, block_bytes: 1 << 30, max_tile_bytes: 500_000 }
    }
}

/// How tiles are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawing {
    /// What is kept around a tile, in grid units (4096 to a tile side).
    pub buffer: u32,
    /// From this zoom on, nothing is simplified and nothing left out for size.
    pub full_zoom: u8,
    /// gzip level, 1 to 12 (libdeflate's). `make bench-tiles` measures gzip beside plain bytes; higher
    /// levels pay where a tile is made once and read often.
    pub gzip_level: u32,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { buffer: 64, full_zoom: 14, gzip_level: 1 }
    }
}

/// Makes tiles, and keeps what it needs for the next. Cheap to clone; all clones are one engine.
#[derive(Debug, Clone)]
pub struct TileEngine(Arc<Inner>);

/// What an index is kept under: all that decides which files and columns a grant opens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct IndexKey {
    layer: String,
    snapshot: SnapshotId,
    class: &'static str,
    columns: u64,
    grid: Grid,
}

/// What a tile is kept under. `since`, not the snapshot asked for: a commit that leaves the layer
/// alone leaves its tiles warm, and so does one that changes the layer elsewhere than in the tile's
/// window ([`crate::touched`] says why a tile is never answered as of a snapshot it does not equal).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TileKey {
    layer: String,
    since: SnapshotId,
    class: &'static str,
    columns: u64,
    grid: Grid,
    z: u8,
    x: u32,
    y: u32,
    representation: Representation,
    filter: Option<FilterId>,
    /// Whether it is drawn from an [`Overview`]: not any more once the layer has grown too large.
    shared: bool,
}

#[derive(Debug)]
struct Inner {
    lake: Lake,
    config: TileConfig,
    drawing: Drawing,
    indexes: Cache<IndexKey, Arc<LayerIndex>>,
    tiles: Option<Cache<TileKey, Tile>>,
    composites: Option<Cache<composite::Key, Tile>>,
    blocks: Blocks,
    overviews: Overviews,
    /// Drawing takes a core; no more at once than there are.
    permits: Arc<Semaphore>,
    painters: Mutex<Vec<Painter>>,
    cores: usize,
    counters: Arc<Counters>,
    layers: Layers,
}

/// Row groups loaded at once for one tile: enough to keep the cores busy, few enough that a tile
/// over a whole province stays within memory.
const GROUPS_AT_ONCE: usize = 16;
/// A tile is drawn so often again to get it under its bound.
const ROUNDS: usize = 6;
/// Layers at snapshots whose index is kept.
const INDEXES: u64 = 1024;

impl TileEngine {
    /// An engine over a lake.
    pub fn new(lake: Lake, config: TileConfig) -> Self {
        Self::with_drawing(lake, config, Drawing::default())
    }

    /// An engine that draws in its own way.
    pub fn with_drawing(lake: Lake, config: TileConfig, drawing: Drawing) -> Self {
        Self::with_fabrics(lake, config, drawing, FabricConfig::default())
    }

    /// An engine that says how much is to be done for fabrics.
    pub fn with_fabrics(lake: Lake, config: TileConfig, drawing: Drawing, fabrics: FabricConfig) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let counters = Arc::new(Counters::default());
        let (composites, tiles) = composite::caches(config.cache_bytes);
        Self(Arc::new(Inner {
            lake,
            config,
            drawing,
            indexes: Cache::new(INDEXES),
            tiles,
            composites,
            blocks: Blocks::new(config.block_bytes, cores, Arc::clone(&counters)),
            overviews: Overviews::new(fabrics),
            permits: Arc::new(Semaphore::new(cores)),
            painters: Mutex::new(Vec::new()),
            cores,
            counters,
            layers: Layers::default(),
        }))
    }

    /// The tile of a layer as a grant sees it. Below the layer's first zoom, and where there is
    /// nothing, the tile is empty; between that and its own zooms it is made by the layer's overview
    /// rule. Whoever asks for the same tile at the same time waits for the
    /// one that is being made (unless the tile cache is off).
    ///
    /// The attributes are the grant's open columns (restricted ones never come into tiles) with
    /// their types: text as string, integer as unsigned or signed, float as double, dates and
    /// instants as ISO 8601 strings, truth as bool, null as nothing. The feature id is `kho_id`.
    ///
    /// # Errors
    /// [`TileError::NoSuchTile`] if the address is none; else what the lake or its files refuse.
    pub async fn tile(&self, grant: &Grant, z: u8, x: u32, y: u32) -> Result<Tile, TileError> {
        self.tile_as(grant, z, x, y, Encoding::Gzip).await
    }

    /// [`TileEngine::tile`] in a representation: a format and an encoding, or an [`Encoding`] alone,
    /// of MVT then. Nobody waits for a format or a compression that was not asked for. In whichever, the
    /// tile holds the same features.
    ///
    /// # Errors
    /// As [`TileEngine::tile`].
    pub async fn tile_as(
        &self,
        grant: &Grant,
        z: u8,
        x: u32,
        y: u32,
        representation: impl Into<Representation>,
    ) -> Result<Tile, TileError> {
        self.tile_on(grant, Grid::default(), z, x, y, representation).await
    }

    /// [`TileEngine::tile_as`] in a grid. The layer's zooms and those of [`Drawing`] are meant for
    /// WebMercatorQuad, and stand for the same detail in other grids ([`Grid::mercator_zoom`]).
    ///
    /// Outlines and lines that leave the square of a zone of VN-2000 are not drawn in its grid.
    ///
    /// # Errors
    /// As [`TileEngine::tile`].
    pub async fn tile_on(
        &self,
        grant: &Grant,
        grid: Grid,
        z: u8,
        x: u32,
        y: u32,
        representation: impl Into<Representation>,
    ) -> Result<Tile, TileError> {
        self.filtered(grant, None, grid, z, x, y, representation).await
    }

    /// [`TileEngine::tile_on`] with the features that pass a filter, and no others. The filter must
    /// have been made for this very grant's layer and class. A fabric's borders are drawn as they are
    /// in the whole layer: a filter leaves features out and moves none.
    ///
    /// # Errors
    /// As [`TileEngine::tile`]; [`TileError::Filter`] if the filter is another grant's or asks about a
    /// restricted column: those lie in files that are not opened here, and a tile must not tell of them.
    #[allow(clippy::too_many_arguments, reason = "an address is four of them")]
    pub async fn filtered(
        &self,
        grant: &Grant,
        filter: Option<&Filter>,
        grid: Grid,
        z: u8,
        x: u32,
        y: u32,
        representation: impl Into<Representation>,
    ) -> Result<Tile, TileError> {
        if let Some(filter) = filter {
            filtered::check(filter, grant)?;
        }
        let representation = representation.into();
        let zoom = grid.mercator_zoom(z);
        let frame = TileFrame::new(grid, z, x, y, self.reach(grant, zoom))?;
        if zoom < grant.layer().first_zoom() {
            return Ok(Tile::empty());
        }
        let index = self.index(grant, grid).await?;
        let overview = self.overview(grant, &index, &frame, zoom).await?;
        let shared = overview.is_some();
        // After the overview, which is made of the whole layer.
        let index = filter.map_or_else(|| Arc::clone(&index), |filter| Arc::new(index.narrowed(filter)));
        let manner = self.manner(grant, &index, zoom);
        let packing = self.packing(grant, zoom, representation);
        let make = async {
            let (tile, took) = self.make_timed(&index, overview, frame, manner, packing).await?;
            index.counters.made(zoom, tile.features, tile.left_out, tile.body.len(), took);
            Ok(tile)
        };
        let Some(tiles) = &self.0.tiles else { return make.await };
        let key = TileKey {
            layer: index.layer.clone(),
            since: if shared { index.version } else { index.since(&frame.window) },
            class: grant.class(),
            columns: index.columns,
            grid,
            z,
            x,
            y,
            representation,
            filter: filter.map(Filter::id),
            shared,
        };
        if let Some(tile) = tiles.get(&key).await {
            self.0.counters.hit();
            return Ok(tile);
        }
        tiles.try_get_with(key, make).await.map_err(|e: Arc<TileError>| (*e).clone())
    }

    /// What has been done and what is held. Sizes are exact up to the caches' last housekeeping.
    pub async fn stats(&self) -> TileStats {
        let mut stats = self.0.counters.read();
        if let Some(tiles) = &self.0.tiles {
            tiles.run_pending_tasks().await;
            (stats.tile_cache_bytes, stats.tile_cache_entries) = (tiles.weighted_size(), tiles.entry_count());
        }
        if let Some(composites) = &self.0.composites {
            composites.run_pending_tasks().await;
            stats.tile_cache_bytes += composites.weighted_size();
            stats.tile_cache_entries += composites.entry_count();
        }
        self.0.blocks.settle().await;
        (stats.block_cache_bytes, stats.block_cache_entries) = self.0.blocks.size();
        stats
    }

    /// What has been made on demand of a layer, by zoom (WebMercatorQuad's, or what stands for the same
    /// detail). `None` if nobody has asked for it yet. Baking does not count.
    pub fn layer_stats(&self, layer: &str) -> Option<Vec<LayerFigures>> {
        self.0.layers.get(layer).map(|counters| counters.read())
    }

    /// The box around the layer, CRS84; the world if it is not known.
    pub(crate) async fn bounds(&self, grant: &Grant) -> Result<[f64; 4], TileError> {
        let layer = &grant.layer().name;
        let files = self.0.lake.files(grant).await;
        let files = files.map_err(|e| TileError::Lake { layer: layer.clone(), source: Arc::new(e) })?;
        Ok(files.bounds.unwrap_or([-180.0, -85.051_129, 180.0, 85.051_129]))
    }

    pub(crate) async fn geometry(
        &self,
        index: &LayerIndex,
        group: Group,
    ) -> Result<Arc<GeometryBlock>, TileError> {
        self.0.blocks.geometry(index, group).await
    }

    pub(crate) fn drawing(&self) -> Drawing {
        self.0.drawing
    }

    pub(crate) fn cores(&self) -> usize {
        self.0.cores
    }

    pub(crate) fn max_tile_bytes(&self) -> usize {
        self.0.config.max_tile_bytes
    }

    /// What a fabric is drawn from where it is thinned as a whole.
    pub(crate) async fn overview(
        &self,
        grant: &Grant,
        index: &Arc<LayerIndex>,
        frame: &TileFrame,
        zoom: u8,
    ) -> Result<Option<Arc<Overview>>, TileError> {
        if !self.is_whole(grant, index, zoom) || index.groups(&frame.window).is_empty() {
            return Ok(None);
        }
        self.0.overviews.get(&self.0.blocks, index, grant.class(), zoom).await.map(Some)
    }

    /// Whether the tiles of a zoom depend on more than what is in their window: on all borders of a
    /// fabric, because it is thinned as a whole. Only in WebMercatorQuad, below [`Drawing::full_zoom`],
    /// and if it is small; elsewhere the borders are led together tile by tile.
    pub(crate) fn is_whole(&self, grant: &Grant, index: &LayerIndex, zoom: u8) -> bool {
        grant.layer().fabric
            && zoom < self.0.drawing.full_zoom
            && index.grid == Grid::default()
            // What is gathered is merged from the features themselves.
            && !index.rule_at(zoom).is_some_and(Rule::gathers)
            && self.0.overviews.at_once(index)
    }

    pub(crate) fn manner(&self, grant: &Grant, index: &LayerIndex, zoom: u8) -> Manner {
        let fabric = grant.layer().fabric;
        let overview = is_overview(grant, zoom).then_some(zoom);
        let coarse = zoom < self.0.drawing.full_zoom || overview.is_some();
        Manner {
            simplify: coarse && !fabric,
            least_rank: 0,
            woven: fabric && overview.is_none() && !self.is_whole(grant, index, zoom),
            overview,
        }
    }

    pub(crate) fn packing(
        &self,
        grant: &Grant,
        z: u8,
        Representation { format, encoding }: Representation,
    ) -> Packing {
        let bounded = z < self.0.drawing.full_zoom || is_overview(grant, z);
        let bound = bounded.then(|| self.0.config.max_tile_bytes.max(1));
        let level = self.0.drawing.gzip_level;
        Packing { format, encoding, level, measure: level, bound, sketch: bound.is_some() }
    }

    pub(crate) async fn index(&self, grant: &Grant, grid: Grid) -> Result<Arc<LayerIndex>, TileError> {
        let key = IndexKey {
            layer: grant.layer().name.clone(),
            snapshot: grant.snapshot(),
            class: grant.class(),
            columns: columns_id(grant),
            grid,
        };
        if let Some(index) = self.0.indexes.get(&key).await {
            return Ok(index);
        }
        let counters = self.0.layers.of(&grant.layer().name);
        let open = async { LayerIndex::open(&self.0.lake, grant, grid, counters).await.map(Arc::new) };
        self.0.indexes.try_get_with(key, open).await.map_err(|e: Arc<TileError>| (*e).clone())
    }

    /// Makes a tile; a second time with fewer features if it came out too big. With the time that
    /// drawing and packing took.
    pub(crate) async fn make_timed(
        &self,
        index: &Arc<LayerIndex>,
        overview: Option<Arc<Overview>>,
        frame: TileFrame,
        manner: Manner,
        packing: Packing,
    ) -> Result<(Tile, Duration), TileError> {
        let overview = overview.as_deref();
        let mut groups = index.groups(&frame.window);
        if groups.is_empty() {
            return Ok((Tile::empty(), Duration::ZERO));
        }
        if manner.woven {
            // What a filter leaves out holds its neighbours' borders in place all the same.
            groups = index.all_groups(&frame.window);
        }
        let (mut tile, mut painter, mut took) =
            self.draw(index, &groups, overview, frame, manner, packing).await?;
        if let Some(bound) = packing.bound {
            // What stays shrinks a little more each time, so this ends; three rounds are rare.
            let mut target = bound as f64 * 0.95;
            for round in 1..=ROUNDS {
                if tile.packed_len <= bound {
                    break;
                }
                let share = target / tile.packed_len as f64;
                let least_rank = rank_for(&mut painter.ranks, share);
                let manner = Manner { least_rank, ..manner };
                let packing = Packing { sketch: round < ROUNDS, ..packing };
                let time;
                (tile, painter, time) =
                    if manner.overview.and_then(|z| index.rule_at(z)).is_some_and(Rule::gathers) {
                        self.draw_again(index, painter, frame, manner, packing).await?
                    } else {
                        self.give_back(painter);
                        self.draw(index, &groups, overview, frame, manner, packing).await?
                    };
                took += time;
                target *= 0.8;
            }
        }
        self.give_back(painter);
        Ok((tile, took))
    }

    async fn draw(
        &self,
        index: &Arc<LayerIndex>,
        groups: &[Group],
        overview: Option<&Overview>,
        frame: TileFrame,
        manner: Manner,
        packing: Packing,
    ) -> Result<(Tile, Painter, Duration), TileError> {
        let mut painter =
            self.0.painters.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        painter.clear();
        let mut tile = None;
        let mut took = Duration::ZERO;
        // Most tiles are woven and drawn in one go; of many row groups only some are in memory at a time.
        let at_once = groups.len() <= GROUPS_AT_ONCE;
        if manner.woven && !at_once {
            (painter, took) = self.weave(index, groups, painter, frame, manner).await?;
        }
        let last = groups.len().div_ceil(GROUPS_AT_ONCE) - 1;
        for (number, chunk) in groups.chunks(GROUPS_AT_ONCE).enumerate() {
            let mut loaded: Vec<LoadedGroup> = futures::stream::iter(chunk.to_vec())
                .map(|group| self.0.blocks.get(index, group))
                .buffered(self.0.cores.max(2))
                .try_collect()
                .await?;
            for (group, (geometry, ..)) in chunk.iter().zip(&mut loaded) {
                if let Some(block) = overview.and_then(|o| o.block(*group)) {
                    *geometry = Arc::clone(block);
                }
            }
            let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
            let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|e| cut_off(&e))?;
            let index = Arc::clone(index);
            let buffer = self.0.drawing.buffer;
            let work = move || {
                let _permit = permit;
                let start = Instant::now();
                if manner.woven && at_once {
                    loaded.iter().for_each(|(geometry, ..)| painter.gather(geometry, &frame, manner));
                    painter.weave(&frame);
                }
                for (geometry, attributes, passing) in &loaded {
                    let rows = Rows { geometry, attributes, passing: passing.as_ref() };
                    coarse::block(&mut painter, &index, rows, &frame, manner);
                }
                let tile = (number == last)
                    .then(|| coarse::finish(&mut painter, &index, &frame, buffer, manner, packing));
                (painter, tile.transpose(), start.elapsed())
            };
            let (back, made, time) = tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))?;
            painter = back;
            tile = made?;
            took += time;
        }
        let tile = tile.unwrap_or_else(Tile::empty);
        self.0.counters.made(tile.features, tile.body.len(), painter.tally.repaired, tile.left_out, took);
        Ok((tile, painter, took))
    }

    fn give_back(&self, painter: Painter) {
        let mut painters = self.0.painters.lock().unwrap_or_else(PoisonError::into_inner);
        if painters.len() < self.0.cores {
            painters.push(painter);
        }
    }
}

/// The rank that a feature must have for the best `share` of the bytes to stay.
fn rank_for(ranks: &mut [(u64, u32)], share: f64) -> u64 {
    ranks.sort_unstable_by(|a, b| b.cmp(a));
    let all: f64 = ranks.iter().map(|r| f64::from(r.1)).sum();
    let mut room = all * share;
    for &(rank, bytes) in ranks.iter() {
        room -= f64::from(bytes);
        if room < 0.0 {
            return rank.saturating_add(1);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_ranks_stay() {
        let mut ranks = vec![(5, 10), (9, 10), (1, 10), (7, 10)];
        assert_eq!(rank_for(&mut ranks, 0.5), 6);
        assert_eq!(rank_for(&mut ranks, 1.0), 0);
        assert_eq!(rank_for(&mut ranks, 0.0), 10);
    }
}
