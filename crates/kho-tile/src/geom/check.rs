//! Whether rings on the grid still make a valid polygon after snapping.

use super::{P, cross};

/// A ring of a [`Shape`](super::Shape): a range of its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ring {
    pub start: u32,
    pub end: u32,
    /// An exterior ring; the holes after it are its own.
    pub exterior: bool,
}

impl Ring {
    pub fn of(self, points: &[P]) -> &[P] {
        &points[self.start as usize..self.end as usize]
    }
}

/// One edge, with the box around it, for the sweep.
#[derive(Debug, Clone, Copy)]
struct Edge {
    a: P,
    b: P,
    min_x: i32,
    max_x: i32,
    min_y: i32,
    max_y: i32,
    ring: u32,
    at: u32,
}

/// Scratch of the check, kept between features.
#[derive(Debug, Default)]
pub(super) struct Checker {
    edges: Vec<Edge>,
}

impl Checker {
    /// Whether the (cleaned) rings touch neither themselves nor each other, and every hole lies
    /// in exactly one exterior. Stricter than OGC, which lets rings touch in single points: such
    /// polygons go through the repair, which knows what to do with them.
    pub fn is_valid(&mut self, points: &[P], rings: &[Ring]) -> bool {
        self.edges.clear();
        for (number, ring) in rings.iter().enumerate() {
            let corners = ring.of(points);
            let Some(&last) = corners.last() else { return false };
            let mut a = last;
            for (at, &b) in corners.iter().enumerate() {
                self.edges.push(Edge {
                    a,
                    b,
                    min_x: a.x.min(b.x),
                    max_x: a.x.max(b.x),
                    min_y: a.y.min(b.y),
                    max_y: a.y.max(b.y),
                    ring: number as u32,
                    at: at as u32,
                });
                a = b;
            }
        }
        if self.edges.len() > 16 {
            self.edges.sort_unstable_by_key(|e| e.min_x);
            self.sweep::<true>(rings) && nested_rightly(points, rings)
        } else {
            self.sweep::<false>(rings) && nested_rightly(points, rings)
        }
    }

    /// No two edges meet, but for the corner that two edges in sequence share. Edges in sequence
    /// cannot meet anywhere else: a cleaned ring has no straight angles and no spikes.
    fn sweep<const SORTED: bool>(&self, rings: &[Ring]) -> bool {
        for (i, e) in self.edges.iter().enumerate() {
            for f in &self.edges[i + 1..] {
                if f.min_x > e.max_x {
                    if SORTED {
                        break;
                    }
                    continue;
                }
                if f.max_x < e.min_x || f.min_y > e.max_y || f.max_y < e.min_y {
                    continue;
                }
                if e.ring == f.ring {
                    let ring = rings[e.ring as usize];
                    let gap = e.at.abs_diff(f.at);
                    if gap == 1 || gap + 1 == ring.end - ring.start {
                        continue;
                    }
                }
                if meet(e, f) {
                    return false;
                }
            }
        }
        true
    }
}

/// Whether two edges whose boxes meet have a point in common.
fn meet(e: &Edge, f: &Edge) -> bool {
    let c = cross(e.a, e.b, f.a).signum();
    let d = cross(e.a, e.b, f.b).signum();
    if c == d {
        // Both on one side, or all four on one line: then the boxes have said that they overlap.
        return c == 0;
    }
    let g = cross(f.a, f.b, e.a).signum();
    let h = cross(f.a, f.b, e.b).signum();
    g != h || g == 0
}

/// Whether, seen from any of its points, an exterior ring lies in nothing (or in a hole) and a
/// hole in one ring, its own exterior.
fn nested_rightly(points: &[P], rings: &[Ring]) -> bool {
    if rings.len() == 1 {
        return true;
    }
    let mut own = 0;
    rings.iter().enumerate().all(|(i, ring)| {
        if ring.exterior {
            own = i;
        }
        let p = points[ring.start as usize];
        let mut around = 0;
        for (j, other) in rings.iter().enumerate() {
            if j == i {
                continue;
            }
            let wind = winding(p, other.of(points));
            if !ring.exterior && j == own && wind != 1 {
                return false;
            }
            around += wind;
        }
        around == i32::from(!ring.exterior)
    })
}

/// How often a ring winds around a point that is not on it; +1 for an exterior ring.
fn winding(p: P, ring: &[P]) -> i32 {
    let Some(&last) = ring.last() else { return 0 };
    let mut a = last;
    let mut wind = 0;
    for &b in ring {
        if (a.y <= p.y) != (b.y <= p.y) {
            let side = cross(a, b, p);
            if b.y > a.y && side > 0 {
                wind += 1;
            } else if b.y < a.y && side < 0 {
                wind -= 1;
            }
        }
        a = b;
    }
    wind
}
