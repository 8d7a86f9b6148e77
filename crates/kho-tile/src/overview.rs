//! Fabrics as they are drawn at a zoom at which vertices are left out: their blocks, thinned.
//!
//! Neighbours can only leave out the same vertices if they are thinned together, all over the layer, so an
//! overview is made once for a layer and a zoom and kept. Only what a grant opens gets here: blocks come
//! from its index.

use crate::TileError;
use crate::block::{GeometryBlock, GeometryBuilder};
use crate::fabric::{Mosaic, Rings, at_zoom, node};
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
    /// Layers of up to this many points are thinned as a whole below [`Drawing::full_zoom`], when a tile is
    /// asked for (about a second, once for a zoom); larger ones are not thinned. Borders are shared in
    /// both cases.
    ///
    /// [`Drawing::full_zoom`]: crate::Drawing::full_zoom
    pub points: u64,
    /// Bytes for what is kept: for each zoom about 45 a parcel and 8 a point.
    pub bytes: u64,
}

impl Default for FabricConfig {
    fn default() -> Self {
        Self { points: 500_000, bytes: 512 << 20 }
    }
}

/// The geometry of a layer for a zoom, row group by row group, row by row.
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
}

/// The overviews in memory.
#[derive(Debug)]
pub(crate) struct Overviews {
    config: FabricConfig,
    /// Noded layers, from which every zoom is made.
    noded: Cache<Key, Arc<Mosaic>>,
    drawn: Cache<(Key, u8), Arc<Overview>>,
    /// Building takes a core and up to 50 bytes a point: one at a time.
    permit: Arc<Semaphore>,
}

fn clip(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Overviews {
    /// Nothing yet.
    pub fn new(config: FabricConfig) -> Self {
        let quarter = config.bytes / 4;
        Self {
            config,
            noded: Cache::builder()
                .max_capacity(quarter)
                .weigher(|_, m: &Arc<Mosaic>| clip(m.weight()))
                .build(),
            drawn: Cache::builder()
                .max_capacity(config.bytes - quarter)
                .weigher(|_, o: &Arc<Overview>| clip(o.weight()))
                .build(),
            permit: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether a layer is small enough to be made ready while somebody waits.
    pub fn at_once(&self, index: &LayerIndex) -> bool {
        index.points <= self.config.points
    }

    /// The overview of a layer for a zoom at which it is thinned; built once, however many wait for it.
    pub async fn get(
        &self,
        blocks: &Blocks,
        index: &LayerIndex,
        class: &'static str,
        z: u8,
    ) -> Result<Arc<Overview>, TileError> {
        let key = Key { layer: index.layer.clone(), since: index.version, class };
        if let Some(overview) = self.drawn.get(&(key.clone(), z)).await {
            return Ok(overview);
        }
        let layer = key.clone();
        let make = async {
            let loaded = load(blocks, index).await?;
            let again = Arc::clone(&loaded);
            let node = async { self.work(move || Arc::new(node(rings(&again)))).await };
            let noded = self.noded.try_get_with(layer, node).await;
            let mosaic = noded.map_err(|e: Arc<TileError>| (*e).clone())?;
            self.work(move || Arc::new(overview(&loaded, &at_zoom(&mosaic, z, true)))).await
        };
        let made = self.drawn.try_get_with((key, z), make).await;
        made.map_err(|e: Arc<TileError>| (*e).clone())
    }

    /// Runs on a thread of its own.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TileError> {
        let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
        let permit = Arc::clone(&self.permit).acquire_owned().await.map_err(|e| cut_off(&e))?;
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))
    }
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
