//! Random subdivisions of the plane, checked in whole numbers: every rectangle below is covered
//! exactly once, before and after, so whatever is not is a gap or an overlap.

use super::exact::{Point, cross, crossing};
use super::polygon::area2;
use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// The polygons of a noded layer as they are, with the vertices that noding added.
fn at_rest(mosaic: &Mosaic) -> Rings {
    let edges = mosaic.edges();
    polygon::polygons(&mosaic.routed(&edges, &topology::Routes::default(), |p| p))
}

/// A repeatable number in 0..`below` for a few numbers.
pub(super) fn noise(below: u64, seed: [u64; 4]) -> u64 {
    let mut h = 0x9E37_79B9_7F4A_7C15u64;
    for v in seed {
        h = (h ^ v).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        h ^= h >> 29;
    }
    (h >> 8) % below
}

/// A partition of a rectangle into unions of cells of a crooked grid.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    seed: u64,
    side: u32,
    /// World units from corner to corner.
    cell: u32,
    origin: Point,
    pub labels: u32,
}

impl Partition {
    pub fn corner(&self, i: u32, j: u32) -> Point {
        let swing = u64::from(self.cell / 4);
        let off = |k: u64| {
            let inner = i > 0 && j > 0 && i < self.side && j < self.side;
            if inner { noise(2 * swing + 1, [self.seed, i.into(), j.into(), k]) as u32 } else { swing as u32 }
        };
        [self.origin[0] + i * self.cell + off(1), self.origin[1] + j * self.cell + off(2)]
    }

    /// The border from a corner to the next: now and then with points that lie on it to within
    /// rounding, of which each side has its own (T-junctions), or with a true bend that both have.
    fn border(&self, (i, j): (u32, u32), (k, l): (u32, u32), user: u64, out: &mut Vec<Point>) {
        let ends = [(i, j), (k, l)];
        let [low, high] = [*ends.iter().min().unwrap(), *ends.iter().max().unwrap()];
        let [a, b] = [low, high].map(|(i, j)| self.corner(i, j));
        let seed = |k: u64| {
            [self.seed ^ k << 32, u64::from(low.0) << 32 | u64::from(low.1), u64::from(high.0), high.1.into()]
        };
        let parts = noise(6, seed(1)) as u32;
        let at = |t: u32| {
            [0, 1].map(|k| {
                let d = i64::from(b[k]) - i64::from(a[k]);
                (i64::from(a[k]) + (2 * d * i64::from(t) + i64::from(parts)).div_euclid(2 * i64::from(parts)))
                    as u32
            })
        };
        let bent = noise(3, seed(2)) == 0;
        let mut middle: Vec<Point> = (1..parts)
            // In cells of a few units, everything is within the tolerance of everything.
            .filter(|&t| bent || self.cell < 100 || noise(3, seed(10 + u64::from(t) + user * 100)) > 0)
            .map(|t| {
                let mut p = at(t);
                // Only so far that it meets no other border: the input must be a partition.
                if bent && 3 * t >= parts && 3 * t <= 2 * parts {
                    let swing = u64::from(self.cell / 24);
                    p[0] += noise(swing + 1, seed(40 + u64::from(t))) as u32;
                    p[1] += noise(swing + 1, seed(50 + u64::from(t))) as u32;
                }
                p
            })
            .collect();
        if (i, j) != low {
            middle.reverse();
        }
        out.push(self.corner(i, j));
        out.extend(middle);
    }

    fn cell(&self, i: u32, j: u32, user: u64) -> Vec<Point> {
        let mut ring = Vec::new();
        let around = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
        for k in 0..4 {
            self.border(around[k], around[(k + 1) % 4], user, &mut ring);
        }
        ring
    }

    fn label(&self, i: u32, j: u32) -> u32 {
        noise(self.labels.into(), [self.seed, i.into(), j.into(), 7]) as u32
    }

    /// What lies around: a wide frame, so that the outline of the whole is known at every zoom.
    fn frame(&self) -> [Point; 2] {
        const MARGIN: u32 = 1 << 20;
        [self.origin.map(|v| v - MARGIN), self.origin.map(|v| v + self.side * self.cell + MARGIN)]
    }

    /// A feature for every label and one for the frame (the last label); the cells of label 0 are dissolved first, so that there are
    /// holes, enclaves and pinches, the others are multipolygons of cells that touch.
    pub fn rings(&self, order: &[u32]) -> Rings {
        let cells = |label: u32| {
            (0..self.side * self.side)
                .map(|n| (n % self.side, n / self.side))
                .filter(move |&(i, j)| self.label(i, j) == label)
        };
        let mut out = Rings::default();
        for &label in order {
            let mut feature = Rings::default();
            feature.feature();
            if label == self.labels {
                let [[x0, y0], [x1, y1]] = self.frame();
                feature.ring([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]);
                let mut hole = Vec::new();
                let n = self.side;
                let along = (0..n)
                    .map(|k| [(k, 0), (k + 1, 0)])
                    .chain((0..n).map(|k| [(n, k), (n, k + 1)]))
                    .chain((0..n).map(|k| [(n - k, n), (n - k - 1, n)]))
                    .chain((0..n).map(|k| [(0, n - k), (0, n - k - 1)]));
                along.for_each(|[a, b]| self.border(a, b, 99, &mut hole));
                hole.reverse();
                feature.ring(hole);
            }
            for (i, j) in cells(label) {
                // Every feature sees the borders with its own choice of points.
                feature.ring(self.cell(i, j, u64::from(label)));
            }
            if label % 2 == 0 && label != self.labels {
                feature = super::polygon::polygons(&feature);
            }
            out.feature();
            for ring in feature.rings(0) {
                out.ring(ring.iter().copied());
            }
        }
        out
    }
}

pub(super) fn partition() -> impl Strategy<Value = Partition> {
    let cell = prop_oneof![24u32..100, 100u32..400, 400u32..20_000];
    (any::<u64>(), 2u32..7, cell, 0u32..1 << 20, 0u32..1 << 20, 1u32..12).prop_map(
        |(seed, side, cell, x, y, labels)| Partition {
            seed,
            side,
            cell,
            labels,
            origin: [(1 << 31) - (1 << 19) + x, (1 << 30) - (1 << 19) + y],
        },
    )
}

fn edges(rings: &Rings) -> Vec<(Point, Point)> {
    let mut out = Vec::new();
    for ring in (0..rings.features()).flat_map(|f| rings.rings(f)) {
        out.extend(ring.iter().copied().zip(ring.iter().copied().cycle().skip(1)));
    }
    out
}

fn between(p: Point, a: Point, b: Point) -> bool {
    let inside = |k: usize| a[k].min(b[k]) <= p[k] && p[k] <= a[k].max(b[k]);
    p != a && p != b && cross(a, b, p) == 0 && inside(0) && inside(1)
}

/// All that is promised. `area` is twice the area that must be covered, if known.
fn check(rings: &Rings, lattice: Lattice) -> Result<i128, TestCaseError> {
    let all = edges(rings);
    // No edge is used twice in the same direction.
    let mut uses: HashMap<(Point, Point), u32> = HashMap::new();
    for &e in &all {
        *uses.entry(e).or_default() += 1;
    }
    prop_assert!(uses.values().all(|&n| n == 1), "an edge with two polygons on one side");
    // Edges meet at vertices only, lie on the lattice, and cross no tile's edge.
    let distinct: Vec<_> =
        uses.keys().copied().filter(|&(a, b)| a < b || !uses.contains_key(&(b, a))).collect();
    for (n, &(a, b)) in distinct.iter().enumerate() {
        prop_assert_eq!(lattice.centre(lattice.pixel(a)), a);
        let mut seams = Vec::new();
        lattice.seams(a, b, &mut seams);
        prop_assert!(seams.is_empty(), "{:?} {:?} crosses from tile to tile", a, b);
        for &(c, d) in &distinct[n + 1..] {
            let meet = crossing(a, b, c, d).is_some()
                || between(a, c, d)
                || between(b, c, d)
                || between(c, a, b)
                || between(d, a, b);
            prop_assert!(!meet, "{:?} {:?} meets {:?} {:?}", a, b, c, d);
        }
    }
    // Rings are simple; an exterior and its holes make a positive area.
    let mut sum = 0;
    for f in 0..rings.features() {
        let mut last = 0i128;
        for ring in rings.rings(f) {
            prop_assert!(ring.len() > 2);
            let mut sorted = ring.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), ring.len(), "a ring passes a vertex twice");
            let area = area2(ring);
            prop_assert!(area != 0);
            if area > 0 {
                last = area
            } else {
                last += area
            }
            prop_assert!(last > 0, "a hole larger than its exterior");
            sum += area;
        }
    }
    // Edges without a partner are the outline of all.
    let outline: Vec<_> = all.iter().filter(|(a, b)| !uses.contains_key(&(*b, *a))).collect();
    let (xs, ys): (Vec<u32>, Vec<u32>) = outline.iter().map(|e| (e.0[0], e.0[1])).unzip();
    let (Some(x0), Some(x1), Some(y0), Some(y1)) =
        (xs.iter().min(), xs.iter().max(), ys.iter().min(), ys.iter().max())
    else {
        return Ok(sum);
    };
    for (a, b) in outline {
        let side = |k: usize, v: u32| a[k] == v && b[k] == v;
        prop_assert!(
            side(0, *x0) || side(0, *x1) || side(1, *y0) || side(1, *y1),
            "a border without a neighbour"
        );
    }
    prop_assert_eq!(sum, 2 * i128::from(x1 - x0) * i128::from(y1 - y0));
    Ok(sum)
}

fn normal(rings: &Rings, feature: usize) -> Vec<Vec<Point>> {
    let mut out: Vec<Vec<Point>> = rings
        .rings(feature)
        .map(|r| {
            let first = (0..r.len()).min_by_key(|&i| r[i]).unwrap_or(0);
            let mut r = r.to_vec();
            r.rotate_left(first);
            r
        })
        .collect();
    out.sort();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96)
    ))]

    #[test]
    fn no_gap_and_no_overlap_at_any_zoom(p in partition(), z in 5u8..=21, thin in any::<bool>()) {
        let order: Vec<u32> = (0..=p.labels).collect();
        let mosaic = node(p.rings(&order));
        check(&at_rest(&mosaic), Lattice::WORLD)?;
        let lattice = Lattice::of_zoom(z);
        let area = check(&at_zoom(&mosaic, z, thin), lattice)?;
        // The corners of the whole move with the lattice, and cover what they cover there.
        let [a, b] = p.frame().map(|c| lattice.centre(lattice.pixel(c)));
        prop_assert_eq!(area, 2 * i128::from(b[0] - a[0]) * i128::from(b[1] - a[1]));
    }

    #[test]
    fn the_order_of_features_has_no_influence(p in partition(), z in 8u8..=18, shift in 0usize..12) {
        let order: Vec<u32> = (0..=p.labels).collect();
        let mut other = order.clone();
        other.rotate_left(shift % order.len());
        other.reverse();
        let (one, two) = (at_zoom(&node(p.rings(&order)), z, true), at_zoom(&node(p.rings(&other)), z, true));
        for (at, label) in other.iter().enumerate() {
            prop_assert_eq!(normal(&one, *label as usize), normal(&two, at));
        }
    }

    #[test]
    fn thinning_stays_within_its_tolerance(p in partition(), z in 10u8..=17) {
        let order: Vec<u32> = (0..=p.labels).collect();
        let mosaic = node(p.rings(&order));
        let tolerance = f64::from(Lattice::of_zoom(z).step()) / 2.0;
        let thinned = super::simplify::simplify(&mosaic, tolerance);
        let edges: Vec<[Point; 2]> = thinned.edges().pairs.iter()
            .map(|e| e.map(|v| thinned.vertices[v as usize])).collect();
        for &v in &mosaic.vertices {
            let near = edges.iter().map(|e| super::simplify::distance(v, e[0], e[1])).fold(f64::MAX, f64::min);
            prop_assert!(near <= tolerance * 1.000_001, "{near} from {v:?}");
        }
    }
}

#[test]
fn a_corner_on_a_neighbours_edge_becomes_its_vertex() {
    let mut rings = Rings::default();
    let o = 1 << 30;
    let at = |p: &[[u32; 2]]| p.iter().map(|p| [o + p[0], o + p[1]]).collect::<Vec<_>>();
    rings.feature();
    rings.ring(at(&[[0, 0], [1000, 0], [1000, 1000], [0, 1000]]));
    // Two to the right meet halfway, one unit beside the edge.
    rings.feature();
    rings.ring(at(&[[1000, 0], [2000, 0], [2000, 500], [1001, 500]]));
    rings.feature();
    rings.ring(at(&[[1001, 500], [2000, 500], [2000, 1000], [1000, 1000]]));
    let mosaic = node(rings);
    let out = at_rest(&mosaic);
    assert_eq!(normal(&out, 0), [at(&[[0, 0], [1000, 0], [1001, 500], [1000, 1000], [0, 1000]])]);
    // And a parcel of a quarter of a unit is nothing, while its neighbours meet over it.
    let out = at_zoom(&mosaic, 8, true);
    assert!((0..3).all(|f| out.rings(f).count() == 0));
}
