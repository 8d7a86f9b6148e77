//! VN-2000, Vietnam's coordinate system, and WGS 84: the zones of the EPSG registry, the datum
//! shift, and the transverse Mercator projection, both ways.
//!
//! A city's layers must agree with one another, so there is one implementation of this for all
//! rooms: ingest reads delivered files with it, the server computes areas in it, tiles are cut in
//! it. It knows nothing of GDAL or PROJ; ingest's tests hold it to PROJ's results.
//!
//! Angles are degrees, longitude before latitude; planes are metres, easting before northing.
//!
//! ```
//! let plane = kho_crs::Zone::of(9217).ok_or("no zone")?.plane();
//! let [east, north] = plane.project(109.1967, 12.2388).ok_or("too far from the zone")?;
//! assert!((east - 602_805.660).abs() < 0.001 && (north - 1_353_660.028).abs() < 0.001);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod datum;
mod mercator;
mod zone;

pub use datum::{ROTATION, SCALE, SHIFT, to_wgs84};
pub use zone::{Plane, ZONES, Zone};

/// The equatorial radius of WGS 84's ellipsoid, which is VN-2000's too; metres.
pub const EQUATORIAL_RADIUS: f64 = 6_378_137.0;
/// Its flattening.
pub const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// Sine and cosine of an angle.
type SinCos = (f64, f64);
