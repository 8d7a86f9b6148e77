//! The grid of a zone of VN-2000.
//!
//! The square has its north-west corner at easting -548 576 m, northing 2 700 000 m, and is 2²¹ m
//! to a side. So the zone's meridian (easting 500 000 m) is its middle, and its northings, 602 848 m
//! to 2 700 000 m, are latitudes 5.5° to 24.4°: Vietnam with the islands, from every zone. A tile's
//! pixel is 8192 m wide at zoom 0, 1 m at zoom 13 and 1/32 m at zoom 18.

use kho_crs::{Plane, ZONES};

/// The side, metres.
pub(super) const SIDE: f64 = 2_097_152.0;
/// The north-west corner: easting and northing, metres.
pub(super) const ORIGIN: [f64; 2] = [500_000.0 - SIDE / 2.0, 2_700_000.0];

/// Which zone of VN-2000 a grid is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vn2000Grid {
    /// Its number among [`ZONES`].
    zone: usize,
}

impl Vn2000Grid {
    /// The grid of a zone by its EPSG code (9217 is Khánh Hòa's); `None` if it is none of VN-2000's.
    pub fn of(epsg: u32) -> Option<Self> {
        ZONES.iter().position(|(code, _)| *code == epsg).map(|zone| Self { zone })
    }

    /// The EPSG code.
    pub fn epsg(self) -> u32 {
        ZONES[self.zone].0
    }

    /// The zone's plane.
    pub(super) fn plane(self) -> Plane {
        ZONES[self.zone].1.plane()
    }
}
