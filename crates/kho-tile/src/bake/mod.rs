//! Baking: all tiles of a layer into one PMTiles archive, and taking them out again.
//!
//! The tiles are the ones that are made on demand, by the same painter: baked or not, a tile holds
//! the same features.
//!
//! A bake after an edit takes the former archive's tiles as they lie, adds those that have changed
//! after them and writes the directory anew. What no tile uses any more stays between, until it is a
//! quarter of the archive: then the tiles that stay are written in order again, and not made.

mod archive;
mod directory;
mod figures;
mod header;
mod mbtiles;
mod part;
mod plan;
mod report;
mod seal;
mod sink;
mod store;
mod subject;

pub use archive::{Archive, BakedTile};
pub use report::{BakeReport, ZoomStats};
pub use store::BakeStore;

use crate::engine::TileEngine;
use crate::grid::{EVERYWHERE, Grid, NOWHERE};
use crate::{Format, TileError};
use archive::Held;
use figures::Figures;
use futures::{StreamExt, TryStreamExt};
use kho_access::Grant;
use plan::Tiles;
use pmtiles::{TileCoord, TileId};
use sink::{About, Sink};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use subject::{Subject, is_sound};

/// What to bake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BakeOptions {
    /// The first zoom; the layer's own if it is higher or not said.
    pub min_zoom: Option<u8>,
    /// The last zoom; the layer's own if not said.
    pub max_zoom: Option<u8>,
    /// gzip level, 1 to 12.
    pub gzip_level: u32,
    /// The tiles' format. A [`BakeStore`] takes MVT only: MLT is made from it when it is asked for.
    pub format: Format,
    /// Make every tile, whatever has been baked before.
    pub full: bool,
}

impl Default for BakeOptions {
    fn default() -> Self {
        // `kho bake --level`: of a million parcels' tiles level 6 saves 6 % of the bytes that level 1
        // makes, for 40 % more time.
        Self { min_zoom: None, max_zoom: None, gzip_level: 1, format: Format::Mvt, full: false }
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
/// An archive is written in order again when so many parts of one of its tiles are used no more.
const UNUSED: u64 = 4;

/// A tile to be made, or to be taken over.
#[derive(Clone, Copy)]
struct Job {
    id: u64,
    at: (u8, u32, u32),
    /// The tile as it is in the former bake.
    former: Option<Held>,
    keep: bool,
}

/// What is to be done for an archive.
struct Plan {
    /// In the order of their ids.
    jobs: Vec<Job>,
    /// Tiles that stay as they lie; none if the archive is written in order.
    lying: Vec<Held>,
    /// Whether it begins with the former one's tiles.
    over: bool,
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
        let subject = self.subject(None, &[grant]).await?;
        self.bake_subject(&subject, options, former, target, progress).await
    }

    /// [`TileEngine::bake`] of several layers in one tile, as [`TileEngine::composite`] makes them.
    ///
    /// # Errors
    /// As [`TileEngine::bake`].
    pub async fn bake_composite(
        &self,
        name: &str,
        grants: &[&Grant],
        options: BakeOptions,
        former: Option<Former>,
        target: &Path,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<BakeReport, TileError> {
        let subject = self.subject(Some(name), grants).await?;
        self.bake_subject(&subject, options, former, target, progress).await
    }

    async fn bake_subject(
        &self,
        subject: &Subject<'_>,
        options: BakeOptions,
        former: Option<Former>,
        target: &Path,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<BakeReport, TileError> {
        let start = Instant::now();
        let (min, max) = subject.zooms(&options);
        if min > max || max > crate::MAX_ZOOM {
            return Err(failed(target, &format!("{} has no zoom from {min} to {max}", subject.name)));
        }
        let (drawn, manner) = self.baked_manner(subject, &options);
        // Up to here a fabric is thinned in one go: a change here may move a vertex over there.
        let is_whole = |z| subject.members.iter().any(|m| self.is_whole(m.grant, &m.index, z));
        let whole = (min..=max).filter(|&z| is_whole(z)).map(|z| z + 1).max().unwrap_or(min);
        let former = former.filter(|former| {
            let alike = former.archive.manner() == Some(manner.as_str());
            !options.full && alike && is_sound(&former.archive)
        });
        let redo = match &former {
            Some(former) => self.redo(subject, former, [min, whole, max]).await?,
            None => None,
        };
        let former = former.filter(|_| redo.is_some());
        let Plan { jobs, lying, over } = match redo {
            Some(plan) => plan,
            None => {
                let jobs = in_order(&self.all(subject, min, max).await?)?;
                Plan { jobs, lying: Vec::new(), over: false }
            }
        };
        let bounds = self.around(subject).await?;
        let about = About { format: options.format, min_zoom: min, max_zoom: max, bounds };
        let mut sink = match &former {
            Some(former) if over => Sink::over(&former.archive, target, about)?,
            _ => Sink::create(target, about)?,
        };
        for held in lying {
            sink.keep(held);
        }
        let made = self.fill(&mut sink, subject, &jobs, former.as_ref(), options, progress).await?;
        let kho = subject.kho(&drawn, &manner);
        let describe = |zooms: &[ZoomStats]| {
            let mut kho = kho;
            kho["zooms"] = serde_json::json!(zooms);
            subject.metadata((min, max), options.format, kho)
        };
        let written = sink.finish(describe).await?;
        Ok(BakeReport {
            layer: subject.name.clone(),
            since: subject.since(),
            tiles: written.tiles,
            made,
            bytes: written.bytes,
            seconds: start.elapsed().as_secs_f64(),
            zooms: written.zooms,
        })
    }

    /// All tiles with anything in them.
    async fn all(&self, subject: &Subject<'_>, min: u8, max: u8) -> Result<Tiles, TileError> {
        let mut all = Tiles::default();
        for member in &subject.members {
            let (index, min) = (&member.index, member.first_zoom().max(min));
            let reaches: Arc<[u32]> = (min..=max).map(|z| self.reach(member.grant, z)).collect();
            let blocks = futures::stream::iter(index.groups(&EVERYWHERE))
                .map(async |group| {
                    let block = self.geometry(index, group).await?;
                    let reaches = Arc::clone(&reaches);
                    let look = move || {
                        let mut tiles = Tiles::default();
                        for (z, &buffer) in (min..=max).zip(reaches.iter()) {
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
            all = blocks
                .try_fold(all, async |mut all, tiles| {
                    all.extend(tiles);
                    Ok(all)
                })
                .await?;
        }
        Ok(all)
    }

    /// What is to be made anew, and what stays of a former bake: all below zoom `whole`, and from there on
    /// what is under a change. `None` if that is so much that all may as well be made.
    async fn redo(
        &self,
        subject: &Subject<'_>,
        former: &Former,
        [min, whole, max]: [u8; 3],
    ) -> Result<Option<Plan>, TileError> {
        if whole > max {
            return Ok(None);
        }
        let widest = |z| subject.members.iter().map(|m| self.reach(m.grant, z)).max().unwrap_or_default();
        let reaches: Vec<(u8, u32)> = (whole..=max).map(|z| (z, widest(z))).collect();
        let mut redo = if whole > min { self.all(subject, min, whole - 1).await? } else { Tiles::default() };
        let projector = Grid::default().projector();
        let tiles = former.archive.tiles();
        for b in former.changed.iter().map(|b| projector.project_box(*b)) {
            let size: u64 =
                reaches.iter().map(|&(z, buffer)| plan::count(&plan::covering(z, buffer, &b))).sum();
            if size > tiles {
                return Ok(None);
            }
            for &(z, buffer) in &reaches {
                plan::add(&mut redo, &mut [u32::MAX; 4], z, buffer, &b);
            }
        }
        if redo.len() as u64 > tiles {
            return Ok(None);
        }
        former_tiles(&former.archive, in_order(&redo)?, whole).map(Some)
    }

    /// Makes the tiles and hands them to the archive; gives the number of tiles that were made.
    async fn fill(
        &self,
        sink: &mut Sink,
        subject: &Subject<'_>,
        jobs: &[Job],
        former: Option<&Former>,
        options: BakeOptions,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<u64, TileError> {
        let total = jobs.len() as u64;
        let was = |held: &Held| former.map(|f| f.archive.content(held.offset, held.length));
        let mut tiles = futures::stream::iter(jobs.iter().copied())
            .map(async |job| {
                if let Some(held) = job.former.as_ref().filter(|_| job.keep) {
                    return Ok((job, was(held).unwrap_or_default(), held.figures));
                }
                let (tile, took) = self.baked_tile(subject, job.at, options).await?;
                let figures = Figures {
                    features: tile.features as u64,
                    left_out: tile.left_out as u64,
                    merged: tile.merged as u64,
                    micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    hash: 0,
                };
                Ok::<_, TileError>((job, tile.body, figures))
            })
            .buffered(AHEAD * self.cores());
        let (mut done, mut made) = (0, 0);
        while let Some((job, body, figures)) = tiles.try_next().await? {
            done += 1;
            progress(done, total);
            if body.is_empty() {
                continue;
            }
            if !job.keep {
                made += 1;
                sink.count_made(job.at.0);
            }
            // What came out as it was needs no second place.
            match job.former.filter(|held| !job.keep && sink.is_over() && was(held).as_ref() == Some(&body)) {
                Some(held) => {
                    sink.keep(Held { figures: Figures { hash: held.figures.hash, ..figures }, ..held });
                }
                None => sink.add(job.id, &body, figures).await?,
            }
        }
        Ok(made)
    }

    /// The box around the layers.
    async fn around(&self, subject: &Subject<'_>) -> Result<[f64; 4], TileError> {
        let mut around: Option<[f64; 4]> = None;
        for member in &subject.members {
            let b = self.bounds(member.grant).await?;
            around =
                Some(around.map_or(b, |a| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]));
        }
        Ok(around.unwrap_or([-180.0, -85.051_129, 180.0, 85.051_129]))
    }

    /// Everything but the features that decides what a tile's bytes are: what is drawn, and that with
    /// the zooms and the packing.
    fn baked_manner(&self, subject: &Subject<'_>, options: &BakeOptions) -> (String, String) {
        let drawn = self.drawn(subject);
        let (min, max) = subject.zooms(options);
        let mut manner = format!("{drawn}/{}/{min}-{max}", options.gzip_level);
        if options.format != Format::Mvt {
            manner = format!("{manner}/{}", options.format.name());
        }
        (drawn, manner)
    }
}

/// Splits what a former archive holds into what `redo` says is to be made anew (all below zoom `whole`)
/// and what stays, and
/// decides whether that is written in order again.
fn former_tiles(archive: &Archive, mut redo: Vec<Job>, whole: u8) -> Result<Plan, TileError> {
    let mut lying = Vec::with_capacity(usize::try_from(archive.tiles()).unwrap_or_default());
    let mut replaced = 0;
    let mut at = 0;
    for held in archive.held() {
        while redo.get(at).is_some_and(|job| job.id < held.id) {
            at += 1;
        }
        match redo.get_mut(at).filter(|job| job.id == held.id) {
            Some(job) => {
                job.former = Some(held);
                replaced += u64::from(held.length);
            }
            // Below `whole` what is not made again is no more.
            None if address(held.id).is_none_or(|(z, ..)| z < whole) => replaced += u64::from(held.length),
            None => lying.push(held),
        }
    }
    let unused = archive.unused_bytes() + replaced;
    if unused * UNUSED <= archive.tiles_end() {
        return Ok(Plan { jobs: redo, lying, over: true });
    }
    let kept = lying
        .into_iter()
        .filter_map(|held| Some(Job { id: held.id, at: address(held.id)?, former: Some(held), keep: true }));
    redo.extend(kept);
    redo.sort_unstable_by_key(|job| job.id);
    Ok(Plan { jobs: redo, lying: Vec::new(), over: false })
}

/// Tiles to be made, in the order of PMTiles ids.
fn in_order(tiles: &Tiles) -> Result<Vec<Job>, TileError> {
    let mut jobs = tiles
        .iter()
        .map(|&number| {
            let at = plan::address(number);
            Ok(Job { id: tile_id(at.0, at.1, at.2)?, at, former: None, keep: false })
        })
        .collect::<Result<Vec<_>, TileError>>()?;
    jobs.sort_unstable_by_key(|job| job.id);
    Ok(jobs)
}

/// The number of a tile along the Hilbert curves of all zooms.
fn tile_id(z: u8, x: u32, y: u32) -> Result<u64, TileError> {
    // Its own shift by a zoom of 32 and more would overflow.
    let coord = (z <= crate::MAX_ZOOM).then(|| TileCoord::new(z, x, y).ok()).flatten();
    coord.map(|coord| TileId::from(coord).value()).ok_or(TileError::NoSuchTile {
        grid: Grid::default(),
        z,
        x,
        y,
    })
}

/// Zoom, column and row of such a number.
fn address(id: u64) -> Option<(u8, u32, u32)> {
    let at = TileCoord::from(TileId::new(id).ok()?);
    Some((at.z(), at.x(), at.y()))
}

fn failed(path: &Path, e: &dyn std::fmt::Display) -> TileError {
    TileError::Archive { path: path.to_owned(), message: e.to_string() }
}
