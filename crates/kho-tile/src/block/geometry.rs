//! The geometry of a row group in world units.

use super::{PackedTree, wkb};
use crate::grid::{Grid, NOWHERE, Place, Projector, WorldBox};
use crate::mvt::FeatureKind;

/// The features of a row group: ids, boxes and coordinates, in flat arrays.
///
/// A feature is a run of parts, a part a run of points: a ring, a line, or a point. Rings are
/// stored without their closing point, exteriors turning right (on a map with north up, clockwise)
/// and holes left, as MVT wants them.
#[derive(Debug)]
pub(crate) struct GeometryBlock {
    ids: Vec<u64>,
    kinds: Vec<Option<FeatureKind>>,
    tree: PackedTree,
    /// Where the parts of feature `i` start; one more at the end.
    part_starts: Vec<u32>,
    /// Where the points of part `i` start; one more at the end.
    point_starts: Vec<u32>,
    /// Whether part `i` is a hole.
    holes: Vec<bool>,
    points: Vec<[u32; 2]>,
    unreadable: usize,
}

/// One feature of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feature<'a> {
    block: &'a GeometryBlock,
    first: usize,
    end: usize,
    /// The stable id.
    pub id: u64,
    /// What it is.
    pub kind: FeatureKind,
}

impl<'a> Feature<'a> {
    /// The parts: whether it is a hole, and its points in world units.
    #[inline]
    pub fn parts(self) -> impl Iterator<Item = (bool, &'a [[u32; 2]])> {
        let b = self.block;
        (self.first..self.end).map(move |i| {
            let (from, to) = (b.point_starts[i] as usize, b.point_starts[i + 1] as usize);
            (b.holes[i], &b.points[from..to])
        })
    }
}

impl GeometryBlock {
    /// The tree over the features' boxes.
    pub fn tree(&self) -> &PackedTree {
        &self.tree
    }

    /// A feature; `None` if it has no geometry.
    #[inline]
    pub fn feature(&self, row: usize) -> Option<Feature<'_>> {
        Some(Feature {
            block: self,
            first: self.part_starts[row] as usize,
            end: self.part_starts[row + 1] as usize,
            id: self.ids[row],
            kind: self.kinds[row]?,
        })
    }

    /// The number of features, with a geometry or without.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// How many geometries could not be read.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Bytes of memory held.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.ids.capacity() * 8
            + self.kinds.capacity()
            + self.tree.weight()
            + (self.part_starts.capacity() + self.point_starts.capacity()) * 4
            + self.holes.capacity()
            + self.points.capacity() * 8
    }
}

/// Builds a [`GeometryBlock`] feature by feature.
#[derive(Debug, Default)]
pub(crate) struct GeometryBuilder {
    ids: Vec<u64>,
    kinds: Vec<Option<FeatureKind>>,
    boxes: Vec<WorldBox>,
    part_starts: Vec<u32>,
    point_starts: Vec<u32>,
    holes: Vec<bool>,
    points: Vec<[u32; 2]>,
    kind: Option<FeatureKind>,
    extent: Option<WorldBox>,
    unreadable: usize,
    projector: Projector,
    /// Whether the feature at hand has a corner that the grid has no place for.
    outside: bool,
}

impl GeometryBuilder {
    /// Room for `features`, in the world units of a grid.
    pub fn with_capacity(grid: Grid, features: usize) -> Self {
        Self {
            projector: grid.projector(),
            ids: Vec::with_capacity(features),
            kinds: Vec::with_capacity(features),
            boxes: Vec::with_capacity(features),
            part_starts: Vec::with_capacity(features + 1),
            point_starts: Vec::with_capacity(features + 1),
            holes: Vec::with_capacity(features),
            points: Vec::with_capacity(features * 6),
            ..Self::default()
        }
    }

    /// Adds a feature with its WKB (CRS84), or none. A geometry that cannot be read counts as none:
    /// one bad row must not take a whole map away. So does one that leaves a zone's square, and a
    /// point outside of any grid.
    pub fn push(&mut self, id: i64, geometry: Option<&[u8]>) {
        self.part_starts.push(self.holes.len() as u32);
        self.kind = None;
        self.extent = None;
        self.outside = false;
        let (parts, points) = (self.holes.len(), self.points.len());
        let unreadable = geometry.is_some_and(|bytes| wkb::read(bytes, self).is_err());
        self.unreadable += usize::from(unreadable);
        if unreadable || self.outside || self.holes.len() == parts {
            self.holes.truncate(parts);
            self.point_starts.truncate(parts);
            self.points.truncate(points);
            self.kind = None;
            self.extent = None;
        }
        self.ids.push(id as u64);
        self.kinds.push(self.kind);
        self.boxes.push(self.extent.unwrap_or(NOWHERE));
    }

    /// Adds a feature that is in world units already: parts as [`Feature::parts`] gives them. One
    /// without parts has no geometry.
    pub fn push_world<P>(&mut self, id: u64, kind: FeatureKind, parts: impl Iterator<Item = (bool, P)>)
    where
        P: AsRef<[[u32; 2]]>,
    {
        self.part_starts.push(self.holes.len() as u32);
        let first = self.holes.len();
        let mut extent = NOWHERE;
        for (hole, part) in parts {
            self.point_starts.push(self.points.len() as u32);
            self.holes.push(hole);
            for &[x, y] in part.as_ref() {
                extent = [extent[0].min(x), extent[1].min(y), extent[2].max(x), extent[3].max(y)];
                self.points.push([x, y]);
            }
        }
        self.ids.push(id);
        self.kinds.push((self.holes.len() > first).then_some(kind));
        self.boxes.push(extent);
    }

    /// Adds a part to the feature at hand.
    pub(super) fn part(&mut self, kind: FeatureKind, first: bool, lonlat: impl Iterator<Item = (f64, f64)>) {
        if *self.kind.get_or_insert(kind) != kind {
            return;
        }
        let start = self.points.len();
        for (lon, lat) in lonlat {
            // An empty point is written as NaN.
            if !(lon.is_finite() && lat.is_finite()) {
                continue;
            }
            let p = match self.projector.place(lon, lat) {
                Place::In(p) => p,
                Place::Edge(p) if kind != FeatureKind::Point => p,
                // Another point of a multipoint may be inside.
                _ if kind == FeatureKind::Point => continue,
                _ => {
                    self.outside = true;
                    return;
                }
            };
            if self.points.len() == start || self.points[self.points.len() - 1] != p {
                self.points.push(p);
            }
        }
        let hole = kind == FeatureKind::Polygon && !first;
        if kind == FeatureKind::Polygon {
            if self.points.len() > start + 1 && self.points[start] == self.points[self.points.len() - 1] {
                self.points.pop();
            }
            if (turn(&self.points[start..]) < 0.0) != hole {
                self.points[start..].reverse();
            }
        }
        if self.points.len() == start {
            return;
        }
        for p in &self.points[start..] {
            let e = self.extent.get_or_insert(NOWHERE);
            *e = [e[0].min(p[0]), e[1].min(p[1]), e[2].max(p[0]), e[3].max(p[1])];
        }
        self.point_starts.push(start as u32);
        self.holes.push(hole);
    }

    /// The block.
    pub fn finish(mut self) -> GeometryBlock {
        self.part_starts.push(self.holes.len() as u32);
        self.point_starts.push(self.points.len() as u32);
        self.points.shrink_to_fit();
        self.point_starts.shrink_to_fit();
        self.holes.shrink_to_fit();
        GeometryBlock {
            ids: self.ids,
            kinds: self.kinds,
            tree: PackedTree::new(self.boxes),
            part_starts: self.part_starts,
            point_starts: self.point_starts,
            holes: self.holes,
            points: self.points,
            unreadable: self.unreadable,
        }
    }
}

/// Twice the signed area of a ring (without closing point); positive turns right on the screen.
fn turn(ring: &[[u32; 2]]) -> f64 {
    let Some(&[x0, y0]) = ring.first() else { return 0.0 };
    let at = |p: [u32; 2]| (f64::from(p[0]) - f64::from(x0), f64::from(p[1]) - f64::from(y0));
    ring.windows(2)
        .map(|w| {
            let (a, b) = (at(w[0]), at(w[1]));
            a.0 * b.1 - a.1 * b.0
        })
        .sum()
}
