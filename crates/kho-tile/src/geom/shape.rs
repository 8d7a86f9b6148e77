//! One polygon feature on its way from the grid to the wire.

use super::P;
use super::check::{Checker, Ring};
use super::clip::to_p;
use super::repair::repair;
use super::ring::{area2, clean_ring, is_convex};
use super::simplify::simplify_line;

/// The rings of one feature on the grid of a tile. Rings go in with [`Shape::ring`] (an exterior,
/// then its holes, then the next exterior), [`Shape::finish`] makes them valid and winds them,
/// [`Shape::rings`] gives them back. Reused between features.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    points: Vec<P>,
    rings: Vec<Ring>,
    checker: Checker,
    /// The exterior that the next holes belong to has collapsed, so they are nothing either.
    exterior_gone: bool,
    stack: Vec<(u32, u32)>,
    keep: Vec<bool>,
}

/// What became of a polygon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShapeOutcome {
    /// Valid as it was snapped.
    Kept,
    /// Valid after repair.
    Repaired,
    /// Too small or outside: nothing is left.
    Gone,
}

impl Shape {
    /// Forgets the last feature.
    pub fn clear(&mut self) {
        self.points.clear();
        self.rings.clear();
        self.exterior_gone = false;
    }

    /// Adds a ring that lies inside the tile and its buffer.
    #[inline]
    pub fn ring(&mut self, exterior: bool, points: impl Iterator<Item = P>) {
        if !exterior && self.exterior_gone {
            return;
        }
        let start = self.points.len() as u32;
        let n = clean_ring(points, &mut self.points);
        if exterior {
            self.exterior_gone = n == 0;
        }
        if n > 0 {
            self.rings.push(Ring { start, end: self.points.len() as u32, exterior });
        }
    }

    /// Adds a ring that has been clipped.
    pub fn clipped_ring(&mut self, exterior: bool, points: &[[i64; 2]]) {
        self.ring(exterior, points.iter().map(|&q| to_p(q)));
    }

    /// Thins the last ring added by Douglas and Peucker's method, half a unit of tolerance.
    pub fn simplify_last(&mut self) {
        let Some(&ring) = self.rings.last() else { return };
        let start = ring.start as usize;
        let Some(&first) = self.points.get(start) else { return };
        if self.points.len() - start < 8 {
            return;
        }
        // As a line from the first corner back to it: the halves then split at the far corner.
        self.points.push(first);
        simplify_line(&mut self.points, start, &mut self.stack, &mut self.keep);
        self.points.pop();
        let thinned: Vec<P> = self.points.drain(start..).collect();
        self.rings.pop();
        self.ring(ring.exterior, thinned.into_iter());
    }

    /// Checks, repairs and winds what has been added.
    #[inline]
    pub fn finish(&mut self) -> ShapeOutcome {
        if let Some(outcome) = self.settle() {
            return outcome;
        }
        repair(&mut self.points, &mut self.rings);
        if self.rings.is_empty() { ShapeOutcome::Gone } else { ShapeOutcome::Repaired }
    }

    /// Checks and winds what has been added; `None` if it is to be repaired.
    #[inline]
    pub fn settle(&mut self) -> Option<ShapeOutcome> {
        match self.rings.as_slice() {
            [] => return Some(ShapeOutcome::Gone),
            [one] => {
                let ring = one.of(&self.points);
                if is_convex(ring) || self.checker.is_valid(&self.points, &self.rings) {
                    if area2(ring) < 0 {
                        self.points.reverse();
                    }
                    return Some(ShapeOutcome::Kept);
                }
            }
            _ => {
                self.wind();
                if self.checker.is_valid(&self.points, &self.rings) {
                    return Some(ShapeOutcome::Kept);
                }
            }
        }
        None
    }

    /// Turns the rings that snapping turned over.
    fn wind(&mut self) {
        for ring in &self.rings {
            let corners = &mut self.points[ring.start as usize..ring.end as usize];
            if (area2(corners) > 0) != ring.exterior {
                corners.reverse();
            }
        }
    }

    /// The rings, each exterior before its holes, without closing points.
    pub fn rings(&self) -> impl Iterator<Item = &[P]> {
        self.rings.iter().map(|r| r.of(&self.points))
    }
}
