//! Whatever goes in, what comes out is valid, wound as MVT wants it, and covers the same ground.
#![allow(clippy::expect_used, reason = "tests")]

use super::ring::area2;
use super::*;
use geo::{Area, BooleanOps, Coord, LineString, MultiPolygon, Polygon, Validation};
use proptest::prelude::*;

fn ring_of(points: &[P]) -> LineString<f64> {
    let mut line: Vec<Coord<f64>> =
        points.iter().map(|p| Coord { x: f64::from(p.x), y: f64::from(p.y) }).collect();
    line.extend(line.first().copied());
    LineString(line)
}

/// The shape as a geo multipolygon, by winding alone, as a decoder reads it.
fn decoded(shape: &Shape) -> MultiPolygon<f64> {
    let mut polygons: Vec<Polygon<f64>> = Vec::new();
    for ring in shape.rings() {
        if area2(ring) > 0 {
            polygons.push(Polygon::new(ring_of(ring), vec![]));
        } else {
            polygons.last_mut().expect("an exterior comes first").interiors_push(ring_of(ring));
        }
    }
    MultiPolygon(polygons)
}

fn assert_valid(shape: &Shape) -> Result<MultiPolygon<f64>, TestCaseError> {
    let m = decoded(shape);
    prop_assert!(m.is_valid(), "{:?} in {:?}", m.validation_errors(), m);
    Ok(m)
}

fn grid_points(n: std::ops::Range<usize>, side: i32) -> impl Strategy<Value = Vec<P>> {
    prop::collection::vec((0..side, 0..side).prop_map(|(x, y)| P { x, y }), n)
}

/// A star-shaped outline around (cx, cy): simple, usually concave, often spiky.
fn star(cx: f64, cy: f64, radii: &[f64]) -> Vec<[f64; 2]> {
    let n = radii.len() as f64;
    radii
        .iter()
        .enumerate()
        .map(|(i, r)| {
            let a = std::f64::consts::TAU * i as f64 / n;
            [cx + r * a.cos(), cy + r * a.sin()]
        })
        .collect()
}

fn snapped(ring: &[[f64; 2]]) -> Vec<P> {
    ring.iter().map(|p| P { x: p[0].round() as i32, y: p[1].round() as i32 }).collect()
}

fn polygon(ring: &[[f64; 2]]) -> Polygon<f64> {
    Polygon::new(LineString(ring.iter().map(|p| Coord { x: p[0], y: p[1] }).collect()), vec![])
}

fn length(ring: &[[f64; 2]]) -> f64 {
    (0..ring.len())
        .map(|i| {
            let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
            (a[0] - b[0]).hypot(a[1] - b[1])
        })
        .sum()
}

fn p(x: i32, y: i32) -> P {
    P { x, y }
}

fn finish(rings: &[(bool, Vec<P>)]) -> (Shape, ShapeOutcome) {
    let mut shape = Shape::default();
    for (exterior, ring) in rings {
        shape.ring(*exterior, ring.iter().copied());
    }
    let outcome = shape.finish();
    (shape, outcome)
}

#[test]
fn a_bow_tie_becomes_two_triangles() {
    let (shape, outcome) = finish(&[(true, vec![p(0, 0), p(10, 10), p(10, 0), p(0, 10)])]);
    assert_eq!(outcome, ShapeOutcome::Repaired);
    assert_eq!(shape.rings().count(), 2);
    assert!(shape.rings().all(|r| area2(r) == 50));
}

#[test]
fn slivers_and_spikes_go() {
    for ring in
        [vec![p(0, 0), p(5, 5), p(0, 0)], vec![p(0, 0), p(9, 0), p(4, 0)], vec![p(3, 3), p(3, 3)], vec![]]
    {
        assert_eq!(finish(&[(true, ring)]).1, ShapeOutcome::Gone);
    }
    let (shape, outcome) =
        finish(&[(true, vec![p(0, 0), p(10, 0), p(20, 0), p(10, 0), p(10, 10), p(5, 10), p(0, 10)])]);
    assert_eq!(outcome, ShapeOutcome::Kept);
    assert_eq!(shape.rings().next().map(<[P]>::len), Some(4));
}

#[test]
fn a_pinched_ring_is_taken_apart() {
    // Snapping closed the neck at (5, 5).
    let ring = vec![p(0, 0), p(10, 0), p(5, 5), p(10, 10), p(0, 10), p(5, 5)];
    let (shape, outcome) = finish(&[(true, ring)]);
    assert_eq!(outcome, ShapeOutcome::Repaired);
    assert!(decoded(&shape).is_valid());
    assert_eq!(decoded(&shape).unsigned_area(), 50.0);
}

#[test]
fn a_hole_that_snaps_onto_the_outline_is_repaired() {
    let outer = vec![p(0, 0), p(20, 0), p(20, 20), p(0, 20)];
    let hole = vec![p(0, 5), p(0, 15), p(10, 10)];
    let (shape, outcome) = finish(&[(true, outer), (false, hole)]);
    assert_eq!(outcome, ShapeOutcome::Repaired);
    assert!(decoded(&shape).is_valid());
    assert_eq!(decoded(&shape).unsigned_area(), 350.0);
}

#[test]
fn the_hole_of_a_ring_that_is_gone_is_gone() {
    let flat = vec![p(0, 0), p(9, 0), p(4, 0)];
    let hole = vec![p(2, 2), p(2, 4), p(4, 4)];
    assert_eq!(finish(&[(true, flat), (false, hole)]).1, ShapeOutcome::Gone);
}

#[test]
fn an_edge_that_neighbours_share_is_cut_at_one_point() {
    let clip = ClipBox { min: -64, max: 4160 };
    let (a, b) = ([4000, 17], [9001, 5003]);
    let cut_of = |line: [[i64; 2]; 2]| {
        let mut ends = Vec::new();
        clip_line(&line, clip, &mut Vec::new(), |l| ends.extend_from_slice(l));
        ends
    };
    let (there, mut back) = (cut_of([a, b]), cut_of([b, a]));
    back.reverse();
    assert_eq!(there, back);
    let mut ring = vec![a, b, [4000, 9000]];
    let mut other = vec![b, a, [9000, 17]];
    clip_ring(&mut ring, &mut Vec::new(), clip);
    clip_ring(&mut other, &mut Vec::new(), clip);
    let cut = [i64::from(there[1].x), i64::from(there[1].y)];
    assert!(ring.contains(&cut) && other.contains(&cut));
}

#[test]
fn a_line_that_leaves_and_returns_is_two_lines() {
    let clip = ClipBox { min: 0, max: 10 };
    let line = [[5, 5], [15, 5], [15, 8], [5, 8], [5, 9]];
    let mut pieces = Vec::new();
    clip_line(&line, clip, &mut Vec::new(), |l| pieces.push(l.to_vec()));
    assert_eq!(pieces, [vec![p(5, 5), p(10, 5)], vec![p(10, 8), p(5, 8), p(5, 9)]]);
}

#[test]
fn a_line_is_thinned_within_half_a_unit() {
    let mut line: Vec<P> = (0..100).map(|x| p(x, if x % 7 == 3 { 1 } else { 0 })).collect();
    line.push(p(100, 50));
    simplify_line(&mut line, 0, &mut Vec::new(), &mut Vec::new());
    assert_eq!((line.first(), line.last()), (Some(&p(0, 0)), Some(&p(100, 50))));
    // The bumps of a whole unit stay.
    assert!(line.contains(&p(3, 1)));
    let mut stairs: Vec<P> = (0..100).flat_map(|i| [p(5 * i, i), p(5 * i + 3, i)]).collect();
    let steps = stairs.len();
    simplify_line(&mut stairs, 0, &mut Vec::new(), &mut Vec::new());
    assert!(stairs.len() < steps);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_ring_becomes_valid(ring in grid_points(0..14, 12)) {
        let (shape, _) = finish(&[(true, ring)]);
        assert_valid(&shape)?;
    }

    #[test]
    fn any_rings_become_valid(
        a in grid_points(3..8, 20), b in grid_points(3..6, 20), c in grid_points(3..6, 20), second in any::<bool>(),
    ) {
        let (shape, _) = finish(&[(true, a), (false, b), (second, c)]);
        assert_valid(&shape)?;
    }

    #[test]
    fn a_valid_ring_keeps_its_ground(
        radii in prop::collection::vec(0.5..30.0f64, 3..24), cx in 40.0..41.0f64, cy in 40.0..41.0f64,
    ) {
        let ring = star(cx, cy, &radii);
        let (shape, _) = finish(&[(true, snapped(&ring))]);
        let out = assert_valid(&shape)?;
        let before = polygon(&ring);
        prop_assume!(before.is_valid());
        // Every point of the outline moves less than a unit.
        let moved = before.xor(&out).unsigned_area();
        prop_assert!(moved <= length(&ring) * 0.75 + 1.0, "{moved} of {}", length(&ring));
    }

    #[test]
    fn a_ring_with_a_hole_keeps_its_ground(
        radii in prop::collection::vec(10.0..30.0f64, 3..16), inner in prop::collection::vec(0.5..12.0f64, 3..9),
    ) {
        // Most stars hold a third of their least radius.
        let inner: Vec<f64> = inner.iter().map(|r| r * 0.4).collect();
        let (outer, hole) = (star(40.3, 40.7, &radii), star(40.3, 40.7, &inner));
        let (shape, _) = finish(&[(true, snapped(&outer)), (false, snapped(&hole).into_iter().rev().collect())]);
        let out = assert_valid(&shape)?;
        let (a, b) = (polygon(&outer), polygon(&hole));
        prop_assume!(a.is_valid() && b.is_valid() && b.difference(&a).unsigned_area() == 0.0);
        let moved = a.difference(&b).xor(&out).unsigned_area();
        prop_assert!(moved <= (length(&outer) + length(&hole)) * 0.75 + 2.0);
    }

    #[test]
    fn clipping_is_the_intersection(
        radii in prop::collection::vec(20.0..400.0f64, 3..40), cx in -100.0..200.0f64, cy in -100.0..200.0f64,
    ) {
        let clip = ClipBox { min: -10, max: 110 };
        let source = star(cx, cy, &radii);
        let mut ring: Vec<[i64; 2]> = snapped(&source).iter().map(|p| [i64::from(p.x), i64::from(p.y)]).collect();
        clip_ring(&mut ring, &mut Vec::new(), clip);
        let mut shape = Shape::default();
        shape.clipped_ring(true, &ring);
        shape.finish();
        let out = assert_valid(&shape)?;
        for p in shape.rings().flatten() {
            prop_assert!(clip.holds(i64::from(p.x), i64::from(p.y)));
        }
        let window = polygon(&[[-10.0, -10.0], [110.0, -10.0], [110.0, 110.0], [-10.0, 110.0]]);
        let before = polygon(&source);
        prop_assume!(before.is_valid());
        let want = before.intersection(&window);
        let border: f64 = want.iter().flat_map(|p| p.exterior().lines()).map(|l| (l.dx()).hypot(l.dy())).sum();
        let moved = want.xor(&out).unsigned_area();
        prop_assert!(moved <= border + 2.0, "{moved} of {border}");
    }

    #[test]
    fn simplified_rings_stay_valid(radii in prop::collection::vec(5.0..60.0f64, 8..80)) {
        let mut shape = Shape::default();
        shape.ring(true, snapped(&star(100.2, 100.4, &radii)).into_iter());
        shape.simplify_last();
        shape.finish();
        assert_valid(&shape)?;
    }
}
