//! Where baked tiles go.

use crate::{Format, TileError};
use pmtiles::{Compression, PmTilesStreamWriter, PmTilesWriter, TileCoord, TileType};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What the archive says about itself.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub format: Format,
    pub min_zoom: u8,
    pub max_zoom: u8,
    /// West, south, east, north; degrees.
    pub bounds: [f64; 4],
}

pub(super) fn failed(path: &Path, e: &dyn std::fmt::Display) -> TileError {
    TileError::Archive { path: path.to_owned(), message: e.to_string() }
}

/// A PMTiles archive being written beside its place; it is moved there when it is whole.
pub(super) struct Sink {
    target: PathBuf,
    part: PathBuf,
    file: File,
    writer: PmTilesStreamWriter<File>,
}

impl Sink {
    /// Starts an archive that is to be at `target`.
    pub fn create(target: &Path, about: &About) -> Result<Self, TileError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(name);
        let file = File::create(&part).map_err(|e| failed(&part, &e))?;
        let again = file.try_clone().map_err(|e| failed(&part, &e))?;
        let [west, south, east, north] = about.bounds;
        let kind = match about.format {
            Format::Mvt => TileType::Mvt,
            Format::Mlt => TileType::Mlt,
        };
        let writer = PmTilesWriter::new(kind)
            .precompressed(Compression::Gzip)
            .min_zoom(about.min_zoom)
            .max_zoom(about.max_zoom)
            .bounds(west, south, east, north)
            .center((west + east) / 2.0, (south + north) / 2.0)
            .center_zoom(about.min_zoom.max(12).min(about.max_zoom))
            .create(file)
            .map_err(|e| failed(&part, &e))?;
        Ok(Self { target: target.to_owned(), part, file: again, writer })
    }

    /// Adds a tile, gzipped. In the order of PMTiles ids, or readers are slower.
    pub fn add(&mut self, z: u8, x: u32, y: u32, gzipped: &[u8]) -> Result<(), TileError> {
        let at = TileCoord::new(z, x, y).map_err(|e| failed(&self.part, &e))?;
        self.writer.add_tile(at, gzipped).map_err(|e| failed(&self.part, &e))
    }

    /// Ends the archive and puts it in its place, atomically; gives its size in bytes.
    pub fn finish(mut self, metadata: &Value) -> Result<u64, TileError> {
        self.writer.set_metadata(metadata.to_string());
        let part = self.part.clone();
        let told = |e: &dyn std::fmt::Display| failed(&part, e);
        self.writer.finalize().map_err(|e| told(&e))?;
        self.file.sync_all().map_err(|e| told(&e))?;
        let bytes = self.file.metadata().map_err(|e| told(&e))?.len();
        std::fs::rename(&part, &self.target).map_err(|e| told(&e))?;
        Ok(bytes)
    }

    /// Takes away what was written.
    pub fn abandon(self) {
        drop(self.writer);
        let _ = std::fs::remove_file(&self.part);
    }
}
