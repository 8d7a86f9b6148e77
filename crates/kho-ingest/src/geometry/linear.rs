//! Curves made straight.

use gdal::vector::Geometry;
use std::ptr::null_mut;

/// The WKB of a curved geometry with its arcs replaced by chords (GDAL's default: 4° a step).
/// `None` if GDAL cannot read it.
#[allow(unsafe_code, reason = "the gdal crate has no safe call that makes a geometry linear")]
pub(super) fn linearize(wkb: &[u8]) -> Option<Vec<u8>> {
    let curved = Geometry::from_wkb(wkb).ok()?;
    // SAFETY: `curved` outlives the call, which returns a new geometry that we own (or null);
    // the buffer is as long as OGR_G_WkbSize says; the geometry is destroyed exactly once.
    unsafe {
        let straight = gdal_sys::OGR_G_GetLinearGeometry(curved.c_geometry(), 0.0, null_mut());
        if straight.is_null() {
            return None;
        }
        let size = usize::try_from(gdal_sys::OGR_G_WkbSize(straight)).unwrap_or(0);
        let mut out = vec![0u8; size];
        let done =
            gdal_sys::OGR_G_ExportToIsoWkb(straight, gdal_sys::OGRwkbByteOrder::wkbNDR, out.as_mut_ptr());
        gdal_sys::OGR_G_DestroyGeometry(straight);
        (done == gdal_sys::OGRErr::OGRERR_NONE).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Shapes;

    #[test]
    fn a_curve_polygon_becomes_a_polygon() {
        let circle = Geometry::from_wkt("CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))").unwrap();
        let mut shapes = Shapes::default();
        shapes.push_wkb(Some(&circle.iso_wkb().unwrap()));
        assert!(shapes.head(0).is_ok());
        let area = shapes.twice_area_of(0) / 2.0;
        assert!((area - std::f64::consts::PI).abs() < 0.01, "{area}");
    }
}
