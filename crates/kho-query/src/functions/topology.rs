//! To GEOS and back.

use super::shape::{Geometry, Shape, to_wkb};
use crate::format::wkb;
use datafusion::error::{DataFusionError, Result};
use geos::{CoordDimensions, Geom, WKBWriter};

/// The geometry for GEOS. Taken from what was read, and not from the bytes as they came: how deep
/// its collections nest has been checked, and GEOS recurses.
pub(super) fn to_geos(geometry: &Geometry, function: &str) -> Result<geos::Geometry> {
    geos::Geometry::new_from_wkb(&to_wkb(geometry)).map_err(|e| failed(function, &e))
}

/// What GEOS made.
pub(super) fn from_geos(geometry: &geos::Geometry, function: &str) -> Result<Geometry> {
    let mut writer = WKBWriter::new().map_err(|e| failed(function, &e))?;
    // As many dimensions as the geometry has, of these.
    writer.set_output_dimension(CoordDimensions::FourD);
    let bytes = writer.write_wkb(geometry).map_err(|e| failed(function, &e))?;
    wkb::read(&bytes).ok_or_else(|| DataFusionError::Internal(format!("{function}: GEOS wrote no WKB")))
}

/// What GEOS says of the asker's geometry.
pub(super) fn failed(function: &str, e: &geos::Error) -> DataFusionError {
    DataFusionError::Execution(format!("{function}: {e}"))
}

/// All geometries as one collection for GEOS.
pub(super) fn collection(parts: Vec<Geometry>, function: &str) -> Result<geos::Geometry> {
    let dims = parts.first().map_or(super::shape::XY, |p| p.dims);
    to_geos(&Geometry { dims, shape: Shape::Collection(parts) }, function)
}

/// The parts of `geometry` inside the rectangle, exactly as GEOS's overlay has them.
pub(super) fn intersection(
    geometry: &geos::Geometry,
    with: &Geometry,
    grid: Option<f64>,
    function: &str,
) -> Result<geos::Geometry> {
    let with = to_geos(with, function)?;
    let done = match grid {
        Some(size) => geometry.intersection_prec(&with, size),
        None => geometry.intersection(&with),
    };
    done.map_err(|e| failed(function, &e))
}
