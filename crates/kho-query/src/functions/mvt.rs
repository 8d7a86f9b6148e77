//! One layer of a Mapbox Vector Tile (specification 2.1), field by field as protobuf.
//!
//! `kho-tile` has an encoder of its own for its own geometries, and the two rooms do not know each
//! other; this one is what ST_AsMVT needs and no more.

use super::shape::{Geometry, Shape};
use std::collections::HashMap;

/// A property's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Property {
    Text(String),
    Float(f32),
    Double(f64),
    Unsigned(u64),
    Signed(i64),
    Flag(bool),
}

/// A layer in the making.
#[derive(Debug, Default)]
pub(super) struct Layer {
    features: Vec<u8>,
    keys: Table,
    values: Table,
}

/// Bytes by number, in the order in which they came.
#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<Vec<u8>, u32>,
    /// As repeated fields of the layer.
    encoded: Vec<u8>,
}

impl Table {
    fn number(&mut self, field: u32, bytes: Vec<u8>) -> u32 {
        let next = self.numbers.len() as u32;
        if let Some(known) = self.numbers.get(&bytes) {
            return *known;
        }
        bytes_field(&mut self.encoded, field, &bytes);
        self.numbers.insert(bytes, next);
        next
    }
}

impl Layer {
    /// Adds a feature; what has no geometry of a tile (collections, empty ones) is left out.
    pub(super) fn add<'a>(
        &mut self,
        id: Option<u64>,
        geometry: &Geometry,
        properties: impl Iterator<Item = (&'a str, Property)>,
    ) {
        let Some((kind, commands)) = commands(geometry) else {
            return;
        };
        let mut tags = Vec::new();
        for (key, value) in properties {
            varint(&mut tags, u64::from(self.keys.number(3, key.as_bytes().to_vec())));
            varint(&mut tags, u64::from(self.values.number(4, encoded(&value))));
        }
        let mut feature = Vec::with_capacity(commands.len() + tags.len() + 16);
        if let Some(id) = id {
            varint_field(&mut feature, 1, id);
        }
        if !tags.is_empty() {
            bytes_field(&mut feature, 2, &tags);
        }
        varint_field(&mut feature, 3, kind);
        bytes_field(&mut feature, 4, &commands);
        bytes_field(&mut self.features, 2, &feature);
    }

    /// The tile with this layer alone; without a feature, no bytes.
    pub(super) fn finish(self, name: &str, extent: u32) -> Vec<u8> {
        if self.features.is_empty() {
            return Vec::new();
        }
        let mut layer = Vec::new();
        bytes_field(&mut layer, 1, name.as_bytes());
        layer.extend(self.features);
        layer.extend(self.keys.encoded);
        layer.extend(self.values.encoded);
        varint_field(&mut layer, 5, u64::from(extent));
        varint_field(&mut layer, 15, 2);
        let mut tile = Vec::with_capacity(layer.len() + 8);
        bytes_field(&mut tile, 3, &layer);
        tile
    }
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn varint_field(out: &mut Vec<u8>, field: u32, v: u64) {
    varint(out, u64::from(field << 3));
    varint(out, v);
}

fn bytes_field(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    varint(out, u64::from((field << 3) | 2));
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn encoded(value: &Property) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Property::Text(v) => bytes_field(&mut out, 1, v.as_bytes()),
        Property::Float(v) => {
            out.push((2 << 3) | 5);
            out.extend(v.to_le_bytes());
        }
        Property::Double(v) => {
            out.push((3 << 3) | 1);
            out.extend(v.to_le_bytes());
        }
        Property::Unsigned(v) => varint_field(&mut out, 5, *v),
        Property::Signed(v) => varint_field(&mut out, 6, ((v << 1) ^ (v >> 63)) as u64),
        Property::Flag(v) => varint_field(&mut out, 7, u64::from(*v)),
    }
    out
}

/// The geometry's type and commands (§4.3), packed.
fn commands(geometry: &Geometry) -> Option<(u64, Vec<u8>)> {
    let mut pen = Pen::default();
    let stride = geometry.dims.stride();
    let kind = match &geometry.shape {
        Shape::Point(_) | Shape::MultiPoint(_) => {
            let mut points = Vec::new();
            super::shape::each_point(geometry, &mut |p| points.extend([p[0], p[1]]));
            pen.points(&points);
            1
        }
        Shape::Line(c) => {
            pen.path(c, stride, false);
            2
        }
        Shape::MultiLine(lines) => {
            for line in lines {
                if let Shape::Line(c) = &line.shape {
                    pen.path(c, line.dims.stride(), false);
                }
            }
            2
        }
        Shape::Polygon(rings) => {
            rings.iter().for_each(|r| pen.path(r, stride, true));
            3
        }
        Shape::MultiPolygon(polygons) => {
            for polygon in polygons {
                if let Shape::Polygon(rings) = &polygon.shape {
                    rings.iter().for_each(|r| pen.path(r, polygon.dims.stride(), true));
                }
            }
            3
        }
        Shape::Collection(_) => return None,
    };
    (!pen.out.is_empty()).then_some((kind, pen.out))
}

#[derive(Default)]
struct Pen {
    at: (i32, i32),
    out: Vec<u8>,
}

impl Pen {
    fn command(&mut self, id: u64, count: usize) {
        varint(&mut self.out, id | ((count as u64) << 3));
    }

    /// Moves by the difference; coordinates are cut to whole numbers.
    fn to(&mut self, x: f64, y: f64) {
        let zigzag = |v: i32| u64::from(((v << 1) ^ (v >> 31)) as u32);
        let next = (x as i32, y as i32);
        varint(&mut self.out, zigzag(next.0.wrapping_sub(self.at.0)));
        varint(&mut self.out, zigzag(next.1.wrapping_sub(self.at.1)));
        self.at = next;
    }

    fn points(&mut self, points: &[f64]) {
        if !points.is_empty() {
            self.command(1, points.len() / 2);
            points.chunks_exact(2).for_each(|p| self.to(p[0], p[1]));
        }
    }

    fn path(&mut self, c: &[f64], stride: usize, ring: bool) {
        let mut points = c.chunks_exact(stride);
        if ring {
            // The last is the first.
            points.next_back();
        }
        let least = if ring { 3 } else { 2 };
        if points.len() < least {
            return;
        }
        let rest = points.len() - 1;
        if let Some(first) = points.next() {
            self.command(1, 1);
            self.to(first[0], first[1]);
        }
        self.command(2, rest);
        points.for_each(|p| self.to(p[0], p[1]));
        if ring {
            self.command(7, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::XY;
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Byte for byte what PostGIS 3.3 makes of `SELECT 1 AS id, 'x' AS name, 'POINT(25 17)'`.
    #[test]
    fn a_tile_is_what_postgis_makes() {
        let point = Geometry { dims: XY, shape: Shape::Point(vec![25.0, 17.0]) };
        let mut layer = Layer::default();
        let properties = [("id", Property::Unsigned(1)), ("name", Property::Text("x".into()))];
        layer.add(None, &point, properties.into_iter());
        assert_eq!(
            hex(&layer.finish("l", 4096)),
            "1a2a0a016c120d120400000101180122030932221a0269641a046e616d652202280122030a01782880207802"
        );
    }

    /// The specification's own example (§4.3.5.6): two polygons, one with a hole.
    #[test]
    fn commands_are_those_of_the_specification() {
        let polygon = |rings: &[&[f64]]| Geometry {
            dims: XY,
            shape: Shape::Polygon(rings.iter().map(|r| r.to_vec()).collect()),
        };
        let two = Geometry {
            dims: XY,
            shape: Shape::MultiPolygon(vec![
                polygon(&[&[0., 0., 10., 0., 10., 10., 0., 10., 0., 0.]]),
                polygon(&[
                    &[11., 11., 20., 11., 20., 20., 11., 20., 11., 11.],
                    &[13., 13., 13., 17., 17., 17., 17., 13., 13., 13.],
                ]),
            ]),
        };
        let wanted = [
            9_u8, 0, 0, 26, 20, 0, 0, 20, 19, 0, 15, 9, 22, 2, 26, 18, 0, 0, 18, 17, 0, 15, 9, 4, 13, 26, 0,
            8, 8, 0, 0, 7, 15,
        ];
        assert_eq!(commands(&two), Some((3, wanted.to_vec())));
    }

    #[test]
    fn keys_and_values_are_written_once() {
        let point = Geometry { dims: XY, shape: Shape::Point(vec![1.0, 1.0]) };
        let mut layer = Layer::default();
        for id in 0..100 {
            layer.add(Some(id), &point, [("ward", Property::Text("Nha Trang".into()))].into_iter());
        }
        let bytes = layer.finish("l", 4096);
        assert_eq!(bytes.windows(9).filter(|w| w == b"Nha Trang").count(), 1);
        assert!(Layer::default().finish("l", 4096).is_empty());
    }
}
