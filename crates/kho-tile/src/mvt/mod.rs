//! Mapbox Vector Tile 2.1, written by hand.
//!
//! A tile is written front to back into a few growing buffers; nothing is built up as objects
//! first. See <https://github.com/mapbox/vector-tile-spec/tree/master/2.1>.

mod command;
mod layer;
mod values;
pub(crate) mod wire;

pub(crate) use command::Commands;
pub(crate) use layer::{FeatureKind, LayerWriter};
pub(crate) use values::{BitHasher, NULL, ValueDictionary, ValueMap};

/// The side of a tile in grid units.
pub(crate) const EXTENT: u32 = 4096;
