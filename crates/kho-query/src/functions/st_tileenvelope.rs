//! `ST_TileEnvelope(zoom, x, y[, bounds][, margin])` → geometry.
//!
//! The rectangle of a tile in the XYZ scheme: x counts east from the left edge, y south from the
//! top. `bounds` is what tile 0/0/0 covers, and its CRS is the result's; left out it is the square
//! of Web Mercator, in metres (EPSG:3857). `margin` is a share of a tile added on each side, from
//! -0.5; the result stays within the bounds in y, and in x once it would span all tiles. PostGIS
//! takes `margin` in fourth place by name only; here a number in fourth place is the margin.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{ranges, rectangle};
use datafusion::common::exec_err;
use datafusion::error::Result;
use sedona_expr::scalar_udf::SedonaScalarUDF;
use sedona_schema::crs::deserialize_crs;

const NAME: &str = "ST_TileEnvelope";

/// Half of Web Mercator's circumference: pi times 6 378 137 m.
const HALF: f64 = 20_037_508.342_789_244;

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Geometry, Integer, Number};
    // A code that Sedona itself knows.
    let mercator = deserialize_crs("EPSG:3857").ok().flatten();
    make_udf(
        "st_tileenvelope",
        vec![
            RowKernel::new(&[Integer, Integer, Integer, Geometry, Number], Gives::Geometry, in_bounds)
                .requires(4),
            RowKernel::new(&[Integer, Integer, Integer, Number], Gives::GeometryIn(mercator), in_mercator)
                .requires(3),
        ],
    )
}

fn in_mercator(row: &Row<'_>) -> Result<Option<Value>> {
    let margin = if row.len() > 3 { row.finite(3, NAME, "the margin")? } else { 0.0 };
    envelope(row, [-HALF, -HALF, HALF, HALF], margin)
}

fn in_bounds(row: &Row<'_>) -> Result<Option<Value>> {
    let margin = if row.len() > 4 { row.finite(4, NAME, "the margin")? } else { 0.0 };
    let Some(bounds) = ranges(&row.geometry(3)?) else {
        return exec_err!("{NAME}: the bounds are empty");
    };
    envelope(row, [bounds.at[0].0, bounds.at[1].0, bounds.at[0].1, bounds.at[1].1], margin)
}

fn envelope(row: &Row<'_>, [x0, y0, x1, y1]: [f64; 4], margin: f64) -> Result<Option<Value>> {
    let (zoom, x, y) = (row.integer(0)?, row.integer(1)?, row.integer(2)?);
    if !(0..=31).contains(&zoom) {
        return exec_err!("{NAME}: the zoom must be 0 to 31, not {zoom}");
    }
    let tiles = 1_i64 << zoom;
    if !(0..tiles).contains(&x) || !(0..tiles).contains(&y) {
        return exec_err!("{NAME}: there is no tile {zoom}/{x}/{y}: x and y go from 0 to {}", tiles - 1);
    }
    if margin < -0.5 {
        return exec_err!("{NAME}: a margin under -0.5 leaves nothing of the tile");
    }
    let (width, height) = (x1 - x0, y1 - y0);
    if !(width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()) {
        return exec_err!("{NAME}: the bounds must have a finite width and height");
    }
    let (x, y, tiles) = (x as f64, y as f64, tiles as f64);
    let (across, down) = (width / tiles, height / tiles);
    let (left, right) = if 1.0 + 2.0 * margin > tiles {
        (x0, x1)
    } else {
        (x0 + across * (x - margin), x0 + across * (x + 1.0 + margin))
    };
    let bottom = (y1 - down * (y + 1.0 + margin)).max(y0);
    let top = (y1 - down * (y - margin)).min(y1);
    Value::geometry(&rectangle(left, bottom, right, top))
}
