//! Baking: all tiles of a layer into one PMTiles archive, and taking them out again.
//!
//! The tiles are the ones that are made on demand, by the same painter: baked or not, a tile holds
//! the same features.

mod archive;
mod mbtiles;
mod plan;
mod report;
mod sink;
mod store;

pub use archive::{Archive, BakedTile};
pub use report::{BakeReport, ZoomStats};
pub use store::BakeStore;

use crate::engine::TileEngine;
use crate::grid::{EVERYWHERE, Grid, NOWHERE, TileFrame, WorldBox};
use crate::index::LayerIndex;
use crate::tile::Packing;
use crate::{Encoding, TileError};
use futures::{StreamExt, TryStreamExt};
use kho_access::Grant;
use plan::Tiles;
use pmtiles::{TileCoord, TileId};
use serde_json::{Value, json};
use sink::{About, Sink, failed};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What to bake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BakeOptions {
    /// The first zoom; the layer's own if it is higher or not said.
    pub min_zoom: Option<u8>,
    /// The last zoom; the layer's own if not said.
    pub max_zoom: Option<u8>,
    /// gzip level, 1 to 12.
    pub gzip_level: u32,
}

impl Default for BakeOptions {
    fn default() -> Self {
        // `kho bake --level`: of a million parcels' tiles level 6 saves 6 % of the bytes that level 1
        // makes, for 40 % more time.
        Self { min_zoom: None, max_zoom: None, gzip_level: 1 }
    }
}

/// A former bake of the layer, and where the layer has changed since.
#[derive(Debug)]
pub struct Former {
    /// The archive.
    pub archive: Archive,
    /// Boxes (west, south, east, north; CRS84, degrees) that hold every feature that was added,
    /// removed or changed since, where it was and where it is.
    pub changed: Vec<[f64; 4]>,
}

/// Tiles in the making at a time, for each core: enough that a big one holds nobody up.
const AHEAD: usize = 8;

/// A tile to be made, or to be taken over.
#[derive(Clone, Copy)]
struct Job {
    id: u64,
    at: (u8, u32, u32),
    keep: bool,
}

impl TileEngine {
    /// Makes all tiles of a layer, as a grant sees it, and puts them into a PMTiles archive at
    /// `target`, which is replaced when all is done, at once. With a `former` bake only the tiles
    /// under what has changed are made; the others are taken over, if it was baked alike.
    ///
    /// `progress` is called with the tiles done and the tiles to do.
    ///
    /// # Errors
    /// What the lake or its files refuse; [`TileError::Archive`] if the archive cannot be written.
    pub async fn bake(
        &self,
        grant: &Grant,
        options: BakeOptions,
        former: Option<Former>,
        target: &Path,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<BakeReport, TileError> {
        let start = Instant::now();
        let index = self.index(grant, Grid::default()).await?;
        let layer = grant.layer();
        let min = options.min_zoom.unwrap_or(layer.zoom.min).max(layer.zoom.min);
        let max = options.max_zoom.unwrap_or(layer.zoom.max);
        if min > max {
            return Err(failed(target, &format!("layer {} has no zoom from {min} to {max}", layer.name)));
        }
        // Up to here a fabric is thinned in one go: a change here may move a vertex over there.
        let whole =
            (min..=max).filter(|&z| self.is_whole(grant, &index, z)).map(|z| z + 1).max().unwrap_or(min);
        let manner = self.baked_manner(options.gzip_level, min, max, whole, index.columns);
        let former = match former {
            Some(former) if former.archive.manner().await?.as_deref() == Some(manner.as_str()) => {
                Some(former)
            }
            _ => None,
        };
        let redo = match &former {
            Some(former) => self.redo(former, &index, [min, whole, max]).await?,
            None => None,
        };
        let former = former.filter(|_| redo.is_some());
        let jobs = match redo {
            Some(jobs) => jobs,
            None => {
                in_order(self.all(&index, min, max).await?.into_iter().map(|n| (plan::address(n), false)))?
            }
        };
        let bounds = self.bounds(grant).await?;
        let about = About { min_zoom: min, max_zoom: max, bounds };
        let mut sink = Sink::create(target, &about)?;
        let done = self.fill(&mut sink, grant, &index, &jobs, former.as_ref(), options, progress).await;
        let (zooms, made) = match done {
            Ok(done) => done,
            Err(error) => {
                sink.abandon();
                return Err(error);
            }
        };
        let metadata = metadata(grant, index.version, &manner, &zooms, min, max);
        let bytes = sink.finish(&metadata)?;
        Ok(BakeReport {
            layer: layer.name.clone(),
            since: index.version,
            tiles: zooms.iter().map(|z| z.tiles).sum(),
            made,
            bytes,
            seconds: start.elapsed().as_secs_f64(),
            zooms,
        })
    }

    /// All tiles with anything in them.
    async fn all(&self, index: &Arc<LayerIndex>, min: u8, max: u8) -> Result<Tiles, TileError> {
        let buffer = self.drawing().buffer;
        let blocks = futures::stream::iter(index.groups(&EVERYWHERE))
            .map(async |group| {
                let block = self.geometry(index, group).await?;
                let look = move || {
                    let mut tiles = Tiles::default();
                    for z in min..=max {
                        let mut last = [u32::MAX; 4];
                        for b in block.tree().boxes().iter().filter(|b| **b != NOWHERE) {
                            plan::add(&mut tiles, &mut last, z, buffer, b);
                        }
                    }
                    tiles
                };
                tokio::task::spawn_blocking(look).await.map_err(|e| TileError::Internal(e.to_string()))
            })
            .buffer_unordered(AHEAD);
        blocks
            .try_fold(Tiles::default(), async |mut all, tiles| {
                all.extend(tiles);
                Ok(all)
            })
            .await
    }

    /// The tiles of a former bake, and those to be made anew: all below zoom `whole`, and from there on
    /// those under what has changed. `None` if these are so many that all may as well be.
    async fn redo(
        &self,
        former: &Former,
        index: &Arc<LayerIndex>,
        [min, whole, max]: [u8; 3],
    ) -> Result<Option<Vec<Job>>, TileError> {
        let buffer = self.drawing().buffer;
        let projector = Grid::default().projector();
        let boxes = || former.changed.iter().map(|b| projector.project_box(*b));
        let size =
            |b: &WorldBox| (whole..=max).map(|z| plan::count(&plan::covering(z, buffer, b))).sum::<u64>();
        if whole > max || boxes().map(|b| size(&b)).sum::<u64>() > former.archive.tiles() {
            return Ok(None);
        }
        let mut redo = if whole > min { self.all(index, min, whole - 1).await? } else { Tiles::default() };
        for b in boxes() {
            for z in whole..=max {
                plan::add(&mut redo, &mut [u32::MAX; 4], z, buffer, &b);
            }
        }
        let former = former.archive.addresses().await?;
        let kept =
            former.into_iter().filter(|&(z, x, y)| z >= whole && !redo.contains(&plan::number(z, x, y)));
        let kept: Vec<_> = kept.map(|at| (at, true)).collect();
        in_order(redo.into_iter().map(|n| (plan::address(n), false)).chain(kept)).map(Some)
    }

    /// Makes the tiles and hands them to the archive; gives what the zooms hold, and the number of
    /// tiles that were made.
    #[allow(clippy::too_many_arguments, reason = "the parts of one bake, taken apart for its clean-up")]
    async fn fill(
        &self,
        sink: &mut Sink,
        grant: &Grant,
        index: &Arc<LayerIndex>,
        jobs: &[Job],
        former: Option<&Former>,
        options: BakeOptions,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<(Vec<ZoomStats>, u64), TileError> {
        let total = jobs.len() as u64;
        let mut zooms: BTreeMap<u8, ZoomStats> = BTreeMap::new();
        let mut made = 0;
        let mut tiles = futures::stream::iter(jobs.iter().copied())
            .map(async |job| {
                let (z, x, y) = job.at;
                if let Some(former) = former.filter(|_| job.keep) {
                    let kept = former.archive.tile(z, x, y).await?;
                    return Ok((job, kept.gzipped, None));
                }
                let packing = Packing { level: options.gzip_level, ..self.packing(z, Encoding::Gzip) };
                let frame = TileFrame::new(Grid::default(), z, x, y, self.drawing().buffer)?;
                let overview = self.overview(grant, index, &frame, z).await?;
                let (tile, took) =
                    self.make_timed(index, overview, frame, self.manner(grant, index, z), packing).await?;
                Ok::<_, TileError>((job, tile.body.clone(), Some((tile, took))))
            })
            .buffered(AHEAD * self.cores());
        let mut done = 0;
        while let Some((job, body, drawn)) = tiles.try_next().await? {
            done += 1;
            progress(done, total);
            if body.is_empty() {
                continue;
            }
            let (z, x, y) = job.at;
            let stats = zooms.entry(z).or_insert_with(|| ZoomStats { zoom: z, ..ZoomStats::default() });
            stats.add(x, y, body.len() as u64);
            if let Some((tile, took)) = drawn {
                made += 1;
                stats.drawn(tile.features as u64, tile.left_out as u64, took);
            }
            sink.add(z, x, y, &body)?;
        }
        Ok((zooms.into_values().collect(), made))
    }

    /// Everything but the features that decides what a tile's bytes are.
    fn baked_manner(&self, level: u32, min: u8, max: u8, whole: u8, columns: u64) -> String {
        let drawing = self.drawing();
        format!(
            "{}/{}/{}/{level}/{min}-{whole}-{max}/{columns:016x}/{}",
            crate::tile::FORMAT,
            drawing.buffer,
            drawing.full_zoom,
            self.max_tile_bytes()
        )
    }
}

/// Jobs in the order of PMTiles ids.
fn in_order(all: impl Iterator<Item = ((u8, u32, u32), bool)>) -> Result<Vec<Job>, TileError> {
    let mut jobs = all
        .map(|(at, keep)| {
            let (z, x, y) = at;
            let coord = TileCoord::new(z, x, y).map_err(|_| TileError::NoSuchTile {
                grid: Grid::default(),
                z,
                x,
                y,
            })?;
            Ok(Job { id: TileId::from(coord).value(), at, keep })
        })
        .collect::<Result<Vec<_>, TileError>>()?;
    jobs.sort_unstable_by_key(|job| job.id);
    Ok(jobs)
}

fn metadata(grant: &Grant, since: i64, manner: &str, zooms: &[ZoomStats], min: u8, max: u8) -> Value {
    let layer = grant.layer();
    let field = |ty: kho_layer::ColumnType| match ty {
        kho_layer::ColumnType::Integer | kho_layer::ColumnType::Float => "Number",
        kho_layer::ColumnType::Boolean => "Boolean",
        _ => "String",
    };
    let fields: serde_json::Map<String, Value> =
        grant.open_columns().map(|c| (c.name.clone(), field(c.ty).into())).collect();
    json!({
        "name": layer.name,
        "description": layer.title.vi,
        "type": "overlay",
        "format": "pbf",
        "version": format!("{since}.0.0"),
        "vector_layers": [{
            "id": layer.name,
            "description": layer.title.vi,
            "minzoom": min,
            "maxzoom": max,
            "fields": fields,
        }],
        "kho": {"since": since, "manner": manner, "zooms": zooms},
    })
}
