//! Features of one class into areas: the one place that touches the weaver.

use crate::block::Feature;
use crate::fabric::Weaver;
use crate::geom::{P, Shape, ShapeOutcome, area2, clean_ring};
use crate::grid::TileFrame;

/// Gathers the polygons of a tile class by class, then merges each class.
#[derive(Debug, Default)]
pub(super) struct Merger {
    weaver: Weaver,
    shape: Shape,
    /// Whether anything has been added and not been merged yet.
    waiting: bool,
}

impl Merger {
    /// Forgets the last tile.
    pub fn clear(&mut self) {
        self.weaver.clear();
        self.waiting = false;
    }

    /// Adds a polygon to a class.
    pub fn add(&mut self, class: u32, feature: Feature<'_>) {
        self.weaver.add(class, feature.parts());
        self.waiting = true;
    }

    /// Moves what was added to `areas`, each class merged: rings on the tile's grid, in its box, valid.
    /// Done once; a second call finds nothing more to move.
    pub fn merge(&mut self, frame: &TileFrame, areas: &mut Areas) {
        if !std::mem::take(&mut self.waiting) {
            return;
        }
        self.weaver.weave(frame);
        let classes: Vec<u32> = self.weaver.groups().collect();
        for class in classes {
            if self.weaver.draw(class, &mut self.shape) == ShapeOutcome::Gone {
                continue;
            }
            for ring in self.shape.rings() {
                let exterior = area2(ring) > 0;
                if exterior {
                    areas.start(class);
                }
                areas.ring(exterior, ring.iter().copied());
            }
        }
        self.weaver.clear();
    }
}

/// Polygons on a tile's grid, each of a class, in the order of the classes.
#[derive(Debug, Default)]
pub(super) struct Areas {
    points: Vec<P>,
    ring_ends: Vec<u32>,
    /// The class, and where the polygon's rings end.
    areas: Vec<(u32, u32)>,
}

impl Areas {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.points.clear();
        self.ring_ends.clear();
        self.areas.clear();
    }

    /// Starts the next polygon. Classes must not go down.
    pub fn start(&mut self, class: u32) {
        self.areas.push((class, self.ring_ends.len() as u32));
    }

    /// Adds a ring to the polygon at hand: its exterior first, then its holes.
    pub fn ring(&mut self, exterior: bool, points: impl Iterator<Item = P>) {
        let first = self.areas.len().checked_sub(2).map_or(0, |before| self.areas[before].1);
        let Some(area) = self.areas.last_mut() else { return };
        // Where the exterior is nothing, its holes are nothing either.
        if !exterior && area.1 == first {
            return;
        }
        let start = self.points.len();
        if clean_ring(points, &mut self.points) == 0 {
            return;
        }
        if (area2(&self.points[start..]) > 0) != exterior {
            self.points[start..].reverse();
        }
        self.ring_ends.push(self.points.len() as u32);
        area.1 = self.ring_ends.len() as u32;
    }

    /// The polygons of a class, by number. One that collapsed has no rings.
    pub fn of(&self, class: u32) -> std::ops::Range<usize> {
        let at = |class: u32| self.areas.partition_point(|area| area.0 < class);
        at(class)..at(class + 1)
    }

    /// The rings of a polygon.
    pub fn rings(&self, area: usize) -> impl Iterator<Item = &[P]> {
        let from = area.checked_sub(1).map_or(0, |before| self.areas[before].1 as usize);
        (from..self.areas[area].1 as usize).map(move |ring| {
            let from = ring.checked_sub(1).map_or(0, |before| self.ring_ends[before] as usize);
            &self.points[from..self.ring_ends[ring] as usize]
        })
    }

    /// Twice the area of a polygon, in square grid units.
    pub fn area2(&self, area: usize) -> i64 {
        self.rings(area).map(area2).sum()
    }

    /// The longer side of the box around a polygon, in grid units.
    pub fn reach(&self, area: usize) -> i64 {
        let exterior = self.rings(area).next().unwrap_or_default();
        let span = |along: fn(&P) -> i32| {
            let (low, high) =
                exterior.iter().map(along).fold((i32::MAX, i32::MIN), |(l, h), v| (l.min(v), h.max(v)));
            i64::from(high) - i64::from(low)
        };
        span(|p| p.x).max(span(|p| p.y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: i32, y: i32, side: i32) -> impl Iterator<Item = P> {
        [(0, 0), (side, 0), (side, side), (0, side)]
            .into_iter()
            .map(move |(dx, dy)| P { x: x + dx, y: y + dy })
    }

    #[test]
    fn areas_know_their_rings() {
        let mut areas = Areas::default();
        areas.start(1);
        areas.ring(true, square(0, 0, 10));
        areas.ring(false, square(2, 2, 3));
        areas.start(1);
        areas.ring(true, std::iter::repeat_n(P::default(), 4));
        areas.ring(false, square(50, 50, 3));
        areas.start(3);
        areas.ring(true, square(-5, 0, 7));
        assert_eq!((areas.of(0), areas.of(1), areas.of(2), areas.of(3)), (0..0, 0..2, 2..2, 2..3));
        assert_eq!([0, 1, 2].map(|area| areas.rings(area).count()), [2, 0, 1]);
        assert_eq!((areas.area2(0), areas.reach(0)), (2 * (100 - 9), 10));
        assert_eq!((areas.area2(2), areas.reach(2)), (2 * 49, 7));
    }
}
