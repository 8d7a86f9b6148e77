//! Geometries taken apart and put together: what the functions share.

pub(super) use crate::format::wkb::{Dims, Geometry, Shape};

/// Without Z and M.
pub(super) const XY: Dims = Dims { z: false, m: false };

/// Points, lines and polygons: what OGC calls the dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Basic {
    Point,
    Line,
    Polygon,
}

impl Basic {
    /// The multi-geometry of these parts.
    pub(super) fn multi(self, dims: Dims, parts: Vec<Geometry>) -> Geometry {
        let shape = match self {
            Self::Point => Shape::MultiPoint(parts),
            Self::Line => Shape::MultiLine(parts),
            Self::Polygon => Shape::MultiPolygon(parts),
        };
        Geometry { dims, shape }
    }

    /// The empty geometry of this type, not multi.
    pub(super) fn empty(self, dims: Dims) -> Geometry {
        let shape = match self {
            Self::Point => Shape::Point(vec![f64::NAN; dims.stride()]),
            Self::Line => Shape::Line(Vec::new()),
            Self::Polygon => Shape::Polygon(Vec::new()),
        };
        Geometry { dims, shape }
    }
}

/// An empty geometry of the type of `like`, two-dimensional.
pub(super) fn empty_like(like: &Geometry) -> Geometry {
    let shape = match &like.shape {
        Shape::Point(_) => return Basic::Point.empty(XY),
        Shape::Line(_) => return Basic::Line.empty(XY),
        Shape::Polygon(_) => return Basic::Polygon.empty(XY),
        Shape::MultiPoint(_) => Shape::MultiPoint(Vec::new()),
        Shape::MultiLine(_) => Shape::MultiLine(Vec::new()),
        Shape::MultiPolygon(_) => Shape::MultiPolygon(Vec::new()),
        Shape::Collection(_) => Shape::Collection(Vec::new()),
    };
    Geometry { dims: XY, shape }
}

/// The type of a point, line or polygon; nothing for those that have parts.
pub(super) fn basic(geometry: &Geometry) -> Option<Basic> {
    match &geometry.shape {
        Shape::Point(_) => Some(Basic::Point),
        Shape::Line(_) => Some(Basic::Line),
        Shape::Polygon(_) => Some(Basic::Polygon),
        _ => None,
    }
}

/// The parts of a multi-geometry or collection.
pub(super) fn parts(geometry: &Geometry) -> Option<&[Geometry]> {
    match &geometry.shape {
        Shape::MultiPoint(p) | Shape::MultiLine(p) | Shape::MultiPolygon(p) | Shape::Collection(p) => Some(p),
        _ => None,
    }
}

/// The highest type in a geometry, empty parts counted; nothing for a collection of nothing.
pub(super) fn highest(geometry: &Geometry) -> Option<Basic> {
    match parts(geometry) {
        None => basic(geometry),
        Some(parts) => parts.iter().filter_map(highest).max(),
    }
}

/// The points, lines and polygons of this type in a geometry, at any depth, empty ones left out.
pub(super) fn of_type(geometry: &Geometry, wanted: Basic) -> Vec<Geometry> {
    let mut out = Vec::new();
    collect(geometry, wanted, &mut out);
    out
}

fn collect(geometry: &Geometry, wanted: Basic, out: &mut Vec<Geometry>) {
    match parts(geometry) {
        Some(parts) => parts.iter().for_each(|p| collect(p, wanted, out)),
        None if basic(geometry) == Some(wanted) && !is_empty(geometry) => out.push(geometry.clone()),
        None => {}
    }
}

/// Whether there is no point in it.
pub(super) fn is_empty(geometry: &Geometry) -> bool {
    match &geometry.shape {
        Shape::Point(c) => c.iter().all(|v| v.is_nan()),
        Shape::Line(c) => c.is_empty(),
        Shape::Polygon(rings) => rings.iter().all(Vec::is_empty),
        Shape::MultiPoint(p) | Shape::MultiLine(p) | Shape::MultiPolygon(p) | Shape::Collection(p) => {
            p.iter().all(is_empty)
        }
    }
}

/// How many points there are, the closing ones of rings counted.
pub(super) fn count_points(geometry: &Geometry) -> usize {
    let mut n = 0;
    each_point(geometry, &mut |_| n += 1);
    n
}

/// Shows every point, as x, y and what follows in the geometry's dimensions.
pub(super) fn each_point<F: FnMut(&[f64])>(geometry: &Geometry, see: &mut F) {
    let stride = geometry.dims.stride();
    match &geometry.shape {
        Shape::Point(c) => {
            if !c.iter().all(|v| v.is_nan()) {
                see(c);
            }
        }
        Shape::Line(c) => c.chunks_exact(stride).for_each(&mut *see),
        Shape::Polygon(rings) => {
            for ring in rings {
                ring.chunks_exact(stride).for_each(&mut *see);
            }
        }
        Shape::MultiPoint(p) | Shape::MultiLine(p) | Shape::MultiPolygon(p) | Shape::Collection(p) => {
            for part in p {
                each_point(part, see);
            }
        }
    }
}

/// The geometry in x and y alone, each point passed through `map`.
pub(super) fn map_xy<F: Fn(f64, f64) -> (f64, f64)>(geometry: &Geometry, map: &F) -> Geometry {
    let stride = geometry.dims.stride();
    let points = |c: &Vec<f64>| -> Vec<f64> {
        let mut out = Vec::with_capacity(c.len());
        for point in c.chunks_exact(stride) {
            let (x, y) = map(point[0], point[1]);
            out.extend([x, y]);
        }
        out
    };
    let all = |p: &[Geometry]| p.iter().map(|g| map_xy(g, map)).collect::<Vec<_>>();
    let shape = match &geometry.shape {
        Shape::Point(c) => Shape::Point(points(c)),
        Shape::Line(c) => Shape::Line(points(c)),
        Shape::Polygon(rings) => Shape::Polygon(rings.iter().map(points).collect()),
        Shape::MultiPoint(p) => Shape::MultiPoint(all(p)),
        Shape::MultiLine(p) => Shape::MultiLine(all(p)),
        Shape::MultiPolygon(p) => Shape::MultiPolygon(all(p)),
        Shape::Collection(p) => Shape::Collection(all(p)),
    };
    Geometry { dims: XY, shape }
}

/// The least and greatest value of each ordinate, by its place in a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranges {
    /// x, y, then z and m as there are.
    pub at: [(f64, f64); 4],
}

impl Ranges {
    pub(super) fn width(&self) -> f64 {
        self.at[0].1 - self.at[0].0
    }

    pub(super) fn height(&self) -> f64 {
        self.at[1].1 - self.at[1].0
    }

    /// Whether the boxes share a point, edges counted.
    pub(super) fn meets(&self, other: &Self) -> bool {
        (0..2).all(|i| self.at[i].0 <= other.at[i].1 && other.at[i].0 <= self.at[i].1)
    }

    /// Whether `other` is inside, edges counted.
    pub(super) fn contains(&self, other: &Self) -> bool {
        (0..2).all(|i| self.at[i].0 <= other.at[i].0 && other.at[i].1 <= self.at[i].1)
    }
}

/// The bounding box; nothing for what has no point.
pub(super) fn ranges(geometry: &Geometry) -> Option<Ranges> {
    let mut at = [(f64::INFINITY, f64::NEG_INFINITY); 4];
    each_point(geometry, &mut |point| {
        for (range, v) in at.iter_mut().zip(point) {
            *range = (range.0.min(*v), range.1.max(*v));
        }
    });
    (at[0].0 <= at[0].1 && at[1].0 <= at[1].1).then_some(Ranges { at })
}

/// A rectangle as PostGIS winds it: from the lower left corner up.
pub(super) fn rectangle(x0: f64, y0: f64, x1: f64, y1: f64) -> Geometry {
    Geometry { dims: XY, shape: Shape::Polygon(vec![vec![x0, y0, x0, y1, x1, y1, x1, y0, x0, y0]]) }
}

/// Twice the signed area of a closed ring of x and y: positive if it runs anticlockwise.
pub(super) fn twice_area(ring: &[f64]) -> f64 {
    // From the first point, so that large coordinates do not eat the digits.
    let (x0, y0) = (ring.first().copied().unwrap_or(0.0), ring.get(1).copied().unwrap_or(0.0));
    let points: Vec<(f64, f64)> = ring.chunks_exact(2).map(|p| (p[0] - x0, p[1] - y0)).collect();
    points.windows(2).map(|w| w[0].0 * w[1].1 - w[1].0 * w[0].1).sum()
}

/// ISO WKB, little-endian.
pub(super) fn to_wkb(geometry: &Geometry) -> Vec<u8> {
    let mut out = Vec::with_capacity(93);
    write(geometry, &mut out);
    out
}

fn write(geometry: &Geometry, out: &mut Vec<u8>) {
    let dims = geometry.dims;
    let code = match &geometry.shape {
        Shape::Point(_) => 1,
        Shape::Line(_) => 2,
        Shape::Polygon(_) => 3,
        Shape::MultiPoint(_) => 4,
        Shape::MultiLine(_) => 5,
        Shape::MultiPolygon(_) => 6,
        Shape::Collection(_) => 7_u32,
    };
    out.push(1);
    out.extend((code + 1000 * u32::from(dims.z) + 2000 * u32::from(dims.m)).to_le_bytes());
    // What is written was read from WKB, or is bounded: its counts are 32-bit.
    let count = |out: &mut Vec<u8>, n: usize| out.extend((n as u32).to_le_bytes());
    let ordinates = |out: &mut Vec<u8>, c: &[f64]| c.iter().for_each(|v| out.extend(v.to_le_bytes()));
    match &geometry.shape {
        Shape::Point(c) => ordinates(out, c),
        Shape::Line(c) => {
            count(out, c.len() / dims.stride());
            ordinates(out, c);
        }
        Shape::Polygon(rings) => {
            count(out, rings.len());
            for ring in rings {
                count(out, ring.len() / dims.stride());
                ordinates(out, ring);
            }
        }
        Shape::MultiPoint(p) | Shape::MultiLine(p) | Shape::MultiPolygon(p) | Shape::Collection(p) => {
            count(out, p.len());
            p.iter().for_each(|part| write(part, out));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use super::*;
    use crate::format::wkb;
    use proptest::prelude::*;

    fn coords(stride: usize, points: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> + Clone {
        proptest::collection::vec(proptest::collection::vec(-9.0..9.0_f64, stride), points)
            .prop_map(|points| points.concat())
    }

    /// Geometries of all types and dimensions, empty ones and nested collections among them.
    pub(in crate::functions) fn any_geometry() -> impl Strategy<Value = Geometry> {
        (any::<bool>(), any::<bool>()).prop_flat_map(|(z, m)| {
            let dims = Dims { z, m };
            let of = move |shape| Geometry { dims, shape };
            let n = dims.stride();
            let point = prop_oneof![
                9 => coords(n, 1..2).prop_map(move |c| of(Shape::Point(c))),
                1 => Just(Basic::Point.empty(dims)),
            ];
            let line = coords(n, 0..5).prop_map(move |c| of(Shape::Line(c)));
            let polygon =
                proptest::collection::vec(coords(n, 3..6), 0..3).prop_map(move |r| of(Shape::Polygon(r)));
            let leaf = prop_oneof![
                point.clone(),
                line.clone(),
                polygon.clone(),
                proptest::collection::vec(point, 0..3).prop_map(move |p| of(Shape::MultiPoint(p))),
                proptest::collection::vec(line, 0..3).prop_map(move |p| of(Shape::MultiLine(p))),
                proptest::collection::vec(polygon, 0..3).prop_map(move |p| of(Shape::MultiPolygon(p))),
            ];
            leaf.prop_recursive(3, 12, 3, move |inner| {
                proptest::collection::vec(inner, 0..3).prop_map(move |p| of(Shape::Collection(p)))
            })
        })
    }

    /// Equal, NaN (of an empty point) to NaN.
    fn same(a: &Geometry, b: &Geometry) -> bool {
        to_wkb(a) == to_wkb(b)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(geometry in any_geometry()) {
            let back = wkb::read(&to_wkb(&geometry)).unwrap();
            prop_assert!(same(&back, &geometry));
        }

        #[test]
        fn only_what_has_a_point_has_a_box(geometry in any_geometry()) {
            prop_assert_eq!(ranges(&geometry).is_none(), is_empty(&geometry));
            prop_assert_eq!(count_points(&geometry) == 0, is_empty(&geometry));
        }
    }

    #[test]
    fn the_area_has_the_sign_of_the_winding() {
        assert_eq!(twice_area(&[0., 0., 2., 0., 2., 2., 0., 2., 0., 0.]), 8.0);
        assert_eq!(twice_area(&[0., 0., 0., 2., 2., 2., 2., 0., 0., 0.]), -8.0);
        assert_eq!(twice_area(&[]), 0.0);
    }
}
