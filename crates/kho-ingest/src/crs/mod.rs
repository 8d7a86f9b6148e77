//! From the coordinate system of a delivery to CRS84.

mod vn2000;

use crate::IngestError;
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, CoordTransformOptions, SpatialRef};
use vn2000::{Recognised, Vn2000};

const WORLD: [f64; 4] = [-180.0, -90.0, 180.0, 90.0];

/// The coordinate system of a source and the way from there to CRS84.
#[derive(Debug, Clone)]
pub(crate) struct SourceCrs {
    /// `EPSG:9217`, or the name where there is no code.
    pub label: String,
    /// West, south, east, north (degrees): where most of its coordinates must be, or it is not
    /// their coordinate system.
    pub area: [f64; 4],
    /// Where its coordinates are expected; the same or smaller. Only decides whether x and y
    /// have been exchanged.
    pub home: [f64; 4],
    /// Where every coordinate must be.
    pub limits: [f64; 4],
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    /// Already longitude and latitude on WGS 84.
    None,
    Vn2000(Vn2000),
    /// VN-2000 in a projection of its own, as a PROJ string.
    Vn2000Other(String),
    /// GDAL's choice of operation. Kept as PROJJSON, because a `SpatialRef` stays in its thread.
    Gdal(String),
}

impl SourceCrs {
    /// Decides on the source's CRS: what the file says, or what the caller says (`--crs`), which
    /// wins with a warning where both speak and differ.
    pub(crate) fn decide(
        path: &str,
        file: Option<&SpatialRef>,
        given: Option<&str>,
        why_none: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Self, IngestError> {
        // GDAL hands out these for "coordinates of some plane".
        let file = file.filter(|srs| {
            !srs.is_local() && !srs.name().is_some_and(|n| n.to_lowercase().starts_with("undefined"))
        });
        match (given, file) {
            (None, None) => Err(IngestError::NoCrs { path: path.into(), why: why_none.into() }),
            (None, Some(srs)) => Self::new(srs, None),
            (Some(given), file) => {
                let srs = parse(given)?;
                let crs = Self::new(&srs, Some(given))?;
                if let Some(srs) = file {
                    let file = label(srs);
                    let wgs84 = is_wgs84(&file) && is_wgs84(&crs.label);
                    // An ESRI .prj has names where others have codes; what counts is the same.
                    let zone = match (&crs.way, vn2000::recognise(srs)) {
                        (Way::Vn2000(given), Recognised::Yes(said)) => *given == said,
                        _ => false,
                    };
                    if file != crs.label && !wgs84 && !zone {
                        warnings.push(format!(
                            "the file says its coordinates are in {file}; they were read as {}, as --crs says",
                            crs.label
                        ));
                    }
                }
                Ok(crs)
            }
        }
    }

    fn new(srs: &SpatialRef, given: Option<&str>) -> Result<Self, IngestError> {
        let label = label(srs);
        let bad = |message: String| IngestError::BadCrs { crs: given.unwrap_or(&label).to_owned(), message };
        let way = match vn2000::recognise(srs) {
            Recognised::Yes(vn) => Way::Vn2000(vn),
            Recognised::Other(step) => Way::Vn2000Other(step),
            Recognised::Exchanged(code) => {
                return Err(IngestError::DeprecatedCrs {
                    instead: code.map_or("EPSG:n of the right zone".into(), |c| format!("EPSG:{c}")),
                    crs: label,
                });
            }
            Recognised::No if is_wgs84(&label) => Way::None,
            // GDAL calls a compound system (a plane and heights) vertical too.
            Recognised::No if srs.is_geocentric() || (srs.is_vertical() && !srs.is_compound()) => {
                return Err(bad("it has no plane; kho needs a projected or geographic system".into()));
            }
            Recognised::No => Way::Gdal(srs.to_projjson().map_err(|e| bad(e.to_string()))?),
        };
        let limits = match &way {
            Way::Vn2000(_) | Way::Vn2000Other(_) => vn2000::AREA,
            _ => WORLD,
        };
        let area = match (&way, srs.area_of_use()) {
            (Way::Gdal(_), Some(a)) if a.west_lon_degree < a.east_lon_degree => [
                (a.west_lon_degree - 3.0).max(-180.0),
                (a.south_lat_degree - 3.0).max(-90.0),
                (a.east_lon_degree + 3.0).min(180.0),
                (a.north_lat_degree + 3.0).min(90.0),
            ],
            _ => limits,
        };
        let home = match way {
            Way::Vn2000(vn) => vn.home(),
            _ => area,
        };
        let crs = Self { label, area, home, limits, way };
        crs.transformer()?; // so that an unusable one is refused before anything is read
        Ok(crs)
    }

    /// A transformer for one thread.
    pub(crate) fn transformer(&self) -> Result<Transformer, IngestError> {
        let bad = |e: gdal::errors::GdalError| IngestError::BadCrs {
            crs: self.label.clone(),
            message: e.to_string(),
        };
        let target = SpatialRef::from_definition("OGC:CRS84").map_err(bad)?;
        Ok(match &self.way {
            Way::None => Transformer::None,
            Way::Vn2000(vn) => Transformer::Vn2000(*vn),
            Way::Vn2000Other(step) => {
                let mut options = CoordTransformOptions::new().map_err(bad)?;
                options.set_coordinate_operation(&vn2000::pipeline(step), false).map_err(bad)?;
                // From a PROJ string, so that the axes are east, north whatever the authority says.
                let source = SpatialRef::from_proj4(step).map_err(bad)?;
                Transformer::Gdal(CoordTransform::new_with_options(&source, &target, &options).map_err(bad)?)
            }
            Way::Gdal(json) => {
                let mut source = SpatialRef::from_definition(json).map_err(bad)?;
                source.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
                Transformer::Gdal(CoordTransform::new(&source, &target).map_err(bad)?)
            }
        })
    }
}

/// Transforms whole arrays of coordinates; one for each thread.
pub(crate) enum Transformer {
    None,
    Vn2000(Vn2000),
    Gdal(CoordTransform),
}

impl Transformer {
    /// Replaces x and y by longitude and latitude. What cannot be transformed becomes NaN or ∞.
    pub(crate) fn apply(&self, x: &mut [f64], y: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Vn2000(vn) => vn.transform(x, y),
            Self::Gdal(transform) => {
                // GDAL counts in i32, and its error only says that some point failed; it
                // marks each of those with infinity.
                for (x, y) in x.chunks_mut(1 << 24).zip(y.chunks_mut(1 << 24)) {
                    let _ = transform.transform_coords(x, y, &mut []);
                }
            }
        }
    }
}

/// Reads what a person or a file's metadata says: `EPSG:9217`, `9217`, `OGC:CRS84`, a PROJ
/// string, WKT or PROJJSON; never a path or an address, which GDAL would open.
pub(crate) fn parse(text: &str) -> Result<SpatialRef, IngestError> {
    let text = text.trim();
    let bad = |message: &str| IngestError::BadCrs { crs: text.into(), message: message.into() };
    let upper = text.to_uppercase();
    let code = upper
        .strip_prefix("EPSG:")
        .or_else(|| upper.strip_prefix("SRID:"))
        .or_else(|| upper.strip_prefix("URN:OGC:DEF:CRS:EPSG::"))
        .unwrap_or(&upper);
    if let Ok(code) = code.parse::<u32>() {
        if let Some(instead) = i32::try_from(code).ok().and_then(vn2000::deprecated) {
            return Err(IngestError::DeprecatedCrs {
                crs: format!("EPSG:{code}"),
                instead: format!("EPSG:{instead}"),
            });
        }
        return SpatialRef::from_epsg(code)
            .map_err(|_| bad("there is no such EPSG code; give one such as EPSG:9217 or EPSG:4326"));
    }
    let authority = ["OGC:", "ESRI:", "IAU_", "URN:OGC:DEF:CRS:"].iter().any(|a| upper.starts_with(a));
    let definition = [
        "+PROJ=",
        "PROJCS[",
        "GEOGCS[",
        "PROJCRS[",
        "GEOGCRS[",
        "COMPOUNDCRS[",
        "COMPD_CS[",
        "BOUNDCRS[",
        "GEODCRS[",
        "{",
    ]
    .iter()
    .any(|d| upper.starts_with(d));
    let text = match upper.as_str() {
        "CRS84" | "OGC:CRS84" | "URN:OGC:DEF:CRS:OGC:1.3:CRS84" => "OGC:CRS84",
        _ if authority || definition => text,
        _ => return Err(bad("not understood; give a code such as EPSG:9217 or EPSG:4326")),
    };
    SpatialRef::from_definition(text).map_err(|e| bad(&e.to_string()))
}

fn label(srs: &SpatialRef) -> String {
    match (srs.auth_name(), srs.auth_code()) {
        (Some(name), Ok(code)) => format!("{name}:{code}"),
        // CRS84's code is not a number.
        (Some(name), _) if name == "OGC" => "OGC:CRS84".into(),
        _ => match srs.name() {
            Some(name) if name.starts_with("WGS 84") && srs.is_geographic() => "OGC:CRS84".into(),
            Some(name) => name,
            None => "unknown".into(),
        },
    }
}

fn is_wgs84(label: &str) -> bool {
    ["EPSG:4326", "EPSG:4979", "OGC:CRS84", "GCS_WGS_1984"].contains(&label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(file: Option<&str>, given: Option<&str>) -> (Result<SourceCrs, IngestError>, Vec<String>) {
        crate::source::prepare_gdal();
        let mut warnings = Vec::new();
        let file = file.map(|f| SpatialRef::from_definition(f).unwrap());
        let crs = SourceCrs::decide("a.gpkg", file.as_ref(), given, "", &mut warnings);
        (crs, warnings)
    }

    #[test]
    fn the_file_speaks_unless_told_otherwise() {
        assert_eq!(decide(Some("EPSG:9217"), None).0.unwrap().label, "EPSG:9217");
        let (crs, warnings) = decide(Some("EPSG:9217"), Some("EPSG:5898"));
        assert_eq!(crs.unwrap().label, "EPSG:5898");
        assert_eq!(warnings.len(), 1);
        assert!(decide(Some("EPSG:9217"), Some("epsg:9217")).1.is_empty());
        let nameless = "+proj=tmerc +lat_0=0 +lon_0=108.25 +k=0.9999 +x_0=500000 +y_0=0 +ellps=WGS84 +towgs84=-191.90441429,-39.30318279,-111.45032835,-0.00928836,0.01975479,-0.00427372,0.252906278 +units=m +no_defs";
        assert!(decide(Some(nameless), Some("EPSG:9217")).1.is_empty());
        assert_eq!(decide(Some(nameless), Some("EPSG:9218")).1.len(), 1);
        let said = decide(None, None).0.unwrap_err().to_string();
        assert!(said.contains("--crs EPSG:n"), "{said}");
    }

    #[test]
    fn deprecated_codes_are_refused_from_both_sides() {
        for (file, given) in [(None, Some("EPSG:6958")), (None, Some("6958")), (Some("EPSG:6958"), None)] {
            let said = decide(file, given).0.unwrap_err().to_string();
            assert!(said.contains("--crs EPSG:5898"), "{said}");
        }
    }

    #[test]
    fn paths_and_addresses_are_no_crs() {
        for text in ["/etc/passwd", "http://example.com/x.prj", "EPSG:999999", "", "esri"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(label(&parse("OGC:CRS84").unwrap()), "OGC:CRS84");
        for text in ["OGC:CRS84", "crs84", "urn:ogc:def:crs:EPSG::4326", "+proj=utm +zone=48"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn other_systems_go_through_gdal_in_east_north_order() {
        let (crs, _) = decide(None, Some("EPSG:32648"));
        let transformer = crs.unwrap().transformer().unwrap();
        let (mut x, mut y) = ([500_000.0], [0.0]);
        transformer.apply(&mut x, &mut y);
        assert!((x[0] - 105.0).abs() < 1e-9 && y[0].abs() < 1e-9, "{x:?} {y:?}");
        // A compound system: its plane counts.
        let (crs, _) = decide(None, Some("EPSG:7415"));
        let transformer = crs.unwrap().transformer().unwrap();
        let (mut x, mut y) = ([155_000.0], [463_000.0]);
        transformer.apply(&mut x, &mut y);
        assert!((x[0] - 5.387).abs() < 1e-2 && (y[0] - 52.155).abs() < 1e-2, "{x:?} {y:?}");
        // A geographic system whose authority says latitude first.
        let (crs, _) = decide(None, Some("EPSG:4269"));
        let transformer = crs.unwrap().transformer().unwrap();
        let (mut x, mut y) = ([-71.1], [42.3]);
        transformer.apply(&mut x, &mut y);
        assert!((x[0] + 71.1).abs() < 1e-4 && (y[0] - 42.3).abs() < 1e-4, "{x:?} {y:?}");
    }
}
