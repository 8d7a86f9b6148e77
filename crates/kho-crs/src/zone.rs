//! The zones of VN-2000 in the plane.

use crate::datum::{back, forth};
use crate::mercator::{Mercator, plus};
use std::f64::consts::FRAC_PI_2;

/// The false easting of every zone, metres. The false northing is 0.
const EAST: f64 = 500_000.0;

/// A zone of VN-2000: transverse Mercator on a central meridian, easting 500 000 m on it, northing
/// 0 at the equator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zone {
    /// Central meridian, degrees on VN-2000.
    pub meridian: f64,
    /// Scale on it.
    pub scale: f64,
}

const fn provincial(meridian: f64) -> Zone {
    Zone { meridian, scale: 0.9999 }
}

/// The zones by EPSG code: the two UTM zones and the provincial three-degree zones. 6956 to 6959
/// are not among them: EPSG withdrew them for swapped false origins.
pub const ZONES: [(u32, Zone); 20] = [
    (3405, Zone { meridian: 105.0, scale: 0.9996 }),
    (3406, Zone { meridian: 111.0, scale: 0.9996 }),
    (5896, provincial(102.0)),
    (5897, provincial(105.0)),
    (5898, provincial(108.0)),
    (5899, provincial(107.75)),
    (9205, provincial(103.0)),
    (9206, provincial(104.0)),
    (9207, provincial(104.5)),
    (9208, provincial(104.75)),
    (9209, provincial(105.5)),
    (9210, provincial(105.75)),
    (9211, provincial(106.0)),
    (9212, provincial(106.25)),
    (9213, provincial(106.5)),
    (9214, provincial(107.0)),
    (9215, provincial(107.25)),
    (9216, provincial(107.5)),
    (9217, provincial(108.25)),
    (9218, provincial(108.5)),
];

impl Zone {
    /// The zone of an EPSG code.
    pub fn of(epsg: u32) -> Option<Self> {
        ZONES.iter().find(|(code, _)| *code == epsg).map(|(_, zone)| *zone)
    }

    /// The zone of the provincial size whose meridian is nearest to a longitude, to a quarter of a
    /// degree, for a city that names none of Vietnam's.
    pub fn near(lon: f64) -> Self {
        provincial((lon * 4.0).round() / 4.0)
    }

    /// The zone's plane.
    pub fn plane(self) -> Plane {
        Plane::new(self, EAST, 0.0)
    }
}

/// A zone with its series computed: what turns coordinates into others, many at a time.
#[derive(Debug, Clone, Copy)]
pub struct Plane {
    mercator: Mercator,
    /// The meridian in radians, and its sine and cosine.
    meridian: f64,
    turn: (f64, f64),
    east: f64,
    north: f64,
}

impl Plane {
    /// A zone with false easting and northing of its own, metres: local files have such.
    pub fn new(zone: Zone, east: f64, north: f64) -> Self {
        let meridian = zone.meridian.to_radians();
        Self { mercator: Mercator::new(zone.scale), meridian, turn: meridian.sin_cos(), east, north }
    }

    /// The central meridian, degrees.
    pub fn meridian(&self) -> f64 {
        self.meridian.to_degrees()
    }

    /// Easting and northing, metres, of a longitude and latitude on WGS 84 (CRS84, degrees).
    /// `None` some thirty degrees from the meridian, and for what is no place.
    pub fn project(&self, lon: f64, lat: f64) -> Option<[f64; 2]> {
        let (lon, lat) = (lon.to_radians(), lat.to_radians());
        if lat.is_nan() || lat.abs() > FRAC_PI_2 {
            return None;
        }
        let (lon, lat) = back(lat.sin_cos(), lon.sin_cos());
        let [east, north] = self.mercator.forward(lat.sin_cos(), (lon - self.meridian).sin_cos())?;
        Some([east + self.east, north + self.north])
    }

    /// Longitude and latitude on WGS 84, degrees, of a point of the plane. `None` a quarter of the
    /// globe away, where the series means nothing.
    pub fn unproject(&self, east: f64, north: f64) -> Option<[f64; 2]> {
        let (lat, lon) = self.mercator.inverse(east - self.east, north - self.north)?;
        Some(forth(lat, plus(lon, self.turn)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_point_of_khanh_hoa() {
        // Computed with PROJ: WGS 84 109.1967, 12.2388 is EPSG:9217 602805.660403, 1353660.027680.
        let plane = provincial(108.25).plane();
        assert!(Zone::of(9217) == Some(provincial(108.25)));
        let found = plane.project(109.1967, 12.2388);
        assert!(
            found.is_some_and(
                |[e, n]| (e - 602_805.660_403).abs() < 1e-5 && (n - 1_353_660.027_680).abs() < 1e-5
            ),
            "{found:?}"
        );
    }

    #[test]
    fn withdrawn_and_foreign_codes_are_no_zones() {
        for code in [6956, 6957, 6958, 6959, 4326, 3857, 0] {
            assert_eq!(Zone::of(code), None);
        }
        assert_eq!(Some(Zone::near(108.2)), Zone::of(9217));
    }

    #[test]
    fn far_away_is_nowhere() {
        let plane = Zone::near(108.25).plane();
        for (lon, lat) in [(-71.75, 12.0), (18.0, 0.0), (108.25, 91.0), (f64::NAN, 12.0), (108.0, f64::NAN)] {
            assert_eq!(plane.project(lon, lat), None, "{lon} {lat}");
        }
        assert_eq!(plane.unproject(9e6, 0.0), None);
    }

    proptest! {
        /// The two directions are computed by different series: where they agree, both are right.
        #[test]
        fn there_and_back(zone in 0usize..20, east in -400_000.0..1_400_000.0f64, north in 620_000.0..2_690_000.0f64) {
            let plane = ZONES[zone].1.plane();
            let there = plane.unproject(east, north).and_then(|[lon, lat]| plane.project(lon, lat));
            // Five millimetres: most of it is the height that the datum's shift drops.
            prop_assert!(
                there.is_some_and(|[e, n]| (e - east).abs() < 5e-3 && (n - north).abs() < 5e-3),
                "{there:?} for {east} {north}"
            );
        }
    }
}
