//! Where a delivery lies, and the fingerprint of its files.

use crate::IngestError;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Formats of several files beside one another: of which extension a delivery is named, and which
/// others carry its content or change how it is read. Indexes are left out.
const COMPANIONS: [(&str, &[&str]); 4] = [
    ("shp", &["cpg", "dbf", "prj", "shp", "shx"]),
    ("csv", &["csv", "csvt", "prj"]),
    ("tab", &["dat", "id", "map", "tab"]),
    ("mif", &["mid", "mif"]),
];

/// A delivery's place.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    /// As the caller gave it.
    pub given: String,
    /// As GDAL opens it; differs for archives.
    pub gdal: String,
    /// The file or folder on disk.
    pub file: PathBuf,
    /// The name that goes into the provenance: no folder of this machine in it.
    pub name: String,
}

/// The fingerprint of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Size of all its files.
    pub bytes: u64,
}

impl Location {
    /// Finds `given` on disk. `a.zip/b.gdb` is looked for in the archive; other schemes than
    /// files (databases, addresses) are not deliveries.
    pub(crate) fn find(given: &str) -> Result<Self, IngestError> {
        let plain = given.strip_prefix("/vsizip/").map_or(given, |p| p.trim_start_matches(['{', '}']));
        // "/vsizip/" swallows the slash of an absolute path as often as not.
        let candidates = [PathBuf::from(plain), Path::new("/").join(plain)];
        let (whole, file) = candidates
            .iter()
            .take(if plain.len() < given.len() { 2 } else { 1 })
            .find_map(|path| {
                let file = path.ancestors().find(|a| a.exists())?;
                let inside = file != path.as_path();
                (!inside || (file.is_file() && is_zip(file))).then(|| (path.clone(), file.to_owned()))
            })
            .ok_or_else(|| IngestError::Missing { path: given.into() })?;
        let name = file.file_name().map_or_else(|| given.into(), |n| n.to_string_lossy().into_owned());
        let inside = whole.strip_prefix(&file).map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let gdal = if file.is_file() && is_zip(&file) {
            format!("/vsizip/{}", whole.display())
        } else {
            whole.display().to_string()
        };
        Ok(Self {
            given: given.into(),
            gdal,
            name: if inside.is_empty() { name } else { format!("{name}/{inside}") },
            file,
        })
    }

    pub(crate) fn is_archive(&self) -> bool {
        self.gdal.starts_with("/vsizip/")
    }

    pub(crate) fn is_parquet(&self) -> bool {
        has_extension(&self.file, &["parquet", "geoparquet", "pq"]) && self.file.is_file()
    }

    /// The files that make up the delivery, in name order.
    fn files(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        if self.file.is_dir() {
            for entry in std::fs::read_dir(&self.file)? {
                let path = entry?.path();
                // A FileGDB that is open elsewhere has lock files, which are not its content.
                if path.is_file() && !has_extension(&path, &["lock"]) {
                    files.push(path);
                }
            }
        } else {
            let of_several = COMPANIONS.iter().find(|(main, _)| has_extension(&self.file, &[*main]));
            let companions = of_several.map(|(_, companions)| *companions).unwrap_or_default();
            files.push(self.file.clone());
            if let (Some(folder), false) = (self.file.parent(), companions.is_empty()) {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                for entry in std::fs::read_dir(folder)? {
                    let path = entry?.path();
                    let same = path.file_stem() == self.file.file_stem()
                        && path.file_name() != self.file.file_name();
                    if same && has_extension(&path, companions) && path.is_file() {
                        files.push(path);
                    }
                }
            }
        }
        files.sort_by_key(|p| p.file_name().map(ToOwned::to_owned));
        Ok(files)
    }

    /// The SHA-256 of the delivery: of the file, if it is one; of several, the SHA-256 of the
    /// list that `sha256sum` prints for them in name order (`sha256sum * | sha256sum`).
    pub(crate) fn digest(&self) -> Result<Digest, IngestError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| IngestError::Io { path, source }
        };
        let files = self.files().map_err(io(&self.file))?;
        let single = files.len() == 1 && self.file.is_file();
        let mut list = Sha256::new();
        let mut bytes = 0;
        for path in &files {
            let (sum, size) = hash(path).map_err(io(path))?;
            bytes += size;
            if single {
                return Ok(Digest { sha256: sum, bytes });
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            list.update(format!("{sum}  {name}\n"));
        }
        Ok(Digest { sha256: hex(&list.finalize()), bytes })
    }
}

fn is_zip(path: &Path) -> bool {
    has_extension(path, &["zip", "shz"])
}

fn has_extension(path: &Path, of: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| of.iter().any(|o| e.eq_ignore_ascii_case(o)))
}

fn hash(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((hex(&sum.finalize()), size));
        }
        size += n as u64;
        sum.update(&buffer[..n]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(d.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_its_own_sum_and_several_have_the_sum_of_their_list() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a.geojson"), "abc").unwrap();
        let location = Location::find(&path("a.geojson").to_string_lossy()).unwrap();
        let digest = location.digest().unwrap();
        assert_eq!(digest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.bytes, 3);
        for name in ["b.shp", "b.dbf", "b.qix", "c.dbf"] {
            std::fs::write(path(name), "abc").unwrap();
        }
        let location = Location::find(&path("b.shp").to_string_lossy()).unwrap();
        let names: Vec<_> =
            location.files().unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["b.dbf", "b.shp"]);
        assert_eq!(location.digest().unwrap().bytes, 6);
        // A MapInfo .tab is only the label on the box.
        for name in ["d.TAB", "d.DAT", "d.MAP", "d.ID", "d.ind"] {
            std::fs::write(path(name), "abc").unwrap();
        }
        let location = Location::find(&path("d.TAB").to_string_lossy()).unwrap();
        assert_eq!(location.digest().unwrap().bytes, 12);
    }

    #[test]
    fn archives_are_entered_and_nothing_else_is_invented() {
        let dir = tempfile::tempdir().unwrap();
        let zip = dir.path().join("a.zip");
        std::fs::write(&zip, "").unwrap();
        let inside = Location::find(&format!("{}/b.gdb", zip.display())).unwrap();
        assert_eq!(inside.gdal, format!("/vsizip/{}/b.gdb", zip.display()));
        assert_eq!(inside.name, "a.zip/b.gdb");
        let vsi = Location::find(&format!("/vsizip/{}/b.gdb", zip.display())).unwrap();
        assert_eq!(vsi.file, zip);
        let slashless = format!("/vsizip{}/b.gdb", zip.display());
        assert_eq!(Location::find(&slashless).unwrap().file, zip);
        for bad in ["nothing.gpkg", "PG:dbname=x", "/vsicurl/http://example.com/a.gpkg", ""] {
            assert!(matches!(Location::find(bad), Err(IngestError::Missing { .. })), "{bad}");
        }
    }
}
