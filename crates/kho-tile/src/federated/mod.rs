//! Tiles that the lake does not hold: a department's PostGIS, archives of finished tiles.
//!
//! Each `[[source]]` of `kho.toml` is a slot: it is looked at now and then, and what the look finds and the
//! definition opens is behind [`TileSource`]. A source that does not answer keeps its names and refuses its
//! tiles until a later look succeeds; nothing else of the server notices. docs/federation.md tells it to
//! operators.
//!
//! As layers are, sources are read through a grant: [`SourceGrant`], which only the policy makes.

mod archive;
mod cache;
mod error;
mod join;
mod mbtiles;
mod pack;
mod pmtiles;
mod postgres;
mod slot;
mod source;

pub use cache::FederatedTile;
pub use error::SourceError;
pub use slot::SourceStatus;
pub use source::{Description, SourceLayerKind, SourceTile, TileSource, VectorLayer};

use crate::{Encoding, Grid};
use bytes::Bytes;
use cache::{Kept, Key};
use kho_access::SourceGrant;
use kho_layer::{City, LayerError};
use moka::future::Cache;
use slot::{Member, Slot};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// gzip level for tiles that come plain. Part of what an ETag promises, as it is a hash of packed bytes.
const GZIP_LEVEL: u32 = 1;

/// The sources of a city. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    slots: BTreeMap<String, Arc<Slot>>,
    tiles: Cache<Key, Kept>,
}

impl std::fmt::Debug for Federation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Federation").field(&self.0.slots).finish()
    }
}

/// The source that a name in URLs is of: `SOURCE.TABLE`, `SOURCE`.
pub fn source_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl Federation {
    /// The sources of the city in `dir`, none of them looked at yet. Finished tiles take `cache_bytes` at
    /// most.
    ///
    /// # Errors
    /// [`LayerError::Source`] if a definition is none that can be.
    pub fn new(city: &City, dir: &Path, cache_bytes: u64) -> Result<Self, LayerError> {
        let mut slots = BTreeMap::new();
        for def in city.sources() {
            slots.insert(def.name.clone(), Arc::new(Slot::new(def, dir)?));
        }
        Ok(Self(Arc::new(Inner { slots, tiles: cache::cache(cache_bytes) })))
    }

    /// Looks at all sources now, at the same time. Ends when each has answered or has been given up.
    pub async fn look(&self) {
        futures::future::join_all(self.0.slots.values().map(|slot| slot.look())).await;
    }

    /// Keeps looking at all sources, each in its own rhythm, until the last clone is dropped. Must be called
    /// in a tokio runtime.
    pub fn watch(&self) {
        for slot in self.0.slots.values() {
            slot.watch();
        }
    }

    /// What a source opens, by name; what it opened when it last answered, if it does not.
    pub fn layers(&self, grant: &SourceGrant) -> Vec<Description> {
        let members = self.slot(grant).map(|slot| slot.members()).unwrap_or_default();
        members.iter().map(|member| member.tiles.describe().clone()).collect()
    }

    /// What the tiles under a name hold.
    ///
    /// # Errors
    /// [`SourceError::NoSuch`], [`SourceError::Down`].
    pub fn describe(&self, grant: &SourceGrant, name: &str) -> Result<Description, SourceError> {
        let slot = self.slot(grant).ok_or_else(|| SourceError::NoSuch(name.to_owned()))?;
        Ok(slot.member(name)?.tiles.describe().clone())
    }

    /// How a source is.
    pub fn status(&self, grant: &SourceGrant) -> Option<SourceStatus> {
        self.slot(grant).map(|slot| slot.status())
    }

    /// The tile of WebMercatorQuad at an address, packed as `encoding` says, or gzipped where the source
    /// keeps it so and `takes_gzip`. Outside of its zooms a source has nothing. Who asks for what is being
    /// made waits for it.
    ///
    /// # Errors
    /// [`SourceError`]. What is said of a name that is not there is said of one that is not granted.
    pub async fn tile(
        &self,
        grant: &SourceGrant,
        name: &str,
        (z, x, y): (u8, u32, u32),
        encoding: Encoding,
        takes_gzip: bool,
    ) -> Result<FederatedTile, SourceError> {
        let slot = self.slot(grant).ok_or_else(|| SourceError::NoSuch(name.to_owned()))?;
        let member = match slot.member(name) {
            Err(error @ SourceError::NoSuch(_)) => return Err(error),
            found => found,
        };
        let answer = match member {
            Ok(member) => self.made(&member, (z, x, y), encoding, takes_gzip).await,
            Err(error) => Err(error),
        };
        slot.count(&answer);
        answer
    }

    /// Plain tiles of one place in one. No two may have a layer of the same name.
    ///
    /// # Errors
    /// [`SourceError::SameLayer`]; [`SourceError::Failed`] if one is no tile.
    pub async fn join(parts: Vec<Bytes>, encoding: Encoding) -> Result<FederatedTile, SourceError> {
        let work = move || packed(join::join(&parts)?, encoding);
        tokio::task::spawn_blocking(work).await.map_err(|e| SourceError::Internal(e.to_string()))?
    }

    async fn made(
        &self,
        member: &Arc<Member>,
        (z, x, y): (u8, u32, u32),
        encoding: Encoding,
        takes_gzip: bool,
    ) -> Result<FederatedTile, SourceError> {
        let (first, last) = member.tiles.describe().zooms;
        if !(first..=last).contains(&z) || !Grid::default().has(z, x, y) {
            return Ok(FederatedTile { body: Bytes::new(), encoding, etag: String::new() });
        }
        let (name, fingerprint) = (member.name.clone(), member.fingerprint);
        let key = Key { name, fingerprint, z, x, y, encoding, takes_gzip };
        let make = async {
            let tile = member.tiles.tile(z, x, y).await?;
            let tile = finished(&member.name, tile, encoding, takes_gzip).await?;
            Ok::<_, SourceError>(Kept { tile, keep: member.keep })
        };
        let made = self.0.tiles.try_get_with(key, make).await;
        made.map(|kept| kept.tile).map_err(|e: Arc<SourceError>| (*e).clone())
    }

    fn slot(&self, grant: &SourceGrant) -> Option<&Arc<Slot>> {
        self.0.slots.get(&grant.source().name)
    }
}

/// A tile as its asker wants it.
async fn finished(
    name: &str,
    tile: SourceTile,
    encoding: Encoding,
    takes_gzip: bool,
) -> Result<FederatedTile, SourceError> {
    if tile.body.is_empty() {
        return Ok(FederatedTile { body: tile.body, encoding, etag: String::new() });
    }
    if tile.gzipped && takes_gzip {
        let etag = tag(&tile.body);
        return Ok(FederatedTile { body: tile.body, encoding: Encoding::Gzip, etag });
    }
    let name = name.to_owned();
    let work = move || {
        let raw = if tile.gzipped {
            pack::unpack(&tile.body).map_err(|reason| SourceError::failed(&name, reason))?
        } else {
            tile.body.to_vec()
        };
        packed(raw, encoding)
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| SourceError::Internal(e.to_string()))?
}

fn packed(raw: Vec<u8>, encoding: Encoding) -> Result<FederatedTile, SourceError> {
    if raw.is_empty() {
        return Ok(FederatedTile { body: Bytes::new(), encoding, etag: String::new() });
    }
    let body: Bytes = crate::compress::pack(raw, encoding, GZIP_LEVEL).map_err(SourceError::Internal)?.into();
    let etag = tag(&body);
    Ok(FederatedTile { body, encoding, etag })
}

fn tag(body: &[u8]) -> String {
    format!("\"{:032x}\"", xxh3_128(body))
}
