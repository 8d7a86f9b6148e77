//! From the rings as they were delivered to rings whose edges meet at vertices only.

use super::exact::{Point, crossing};
use super::snap::{Lattice, join, snap};
use super::topology::{Edges, Mosaic, Rings};
use super::tree::BoundsTree;

/// How far a neighbour's corner may lie beside an edge and still be meant to lie on it, in world
/// units: 2 are 18 mm, and rounding to world units alone makes 1.
pub(super) const TOLERANCE: u32 = 2;

/// Joins T-junctions and nodes what crosses. Once for a layer; no zoom is involved.
pub(crate) fn node(rings: Rings) -> Mosaic {
    let mut mosaic = Mosaic::new(rings);
    let mut edges = mosaic.edges();
    let joints = join(&mosaic, &edges, TOLERANCE);
    let joined = !joints.all_straight();
    if joined {
        mosaic = Mosaic::new(mosaic.routed(&edges, &joints, |p| p));
        edges = mosaic.edges();
    }
    let crossings = crossings(&mosaic, &edges);
    // If no vertex was near any edge and no edges cross, the edges meet at vertices only already.
    if joined || !crossings.is_empty() {
        let routes = snap(&mosaic, &edges, &crossings, Lattice::WORLD);
        if !routes.all_straight() {
            mosaic = Mosaic::new(mosaic.routed(&edges, &routes, |p| p));
        }
    }
    mosaic
}

/// Where edges cross, to the nearest world unit.
fn crossings(mosaic: &Mosaic, edges: &Edges) -> Vec<Point> {
    let ends = |e: usize| edges.pairs[e].map(|v| mosaic.vertices[v as usize]);
    let tree = BoundsTree::new(edges.pairs.len(), |e| bounds(ends(e)));
    let mut out = Vec::new();
    for e in 0..edges.pairs.len() {
        let [a, b] = ends(e);
        let here = bounds([a, b]);
        tree.search(
            |there| overlap(&here, there),
            |f| {
                let [c, d] = ends(f);
                let apart = a == c || a == d || b == c || b == d;
                if f > e && !apart && overlap(&here, &bounds([c, d])) {
                    out.extend(crossing(a, b, c, d));
                }
                true
            },
        );
    }
    out
}

#[inline]
fn bounds([a, b]: [Point; 2]) -> [u32; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1])]
}

#[inline]
fn overlap(a: &[u32; 4], b: &[u32; 4]) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}
