//! `ST_CollectionExtract(geometry[, type])` → geometry.
//!
//! The points (type 1), lines (2) or polygons (3) of a collection, at any depth, as one
//! multi-geometry, empty parts left out; without a type, those of the highest there is (the empty
//! collection if there is none). A geometry without parts comes back if it is of the type, and else
//! as an empty one of the type.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Basic, Geometry, Shape, basic, highest, of_type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;

pub(super) fn udf() -> SedonaScalarUDF {
    make_udf(
        "st_collectionextract",
        vec![RowKernel::new(&[Kind::Geometry, Kind::Integer], Gives::Geometry, extract).requires(1)],
    )
}

fn extract(row: &Row<'_>) -> Result<Option<Value>> {
    let wanted = match (row.len() > 1).then(|| row.integer(1)).transpose()? {
        None => None,
        Some(1) => Some(Basic::Point),
        Some(2) => Some(Basic::Line),
        Some(3) => Some(Basic::Polygon),
        Some(other) => {
            return exec_err!(
                "ST_CollectionExtract: the type is 1 (points), 2 (lines) or 3 (polygons), not {other}"
            );
        }
    };
    let geometry = row.geometry(0)?;
    let dims = geometry.dims;
    let made = match (basic(&geometry), wanted.or_else(|| highest(&geometry))) {
        (Some(is), Some(wanted)) if is == wanted => geometry,
        (Some(_), Some(wanted)) => wanted.empty(dims),
        (None, Some(wanted)) => wanted.multi(dims, of_type(&geometry, wanted)),
        (_, None) => Geometry { dims, shape: Shape::Collection(Vec::new()) },
    };
    Value::geometry(&made)
}
