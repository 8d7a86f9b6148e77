//! `ST_Hilbert(geometry, bounds)`, `ST_Hilbert(x, y, bounds)` → unsigned 32-bit integer, as DuckDB's;
//! PostGIS has none.
//!
//! The place of a point along the Hilbert curve of order 16 over the bounding box of `bounds`: 65 536
//! cells an axis, from 0 in the lower left corner to 4 294 967 295 in the lower right. Of a geometry,
//! the centre of its bounding box counts (DuckDB takes a box rounded to single precision and can be
//! a cell off). Points outside of the bounds count as on their edge. NULL for an empty geometry.
//! Sorting by it puts near what is near on the map.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Ranges, ranges};
use datafusion::common::exec_err;
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

const NAME: &str = "ST_Hilbert";

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Geometry, Number};
    make_udf(
        "st_hilbert",
        vec![
            RowKernel::new(&[Geometry, Geometry], Gives::Unsigned, of_geometry),
            RowKernel::new(&[Number, Number, Geometry], Gives::Unsigned, of_point),
        ],
    )
}

fn of_geometry(row: &Row<'_>) -> Result<Option<Value>> {
    let bounds = bounds(row, 1)?;
    let Some(own) = ranges(&row.geometry(0)?) else {
        return Ok(None);
    };
    let centre = |i: usize| own.at[i].0 + (own.at[i].1 - own.at[i].0) / 2.0;
    Ok(Some(Value::Unsigned(place(centre(0), centre(1), &bounds))))
}

fn of_point(row: &Row<'_>) -> Result<Option<Value>> {
    let bounds = bounds(row, 2)?;
    Ok(Some(Value::Unsigned(place(row.finite(0, NAME, "x")?, row.finite(1, NAME, "y")?, &bounds))))
}

fn bounds(row: &Row<'_>, i: usize) -> Result<Ranges> {
    match ranges(&row.geometry(i)?) {
        Some(bounds) if bounds.width().is_finite() && bounds.height().is_finite() => Ok(bounds),
        _ => exec_err!("{NAME}: the bounds must have a finite width and height"),
    }
}

fn place(x: f64, y: f64, bounds: &Ranges) -> u32 {
    const LAST: f64 = 65_535.0;
    // `as` takes NaN, of bounds without a width, for 0 and stops at the ends.
    let cell =
        |v: f64, (least, greatest): (f64, f64)| u32::from(((v - least) * (LAST / (greatest - least))) as u16);
    // The upper half of the order-32 curve's bits is 0, and 16 levels bring it round to where it began.
    kho_lake::hilbert(cell(x, bounds.at[0]), cell(y, bounds.at[1])) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> u32 {
        place(x, y, &Ranges { at: [(0.0, 10.0), (0.0, 20.0), (0.0, 0.0), (0.0, 0.0)] })
    }

    /// The values of the algorithm that DuckDB and flatbush use (rawrunprotected/hilbert_curves).
    #[test]
    fn the_corners_are_where_duckdb_has_them() {
        assert_eq!(at(0.0, 0.0), 0);
        assert_eq!(at(0.0, 20.0), 1_431_655_765);
        assert_eq!(at(10.0, 20.0), 2_863_311_530);
        assert_eq!(at(10.0, 0.0), 4_294_967_295);
    }

    #[test]
    fn outside_is_the_edge_and_no_width_is_the_first_column() {
        assert_eq!(at(-5.0, -5.0), at(0.0, 0.0));
        assert_eq!(at(1e300, 1e300), at(10.0, 20.0));
        let flat = Ranges { at: [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0)] };
        assert_eq!(place(1.0, 0.0, &flat), 0);
    }
}
