//! Features as themselves, without those that are too small to be seen.

use super::Rule;
use crate::block::{Feature, Rows};
use crate::geom::P;
use crate::grid::{TileFrame, WorldBox};
use crate::mvt::FeatureKind;
use crate::render::{Manner, Painter, rank};

impl Painter {
    /// Draws what a block has in the tile, with the rule's columns.
    pub(super) fn draw_largest(
        &mut self,
        rows: Rows<'_>,
        frame: &TileFrame,
        rule: &Rule,
        zoom: u8,
        manner: Manner,
    ) {
        let Rows { geometry, attributes, .. } = rows;
        let values = attributes.dictionary();
        self.layer.start_block(values);
        rows.search(&frame.window, |row, bounds, whole| {
            let Some(feature) = geometry.feature(row) else { return };
            self.tally.candidates += 1;
            let (all, rank) = (attributes.row(row), rank(&feature, bounds));
            let small = is_small(feature.kind, bounds, frame, rule.least);
            let unseen = small && !rule.keep_as_point;
            if unseen || rank < manner.least_rank || !rule.has_begun(all, values, zoom) {
                self.tally.left_out += 1;
                return;
            }
            self.commands.clear();
            let mut kind = feature.kind;
            match kind {
                _ if small => {}
                FeatureKind::Point => self.point(feature, frame),
                FeatureKind::Line => self.line(feature, frame, whole, manner),
                FeatureKind::Polygon => self.polygon(feature, frame, whole, manner),
            }
            // Small, or nothing is left of it on the grid.
            if self.commands.is_empty() && (small || (whole && rule.keep_as_point)) {
                kind = FeatureKind::Point;
                self.stand_in(feature, frame);
            }
            if self.commands.is_empty() {
                return;
            }
            let codes = &mut self.gathered.codes;
            codes.clear();
            codes.extend(rule.columns.iter().map(|&column| all[column]));
            let bytes = self.layer.feature(feature.id, kind, codes, values, &self.commands);
            self.ranks.push((rank, bytes as u32));
        });
    }

    /// A point for a feature, at its first corner, if the tile shows that.
    fn stand_in(&mut self, feature: Feature<'_>, frame: &TileFrame) {
        let Some(&corner) = feature.parts().next().and_then(|(_, part)| part.first()) else { return };
        let [x, y] = frame.snap(corner);
        if frame.clip.holds(x, y) {
            self.commands.points(&[P { x: x as i32, y: y as i32 }]);
        }
    }
}

/// Whether a feature is too small to be seen: a polygon by the area of its box, a line by its longer
/// side, both on the tile's grid; and in any case what does not fill half a unit.
fn is_small(kind: FeatureKind, b: &WorldBox, frame: &TileFrame, least: u32) -> bool {
    let (w, h) = (u64::from(b[2] - b[0]), u64::from(b[3] - b[1]));
    let (unit, least) = (frame.unit(), u64::from(least));
    let speck = w.max(h) < u64::from(frame.least);
    match kind {
        FeatureKind::Point => false,
        FeatureKind::Line => speck || w.max(h) < least * unit,
        FeatureKind::Polygon => {
            speck || u128::from(w) * u128::from(h) < u128::from(least) * u128::from(unit * unit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;

    #[test]
    fn what_is_small_is_small_on_the_grid() {
        // At zoom 10 a grid unit is 1024 world units.
        let frame = TileFrame::new(Grid::default(), 10, 0, 0, 64).unwrap();
        let small = |kind, w: u32, h: u32, least| is_small(kind, &[7, 7, 7 + w, 7 + h], &frame, least);
        assert!(small(FeatureKind::Polygon, 4095, 4096, 16) && !small(FeatureKind::Polygon, 4096, 4096, 16));
        assert!(!small(FeatureKind::Polygon, 1024, 16 * 1024, 16));
        assert!(small(FeatureKind::Line, 8191, 0, 8) && !small(FeatureKind::Line, 0, 8192, 8));
        assert!(small(FeatureKind::Line, 500, 500, 0) && !small(FeatureKind::Line, 512, 0, 0));
        assert!(!small(FeatureKind::Point, 0, 0, 16));
    }
}
