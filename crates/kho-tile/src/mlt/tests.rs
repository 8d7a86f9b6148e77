//! What is written as MLT is read back as another reader reads the MVT.

#[path = "../../tests/it/support/lines.rs"]
mod lines;

use super::column::{Column, cell};
use super::{HALF, counts, from_mvt};
use crate::TileError;
use mlt_core::fast_mvt::{MvtTileBuilder, MvtValue, MvtValueRef};
use mlt_core::geo_types::{
    Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, Rect, coord,
};
use mlt_core::{PropKind, PropValue};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Feature {
    id: u64,
    geometry: Geometry<i32>,
    properties: Vec<(&'static str, MvtValue)>,
}

fn tile(layers: &[(&str, Vec<Feature>)]) -> Vec<u8> {
    let mut tile = MvtTileBuilder::new();
    for (name, features) in layers {
        let mut layer = tile.layer(*name).unwrap();
        for each in features {
            let mut feature = layer.feature(&each.geometry).unwrap();
            feature.id(Some(each.id));
            for (key, value) in &each.properties {
                feature.tag(key, value.clone()).unwrap();
            }
            layer = feature.end();
        }
        tile = layer.end();
    }
    tile.encode()
}

fn of_ids(ids: &[u64]) -> Vec<Feature> {
    let at = |x: usize| Point::new(x as i32, 7).into();
    ids.iter().enumerate().map(|(x, &id)| Feature { id, geometry: at(x), properties: vec![] }).collect()
}

fn points() -> impl Strategy<Value = Vec<Point<i32>>> {
    let place = (-64..4160, -64..4160).prop_map(|(x, y)| Point::new(x, y));
    prop::collection::vec(place, 1..4)
}

fn line() -> impl Strategy<Value = LineString<i32>> {
    let place = (-64..4160, -64..4160).prop_map(|(x, y)| coord! { x: x, y: y });
    prop::collection::vec(place, 2..6).prop_map(LineString)
}

/// A rectangle, perhaps with a hole.
fn polygon() -> impl Strategy<Value = Polygon<i32>> {
    ((-64..4000, -64..4000), (5..150, 5..150), any::<bool>()).prop_map(|((x, y), (w, h), hole)| {
        let ring = |by: i32| {
            let (a, b) = (coord! { x: x + by, y: y + by }, coord! { x: x + w - by, y: y + h - by });
            Rect::new(a, b).to_polygon().exterior().clone()
        };
        Polygon::new(ring(0), if hole { vec![ring(2)] } else { vec![] })
    })
}

fn geometry() -> impl Strategy<Value = Geometry<i32>> {
    prop_oneof![
        points().prop_map(|all| Geometry::MultiPoint(MultiPoint(all))),
        prop::collection::vec(line(), 1..3).prop_map(|all| Geometry::MultiLineString(MultiLineString(all))),
        prop::collection::vec(polygon(), 1..3).prop_map(|all| Geometry::MultiPolygon(MultiPolygon(all))),
    ]
}

fn value() -> impl Strategy<Value = (&'static str, MvtValue)> {
    let words = vec!["", "ODT", "Đường Trần Phú", "Phường Nha Trang", "\u{1F333}"];
    prop_oneof![
        prop::sample::select(words).prop_map(|v| ("ten", MvtValue::String(v.to_owned()))),
        (0..900_u32).prop_map(|v| ("dia_chi", MvtValue::String(format!("số {v}, đường {}", v % 7)))),
        (0..=u64::from(u32::MAX)).prop_map(|v| ("so_thua", MvtValue::UInt(v))),
        (-9_i64..9).prop_map(|v| ("tang", MvtValue::auto_int(v))),
        (1_i64 << 60..i64::MAX).prop_map(|v| ("rat_lon", MvtValue::auto_int(v))),
        (i64::MIN..-(1 << 60)).prop_map(|v| ("rat_nho", MvtValue::SInt(v))),
        (-1e6..1e6_f64).prop_map(|v| ("dien_tich", MvtValue::Double(v))),
        (-1e3..1e3_f32).prop_map(|v| ("cao_do", MvtValue::Float(v))),
        any::<bool>().prop_map(|v| ("cong_khai", MvtValue::Bool(v))),
    ]
}

fn feature() -> impl Strategy<Value = Feature> {
    let id = prop_oneof![0..90_u64, 0..1_u64 << 53, 0..1_u64 << 63];
    let properties = prop::collection::vec(value(), 0..9).prop_map(|mut all| {
        all.sort_by_key(|(name, _)| *name);
        all.dedup_by_key(|(name, _)| *name);
        all
    });
    (id, geometry(), properties).prop_map(|(id, geometry, properties)| Feature { id, geometry, properties })
}

proptest! {
    #[test]
    fn both_formats_hold_the_same(
        parcels in prop::collection::vec(feature(), 0..40),
        roads in prop::collection::vec(feature(), 0..3),
    ) {
        let (parcels, roads) = (("land_parcel", parcels), ("road", roads));
        let (one, two) = (tile(&[parcels.clone()]), tile(&[roads.clone()]));
        let mvt = tile(&[parcels, roads]);
        let mlt = from_mvt(&mvt).unwrap();
        prop_assert_eq!(lines::of_mlt(&mlt), lines::of_mvt(&mvt));
        prop_assert_eq!(&mlt, &from_mvt(&mvt).unwrap(), "the same bytes each time");
        prop_assert_eq!(mlt, [from_mvt(&one).unwrap(), from_mvt(&two).unwrap()].concat());
    }

    #[test]
    fn ids_of_53_bits_step_back_by_half_at_most(ids in prop::collection::vec(0..1_u64 << 53, 1..60)) {
        let mlt = from_mvt(&tile(&[("a", of_ids(&ids))])).unwrap();
        let layers = lines::layers(&mlt);
        let written: Vec<u64> = layers[0].features().iter().map(|f| f.id().unwrap()).collect();
        prop_assert!(written.windows(2).all(|w| w[0].saturating_sub(w[1]) <= HALF), "{written:?}");
        let (low, high): (Vec<u64>, Vec<u64>) = ids.into_iter().partition(|id| *id < HALF);
        prop_assert_eq!(written, [low, high].concat(), "else the order stays");
    }

    #[test]
    fn whole_numbers_up_to_2_to_the_53_keep_their_values(
        all in prop::collection::vec(-(1_i64 << 53)..=1 << 53, 1..9),
        by in 0..50_u32,
    ) {
        let mut column = Column::default();
        let all: Vec<_> = all.into_iter().map(|n| MvtValueRef::SInt(n >> by)).collect();
        all.iter().for_each(|n| column.add(*n));
        for n in all {
            let MvtValueRef::SInt(wanted) = n else { unreachable!() };
            let found: i64 = match cell(column.kind(), n) {
                PropValue::U32(Some(v)) => v.into(),
                PropValue::I32(Some(v)) => v.into(),
                PropValue::F64(Some(v)) => v as i64,
                other => panic!("{other:?}: a number that styles cannot compare"),
            };
            prop_assert_eq!(found, wanted);
        }
    }
}

#[test]
fn a_column_has_the_narrowest_type_that_holds_it() {
    use MvtValueRef::{Bool, Double, Float, Int, Null, SInt, String, UInt};
    let high = 1_u64 << 60;
    for (values, kind) in [
        (&[String("a"), Null][..], PropKind::Str),
        (&[Bool(true)], PropKind::Bool),
        (&[Float(0.5)], PropKind::F32),
        (&[Float(0.5), Double(0.5)], PropKind::F64),
        (&[UInt(5), Double(0.5)], PropKind::F64),
        (&[UInt(high), Double(0.5)], PropKind::Str),
        (&[UInt(0), UInt(u32::MAX.into())], PropKind::U32),
        (&[UInt(5), SInt(-5), Int(7)], PropKind::I32),
        (&[UInt(1 << 32)], PropKind::F64),
        (&[UInt(u32::MAX.into()), SInt(-1)], PropKind::F64),
        (&[UInt(5), UInt(high)], PropKind::U64),
        (&[SInt(-5), UInt(high)], PropKind::I64),
        (&[SInt(-5), UInt(u64::MAX)], PropKind::Str),
        (&[UInt(5), Bool(true)], PropKind::Str),
        (&[Bool(true), String("a")], PropKind::Str),
        (&[Null], PropKind::Str),
    ] {
        let mut column = Column::default();
        values.iter().for_each(|value| column.add(*value));
        assert_eq!(column.kind(), kind, "{values:?}");
    }
    // Where no other type holds all, text does.
    let text = |value| cell(PropKind::Str, value);
    assert_eq!(text(UInt(5)), PropValue::Str(Some("5".into())));
    assert_eq!(text(Double(0.5)), PropValue::Str(Some("0.5".into())));
    assert_eq!(text(Bool(true)), PropValue::Str(Some("true".into())));
    assert_eq!(text(Null), PropValue::Str(None));
}

#[test]
fn what_was_left_out_is_counted() {
    let notice = |n: u64| Feature {
        properties: vec![("layer", MvtValue::String("a".into())), ("left_out", MvtValue::UInt(n))],
        ..of_ids(&[1]).remove(0)
    };
    let mvt = tile(&[("a", of_ids(&[3, 4])), ("out", vec![notice(5), notice(6)])]);
    assert_eq!(counts(&mvt, "out").unwrap(), (2, 11, 0));
    assert_eq!(counts(&mvt, "none").unwrap(), (4, 0, 0));
}

#[test]
fn nothing_is_nothing_and_no_mvt_is_refused() {
    assert_eq!(from_mvt(b"").unwrap(), b"");
    assert_eq!(from_mvt(&tile(&[("empty", vec![])])).unwrap(), b"");
    assert!(matches!(from_mvt(b"no tile"), Err(TileError::Mlt(_))));
    assert!(matches!(counts(b"no tile", ""), Err(TileError::Mlt(_))));
}
