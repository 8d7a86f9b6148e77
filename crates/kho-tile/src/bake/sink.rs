//! Where baked tiles go.

use super::archive::{Archive, Held, Identity};
use super::directory::{Entry, HEAD, HEADER, pack};
use super::figures::{self, Figures};
use super::header::{GZIP, Header, MLT, MVT, Section};
use super::part::Part;
use super::report::ZoomStats;
use super::{address, failed, seal};
use crate::compress::gzip;
use crate::{Format, TileError};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::xxh3_128;

/// What the archive says about itself.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub format: Format,
    pub min_zoom: u8,
    pub max_zoom: u8,
    /// West, south, east, north; degrees.
    pub bounds: [f64; 4],
}

/// Bytes that are written at once.
const BUFFER: usize = 1 << 20;
const LEVEL: u32 = 6;

/// A PMTiles archive being written beside its place; it is moved there when it is whole.
///
/// Its parts, in this order: header and root directory (16 KiB), the tiles, the leaf directories, the
/// [figures](super::figures), the metadata, the [seal](super::seal). A renewed archive begins with
/// the tiles of the one before as they lie, those that are no longer used too; the new ones come
/// after them.
pub(super) struct Sink {
    part: Part,
    about: About,
    output: Output,
    /// Bytes of tiles.
    length: u64,
    held: Vec<Held>,
    /// The contents written now: hash, place.
    known: HashMap<u128, (u64, u32)>,
    made: BTreeMap<u8, u64>,
    /// Whether the tiles lie in the order of their ids.
    clustered: bool,
}

enum Output {
    Ready(BufWriter<File>),
    /// The tiles of the former archive are still being copied.
    Copying(JoinHandle<io::Result<File>>),
}

/// An archive that is there.
pub(super) struct Written {
    pub bytes: u64,
    pub tiles: u64,
    pub zooms: Vec<ZoomStats>,
}

impl Sink {
    /// Starts an archive that is to be at `target`, with nothing in it. Tiles must come in the order
    /// of their ids.
    pub fn create(target: &Path, about: About) -> Result<Self, TileError> {
        let (part, mut file) = Part::create(target)?;
        file.write_all(&[0; HEAD]).map_err(|e| failed(part.path(), &e))?;
        let output = Output::Ready(BufWriter::with_capacity(BUFFER, file));
        Ok(Self::new(part, about, output, 0, true))
    }

    /// Starts one that begins with the tiles of a former one. These are copied while the first new
    /// ones are made; where the file system can (XFS, Btrfs) they are shared and not copied at all.
    pub fn over(former: &Archive, target: &Path, about: About) -> Result<Self, TileError> {
        let (part, file) = Part::create(target)?;
        let ((path, identity), bytes) = (former.source(), former.file());
        let end = former.tiles_end();
        let copy = tokio::task::spawn_blocking(move || copy(&path, identity, &bytes, end, file));
        Ok(Self::new(part, about, Output::Copying(copy), end - HEAD as u64, false))
    }

    fn new(part: Part, about: About, output: Output, length: u64, clustered: bool) -> Self {
        let (held, known, made) = (Vec::new(), HashMap::new(), BTreeMap::new());
        Self { part, about, output, length, held, known, made, clustered }
    }

    /// Adds a tile that lies in the former archive, whose tiles this one begins with.
    pub fn keep(&mut self, held: Held) {
        self.held.push(held);
    }

    /// Whether it begins with the tiles of a former one.
    pub fn is_over(&self) -> bool {
        !self.clustered
    }

    /// Counts a tile as made now.
    pub fn count_made(&mut self, z: u8) {
        *self.made.entry(z).or_default() += 1;
    }

    /// Adds a tile, gzipped and not empty. `figures.hash` is set here.
    pub async fn add(&mut self, id: u64, gzipped: &[u8], figures: Figures) -> Result<(), TileError> {
        let hash = xxh3_128(gzipped);
        let length = u32::try_from(gzipped.len()).map_err(|e| failed(self.part.path(), &e))?;
        // Much of the sea looks the same.
        let known = self.known.get(&hash).copied().filter(|(_, known)| *known == length);
        let offset = match known {
            Some((offset, _)) => offset,
            None => {
                let (offset, path) = (self.length, self.part.path().to_owned());
                self.ready().await?.write_all(gzipped).map_err(|e| failed(&path, &e))?;
                self.length += u64::from(length);
                self.known.insert(hash, (offset, length));
                offset
            }
        };
        self.held.push(Held { id, offset, length, figures: Figures { hash: hash as u64, ..figures } });
        Ok(())
    }

    /// The file, at the end of its tiles.
    async fn ready(&mut self) -> Result<&mut BufWriter<File>, TileError> {
        if let Output::Copying(copy) = &mut self.output {
            let copied = copy.await.map_err(|e| TileError::Internal(e.to_string()))?;
            let file = copied.map_err(|e| failed(self.part.path(), &e))?;
            self.output = Output::Ready(BufWriter::with_capacity(BUFFER, file));
        }
        match &mut self.output {
            Output::Ready(file) => Ok(file),
            Output::Copying(_) => Err(TileError::Internal("an archive is still being copied".into())),
        }
    }

    /// Ends the archive and puts it in its place, at once. `describe` gives the metadata, an object
    /// with an object `kho` in it, for what the zooms hold.
    pub async fn finish(
        mut self,
        describe: impl FnOnce(&[ZoomStats]) -> Value,
    ) -> Result<Written, TileError> {
        self.ready().await?;
        let path = self.part.path().to_owned();
        let told = |e: &dyn std::fmt::Display| failed(&path, e);
        self.held.sort_unstable_by_key(|held| held.id);
        let zooms = self.zooms();
        let (entries, figures) = runs(&self.held);
        let mut contents: Vec<u64> = entries.iter().map(|e| e.offset).collect();
        contents.sort_unstable();
        contents.dedup();

        let tiles = Section { offset: HEAD as u64, length: self.length };
        let mut tail = Vec::new();
        let end = tiles.offset + tiles.length;
        let mut add = |bytes: &[u8]| {
            let section = Section { offset: end + tail.len() as u64, length: bytes.len() as u64 };
            tail.extend_from_slice(bytes);
            section
        };
        let (root, leaves) = pack(&entries).map_err(|e| told(&e))?;
        let leaves = add(&leaves);
        let figures = add(&gzip(&figures::encode(&figures), LEVEL).map_err(|e| told(&e))?);
        let mut metadata = describe(&zooms);
        metadata["kho"]["figures"] = json!({"offset": figures.offset, "length": figures.length});
        metadata["kho"]["boot"] = seal::boot().into();
        let metadata = add(&gzip(metadata.to_string().as_bytes(), LEVEL).map_err(|e| told(&e))?);

        let About { format, min_zoom, max_zoom, bounds } = self.about;
        let header = Header {
            root: Section { offset: HEADER as u64, length: root.len() as u64 },
            metadata,
            leaves,
            tiles,
            addressed: self.held.len() as u64,
            entries: entries.len() as u64,
            contents: contents.len() as u64,
            clustered: self.clustered,
            inner: GZIP,
            compression: GZIP,
            kind: if format == Format::Mvt { MVT } else { MLT },
            min_zoom,
            max_zoom,
            bounds,
            center_zoom: min_zoom.max(12).min(max_zoom),
        };
        let mut head = header.bytes().to_vec();
        head.extend_from_slice(&root);
        head.resize(HEAD, 0);
        let sealed = seal::of(&head, &tail);
        tail.extend(seal::bytes(sealed));

        let Output::Ready(mut file) = self.output else {
            return Err(TileError::Internal("an archive is still being copied".into()));
        };
        file.write_all(&tail).map_err(|e| told(&e))?;
        file.seek(SeekFrom::Start(0)).map_err(|e| told(&e))?;
        file.write_all(&head).map_err(|e| told(&e))?;
        // Not synced: see the seal.
        drop(file.into_inner().map_err(|e| told(e.error()))?);
        self.part.put()?;
        Ok(Written { bytes: end + tail.len() as u64, tiles: header.addressed, zooms })
    }

    /// What the zooms hold.
    fn zooms(&self) -> Vec<ZoomStats> {
        let mut zooms: BTreeMap<u8, ZoomStats> = BTreeMap::new();
        for held in &self.held {
            let Some((z, x, y)) = address(held.id) else { continue };
            let stats = zooms.entry(z).or_insert_with(|| ZoomStats { zoom: z, ..ZoomStats::default() });
            stats.add(x, y, u64::from(held.length), &held.figures);
        }
        for (z, made) in &self.made {
            if let Some(stats) = zooms.get_mut(z) {
                stats.made = *made;
            }
        }
        zooms.into_values().collect()
    }
}

/// The directory of tiles in the order of their ids: neighbours with one content become one entry,
/// within a zoom.
fn runs(held: &[Held]) -> (Vec<Entry>, Vec<Figures>) {
    let mut entries: Vec<Entry> = Vec::with_capacity(held.len());
    let mut figures: Vec<Figures> = Vec::with_capacity(held.len());
    for tile in held {
        if let (Some(entry), Some(figure)) = (entries.last_mut(), figures.last_mut())
            && entry.id + u64::from(entry.run) == tile.id
            && (entry.offset, entry.length) == (tile.offset, tile.length)
            && (figure.features, figure.left_out) == (tile.figures.features, tile.figures.left_out)
            && address(entry.id).map(|at| at.0) == address(tile.id).map(|at| at.0)
        {
            entry.run += 1;
            figure.micros = figure.micros.max(tile.figures.micros);
            continue;
        }
        entries.push(Entry { id: tile.id, offset: tile.offset, length: tile.length, run: 1 });
        figures.push(tile.figures);
    }
    (entries, figures)
}

/// Writes the first `end` bytes of an archive into a file: by the system, which may share them, if
/// the archive is still in its place, else out of its mapping.
fn copy(path: &Path, identity: Identity, bytes: &Bytes, end: u64, mut file: File) -> io::Result<File> {
    if let Ok(from) = File::open(path)
        && from.metadata().is_ok_and(|m| Identity::of(&m) == identity)
    {
        if io::copy(&mut from.take(end), &mut file)? == end {
            return Ok(file);
        }
        file.rewind()?;
        file.set_len(0)?;
    }
    let all = usize::try_from(end).ok().and_then(|end| bytes.get(..end));
    file.write_all(all.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?)?;
    Ok(file)
}
