//! `ST_Subdivide(geometry[, max_vertices[, grid_size]])` → list of struct (geom), to be unnested.
//!
//! Cuts a geometry into parts of at most `max_vertices` points (256; 5 at least) along straight lines
//! of x or y, for joins that would otherwise test long outlines against everything. A polygon is cut
//! at the point of its ring nearest to the middle of the longer side of its box, other geometries in
//! the middle. Parts of a lower dimension than the whole, which cutting can leave, are dropped; an
//! empty geometry has no parts. With a `grid_size` above 0 the cuts are computed on that grid.
//! PostGIS returns a set; the parts can differ from it in where equal choices fall.

use super::kernel::{Gives, Kind, MOST_PIECES, Row, RowKernel, Value, udf as make_udf};
use super::shape::{
    Basic, Geometry, Shape, basic, count_points, parts, ranges, rectangle, to_wkb, twice_area,
};
use super::topology::{failed, from_geos, intersection, to_geos};
use datafusion::common::exec_err;
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

const NAME: &str = "ST_Subdivide";

/// Halving 2⁵⁰ times is beyond the digits of any coordinate.
const DEPTH: usize = 50;

/// A side without an extent gets this much on both sides, as in PostGIS.
const TOLERANCE: f64 = 1e-12;

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Geometry, Integer, Number};
    make_udf(
        "st_subdivide",
        vec![RowKernel::new(&[Geometry, Integer, Number], Gives::Pieces, subdivide).requires(1)],
    )
}

fn subdivide(row: &Row<'_>) -> Result<Option<Value>> {
    let most = if row.len() > 1 { row.integer(1)? } else { 256 };
    let Some(most) = usize::try_from(most).ok().filter(|n| *n >= 5) else {
        return exec_err!("{NAME}: a part needs 5 points or more, not {most}");
    };
    let grid = if row.len() > 2 { row.finite(2, NAME, "the grid size")? } else { -1.0 };
    let geometry = row.geometry(0)?;
    // Fewer parts than this cannot hold the points.
    if count_points(&geometry) / most > MOST_PIECES {
        return too_many();
    }
    let mut cutter =
        Cutter { most, grid: (grid > 0.0).then_some(grid), wanted: highest_full(&geometry), out: Vec::new() };
    cutter.cut(&geometry, 0)?;
    Ok(Some(Value::Pieces(cutter.out)))
}

fn too_many<T>() -> Result<T> {
    exec_err!("{NAME}: there would be more than {MOST_PIECES} parts; allow more points to each")
}

/// The highest type that there are points of.
fn highest_full(geometry: &Geometry) -> Option<Basic> {
    match parts(geometry) {
        None => basic(geometry).filter(|_| count_points(geometry) > 0),
        Some(parts) => parts.iter().filter_map(highest_full).max(),
    }
}

struct Cutter {
    most: usize,
    grid: Option<f64>,
    wanted: Option<Basic>,
    out: Vec<Vec<u8>>,
}

impl Cutter {
    fn keep(&mut self, geometry: &Geometry) -> Result<()> {
        if self.out.len() >= MOST_PIECES {
            return too_many();
        }
        self.out.push(to_wkb(geometry));
        Ok(())
    }

    fn cut(&mut self, geometry: &Geometry, depth: usize) -> Result<()> {
        let Some(bounds) = ranges(geometry) else {
            return Ok(());
        };
        let multi_point = matches!(geometry.shape, Shape::MultiPoint(_));
        if let (Some(parts), false) = (parts(geometry), multi_point) {
            return parts.iter().try_for_each(|part| self.cut(part, depth));
        }
        let is = if multi_point { Some(Basic::Point) } else { basic(geometry) };
        if is < self.wanted {
            return Ok(());
        }
        if depth > DEPTH || count_points(geometry) <= self.most {
            return self.keep(geometry);
        }
        let ([(x0, x1), (y0, y1), ..], across) = (bounds.at, bounds.width() > bounds.height());
        if !(bounds.width().is_finite() && bounds.height().is_finite()) {
            return exec_err!("{NAME}: the geometry has coordinates that are not finite");
        }
        let ((x0, x1), (y0, y1)) = (widened(x0, x1), widened(y0, y1));
        let at = if across { pivot(geometry, 0, (x0, x1)) } else { pivot(geometry, 1, (y0, y1)) };
        let halves = if across {
            [rectangle(x0, y0, at, y1), rectangle(at, y0, x1, y1)]
        } else {
            [rectangle(x0, y0, x1, at), rectangle(x0, at, x1, y1)]
        };
        let whole = to_geos(geometry, NAME)?;
        for half in halves {
            let part = intersection(&whole, &half, self.grid, NAME)?;
            // Points along straight edges go: they would count for nothing.
            let part = part.simplify(0.0).map_err(|e| failed(NAME, &e))?;
            self.cut(&from_geos(&part, NAME)?, depth + 1)?;
        }
        Ok(())
    }
}

fn widened(low: f64, high: f64) -> (f64, f64) {
    if low == high { (low - TOLERANCE, high + TOLERANCE) } else { (low, high) }
}

/// Where to cut across `axis`.
fn pivot(geometry: &Geometry, axis: usize, (low, high): (f64, f64)) -> f64 {
    let middle = (low + high) / 2.0;
    let Shape::Polygon(rings) = &geometry.shape else {
        return middle;
    };
    let stride = geometry.dims.stride();
    let flat = |ring: &[f64]| ring.chunks_exact(stride).flat_map(|p| [p[0], p[1]]).collect::<Vec<_>>();
    // With most points in the holes, the largest hole is cut, so that it becomes an edge.
    let shell = rings.first().map_or(0, |r| r.len() / stride);
    let ring = if count_points(geometry) >= 2 * shell {
        let area = |ring: &Vec<f64>| twice_area(&flat(ring)).abs();
        rings.iter().skip(1).max_by(|a, b| area(a).total_cmp(&area(b))).or(rings.first())
    } else {
        rings.first()
    };
    let near = ring.into_iter().flat_map(|r| r.chunks_exact(stride)).map(|p| p[axis]);
    let best = near.min_by(|a, b| (a - middle).abs().total_cmp(&(b - middle).abs())).unwrap_or(middle);
    let at_the_end = (best - low).abs() <= TOLERANCE || (best - high).abs() <= TOLERANCE;
    if at_the_end { middle } else { best }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::kernel::read;
    use super::super::shape::XY;
    use super::*;
    use geos::Geom;

    /// A star of `n` points around the origin.
    fn star(n: usize) -> Geometry {
        let mut ring = Vec::new();
        for i in 0..n {
            let (angle, r) =
                (i as f64 / n as f64 * std::f64::consts::TAU, if i % 2 == 0 { 10.0 } else { 5.0 });
            ring.extend([r * angle.cos(), r * angle.sin()]);
        }
        ring.extend_from_within(..2);
        Geometry { dims: XY, shape: Shape::Polygon(vec![ring]) }
    }

    fn cut(geometry: &Geometry, most: usize) -> Vec<Geometry> {
        let mut cutter = Cutter { most, grid: None, wanted: highest_full(geometry), out: Vec::new() };
        cutter.cut(geometry, 0).unwrap();
        cutter.out.iter().map(|wkb| read(wkb).unwrap()).collect()
    }

    #[test]
    fn parts_are_small_and_make_up_the_whole() {
        let area = |g: &Geometry| to_geos(g, NAME).unwrap().area().unwrap();
        for (n, most) in [(40, 5), (500, 8), (500, 100), (4, 256)] {
            let whole = star(n);
            let parts = cut(&whole, most);
            assert!(parts.iter().all(|p| count_points(p) <= most && basic(p) == Some(Basic::Polygon)));
            let sum: f64 = parts.iter().map(area).sum();
            assert!((sum - area(&whole)).abs() < 1e-9 * sum, "{n} points by {most}: {sum}");
        }
    }

    #[test]
    fn lines_and_points_are_cut_too() {
        let zigzag: Vec<f64> = (0..100).flat_map(|i| [f64::from(i), f64::from(i % 2)]).collect();
        let line = Geometry { dims: XY, shape: Shape::Line(zigzag) };
        let parts = cut(&line, 10);
        assert!(parts.iter().all(|p| count_points(p) <= 10));
        let length: f64 = parts.iter().map(|p| to_geos(p, NAME).unwrap().length().unwrap()).sum();
        assert!((length - 99.0 * 2.0_f64.sqrt()).abs() < 1e-9);
        assert!(cut(&Basic::Point.empty(XY), 5).is_empty());
    }
}
