//! Finished tiles of sources.

use crate::Encoding;
use bytes::Bytes;
use moka::Expiry;
use moka::future::Cache;
use std::time::{Duration, Instant};

/// A tile of a source, as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedTile {
    /// The tile; empty where there is nothing: answer with 204.
    pub body: Bytes,
    /// How it is packed: as was asked for, or gzip where the source keeps it so.
    pub encoding: Encoding,
    /// A strong entity tag of these bytes, with its quotes.
    pub etag: String,
}

/// What a tile is kept under. A table whose columns change is another table here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub name: String,
    pub fingerprint: u64,
    pub z: u8,
    pub x: u32,
    pub y: u32,
    pub encoding: Encoding,
    /// Whether the asker takes gzip where that is how the tile is kept.
    pub takes_gzip: bool,
}

/// A kept tile, and for how long it is.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub tile: FederatedTile,
    pub keep: Option<Duration>,
}

/// Each tile by its own time. What is kept for no time at all still has one maker: who asks meanwhile gets
/// what he makes.
struct OwnTime;

impl Expiry<Key, Kept> for OwnTime {
    fn expire_after_create(&self, _: &Key, kept: &Kept, _: Instant) -> Option<Duration> {
        kept.keep
    }

    fn expire_after_update(&self, _: &Key, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        kept.keep
    }
}

/// The cache, of at most so many bytes.
pub(super) fn cache(bytes: u64) -> Cache<Key, Kept> {
    let weigh = |key: &Key, kept: &Kept| {
        let overhead = size_of::<Key>() + size_of::<Kept>() + key.name.len() + kept.tile.etag.len() + 128;
        u32::try_from(kept.tile.body.len() + overhead).unwrap_or(u32::MAX)
    };
    Cache::builder().max_capacity(bytes).weigher(weigh).expire_after(OwnTime).build()
}
