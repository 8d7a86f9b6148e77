//! Geometry as text: WKT and GeoJSON.

use super::wkb::{self, Dims, Geometry, Shape};
use std::fmt::Write;

/// WKB as WKT with all its digits; nothing if it is not WKB.
pub fn wkt(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    write_wkt(&wkb::read(bytes)?, &mut out);
    Some(out)
}

/// WKB as a GeoJSON geometry object, M ordinates left out; nothing if it is not WKB.
pub fn geojson(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len() * 2);
    write_geojson(&wkb::read(bytes)?, &mut out);
    Some(out)
}

/// WKT of at most about `chars` characters, coordinates cut to 5 decimals (1 m).
pub(super) fn short_wkt(bytes: &[u8], chars: usize) -> String {
    let Some(mut geometry) = wkb::read(bytes) else {
        return "(not WKB)".into();
    };
    round(&mut geometry);
    let mut out = String::new();
    write_wkt(&geometry, &mut out);
    if out.len() > chars {
        // WKT is ASCII.
        out.truncate(chars.saturating_sub(1));
        out.push('…');
    }
    out
}

fn round(geometry: &mut Geometry) {
    let cut = |coords: &mut Vec<f64>| coords.iter_mut().for_each(|v| *v = (*v * 1e5).round() / 1e5);
    match &mut geometry.shape {
        Shape::Point(c) | Shape::Line(c) => cut(c),
        Shape::Polygon(rings) => rings.iter_mut().for_each(cut),
        Shape::MultiPoint(parts)
        | Shape::MultiLine(parts)
        | Shape::MultiPolygon(parts)
        | Shape::Collection(parts) => parts.iter_mut().for_each(round),
    }
}

fn write_wkt(geometry: &Geometry, out: &mut String) {
    out.push_str(match geometry.shape {
        Shape::Point(_) => "POINT",
        Shape::Line(_) => "LINESTRING",
        Shape::Polygon(_) => "POLYGON",
        Shape::MultiPoint(_) => "MULTIPOINT",
        Shape::MultiLine(_) => "MULTILINESTRING",
        Shape::MultiPolygon(_) => "MULTIPOLYGON",
        Shape::Collection(_) => "GEOMETRYCOLLECTION",
    });
    out.push_str(match (geometry.dims.z, geometry.dims.m) {
        (false, false) => "",
        (true, false) => " Z",
        (false, true) => " M",
        (true, true) => " ZM",
    });
    if is_empty(&geometry.shape) {
        out.push_str(" EMPTY");
    } else {
        if geometry.dims.stride() > 2 {
            out.push(' ');
        }
        wkt_body(geometry, out);
    }
}

fn wkt_body(geometry: &Geometry, out: &mut String) {
    let dims = geometry.dims;
    match &geometry.shape {
        Shape::Point(c) | Shape::Line(c) => wkt_coords(c, dims, out),
        Shape::Polygon(rings) => list(rings, out, ('(', ')'), ", ", |ring, out| wkt_coords(ring, dims, out)),
        Shape::MultiPoint(parts) | Shape::MultiLine(parts) | Shape::MultiPolygon(parts) => {
            list(parts, out, ('(', ')'), ", ", |part, out| {
                if is_empty(&part.shape) { out.push_str("EMPTY") } else { wkt_body(part, out) }
            });
        }
        Shape::Collection(parts) => list(parts, out, ('(', ')'), ", ", write_wkt),
    }
}

fn wkt_coords(coords: &[f64], dims: Dims, out: &mut String) {
    let points: Vec<&[f64]> = coords.chunks_exact(dims.stride()).collect();
    list(&points, out, ('(', ')'), ", ", |point, out| {
        for (i, v) in point.iter().enumerate() {
            let _ = write!(out, "{}{v}", if i == 0 { "" } else { " " });
        }
    });
}

fn write_geojson(geometry: &Geometry, out: &mut String) {
    let name = match geometry.shape {
        Shape::Point(_) => "Point",
        Shape::Line(_) => "LineString",
        Shape::Polygon(_) => "Polygon",
        Shape::MultiPoint(_) => "MultiPoint",
        Shape::MultiLine(_) => "MultiLineString",
        Shape::MultiPolygon(_) => "MultiPolygon",
        Shape::Collection(_) => "GeometryCollection",
    };
    let _ = write!(out, "{{\"type\":\"{name}\",");
    if let Shape::Collection(parts) = &geometry.shape {
        out.push_str("\"geometries\":");
        list(parts, out, ('[', ']'), ",", write_geojson);
    } else {
        out.push_str("\"coordinates\":");
        json_body(geometry, out);
    }
    out.push('}');
}

fn json_body(geometry: &Geometry, out: &mut String) {
    let dims = geometry.dims;
    match &geometry.shape {
        Shape::Point(c) if c.iter().all(|v| v.is_nan()) => out.push_str("[]"),
        Shape::Point(c) => json_point(c, dims, out),
        Shape::Line(c) => json_line(c, dims, out),
        Shape::Polygon(rings) => list(rings, out, ('[', ']'), ",", |ring, out| json_line(ring, dims, out)),
        Shape::MultiPoint(parts)
        | Shape::MultiLine(parts)
        | Shape::MultiPolygon(parts)
        | Shape::Collection(parts) => list(parts, out, ('[', ']'), ",", json_body),
    }
}

fn json_line(coords: &[f64], dims: Dims, out: &mut String) {
    let points: Vec<&[f64]> = coords.chunks_exact(dims.stride()).collect();
    list(&points, out, ('[', ']'), ",", |point, out| json_point(point, dims, out));
}

fn json_point(point: &[f64], dims: Dims, out: &mut String) {
    let ordinates = &point[..2 + usize::from(dims.z)];
    list(ordinates, out, ('[', ']'), ",", |v, out| {
        // JSON has no NaN.
        let _ = if v.is_finite() { write!(out, "{v}") } else { write!(out, "null") };
    });
}

fn list<T>(
    items: &[T],
    out: &mut String,
    ends: (char, char),
    between: &str,
    mut one: impl FnMut(&T, &mut String),
) {
    out.push(ends.0);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        one(item, out);
    }
    out.push(ends.1);
}

fn is_empty(shape: &Shape) -> bool {
    match shape {
        Shape::Point(c) => c.iter().all(|v| v.is_nan()),
        Shape::Line(c) => c.is_empty(),
        Shape::Polygon(rings) => rings.is_empty(),
        Shape::MultiPoint(parts)
        | Shape::MultiLine(parts)
        | Shape::MultiPolygon(parts)
        | Shape::Collection(parts) => parts.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn le(code: u32, body: &[f64]) -> Vec<u8> {
        let mut out = vec![1];
        out.extend(code.to_le_bytes());
        body.iter().for_each(|v| out.extend(v.to_le_bytes()));
        out
    }

    #[test]
    fn points_in_all_dimensions() {
        assert_eq!(wkt(&le(1, &[109.5, 12.25])).as_deref(), Some("POINT(109.5 12.25)"));
        assert_eq!(wkt(&le(1001, &[1.0, 2.0, 3.0])).as_deref(), Some("POINT Z (1 2 3)"));
        assert_eq!(wkt(&le(3001, &[1.0, 2.0, 3.0, 4.0])).as_deref(), Some("POINT ZM (1 2 3 4)"));
        assert_eq!(wkt(&le(1, &[f64::NAN, f64::NAN])).as_deref(), Some("POINT EMPTY"));
        assert_eq!(
            geojson(&le(3001, &[1.0, 2.0, 3.0, 4.0])).as_deref(),
            Some(r#"{"type":"Point","coordinates":[1,2,3]}"#)
        );
    }

    #[test]
    fn polygons_and_collections() {
        let mut polygon = vec![1];
        polygon.extend(3_u32.to_le_bytes());
        polygon.extend(1_u32.to_le_bytes());
        polygon.extend(4_u32.to_le_bytes());
        for v in [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0_f64] {
            polygon.extend(v.to_le_bytes());
        }
        assert_eq!(wkt(&polygon).as_deref(), Some("POLYGON((0 0, 1 0, 1 1, 0 0))"));
        assert_eq!(
            geojson(&polygon).as_deref(),
            Some(r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#)
        );
        let mut multi = vec![1];
        multi.extend(6_u32.to_le_bytes());
        multi.extend(1_u32.to_le_bytes());
        multi.extend(&polygon);
        assert_eq!(wkt(&multi).as_deref(), Some("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))"));
        assert!(geojson(&multi).is_some_and(|j| j.contains("[[[[0,0]")));
        let mut collection = vec![1];
        collection.extend(7_u32.to_le_bytes());
        collection.extend(0_u32.to_le_bytes());
        assert_eq!(wkt(&collection).as_deref(), Some("GEOMETRYCOLLECTION EMPTY"));
        assert_eq!(geojson(&collection).as_deref(), Some(r#"{"type":"GeometryCollection","geometries":[]}"#));
    }

    #[test]
    fn short_is_short() {
        assert_eq!(short_wkt(&le(1, &[109.123_456_789, 12.0]), 60), "POINT(109.12346 12)");
        assert_eq!(short_wkt(&le(1, &[109.123_456_789, 12.0]), 10), "POINT(109…");
        assert_eq!(short_wkt(b"?", 10), "(not WKB)");
    }
}
