//! What merges classes until the weaver of fabrics does: the same signatures, each feature snapped by
//! itself. Where neighbours have no corner in common, slivers of up to a grid unit stay between them.

use crate::geom::{P, Shape, ShapeOutcome, area2, clean_ring, clip_ring};
use crate::grid::TileFrame;
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::IntOverlayOptions;
use i_overlay::core::simplify::Simplify;
use i_overlay::i_float::int::point::IntPoint;
use std::collections::BTreeMap;

type Ring = Vec<IntPoint<i32>>;

/// Merges the polygons of each group.
#[derive(Debug, Default)]
pub(super) struct Weaver {
    points: Vec<[u32; 2]>,
    /// Group, and where the ring ends.
    rings: Vec<(u32, u32)>,
    /// For each group its polygons: an exterior, then its holes.
    merged: BTreeMap<u32, Vec<Vec<Ring>>>,
}

impl Weaver {
    /// Starts the next tile.
    pub fn clear(&mut self) {
        self.points.clear();
        self.rings.clear();
        self.merged.clear();
    }

    /// Adds a polygon or multipolygon of a group: rings in world units, exteriors turning right.
    pub fn add<'a>(&mut self, group: u32, rings: impl Iterator<Item = (bool, &'a [[u32; 2]])>) {
        for (_, ring) in rings {
            self.points.extend_from_slice(ring);
            self.rings.push((group, self.points.len() as u32));
        }
    }

    /// Puts all on the tile's grid, cut at its box, and merges the groups.
    pub fn weave(&mut self, frame: &TileFrame) {
        let mut paths: BTreeMap<u32, Vec<Ring>> = BTreeMap::new();
        let (mut ring, mut spare, mut clean) = (Vec::new(), Vec::new(), Vec::new());
        let mut from = 0;
        for &(group, end) in &self.rings {
            ring.clear();
            ring.extend(self.points[from..end as usize].iter().map(|&w| frame.snap(w)));
            from = end as usize;
            clip_ring(&mut ring, &mut spare, frame.clip);
            clean.clear();
            if clean_ring(ring.iter().map(|q| P { x: q[0] as i32, y: q[1] as i32 }), &mut clean) > 0 {
                let path = clean.iter().map(|p| IntPoint::new(p.x, p.y)).collect();
                paths.entry(group).or_default().push(path);
            }
        }
        let merge = |rings: Vec<Ring>| rings.simplify(FillRule::NonZero, IntOverlayOptions::ogc());
        self.merged = paths.into_iter().map(|(group, rings)| (group, merge(rings))).collect();
    }

    /// The groups that have anything, ascending.
    pub fn groups(&self) -> impl Iterator<Item = u32> {
        self.merged.keys().copied()
    }

    /// Puts a group's polygons into `shape`.
    pub fn draw(&mut self, group: u32, shape: &mut Shape) -> ShapeOutcome {
        shape.clear();
        for polygon in self.merged.get(&group).into_iter().flatten() {
            for (number, contour) in polygon.iter().enumerate() {
                let mut ring: Vec<P> = contour.iter().map(|p| P { x: p.x, y: p.y }).collect();
                if (area2(&ring) > 0) != (number == 0) {
                    ring.reverse();
                }
                shape.ring(number == 0, ring.into_iter());
            }
        }
        if shape.rings().next().is_some() { ShapeOutcome::Kept } else { ShapeOutcome::Gone }
    }
}
