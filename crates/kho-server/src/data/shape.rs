//! Geometry at rest: WKB, little endian, two-dimensional, CRS84.
//!
//! Read straight from the bytes, because answers of ten thousand parcels are made of little else.

use geo_traits::to_geo::ToGeoGeometry;
use geo_types::Geometry;

/// The geometry as a value; `None` when it is empty or not readable.
pub(crate) fn geometry(wkb: &[u8]) -> Option<Geometry<f64>> {
    wkb::reader::read_wkb(wkb).ok()?.try_to_geometry()
}

/// Appends the geometry as GeoJSON (RFC 7946: exterior rings anticlockwise); `null` when it is
/// not readable.
pub(crate) fn write_geojson(wkb: &[u8], out: &mut String) {
    let start = out.len();
    if (Reader { bytes: wkb }).write(out).is_none() {
        out.truncate(start);
        out.push_str("null");
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = tail;
        Some(*head)
    }

    fn number(&mut self) -> Option<usize> {
        self.take().map(|b| u32::from_le_bytes(b) as usize)
    }

    fn point(&mut self) -> Option<[f64; 2]> {
        Some([f64::from_le_bytes(self.take()?), f64::from_le_bytes(self.take()?)])
    }

    /// The type code after a little-endian mark.
    fn kind(&mut self) -> Option<usize> {
        let [1] = self.take()? else { return None };
        self.number()
    }

    fn write(&mut self, out: &mut String) -> Option<()> {
        let kind = self.kind()?;
        let name = match kind {
            1 => "Point",
            2 => "LineString",
            3 => "Polygon",
            4 => "MultiPoint",
            5 => "MultiLineString",
            6 => "MultiPolygon",
            // Layers hold no collections.
            _ => return None,
        };
        out.push_str("{\"type\":\"");
        out.push_str(name);
        out.push_str("\",\"coordinates\":");
        self.coordinates(kind, out)?;
        out.push('}');
        Some(())
    }

    fn coordinates(&mut self, kind: usize, out: &mut String) -> Option<()> {
        match kind {
            1 => {
                let point = self.point()?;
                if point[0].is_nan() {
                    out.push_str("[]")
                } else {
                    write_point(point, out)
                }
                Some(())
            }
            2 => self.list(out, |reader, out| {
                write_point(reader.point()?, out);
                Some(())
            }),
            3 => {
                let mut outer = true;
                self.list(out, |reader, out| reader.ring(std::mem::replace(&mut outer, false), out))
            }
            _ => self.list(out, |reader, out| {
                let part = reader.kind()?;
                (part + 3 == kind).then(|| reader.coordinates(part, out))?
            }),
        }
    }

    fn list(
        &mut self,
        out: &mut String,
        mut each: impl FnMut(&mut Self, &mut String) -> Option<()>,
    ) -> Option<()> {
        out.push('[');
        for index in 0..self.number()? {
            if index > 0 {
                out.push(',');
            }
            each(self, out)?;
        }
        out.push(']');
        Some(())
    }

    /// A ring, turned where it runs the wrong way.
    fn ring(&mut self, outer: bool, out: &mut String) -> Option<()> {
        let count = self.number()?;
        let mut points = Vec::with_capacity(count.min(self.bytes.len() / 16));
        for _ in 0..count {
            points.push(self.point()?);
        }
        // Twice the signed area, relative to the first point to keep the digits.
        let origin = points.first().copied().unwrap_or_default();
        let area: f64 = points
            .windows(2)
            .map(|w| {
                (w[0][0] - origin[0]) * (w[1][1] - origin[1]) - (w[1][0] - origin[0]) * (w[0][1] - origin[1])
            })
            .sum();
        if (area < 0.0) == outer && area != 0.0 {
            points.reverse();
        }
        out.push('[');
        for (index, point) in points.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_point(*point, out);
        }
        out.push(']');
        Some(())
    }
}

fn write_point([x, y]: [f64; 2], out: &mut String) {
    out.push('[');
    super::geojson::write_number(x, out);
    out.push(',');
    super::geojson::write_number(y, out);
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{line_string, point, polygon};
    use proptest::prelude::*;

    fn wkb(geometry: &Geometry<f64>) -> Vec<u8> {
        let mut out = Vec::new();
        let options = wkb::writer::WriteOptions { endianness: wkb::Endianness::LittleEndian };
        wkb::writer::write_geometry(&mut out, geometry, &options).unwrap();
        out
    }

    fn json(geometry: &Geometry<f64>) -> serde_json::Value {
        let mut out = String::new();
        write_geojson(&wkb(geometry), &mut out);
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn every_kind_is_written() {
        assert_eq!(
            json(&point!(x: 109.25, y: 12.5).into()),
            serde_json::json!({"type": "Point", "coordinates": [109.25, 12.5]})
        );
        let line = line_string![(x: 0.0, y: 1.0), (x: 2.0, y: 3.0)];
        assert_eq!(json(&line.clone().into())["coordinates"], serde_json::json!([[0, 1], [2, 3]]));
        let many = geo_types::MultiLineString::new(vec![line.clone(), line]);
        assert_eq!(json(&many.into())["coordinates"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn rings_run_the_way_of_rfc_7946() {
        // Delivered clockwise outside and anticlockwise inside.
        let square = polygon!(
            exterior: [(x: 0.0, y: 0.0), (x: 0.0, y: 4.0), (x: 4.0, y: 4.0), (x: 4.0, y: 0.0)],
            interiors: [[(x: 1.0, y: 1.0), (x: 2.0, y: 1.0), (x: 2.0, y: 2.0), (x: 1.0, y: 2.0)]],
        );
        let written = json(&square.into());
        assert_eq!(written["coordinates"][0][1], serde_json::json!([4, 0]));
        assert_eq!(written["coordinates"][1][1], serde_json::json!([1, 2]));
    }

    #[test]
    fn broken_bytes_are_null() {
        let good = wkb(&point!(x: 1.0, y: 2.0).into());
        for cut in 0..good.len() {
            let mut out = String::from("x");
            write_geojson(&good[..cut], &mut out);
            assert_eq!(out, "xnull");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut out = String::new();
            write_geojson(&bytes, &mut out);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok());
        }
    }
}
