//! What bytes a tile travels as.

use crate::Encoding;

/// The format of a tile. A tile holds the same features in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Mapbox Vector Tile 2.1.
    #[default]
    Mvt,
    /// MapLibre Tile, version 1.
    Mlt,
}

impl Format {
    /// Its media type, as it is in `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Mvt => "application/vnd.mapbox-vector-tile",
            Self::Mlt => "application/vnd.maplibre-tile",
        }
    }

    /// Its short name: `mvt` or `mlt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mvt => "mvt",
            Self::Mlt => "mlt",
        }
    }
}

/// A format and how its bytes are packed: what HTTP calls a representation of the tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Representation {
    /// The format.
    pub format: Format,
    /// How it is packed.
    pub encoding: Encoding,
}

/// MVT, packed so.
impl From<Encoding> for Representation {
    fn from(encoding: Encoding) -> Self {
        Self { format: Format::Mvt, encoding }
    }
}
