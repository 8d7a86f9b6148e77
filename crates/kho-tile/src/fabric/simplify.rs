//! Fewer vertices, the same topology.
//!
//! Vertices with two neighbours are taken away, the least first, as in Visvalingam and Whyatt's
//! method; junctions stay. A vertex stays if another lies in the triangle that it spans with its
//! neighbours: the new edge could pass on its wrong side. Without such a vertex no edge enters the
//! triangle either (edges meet at vertices only), so the rings stay as noded as they were.

use super::exact::{Point, in_triangle};
use super::topology::Mosaic;
use super::tree::BoundsTree;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A vertex between two others: who they are, and how far the edge to each lies from what it
/// stands for, in world units.
#[derive(Debug, Clone, Copy)]
struct Link {
    to: [u32; 2],
    error: [f64; 2],
}

const NONE: u32 = u32::MAX;
const JUNCTION: Link = Link { to: [NONE; 2], error: [0.0; 2] };

/// Takes away vertices as long as no border strays by more than `tolerance` world units from where
/// it was. The order is by size and then by place, so neither the order of the features nor the
/// direction of their rings has any influence.
pub(super) fn simplify(mosaic: &Mosaic, tolerance: f64) -> Mosaic {
    let vertices = &mosaic.vertices;
    let mut links = links(mosaic);
    let mut kept = vec![true; vertices.len()];
    let tree = BoundsTree::new(vertices.len(), |v| {
        let [x, y] = vertices[v];
        [x, y, x, y]
    });
    let key = |links: &[Link], v: u32| {
        let link = &links[v as usize];
        let [a, b] = link.to;
        if a == NONE || a == b {
            return None;
        }
        let off = distance(vertices[v as usize], vertices[a as usize], vertices[b as usize]);
        let error = link.error[0].max(link.error[1]) + off;
        // The bits of positive floats are in the order of the floats.
        (error <= tolerance).then_some((error.to_bits(), v))
    };
    let mut heap: BinaryHeap<_> =
        (0..vertices.len() as u32).filter_map(|v| key(&links, v)).map(Reverse).collect();
    while let Some(Reverse(least)) = heap.pop() {
        let v = least.1;
        // Its neighbours may have changed since.
        if !kept[v as usize] || key(&links, v) != Some(least) {
            continue;
        }
        let [a, b] = links[v as usize].to;
        // A ring of three stays one.
        let ring = |x: u32, y: u32| links[x as usize].to[0] != NONE && links[x as usize].to.contains(&y);
        if ring(a, b) || ring(b, a) || !is_clear(vertices, &tree, &kept, [a, v, b]) {
            continue;
        }
        kept[v as usize] = false;
        for (x, y) in [(a, b), (b, a)] {
            let link = &mut links[x as usize];
            if let Some(side) = link.to.iter().position(|&n| n == v) {
                link.to[side] = y;
                link.error[side] = f64::from_bits(least.0);
                heap.extend(key(&links, x).map(Reverse));
            }
        }
    }
    mosaic.keep(&kept)
}

fn links(mosaic: &Mosaic) -> Vec<Link> {
    let mut links = vec![JUNCTION; mosaic.vertices.len()];
    let mut degrees = vec![0u8; mosaic.vertices.len()];
    for &[a, b] in &mosaic.edges().pairs {
        for (v, n) in [(a, b), (b, a)] {
            let degree = &mut degrees[v as usize];
            if let Some(slot) = links[v as usize].to.get_mut(usize::from(*degree)) {
                *slot = n;
            }
            *degree = degree.saturating_add(1);
        }
    }
    for (link, _) in links.iter_mut().zip(degrees).filter(|d| d.1 != 2) {
        *link = JUNCTION;
    }
    links
}

/// Whether no other vertex lies in the triangle or on its edge.
fn is_clear(vertices: &[Point], tree: &BoundsTree, kept: &[bool], corners: [u32; 3]) -> bool {
    let t = corners.map(|v| vertices[v as usize]);
    let low = [0, 1].map(|k: usize| t[0][k].min(t[1][k]).min(t[2][k]));
    let high = [0, 1].map(|k: usize| t[0][k].max(t[1][k]).max(t[2][k]));
    let mut clear = true;
    tree.search(
        |b| b[0] <= high[0] && low[0] <= b[2] && b[1] <= high[1] && low[1] <= b[3],
        |v| {
            let p = vertices[v];
            let near = (0..2).all(|k| low[k] <= p[k] && p[k] <= high[k]);
            clear = !(near && kept[v] && !corners.contains(&(v as u32)) && in_triangle(p, t));
            clear
        },
    );
    clear
}

/// The distance of a point from a segment. Floats, but the same whichever way the segment runs.
pub(super) fn distance(p: Point, a: Point, b: Point) -> f64 {
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    let (dx, dy) = (f64::from(b[0]) - f64::from(a[0]), f64::from(b[1]) - f64::from(a[1]));
    let (px, py) = (f64::from(p[0]) - f64::from(a[0]), f64::from(p[1]) - f64::from(a[1]));
    let length2 = dx * dx + dy * dy;
    let t = if length2 > 0.0 { ((px * dx + py * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let (ex, ey) = (px - t * dx, py - t * dy);
    (ex * ex + ey * ey).sqrt()
}
