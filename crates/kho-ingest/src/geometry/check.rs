//! The quick answer to "is this polygon surely valid?".
//!
//! Most polygons of a city are small and valid, and asking GEOS costs more than reading them. This
//! test answers yes only when no two borders so much as touch except where consecutive segments
//! meet, which is stricter than validity; a no is a suspicion, and GEOS decides.

use super::Shapes;
use geo::algorithm::kernels::{Kernel, Orientation, RobustKernel};
use geo_types::coord;
use std::ops::Range;

/// Up to this many segments every pair is compared; beyond it, a sweep along x.
const PAIRWISE: usize = 32;
/// Beyond this many parts, comparing all pairs of parts is no longer the quick way.
const MANY_PARTS: usize = 4096;

/// Whether the polygon `shape` is surely valid in the sense of OGC Simple Features.
pub(crate) fn is_clean(shapes: &Shapes, shape: usize) -> bool {
    let parts = shapes.parts(shape);
    let rings = shapes.rings(parts.start).start..shapes.rings(parts.end - 1).end;
    for ring in rings.clone() {
        if shapes.twice_area(ring) == 0.0 || spikes(shapes, shapes.coords(ring)) {
            return false;
        }
    }
    if rings.len() == 1 {
        let ring = shapes.coords(rings.start);
        if ring.len() <= PAIRWISE + 1 {
            return simple_pairwise(shapes, ring);
        }
    }
    if !simple_sweep(shapes, rings.clone()) {
        return false;
    }
    rings.len() == 1 || (parts.len() <= MANY_PARTS && nested_well(shapes, parts))
}

/// Whether a border runs back over itself at a corner.
fn spikes(shapes: &Shapes, ring: Range<usize>) -> bool {
    let n = ring.len() - 1;
    let p = |i: usize| (shapes.x[ring.start + i], shapes.y[ring.start + i]);
    (0..n).any(|i| {
        let (a, b, c) = (p(if i == 0 { n - 1 } else { i - 1 }), p(i), p(i + 1));
        let dot = (a.0 - b.0) * (c.0 - b.0) + (a.1 - b.1) * (c.1 - b.1);
        dot > 0.0 && side(a, b, c) == 0
    })
}

fn simple_pairwise(shapes: &Shapes, ring: Range<usize>) -> bool {
    let n = ring.len() - 1;
    let (x, y) = (&shapes.x[ring.clone()], &shapes.y[ring]);
    for i in 0..n {
        let last = if i == 0 { n - 1 } else { n };
        for j in i + 2..last {
            if meet(((x[i], y[i]), (x[i + 1], y[i + 1])), ((x[j], y[j]), (x[j + 1], y[j + 1]))) {
                return false;
            }
        }
    }
    true
}

struct Segment {
    min_x: f64,
    max_x: f64,
    /// Index of its first coordinate.
    at: u32,
    /// Its neighbours in the same ring.
    before: u32,
    after: u32,
}

/// Sorts the segments by where they begin in x and compares each with those that begin before
/// it ends: O(n log n) for anything like a real outline.
fn simple_sweep(shapes: &Shapes, rings: Range<usize>) -> bool {
    let mut segments = Vec::new();
    for ring in rings {
        let c = shapes.coords(ring);
        let (first, last) = (c.start, c.end - 2);
        segments.extend((first..=last).map(|i| Segment {
            min_x: shapes.x[i].min(shapes.x[i + 1]),
            max_x: shapes.x[i].max(shapes.x[i + 1]),
            at: i as u32,
            before: if i == first { last } else { i - 1 } as u32,
            after: if i == last { first } else { i + 1 } as u32,
        }));
    }
    segments.sort_unstable_by(|a, b| a.min_x.total_cmp(&b.min_x));
    let ends = |s: &Segment| {
        let i = s.at as usize;
        ((shapes.x[i], shapes.y[i]), (shapes.x[i + 1], shapes.y[i + 1]))
    };
    for (n, a) in segments.iter().enumerate() {
        for b in &segments[n + 1..] {
            if b.min_x > a.max_x {
                break;
            }
            if b.at != a.before && b.at != a.after && meet(ends(a), ends(b)) {
                return false;
            }
        }
    }
    true
}

/// Whether holes lie in their own border and nowhere else, and parts not in one another. Borders
/// are known not to touch, so one point of each tells.
fn nested_well(shapes: &Shapes, parts: Range<usize>) -> bool {
    let start = |ring: usize| {
        let i = shapes.coords(ring).start;
        (shapes.x[i], shapes.y[i])
    };
    let boxes: Vec<_> = parts.clone().map(|p| bounds(shapes, shapes.coords(shapes.rings(p).start))).collect();
    for part in parts.clone() {
        let rings = shapes.rings(part);
        for hole in rings.start + 1..rings.end {
            let p = start(hole);
            let elsewhere = |other: usize| other != hole && contains(shapes, other, p);
            if !contains(shapes, rings.start, p) || (rings.start + 1..rings.end).any(elsewhere) {
                return false;
            }
        }
        let p = start(rings.start);
        for other in parts.clone() {
            let b = boxes[other - parts.start];
            if other == part || p.0 < b.0 || p.0 > b.2 || p.1 < b.1 || p.1 > b.3 {
                continue;
            }
            let mut theirs = shapes.rings(other);
            let inside = theirs.next().is_some_and(|border| contains(shapes, border, p));
            if inside && !theirs.any(|hole| contains(shapes, hole, p)) {
                return false;
            }
        }
    }
    true
}

fn bounds(shapes: &Shapes, c: Range<usize>) -> (f64, f64, f64, f64) {
    let all = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    c.fold(all, |b, i| {
        let (x, y) = (shapes.x[i], shapes.y[i]);
        (b.0.min(x), b.1.min(y), b.2.max(x), b.3.max(y))
    })
}

/// Even-odd test of a point that is known not to lie on the ring.
fn contains(shapes: &Shapes, ring: usize, p: Point) -> bool {
    let c = shapes.coords(ring);
    let (x, y) = (&shapes.x[c.clone()], &shapes.y[c]);
    let mut inside = false;
    for (x, y) in x.windows(2).zip(y.windows(2)) {
        if (y[0] > p.1) != (y[1] > p.1) {
            let up = side((x[0], y[0]), (x[1], y[1]), p) > 0;
            if up == (y[1] > y[0]) {
                inside = !inside;
            }
        }
    }
    inside
}

type Point = (f64, f64);

/// Whether two segments have a point in common.
#[inline]
fn meet((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    if a.0.max(b.0) < c.0.min(d.0)
        || c.0.max(d.0) < a.0.min(b.0)
        || a.1.max(b.1) < c.1.min(d.1)
        || c.1.max(d.1) < a.1.min(b.1)
    {
        return false;
    }
    if side(a, b, c) * side(a, b, d) > 0 {
        return false;
    }
    side(c, d, a) * side(c, d, b) <= 0
}

/// On which side of a→b the point c lies: 1 left, -1 right, 0 on the line. Exact: where the
/// rounding error could decide, Shewchuk's adaptive predicate does instead.
#[inline]
fn side(a: Point, b: Point, c: Point) -> i8 {
    const BOUND: f64 = 3.330_669_073_875_471_6e-16;
    let left = (a.0 - c.0) * (b.1 - c.1);
    let right = (a.1 - c.1) * (b.0 - c.0);
    let det = left - right;
    if det.abs() > BOUND * (left.abs() + right.abs()) {
        return if det > 0.0 { 1 } else { -1 };
    }
    let at = |p: Point| coord! { x: p.0, y: p.1 };
    match RobustKernel::orient2d(at(a), at(b), at(c)) {
        Orientation::CounterClockwise => 1,
        Orientation::Clockwise => -1,
        Orientation::Collinear => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gdal::vector::Geometry;
    use proptest::prelude::*;

    fn shapes(wkt: &str) -> Shapes {
        let mut shapes = Shapes::default();
        let wkb = Geometry::from_wkt(wkt).unwrap().iso_wkb().unwrap();
        shapes.push_wkb(Some(&wkb));
        assert!(shapes.head(0).is_ok(), "{wkt}");
        shapes
    }

    #[test]
    fn known_cases() {
        for (wkt, clean) in [
            ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))", true),
            ("POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0))", false),
            ("POLYGON ((0 0, 4 0, 4 4, 2 4, 2 6, 2 4, 0 4, 0 0))", false),
            ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))", true),
            ("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (5 1, 5 2, 6 2, 6 1, 5 1))", false),
            (
                "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 8, 8 8, 8 1, 1 1), (2 2, 2 3, 3 3, 3 2, 2 2))",
                false,
            ),
            ("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 1, 0 0)), ((2 0, 3 0, 3 1, 2 1, 2 0)))", true),
            ("MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0)), ((2 2, 3 2, 3 3, 2 3, 2 2)))", false),
            (
                "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 1 8, 8 8, 8 1, 1 1)), ((2 2, 3 2, 3 3, 2 3, 2 2)))",
                true,
            ),
        ] {
            assert_eq!(is_clean(&shapes(wkt), 0), clean, "{wkt}");
        }
    }

    proptest! {
        /// Clean means valid; never the other way round. Small integers make touching likely.
        #[test]
        fn clean_is_valid(ring in prop::collection::vec((0i32..7, 0i32..7), 3..12), far in any::<bool>()) {
            let mut text: Vec<String> = ring.iter().map(|(x, y)| format!("{x} {y}")).collect();
            if far {
                // Enough points on one more side for the sweep to be taken.
                text.extend((0..40).map(|i| format!("{} {}", 10 + i, -10 - (i * 7) % 3)));
            }
            text.push(text[0].clone());
            let geometry = Geometry::from_wkt(&format!("POLYGON (({}))", text.join(","))).unwrap();
            let mut shapes = Shapes::default();
            shapes.push_wkb(Some(&geometry.iso_wkb().unwrap()));
            if shapes.head(0).is_ok() && is_clean(&shapes, 0) {
                prop_assert!(geometry.is_valid());
            }
        }

        /// The sweep and the comparison of all pairs agree.
        #[test]
        fn sweep_is_pairwise(ring in prop::collection::vec((0i32..9, 0i32..9), 3..14)) {
            let mut text: Vec<String> = ring.iter().map(|(x, y)| format!("{x} {y}")).collect();
            text.push(text[0].clone());
            let geometry = Geometry::from_wkt(&format!("POLYGON (({}))", text.join(","))).unwrap();
            let mut shapes = Shapes::default();
            shapes.push_wkb(Some(&geometry.iso_wkb().unwrap()));
            if shapes.head(0).is_ok() {
                prop_assert_eq!(simple_sweep(&shapes, 0..1), simple_pairwise(&shapes, shapes.coords(0)));
            }
        }
    }
}
