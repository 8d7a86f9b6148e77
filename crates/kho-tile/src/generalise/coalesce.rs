//! Polygons of one class as one area.
//!
//! # Why an area is seen in all tiles or in none
//!
//! A tile knows an area only as far as its window reaches. One that is too small is left out only if
//! its box is narrower than the buffer: then, if it reaches over a tile's edge, it lies within a buffer of
//! that edge, so the tiles on both sides have it whole and find the same area. One that is cut by the
//! window of a tile whose square it reaches is at least as long as the buffer, in that tile and in its
//! neighbour, and stays in both. Without a buffer nothing is left out.

use super::{Gathered, Rule, is_own};
use crate::block::Rows;
use crate::geom::P;
use crate::grid::TileFrame;
use crate::mvt::{EXTENT, FeatureKind};
use crate::render::Painter;
use std::cmp::Reverse;

/// A feature whose first corner lies in the tile's own square: there it is counted, and nowhere else.
/// (A corner is a place of its area; the middle of its box need not be.)
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    class: u32,
    at: P,
    /// The area of its box, square world units.
    size: u64,
    id: u64,
}

/// Points are seen before any area, and go last: they are what must not vanish.
const POINTS: u64 = 1 << 62;

impl Painter {
    /// Adds the polygons that a block has in the tile to their classes.
    pub(super) fn gather_areas(&mut self, rows: Rows<'_>, frame: &TileFrame, rule: &Rule, zoom: u8) {
        let Rows { geometry, attributes, .. } = rows;
        let Self { tally, gathered, .. } = self;
        let Gathered { classes, merger, members, codes, later, .. } = gathered;
        classes.start_block();
        rows.search(&frame.window, |row, bounds, _| {
            let Some(feature) = geometry.feature(row).filter(|f| f.kind == FeatureKind::Polygon) else {
                return;
            };
            tally.candidates += 1;
            let (all, values) = (attributes.row(row), attributes.dictionary());
            let Some(&corner) = feature.parts().next().and_then(|(_, part)| part.first()) else { return };
            let at = near(frame.snap(corner));
            if !rule.has_begun(all, values, zoom) {
                *later += usize::from(is_own(at));
                return;
            }
            codes.clear();
            codes.extend(rule.columns.iter().map(|&column| all[column]));
            let class = classes.of(codes, values);
            // However small: what is left out would be a hole in the area of its class.
            merger.add(class, feature);
            if is_own(at) {
                let size = u64::from(bounds[2] - bounds[0]) * u64::from(bounds[3] - bounds[1]);
                members.push(Member { class, at, size, id: feature.id });
            }
        });
    }

    /// Draws what was gathered: for each class one feature of its areas and, if the rule says so, one
    /// of points where it has members but no area. Areas that rank below `least_rank` are left out.
    ///
    /// These features have no id. An id is a promise that the feature can be asked for, and an area
    /// of many parcels cannot; nor does it carry their number, which a tile knows only as far as its
    /// window reaches.
    pub(super) fn draw_areas(&mut self, frame: &TileFrame, rule: &Rule, least_rank: u64) {
        let Self { layer, ranks, tally, commands, points, gathered, .. } = self;
        let Gathered { classes, merger, areas, members, cover, bare, later, .. } = gathered;
        merger.merge(frame, areas);
        let width = rule.columns.len();
        let order = classes.in_order(width);
        cover.clear(rule.cell, classes.len());
        layer.start_block(classes.values());
        for &class in &order {
            commands.clear();
            for area in areas.of(class) {
                let double = areas.area2(area);
                let small = double < 2 * i64::from(rule.least) && areas.reach(area) < -frame.clip.min;
                let rank = rank(double, areas.rings(area).next());
                if double <= 0 || small || rank < least_rank {
                    continue;
                }
                let before = commands.bytes().len();
                for ring in areas.rings(area) {
                    cover.ring(class, ring);
                    commands.ring(ring);
                }
                ranks.push((rank, (commands.bytes().len() - before) as u32));
            }
            cover.fill(class);
            if !commands.is_empty() {
                layer.feature(
                    0,
                    FeatureKind::Polygon,
                    classes.codes(class, width),
                    classes.values(),
                    commands,
                );
            }
        }
        bare.clear();
        bare.extend(
            members.iter().filter(|m| cover.cell(m.at).is_some_and(|cell| !cover.has(m.class, cell))),
        );
        tally.merged = members.len() - bare.len();
        tally.left_out = *later;
        if !rule.keep_as_point {
            tally.left_out += bare.len();
            return;
        }
        // The largest of a cell stands for all that the class has in it.
        bare.sort_unstable_by_key(|m| (m.class, cover.cell(m.at), Reverse(m.size), m.id));
        for class in order {
            let from = bare.partition_point(|m| m.class < class);
            let own = &bare[from..from + bare[from..].partition_point(|m| m.class == class)];
            points.clear();
            let cells = own.chunk_by(|a, b| cover.cell(a.at) == cover.cell(b.at));
            points.extend(cells.map(|cell| cell[0].at));
            if points.is_empty() {
                continue;
            }
            let rank = POINTS | own.len() as u64;
            if rank < least_rank {
                tally.left_out += own.len();
                continue;
            }
            commands.clear();
            commands.points(points);
            let (kind, codes) = (FeatureKind::Point, classes.codes(class, width));
            let bytes = layer.feature(0, kind, codes, classes.values(), commands);
            ranks.push((rank, bytes as u32));
            tally.merged += own.len();
        }
    }
}

/// A place on the tile's grid; just outside of the tile's square if it lies outside.
fn near(q: [i64; 2]) -> P {
    let [x, y] = q.map(|v| v.clamp(-1, i64::from(EXTENT)) as i32);
    P { x, y }
}

/// How much an area is worth seeing when not all fit: its size; among equals a mixture of its place.
fn rank(double: i64, exterior: Option<&[P]>) -> u64 {
    let P { x, y } = exterior.and_then(|ring| ring.iter().min()).copied().unwrap_or_default();
    let place = u64::from(x as u32) << 32 | u64::from(y as u32);
    let mix = place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    ((double.max(0) as u64) << 16 | mix).max(1)
}
