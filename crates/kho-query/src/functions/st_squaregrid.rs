//! `ST_SquareGrid(size, bounds)` → list of struct (geom, i, j), to be unnested.
//!
//! The squares with sides of `size` that meet the bounding box of `bounds`, counted from the origin
//! of the CRS: column `i` begins at x = i·size, row `j` at y = j·size. Units and CRS are those of
//! `bounds`. PostGIS returns a set of records, and takes the bounds in single precision, rounded
//! outwards, which can add a row or column.

use super::grid::{Tiling, cells};
use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Geometry, Ranges, rectangle};
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

pub(super) fn udf() -> SedonaScalarUDF {
    make_udf("st_squaregrid", vec![RowKernel::new(&[Kind::Number, Kind::Geometry], Gives::Cells, squares)])
}

fn squares(row: &Row<'_>) -> Result<Option<Value>> {
    cells::<Square>(row, "ST_SquareGrid")
}

struct Square;

impl Tiling for Square {
    fn columns(size: f64, bounds: &Ranges) -> (f64, f64) {
        ((bounds.at[0].0 / size).floor(), (bounds.at[0].1 / size).floor())
    }

    fn rows(size: f64, _: i32, bounds: &Ranges) -> (f64, f64) {
        ((bounds.at[1].0 / size).floor(), (bounds.at[1].1 / size).floor())
    }

    fn cell(size: f64, i: i32, j: i32) -> Geometry {
        let (i, j) = (f64::from(i), f64::from(j));
        rectangle(size * i, size * j, size * (i + 1.0), size * (j + 1.0))
    }
}
