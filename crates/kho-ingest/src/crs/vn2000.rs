//! VN-2000 → WGS 84, exactly by EPSG:6960 (Decision 05/2007/QĐ-BTNMT).
//!
//! PROJ knows several operations between the two and chooses by area and accuracy; a file that
//! carries a `TOWGS84` makes it choose yet another, and some writers get the sign of the
//! rotations wrong (0.5 m off in Nha Trang). A city's layers must agree with one another, so the
//! operation is fixed. It is computed in kho-crs: on a million parcels that is several times faster
//! than point-by-point PROJ, and tests here hold it to PROJ's own results.

use gdal::spatial_ref::SpatialRef;
use kho_crs::{Plane, ROTATION, SCALE, SHIFT, ZONES, Zone};
use kho_layer::fold;

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
                if let Some(Zone { meridian, scale }) = u32::try_from(code).ok().and_then(Zone::of) {
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
                let twin = ZONES.iter().find(|(_, zone)| *zone == Zone { meridian, scale });
                return Recognised::Exchanged(twin.and_then(|(code, _)| i32::try_from(*code).ok()));
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
        let both = x.iter_mut().zip(y);
        let nowhere = [f64::NAN; 2];
        match *self {
            Self::Geographic => {
                for (x, y) in both {
                    [*x, *y] = kho_crs::to_wgs84(*x, *y).unwrap_or(nowhere);
                }
            }
            Self::Projected { meridian, scale, east, north } => {
                let plane = Plane::new(Zone { meridian, scale }, east, north);
                for (x, y) in both {
                    [*x, *y] = plane.unproject(*x, *y).unwrap_or(nowhere);
                }
            }
        }
    }
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
        for (code, Zone { meridian, scale }) in ZONES {
            let srs = SpatialRef::from_epsg(code).unwrap();
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
            let Zone { meridian, scale } = ZONES[zone].1;
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
