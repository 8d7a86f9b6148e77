//! The shift between VN-2000 and WGS 84, exactly by EPSG:6960 (Decision 05/2007/QĐ-BTNMT).
//!
//! PROJ knows several operations between the two and chooses by area and accuracy; some writers of
//! files get the sign of the rotations wrong (0.5 m off in Nha Trang). So the operation is fixed.

use crate::{EQUATORIAL_RADIUS as A, FLATTENING as F, SinCos};
use std::f64::consts::FRAC_PI_2;

/// From VN-2000 to WGS 84, geocentric: metres.
pub const SHIFT: [f64; 3] = [-191.904_414_29, -39.303_182_79, -111.450_328_35];
/// Seconds of arc, as a coordinate frame rotation (EPSG method 9607).
pub const ROTATION: [f64; 3] = [-0.009_288_36, 0.019_754_79, -0.004_273_72];
/// The scale, as a factor.
pub const SCALE: f64 = 1.000_000_252_906_278;

/// The polar radius.
const B: f64 = A * (1.0 - F);
/// Eccentricity squared.
const E2: f64 = F * (2.0 - F);
/// Second eccentricity squared.
const EP2: f64 = E2 / (1.0 - E2);

/// VN-2000 longitude and latitude (EPSG:4756) to WGS 84's, degrees. `None` if the latitude is
/// beyond a pole or no number.
pub fn to_wgs84(lon: f64, lat: f64) -> Option<[f64; 2]> {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    (lat.abs() <= FRAC_PI_2).then(|| forth(lat.sin_cos(), lon.sin_cos()))
}

/// The same from sines and cosines: latitude, longitude. Degrees come out, longitude first.
pub(crate) fn forth(lat: SinCos, lon: SinCos) -> [f64; 2] {
    let [x, y, z] = geocentric(lat, lon);
    let [rx, ry, rz] = rotation();
    let (lon, lat) = geodetic([
        SCALE * (x + rz * y - ry * z) + SHIFT[0],
        SCALE * (-rz * x + y + rx * z) + SHIFT[1],
        SCALE * (ry * x - rx * y + z) + SHIFT[2],
    ]);
    [lon.to_degrees(), lat.to_degrees()]
}

/// The way back: WGS 84 to VN-2000, radians out, longitude first. The rotation is undone by its
/// transpose, which for angles of hundredths of a second is exact to a tenth of a micrometre.
pub(crate) fn back(lat: SinCos, lon: SinCos) -> (f64, f64) {
    let wgs = geocentric(lat, lon);
    let [x, y, z] = [0, 1, 2].map(|i: usize| (wgs[i] - SHIFT[i]) / SCALE);
    let [rx, ry, rz] = rotation();
    geodetic([x - rz * y + ry * z, rz * x + y - rx * z, -ry * x + rx * y + z])
}

fn rotation() -> [f64; 3] {
    ROTATION.map(|seconds| (seconds / 3600.0).to_radians())
}

/// A point on the ellipsoid in geocentric metres.
fn geocentric((sin_lat, cos_lat): SinCos, (sin_lon, cos_lon): SinCos) -> [f64; 3] {
    let n = A / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    [n * cos_lat * cos_lon, n * cos_lat * sin_lon, n * (1.0 - E2) * sin_lat]
}

/// Longitude and latitude in radians, by Bowring (1976): exact to nanometres this close to the
/// ellipsoid.
fn geodetic([x, y, z]: [f64; 3]) -> (f64, f64) {
    let p = x.hypot(y);
    let (s, c) = (z * A, p * B);
    let h = s.hypot(c);
    let (s, c) = (s / h, c / h);
    (y.atan2(x), (z + EP2 * B * s * s * s).atan2(p - E2 * A * c * c * c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(lon in 100.0..120.0f64, lat in 4.0..25.0f64) {
            let [e, n] = to_wgs84(lon, lat).ok_or_else(|| TestCaseError::fail("a latitude"))?;
            let (lon2, lat2) = back(n.to_radians().sin_cos(), e.to_radians().sin_cos());
            // Five millimetres: each way starts at height 0 and drops the height it ends at, tens of
            // metres, along normals that differ by 200 m in the Earth's radius.
            prop_assert!((lon2.to_degrees() - lon).abs() < 5e-8 && (lat2.to_degrees() - lat).abs() < 5e-8);
            // The shift is of about 200 m: that it is done at all.
            prop_assert!((e - lon).hypot(n - lat) > 0.001);
        }
    }

    #[test]
    fn beyond_the_pole_is_nowhere() {
        assert_eq!(to_wgs84(0.0, 90.1), None);
        assert_eq!(to_wgs84(0.0, f64::NAN), None);
    }
}
