//! `ST_HexagonGrid(size, bounds)` → list of struct (geom, i, j), to be unnested.
//!
//! The regular hexagons with edges of `size`, flat sides up and down, whose columns and rows meet the
//! bounding box of `bounds`. The one of column 0 and row 0 has its centre in the origin of the CRS;
//! odd columns stand half a hexagon higher. Units and CRS are those of `bounds`. PostGIS returns a
//! set of records, and takes the bounds in single precision, rounded outwards.

use super::grid::{Tiling, cells};
use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Geometry, Ranges, Shape, XY};
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

/// cos 30°: from the centre of a hexagon with edge 1 to the middle of an edge. PostGIS's digits.
const H: f64 = 0.866_025_403_784_438_7;

/// The corners, in edges and in heights of a hexagon.
const CORNERS: [(f64, f64); 7] =
    [(-1.0, 0.0), (-0.5, -0.5), (0.5, -0.5), (1.0, 0.0), (0.5, 0.5), (-0.5, 0.5), (-1.0, 0.0)];

pub(super) fn udf() -> SedonaScalarUDF {
    make_udf("st_hexagongrid", vec![RowKernel::new(&[Kind::Number, Kind::Geometry], Gives::Cells, hexagons)])
}

fn hexagons(row: &Row<'_>) -> Result<Option<Value>> {
    cells::<Hexagon>(row, "ST_HexagonGrid")
}

struct Hexagon;

fn odd(i: i32) -> bool {
    i % 2 != 0
}

impl Tiling for Hexagon {
    fn columns(size: f64, bounds: &Ranges) -> (f64, f64) {
        let width = 1.5 * size;
        let (x0, x1) = bounds.at[0];
        let (mut first, mut last) = ((x0 / width).floor(), (x1 / width).ceil());
        // Columns overlap by half an edge; these two do not reach the box.
        if x0 - first * width > size {
            first += 1.0;
        }
        if last * width - x1 > size {
            last -= 1.0;
        }
        (first, last)
    }

    fn rows(size: f64, i: i32, bounds: &Ranges) -> (f64, f64) {
        let height = size * 2.0 * H;
        let up = if odd(i) { 0.0 } else { 0.5 };
        let (y0, y1) = bounds.at[1];
        ((y0 / height + up).floor(), (y1 / height + up).floor())
    }

    fn cell(size: f64, i: i32, j: i32) -> Geometry {
        let height = size * 2.0 * H;
        let up = if odd(i) { 0.5 } else { 0.0 };
        let ring = CORNERS
            .iter()
            .flat_map(|(x, y)| [size * (1.5 * f64::from(i) + x), height * (f64::from(j) + up + y)]);
        Geometry { dims: XY, shape: Shape::Polygon(vec![ring.collect()]) }
    }
}
