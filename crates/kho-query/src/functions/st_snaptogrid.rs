//! `ST_SnapToGrid(geometry, size)`, `(geometry, sizeX, sizeY)`,
//! `(geometry, originX, originY, sizeX, sizeY)` and `(geometry, origin, sizeX, sizeY, sizeZ, sizeM)`
//! → geometry.
//!
//! Moves every point to the nearest crossing of a grid (halves to even), then drops points equal to
//! the one before, lines of fewer than two and rings of fewer than four points, and empty parts. A
//! size of zero or less leaves its ordinate alone. What collapses is an empty geometry of its type.
//! The result can be invalid: see ST_ReducePrecision. Sizes are in the units of the CRS.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Basic, Dims, Geometry, Shape, is_empty};
use datafusion::common::exec_err;
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

const NAME: &str = "ST_SnapToGrid";

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Geometry, Number};
    make_udf(
        "st_snaptogrid",
        vec![
            RowKernel::new(&[Geometry, Number], Gives::Geometry, square),
            RowKernel::new(&[Geometry, Number, Number], Gives::Geometry, oblong),
            RowKernel::new(&[Geometry, Number, Number, Number, Number], Gives::Geometry, from_origin),
            RowKernel::new(
                &[Geometry, Geometry, Number, Number, Number, Number],
                Gives::Geometry,
                from_point,
            ),
        ],
    )
}

/// Origin and size in x, y, z, m.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grid {
    pub origin: [f64; 4],
    pub size: [f64; 4],
}

fn square(row: &Row<'_>) -> Result<Option<Value>> {
    let size = size(row, 1)?;
    run(row, &Grid { size: [size, size, 0.0, 0.0], ..Grid::default() })
}

fn oblong(row: &Row<'_>) -> Result<Option<Value>> {
    run(row, &Grid { size: [size(row, 1)?, size(row, 2)?, 0.0, 0.0], ..Grid::default() })
}

fn from_origin(row: &Row<'_>) -> Result<Option<Value>> {
    let origin = [row.finite(1, NAME, "the origin")?, row.finite(2, NAME, "the origin")?, 0.0, 0.0];
    run(row, &Grid { origin, size: [size(row, 3)?, size(row, 4)?, 0.0, 0.0] })
}

fn from_point(row: &Row<'_>) -> Result<Option<Value>> {
    let point = row.geometry(1)?;
    let Shape::Point(c) = &point.shape else {
        return exec_err!("{NAME}: the origin must be a point");
    };
    if !c.iter().all(|v| v.is_finite()) {
        return exec_err!("{NAME}: the origin must be a point with finite coordinates");
    }
    let (z, m) = place(point.dims);
    let at = |i: Option<usize>| i.and_then(|i| c.get(i)).copied().unwrap_or(0.0);
    let origin = [at(Some(0)), at(Some(1)), at(z), at(m)];
    run(row, &Grid { origin, size: [size(row, 2)?, size(row, 3)?, size(row, 4)?, size(row, 5)?] })
}

fn size(row: &Row<'_>, i: usize) -> Result<f64> {
    row.finite(i, NAME, "the size")
}

fn run(row: &Row<'_>, grid: &Grid) -> Result<Option<Value>> {
    let geometry = row.geometry(0)?;
    if is_empty(&geometry) || grid.size == [0.0; 4] {
        return Ok(Some(Value::Wkb(row.wkb(0)?.to_vec())));
    }
    Value::geometry(&snap(&geometry, grid))
}

/// Where Z and M are in a point.
fn place(dims: Dims) -> (Option<usize>, Option<usize>) {
    (dims.z.then_some(2), dims.m.then_some(2 + usize::from(dims.z)))
}

/// The geometry on the grid.
pub(super) fn snap(geometry: &Geometry, grid: &Grid) -> Geometry {
    let dims = geometry.dims;
    let all = |p: &[Geometry]| p.iter().map(|g| snap(g, grid)).filter(|g| !is_empty(g)).collect::<Vec<_>>();
    let shape = match &geometry.shape {
        Shape::Point(c) => Shape::Point(points(c, dims, grid)),
        Shape::Line(c) => {
            let c = points(c, dims, grid);
            if c.len() < 2 * dims.stride() {
                return Basic::Line.empty(dims);
            }
            Shape::Line(c)
        }
        Shape::Polygon(rings) => {
            let mut kept = Vec::with_capacity(rings.len());
            for (i, ring) in rings.iter().enumerate() {
                let ring = points(ring, dims, grid);
                if ring.len() >= 4 * dims.stride() {
                    kept.push(ring);
                } else if i == 0 {
                    return Basic::Polygon.empty(dims);
                }
            }
            Shape::Polygon(kept)
        }
        Shape::MultiPoint(p) => Shape::MultiPoint(all(p)),
        Shape::MultiLine(p) => Shape::MultiLine(all(p)),
        Shape::MultiPolygon(p) => Shape::MultiPolygon(all(p)),
        Shape::Collection(p) => Shape::Collection(all(p)),
    };
    Geometry { dims, shape }
}

fn points(c: &[f64], dims: Dims, grid: &Grid) -> Vec<f64> {
    let stride = dims.stride();
    let (z, m) = place(dims);
    let mut out: Vec<f64> = Vec::with_capacity(c.len());
    for point in c.chunks_exact(stride) {
        let mut moved = [0.0; 4];
        for (i, v) in point.iter().enumerate() {
            let axis = if Some(i) == z {
                2
            } else if Some(i) == m {
                3
            } else {
                i
            };
            let (origin, size) = (grid.origin[axis], grid.size[axis]);
            moved[i] = if size > 0.0 { ((v - origin) / size).round_ties_even() * size + origin } else { *v };
        }
        let moved = &moved[..stride];
        if out.is_empty() || &out[out.len() - stride..] != moved {
            out.extend_from_slice(moved);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::shape::XY;
    use super::*;

    fn line(c: &[f64]) -> Geometry {
        Geometry { dims: XY, shape: Shape::Line(c.to_vec()) }
    }

    #[test]
    fn repeated_points_go_and_halves_go_to_even() {
        let grid = Grid { size: [1.0, 1.0, 0.0, 0.0], ..Grid::default() };
        assert_eq!(snap(&line(&[0.1, 0.1, -0.2, 0.2, 2.5, 3.5]), &grid), line(&[0.0, 0.0, 2.0, 4.0]));
        assert_eq!(snap(&line(&[0.1, 0.1, -0.2, 0.2]), &grid), line(&[]));
        // No negative zero, which would show.
        let Shape::Line(c) = snap(&line(&[-0.1, 0.0, 5.0, 5.0]), &grid).shape else { unreachable!() };
        assert!(c[0].is_sign_positive());
    }

    #[test]
    fn a_polygon_without_its_shell_is_empty_and_one_without_a_hole_is_not() {
        let grid = Grid { size: [1.0, 1.0, 0.0, 0.0], ..Grid::default() };
        let shell = vec![0.0, 0.0, 9.0, 0.0, 9.0, 9.0, 0.0, 0.0];
        let tiny = vec![5.0, 4.0, 5.1, 4.0, 5.1, 4.1, 5.0, 4.0];
        let polygon = |rings| Geometry { dims: XY, shape: Shape::Polygon(rings) };
        assert_eq!(snap(&polygon(vec![shell.clone(), tiny.clone()]), &grid), polygon(vec![shell.clone()]));
        assert!(is_empty(&snap(&polygon(vec![tiny, shell]), &grid)));
    }

    #[test]
    fn m_is_on_its_own_grid() {
        let grid = Grid { size: [1.0, 1.0, 100.0, 10.0], ..Grid::default() };
        let dims = Dims { z: false, m: true };
        let point = Geometry { dims, shape: Shape::Point(vec![1.2, 1.2, 14.0]) };
        assert_eq!(snap(&point, &grid).shape, Shape::Point(vec![1.0, 1.0, 10.0]));
    }
}
