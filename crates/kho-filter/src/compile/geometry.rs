//! Geometry literals: WKT, GeoJSON, BBOX.

use super::{Result, wrong};
use crate::shape::Shape;
use cql2::Expr;
use geo_types::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point,
    Polygon,
};
use serde_json::Value;
use wkt::TryFromWkt;

/// A geometry in CRS84.
pub(super) fn shape(expr: &Expr, to_crs84: &dyn Fn(f64, f64) -> Option<[f64; 2]>) -> Result<Shape> {
    let nowhere = || wrong(expr, "it has a corner that has no longitude and latitude; is filter-crs right?");
    if let Expr::BBox { bbox } = expr {
        let corners = numbers(bbox).ok_or_else(|| {
            wrong(expr, "BBOX takes four numbers, west, south, east, north, or six with heights")
        })?;
        // Unmoved, so that it is CRS84, it may cross the antimeridian.
        let [west, south, east, north] = corners;
        if to_crs84(west, south) == Some([west, south]) && to_crs84(east, north) == Some([east, north]) {
            return Shape::of_box(corners).ok_or_else(|| wrong(expr, "its south is north of its north"));
        }
        if west > east || south > north {
            return Err(wrong(expr, "its first corner is beyond its second"));
        }
        let ring = [(west, south), (east, south), (east, north), (west, north)];
        let area = Geometry::from(Polygon::new(LineString::from(ring.to_vec()), Vec::new()));
        return Shape::moved(&area, to_crs84).and_then(Shape::new).ok_or_else(nowhere);
    }
    let Expr::Geometry(literal) = expr else {
        return Err(wrong(expr, "a geometry is expected here"));
    };
    let read = match literal {
        // Heights and measures are dropped.
        cql2::Geometry::Wkt(text) => Geometry::<f64>::try_from_wkt_str(text).ok(),
        json => serde_json::to_value(json).ok().and_then(|value| geojson(&value, 0)),
    };
    let read = read.ok_or_else(|| {
        wrong(
            expr,
            "this geometry cannot be read: empty ones, rings of less than three corners and CURVEs are none",
        )
    })?;
    if !sound(&read) {
        return Err(wrong(
            expr,
            "a line has two corners or more, a ring three, and a geometry something in it",
        ));
    }
    Shape::moved(&read, to_crs84).and_then(Shape::new).ok_or_else(nowhere)
}

/// The numbers of a box, without heights.
fn numbers(bbox: &[Box<Expr>]) -> Option<[f64; 4]> {
    let all: Vec<f64> = bbox
        .iter()
        .map(|n| match &**n {
            Expr::Float(value) if value.is_finite() => Some(*value),
            _ => None,
        })
        .collect::<Option<_>>()?;
    match *all {
        [w, s, e, n] | [w, s, _, e, n, _] => Some([w, s, e, n]),
        _ => None,
    }
}

/// Whether every part has the corners that it needs.
fn sound(geometry: &Geometry<f64>) -> bool {
    // A ring is closed, so it holds its first corner twice.
    let area =
        |p: &Polygon<f64>| std::iter::once(p.exterior()).chain(p.interiors()).all(|ring| ring.0.len() > 3);
    match geometry {
        Geometry::LineString(line) => line.0.len() > 1,
        Geometry::Polygon(polygon) => area(polygon),
        Geometry::MultiPoint(points) => !points.0.is_empty(),
        Geometry::MultiLineString(lines) => !lines.0.is_empty() && lines.iter().all(|line| line.0.len() > 1),
        Geometry::MultiPolygon(areas) => !areas.0.is_empty() && areas.iter().all(area),
        Geometry::GeometryCollection(all) => !all.0.is_empty() && all.iter().all(sound),
        _ => true,
    }
}

/// GeoJSON (RFC 7946), read here because the readers at hand index coordinates without looking.
fn geojson(value: &Value, depth: usize) -> Option<Geometry<f64>> {
    let at = &value["coordinates"];
    Some(match value["type"].as_str()? {
        "Point" => Point(corner(at)?).into(),
        "LineString" => line(at)?.into(),
        "Polygon" => area(at)?.into(),
        "MultiPoint" => MultiPoint(list(at, |p| corner(p).map(Point))?).into(),
        "MultiLineString" => MultiLineString(list(at, line)?).into(),
        "MultiPolygon" => MultiPolygon(list(at, area)?).into(),
        // As in CQL2 text, collections hold no collections.
        "GeometryCollection" if depth == 0 => {
            let all = list(&value["geometries"], |one| geojson(one, depth + 1))?;
            Geometry::GeometryCollection(GeometryCollection::new_from(all))
        }
        _ => return None,
    })
}

fn list<T>(value: &Value, each: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(each).collect()
}

fn corner(value: &Value) -> Option<Coord<f64>> {
    let [x, y, ..] = value.as_array()?.as_slice() else { return None };
    Some(Coord { x: x.as_f64()?, y: y.as_f64()? })
}

fn line(value: &Value) -> Option<LineString<f64>> {
    list(value, corner).map(LineString::new)
}

fn area(value: &Value) -> Option<Polygon<f64>> {
    let mut rings = list(value, line)?.into_iter();
    Some(Polygon::new(rings.next()?, rings.collect()))
}
