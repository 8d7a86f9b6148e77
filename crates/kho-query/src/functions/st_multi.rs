//! `ST_Multi(geometry)` → geometry: a point, line or polygon as the multi-geometry of it alone, an
//! empty one as the empty multi-geometry; what has parts already comes back as it is.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{basic, is_empty};
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

pub(super) fn udf() -> SedonaScalarUDF {
    make_udf("st_multi", vec![RowKernel::new(&[Kind::Geometry], Gives::Geometry, multi)])
}

fn multi(row: &Row<'_>) -> Result<Option<Value>> {
    let geometry = row.geometry(0)?;
    let Some(basic) = basic(&geometry) else {
        return Ok(Some(Value::Wkb(row.wkb(0)?.to_vec())));
    };
    let dims = geometry.dims;
    let parts = if is_empty(&geometry) { Vec::new() } else { vec![geometry] };
    Value::geometry(&basic.multi(dims, parts))
}
