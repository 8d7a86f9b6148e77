//! Baked tiles, read back.

use super::directory::{Entry, HEAD, gunzip, slice, unpack};
use super::figures::{self, Figures};
use super::header::{GZIP, Header, MLT, MVT, PLAIN, Section};
use super::report::ZoomStats;
use super::{address, failed, seal, tile_id};
use crate::{Format, TileError};
use bytes::Bytes;
use pmtiles::{AsyncBackend, MmapBackend};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use xxhash_rust::xxh3::xxh3_128;

/// A PMTiles archive. Its file is never changed, only replaced: reading is a slice of a mapping, which
/// stays good while anybody holds it. The directory is in memory (24 bytes a tile).
pub struct Archive {
    path: PathBuf,
    identity: Identity,
    /// The whole file.
    bytes: Bytes,
    header: Header,
    entries: Vec<Entry>,
    /// Of every entry, if kho baked it.
    figures: Option<Vec<Figures>>,
    metadata: Value,
    /// Over all but the tiles, if kho baked it.
    seal: Option<u64>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A tile out of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BakedTile {
    /// The tile, gzipped; empty where there is none.
    pub gzipped: Bytes,
    /// A strong entity tag of these bytes, with its quotes.
    pub etag: String,
}

/// What tells a file from the one that replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Identity {
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { length: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

/// A tile's place in an archive, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub id: u64,
    pub offset: u64,
    pub length: u32,
    pub figures: Figures,
}

impl Archive {
    /// Opens an archive of gzipped vector tiles, and reads its directory. One that kho baked must be
    /// whole: its header, its directory and what it says of itself are held against a hash.
    ///
    /// # Errors
    /// [`TileError::Archive`] if it is none, is cut off or cannot be read.
    pub async fn open(path: &Path) -> Result<Self, TileError> {
        // Before the file is opened: should it be replaced in between, the next look shows it.
        let metadata = tokio::fs::metadata(path).await.map_err(|e| failed(path, &e))?;
        let backend = MmapBackend::try_from(path).await.map_err(|e| failed(path, &e))?;
        let whole = backend.read(0, usize::MAX).await.map_err(|e| failed(path, &e))?;
        let (path, identity) = (path.to_owned(), Identity::of(&metadata));
        let read = move || {
            Self::read(whole.bytes, path.clone(), identity).map_err(|message| failed(&path, &message))
        };
        tokio::task::spawn_blocking(read).await.map_err(|e| TileError::Internal(e.to_string()))?
    }

    fn read(bytes: Bytes, path: PathBuf, identity: Identity) -> Result<Self, String> {
        let header = Header::read(&bytes).ok_or("it is no PMTiles archive of version 3")?;
        if ![MVT, MLT].contains(&header.kind) || header.compression != GZIP {
            return Err("it does not hold gzipped vector tiles".into());
        }
        if ![GZIP, PLAIN].contains(&header.inner) {
            return Err("its directory is neither gzipped nor plain".into());
        }
        let part = |s: Section| slice(&bytes, s.offset, s.length).ok_or("it is cut off");
        part(header.tiles)?;
        let open = |s: Section| -> Result<Vec<u8>, String> {
            if header.inner == GZIP { gunzip(part(s)?) } else { Ok(part(s)?.to_vec()) }
        };
        let entries = unpack(part(header.root)?, part(header.leaves)?, header.inner == GZIP)?;
        let inside = |e: &Entry| {
            e.offset.checked_add(u64::from(e.length)).is_some_and(|end| end <= header.tiles.length)
        };
        if !entries.iter().all(inside) {
            return Err("it is cut off".into());
        }
        let metadata: Value =
            serde_json::from_slice(&open(header.metadata)?).map_err(|_| "its metadata cannot be read")?;
        let (mut figures, mut sealed) = (None, None);
        if let Some(kho) = metadata.get("kho") {
            let torn = "it was not written to its end";
            let end = header.tiles.offset + header.tiles.length;
            let kept = seal::read(&bytes).ok_or(torn)?;
            let (head, tail) = (bytes.get(..HEAD), seal::sealed(&bytes, end));
            if header.tiles.offset != HEAD as u64 || seal::of(head.ok_or(torn)?, tail.ok_or(torn)?) != kept {
                return Err(torn.into());
            }
            let number = |key: &str| kho["figures"][key].as_u64().ok_or(torn);
            let section = Section { offset: number("offset")?, length: number("length")? };
            figures = Some(figures::decode(&open(section)?, entries.len()).ok_or(torn)?);
            sealed = Some(kept);
        }
        Ok(Self { path, identity, header, entries, figures, metadata, seal: sealed, bytes })
    }

    /// The format of its tiles.
    pub fn format(&self) -> Format {
        if self.header.kind == MLT { Format::Mlt } else { Format::Mvt }
    }

    /// The first and the last zoom.
    pub fn zooms(&self) -> (u8, u8) {
        (self.header.min_zoom, self.header.max_zoom)
    }

    /// The number of tiles that are not empty.
    pub fn tiles(&self) -> u64 {
        self.header.addressed
    }

    /// Bytes between tiles that no tile uses any more: what an edit leaves until the archive is
    /// written in order again.
    pub fn unused_bytes(&self) -> u64 {
        let mut contents: Vec<(u64, u32)> = self.entries.iter().map(|e| (e.offset, e.length)).collect();
        contents.sort_unstable();
        contents.dedup_by_key(|content| content.0);
        let used: u64 = contents.iter().map(|content| u64::from(content.1)).sum();
        self.header.tiles.length.saturating_sub(used)
    }

    /// The whole file, for who wants to put it elsewhere.
    pub fn file(&self) -> Bytes {
        self.bytes.clone()
    }

    /// A strong entity tag of the file, with its quotes; `None` if kho did not bake it.
    pub fn etag(&self) -> Option<String> {
        // The seal is over the hashes of all tiles, and the header says where they lie.
        self.seal.map(|seal| format!("\"{seal:016x}-{:x}\"", self.bytes.len()))
    }

    /// The tile at an address.
    ///
    /// # Errors
    /// [`TileError::NoSuchTile`]; [`TileError::Archive`] if its bytes are not those that were written.
    pub fn tile(&self, z: u8, x: u32, y: u32) -> Result<BakedTile, TileError> {
        let id = tile_id(z, x, y)?;
        let at = self.entries.partition_point(|e| e.id <= id).checked_sub(1);
        let found = at.and_then(|at| Some((at, self.entries.get(at)?)));
        let Some((at, entry)) = found.filter(|(_, e)| id - e.id < u64::from(e.run)) else {
            return Ok(BakedTile { gzipped: Bytes::new(), etag: quoted(xxh3_128(&[])) });
        };
        let gzipped = self.content(entry.offset, entry.length);
        let hash = xxh3_128(&gzipped);
        let wanted = self.figures.as_ref().and_then(|all| all.get(at)).map(|f| f.hash);
        if wanted.is_some_and(|wanted| wanted != hash as u64) {
            return Err(failed(&self.path, &format!("tile {z}/{x}/{y} is not what was written")));
        }
        Ok(BakedTile { gzipped, etag: quoted(hash) })
    }

    /// The bytes of an entry, which was found to lie in the file when it was opened.
    pub(super) fn content(&self, offset: u64, length: u32) -> Bytes {
        let from = (self.header.tiles.offset + offset) as usize;
        let range = from..(from + length as usize).min(self.bytes.len());
        if range.start <= range.end { self.bytes.slice(range) } else { Bytes::new() }
    }

    /// All tiles in the order of their ids.
    pub(super) fn held(&self) -> impl Iterator<Item = Held> {
        self.entries.iter().enumerate().flat_map(move |(at, entry)| {
            let figures = self.figures.as_ref().and_then(|all| all.get(at)).copied().unwrap_or_default();
            let (offset, length) = (entry.offset, entry.length);
            (entry.id..entry.id + u64::from(entry.run)).map(move |id| Held { id, offset, length, figures })
        })
    }

    /// The addresses of all tiles: zoom, column, row.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (u8, u32, u32)> {
        self.held().filter_map(|held| address(held.id))
    }

    /// Whether every tile is what was written. Reads the whole file.
    pub(super) fn is_whole(&self) -> bool {
        let Some(figures) = &self.figures else { return false };
        let same = |(e, f): (&Entry, &Figures)| xxh3_128(&self.content(e.offset, e.length)) as u64 == f.hash;
        self.entries.iter().zip(figures).all(same)
    }

    /// The end of the tiles in the file.
    pub(super) fn tiles_end(&self) -> u64 {
        self.header.tiles.offset + self.header.tiles.length
    }

    /// Where the file is, and which one is meant: it may be replaced at any time.
    pub(super) fn source(&self) -> (PathBuf, Identity) {
        (self.path.clone(), self.identity)
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// What the bake wrote about itself, if kho baked it.
    pub fn stats(&self) -> Option<Vec<ZoomStats>> {
        serde_json::from_value(self.kho("zooms")?.clone()).ok()
    }

    /// The snapshot that had last changed the layer (of several: any of them) when it was baked;
    /// `None` if kho did not bake it.
    pub fn since(&self) -> Option<i64> {
        self.kho("since")?.as_i64()
    }

    /// The layers in it, each with the snapshot that had last changed it when it was baked.
    pub(super) fn members(&self) -> Vec<(String, i64)> {
        let member = |m: &Value| Some((m["layer"].as_str()?.to_owned(), m["since"].as_i64()?));
        let members = self.kho("members").and_then(Value::as_array);
        members.into_iter().flatten().filter_map(member).collect()
    }

    /// How it was baked: two archives of one manner and the same features hold the same tiles.
    pub(super) fn manner(&self) -> Option<&str> {
        self.kho("manner")?.as_str()
    }

    /// The part of the manner that decides what is in a tile.
    pub(super) fn drawn(&self) -> Option<&str> {
        self.kho("drawn")?.as_str()
    }

    /// The run of the machine in which it was baked.
    pub(super) fn boot(&self) -> Option<&str> {
        self.kho("boot")?.as_str()
    }

    fn kho(&self, key: &str) -> Option<&Value> {
        self.metadata.get("kho")?.get(key)
    }

    /// What the archive says of itself: a JSON object with `name`, `vector_layers` and so on.
    pub(super) fn metadata(&self) -> &Value {
        &self.metadata
    }

    /// West, south, east, north; degrees.
    pub(super) fn bounds(&self) -> [f64; 4] {
        self.header.bounds
    }
}

fn quoted(hash: u128) -> String {
    format!("\"{hash:032x}\"")
}
