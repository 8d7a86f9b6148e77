//! The newest snapshot, asked for with every request and every tile.
//!
//! A query costs two changes of thread, which is little on an idle machine and a millisecond on a
//! busy one. A SQLite catalog changes only with its files, so as long as these look the same, the
//! last answer is good: two `stat` calls. PostgreSQL is asked each time.

use super::Catalog;
use super::query::first;
use crate::error::LakeError;
use crate::model::SnapshotId;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// File times tick every few milliseconds: a file that was written to so recently may be written
/// to again without looking different, so what was read of it then is not kept.
const SETTLED: Duration = Duration::from_millis(100);

/// What a file looks like from outside: when it was last written to, and its size.
type Look = Option<(SystemTime, u64)>;

/// The last answer, and how the catalog's files (database and write-ahead log) looked before it.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    files: Option<[PathBuf; 2]>,
    last: Mutex<Option<([Look; 2], SnapshotId)>>,
}

impl Newest {
    /// For the catalog in a SQLite file; without one, nothing is ever kept.
    pub fn new(file: Option<&Path>) -> Self {
        let log = |file: &Path| {
            let mut name = file.as_os_str().to_owned();
            name.push("-wal");
            PathBuf::from(name)
        };
        Self { files: file.map(|file| [file.to_owned(), log(file)]), last: Mutex::default() }
    }

    pub async fn get(&self, catalog: &Catalog) -> Result<SnapshotId, LakeError> {
        let looks = self.files.as_ref().map(|files| files.each_ref().map(|f| look(f)));
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(looks), Some((then, id))) = (looks, *lock())
            && looks == then
        {
            return Ok(id);
        }
        let id = catalog.newest().await?;
        *lock() = looks.filter(settled).map(|looks| (looks, id));
        Ok(id)
    }
}

fn look(file: &Path) -> Look {
    let metadata = file.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn settled(looks: &[Look; 2]) -> bool {
    let now = SystemTime::now();
    let old = |(time, _): &(SystemTime, u64)| now.duration_since(*time).is_ok_and(|d| d > SETTLED);
    looks.iter().flatten().all(old)
}

impl Catalog {
    /// The newest snapshot, out of the catalog.
    pub async fn newest(&self) -> Result<SnapshotId, LakeError> {
        let rows = self.fetch("SELECT max(snapshot_id) FROM ducklake_snapshot", &[]).await?;
        first(&rows)?.int(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_ones_commit_is_seen_at_once() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("catalog.sqlite");
        let writer = Catalog::connect(&file, None, true).await.unwrap();
        let reader = Catalog::connect(&file, None, false).await.unwrap();
        let newest = Newest::new(Some(&file));
        for id in 1..=40i64 {
            assert_eq!(newest.get(&reader).await.unwrap(), id - 1);
            if id % 10 == 0 {
                // long enough that the answer is kept
                tokio::time::sleep(2 * SETTLED).await;
                assert_eq!(newest.get(&reader).await.unwrap(), id - 1);
                assert!(newest.last.lock().unwrap().is_some());
            }
            let mut session = writer.begin().await.unwrap();
            session
                .execute("INSERT INTO ducklake_snapshot(snapshot_id) VALUES ($1)", &[id.into()])
                .await
                .unwrap();
            session.commit().await.unwrap();
        }
        assert_eq!(newest.get(&reader).await.unwrap(), 40);
    }
}
