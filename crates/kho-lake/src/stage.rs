//! The place where a commit is prepared: a folder of its own under `lake/staging`, held by a
//! file lock for as long as the process lives.
//!
//! A commit that ends, in whatever way, leaves no folder. One that is killed leaves it unlocked,
//! and whoever opens the lake next clears it away, and with it those files that had been moved to
//! their final names (the manifest lists them) but which no snapshot knows.

use crate::catalog::Catalog;
use crate::error::{LakeError, at};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const MANIFEST: &str = "manifest.json";

/// A staging folder, locked. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Stage {
    lake: PathBuf,
    lock_path: PathBuf,
    folder: PathBuf,
    /// Whether the folder must outlive this, for the next one who opens the lake.
    keep: AtomicBool,
    _lock: File,
}

/// A file to be moved to its place: from the staging folder, to a path relative to the lake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Move {
    pub from: String,
    pub folder: PathBuf,
    pub name: String,
    /// Whether only the city's own account may read it.
    pub private: bool,
}

impl Stage {
    /// Makes a staging folder in the lake.
    pub fn new(lake: &Path) -> Result<Self, LakeError> {
        let parent = lake.join("staging");
        // Restricted values pass through here.
        make_folder(&parent, true)?;
        loop {
            let id = uuid::Uuid::now_v7();
            let lock_path = parent.join(format!("{id}.lock"));
            let lock = File::create_new(&lock_path).map_err(at(&lock_path))?;
            lock.lock().map_err(at(&lock_path))?;
            // A cleaner may have found it in the moment before it was locked, and removed it.
            if !lock_path.exists() {
                continue;
            }
            let folder = parent.join(id.to_string());
            make_folder(&folder, true)?;
            return Ok(Self {
                lake: lake.to_owned(),
                lock_path,
                folder,
                keep: AtomicBool::new(false),
                _lock: lock,
            });
        }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Moves files to their final names, so that they survive a power cut. Until the commit the
    /// manifest can undo it.
    pub fn publish(&self, moves: &[Move]) -> Result<(), LakeError> {
        let manifest = self.path(MANIFEST);
        let mut file = File::create(&manifest).map_err(at(&manifest))?;
        file.write_all(&serde_json::to_vec(moves)?).and_then(|()| file.sync_all()).map_err(at(&manifest))?;
        sync_folder(&self.folder)?;
        sync_folder(&self.lake.join("staging"))?;
        // From here on whoever drops this half-way, by cancelling the commit for one, leaves the
        // manifest to the next one who opens the lake.
        self.keep.store(true, Ordering::Relaxed);
        let mut folders: Vec<&Path> = moves.iter().map(|m| m.folder.as_path()).collect();
        folders.dedup();
        for m in moves {
            let folder = self.lake.join(&m.folder);
            if let Some(parent) = folder.parent() {
                make_folder(parent, m.private)?;
            }
            make_folder(&folder, m.private)?;
            let from = self.path(&m.from);
            fs::rename(&from, folder.join(&m.name)).map_err(at(&from))?;
        }
        for folder in folders {
            let folder = self.lake.join(folder);
            sync_folder(&folder)?;
            if let Some(parent) = folder.parent() {
                sync_folder(parent)?;
            }
        }
        sync_folder(&self.lake)
    }

    /// The published files belong to a snapshot now.
    pub fn settle(&self) {
        self.keep.store(false, Ordering::Relaxed);
    }

    /// Removes the files that [`Stage::publish`] moved and no snapshot knows. If even that cannot
    /// be asked, everything stays for the next one who opens the lake.
    pub async fn undo(&self, catalog: &Catalog) {
        match remove_unknown(&self.lake, &self.folder, catalog).await {
            Ok(()) => self.settle(),
            Err(error) => {
                tracing::warn!(%error, "files of a failed commit are cleared when the lake is next opened");
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.keep.load(Ordering::Relaxed) {
            return;
        }
        // The folder first: as long as the lock's file is there, a cleaner knows of it.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Clears away what killed commits left behind.
pub(crate) async fn clean(lake: &Path, catalog: &Catalog) -> Result<(), LakeError> {
    let parent = lake.join("staging");
    let entries = match fs::read_dir(&parent) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(at(&parent)(e)),
    };
    for entry in entries {
        let lock_path = entry.map_err(at(&parent))?.path();
        if lock_path.extension().is_none_or(|e| e != "lock") {
            continue;
        }
        let Ok(lock) = File::open(&lock_path) else {
            continue; // its commit has just ended
        };
        if lock.try_lock().is_err() {
            continue; // its commit is alive
        }
        if !lock_path.exists() {
            continue; // another cleaner was faster
        }
        let folder = lock_path.with_extension("");
        remove_unknown(lake, &folder, catalog).await?;
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(at(&folder))?;
        }
        fs::remove_file(&lock_path).map_err(at(&lock_path))?;
        tracing::info!(folder = %folder.display(), "cleared away a commit that had been killed");
    }
    Ok(())
}

async fn remove_unknown(lake: &Path, folder: &Path, catalog: &Catalog) -> Result<(), LakeError> {
    let Ok(manifest) = fs::read(folder.join(MANIFEST)) else {
        return Ok(()); // nothing had been moved yet
    };
    // A manifest that was cut short was not synced, so no file had been moved.
    let moves: Vec<Move> = serde_json::from_slice(&manifest).unwrap_or_default();
    // A commit whose answer was lost may still be under way in the database: wait for it.
    let mut session = catalog.begin().await?;
    session.lock().await?;
    for m in moves {
        if session.knows_file(&m.name).await? {
            continue;
        }
        let path = lake.join(&m.folder).join(&m.name);
        match fs::remove_file(&path) {
            Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(at(&path)(e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes a folder unless it is there; a private one is its owner's alone.
pub(crate) fn make_folder(path: &Path, private: bool) -> Result<(), LakeError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    if private {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    builder.create(path).map_err(at(path))
}

/// Makes a file; a private one is its owner's alone.
pub(crate) fn make_file(path: &Path, private: bool) -> Result<File, LakeError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path).map_err(at(path))
}

fn sync_folder(path: &Path) -> Result<(), LakeError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(at(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lake;

    fn a_move(name: &str) -> Move {
        Move { from: name.into(), folder: "data/road".into(), name: name.into(), private: false }
    }

    /// What a process leaves that is killed after it has moved its files: all but the lock.
    fn kill(stage: Stage) {
        stage.keep.store(true, Ordering::Relaxed);
    }

    #[tokio::test]
    async fn only_the_dead_are_cleared_away() {
        let city = tempfile::TempDir::new().unwrap();
        drop(Lake::create(city.path(), None).await.unwrap());
        let lake = city.path().join("lake");
        let [dead, early, alive] = [(); 3].map(|()| Stage::new(&lake).unwrap());
        for (stage, name) in [(&dead, "a.parquet"), (&alive, "b.parquet")] {
            fs::write(stage.path(name), "x").unwrap();
            stage.publish(&[a_move(name)]).unwrap();
        }
        fs::write(early.path("run-0.arrow"), "x").unwrap();
        let gone = [dead.folder.clone(), early.folder.clone()];
        kill(dead);
        kill(early);
        drop(Lake::open(city.path(), None).await.unwrap());
        assert!(gone.iter().all(|folder| !folder.exists()));
        assert!(!lake.join("data/road/a.parquet").exists());
        assert!(alive.folder.exists());
        assert!(lake.join("data/road/b.parquet").exists());
    }

    #[tokio::test]
    async fn files_of_a_snapshot_survive_a_kill_after_the_commit() {
        let city = tempfile::TempDir::new().unwrap();
        let lake = Lake::create(city.path(), None).await.unwrap();
        let folder = city.path().join("lake");
        let stage = Stage::new(&folder).unwrap();
        fs::write(stage.path("c.parquet"), "x").unwrap();
        stage.publish(&[a_move("c.parquet")]).unwrap();
        let catalog = Catalog::connect(&folder.join("catalog.sqlite"), None, false).await.unwrap();
        let mut session = catalog.begin().await.unwrap();
        session
            .execute("INSERT INTO ducklake_data_file(data_file_id, path) VALUES (0, 'c.parquet')", &[])
            .await
            .unwrap();
        session.commit().await.unwrap();
        kill(stage);
        clean(&folder, &catalog).await.unwrap();
        assert!(folder.join("data/road/c.parquet").exists());
        assert!(!folder.join("staging").read_dir().unwrap().any(|_| true));
        drop(lake);
    }
}
