//! `ST_ClipByBox2D(geometry, box)` → geometry.
//!
//! What of the geometry lies in the bounding box of `box`: fast, of invalid input maybe invalid. Z and
//! M are lost where something is cut off. A geometry inside comes back as it is; one outside is an
//! empty one of its type. A `box` that is empty or has no area gives NULL for what it would have to
//! cut, as PostGIS does.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Geometry, Ranges, empty_like, map_xy, ranges};
use super::topology::{failed, from_geos, to_geos};
use datafusion::error::Result;
use geos::Geom;
use sedona_expr::scalar_udf::SedonaScalarUDF;

pub(super) fn udf() -> SedonaScalarUDF {
    make_udf("st_clipbybox2d", vec![RowKernel::new(&[Kind::Geometry, Kind::Geometry], Gives::Geometry, run)])
}

fn run(row: &Row<'_>) -> Result<Option<Value>> {
    let geometry = row.geometry(0)?;
    let Some(own) = ranges(&geometry) else {
        return Ok(Some(Value::Wkb(row.wkb(0)?.to_vec())));
    };
    let Some(rectangle) = ranges(&row.geometry(1)?) else {
        return Ok(None);
    };
    if rectangle.contains(&own) {
        return Ok(Some(Value::Wkb(row.wkb(0)?.to_vec())));
    }
    if !rectangle.meets(&own) {
        return Value::geometry(&empty_like(&geometry));
    }
    if !(rectangle.width() > 0.0 && rectangle.height() > 0.0) {
        return Ok(None);
    }
    Value::geometry(&clip(&geometry, &rectangle, "ST_ClipByBox2D")?)
}

/// The part of `geometry` in the rectangle, in x and y.
pub(super) fn clip(geometry: &Geometry, rectangle: &Ranges, function: &str) -> Result<Geometry> {
    let flat = to_geos(&map_xy(geometry, &|x, y| (x, y)), function)?;
    let [(x0, x1), (y0, y1), ..] = rectangle.at;
    let clipped = flat.clip_by_rect(x0, y0, x1, y1).map_err(|e| failed(function, &e))?;
    from_geos(&clipped, function)
}
