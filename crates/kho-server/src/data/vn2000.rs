//! Areas in the plane of a VN-2000 zone, the way the cadastre computes them.
//!
//! CRS84 is taken to VN-2000 by the parameters of Decision 05/2007/QĐ-BTNMT (EPSG:6960, coordinate
//! frame, turned round), then to the plane by the Krüger series of the transverse Mercator
//! projection (Karney 2011, third order: under 0.1 mm within six degrees of the meridian).
//! VN-2000 uses the WGS 84 ellipsoid.

use geo::{CoordsIter, MapCoords};
use geo_types::{Coord, MultiPolygon};

/// Semi-major axis of WGS 84, metres.
const A: f64 = 6_378_137.0;
/// Flattening of WGS 84.
const F: f64 = 1.0 / 298.257_223_563;
/// Seconds of arc in radians.
const SECOND: f64 = std::f64::consts::PI / 180.0 / 3600.0;

/// A zone of VN-2000.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Zone {
    /// Central meridian, degrees.
    meridian: f64,
    /// Scale on it.
    scale: f64,
}

impl Zone {
    /// The zone of an EPSG code: the two UTM zones and the provincial three-degree zones.
    ///
    /// 6956 to 6959 are not among them: EPSG withdrew them for swapped false origins.
    pub(crate) fn of(srid: u32) -> Option<Self> {
        let provincial = |meridian| Some(Self { meridian, scale: 0.9999 });
        match srid {
            3405 => Some(Self { meridian: 105.0, scale: 0.9996 }),
            3406 => Some(Self { meridian: 111.0, scale: 0.9996 }),
            5896 => provincial(102.0),
            5897 => provincial(105.0),
            5898 => provincial(108.0),
            5899 => provincial(107.75),
            9205 => provincial(103.0),
            9206 => provincial(104.0),
            9207 => provincial(104.5),
            9208 => provincial(104.75),
            9209 => provincial(105.5),
            9210 => provincial(105.75),
            9211 => provincial(106.0),
            9212 => provincial(106.25),
            9213 => provincial(106.5),
            9214 => provincial(107.0),
            9215 => provincial(107.25),
            9216 => provincial(107.5),
            9217 => provincial(108.25),
            9218 => provincial(108.5),
            _ => None,
        }
    }

    /// The zone of the standard provincial size whose meridian is nearest, for a city that names
    /// none of Vietnam's.
    pub(crate) fn near(lon: f64) -> Self {
        Self { meridian: (lon * 4.0).round() / 4.0, scale: 0.9999 }
    }

    /// East and north in metres of a CRS84 point.
    pub(crate) fn project(&self, lon_lat: Coord<f64>) -> Coord<f64> {
        let (lon, lat) = to_vn2000(lon_lat);
        self.mercator(lon, lat)
    }

    /// Areas in the plane.
    pub(crate) fn plane(&self, areas: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        debug_assert!(areas.coords_iter().all(|c| c.x.abs() <= 180.0 && c.y.abs() <= 90.0), "CRS84 expected");
        areas.map_coords(|c| self.project(c))
    }

    /// Krüger's series, third order in the third flattening.
    fn mercator(&self, lon: f64, lat: f64) -> Coord<f64> {
        let n = F / (2.0 - F);
        let (n2, n3) = (n * n, n * n * n);
        let radius = A / (1.0 + n) * (1.0 + n2 / 4.0 + n2 * n2 / 64.0);
        let alpha = [
            n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3,
            13.0 / 48.0 * n2 - 3.0 / 5.0 * n3,
            61.0 / 240.0 * n3,
        ];
        let e = (F * (2.0 - F)).sqrt();
        let dlon = lon - self.meridian.to_radians();
        let t = (lat.sin().atanh() - e * (e * lat.sin()).atanh()).sinh();
        let xi = t.atan2(dlon.cos());
        let eta = (dlon.sin() / (1.0 + t * t).sqrt()).atanh();
        let (mut east, mut north) = (eta, xi);
        for (j, a) in (1..).map(|j| 2.0 * f64::from(j)).zip(alpha) {
            east += a * (j * xi).cos() * (j * eta).sinh();
            north += a * (j * xi).sin() * (j * eta).cosh();
        }
        Coord { x: 500_000.0 + self.scale * radius * east, y: self.scale * radius * north }
    }
}

/// CRS84 in degrees to VN-2000 in radians.
fn to_vn2000(c: Coord<f64>) -> (f64, f64) {
    // Coordinate frame rotations, VN-2000 to WGS 84, metres, seconds and parts.
    const SHIFT: [f64; 3] = [-191.904_414_29, -39.303_182_79, -111.450_328_35];
    const TURN: [f64; 3] = [-0.009_288_36 * SECOND, 0.019_754_79 * SECOND, -0.004_273_72 * SECOND];
    const SCALE: f64 = 1.000_000_252_906_278;
    let (lon, lat) = (c.x.to_radians(), c.y.to_radians());
    let e2 = F * (2.0 - F);
    let nu = A / (1.0 - e2 * lat.sin().powi(2)).sqrt();
    let wgs = [nu * lat.cos() * lon.cos(), nu * lat.cos() * lon.sin(), nu * (1.0 - e2) * lat.sin()];
    // WGS = SHIFT + SCALE · R · VN, with R the coordinate frame rotation; its transpose undoes it.
    let [x, y, z] = [0, 1, 2].map(|i| (wgs[i] - SHIFT[i]) / SCALE);
    let [rx, ry, rz] = TURN;
    let [x, y, z] = [x - rz * y + ry * z, rz * x + y - rx * z, -ry * x + rx * y + z];
    // Back to the ellipsoid by Bowring's formula (1976): one step is exact to the micrometre here.
    let b = A * (1.0 - F);
    let ep2 = e2 / (1.0 - e2);
    let p = x.hypot(y);
    let theta = (z * A).atan2(p * b);
    let lat = (z + ep2 * b * theta.sin().powi(3)).atan2(p - e2 * A * theta.cos().powi(3));
    (y.atan2(x), lat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::Area;
    use geo_types::polygon;

    #[test]
    fn the_check_point_of_khanh_hoa() {
        // Computed with PROJ: WGS 84 109.1967, 12.2388 is EPSG:9217 602805.660, 1353660.028.
        let zone = Zone::of(9217).unwrap();
        let c = zone.project(Coord { x: 109.1967, y: 12.2388 });
        assert!((c.x - 602_805.660).abs() < 0.002 && (c.y - 1_353_660.028).abs() < 0.002, "{c:?}");
    }

    #[test]
    fn withdrawn_and_foreign_codes_are_no_zones() {
        for srid in [6956, 6957, 6958, 6959, 4326, 3857, 0] {
            assert_eq!(Zone::of(srid), None);
        }
        assert_eq!(Zone::near(108.2), Zone::of(9217).unwrap());
    }

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
    }
}
