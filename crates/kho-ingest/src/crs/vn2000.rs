//! VN-2000 → WGS 84, exactly by EPSG:6960 (Decision 05/2007/QĐ-BTNMT).
//!
//! PROJ knows several operations between the two and chooses by area and accuracy; a file that
//! carries a `TOWGS84` makes it choose yet another, and some writers get the sign of the
//! rotations wrong (0.5 m off in Nha Trang). A city's layers must agree with one another, so the
//! operation is fixed here. It is computed here too: on a million parcels that is several times
//! faster than point-by-point PROJ, and a test holds it to PROJ's own result.

use super::mercator::{A, F, Mercator, SinCos, plus};
use gdal::spatial_ref::SpatialRef;
use kho_layer::fold;
use std::f64::consts::FRAC_PI_2;

/// Of WGS 84's ellipsoid, which VN-2000 uses too: the polar radius.
const B: f64 = A * (1.0 - F);
/// Eccentricity squared.
const E2: f64 = F * (2.0 - F);
/// Second eccentricity squared.
const EP2: f64 = E2 / (1.0 - E2);

/// EPSG:6960: metres, arc seconds (coordinate frame), and the scale as a factor.
const SHIFT: [f64; 3] = [-191.904_414_29, -39.303_182_79, -111.450_328_35];
const ROTATION: [f64; 3] = [-0.009_288_36, 0.019_754_79, -0.004_273_72];
const SCALE: f64 = 1.000_000_252_906_278;

/// The codes of VN-2000 in projected form: (EPSG, central meridian, scale).
const ZONES: [(i32, f64, f64); 20] = [
    (3405, 105.0, 0.9996),
    (3406, 111.0, 0.9996),
    (5896, 102.0, 0.9999),
    (5897, 105.0, 0.9999),
    (5898, 108.0, 0.9999),
    (5899, 107.75, 0.9999),
    (9205, 103.0, 0.9999),
    (9206, 104.0, 0.9999),
    (9207, 104.5, 0.9999),
    (9208, 104.75, 0.9999),
    (9209, 105.5, 0.9999),
    (9210, 105.75, 0.9999),
    (9211, 106.0, 0.9999),
    (9212, 106.25, 0.9999),
    (9213, 106.5, 0.9999),
    (9214, 107.0, 0.9999),
    (9215, 107.25, 0.9999),
    (9216, 107.5, 0.9999),
    (9217, 108.25, 0.9999),
    (9218, 108.5, 0.9999),
];

/// Where VN-2000 can be: Vietnam with its islands and sea, in degrees.
pub(super) const AREA: [f64; 4] = [100.0, 4.0, 120.0, 25.0];

/// The deprecated twins of 5896 … 5899.
pub(super) fn deprecated(code: i32) -> Option<i32> {
    (6956..=6959).contains(&code).then(|| code - 6956 + 5896)
}

/// How coordinates of a VN-2000 file are to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Vn2000 {
    /// Longitude and latitude in degrees.
    Geographic,
    /// Transverse Mercator: eastings and northings in metres.
    Projected {
        /// Degrees.
        meridian: f64,
        /// Scale on the meridian.
        scale: f64,
        /// False easting.
        east: f64,
        /// False northing.
        north: f64,
    },
}

/// What a coordinate system has to do with VN-2000.
#[derive(Debug, PartialEq)]
pub(super) enum Recognised {
    /// It is VN-2000 in a form that is computed here.
    Yes(Vn2000),
    /// It is VN-2000 in another projection, given in PROJ's words without the datum.
    Other(String),
    /// It has false easting and northing exchanged; the code is the corrected one, if a zone fits.
    Exchanged(Option<i32>),
    /// It is something else.
    No,
}

/// Recognises VN-2000 by code, by name (ESRI's `.prj` files carry no codes), or by the shift
/// parameters that local software writes into a nameless definition.
pub(super) fn recognise(srs: &SpatialRef) -> Recognised {
    if srs.auth_name().as_deref() == Some("EPSG") {
        match srs.auth_code().unwrap_or(0) {
            4756 => return Recognised::Yes(Vn2000::Geographic),
            code if deprecated(code).is_some() => return Recognised::Exchanged(deprecated(code)),
            code => {
                if let Some(&(_, meridian, scale)) = ZONES.iter().find(|z| z.0 == code) {
                    let (east, north) = (500_000.0, 0.0);
                    return Recognised::Yes(Vn2000::Projected { meridian, scale, east, north });
                }
            }
        }
    }
    let proj = srs.to_proj4().unwrap_or_default();
    let named = [
        srs.name(),
        srs.get_attr_value("GEOGCS", 0).ok().flatten(),
        srs.get_attr_value("DATUM", 0).ok().flatten(),
    ];
    let is_named = named.into_iter().flatten().any(|name| {
        let name: String = fold(&name).chars().filter(char::is_ascii_alphanumeric).collect();
        name.contains("vn2000") || name.contains("vietnam2000")
    });
    if !is_named && !proj.contains("+towgs84=-191.904") {
        return Recognised::No;
    }
    if srs.is_geographic() {
        return Recognised::Yes(Vn2000::Geographic);
    }
    let get = |key: &str| -> Option<f64> {
        let at = proj.find(&format!("+{key}="))? + key.len() + 2;
        proj[at..].split_whitespace().next()?.parse().ok()
    };
    let zone = proj.split_whitespace().find_map(|w| w.strip_prefix("+zone=")?.parse::<f64>().ok());
    let metres = (srs.linear_units() - 1.0).abs() < 1e-12;
    let projected = match zone {
        Some(zone) if proj.contains("+proj=utm") && !proj.contains("+south") => {
            Some((zone * 6.0 - 183.0, 0.9996, 500_000.0, 0.0))
        }
        _ if proj.contains("+proj=tmerc") && get("lat_0").unwrap_or(0.0) == 0.0 => Some((
            get("lon_0").unwrap_or(0.0),
            get("k").or_else(|| get("k_0")).unwrap_or(1.0),
            get("x_0").unwrap_or(0.0),
            get("y_0").unwrap_or(0.0),
        )),
        _ => None,
    };
    match projected {
        Some((meridian, scale, east, north)) if metres => {
            if east == 0.0 && north == 500_000.0 {
                let twin = ZONES.iter().find(|z| z.1 == meridian && z.2 == scale);
                return Recognised::Exchanged(twin.map(|z| z.0));
            }
            Recognised::Yes(Vn2000::Projected { meridian, scale, east, north })
        }
        _ => Recognised::Other(
            proj.split_whitespace()
                .filter(|w| !w.starts_with("+towgs84") && !w.starts_with("+type") && *w != "+no_defs")
                .collect::<Vec<_>>()
                .join(" "),
        ),
    }
}

/// The PROJ pipeline from VN-2000 in projection `step` (a PROJ string) to longitude and latitude
/// on WGS 84, in degrees.
pub(super) fn pipeline(step: &str) -> String {
    let [x, y, z] = SHIFT;
    let [rx, ry, rz] = ROTATION;
    let s = (SCALE - 1.0) * 1e6;
    format!(
        "+proj=pipeline +step +inv {step} +step +proj=push +v_3 +step +proj=cart +ellps=WGS84 \
         +step +proj=helmert +x={x} +y={y} +z={z} +rx={rx} +ry={ry} +rz={rz} +s={s:.9} \
         +convention=coordinate_frame +step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 \
         +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
}

impl Vn2000 {
    /// Where the coordinates of a zone are expected: near its meridian. Wide enough for a province
    /// that kept an old meridian, too narrow for eastings and northings exchanged.
    pub(super) fn home(&self) -> [f64; 4] {
        match *self {
            Self::Geographic => AREA,
            Self::Projected { meridian, .. } => [meridian - 4.0, 6.5, meridian + 4.0, AREA[3]],
        }
    }

    /// Replaces VN-2000 coordinates by longitude and latitude on WGS 84, in degrees. What cannot
    /// be transformed becomes NaN.
    pub(super) fn transform(&self, x: &mut [f64], y: &mut [f64]) {
        match *self {
            Self::Geographic => {
                for (x, y) in x.iter_mut().zip(y) {
                    let (lat, lon) = (y.to_radians(), x.to_radians());
                    (*x, *y) = if lat.abs() <= FRAC_PI_2 {
                        shift(lat.sin_cos(), lon.sin_cos())
                    } else {
                        (f64::NAN, f64::NAN)
                    };
                }
            }
            Self::Projected { meridian, scale, east, north } => {
                let grid = Mercator::new(scale);
                let turn = meridian.to_radians().sin_cos();
                for (x, y) in x.iter_mut().zip(y) {
                    (*x, *y) = match grid.inverse(*x - east, *y - north) {
                        Some((lat, lon)) => shift(lat, plus(lon, turn)),
                        None => (f64::NAN, f64::NAN),
                    };
                }
            }
        }
    }
}

/// The datum shift of a point on the ellipsoid: geocentric, Helmert, and back; degrees out.
fn shift((sin_lat, cos_lat): SinCos, (sin_lon, cos_lon): SinCos) -> (f64, f64) {
    let n = A / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    let (x, y, z) = (n * cos_lat * cos_lon, n * cos_lat * sin_lon, n * (1.0 - E2) * sin_lat);
    let [rx, ry, rz] = ROTATION.map(|seconds| (seconds / 3600.0).to_radians());
    // Coordinate frame rotation (EPSG method 9607), small angles.
    let (x, y, z) = (
        SCALE * (x + rz * y - ry * z) + SHIFT[0],
        SCALE * (-rz * x + y + rx * z) + SHIFT[1],
        SCALE * (ry * x - rx * y + z) + SHIFT[2],
    );
    // Bowring (1976): exact to nanometres this close to the ellipsoid.
    let p = x.hypot(y);
    let (s, c) = (z * A, p * B);
    let h = s.hypot(c);
    let (s, c) = (s / h, c / h);
    let lat = (z + EP2 * B * s * s * s).atan2(p - E2 * A * c * c * c);
    (y.atan2(x).to_degrees(), lat.to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gdal::spatial_ref::{CoordTransform, CoordTransformOptions};
    use proptest::prelude::*;

    /// domain.md's check value, in both directions of reading it.
    #[test]
    fn the_check_value_of_nha_trang() {
        let zone = recognise(&SpatialRef::from_epsg(9217).unwrap());
        let Recognised::Yes(zone) = zone else { panic!("{zone:?}") };
        let (mut x, mut y) = ([602_805.660], [1_353_660.028]);
        zone.transform(&mut x, &mut y);
        // Half a millimetre, the precision of the check value.
        assert!((x[0] - 109.1967).abs() < 5e-9, "{}", x[0]);
        assert!((y[0] - 12.2388).abs() < 5e-9, "{}", y[0]);
    }

    #[test]
    fn zones_are_those_of_the_epsg_database() {
        for (code, meridian, scale) in ZONES {
            let srs = SpatialRef::from_epsg(code as u32).unwrap();
            let proj = srs.to_proj4().unwrap();
            if proj.contains("+proj=utm") {
                assert_eq!(scale, 0.9996);
                continue;
            }
            assert!(proj.contains(&format!("+lon_0={meridian} ")), "{code}: {proj}");
            assert!(proj.contains(&format!("+k={scale} ")), "{code}: {proj}");
            assert!(proj.contains("+x_0=500000 +y_0=0 "), "{code}: {proj}");
        }
    }

    #[test]
    fn it_is_recognised_without_a_code() {
        let want = Recognised::Yes(Vn2000::Projected {
            meridian: 108.25,
            scale: 0.9999,
            east: 500_000.0,
            north: 0.0,
        });
        let esri = r#"PROJCS["VN_2000_TM-3_Khanh_Hoa",GEOGCS["GCS_VN_2000",DATUM["D_Vietnam_2000",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",108.25],PARAMETER["Scale_Factor",0.9999],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#;
        assert_eq!(recognise(&SpatialRef::from_wkt(esri).unwrap()), want);
        let local = "+proj=tmerc +lat_0=0 +lon_0=108.25 +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +towgs84=-191.90441429,-39.30318279,-111.45032835,-0.00928836,0.01975479,-0.00427372,0.252906278 +units=m +no_defs";
        assert_eq!(recognise(&SpatialRef::from_proj4(local).unwrap()), want);
        assert_eq!(recognise(&SpatialRef::from_epsg(32649).unwrap()), Recognised::No);
        let exchanged = local.replace("x_0=500000 +y_0=0", "x_0=0 +y_0=500000").replace("108.25", "105");
        assert_eq!(
            recognise(&SpatialRef::from_proj4(&exchanged).unwrap()),
            Recognised::Exchanged(Some(5897))
        );
    }

    fn by_proj(step: &str, x: f64, y: f64) -> (f64, f64) {
        let mut options = CoordTransformOptions::new().unwrap();
        options.set_coordinate_operation(&pipeline(step), false).unwrap();
        let from = SpatialRef::from_proj4(step).unwrap();
        let to = SpatialRef::from_definition("OGC:CRS84").unwrap();
        let transform = CoordTransform::new_with_options(&from, &to, &options).unwrap();
        let (mut x, mut y) = ([x], [y]);
        transform.transform_coords(&mut x, &mut y, &mut []).unwrap();
        (x[0], y[0])
    }

    proptest! {
        /// PROJ with the same operation agrees to 1e-11°, a thousandth of a millimetre.
        #[test]
        fn proj_agrees(zone in 0usize..20, east in 200_000.0..800_000.0f64, north in 800_000.0..2_700_000.0f64) {
            let (_, meridian, scale) = ZONES[zone];
            let own = Vn2000::Projected { meridian, scale, east: 500_000.0, north: 0.0 };
            let (mut x, mut y) = ([east], [north]);
            own.transform(&mut x, &mut y);
            let step = format!("+proj=tmerc +lat_0=0 +lon_0={meridian} +k={scale} +x_0=500000 +y_0=0 +ellps=WGS84");
            let (lon, lat) = by_proj(&step, east, north);
            prop_assert!((x[0] - lon).abs() < 1e-11 && (y[0] - lat).abs() < 1e-11, "{} {} / {lon} {lat}", x[0], y[0]);
        }

        #[test]
        fn proj_agrees_in_degrees(lon in 102.0..118.0f64, lat in 6.0..24.0f64) {
            let (mut x, mut y) = ([lon], [lat]);
            Vn2000::Geographic.transform(&mut x, &mut y);
            let (e, n) = by_proj("+proj=longlat +ellps=WGS84", lon.to_radians(), lat.to_radians());
            prop_assert!((x[0] - e).abs() < 1e-11 && (y[0] - n).abs() < 1e-11, "{} {} / {e} {n}", x[0], y[0]);
        }
    }
}
