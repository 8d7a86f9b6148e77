//! Text and JSON say the same.

use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn every_construct_has_two_spellings() {
    let so = json!({"property": "so"});
    let geometry = json!({"property": "geometry"});
    for (text, json) in [
        ("so = 12", json!({"op": "=", "args": [so, 12]})),
        ("so <> 12", json!({"op": "<>", "args": [so, 12.0]})),
        ("so IS NOT NULL", json!({"op": "not", "args": [{"op": "isNull", "args": [so]}]})),
        ("so BETWEEN 1 AND 2", json!({"op": "between", "args": [so, 1, 2]})),
        ("so IN (1, 2)", json!({"op": "in", "args": [so, [1, 2]]})),
        ("dung", json!({"property": "dung"})),
        ("ten LIKE 'a%'", json!({"op": "like", "args": [{"property": "ten"}, "a%"]})),
        (
            "CASEI(ten) = casei('Đ')",
            json!({"op": "=", "args": [{"op": "casei", "args": [{"property": "ten"}]}, {"op": "casei", "args": ["Đ"]}]}),
        ),
        ("so + 1 = 2", json!({"op": "=", "args": [{"op": "+", "args": [so, 1]}, 2]})),
        ("(so div 2) = 2", json!({"op": "=", "args": [{"op": "div", "args": [so, 2]}, 2]})),
        (
            "so = 1 AND so = 2 AND so = 3",
            json!({"op": "and", "args": [{"op": "and", "args": [{"op": "=", "args": [so, 1]}, {"op": "=", "args": [so, 2]}]}, {"op": "=", "args": [so, 3]}]}),
        ),
        ("tu = DATE('2025-07-01')", json!({"op": "=", "args": [{"property": "tu"}, {"date": "2025-07-01"}]})),
        ("tu = '2025-07-01'", json!({"op": "=", "args": [{"property": "tu"}, {"date": "2025-07-01"}]})),
        (
            "luc > TIMESTAMP('2025-07-01T00:00:00.000Z')",
            json!({"op": ">", "args": [{"property": "luc"}, {"timestamp": "2025-07-01T00:00:00Z"}]}),
        ),
        (
            "T_DURING(INTERVAL(tu, '..'), INTERVAL('2025-01-01', '2025-12-31'))",
            json!({"op": "t_during", "args": [{"interval": [{"property": "tu"}, ".."]}, {"interval": ["2025-01-01", "2025-12-31"]}]}),
        ),
        (
            "S_INTERSECTS(geometry, POINT(109.5 12.5))",
            json!({"op": "s_intersects", "args": [geometry, {"type": "Point", "coordinates": [109.5, 12.5]}]}),
        ),
        (
            "S_WITHIN(geometry, POLYGON((0 0, 2 0, 2 2, 0 0), (1 0.5, 1.5 0.5, 1.5 1, 1 0.5)))",
            json!({"op": "s_within", "args": [geometry, {"type": "Polygon",
                "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]], [[1, 0.5], [1.5, 0.5], [1.5, 1], [1, 0.5]]]}]}),
        ),
        (
            "S_CROSSES(geometry, MULTILINESTRING((0 0, 1 1), (2 2, 3 3)))",
            json!({"op": "s_crosses", "args": [geometry, {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]}]}),
        ),
        (
            "S_TOUCHES(geometry, MULTIPOLYGON(((0 0, 2 0, 2 2, 0 0))))",
            json!({"op": "s_touches", "args": [geometry, {"type": "MultiPolygon", "coordinates": [[[[0, 0], [2, 0], [2, 2], [0, 0]]]]}]}),
        ),
        (
            "S_DISJOINT(geometry, GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1)))",
            json!({"op": "s_disjoint", "args": [geometry, {"type": "GeometryCollection", "geometries": [
                {"type": "Point", "coordinates": [1, 2]}, {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}]}]}),
        ),
        (
            "S_EQUALS(geometry, BBOX(1, 2, 3, 4))",
            json!({"op": "s_equals", "args": [geometry, {"bbox": [1, 2, 3, 4]}]}),
        ),
        ("A_OVERLAPS((1, 2), (2, 3))", json!({"op": "a_overlaps", "args": [[1, 2], [2, 3]]})),
    ] {
        let one = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let other = Filter::parse(&json.to_string(), Language::Json, &public())
            .unwrap_or_else(|e| panic!("{json}: {e}"));
        assert_eq!(one.text(), other.text());
        assert_eq!(one.id(), other.id(), "{text}");
        // And its one spelling reads as itself.
        let again = parse(one.text()).unwrap_or_else(|e| panic!("{}: {e}", one.text()));
        assert_eq!(again.text(), one.text());
    }
}

#[test]
fn different_filters_have_different_ids() {
    let texts =
        ["so = 1", "so = 2", "so <> 1", "so_cu = 1", "NOT (so = 1)", "ten = '1'", "gia = 1", "so < 1"];
    let mut ids: Vec<_> = texts.iter().map(|text| parse(text).unwrap().id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), texts.len());
}

#[test]
fn languages_have_names() {
    assert_eq!("cql2-text".parse(), Ok(Language::Text));
    assert_eq!("cql2-json".parse(), Ok(Language::Json));
    assert!("cql-text".parse::<Language>().is_err_and(|e| e.is_user_error()));
}

proptest! {
    #[test]
    fn both_spellings_have_one_id((text, json) in super::reference::filters()) {
        let one = parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let other = Filter::parse(&json.to_string(), Language::Json, &public()).unwrap();
        prop_assert_eq!(one.text(), other.text());
        prop_assert_eq!(one.id(), other.id());
    }
}
