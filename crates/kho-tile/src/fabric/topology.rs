//! Rings over shared vertices.
//!
//! A vertex is stored once however many rings pass it, so what is decided for a vertex or for an
//! edge is decided for every polygon that uses it. A chain of vertices with two neighbours each,
//! from one junction to the next, is what TopoJSON calls an arc; it needs no list of its own here,
//! because taking a vertex away takes it from all rings at once.

use super::exact::{Point, morton};
use super::polygon::area2;

/// The rings of the features of a layer: exteriors turn right on the screen, holes left; no closing
/// points. Features are numbered in the order in which they are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rings {
    points: Vec<Point>,
    ring_starts: Vec<u32>,
    feature_starts: Vec<u32>,
}

impl Rings {
    /// Starts the next feature.
    pub fn feature(&mut self) {
        self.feature_starts.push(self.ring_starts.len() as u32);
    }

    /// Adds a ring to the feature at hand.
    pub fn ring(&mut self, points: impl IntoIterator<Item = Point>) {
        self.ring_starts.push(self.points.len() as u32);
        self.points.extend(points);
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.feature_starts.len()
    }

    /// The rings of a feature, and whether each is a hole.
    pub fn wound(&self, feature: usize) -> impl Iterator<Item = (bool, &[Point])> {
        self.rings(feature).map(|ring| (area2(ring) < 0, ring))
    }

    /// The rings of a feature.
    pub fn rings(&self, feature: usize) -> impl Iterator<Item = &[Point]> {
        span(&self.feature_starts, feature, self.ring_starts.len())
            .map(|r| &self.points[span(&self.ring_starts, r, self.points.len())])
    }
}

/// The range of number `at`, where `starts` has the beginnings and the last range ends at `end`.
#[inline]
fn span(starts: &[u32], at: usize, end: usize) -> std::ops::Range<usize> {
    starts[at] as usize..starts.get(at + 1).map_or(end, |&e| e as usize)
}

/// The same rings as lists of vertex numbers. Vertices are in the order of a Morton curve, so their
/// numbers do not depend on the order of the features.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mosaic {
    pub(super) vertices: Vec<Point>,
    pub(super) corners: Vec<u32>,
    ring_starts: Vec<u32>,
    feature_starts: Vec<u32>,
}

impl Mosaic {
    /// Finds the vertices.
    pub fn new(rings: Rings) -> Self {
        let mut order: Vec<(u64, u32)> =
            rings.points.iter().enumerate().map(|(at, &p)| (morton(p), at as u32)).collect();
        order.sort_unstable();
        let mut vertices: Vec<Point> = Vec::new();
        let mut corners = vec![0; rings.points.len()];
        for (_, at) in order {
            let p = rings.points[at as usize];
            if vertices.last() != Some(&p) {
                vertices.push(p);
            }
            corners[at as usize] = vertices.len() as u32 - 1;
        }
        vertices.shrink_to_fit();
        Self { vertices, corners, ring_starts: rings.ring_starts, feature_starts: rings.feature_starts }
    }

    /// Bytes of memory held.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.vertices.capacity() * 8
            + (self.corners.capacity() + self.ring_starts.capacity() + self.feature_starts.capacity()) * 4
    }

    /// The directed edges of all rings.
    fn steps(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..self.ring_starts.len()).flat_map(|r| {
            let ring = &self.corners[span(&self.ring_starts, r, self.corners.len())];
            let before = ring.last().copied().into_iter().chain(ring.iter().copied());
            before.zip(ring.iter().copied())
        })
    }

    /// The edges, each once.
    pub fn edges(&self) -> Edges {
        // Lower vertex, higher vertex, direction in one number; no layer has 2³¹ vertices.
        let mut uses: Vec<u64> = self
            .steps()
            .filter(|(a, b)| a != b)
            .map(|(a, b)| u64::from(a.min(b)) << 33 | u64::from(a.max(b)) << 1 | u64::from(a > b))
            .collect();
        uses.sort_unstable();
        let mut starts = vec![0; self.vertices.len() + 1];
        let (mut pairs, mut lone) = (Vec::new(), Vec::new());
        for same in uses.chunk_by(|a, b| a >> 1 == b >> 1) {
            let low = (same[0] >> 33) as usize;
            starts[low + 1] += 1;
            pairs.push([low as u32, (same[0] >> 1) as u32]);
            let back = same.iter().filter(|&u| u & 1 == 1).count();
            lone.push(2 * back != same.len());
        }
        for v in 1..starts.len() {
            starts[v] += starts[v - 1];
        }
        Edges { starts, pairs, lone }
    }

    /// The rings without the vertices that are not kept.
    pub fn keep(&self, kept: &[bool]) -> Self {
        let mut numbers = vec![0u32; self.vertices.len()];
        let mut out = Self::default();
        for (v, &p) in self.vertices.iter().enumerate().filter(|&(v, _)| kept[v]) {
            numbers[v] = out.vertices.len() as u32;
            out.vertices.push(p);
        }
        for r in 0..self.ring_starts.len() {
            out.ring_starts.push(out.corners.len() as u32);
            let ring = &self.corners[span(&self.ring_starts, r, self.corners.len())];
            out.corners.extend(ring.iter().filter(|&&v| kept[v as usize]).map(|&v| numbers[v as usize]));
        }
        out.feature_starts.clone_from(&self.feature_starts);
        out
    }

    /// The rings with every vertex at its `place`, and every edge on its route. Points that are
    /// repeated at once are left out.
    pub fn routed(&self, edges: &Edges, routes: &Routes, place: impl Fn(Point) -> Point) -> Rings {
        let mut out = Rings { feature_starts: self.feature_starts.clone(), ..Rings::default() };
        out.points.reserve(self.corners.len());
        for r in 0..self.ring_starts.len() {
            let start = out.points.len();
            out.ring_starts.push(start as u32);
            let mut push = |p: Point| {
                if out.points.len() == start || out.points[out.points.len() - 1] != p {
                    out.points.push(p);
                }
            };
            let ring = &self.corners[span(&self.ring_starts, r, self.corners.len())];
            for (at, &v) in ring.iter().enumerate() {
                push(place(self.vertices[v as usize]));
                let next = ring[(at + 1) % ring.len()];
                let Some(edge) = edges.find(v, next) else { continue };
                let way = routes.of(edge);
                if v < next {
                    way.iter().for_each(|&p| push(p));
                } else {
                    way.iter().rev().for_each(|&p| push(p));
                }
            }
            while out.points.len() > start + 1 && out.points[start] == out.points[out.points.len() - 1] {
                out.points.pop();
            }
        }
        out
    }
}

/// The edges of a [`Mosaic`], each once, from its lower vertex to its higher.
#[derive(Debug)]
pub(crate) struct Edges {
    starts: Vec<u32>,
    pub(super) pairs: Vec<[u32; 2]>,
    /// Whether an edge has no partner on its other side: the outline of the layer, or a border on
    /// which two neighbours do not have the same vertices.
    pub(super) lone: Vec<bool>,
}

impl Edges {
    /// The number of the edge between two vertices.
    #[inline]
    fn find(&self, a: u32, b: u32) -> Option<usize> {
        let (low, high) = (a.min(b), a.max(b));
        let (from, to) = (self.starts[low as usize] as usize, self.starts[low as usize + 1] as usize);
        // Few edges end in a vertex.
        self.pairs[from..to].iter().position(|p| p[1] == high).map(|at| from + at)
    }
}

/// The points that edges are led through, between their ends, from the lower vertex to the higher.
/// The default leaves every edge straight.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    ends: Vec<u32>,
    points: Vec<Point>,
}

impl Routes {
    /// Closes the route of the next edge.
    pub fn push(&mut self, points: impl IntoIterator<Item = Point>) {
        self.points.extend(points);
        self.ends.push(self.points.len() as u32);
    }

    /// Whether every edge is straight.
    pub fn all_straight(&self) -> bool {
        self.points.is_empty()
    }

    #[inline]
    fn of(&self, edge: usize) -> &[Point] {
        let end = |e: usize| self.ends.get(e).map_or(0, |&at| at as usize);
        &self.points[edge.checked_sub(1).map_or(0, end)..end(edge)]
    }
}
