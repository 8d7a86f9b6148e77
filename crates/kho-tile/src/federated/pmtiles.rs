//! PMTiles archives that somebody else keeps.
//!
//! They are read, not mapped: an archive of kho's own bakes is never changed, but a department may write
//! over its file at any time, and who reads a mapping of a file that has become shorter is killed.

use super::archive::{bounds, fingerprint, identity, vector_layers, zooms};
use super::error::SourceError;
use super::slot::{Found, Member};
use super::source::{Description, SourceLayerKind, SourceTile, TileSource};
use futures::FutureExt;
use futures::future::BoxFuture;
use kho_layer::SourceDef;
use pmtiles::{
    AsyncBackend, AsyncPmTilesReader, BackendResponse, Compression, HashMapCache, PmtError, PmtResult,
    TileCoord, TileType,
};
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Looks at the file; `None` if it is as it was.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn look(
    def: &Arc<SourceDef>,
    path: &Path,
    known: Option<u64>,
) -> Result<Option<Found>, String> {
    let path = path.to_owned();
    let open = move || -> io::Result<(File, u64)> {
        let file = File::open(path)?;
        let identity = identity(&file.metadata()?);
        Ok((file, identity))
    };
    let opened = tokio::task::spawn_blocking(open).await.map_err(|e| e.to_string())?;
    let (file, identity) = opened.map_err(|e| format!("the archive cannot be opened: {}", e.kind()))?;
    let fingerprint = fingerprint(identity, def);
    if known == Some(fingerprint) {
        return Ok(None);
    }
    let backend = OpenFile(Arc::new(file));
    let reader = AsyncPmTilesReader::try_from_cached_source(backend, HashMapCache::default()).await;
    let reader = reader.map_err(|e| format!("it is no PMTiles archive: {e}"))?;
    let header = reader.get_header();
    let gzipped = match (header.tile_type, header.tile_compression) {
        (TileType::Mvt, Compression::Gzip) => true,
        (TileType::Mvt, Compression::None) => false,
        (TileType::Mvt, _) => return Err("its tiles are neither plain nor gzipped".into()),
        _ => return Err("it holds no Mapbox vector tiles".into()),
    };
    // Metadata is a help: tiles can be read without it.
    let metadata = reader.get_metadata().await.ok().and_then(|text| serde_json::from_str(&text).ok());
    let description = Description {
        name: def.name.clone(),
        kind: SourceLayerKind::Pmtiles,
        part: None,
        zooms: zooms((header.min_zoom, header.max_zoom), def),
        bounds: bounds([
            header.min_longitude,
            header.min_latitude,
            header.max_longitude,
            header.max_latitude,
        ]),
        vector_layers: vector_layers(&metadata.unwrap_or_default()),
        gzipped,
    };
    let archive = PmTiles { description, reader, max: def.max_tile_bytes as usize };
    let member = Member::new(def.name.clone(), fingerprint, None, Arc::new(archive));
    Ok(Some(Found { fingerprint, members: vec![member], notes: Vec::new() }))
}

/// An open archive.
struct PmTiles {
    description: Description,
    reader: AsyncPmTilesReader<OpenFile, HashMapCache>,
    max: usize,
}

impl std::fmt::Debug for PmTiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PmTiles").field("description", &self.description).finish_non_exhaustive()
    }
}

impl PmTiles {
    async fn read(&self, z: u8, x: u32, y: u32) -> Result<SourceTile, SourceError> {
        let name = &self.description.name;
        let at = TileCoord::new(z, x, y).map_err(|_| SourceError::failed(name, "it has no such zoom"))?;
        let found = self.reader.get_tile(at).await.map_err(|error| match error {
            PmtError::SourceModified | PmtError::UnexpectedNumberOfBytesReturned(..) => {
                SourceError::Changed { name: name.clone() }
            }
            PmtError::Reading(_) => {
                SourceError::Down { name: name.clone(), reason: "the archive cannot be read".into() }
            }
            _ => SourceError::failed(name, "the archive is damaged"),
        })?;
        let body = found.unwrap_or_default();
        if body.len() > self.max {
            return Err(SourceError::TooBig { name: name.clone(), bound: self.max });
        }
        Ok(SourceTile::of(body))
    }
}

impl TileSource for PmTiles {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn tile(&self, z: u8, x: u32, y: u32) -> BoxFuture<'_, Result<SourceTile, SourceError>> {
        self.read(z, x, y).boxed()
    }
}

/// A file that is read where it is asked for. Each answer says in which state the file was, so that the
/// reader can refuse bytes of another state than the directory's.
struct OpenFile(Arc<File>);

impl AsyncBackend for OpenFile {
    fn read(&self, offset: u64, length: usize) -> impl Future<Output = PmtResult<BackendResponse>> + Send {
        let file = Arc::clone(&self.0);
        let work = move || -> io::Result<BackendResponse> {
            let metadata = file.metadata()?;
            // The length is the archive's word: no more is made room for than there is.
            let rest = usize::try_from(metadata.len().saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; length.min(rest)];
            let mut done = 0;
            while done < bytes.len() {
                match read_at(&file, &mut bytes[done..], offset + done as u64) {
                    Ok(0) => break,
                    Ok(n) => done += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            bytes.truncate(done);
            // As it was before and after the reading.
            let state = format!("{:x} {:x}", identity(&metadata), identity(&file.metadata()?));
            Ok(BackendResponse::new_with_version(bytes.into(), state))
        };
        async move {
            let done = tokio::task::spawn_blocking(work).await;
            Ok(done.map_err(io::Error::other)??)
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}
