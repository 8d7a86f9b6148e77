//! A file in the making, beside its place: it is moved there when it is whole, or it goes away.

use super::failed;
use crate::TileError;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How such files end.
const ENDING: &str = ".part";
/// So young a file may belong to a process that has not locked it yet.
const YOUNG: Duration = Duration::from_secs(10);
/// Where files cannot be locked, one that nobody wrote to for so long is taken for left behind.
const OLD: Duration = Duration::from_secs(24 * 3_600);

/// The name of a file in the making. Dropped before [`Part::put`], the file is taken away.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    target: PathBuf,
    placed: bool,
}

impl Part {
    /// Makes the file. It is locked as long as it is open: that is how the files of dead processes
    /// are told from those of living ones, in other containers too.
    pub fn create(target: &Path) -> Result<(Self, File), TileError> {
        let name = target.file_name().unwrap_or_default();
        if let (Some(dir), Some(name)) = (target.parent(), name.to_str()) {
            clear_stale(if dir.as_os_str().is_empty() { Path::new(".") } else { dir }, name);
        }
        let mut name = name.to_owned();
        name.push(format!(".{}{ENDING}", std::process::id()));
        let path = target.with_file_name(name);
        let file = File::create(&path).map_err(|e| failed(&path, &e))?;
        if let Err(error) = file.try_lock() {
            tracing::debug!(%error, path = %path.display(), "a file in the making is not locked");
        }
        Ok((Self { path, target: target.to_owned(), placed: false }, file))
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place, over what is there.
    pub fn put(mut self) -> Result<(), TileError> {
        std::fs::rename(&self.path, &self.target).map_err(|e| failed(&self.path, &e))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.placed {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Takes away the files whose names begin with `name` that were being made by processes that are no
/// more. What cannot be taken away is left: it is in nobody's way.
pub(super) fn clear_stale(dir: &Path, name: &str) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_str().is_some_and(|n| {
            let rest = n.strip_prefix(name).and_then(|rest| rest.strip_suffix(ENDING));
            // NAME.PROCESS.part
            rest.and_then(|rest| rest.rsplit_once('.')).is_some_and(|(_, id)| id.parse::<u32>().is_ok())
        });
        if !ours || !left_behind(&path) {
            continue;
        }
        match std::fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "took away what a dead process left"),
            Err(error) => tracing::warn!(%error, path = %path.display(), "a half-made file stays"),
        }
    }
}

fn left_behind(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    let Some(age) = age.filter(|age| *age > YOUNG) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(std::fs::TryLockError::WouldBlock) => false,
        Err(std::fs::TryLockError::Error(_)) => age > OLD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn only_what_the_dead_left_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        let make = |name: &str| {
            let file = File::create(dir.path().join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
            file
        };
        for name in ["a.pmtiles.7.part", "b.pmtiles.7.part", "a.pmtiles", "a.pmtiles.x.part"] {
            make(name);
        }
        let living = make("a.pmtiles.8.part");
        living.try_lock().unwrap();
        File::create(dir.path().join("a.pmtiles.9.part")).unwrap();
        clear_stale(dir.path(), "a.pmtiles");
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            ["a.pmtiles", "a.pmtiles.8.part", "a.pmtiles.9.part", "a.pmtiles.x.part", "b.pmtiles.7.part"]
        );
        drop(living);
        clear_stale(dir.path(), "");
        assert!(
            !dir.path().join("a.pmtiles.8.part").exists() && !dir.path().join("b.pmtiles.7.part").exists()
        );
    }

    #[test]
    fn what_is_given_up_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.pmtiles");
        let (part, _file) = Part::create(&target).unwrap();
        assert!(part.path().exists());
        drop(part);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let (part, _file) = Part::create(&target).unwrap();
        part.put().unwrap();
        assert!(target.exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
