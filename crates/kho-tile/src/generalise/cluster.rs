//! Points of one class and cell as one point with their number.

use super::{Gathered, Rule, is_own};
use crate::block::Rows;
use crate::geom::{ClipBox, P};
use crate::grid::TileFrame;
use crate::mvt::{EXTENT, FeatureKind};
use crate::render::Painter;

/// One point of the layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The cell's row and column, counted from far outside of the tile.
    cell: (u32, u32),
    class: u32,
    id: u64,
    at: P,
}

/// The points of a class in a cell.
struct Cluster {
    class: u32,
    /// The member nearest the mean.
    first: Spot,
    count: u32,
    /// The code of the number.
    number: u32,
}

impl Painter {
    /// Puts the points that a block has in the tile, and around it as far as cells reach, into their
    /// cells. `frame` must be wide enough for whole cells ([`Rule::reach`]).
    pub(super) fn gather_spots(&mut self, rows: Rows<'_>, frame: &TileFrame, rule: &Rule, zoom: u8) {
        let Rows { geometry, attributes, .. } = rows;
        let Self { tally, gathered, .. } = self;
        let Gathered { classes, spots, codes, later, .. } = gathered;
        classes.start_block();
        let (shift, origin) = (rule.cell.trailing_zeros(), 2 * i64::from(EXTENT));
        rows.search(&frame.window, |row, _, _| {
            let Some(feature) = geometry.feature(row).filter(|f| f.kind == FeatureKind::Point) else {
                return;
            };
            // A multipoint is counted once, at its first point.
            let Some(&first) = feature.parts().next().and_then(|(_, part)| part.first()) else { return };
            let [x, y] = frame.snap(first);
            // Cells have their west and north edges.
            let inside = |v: i64| v >= frame.clip.min && v < frame.clip.max;
            if !inside(x) || !inside(y) {
                return;
            }
            tally.candidates += 1;
            let at = P { x: x as i32, y: y as i32 };
            let (all, values) = (attributes.row(row), attributes.dictionary());
            if !rule.has_begun(all, values, zoom) {
                *later += usize::from(is_own(at));
                return;
            }
            codes.clear();
            codes.extend(rule.columns.iter().map(|&column| all[column]));
            let class = classes.of(codes, values);
            let cell = |v: i64| ((v + origin) >> shift) as u32;
            spots.push(Spot { cell: (cell(y), cell(x)), class, id: feature.id, at });
        });
    }

    /// Draws a point for each class and cell, at the member nearest the mean of all. Clusters of fewer
    /// than `least_rank` says are left out. `buffer` is what the tile shows around its square, in grid
    /// units.
    ///
    /// A single point keeps its id. A cluster has none: an id is a promise that the feature can be
    /// asked for.
    pub(super) fn draw_spots(&mut self, rule: &Rule, buffer: u32, least_rank: u64) {
        let Self { layer, ranks, tally, commands, gathered, .. } = self;
        let Gathered { classes, spots, codes, later, .. } = gathered;
        let width = rule.columns.len();
        let mut places = vec![0; classes.len() as usize];
        for (place, class) in (0u32..).zip(classes.in_order(width)) {
            places[class as usize] = place;
        }
        let key = |s: &Spot| (s.cell, places[s.class as usize]);
        spots.sort_unstable_by_key(|s| (key(s), s.id, s.at));
        let shown = ClipBox { min: -i64::from(buffer), max: i64::from(EXTENT) + i64::from(buffer) };
        let mut clusters = Vec::new();
        for own in spots.chunk_by(|a, b| key(a) == key(b)) {
            let Some(first) = nearest_the_mean(own) else { continue };
            if shown.holds(i64::from(first.at.x), i64::from(first.at.y)) {
                let count = own.len() as u32;
                clusters.push(Cluster { class: first.class, first, count, number: classes.number(count) });
            }
        }
        (tally.merged, tally.left_out) = (0, *later);
        layer.start_block(classes.values());
        for cluster in &clusters {
            let Cluster { class, first, count, number } = *cluster;
            // Cells of the buffer are counted in the tile whose own they are.
            let own = if is_own(first.at) { count as usize } else { 0 };
            let rank = rank(count, first.id);
            if rank < least_rank {
                tally.left_out += own;
                continue;
            }
            if count > 1 {
                tally.merged += own;
            }
            codes.clear();
            codes.extend_from_slice(classes.codes(class, width));
            codes.push(number);
            commands.clear();
            commands.points(&[first.at]);
            let id = if count == 1 { first.id } else { 0 };
            let bytes = layer.feature(id, FeatureKind::Point, codes, classes.values(), commands);
            ranks.push((rank, bytes as u32));
        }
    }
}

/// The member nearest the mean of all; of several the first.
fn nearest_the_mean(own: &[Spot]) -> Option<Spot> {
    let n = own.len() as i64;
    let sum = own.iter().fold([0, 0], |s, m| [s[0] + i64::from(m.at.x), s[1] + i64::from(m.at.y)]);
    // All n times as large, so that the mean is whole.
    let off = |m: &&Spot| {
        let (dx, dy) = (n * i64::from(m.at.x) - sum[0], n * i64::from(m.at.y) - sum[1]);
        i128::from(dx) * i128::from(dx) + i128::from(dy) * i128::from(dy)
    };
    own.iter().min_by_key(off).copied()
}

/// How much a cluster is worth seeing when not all fit: its number; among equals a mixture of the id
/// decides, so that they thin out evenly.
fn rank(count: u32, id: u64) -> u64 {
    u64::from(count) << 16 | id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(id: u64, x: i32, y: i32) -> Spot {
        Spot { cell: (0, 0), class: 0, id, at: P { x, y } }
    }

    #[test]
    fn a_cluster_stands_at_one_of_its_members() {
        assert!(nearest_the_mean(&[]).is_none());
        let own = [spot(1, 0, 0), spot(2, 100, 0), spot(3, 40, 10), spot(4, 0, 100)];
        assert_eq!(nearest_the_mean(&own).map(|s| s.id), Some(3));
        // The mean is in the middle of two: the first stays.
        assert_eq!(nearest_the_mean(&own[..2]).map(|s| s.id), Some(1));
    }

    #[test]
    fn larger_clusters_rank_higher() {
        assert!(rank(2, 7) > rank(1, u64::MAX));
        assert!(rank(1, 1) > 0);
    }
}
