//! Baked tiles, read back.

use super::report::ZoomStats;
use super::sink::failed;
use crate::grid::Grid;
use crate::{Format, TileError};
use bytes::Bytes;
use futures::TryStreamExt;
use pmtiles::{AsyncPmTilesReader, Compression, HashMapCache, MmapBackend, TileCoord, TileType};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// A PMTiles archive that kho baked. Its file is never changed, only replaced: reading is a slice
/// of a mapping, which stays good while anybody holds it.
pub struct Archive {
    path: PathBuf,
    format: Format,
    reader: Arc<AsyncPmTilesReader<MmapBackend, HashMapCache>>,
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

impl Archive {
    /// Opens an archive of gzipped vector tiles.
    ///
    /// # Errors
    /// [`TileError::Archive`] if it is none or cannot be read.
    pub async fn open(path: &Path) -> Result<Self, TileError> {
        let reader = AsyncPmTilesReader::new_with_cached_path(HashMapCache::default(), path)
            .await
            .map_err(|e| failed(path, &e))?;
        let header = reader.get_header();
        let format = match header.tile_type {
            TileType::Mvt => Some(Format::Mvt),
            TileType::Mlt => Some(Format::Mlt),
            _ => None,
        };
        match format {
            Some(format) if header.tile_compression == Compression::Gzip => {
                Ok(Self { path: path.to_owned(), format, reader: Arc::new(reader) })
            }
            _ => Err(failed(path, &"it does not hold gzipped vector tiles")),
        }
    }

    /// The format of its tiles.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The first and the last zoom.
    pub fn zooms(&self) -> (u8, u8) {
        let header = self.reader.get_header();
        (header.min_zoom, header.max_zoom)
    }

    /// The number of tiles that are not empty.
    pub fn tiles(&self) -> u64 {
        self.reader.get_header().n_addressed_tiles().map_or(0, std::num::NonZeroU64::get)
    }

    /// The tile at an address.
    ///
    /// # Errors
    /// [`TileError::NoSuchTile`], [`TileError::Archive`].
    pub async fn tile(&self, z: u8, x: u32, y: u32) -> Result<BakedTile, TileError> {
        let at =
            TileCoord::new(z, x, y).map_err(|_| TileError::NoSuchTile { grid: Grid::default(), z, x, y })?;
        let found = self.reader.get_tile(at).await.map_err(|e| failed(&self.path, &e))?;
        let gzipped = found.unwrap_or_default();
        let etag = format!("\"{:032x}\"", xxh3_128(&gzipped));
        Ok(BakedTile { gzipped, etag })
    }

    /// The addresses of all tiles: zoom, column, row.
    pub(super) async fn addresses(&self) -> Result<Vec<(u8, u32, u32)>, TileError> {
        let entries = Arc::clone(&self.reader).entries();
        let mut all = Vec::with_capacity(usize::try_from(self.tiles()).unwrap_or_default());
        let mut entries = std::pin::pin!(entries);
        while let Some(entry) = entries.try_next().await.map_err(|e| failed(&self.path, &e))? {
            all.extend(entry.iter_coords().map(|id| {
                let at = TileCoord::from(id);
                (at.z(), at.x(), at.y())
            }));
        }
        Ok(all)
    }

    /// What the bake wrote about itself, if kho baked it.
    ///
    /// # Errors
    /// [`TileError::Archive`].
    pub async fn stats(&self) -> Result<Option<Vec<ZoomStats>>, TileError> {
        let kho = self.of_kho().await?;
        Ok(kho.and_then(|k| serde_json::from_value(k["zooms"].clone()).ok()))
    }

    /// The snapshot that had last changed the layer when it was baked; `None` if kho did not bake it.
    ///
    /// # Errors
    /// [`TileError::Archive`].
    pub async fn since(&self) -> Result<Option<i64>, TileError> {
        Ok(self.of_kho().await?.and_then(|k| k["since"].as_i64()))
    }

    /// How it was baked: two archives of one manner and the same features hold the same bytes.
    pub(super) async fn manner(&self) -> Result<Option<String>, TileError> {
        Ok(self.of_kho().await?.and_then(|k| k["manner"].as_str().map(str::to_owned)))
    }

    async fn of_kho(&self) -> Result<Option<Value>, TileError> {
        Ok(self.metadata().await?.get("kho").cloned())
    }

    /// What the archive says of itself: a JSON object with `name`, `vector_layers` and so on.
    pub(super) async fn metadata(&self) -> Result<Value, TileError> {
        let text = self.reader.get_metadata().await.map_err(|e| failed(&self.path, &e))?;
        serde_json::from_str(&text).map_err(|e| failed(&self.path, &e))
    }

    /// West, south, east, north; degrees.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let h = self.reader.get_header();
        [h.min_longitude, h.min_latitude, h.max_longitude, h.max_latitude]
    }
}
