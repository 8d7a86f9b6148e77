//! `ST_GeomFromGeoJSON(text)` → geometry in CRS84 (longitude, latitude).
//!
//! A GeoJSON geometry (RFC 7946 §3.1), not a Feature. A third ordinate anywhere makes all points
//! XYZ, missing ones at 0; further ones are dropped. Stricter than PostGIS, which takes numbers in
//! quotes, lines of one point and open rings, and gives what other functions then refuse. A `crs`
//! member that names another CRS is an error, because a column has one; PostGIS sets the SRID of
//! the row.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::{Basic, Dims, Geometry, Shape, is_empty};
use datafusion::error::{DataFusionError, Result};
use sedona_expr::scalar_udf::SedonaScalarUDF;
use sedona_schema::crs::lnglat;
use serde_json::{Map, Value as Json};

/// With a multi-geometry inside, as deep as geometries are read from WKB; JSON itself is read to 128.
const DEPTH: usize = 31;

pub(super) fn udf() -> SedonaScalarUDF {
    make_udf(
        "st_geomfromgeojson",
        vec![RowKernel::new(&[Kind::Text], Gives::GeometryIn(lnglat()), from_geojson)],
    )
}

fn from_geojson(row: &Row<'_>) -> Result<Option<Value>> {
    let made = parse(row.text(0)?);
    let geometry = made.map_err(|why| DataFusionError::Execution(format!("ST_GeomFromGeoJSON: {why}")))?;
    Value::geometry(&geometry)
}

fn parse(text: &str) -> Result<Geometry, String> {
    let json: Json = serde_json::from_str(text).map_err(|e| format!("this is not JSON: {e}"))?;
    let Json::Object(object) = &json else {
        return Err("a geometry is a JSON object".into());
    };
    if let Some(crs) = object.get("crs").filter(|c| !c.is_null()) {
        let name = crs.pointer("/properties/name").and_then(Json::as_str).unwrap_or("(no name)");
        let known = ["EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "OGC:CRS84"];
        if !known.contains(&name) {
            return Err(format!("the CRS {name} is not CRS84; leave crs out and say ST_SetSRID"));
        }
    }
    let dims = Dims { z: has_z(&json), m: false };
    geometry(object, dims, DEPTH)
}

/// Whether a position anywhere has a third ordinate.
fn has_z(json: &Json) -> bool {
    match json {
        Json::Array(items) if items.first().is_some_and(Json::is_number) => items.len() > 2,
        Json::Array(items) => items.iter().any(has_z),
        Json::Object(object) => {
            ["coordinates", "geometries"].iter().filter_map(|k| object.get(*k)).any(has_z)
        }
        _ => false,
    }
}

fn geometry(object: &Map<String, Json>, dims: Dims, depth: usize) -> Result<Geometry, String> {
    let ty = object.get("type").and_then(Json::as_str).ok_or("a geometry has a \"type\"")?;
    let of = |shape| Geometry { dims, shape };
    if ty == "GeometryCollection" {
        let depth = depth.checked_sub(1).ok_or_else(|| format!("collections nest deeper than {DEPTH}"))?;
        let parts = list(object.get("geometries"), "geometries")?.iter().map(|part| match part {
            Json::Object(part) => geometry(part, dims, depth),
            _ => Err("\"geometries\" holds geometries".into()),
        });
        return Ok(of(Shape::Collection(parts.collect::<Result<_, _>>()?)));
    }
    let coordinates = list(object.get("coordinates"), "coordinates")?;
    // `coordinates` of each part as a geometry of its own; of polygons those that are not empty.
    let parts = |one: fn(&[Json], Dims) -> Result<Geometry, String>| {
        let made = coordinates.iter().map(|c| one(list(Some(c), "coordinates")?, dims));
        made.filter(|g| !matches!(g, Ok(g) if is_empty(g) && !matches!(g.shape, Shape::Point(_))))
            .collect::<Result<Vec<_>, String>>()
    };
    Ok(match ty {
        "Point" => point(coordinates, dims)?,
        "LineString" => line(coordinates, dims)?,
        "Polygon" => polygon(coordinates, dims)?,
        "MultiPoint" => of(Shape::MultiPoint(parts(point)?)),
        "MultiLineString" => of(Shape::MultiLine(parts(line)?)),
        "MultiPolygon" => of(Shape::MultiPolygon(parts(polygon)?)),
        other => return Err(format!("{other} is not a type of geometry")),
    })
}

fn list<'a>(json: Option<&'a Json>, name: &str) -> Result<&'a [Json], String> {
    json.and_then(Json::as_array).map(Vec::as_slice).ok_or_else(|| format!("\"{name}\" must be a list"))
}

fn point(c: &[Json], dims: Dims) -> Result<Geometry, String> {
    if c.is_empty() {
        return Ok(Basic::Point.empty(dims));
    }
    let mut out = Vec::with_capacity(dims.stride());
    position(c, dims, &mut out)?;
    Ok(Geometry { dims, shape: Shape::Point(out) })
}

fn line(c: &[Json], dims: Dims) -> Result<Geometry, String> {
    let points = positions(c, dims)?;
    if c.len() == 1 {
        return Err("a line has two points or more".into());
    }
    Ok(Geometry { dims, shape: Shape::Line(points) })
}

fn polygon(c: &[Json], dims: Dims) -> Result<Geometry, String> {
    let rings = c.iter().map(|ring| {
        let ring = positions(list(Some(ring), "coordinates")?, dims)?;
        let n = dims.stride();
        if ring.len() < 4 * n || ring[..n] != ring[ring.len() - n..] {
            return Err("a ring has four points or more, the last equal to the first".to_owned());
        }
        Ok(ring)
    });
    Ok(Geometry { dims, shape: Shape::Polygon(rings.collect::<Result<_, _>>()?) })
}

fn positions(c: &[Json], dims: Dims) -> Result<Vec<f64>, String> {
    let mut out = Vec::with_capacity(c.len() * dims.stride());
    for p in c {
        position(list(Some(p), "coordinates")?, dims, &mut out)?;
    }
    Ok(out)
}

fn position(c: &[Json], dims: Dims, out: &mut Vec<f64>) -> Result<(), String> {
    if c.len() < 2 {
        return Err("a position has two numbers or more".into());
    }
    for i in 0..dims.stride() {
        out.push(match c.get(i) {
            Some(v) => v.as_f64().ok_or("a position holds numbers")?,
            None => 0.0,
        });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::shape::{tests::any_geometry, to_wkb};
    use super::*;
    use proptest::prelude::*;

    fn wkt(text: &str) -> String {
        crate::format::wkt(&to_wkb(&parse(text).unwrap())).unwrap()
    }

    #[test]
    fn z_is_for_all_or_none() {
        assert_eq!(
            wkt(r#"{"type":"LineString","coordinates":[[1,2],[3,4,5,6]]}"#),
            "LINESTRING Z (1 2 0, 3 4 5)"
        );
        assert_eq!(wkt(r#"{"type":"Point","coordinates":[]}"#), "POINT EMPTY");
        assert_eq!(wkt(r#"{"type":"MultiPolygon","coordinates":[[]]}"#), "MULTIPOLYGON EMPTY");
    }

    #[test]
    fn what_is_no_geometry_is_refused() {
        for (text, why) in [
            ("", "not JSON"),
            ("null", "JSON object"),
            ("{}", "type"),
            (r#"{"type":"Feature","geometry":null}"#, "coordinates"),
            (r#"{"type":"Circle","coordinates":[]}"#, "Circle"),
            (r#"{"type":"Point","coordinates":[1]}"#, "two numbers"),
            (r#"{"type":"Point","coordinates":["1",2]}"#, "numbers"),
            (r#"{"type":"Point","coordinates":[1e999,2]}"#, "not JSON"),
            (r#"{"type":"LineString","coordinates":[[1,2]]}"#, "two points"),
            (r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]]]}"#, "ring"),
            (
                r#"{"type":"Point","coordinates":[1,2],"crs":{"type":"name","properties":{"name":"EPSG:3857"}}}"#,
                "EPSG:3857",
            ),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        let deep = format!(
            "{}{{\"type\":\"Point\",\"coordinates\":[1,2]}}{}",
            r#"{"type":"GeometryCollection","geometries":["#.repeat(40),
            "]}".repeat(40)
        );
        assert!(parse(&deep).unwrap_err().contains("nest"), "40 deep");
        let deeper = r#"{"type":"GeometryCollection","geometries":["#.repeat(4000);
        assert!(parse(&deeper).is_err(), "4000 deep");
    }

    proptest! {
        /// What `ST_AsGeoJSON` and the JSON answers write comes back, but for what GeoJSON has not.
        #[test]
        fn our_own_geojson_is_read(geometry in any_geometry()) {
            let text = crate::format::geojson(&to_wkb(&geometry)).unwrap();
            match parse(&text) {
                Ok(back) => prop_assert_eq!(is_empty(&back), is_empty(&geometry)),
                // The generator's rings are not closed, and some lines have one point.
                Err(why) => prop_assert!(why.contains("ring") || why.contains("two points"), "{}: {}", text, why),
            }
        }
    }
}
