//! [`Shapes`] → ISO WKB, little endian, 2D.

use super::Shapes;
use kho_layer::GeometryKind;

impl Shapes {
    /// Appends the WKB of a shape; nothing for an unusable one.
    pub(crate) fn write_wkb(&self, shape: usize, out: &mut Vec<u8>) {
        let Ok(head) = self.head(shape) else { return };
        let single: u32 = match head.kind {
            GeometryKind::Point => 1,
            GeometryKind::Line => 2,
            GeometryKind::Polygon => 3,
        };
        let parts = self.parts(shape);
        if head.multi {
            header(out, single + 3);
            count(out, parts.len());
        }
        for part in parts {
            header(out, single);
            let rings = self.rings(part);
            if head.kind == GeometryKind::Polygon {
                count(out, rings.len());
            }
            for ring in rings {
                let coords = self.coords(ring);
                if head.kind != GeometryKind::Point {
                    count(out, coords.len());
                }
                let (x, y) = (&self.x[coords.clone()], &self.y[coords]);
                out.reserve(x.len() * 16);
                for (x, y) in x.iter().zip(y) {
                    out.extend_from_slice(&x.to_le_bytes());
                    out.extend_from_slice(&y.to_le_bytes());
                }
            }
        }
    }

    /// The WKB of a shape.
    pub(crate) fn wkb(&self, shape: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 * self.span(shape).len() + 64);
        self.write_wkb(shape, &mut out);
        out
    }
}

fn header(out: &mut Vec<u8>, code: u32) {
    out.push(1);
    out.extend_from_slice(&code.to_le_bytes());
}

fn count(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&(n as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Reason;
    use geo_types::{Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
    use proptest::prelude::*;
    use wkb::Endianness;
    use wkb::writer::{WriteOptions, write_geometry};

    fn encode(geometry: &Geometry<f64>, endianness: Endianness) -> Vec<u8> {
        let mut out = Vec::new();
        write_geometry(&mut out, geometry, &WriteOptions { endianness }).unwrap();
        out
    }

    fn coords(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(f64, f64)>> {
        // All different, so that nothing is dropped as a repeat.
        prop::collection::vec((-180.0..180.0f64, -90.0..90.0f64), n)
    }

    fn polygon() -> impl Strategy<Value = Polygon<f64>> {
        prop::collection::vec(coords(3..8), 1..4).prop_map(|rings| {
            let mut rings = rings.into_iter().map(LineString::from);
            Polygon::new(rings.next().unwrap(), rings.collect())
        })
    }

    fn geometry() -> impl Strategy<Value = Geometry<f64>> {
        prop_oneof![
            coords(1..2).prop_map(|c| Point::from(c[0]).into()),
            coords(1..5).prop_map(|c| MultiPoint::from(c).into()),
            coords(2..9).prop_map(|c| LineString::from(c).into()),
            prop::collection::vec(coords(2..9), 1..4)
                .prop_map(|l| MultiLineString::new(l.into_iter().map(LineString::from).collect()).into()),
            polygon().prop_map(Into::into),
            prop::collection::vec(polygon(), 1..4).prop_map(|p| MultiPolygon::new(p).into()),
        ]
    }

    proptest! {
        /// Taking apart and putting together changes nothing, from either byte order.
        #[test]
        fn round_trip(geometry in geometry(), big in any::<bool>()) {
            let little = encode(&geometry, Endianness::LittleEndian);
            let given = if big { encode(&geometry, Endianness::BigEndian) } else { little.clone() };
            let mut shapes = Shapes::default();
            shapes.push_wkb(Some(&given));
            prop_assert_eq!(shapes.wkb(0), little);
        }

        /// Cut or damaged bytes are a reason, never a panic.
        #[test]
        fn damage(geometry in geometry(), at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
            let mut bytes = encode(&geometry, Endianness::LittleEndian);
            let len = bytes.len();
            bytes[at % len] = byte;
            bytes.truncate(cut.max(1));
            let mut shapes = Shapes::default();
            shapes.push_wkb(Some(&bytes));
            shapes.push_wkb(Some(&encode(&Point::new(1.0, 2.0).into(), Endianness::LittleEndian)));
            prop_assert_eq!(shapes.len(), 2);
            prop_assert_eq!(shapes.span(1).len(), 1, "a bad shape leaves nothing behind");
        }
    }

    fn from_wkt(wkt: &str) -> Vec<u8> {
        gdal::vector::Geometry::from_wkt(wkt).unwrap().iso_wkb().unwrap()
    }

    #[test]
    fn height_and_measure_are_dropped_and_empties_named() {
        let mut shapes = Shapes::default();
        for wkt in [
            "POLYGON ZM ((0 0 1 2, 4 0 1 2, 4 4 1 2, 0 0 1 2))",
            "MULTIPOINT Z ((1 2 3), (4 5 6))",
            "GEOMETRYCOLLECTION (POLYGON ((0 0, 1 0, 1 1, 0 0)), MULTIPOLYGON (((5 5, 6 5, 6 6, 5 5))))",
            "POLYGON EMPTY",
            "POINT EMPTY",
            "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 1 1))",
            "LINESTRING (1 1, 1 1)",
        ] {
            shapes.push_wkb(Some(&from_wkt(wkt)));
        }
        shapes.push_wkb(None);
        assert_eq!(shapes.wkb(0), from_wkt("POLYGON ((0 0, 4 0, 4 4, 0 0))"));
        assert_eq!(shapes.wkb(1), from_wkt("MULTIPOINT ((1 2), (4 5))"));
        let both = "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))";
        assert_eq!(shapes.wkb(2), from_wkt(both));
        assert_eq!(shapes.head(3), Err(Reason::Empty));
        assert_eq!(shapes.head(4), Err(Reason::Empty));
        assert_eq!(shapes.head(5), Err(Reason::Mixed));
        assert_eq!(shapes.head(6), Err(Reason::TooFewPoints));
        assert_eq!(shapes.head(7), Err(Reason::Empty));
    }

    #[test]
    fn rings_are_closed_wound_and_degenerate_holes_dropped() {
        let open: Vec<u8> = [
            &[1u8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0][..],
            &[0.0f64, 0., 0., 4., 4., 4., 4., 0.].map(f64::to_le_bytes).concat(),
            &[2, 0, 0, 0],
            &[1.0f64, 1., 2., 2.].map(f64::to_le_bytes).concat(),
        ]
        .concat();
        let mut shapes = Shapes::default();
        shapes.push_wkb(Some(&open));
        assert!(shapes.head(0).is_ok_and(|h| h.mended));
        shapes.wind(0);
        assert_eq!(shapes.wkb(0), from_wkt("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"));
    }
}
