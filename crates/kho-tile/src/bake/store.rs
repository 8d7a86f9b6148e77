//! The bakes of a city, by what they hold.

use super::archive::{Archive, BakedTile};
use super::sink::failed;
use super::{BakeOptions, BakeReport};
use crate::engine::TileEngine;
use crate::{Format, Former, TileError};
use kho_access::Grant;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is believed that a bake is not there.
const AGAIN: Duration = Duration::from_secs(2);
/// So many versions of a layer stay: whoever reads the last one must not lose it under his hands.
const KEEP: usize = 2;

/// What an archive holds: the layer, the snapshot that last changed it, the columns. It is in the
/// file's name, so an archive can never be taken for another snapshot's or another grant's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    layer: String,
    since: i64,
    columns: u64,
}

impl Key {
    fn file(&self) -> String {
        format!("{}.{}.{:016x}.pmtiles", self.layer, self.since, self.columns)
    }
}

/// A folder of PMTiles archives of what everybody may see. Archives appear in it whole and are never
/// changed, so servers need no word from who bakes.
#[derive(Debug)]
pub struct BakeStore {
    dir: PathBuf,
    open: Mutex<HashMap<Key, Seen>>,
}

#[derive(Debug, Clone)]
enum Seen {
    There(Arc<Archive>),
    Missing(Instant),
}

impl BakeStore {
    /// The store in a city's folder. It need not exist.
    pub fn in_city(city: &Path) -> Self {
        Self { dir: city.join("tiles"), open: Mutex::default() }
    }

    /// A baked tile of the layer as a grant sees it: `None` if the grant is not everybody's, or the
    /// layer's version has no bake, or that has not this zoom. An empty tile is `Some`.
    ///
    /// # Errors
    /// [`TileError`] if the lake or the archive cannot be read.
    pub async fn tile(
        &self,
        engine: &TileEngine,
        grant: &Grant,
        z: u8,
        x: u32,
        y: u32,
    ) -> Result<Option<BakedTile>, TileError> {
        match self.archive(engine, grant).await? {
            Some(archive) if (archive.zooms().0..=archive.zooms().1).contains(&z) => {
                archive.tile(z, x, y).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The bake of the layer's version that a grant opens.
    ///
    /// # Errors
    /// [`TileError`] if the lake or the archive cannot be read.
    pub async fn archive(
        &self,
        engine: &TileEngine,
        grant: &Grant,
    ) -> Result<Option<Arc<Archive>>, TileError> {
        if !is_everybodys(grant) {
            return Ok(None);
        }
        let (since, columns) = engine.version(grant).await?;
        let key = Key { layer: grant.layer().name.clone(), since, columns };
        match self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            Some(Seen::There(archive)) => return Ok(Some(Arc::clone(archive))),
            Some(Seen::Missing(at)) if at.elapsed() < AGAIN => return Ok(None),
            _ => {}
        }
        let path = self.dir.join(key.file());
        let seen = match tokio::fs::try_exists(&path).await {
            Ok(true) => Seen::There(Arc::new(of_mvt(Archive::open(&path).await?, &path)?)),
            _ => Seen::Missing(Instant::now()),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // What is behind by more than the versions that stay has gone from the folder, too.
        if let Seen::There(_) = &seen {
            let mut older: Vec<i64> =
                open.keys().filter(|k| k.layer == key.layer && k.since < since).map(|k| k.since).collect();
            older.sort_unstable();
            if let Some(&oldest) = older.iter().rev().nth(KEEP) {
                open.retain(|k, _| k.layer != key.layer || k.since > oldest);
            }
        }
        open.insert(key, seen.clone());
        Ok(match seen {
            Seen::There(archive) => Some(archive),
            Seen::Missing(_) => None,
        })
    }

    /// Bakes a layer into the store, from its former bake where there is one and `changed` knows
    /// what has changed since that snapshot. `None` if the bake is there already.
    ///
    /// # Errors
    /// [`TileError::Archive`] if the grant is not everybody's or the format is not MVT; else as
    /// [`TileEngine::bake`].
    pub async fn bake(
        &self,
        engine: &TileEngine,
        grant: &Grant,
        options: BakeOptions,
        changed: impl AsyncFnOnce(i64) -> Option<Vec<[f64; 4]>>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<BakeReport>, TileError> {
        let layer = &grant.layer().name;
        if !is_everybodys(grant) {
            return Err(failed(
                &self.dir,
                &format!("only what everybody may see is baked, and not layer {layer} as it was asked for"),
            ));
        }
        if options.format != Format::Mvt {
            return Err(failed(
                &self.dir,
                &format!(
                    "only MVT is baked into it, and not {}, which is made from it",
                    options.format.name()
                ),
            ));
        }
        let (since, columns) = engine.version(grant).await?;
        let key = Key { layer: layer.clone(), since, columns };
        let target = self.dir.join(key.file());
        std::fs::create_dir_all(&self.dir).map_err(|e| failed(&self.dir, &e))?;
        if target.exists() {
            return Ok(None);
        }
        let versions = self.versions(layer);
        let mut former = None;
        if let Some((at, path)) = versions.iter().rev().find(|(_, p)| ends_alike(p, columns))
            && *at < since
            && let Some(changed) = changed(*at).await
        {
            former = Some(Former { archive: Archive::open(path).await?, changed });
        }
        let report = engine.bake(grant, options, former, &target, progress).await?;
        for (_, path) in versions.iter().rev().skip(KEEP - 1) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "an old bake stays");
            }
        }
        Ok(Some(report))
    }

    /// The archives of a layer, oldest first: snapshot and file.
    fn versions(&self, layer: &str) -> Vec<(i64, PathBuf)> {
        let mut found: Vec<(i64, PathBuf)> = std::fs::read_dir(&self.dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let rest = name.strip_prefix(layer)?.strip_prefix('.')?.strip_suffix(".pmtiles")?;
                let (since, columns) = rest.split_once('.')?;
                u64::from_str_radix(columns, 16).ok()?;
                Some((since.parse().ok()?, entry.path()))
            })
            .collect();
        found.sort_unstable();
        found
    }
}

/// Whoever asks a store for a tile takes it for MVT.
fn of_mvt(archive: Archive, path: &Path) -> Result<Archive, TileError> {
    match archive.format() {
        Format::Mvt => Ok(archive),
        Format::Mlt => Err(failed(path, &"it holds MLT and not MVT: remove it, and kho bake makes it anew")),
    }
}

/// Only what everybody may see is baked: an archive is a file that may be copied and put anywhere.
fn is_everybodys(grant: &Grant) -> bool {
    grant.class() == "public" && grant.layer().published
}

fn ends_alike(path: &Path, columns: u64) -> bool {
    path.to_str().is_some_and(|p| p.ends_with(&format!(".{columns:016x}.pmtiles")))
}
