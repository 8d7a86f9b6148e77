//! Tiles of several layers.

use super::{TileEngine, TileKey};
use crate::grid::{Grid, TileFrame};
use crate::tile::joined_hash;
use crate::{Encoding, Representation, Tile, TileError};
use kho_access::Grant;
use moka::future::Cache;
use std::sync::Arc;

/// What a composite is kept under: its parts' tags, which name their content, and its representation.
/// So it needs no layer, snapshot or grant of its own, and cannot outlive any of its parts. What is
/// made from a baked tile is kept by the same rule.
pub(super) type Key = (u128, Representation);

/// The cache of composites and the one of single tiles, which share the bytes one to three; none
/// for 0 bytes.
pub(super) fn caches(bytes: u64) -> (Option<Cache<Key, Tile>>, Option<Cache<TileKey, Tile>>) {
    if bytes == 0 {
        return (None, None);
    }
    let share = bytes / 4;
    (
        Some(Cache::builder().max_capacity(share).weigher(|_, t: &Tile| t.weight()).build()),
        Some(Cache::builder().max_capacity(bytes - share).weigher(|_, t: &Tile| t.weight()).build()),
    )
}

impl TileEngine {
    /// The tiles of several layers in one, in the order of the grants; each layer's part is what its
    /// own grant opens. Layers with nothing there are not in it, and it is empty if none has
    /// anything. Its tag is made of the parts' tags, so equal tags mean equal bytes here too.
    ///
    /// No layer may be named twice: a tile must not have two layers of one name.
    ///
    /// # Errors
    /// As [`TileEngine::tile`], for the first layer that fails.
    pub async fn composite(
        &self,
        grants: &[&Grant],
        grid: Grid,
        z: u8,
        x: u32,
        y: u32,
        representation: impl Into<Representation>,
    ) -> Result<Tile, TileError> {
        let representation = representation.into();
        if let [grant] = grants {
            return self.tile_on(grant, grid, z, x, y, representation).await;
        }
        TileFrame::new(grid, z, x, y, self.0.drawing.buffer)?;
        let plain = Representation { encoding: Encoding::Plain, ..representation };
        let asked: Vec<_> = grants.iter().map(|grant| self.tile_on(grant, grid, z, x, y, plain)).collect();
        let tiles = futures::future::try_join_all(asked).await?;
        let names = grants.iter().map(|grant| grant.layer().name.clone());
        let parts: Vec<(String, Tile)> = names.zip(tiles).filter(|(_, part)| !part.body.is_empty()).collect();
        if parts.is_empty() {
            return Ok(Tile::empty());
        }
        let key = (joined_hash(&parts), representation);
        let Some(composites) = &self.0.composites else { return self.join(parts, representation).await };
        if let Some(tile) = composites.get(&key).await {
            self.0.counters.hit();
            return Ok(tile);
        }
        composites
            .try_get_with(key, self.join(parts, representation))
            .await
            .map_err(|e: Arc<TileError>| (*e).clone())
    }

    async fn join(
        &self,
        parts: Vec<(String, Tile)>,
        representation: Representation,
    ) -> Result<Tile, TileError> {
        let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|e| cut_off(&e))?;
        let level = self.0.drawing.gzip_level;
        let work = move || {
            let _permit = permit;
            Tile::joined(&parts, representation, level)
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))?
    }
}
