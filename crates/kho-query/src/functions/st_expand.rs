//! `ST_Expand(geometry, units)`, `ST_Expand(geometry, dx, dy[, dz[, dm]])` → geometry.
//!
//! The bounding box, moved out by `units` in every dimension that the geometry has, or by as much in
//! each; negative moves it in (past zero it turns over, as PostGIS has it). Units are those of the
//! CRS. An empty geometry comes back as it is.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Geometry, Shape, ranges};
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

const NAME: &str = "ST_Expand";

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Geometry, Number};
    make_udf(
        "st_expand",
        vec![
            RowKernel::new(&[Geometry, Number], Gives::Geometry, evenly),
            RowKernel::new(&[Geometry, Number, Number, Number, Number], Gives::Geometry, by_axis).requires(3),
        ],
    )
}

fn evenly(row: &Row<'_>) -> Result<Option<Value>> {
    let by = row.finite(1, NAME, "the distance")?;
    expand(row, [by; 4])
}

fn by_axis(row: &Row<'_>) -> Result<Option<Value>> {
    let mut by = [0.0; 4];
    for (i, by) in by.iter_mut().enumerate().take(row.len() - 1) {
        *by = row.finite(i + 1, NAME, "the distance")?;
    }
    expand(row, by)
}

/// `by` in x, y, z, m.
fn expand(row: &Row<'_>, by: [f64; 4]) -> Result<Option<Value>> {
    let geometry = row.geometry(0)?;
    let Some(mut ranges) = ranges(&geometry) else {
        return Ok(Some(Value::Wkb(row.wkb(0)?.to_vec())));
    };
    let dims = geometry.dims;
    // M follows y where there is no Z.
    let by = if dims.z { by } else { [by[0], by[1], by[3], 0.0] };
    for (range, by) in ranges.at.iter_mut().zip(by) {
        *range = (range.0 - by, range.1 + by);
    }
    let [x, y, z, m] = ranges.at;
    let mut ring = Vec::with_capacity(5 * dims.stride());
    // PostGIS gives the left side the least Z and M and the right side the greatest.
    for (px, py, right) in
        [(x.0, y.0, false), (x.0, y.1, false), (x.1, y.1, true), (x.1, y.0, true), (x.0, y.0, false)]
    {
        ring.extend([px, py]);
        for more in [z, m].iter().take(dims.stride() - 2) {
            ring.push(if right { more.1 } else { more.0 });
        }
    }
    Value::geometry(&Geometry { dims, shape: Shape::Polygon(vec![ring]) })
}
