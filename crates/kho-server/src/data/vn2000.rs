//! Areas in the plane of a VN-2000 zone, the way the cadastre computes them. The projection is
//! kho-crs's.

use geo::MapCoords;
use geo_types::{Coord, MultiPolygon};
use kho_crs::Plane;

/// The plane of a zone of VN-2000.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone(Plane);

impl Zone {
    /// The zone of an EPSG code: the two UTM zones and the provincial three-degree zones.
    pub(crate) fn of(srid: u32) -> Option<Self> {
        kho_crs::Zone::of(srid).map(|zone| Self(zone.plane()))
    }

    /// The zone of the standard provincial size whose meridian is nearest, for a city that names
    /// none of Vietnam's.
    pub(crate) fn near(lon: f64) -> Self {
        Self(kho_crs::Zone::near(lon).plane())
    }

    /// CRS84 areas in the plane, metres: east, north. Empty if a corner lies so far away (some
    /// thirty degrees) that the plane has no place for it.
    pub(crate) fn plane(&self, areas: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        let project = |c: Coord<f64>| self.0.project(c.x, c.y).map(|[x, y]| Coord { x, y }).ok_or(());
        areas.try_map_coords(project).unwrap_or_else(|()| MultiPolygon::new(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::Area;
    use geo_types::polygon;
    use kho_crs::{EQUATORIAL_RADIUS as A, FLATTENING as F};

    #[test]
    fn areas_have_the_scale_of_the_zone() {
        // A hundredth of a degree square beside the meridian, against the ellipsoid's area
        // (1 203 846.6 m² at 12.24° N) times the square of the scale 0.9999.
        let (x, y, d) = (108.25, 12.24, 0.005);
        let square =
            polygon![(x: x - d, y: y - d), (x: x + d, y: y - d), (x: x + d, y: y + d), (x: x - d, y: y + d)];
        let area = Zone::of(9217).unwrap().plane(&square.clone().into()).unsigned_area();
        let e2 = F * (2.0 - F);
        let w = 1.0 - e2 * y.to_radians().sin().powi(2);
        let side = (0.01_f64).to_radians();
        let true_area = A * A * (1.0 - e2) / (w * w) * y.to_radians().cos() * side * side;
        assert!((area / true_area - 0.9998).abs() < 1e-5, "{}", area / true_area);
        // The other side of the globe has no place in it.
        assert_eq!(Zone::near(-70.0).plane(&square.into()).0.len(), 0);
    }
}
