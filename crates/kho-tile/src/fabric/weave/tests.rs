//! Random subdivisions of the plane, woven in four tiles that meet; all areas in whole numbers.
#![allow(clippy::expect_used, reason = "tests")]

use super::*;
use crate::fabric::tests::{Partition, noise, partition};
use crate::fabric::{Rings, at_zoom, node};
use crate::geom::{ClipBox, P, clip_ring, cross};
use crate::grid::Grid;
use crate::mvt::EXTENT;
use geo::{Coord, LineString, MultiPolygon, Polygon, Validation};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SIDE: i64 = EXTENT as i64;
/// Twice the area of a tile's square.
const FULL: i64 = 2 * SIDE * SIDE;

type Drawn = BTreeMap<u32, Vec<Vec<P>>>;

fn area2(ring: &[P]) -> i64 {
    ring.windows(2).map(|w| cross(ring[0], w[0], w[1])).sum()
}

/// Twice the area of a ring inside the tile's own square; `None` if an edge crosses a side of it where the
/// grid has no point.
fn inside2(ring: &[P]) -> Option<i64> {
    for (at, &a) in ring.iter().enumerate() {
        let b = ring[(at + 1) % ring.len()];
        for (p, q) in [([a.x, a.y], [b.x, b.y]), ([a.y, a.x], [b.y, b.x])] {
            let ([px, py], [qx, qy]) = (p.map(i64::from), q.map(i64::from));
            for line in [0, SIDE] {
                if (px - line) * (qx - line) < 0 {
                    let (off, run) = ((line - px) * (qy - py), qx - px);
                    let at = py + off.div_euclid(run);
                    if off % run != 0 && (0..SIDE).contains(&at) {
                        return None;
                    }
                }
            }
        }
    }
    let mut ring: Vec<[i64; 2]> = ring.iter().map(|p| [p.x.into(), p.y.into()]).collect();
    clip_ring(&mut ring, &mut Vec::new(), ClipBox { min: 0, max: SIDE });
    let ring: Vec<P> = ring.iter().map(|q| P { x: q[0] as i32, y: q[1] as i32 }).collect();
    Some(if ring.len() < 3 { 0 } else { area2(&ring) })
}

/// As a decoder reads it.
fn decoded(rings: &[Vec<P>]) -> MultiPolygon<f64> {
    let mut polygons: Vec<Polygon<f64>> = Vec::new();
    for ring in rings {
        let corner = |p: &P| Coord { x: f64::from(p.x), y: f64::from(p.y) };
        let line = LineString(ring.iter().chain(ring.first()).map(corner).collect());
        if area2(ring) > 0 {
            polygons.push(Polygon::new(line, vec![]));
        } else {
            polygons.last_mut().expect("an exterior comes first").interiors_push(line);
        }
    }
    MultiPolygon(polygons)
}

type Fed = Vec<(u32, Vec<(bool, Vec<Point>)>)>;

fn fed(rings: &Rings, group: impl Fn(u32) -> u32) -> Fed {
    let feature = |f: usize| rings.wound(f).map(|(hole, r)| (hole, r.to_vec())).collect();
    (0..rings.features()).map(|f| (group(f as u32), feature(f))).collect()
}

/// What the features whose boxes meet the window become; all of it valid.
fn woven(fed: &Fed, frame: &TileFrame) -> Result<Drawn, TestCaseError> {
    let (mut weaver, mut shape) = (Weaver::default(), Shape::default());
    for (group, rings) in fed {
        let points = || rings.iter().flat_map(|r| &r.1);
        let meets = |k: usize| {
            points().map(|p| p[k]).min() <= Some(frame.window[k + 2])
                && points().map(|p| p[k]).max() >= Some(frame.window[k])
        };
        if meets(0) && meets(1) {
            weaver.add(*group, rings.iter().map(|(hole, r)| (*hole, r.as_slice())));
        }
    }
    weaver.weave(frame);
    let groups: Vec<u32> = weaver.groups().collect();
    let mut out = Drawn::new();
    for group in groups {
        let outcome = weaver.draw(group, &mut shape);
        let rings: Vec<Vec<P>> = shape.rings().map(<[P]>::to_vec).collect();
        prop_assert_eq!(outcome == ShapeOutcome::Gone, rings.is_empty());
        let polygon = decoded(&rings);
        prop_assert!(polygon.is_valid(), "{:?} in {:?}", polygon.validation_errors(), polygon);
        for p in rings.iter().flatten() {
            prop_assert!(frame.clip.holds(p.x.into(), p.y.into()));
        }
        out.insert(group, rings);
    }
    Ok(out)
}

/// Four tiles around a corner in the middle of a partition.
fn frames(p: &Partition, z: u8, buffer: u32) -> Vec<TileFrame> {
    let middle = p.corner(1, 1);
    let shift = 32 - u32::from(z);
    let (x, y) = ((middle[0] - (1 << shift) / 2) >> shift, (middle[1] - (1 << shift) / 2) >> shift);
    let tiles = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
    tiles.map(|(x, y)| TileFrame::new(Grid::default(), z, x, y, buffer).expect("a tile")).to_vec()
}

/// The points that a tile has on one of its sides: `axis` 0 for the west (`at` 0) and east.
fn on_side(drawn: &Drawn, axis: usize, at: i32) -> BTreeSet<(u32, i32)> {
    let mut out = BTreeSet::new();
    for (group, rings) in drawn {
        for ring in rings {
            for (n, &a) in ring.iter().enumerate() {
                let b = ring[(n + 1) % ring.len()];
                let ([ax, ay], [bx, by]) =
                    if axis == 0 { ([a.x, a.y], [b.x, b.y]) } else { ([a.y, a.x], [b.y, b.x]) };
                // Where an edge passes from side to side; what only touches the side may be of one tile.
                if (ax < at && bx > at) || (ax > at && bx < at) {
                    let off = i64::from(at - ax) * i64::from(by - ay) / i64::from(bx - ax);
                    let y = ay + off as i32;
                    if y > 0 && i64::from(y) < SIDE {
                        out.insert((*group, y));
                    }
                }
            }
        }
    }
    out
}

/// Who has the ground on the inner side of a tile's side, half unit by half unit: the area below.
fn along_side(drawn: &Drawn, axis: usize, at: i32) -> BTreeMap<(u32, i32), i32> {
    let mut out = BTreeMap::new();
    let strip = if at == 0 { [0, 1] } else { [at - 1, at] };
    for (group, rings) in drawn {
        for ring in rings {
            let mut q: Vec<[i64; 2]> = ring
                .iter()
                .map(|p| if axis == 0 { [p.x.into(), p.y.into()] } else { [p.y.into(), p.x.into()] })
                .collect();
            q.retain(|q| q[0] == i64::from(strip[0]) || q[0] == i64::from(strip[1]));
            for q in q.iter().filter(|q| q[0] == i64::from(at) && q[1] > 0 && q[1] < SIDE) {
                *out.entry((*group, q[1] as i32)).or_default() += 1;
            }
        }
    }
    out
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn tiles_fit_and_so_do_their_groups(p in partition(), z in 14u8..=22, buffer in prop_oneof![Just(0u32), Just(8), Just(64)]) {
        let order: Vec<u32> = (0..=p.labels).collect();
        let rings = p.rings(&order);
        let whole = at_zoom(&node(rings.clone()), z, false);
        let kept = (buffer >> z.saturating_sub(20)) << z.saturating_sub(20);
        let side = SIDE + 2 * i64::from(kept);
        for frame in frames(&p, z, buffer) {
            let drawn = woven(&fed(&rings, |f| f), &frame)?;
            let (mut inner, mut outer) = (0, 0);
            for (&group, rings) in &drawn {
                let mut mine = 0;
                for ring in rings {
                    mine += inside2(ring).ok_or_else(|| TestCaseError::fail("a seam without a vertex"))?;
                    outer += area2(ring);
                }
                inner += mine;
                // As the layer as a whole would have it.
                let mut theirs = 0;
                for ring in whole.rings(group as usize) {
                    let mut q: Vec<[i64; 2]> = ring.iter().map(|&w| frame.snap(w)).collect();
                    clip_ring(&mut q, &mut Vec::new(), ClipBox { min: 0, max: SIDE });
                    let q: Vec<P> = q.iter().map(|q| P { x: q[0] as i32, y: q[1] as i32 }).collect();
                    theirs += if q.len() < 3 { 0 } else { area2(&q) };
                }
                prop_assert_eq!(mine, theirs, "feature {} at z{}", group, z);
            }
            // Nothing overlaps, for each is valid and all areas add up.
            prop_assert_eq!((inner, outer), (FULL, 2 * side * side));
            // Groups are the sum of their members.
            let merged = woven(&fed(&rings, |f| f % 3), &frame)?;
            for (group, rings) in &merged {
                let members = drawn.iter().filter(|d| d.0 % 3 == *group).flat_map(|d| d.1);
                prop_assert_eq!(rings.iter().map(|r| area2(r)).sum::<i64>(), members.map(|r| area2(r)).sum::<i64>());
            }
            let one = woven(&fed(&rings, |_| 7), &frame)?;
            prop_assert!(one[&7].len() == 1 && one[&7][0].len() == 4, "{:?}", one);
        }
    }

    #[test]
    fn neighbouring_tiles_meet(p in partition(), z in 14u8..=20) {
        let order: Vec<u32> = (0..=p.labels).collect();
        // Without points that one side alone has: at the outer border of a layer, tiles may differ there.
        let rings = at_zoom(&node(p.rings(&order)), 20, false);
        let fed = fed(&rings, |f| f);
        let drawn: Vec<Drawn> = frames(&p, z, 64).iter().map(|f| woven(&fed, f)).collect::<Result<_, _>>()?;
        for (one, other, axis) in [(0, 1, 0), (2, 3, 0), (0, 2, 1), (1, 3, 1)] {
            let (a, b) = (on_side(&drawn[one], axis, SIDE as i32), on_side(&drawn[other], axis, 0));
            // An edge that one tile draws straight across may have a bend on the side in the other.
            let (c, d) = (along_side(&drawn[one], axis, SIDE as i32), along_side(&drawn[other], axis, 0));
            for (group, y) in a.symmetric_difference(&b) {
                prop_assert!(c.contains_key(&(*group, *y)) || d.contains_key(&(*group, *y)), "{} {}", group, y);
            }
        }
    }

    #[test]
    fn whatever_overlaps_is_valid_and_covers_what_it_did(
        seed in any::<u64>(), z in 14u8..=22, count in 1u64..24, size in prop_oneof![Just(9u64), Just(300), Just(1 << 13)],
    ) {
        let shift = 32 - u32::from(z);
        let (x, y) = ((1u32 << (z - 1)) + 5, (1u32 << (z - 1)) - 9);
        let frame = TileFrame::new(Grid::default(), z, x, y, 64).expect("a tile");
        let random = |below: u64, a: u64, b: u64| noise(below, [seed, a, b, 3]);
        let extent = (size << 2).min(1 << shift);
        let mut all: Fed = Vec::new();
        for n in 0..count {
            let [cx, cy] = [0, 1].map(|k| random(extent, n, 900 + k));
            let ring = (0..3 + random(7, n, 800)).map(|i| {
                let [dx, dy] = [0, 1].map(|k| random(size, n, 2 * i + k));
                [((u64::from(x) << shift) + cx + dx) as u32, ((u64::from(y) << shift) + cy + dy) as u32]
            });
            all.push((random(5, n, 700) as u32, vec![(false, ring.collect())]));
        }
        let one = woven(&all, &frame)?;
        // In any order.
        all.reverse();
        prop_assert_eq!(one, woven(&all, &frame)?);
        // Twice the same is the same.
        let mut twice = all.clone();
        twice.extend(all.iter().cloned());
        let area = |d: &Drawn| d.values().flatten().map(|r| area2(r)).sum::<i64>();
        let (once, again) = (woven(&all, &frame)?, woven(&twice, &frame)?);
        prop_assert_eq!(area(&once), area(&again));
    }
}

/// A square that leaves the field on all sides, and one that lies around nothing of it.
#[test]
fn what_surrounds_the_field_fills_it() {
    let frame = TileFrame::new(Grid::default(), 16, 30_000, 30_000, 64).expect("a tile");
    let [x, y] = [30_000u32 << 16; 2];
    let around = vec![
        [x - 99_999, y - 99_999],
        [x + 200_000, y - 99_999],
        [x + 200_000, y + 200_000],
        [x - 99_999, y + 200_000],
    ];
    // An L around the tile from the west to the south.
    let beside = vec![
        [x - 99_999, y - 50_000],
        [x - 50_000, y - 50_000],
        [x - 50_000, y + 150_000],
        [x + 150_000, y + 150_000],
        [x + 150_000, y + 200_000],
        [x - 99_999, y + 200_000],
    ];
    let mut weaver = Weaver::default();
    weaver.add(4, [(false, around.as_slice())].into_iter());
    weaver.add(2, [(false, beside.as_slice())].into_iter());
    weaver.weave(&frame);
    assert_eq!(weaver.groups().collect::<Vec<_>>(), [2, 4]);
    let mut shape = Shape::default();
    assert_eq!(weaver.draw(2, &mut shape), ShapeOutcome::Gone);
    assert_eq!(weaver.draw(4, &mut shape), ShapeOutcome::Kept);
    let rings: Vec<Vec<P>> = shape.rings().map(<[P]>::to_vec).collect();
    assert_eq!(area2(&rings[0]), 2 * (SIDE + 128) * (SIDE + 128));
    assert_eq!(weaver.draw(3, &mut shape), ShapeOutcome::Gone, "no such group");
}

/// A corner beside a neighbour's edge, with the edge of a pixel between them.
#[test]
fn a_corner_beside_an_edge_leaves_no_gap() {
    let (z, t) = (16, 30_000u32);
    let frame = TileFrame::new(Grid::default(), z, t, t, 0).expect("a tile");
    let o = t << 16;
    let at = |p: &[[u32; 2]]| p.iter().map(|p| [o + p[0], o + p[1]]).collect::<Vec<Point>>();
    for x in 1600..1632 {
        let mut weaver = Weaver::default();
        let corner = [x + 1, 800];
        let parts = [
            at(&[[0, 0], [x, 0], [x, 1600], [0, 1600]]),
            at(&[[x, 0], [3200, 0], [3200, 800], corner]),
            at(&[corner, [3200, 800], [3200, 1600], [x, 1600]]),
        ];
        parts.iter().zip(0..).for_each(|(ring, n)| weaver.add(n, [(false, ring.as_slice())].into_iter()));
        weaver.weave(&frame);
        let mut shape = Shape::default();
        let mut sum = 0;
        for n in 0..3 {
            weaver.draw(n, &mut shape);
            sum += shape.rings().map(area2).sum::<i64>();
        }
        assert_eq!(sum, 2 * 200 * 100, "{x}");
    }
}
