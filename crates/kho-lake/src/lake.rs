//! The lake of one city.

use crate::catalog::{Catalog, CommitInfo, LayerAt, Newest, Tables};
use crate::change::{Area, Change, compared};
use crate::error::{LakeError, at};
use crate::model::{DataFile, LayerFiles, LayerState, ReadRequest, Snapshot, SnapshotId};
use crate::read::footer::Footers;
use crate::stage::{Stage, clean, make_folder};
use crate::write::{LayerWriter, WrittenLayer};
use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use kho_access::Grant;
use kho_layer::LayerDef;
use parquet::file::metadata::ParquetMetaData;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many layer states are kept: all layers of a city at a few dozen snapshots.
const KEPT: usize = 1_024;

/// How many commits of a layer are told apart by [`Lake::history`].
const HISTORY: i64 = 32;

/// The layers of one city at rest, with all their snapshots. Cheap to clone, and shared by all
/// threads.
#[derive(Debug, Clone)]
pub struct Lake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    catalog: Catalog,
    newest: Newest,
    /// A layer at a snapshot never changes, so it is asked for once.
    layers: Mutex<HashMap<(String, SnapshotId), Arc<LayerAt>>>,
    footers: Arc<Footers>,
}

impl Lake {
    /// Makes an empty lake in the city's folder, its catalog in `lake/catalog.sqlite` or in the
    /// PostgreSQL database of a URL.
    ///
    /// # Errors
    /// [`LakeError::Exists`] if there is one.
    pub async fn create(city: &Path, catalog: Option<&str>) -> Result<Self, LakeError> {
        let folder = folder(city)?;
        make_folder(&folder.join("data"), false)?;
        make_folder(&folder.join("restricted"), true)?;
        Self::connect(folder, catalog, true).await
    }

    /// Opens the lake in a city's folder, and clears away what killed commits left behind.
    ///
    /// # Errors
    /// [`LakeError::NoLake`] if there is none.
    pub async fn open(city: &Path, catalog: Option<&str>) -> Result<Self, LakeError> {
        let lake = Self::connect(folder(city)?, catalog, false).await?;
        // A reader that may not write can still read.
        if let Err(error) = clean(&lake.0.folder, &lake.0.catalog).await {
            tracing::warn!(%error, "left-over files of killed commits could not be cleared away");
        }
        Ok(lake)
    }

    async fn connect(folder: PathBuf, catalog: Option<&str>, create: bool) -> Result<Self, LakeError> {
        let file = folder.join("catalog.sqlite");
        let newest = Newest::new(catalog.is_none().then_some(file.as_path()));
        let catalog = Catalog::connect(&file, catalog, create).await?;
        tracing::debug!(folder = %folder.display(), catalog = catalog.kind(), "lake open");
        Ok(Self(Arc::new(Inner {
            folder,
            catalog,
            newest,
            layers: Mutex::default(),
            footers: Arc::default(),
        })))
    }

    /// The newest snapshot. Cheap enough to be asked with every tile, and a commit of another
    /// process is seen at once: two `stat` calls while a SQLite catalog rests, else one query.
    ///
    /// # Errors
    /// [`LakeError::Database`] if the catalog does not answer.
    pub async fn current(&self) -> Result<SnapshotId, LakeError> {
        self.0.newest.get(&self.0.catalog).await
    }

    /// All snapshots, the newest last.
    ///
    /// # Errors
    /// [`LakeError::Database`] if the catalog does not answer.
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>, LakeError> {
        self.0.catalog.snapshots().await
    }

    /// What there is of every layer at a snapshot, by name: counts, sizes and provenance, no
    /// feature's value.
    ///
    /// # Errors
    /// [`LakeError::NoSnapshot`].
    pub async fn layers(&self, at: SnapshotId) -> Result<Vec<LayerState>, LakeError> {
        self.0.catalog.layers(&self.0.folder, at).await
    }

    /// Begins a commit. Nothing happens before its first layer.
    pub fn begin(&self, author: &str, message: &str) -> Commit {
        Commit {
            lake: self.clone(),
            info: CommitInfo { author: author.to_owned(), message: message.to_owned() },
            stage: None,
        }
    }

    /// The files that a grant opens. After the first call for a layer and snapshot, no query.
    ///
    /// # Errors
    /// [`LakeError::NoData`] if the layer had none then; [`LakeError::NoSnapshot`].
    pub async fn files(&self, grant: &Grant) -> Result<LayerFiles, LakeError> {
        let snapshot = grant.snapshot();
        let layer = self.layer(&grant.layer().name, snapshot).await?;
        crate::read::granted(grant, &layer, snapshot)
    }

    /// What changed in a layer from another snapshot to the grant's, as the grant sees it: a change
    /// in columns that it does not open is none. The other snapshot may be the later one, and then
    /// what came since is what went. It need not be one of the lake's.
    ///
    /// # Errors
    /// As [`Lake::files`].
    pub async fn changes_since(&self, grant: &Grant, from: SnapshotId) -> Result<Change, LakeError> {
        let (name, to) = (&grant.layer().name, grant.snapshot());
        self.layer(name, to).await?;
        let (after, upto) = (from.min(to), from.max(to));
        let mut commits = self.0.catalog.commits(name, Tables::Both, after, upto, i64::MAX).await?;
        commits.reverse();
        let unknown = Change { area: Area::Everywhere, ..Change::NONE };
        let each = commits.iter().map(|(_, told)| told.as_ref().map_or(unknown.clone(), |c| c.seen(grant)));
        let mut change = each.fold(Change::NONE, Change::and);
        if from > to {
            std::mem::swap(&mut change.added, &mut change.removed);
        }
        Ok(change)
    }

    /// The commits that changed what [`Lake::files`] opens of a layer, restricted siblings apart:
    /// snapshot and where, the newest first, from the grant's snapshot back to the layer's first or
    /// the 32nd. Where it says that a commit changed nothing, the files before and after it hold
    /// the same features, in the same order, with the same values in all columns but restricted ones.
    ///
    /// # Errors
    /// As [`Lake::files`].
    pub async fn history(&self, grant: &Grant) -> Result<Vec<(SnapshotId, Area)>, LakeError> {
        let (name, to) = (&grant.layer().name, grant.snapshot());
        self.layer(name, to).await?;
        let commits = self.0.catalog.commits(name, Tables::Main, -1, to, HISTORY).await?;
        let area = |told: Option<&crate::change::Recorded>| told.map_or(Area::Everywhere, |c| c.open_area());
        Ok(commits.into_iter().map(|(id, told)| (id, area(told.as_ref()))).collect())
    }

    /// Reads features: `kho_id`, the columns, and `geometry` if asked for, in the order of the
    /// Hilbert curve.
    ///
    /// # Errors
    /// [`LakeError::Access`] for a column that the grant does not cover or that was not there at
    /// this snapshot; what [`Lake::files`] may return; in the stream, [`LakeError::Parquet`] and
    /// [`LakeError::Damaged`].
    pub async fn read(
        &self,
        grant: &Grant,
        request: ReadRequest,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let files = self.files(grant).await?;
        crate::read::read(Arc::clone(&self.0.footers), grant, files, request)
    }

    /// The Parquet footer of a file, page index included. Read once and kept; the first call
    /// for a file blocks for the disk.
    ///
    /// # Errors
    /// [`LakeError::Io`] and [`LakeError::Parquet`] if the file cannot be read.
    pub fn footer(&self, file: &DataFile) -> Result<Arc<ParquetMetaData>, LakeError> {
        self.0.footers.get(file)
    }

    async fn layer(&self, name: &str, at: SnapshotId) -> Result<Arc<LayerAt>, LakeError> {
        let key = (name.to_owned(), at);
        let lock = || self.0.layers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layer) = lock().get(&key) {
            return Ok(Arc::clone(layer));
        }
        self.0.catalog.require_snapshot(at).await?;
        let Some(layer) = self.0.catalog.layer(&self.0.folder, name, at).await? else {
            return Err(LakeError::NoData { layer: name.to_owned(), snapshot: at });
        };
        let layer = Arc::new(layer);
        let mut kept = lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&layer));
        Ok(layer)
    }
}

/// Layers that will change together. Dropped, nothing has happened.
#[derive(Debug)]
pub struct Commit {
    lake: Lake,
    info: CommitInfo,
    stage: Option<Arc<Stage>>,
}

impl Commit {
    /// A writer of a layer's new contents, which will replace all that it has.
    ///
    /// # Errors
    /// [`LakeError::Io`] if the lake's folder cannot be written to.
    pub fn replace(&mut self, layer: &LayerDef) -> Result<LayerWriter, LakeError> {
        let stage = match &self.stage {
            Some(stage) => Arc::clone(stage),
            None => {
                let stage = Arc::new(Stage::new(&self.lake.0.folder)?);
                self.stage = Some(Arc::clone(&stage));
                stage
            }
        };
        LayerWriter::new(layer, stage)
    }

    /// Makes the written layers the newest snapshot, all or none. Commits of several processes
    /// queue up; if two replace the same layer, the later one stays.
    ///
    /// # Errors
    /// [`LakeError::Commit`] if there is nothing to commit, a layer twice, or one that was
    /// written for another commit; [`LakeError::Busy`] if another program does not let go of the
    /// catalog. After an error the lake is as before.
    pub async fn finish(self, done: Vec<WrittenLayer>) -> Result<SnapshotId, LakeError> {
        let refuse = |message: &str| Err(LakeError::Commit(message.to_owned()));
        let Some(stage) = self.stage.filter(|_| !done.is_empty()) else {
            return refuse("there is nothing to commit: no layer was written");
        };
        if done.iter().any(|layer| !Arc::ptr_eq(&layer.stage, &stage)) {
            return refuse("a layer was written for another commit");
        }
        let mut names = HashSet::new();
        if let Some(twice) = done.iter().find(|layer| !names.insert(layer.name())) {
            return refuse(&format!("layer {} is in one commit twice", twice.name()));
        }
        let catalog = &self.lake.0.catalog;
        let (mut moves, mut layers) = (Vec::new(), Vec::new());
        for mut layer in done {
            // Before the files are moved and the catalog is locked: it reads two digests whole.
            let name = &layer.layer.name;
            layer.layer.compared =
                compared(&self.lake.0.folder, catalog, name, layer.shapes, layer.digest).await?;
            moves.extend(layer.moves);
            layers.push(layer.layer);
        }
        let publishing = Arc::clone(&stage);
        let published = tokio::task::spawn_blocking(move || publishing.publish(&moves)).await?;
        let result = match published {
            Ok(()) => catalog.commit(&self.info, &layers).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(_) => stage.settle(),
            Err(_) => stage.undo(catalog).await,
        }
        result
    }
}

/// A city's lake, independent of the current folder.
fn folder(city: &Path) -> Result<PathBuf, LakeError> {
    std::path::absolute(city.join("lake")).map_err(at(city))
}
