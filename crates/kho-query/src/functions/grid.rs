//! Cells of a regular grid over a bounding box, bounded in number.

use super::kernel::{MOST_PIECES, Row, Value};
use super::shape::{Geometry, Ranges, ranges, to_wkb};
use datafusion::common::exec_err;
use datafusion::error::Result;

/// Columns and, for one column, rows: first and last.
pub(super) trait Tiling {
    /// The columns that meet `bounds`.
    fn columns(size: f64, bounds: &Ranges) -> (f64, f64);
    /// The rows of the column `i` that do.
    fn rows(size: f64, i: i32, bounds: &Ranges) -> (f64, f64);
    /// The cell in column `i` and row `j`.
    fn cell(size: f64, i: i32, j: i32) -> Geometry;
}

/// The cells of size `row[0]` over the bounding box of `row[1]`, column by column.
pub(super) fn cells<T: Tiling>(row: &Row<'_>, function: &str) -> Result<Option<Value>> {
    let size = row.finite(0, function, "the size")?;
    let Some(bounds) = ranges(&row.geometry(1)?).filter(|_| size > 0.0) else {
        // PostGIS has no rows for these.
        return Ok(Some(Value::Cells(Vec::new())));
    };
    let (first, last) = T::columns(size, &bounds);
    // One more row than any column has.
    let many = (last - first + 1.0) * (bounds.height() / size + 2.0);
    if many.is_nan() || many > MOST_PIECES as f64 {
        return exec_err!(
            "{function}: a grid of size {size} over these bounds has more than {MOST_PIECES} cells"
        );
    }
    let (first, last) = (whole(first, function)?, whole(last, function)?);
    let mut out = Vec::with_capacity(many as usize);
    for i in first..=last {
        let (low, high) = T::rows(size, i, &bounds);
        for j in whole(low, function)?..=whole(high, function)? {
            out.push((to_wkb(&T::cell(size, i, j)), i, j));
        }
    }
    Ok(Some(Value::Cells(out)))
}

/// Cells are numbered with 32-bit integers, as PostGIS's.
fn whole(v: f64, function: &str) -> Result<i32> {
    // Within 2³¹ the difference of one matters to neither end.
    if v.abs() < f64::from(i32::MAX) {
        Ok(v as i32)
    } else {
        exec_err!("{function}: the grid is too far from its origin for its size")
    }
}
