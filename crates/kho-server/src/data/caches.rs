//! What is kept between requests. Every key holds a snapshot or the snapshot that last changed a
//! layer, and only grants for everybody are cached here, so nothing kept can be stale or leak.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use kho_lake::SnapshotId;
use kho_network::{Kind, Network};
use moka::future::Cache;

use super::catalogue::Catalogue;
use super::index::{Index, IndexKind};
use crate::api::indicators::Wards;
use crate::config::INDEX_BYTES;
use crate::planning::{Plans, Version};

/// A layer's name, the snapshot that last changed it, and what was made of it.
pub(crate) type IndexKey = (String, SnapshotId, IndexKind);

/// The caches of one server.
pub(crate) struct Caches {
    /// Snapshots that are known to exist.
    pub(crate) snapshots: Mutex<HashSet<SnapshotId>>,
    /// Published layers by snapshot.
    pub(crate) catalogues: Cache<SnapshotId, Arc<Catalogue>>,
    /// Ways into a layer other than its place.
    pub(crate) indices: Cache<IndexKey, Arc<Index>>,
    /// Networks, by kind and the snapshots that last changed their two layers.
    pub(crate) networks: Cache<(Kind, SnapshotId, SnapshotId), Arc<Network>>,
    /// Plans, by the snapshots that last changed their layers.
    pub(crate) plans: Cache<Version, Arc<Plans>>,
    /// Counts by ward, by snapshot and day.
    pub(crate) wards: Cache<(SnapshotId, i32), Arc<Wards>>,
}

impl Default for Caches {
    fn default() -> Self {
        let kilobytes =
            |_: &IndexKey, index: &Arc<Index>| u32::try_from(index.bytes() / 1024 + 1).unwrap_or(u32::MAX);
        Self {
            snapshots: Mutex::default(),
            catalogues: Cache::new(64),
            indices: Cache::builder().weigher(kilobytes).max_capacity(INDEX_BYTES / 1024).build(),
            networks: Cache::new(4),
            plans: Cache::new(4),
            wards: Cache::new(16),
        }
    }
}
