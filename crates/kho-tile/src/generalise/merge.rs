//! Features of one class into areas: the one place that knows how polygons are put together.

use crate::block::Feature;
use crate::geom::{P, area2, clean_ring, clip_ring};
use crate::grid::TileFrame;
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::IntOverlayOptions;
use i_overlay::core::simplify::Simplify;
use i_overlay::i_float::int::point::IntPoint;

/// Gathers the polygons of a tile class by class, then merges each class.
#[derive(Debug, Default)]
pub(super) struct Merger {
    /// The rings of each class on the tile's grid, cut at its box.
    classes: Vec<Vec<Vec<IntPoint<i32>>>>,
    ring: Vec<[i64; 2]>,
    spare: Vec<[i64; 2]>,
    points: Vec<P>,
}

impl Merger {
    /// Forgets the last tile.
    pub fn clear(&mut self) {
        self.classes.clear();
    }

    /// Adds a polygon to a class.
    pub fn add(&mut self, class: u32, feature: Feature<'_>, frame: &TileFrame) {
        let class = class as usize;
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Vec::new);
        }
        for (_, part) in feature.parts() {
            self.ring.clear();
            self.ring.extend(part.iter().map(|&w| frame.snap(w)));
            clip_ring(&mut self.ring, &mut self.spare, frame.clip);
            self.points.clear();
            let cut = self.ring.iter().map(|q| P { x: q[0] as i32, y: q[1] as i32 });
            if clean_ring(cut, &mut self.points) > 0 {
                self.classes[class].push(self.points.iter().map(|p| IntPoint::new(p.x, p.y)).collect());
            }
        }
    }

    /// Whether there is nothing to merge, or nothing any more.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Moves what was gathered to `areas`, each class merged. Rings lie on the tile's grid, in its box;
    /// exteriors turn right on the screen, holes left; none crosses itself or another.
    pub fn merge(&mut self, areas: &mut Areas) {
        for (class, rings) in (0u32..).zip(self.classes.drain(..)) {
            for shape in rings.simplify(FillRule::NonZero, IntOverlayOptions::ogc()) {
                areas.start(class);
                for (number, contour) in shape.iter().enumerate() {
                    areas.ring(number == 0, contour.iter().map(|p| P { x: p.x, y: p.y }));
                }
            }
        }
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
