//! The bakes of a city, by what they hold.

use super::archive::{Archive, BakedTile, Identity};
use super::part::clear_stale;
use super::subject::Subject;
use super::{BakeOptions, BakeReport, failed};
use crate::engine::TileEngine;
use crate::{Format, Former, TileError};
use kho_access::Grant;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is believed that a bake is there or not, and is the one that was read.
const AGAIN: Duration = Duration::from_secs(2);
/// So many versions of a layer stay: whoever reads the last one must not lose it under his hands.
const KEEP: usize = 2;

/// What an archive holds: the layer or composite, the snapshot that last changed it, and a hash of the
/// columns (of a composite: of each layer's snapshot and columns). It is in the file's name, so an
/// archive can never be taken for another snapshot's or another grant's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    name: String,
    since: i64,
    version: u64,
}

impl Key {
    fn of(subject: &Subject<'_>) -> Self {
        Self { name: subject.name.clone(), since: subject.since(), version: subject.version() }
    }

    fn file(&self) -> String {
        format!("{}.{}.{:016x}.pmtiles", self.name, self.since, self.version)
    }
}

/// A folder of PMTiles archives of what everybody may see. Archives appear in it whole and are never
/// changed, only replaced, so servers need no word from who bakes.
#[derive(Debug)]
pub struct BakeStore {
    dir: PathBuf,
    open: Mutex<HashMap<Key, Seen>>,
}

/// What was found when the folder was last looked at.
#[derive(Debug, Clone)]
struct Seen {
    at: Instant,
    /// The file, if there was one.
    identity: Option<Identity>,
    /// None if there was no file, or none that can be used.
    archive: Option<Arc<Archive>>,
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
    /// [`TileError`] if the lake cannot be read, or there is no such tile.
    pub async fn tile(
        &self,
        engine: &TileEngine,
        grant: &Grant,
        z: u8,
        x: u32,
        y: u32,
    ) -> Result<Option<BakedTile>, TileError> {
        self.tile_of(engine, None, &[grant], (z, x, y)).await
    }

    /// A baked tile of a composite of several layers: [`BakeStore::tile`], if every grant is
    /// everybody's.
    ///
    /// # Errors
    /// As [`BakeStore::tile`].
    pub async fn composite_tile(
        &self,
        engine: &TileEngine,
        name: &str,
        grants: &[&Grant],
        z: u8,
        x: u32,
        y: u32,
    ) -> Result<Option<BakedTile>, TileError> {
        self.tile_of(engine, Some(name), grants, (z, x, y)).await
    }

    async fn tile_of(
        &self,
        engine: &TileEngine,
        name: Option<&str>,
        grants: &[&Grant],
        (z, x, y): (u8, u32, u32),
    ) -> Result<Option<BakedTile>, TileError> {
        let Some((key, archive)) = self.find(engine, name, grants).await? else { return Ok(None) };
        if !(archive.zooms().0..=archive.zooms().1).contains(&z) {
            return Ok(None);
        }
        match archive.tile(z, x, y) {
            Err(error @ TileError::Archive { .. }) => {
                tracing::error!(%error, "a bake is torn: tiles are made on demand until it is baked again");
                self.distrust(&key, &archive);
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// The bake of the layer's version that a grant opens.
    ///
    /// # Errors
    /// [`TileError`] if the lake cannot be read.
    pub async fn archive(
        &self,
        engine: &TileEngine,
        grant: &Grant,
    ) -> Result<Option<Arc<Archive>>, TileError> {
        Ok(self.find(engine, None, &[grant]).await?.map(|(_, archive)| archive))
    }

    /// The bake of a composite, of the versions that the grants open.
    ///
    /// # Errors
    /// [`TileError`] if the lake cannot be read.
    pub async fn composite(
        &self,
        engine: &TileEngine,
        name: &str,
        grants: &[&Grant],
    ) -> Result<Option<Arc<Archive>>, TileError> {
        Ok(self.find(engine, Some(name), grants).await?.map(|(_, archive)| archive))
    }

    async fn find(
        &self,
        engine: &TileEngine,
        name: Option<&str>,
        grants: &[&Grant],
    ) -> Result<Option<(Key, Arc<Archive>)>, TileError> {
        if !grants.iter().all(|grant| is_everybodys(grant)) {
            return Ok(None);
        }
        let subject = engine.subject(name, grants).await?;
        let key = Key::of(&subject);
        let before = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(seen) = &before
            && seen.at.elapsed() < AGAIN
        {
            return Ok(seen.archive.clone().map(|archive| (key, archive)));
        }
        let path = self.dir.join(key.file());
        let identity = tokio::fs::metadata(&path).await.ok().map(|m| Identity::of(&m));
        let archive = match before.filter(|seen| seen.identity == identity) {
            // The same file as before, or none as before.
            Some(seen) => seen.archive,
            None if identity.is_none() => None,
            None => usable(engine, &subject, &path).await,
        };
        // What was opened says itself which file it is: the name may have moved on.
        let identity = archive.as_ref().map_or(identity, |archive| Some(archive.identity()));
        self.remember(&key, Seen { at: Instant::now(), identity, archive: archive.clone() });
        Ok(archive.map(|archive| (key, archive)))
    }

    fn remember(&self, key: &Key, seen: Seen) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // What is behind by more than the versions that stay has gone from the folder, too.
        if seen.archive.is_some() {
            let mut older: Vec<i64> =
                open.keys().filter(|k| k.name == key.name && k.since < key.since).map(|k| k.since).collect();
            older.sort_unstable();
            if let Some(&oldest) = older.iter().rev().nth(KEEP) {
                open.retain(|k, _| k.name != key.name || k.since > oldest);
            }
        }
        open.insert(key.clone(), seen);
    }

    /// Does without an archive until its file is another.
    fn distrust(&self, key: &Key, archive: &Archive) {
        let identity = Some(archive.identity());
        self.remember(key, Seen { at: Instant::now(), identity, archive: None });
    }

    /// Bakes a layer into the store, from its former bake where there is one of the same manner and
    /// `changed` knows what has changed since that snapshot. `None` if the bake is there already, in
    /// this manner, and `options` do not ask for a full one.
    ///
    /// # Errors
    /// [`TileError::Archive`] if the grant is not everybody's; else as [`TileEngine::bake`].
    pub async fn bake(
        &self,
        engine: &TileEngine,
        grant: &Grant,
        options: BakeOptions,
        changed: impl AsyncFn(&Grant, i64) -> Option<Vec<[f64; 4]>>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<BakeReport>, TileError> {
        self.bake_of(engine, None, &[grant], options, changed, progress).await
    }

    /// [`BakeStore::bake`] of several layers in one tile, under a name that no layer has.
    ///
    /// # Errors
    /// [`TileError::Archive`] if a grant is not everybody's; else as [`TileEngine::bake`].
    pub async fn bake_composite(
        &self,
        engine: &TileEngine,
        name: &str,
        grants: &[&Grant],
        options: BakeOptions,
        changed: impl AsyncFn(&Grant, i64) -> Option<Vec<[f64; 4]>>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<BakeReport>, TileError> {
        self.bake_of(engine, Some(name), grants, options, changed, progress).await
    }

    async fn bake_of(
        &self,
        engine: &TileEngine,
        name: Option<&str>,
        grants: &[&Grant],
        options: BakeOptions,
        changed: impl AsyncFn(&Grant, i64) -> Option<Vec<[f64; 4]>>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<BakeReport>, TileError> {
        if let Some(grant) = grants.iter().find(|grant| !is_everybodys(grant)) {
            let layer = &grant.layer().name;
            return Err(failed(
                &self.dir,
                &format!("only what everybody may see is baked, and not layer {layer} as it was asked for"),
            ));
        }
        if options.format != Format::Mvt {
            let format = options.format.name();
            return Err(failed(
                &self.dir,
                &format!("only MVT is baked into it, and not {format}, which is made from it"),
            ));
        }
        let subject = engine.subject(name, grants).await?;
        let (key, manner) = (Key::of(&subject), engine.baked_manner(&subject, &options).1);
        let target = self.dir.join(key.file());
        std::fs::create_dir_all(&self.dir).map_err(|e| failed(&self.dir, &e))?;
        clear_stale(&self.dir, "");
        if !options.full
            && target.exists()
            && Archive::open(&target).await.is_ok_and(|archive| archive.manner() == Some(manner.as_str()))
        {
            return Ok(None);
        }
        let mut versions = self.versions(&key.name);
        versions.retain(|(_, path)| *path != target);
        let former = match options.full {
            true => None,
            false => former(&subject, &manner, &versions, changed).await,
        };
        let report = engine.bake_subject(&subject, options, former, &target, progress).await?;
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

/// Only what everybody may see is baked: an archive is a file that may be copied and put anywhere.
fn is_everybodys(grant: &Grant) -> bool {
    grant.class() == "public" && grant.layer().published
}

/// The archive at a path, if it is whole and its tiles are those that the engine would make.
async fn usable(engine: &TileEngine, subject: &Subject<'_>, path: &Path) -> Option<Arc<Archive>> {
    match Archive::open(path).await {
        // Whoever asks a store for a tile takes it for MVT.
        Ok(archive)
            if archive.format() == Format::Mvt && archive.drawn() == Some(engine.drawn(subject).as_str()) =>
        {
            Some(Arc::new(archive))
        }
        Ok(_) => {
            let path = path.display();
            tracing::warn!(%path, "a bake was drawn otherwise than layer file or program now say: kho bake makes it anew");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "a bake cannot be used: kho bake makes it anew");
            None
        }
    }
}

/// The newest bake that one of this manner can be made from, and where its layers have changed.
async fn former(
    subject: &Subject<'_>,
    manner: &str,
    versions: &[(i64, PathBuf)],
    changed: impl AsyncFn(&Grant, i64) -> Option<Vec<[f64; 4]>>,
) -> Option<Former> {
    for (since, path) in versions.iter().rev() {
        if *since > subject.since() {
            continue;
        }
        let Ok(archive) = Archive::open(path).await else { continue };
        // The manner names the layers too, in their order.
        if archive.manner() != Some(manner) {
            continue;
        }
        let mut boxes = Vec::new();
        for (member, (_, since)) in subject.members.iter().zip(archive.members()) {
            if since != member.index.version {
                boxes.extend(changed(member.grant, since).await?);
            }
        }
        return Some(Former { archive, changed: boxes });
    }
    None
}
