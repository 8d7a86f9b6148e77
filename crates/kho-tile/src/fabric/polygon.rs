//! From rings that may run over themselves to valid polygons.
//!
//! After snapping, a ring may have collapsed in parts: it then runs along an edge and back. Such
//! pairs cancel. What is left are edges with the inside on their right; they are followed around
//! the inside, and cut where they pass a vertex twice, so that every ring is simple.

use super::exact::{Point, cross, minus, product};
use super::topology::Rings;

/// The polygons that the rings of every feature make: for each an exterior, turning right, and its
/// holes, turning left. Edges must meet at vertices only. A feature that collapsed has none.
pub(super) fn polygons(rings: &Rings) -> Rings {
    let mut out = Rings::default();
    let mut maker = Maker::default();
    for feature in 0..rings.features() {
        out.feature();
        let mut parts = rings.rings(feature).filter(|r| r.len() > 2);
        let (first, second) = (parts.next(), parts.next());
        if let (Some(only), None) = (first, second)
            && maker.all_distinct(only)
        {
            if area2(only) > 0 {
                out.ring(only.iter().copied());
            }
            continue;
        }
        maker.make(first.into_iter().chain(second).chain(parts), &mut out);
    }
    out
}

/// Twice the area; positive turns right.
pub(super) fn area2(ring: &[Point]) -> i128 {
    let Some(&origin) = ring.first() else { return 0 };
    ring.windows(2).map(|w| cross(origin, w[0], w[1])).sum()
}

/// Scratch, kept between features.
#[derive(Debug, Default)]
struct Maker {
    sorted: Vec<Point>,
    /// Edges by their ends; then what did not cancel, by its start.
    edges: Vec<(Point, Point)>,
    left: Vec<(Point, Point)>,
    used: Vec<bool>,
    path: Vec<Point>,
    exteriors: Vec<Vec<Point>>,
    holes: Vec<Vec<Point>>,
}

impl Maker {
    fn all_distinct(&mut self, ring: &[Point]) -> bool {
        if ring.len() <= 12 {
            return ring.iter().enumerate().all(|(at, p)| !ring[at + 1..].contains(p));
        }
        self.sorted.clear();
        self.sorted.extend_from_slice(ring);
        self.sorted.sort_unstable();
        self.sorted.windows(2).all(|w| w[0] != w[1])
    }

    fn make<'a>(&mut self, rings: impl Iterator<Item = &'a [Point]>, out: &mut Rings) {
        self.edges.clear();
        for ring in rings {
            let next = ring.iter().skip(1).chain(ring.first());
            self.edges.extend(ring.iter().copied().zip(next.copied()).filter(|(a, b)| a != b));
        }
        self.cancel();
        self.exteriors.clear();
        self.holes.clear();
        for first in 0..self.left.len() {
            if !self.used[first] {
                self.follow(first);
            }
        }
        self.exteriors.sort_by_cached_key(|r| area2(r));
        let mut owners = vec![Vec::new(); self.exteriors.len()];
        for (number, hole) in self.holes.iter().enumerate() {
            // The least exterior around it. One without any was turned over at rest: it is nothing.
            if let Some(owner) = self.exteriors.iter().position(|e| holds(e, hole)) {
                owners[owner].push(number);
            }
        }
        for (exterior, holes) in self.exteriors.iter().zip(owners) {
            out.ring(exterior.iter().copied());
            for hole in holes {
                out.ring(self.holes[hole].iter().copied());
            }
        }
    }

    /// Takes away pairs of opposite edges.
    fn cancel(&mut self) {
        self.edges.sort_unstable_by_key(|&(a, b)| (a.min(b), a.max(b)));
        self.left.clear();
        for same in self.edges.chunk_by(|e, f| e == f || *e == (f.1, f.0)) {
            let ahead = same.iter().filter(|&e| *e == same[0]).count();
            let back = same.len() - ahead;
            let (edge, times) =
                if ahead >= back { (same[0], ahead - back) } else { ((same[0].1, same[0].0), back - ahead) };
            self.left.extend(std::iter::repeat_n(edge, times));
        }
        self.left.sort_unstable();
        self.used.clear();
        self.used.resize(self.left.len(), false);
    }

    /// Follows the inside from an edge until it closes, and cuts off every ring on the way.
    fn follow(&mut self, first: usize) {
        self.path.clear();
        let mut at = first;
        loop {
            self.used[at] = true;
            let (from, to) = self.left[at];
            self.path.push(from);
            let begin = self.left.partition_point(|e| e.0 < to);
            let end = begin + self.left[begin..].partition_point(|e| e.0 == to);
            if end - begin > 1 || to == self.path[0] {
                // Only a vertex with several ways on can have been passed before.
                if let Some(seen) = self.path.iter().position(|&p| p == to) {
                    let ring = self.path.split_off(seen);
                    if area2(&ring) > 0 { &mut self.exteriors } else { &mut self.holes }.push(ring);
                }
            }
            let ways = (begin..end).filter(|&e| !self.used[e]);
            let back = minus(from, to);
            let next = ways.reduce(|e, f| {
                let (d, g) = (minus(self.left[e].1, to), minus(self.left[f].1, to));
                if sooner(back, g, d) { f } else { e }
            });
            match next {
                Some(next) if !self.path.is_empty() => at = next,
                _ => return,
            }
        }
    }
}

/// Whether `d` is met before `g` when turning left (on the screen, y down) from `back`: the inside
/// lies between the way in and the first way out.
fn sooner(back: [i64; 2], d: [i64; 2], g: [i64; 2]) -> bool {
    let turn = |a: [i64; 2], b: [i64; 2]| product(a[0], b[1]) - product(a[1], b[0]);
    let class = |v: [i64; 2]| match turn(back, v).signum() {
        -1 => 0,
        1 => 2,
        _ if product(back[0], v[0]) + product(back[1], v[1]) < 0 => 1,
        _ => 3,
    };
    match class(d).cmp(&class(g)) {
        std::cmp::Ordering::Equal => turn(d, g) < 0,
        other => other.is_lt(),
    }
}

/// Whether a hole lies in an exterior with which it shares no edge. The middle of one of its edges
/// then lies on no edge of the exterior.
fn holds(exterior: &[Point], hole: &[Point]) -> bool {
    let [a, b] = [hole[0], hole[1]].map(|p| p.map(i64::from));
    let p = [a[0] + b[0], a[1] + b[1]];
    let Some(last) = exterior.last() else { return false };
    let double = |p: &Point| p.map(|v| 2 * i64::from(v));
    let mut from = double(last);
    let mut inside = false;
    for to in exterior.iter().map(double) {
        if (from[1] <= p[1]) != (to[1] <= p[1]) {
            let side = product(to[0] - from[0], p[1] - from[1]) - product(to[1] - from[1], p[0] - from[0]);
            if (to[1] > from[1]) == (side > 0) {
                inside = !inside;
            }
        }
        from = to;
    }
    inside
}
