//! What can go wrong on the way to a tile.

use crate::Grid;
use std::sync::Arc;

/// Why there is no tile.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TileError {
    /// The address names no tile of the grid. A mistake of whoever asks.
    #[error(
        "there is no tile {z}/{x}/{y} in {grid}: z goes to {}, columns and rows count from 0 in the north-west",
        .grid.max_zoom()
    )]
    NoSuchTile {
        /// The grid.
        grid: Grid,
        /// Zoom.
        z: u8,
        /// Column, from the west.
        x: u32,
        /// Row, from the north.
        y: u32,
    },
    /// The lake refused, or could not be read.
    #[error("layer {layer}: {source}")]
    Lake {
        /// The layer.
        layer: String,
        /// What the lake says.
        #[source]
        source: Arc<kho_lake::LakeError>,
    },
    /// The filter is not one for this grant.
    #[error(transparent)]
    Filter(#[from] kho_filter::FilterError),
    /// A data file could not be read.
    #[error("data file {file} of layer {layer} cannot be read: {message}")]
    File {
        /// The layer.
        layer: String,
        /// The file's name in the lake.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// An archive of baked tiles could not be written or read.
    #[error("{path}: {message}", path = path.display())]
    Archive {
        /// The archive.
        path: std::path::PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A tile that is well as MVT cannot be written as MLT.
    #[error("the tile cannot be written as MLT: {0}")]
    Mlt(String),
    /// A fault of this program: the work was cut off.
    #[error("making the tile was cut off: {0}")]
    Internal(String),
}

impl TileError {
    /// Whether the mistake is in the request, so that asking again cannot help.
    pub fn is_user_error(&self) -> bool {
        match self {
            Self::NoSuchTile { .. } => true,
            Self::Filter(error) => error.is_user_error(),
            _ => false,
        }
    }
}
