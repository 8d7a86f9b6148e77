//! Fabrics as they are drawn at a zoom: their blocks, with borders that stay shared.
//!
//! All blocks of a layer are needed to know who shares what, so an overview is made once for a
//! layer and a zoom and kept. Only what a grant opens gets here: blocks come from its index.

use crate::TileError;
use crate::block::{GeometryBlock, GeometryBuilder};
use crate::fabric::{Mosaic, Rings, at_rest, at_zoom, node};
use crate::grid::{EVERYWHERE, Grid};
use crate::index::{Group, LayerIndex};
use crate::load::Blocks;
use crate::mvt::FeatureKind;
use kho_lake::SnapshotId;
use moka::future::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What may be done for layers that tile the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FabricConfig {
    /// Layers of up to this many points are made ready when a tile is asked for (about a second, once
    /// for a zoom); larger ones by [`TileEngine::build_overviews`](crate::TileEngine) alone.
    pub points: u64,
    /// Bytes for what is kept: for each zoom about 45 a parcel and 8 a point.
    pub bytes: u64,
}

impl Default for FabricConfig {
    fn default() -> Self {
        Self { points: 500_000, bytes: 512 << 20 }
    }
}

/// For which zooms an overview is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    /// One zoom, on its lattice.
    Zoom {
        /// The zoom.
        z: u8,
        /// Without the points that nobody misses there.
        thin: bool,
    },
    /// Any zoom: as delivered, but with a vertex on both sides of a border wherever one side has
    /// one.
    Rest,
}

/// The geometry of a layer for a level, row group by row group, row by row.
#[derive(Debug)]
pub(crate) struct Overview {
    blocks: HashMap<Group, Arc<GeometryBlock>>,
}

impl Overview {
    /// The block to draw for a row group.
    pub fn block(&self, group: Group) -> Option<&Arc<GeometryBlock>> {
        self.blocks.get(&group)
    }

    fn weight(&self) -> usize {
        self.blocks.values().map(|b| b.weight()).sum()
    }
}

/// The blocks of a layer, in the order of its files.
type Loaded = Arc<Vec<(Group, Arc<GeometryBlock>)>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    layer: String,
    since: SnapshotId,
    class: &'static str,
    level: Level,
}

/// What is kept: noded layers, from which every zoom is made, and overviews.
#[derive(Debug, Clone)]
enum Kept {
    Noded(Arc<Mosaic>),
    Drawn(Arc<Overview>),
}

/// The overviews in memory.
#[derive(Debug)]
pub(crate) struct Overviews {
    config: FabricConfig,
    noded: Cache<Key, Kept>,
    drawn: Cache<Key, Kept>,
    /// Building takes a core and up to 50 bytes a point: one at a time.
    permit: Arc<Semaphore>,
}

fn cache(bytes: u64) -> Cache<Key, Kept> {
    let weigh = |_: &Key, kept: &Kept| {
        let bytes = match kept {
            Kept::Noded(m) => m.weight(),
            Kept::Drawn(o) => o.weight(),
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    };
    Cache::builder().max_capacity(bytes).weigher(weigh).build()
}

impl Overviews {
    /// Nothing yet.
    pub fn new(config: FabricConfig) -> Self {
        let (noded, drawn) = (config.bytes / 4, config.bytes - config.bytes / 4);
        Self { config, noded: cache(noded), drawn: cache(drawn), permit: Arc::new(Semaphore::new(1)) }
    }

    /// Whether a layer is small enough to be made ready while somebody waits.
    pub fn at_once(&self, index: &LayerIndex) -> bool {
        index.points <= self.config.points
    }

    /// An overview if it is there.
    pub async fn held(&self, index: &LayerIndex, class: &'static str, level: Level) -> Option<Arc<Overview>> {
        match self.drawn.get(&key(index, class, level)).await? {
            Kept::Drawn(overview) => Some(overview),
            Kept::Noded(_) => None,
        }
    }

    /// An overview, built once, however many wait for it.
    pub async fn build(
        &self,
        blocks: &Blocks,
        index: &LayerIndex,
        class: &'static str,
        level: Level,
    ) -> Result<Arc<Overview>, TileError> {
        if let Some(overview) = self.held(index, class, level).await {
            return Ok(overview);
        }
        let make = async {
            let loaded = load(blocks, index).await?;
            let again = Arc::clone(&loaded);
            let node = async { self.work(move || Kept::Noded(Arc::new(node(rings(&again))))).await };
            // The level is of no account here.
            let noded = self.noded.try_get_with(key(index, class, Level::Rest), node).await;
            let Kept::Noded(mosaic) = noded.map_err(|e: Arc<TileError>| (*e).clone())? else {
                return Err(TileError::Internal("an overview where a mosaic should be".into()));
            };
            let draw = move || {
                let rings = match level {
                    Level::Zoom { z, thin } => at_zoom(&mosaic, z, thin),
                    Level::Rest => at_rest(&mosaic),
                };
                Kept::Drawn(Arc::new(overview(&loaded, &rings)))
            };
            self.work(draw).await
        };
        let made = self.drawn.try_get_with(key(index, class, level), make).await;
        match made.map_err(|e: Arc<TileError>| (*e).clone())? {
            Kept::Drawn(overview) => Ok(overview),
            Kept::Noded(_) => Err(TileError::Internal("a mosaic where an overview should be".into())),
        }
    }

    /// Runs on a thread of its own.
    async fn work(&self, work: impl FnOnce() -> Kept + Send + 'static) -> Result<Kept, TileError> {
        let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
        let permit = Arc::clone(&self.permit).acquire_owned().await.map_err(|e| cut_off(&e))?;
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))
    }
}

fn key(index: &LayerIndex, class: &'static str, level: Level) -> Key {
    Key { layer: index.layer.clone(), since: index.version, class, level }
}

async fn load(blocks: &Blocks, index: &LayerIndex) -> Result<Loaded, TileError> {
    let mut loaded = Vec::new();
    for group in index.groups(&EVERYWHERE) {
        loaded.push((group, blocks.geometry(index, group).await?));
    }
    Ok(Arc::new(loaded))
}

/// The polygons of all rows; other rows are features without rings.
fn rings(loaded: &[(Group, Arc<GeometryBlock>)]) -> Rings {
    let mut rings = Rings::default();
    for (_, block) in loaded {
        for row in 0..block.rows() {
            rings.feature();
            let polygon = block.feature(row).filter(|f| f.kind == FeatureKind::Polygon);
            for (_, part) in polygon.into_iter().flat_map(|f| f.parts()) {
                rings.ring(part.iter().copied());
            }
        }
    }
    rings
}

/// The blocks with their polygons replaced; points and lines as they are.
fn overview(loaded: &[(Group, Arc<GeometryBlock>)], rings: &Rings) -> Overview {
    let mut first = 0;
    let mut blocks = HashMap::with_capacity(loaded.len());
    for (group, block) in loaded {
        let mut builder = GeometryBuilder::with_capacity(Grid::default(), block.rows());
        for row in 0..block.rows() {
            match block.feature(row) {
                Some(f) if f.kind == FeatureKind::Polygon => {
                    let parts = rings.wound(first + row);
                    builder.push_world(f.id, f.kind, parts);
                }
                Some(f) => builder.push_world(f.id, f.kind, f.parts()),
                None => {
                    builder.push_world(0, FeatureKind::Polygon, std::iter::empty::<(bool, [[u32; 2]; 0])>())
                }
            }
        }
        first += block.rows();
        blocks.insert(*group, Arc::new(builder.finish()));
    }
    Overview { blocks }
}
