//! Baked tiles in another format.

use super::TileEngine;
use crate::compress::gunzip;
use crate::tile::recoded_hash;
use crate::{BakedTile, Encoding, Format, Representation, Tile, TileError};
use std::sync::Arc;

impl TileEngine {
    /// A baked tile as MLT. It is made from the baked one and not drawn again: that is quicker, and it
    /// holds what the baked one holds even where that was drawn from an overview that has been dropped.
    /// Kept among the composites.
    ///
    /// # Errors
    /// [`TileError::Internal`] if the baked tile is not gzip; [`TileError::Mlt`] if it is no MVT.
    pub async fn baked_as_mlt(&self, baked: BakedTile, encoding: Encoding) -> Result<Tile, TileError> {
        if baked.gzipped.is_empty() {
            return Ok(Tile::empty());
        }
        let key = (recoded_hash(&baked.etag), Representation { format: Format::Mlt, encoding });
        let Some(composites) = &self.0.composites else { return self.recode(baked, encoding).await };
        if let Some(tile) = composites.get(&key).await {
            self.0.counters.hit();
            return Ok(tile);
        }
        composites
            .try_get_with(key, self.recode(baked, encoding))
            .await
            .map_err(|e: Arc<TileError>| (*e).clone())
    }

    async fn recode(&self, baked: BakedTile, encoding: Encoding) -> Result<Tile, TileError> {
        let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|e| cut_off(&e))?;
        let level = self.0.drawing.gzip_level;
        let work = move || {
            let _permit = permit;
            let mvt = gunzip(&baked.gzipped).map_err(TileError::Internal)?;
            Tile::recoded(&mvt, encoding, level)
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))?
    }
}
