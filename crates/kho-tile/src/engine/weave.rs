//! The borders of a fabric, for a tile over more row groups than are taken at a time.

use super::{GROUPS_AT_ONCE, TileEngine};
use crate::TileError;
use crate::block::GeometryBlock;
use crate::grid::TileFrame;
use crate::index::{Group, LayerIndex};
use crate::render::{Manner, Painter};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl TileEngine {
    /// Leads the borders of all polygons in a tile together, which needs all its geometry; attributes come
    /// with the drawing.
    pub(super) async fn weave(
        &self,
        index: &Arc<LayerIndex>,
        groups: &[Group],
        mut painter: Painter,
        frame: TileFrame,
        manner: Manner,
    ) -> Result<(Painter, Duration), TileError> {
        let mut took = Duration::ZERO;
        let last = groups.len().div_ceil(GROUPS_AT_ONCE) - 1;
        for (number, chunk) in groups.chunks(GROUPS_AT_ONCE).enumerate() {
            let loaded: Vec<Arc<GeometryBlock>> = futures::stream::iter(chunk.to_vec())
                .map(|group| self.0.blocks.geometry(index, group))
                .buffered(self.0.cores.max(2))
                .try_collect()
                .await?;
            let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
            let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|e| cut_off(&e))?;
            let work = move || {
                let _permit = permit;
                let start = Instant::now();
                for geometry in &loaded {
                    painter.gather(geometry, &frame, manner);
                }
                if number == last {
                    painter.weave(&frame);
                }
                (painter, start.elapsed())
            };
            let time;
            (painter, time) = tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))?;
            took += time;
        }
        Ok((painter, took))
    }
}
