//! Tiles below a layer's own zooms.

use super::TileEngine;
use crate::block::Rows;
use crate::generalise::Rule;
use crate::grid::TileFrame;
use crate::index::LayerIndex;
use crate::render::{Manner, Painter};
use crate::tile::Packing;
use crate::{Tile, TileError};
use kho_access::Grant;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whether a tile that stands for a zoom of WebMercatorQuad is made by the layer's overview rule.
pub(super) fn is_overview(grant: &Grant, zoom: u8) -> bool {
    grant.layer().overview.is_some() && zoom < grant.layer().zoom.min
}

/// Draws, or gathers, what a row group has in a tile.
pub(super) fn block(
    painter: &mut Painter,
    index: &LayerIndex,
    rows: Rows<'_>,
    frame: &TileFrame,
    manner: Manner,
) {
    match manner.overview.and_then(|zoom| Some((zoom, index.rule_at(zoom)?))) {
        Some((zoom, rule)) => painter.overview_block(rows, frame, rule, zoom, manner),
        None => painter.block(rows, frame, manner),
    }
}

/// The tile, once all blocks are in. `buffer` is what it shows around its square.
pub(super) fn finish(
    painter: &mut Painter,
    index: &LayerIndex,
    frame: &TileFrame,
    buffer: u32,
    manner: Manner,
    packing: Packing,
) -> Result<Tile, TileError> {
    let Some(rule) = manner.overview.and_then(|zoom| index.rule_at(zoom)) else {
        return Tile::of(painter, &index.layer, &index.keys, packing);
    };
    painter.draw_gathered(frame, rule, buffer, manner);
    Tile::of(painter, &index.layer, &rule.keys, packing)
}

impl TileEngine {
    /// How far around a tile to look for what it shows, in grid units.
    pub(crate) fn reach(&self, grant: &Grant, zoom: u8) -> u32 {
        Rule::reach(grant.layer(), zoom, self.drawing().buffer)
    }

    /// Draws a tile from what its painter has gathered before.
    pub(super) async fn draw_again(
        &self,
        index: &Arc<LayerIndex>,
        mut painter: Painter,
        frame: TileFrame,
        manner: Manner,
        packing: Packing,
    ) -> Result<(Tile, Painter, Duration), TileError> {
        let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|e| cut_off(&e))?;
        let (index, buffer) = (Arc::clone(index), self.0.drawing.buffer);
        let work = move || {
            let _permit = permit;
            let start = Instant::now();
            let tile = finish(&mut painter, &index, &frame, buffer, manner, packing);
            (painter, tile, start.elapsed())
        };
        let (painter, tile, took) = tokio::task::spawn_blocking(work).await.map_err(|e| cut_off(&e))?;
        let tile = tile?;
        self.0.counters.made(tile.features, tile.body.len(), painter.tally.repaired, tile.left_out, took);
        Ok((tile, painter, took))
    }
}
