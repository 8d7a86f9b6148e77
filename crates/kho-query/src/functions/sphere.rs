//! Distances on the sphere: points as unit vectors, edges as arcs of great circles.
//!
//! The formulas are those of spherical vector geometry (for instance J. Snyder, *Map Projections: A
//! Working Manual*, 1987, §5, for the angle between points): atan2 of the cross and the dot product
//! keeps its digits for near and for opposite points.

use super::shape::{Geometry, Shape, parts};

/// A unit vector.
type Vector = [f64; 3];

/// A geometry on the sphere.
#[derive(Debug, Default)]
pub(super) struct OnSphere {
    points: Vec<Vector>,
    arcs: Vec<(Vector, Vector)>,
    /// One vertex of each connected part, to ask whether it lies in a polygon.
    samples: Vec<Vector>,
    polygons: Vec<Vec<Vec<Vector>>>,
}

impl OnSphere {
    /// The geometry, in degrees of longitude and latitude; or the point that is none.
    pub(super) fn new(geometry: &Geometry) -> Result<Self, (f64, f64)> {
        let mut out = Self::default();
        out.add(geometry)?;
        Ok(out)
    }

    fn add(&mut self, geometry: &Geometry) -> Result<(), (f64, f64)> {
        let stride = geometry.dims.stride();
        match &geometry.shape {
            Shape::Point(c) if c.iter().all(|v| v.is_nan()) => {}
            Shape::Point(c) => {
                let v = vectors(c, stride)?;
                self.samples.extend_from_slice(&v);
                self.points.extend(v);
            }
            Shape::Line(c) => {
                let v = vectors(c, stride)?;
                self.connect(&v);
            }
            Shape::Polygon(rings) => {
                let rings = rings.iter().map(|r| vectors(r, stride)).collect::<Result<Vec<_>, _>>()?;
                rings.iter().for_each(|r| self.connect(r));
                self.polygons.push(rings);
            }
            _ => {
                for part in parts(geometry).unwrap_or_default() {
                    self.add(part)?;
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, v: &[Vector]) {
        self.samples.extend(v.first());
        self.arcs.extend(v.windows(2).map(|w| (w[0], w[1])));
        if v.len() == 1 {
            self.points.extend(v);
        }
    }

    /// Whether there is no point in it.
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How many points and arcs a distance has to look at.
    pub(super) fn size(&self) -> usize {
        self.points.len() + self.arcs.len()
    }

    /// The least angle between the two, in radians; 0 if they meet. Neither is empty.
    pub(super) fn angle(&self, other: &Self) -> f64 {
        if self.holds_some_of(other) || other.holds_some_of(self) {
            return 0.0;
        }
        let mut least = f64::INFINITY;
        for p in &self.points {
            for q in &other.points {
                least = least.min(between(*p, *q));
            }
            for arc in &other.arcs {
                least = least.min(to_arc(*p, *arc));
            }
        }
        for arc in &self.arcs {
            for q in &other.points {
                least = least.min(to_arc(*q, *arc));
            }
            for with in &other.arcs {
                least = least.min(arcs(*arc, *with));
                if least == 0.0 {
                    return 0.0;
                }
            }
        }
        least
    }

    /// Whether a polygon of this holds the sample of a part of `other`. Parts that cross its edge
    /// are found by the arcs.
    fn holds_some_of(&self, other: &Self) -> bool {
        self.polygons.iter().any(|polygon| other.samples.iter().any(|p| inside(*p, polygon)))
    }
}

fn vectors(c: &[f64], stride: usize) -> Result<Vec<Vector>, (f64, f64)> {
    let one = |p: &[f64]| {
        let (lon, lat) = (p[0], p[1]);
        if !lon.is_finite() || !lat.is_finite() || lat.abs() > 90.0 {
            return Err((lon, lat));
        }
        let ((sin_lon, cos_lon), (sin_lat, cos_lat)) =
            (lon.to_radians().sin_cos(), lat.to_radians().sin_cos());
        Ok([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])
    };
    c.chunks_exact(stride).map(one).collect()
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The angle between two points.
pub(super) fn between(a: Vector, b: Vector) -> f64 {
    length(cross(a, b)).atan2(dot(a, b))
}

/// The angle from a point to the nearest point of an arc.
fn to_arc(p: Vector, (a, b): (Vector, Vector)) -> f64 {
    let normal = cross(a, b);
    let ends = between(p, a).min(between(p, b));
    let n = length(normal);
    // The ends are one point, or opposite, and no great circle is theirs alone.
    if n < 1e-15 {
        return ends;
    }
    // Whether the foot of the perpendicular lies between the ends.
    if dot(cross(normal, a), p) >= 0.0 && dot(cross(b, normal), p) >= 0.0 {
        let sine = (dot(normal, p) / n).abs();
        return sine.atan2((1.0 - sine * sine).max(0.0).sqrt()).min(ends);
    }
    ends
}

/// The angle between two arcs; 0 if they cross.
fn arcs(s: (Vector, Vector), t: (Vector, Vector)) -> f64 {
    if cross_each_other(s, t) {
        return 0.0;
    }
    to_arc(s.0, t).min(to_arc(s.1, t)).min(to_arc(t.0, s)).min(to_arc(t.1, s))
}

fn cross_each_other((a, b): (Vector, Vector), (c, d): (Vector, Vector)) -> bool {
    let (n, m) = (cross(a, b), cross(c, d));
    let meet = cross(n, m);
    if length(meet) == 0.0 {
        return false;
    }
    let on = |p: Vector| {
        let within = |normal: Vector, from: Vector, to: Vector| {
            dot(cross(normal, from), p) >= 0.0 && dot(cross(to, normal), p) >= 0.0
        };
        within(n, a, b) && within(m, c, d)
    };
    on(meet) || on(meet.map(|v| -v))
}

/// Whether a polygon smaller than a hemisphere holds the point: in its shell and in no hole.
fn inside(p: Vector, rings: &[Vec<Vector>]) -> bool {
    match rings.split_first() {
        Some((shell, holes)) => winds(p, shell) && !holes.iter().any(|hole| winds(p, hole)),
        None => false,
    }
}

/// Whether a ring runs around the point: the angles that its edges fill, seen from the point, sum up
/// to a whole turn.
fn winds(p: Vector, ring: &[Vector]) -> bool {
    // A ring around p runs around the opposite point too; the near side is that of its middle.
    let middle = ring.iter().fold([0.0; 3], |m: Vector, v| [m[0] + v[0], m[1] + v[1], m[2] + v[2]]);
    if dot(p, middle) <= 0.0 {
        return false;
    }
    let turn: f64 = ring
        .windows(2)
        .map(|w| {
            let (u, v) = (cross(p, w[0]), cross(p, w[1]));
            dot(cross(u, v), p).atan2(dot(u, v))
        })
        .sum();
    turn.abs() > std::f64::consts::PI
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::shape::XY;
    use super::*;

    fn line(c: &[f64]) -> OnSphere {
        OnSphere::new(&Geometry { dims: XY, shape: Shape::Line(c.to_vec()) }).unwrap()
    }

    fn point(x: f64, y: f64) -> OnSphere {
        OnSphere::new(&Geometry { dims: XY, shape: Shape::Point(vec![x, y]) }).unwrap()
    }

    fn degrees(a: &OnSphere, b: &OnSphere) -> f64 {
        let there = a.angle(b).to_degrees();
        assert!((there - b.angle(a).to_degrees()).abs() < 1e-12);
        there
    }

    #[test]
    fn known_angles() {
        assert!((degrees(&point(0., 0.), &point(90., 0.)) - 90.0).abs() < 1e-12);
        assert!((degrees(&point(0., 0.), &point(180., 0.)) - 180.0).abs() < 1e-12);
        assert!((degrees(&point(10., 89.), &point(-170., 89.)) - 2.0).abs() < 1e-12, "over the pole");
        assert!((degrees(&point(179.5, 0.), &point(-179.5, 0.)) - 1.0).abs() < 1e-12, "over the date line");
        assert!((degrees(&line(&[0., 0., 2., 0.]), &point(1., 1.)) - 1.0).abs() < 1e-12);
        assert!((degrees(&line(&[0., 0., 2., 0.]), &point(5., 0.)) - 3.0).abs() < 1e-12, "beyond the end");
    }

    #[test]
    fn what_meets_is_not_apart() {
        assert_eq!(degrees(&line(&[0., -1., 0., 1.]), &line(&[-1., 0., 1., 0.])), 0.0);
        let ring = vec![0., 0., 4., 0., 4., 4., 0., 4., 0., 0.];
        let hole = vec![1., 1., 3., 1., 3., 3., 1., 3., 1., 1.];
        let polygon = |rings| OnSphere::new(&Geometry { dims: XY, shape: Shape::Polygon(rings) }).unwrap();
        assert_eq!(degrees(&polygon(vec![ring.clone()]), &point(2., 2.)), 0.0);
        assert!(degrees(&polygon(vec![ring.clone(), hole]), &point(2., 2.)) > 0.9, "in the hole");
        assert!(degrees(&polygon(vec![ring]), &point(-178., -2.)) > 170.0, "at the other end of the world");
    }

    #[test]
    fn latitudes_past_the_pole_are_none() {
        let wrong = Geometry { dims: XY, shape: Shape::Point(vec![12.2, 109.1]) };
        assert_eq!(OnSphere::new(&wrong).unwrap_err(), (12.2, 109.1));
    }
}
