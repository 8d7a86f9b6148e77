//! Bounding boxes: of a geometry at rest, of many, against a window.

pub use kho_layer::{Bounds, intersects, wkb_bounds};

/// The smallest box around both.
pub(crate) fn union(a: Option<Bounds>, b: Option<Bounds>) -> Option<Bounds> {
    match (a, b) {
        (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::BoundingRect;
    use geo_types::{Geometry, LineString, MultiPolygon, Point, Polygon};
    use proptest::prelude::*;

    fn write(geometry: &Geometry<f64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        wkb::writer::write_geometry(&mut bytes, geometry, &Default::default()).unwrap();
        bytes
    }

    fn ring() -> impl Strategy<Value = LineString<f64>> {
        prop::collection::vec((-180.0..180.0f64, -90.0..90.0f64), 3..9)
            .prop_map(|c| Polygon::new(c.into(), vec![]).into_inner().0)
    }

    fn polygon() -> impl Strategy<Value = Polygon<f64>> {
        (ring(), prop::collection::vec(ring(), 0..3)).prop_map(|(e, i)| Polygon::new(e, i))
    }

    fn geometry() -> impl Strategy<Value = Geometry<f64>> {
        prop_oneof![
            (-180.0..180.0f64, -90.0..90.0f64).prop_map(|(x, y)| Point::new(x, y).into()),
            ring().prop_map(Geometry::from),
            polygon().prop_map(Geometry::from),
            prop::collection::vec(polygon(), 1..4).prop_map(|p| MultiPolygon(p).into()),
        ]
    }

    proptest! {
        #[test]
        fn the_box_is_geos(g in geometry()) {
            let rect = g.bounding_rect().unwrap();
            // geo bounds a polygon by its shell; a hole outside it is invalid but still drawn
            let ours = wkb_bounds(&write(&g)).unwrap();
            prop_assert!(ours[0] <= rect.min().x && ours[1] <= rect.min().y);
            prop_assert!(ours[2] >= rect.max().x && ours[3] >= rect.max().y);
            if !matches!(g, Geometry::Polygon(_) | Geometry::MultiPolygon(_)) {
                prop_assert_eq!(ours, [rect.min().x, rect.min().y, rect.max().x, rect.max().y]);
            }
        }

        #[test]
        fn no_bytes_crash(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = wkb_bounds(&bytes);
        }

        #[test]
        fn cut_bytes_are_refused(g in geometry(), keep in 0.0..1.0f64) {
            let bytes = write(&g);
            let cut = (bytes.len() as f64 * keep) as usize;
            prop_assert_eq!(wkb_bounds(&bytes[..cut]), None);
        }
    }

    #[test]
    fn empty_has_no_box() {
        let empty_point = [&[1u8, 1, 0, 0, 0][..], &[0xff; 16]].concat();
        assert_eq!(wkb_bounds(&empty_point), None);
        assert_eq!(wkb_bounds(&[1, 6, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
