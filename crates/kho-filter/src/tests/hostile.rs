//! What nobody means well with: errors, no panic, no wait.

use super::*;
use crate::{MAX_BYTES, MAX_DEPTH, MAX_OPERATORS, MAX_VERTICES};
use proptest::prelude::*;
use std::time::Instant;

fn refused(filter: &str, language: Language) {
    let start = Instant::now();
    let result = Filter::parse(filter, language, &public());
    let shown: String = filter.chars().take(60).collect();
    let error = result.map(|f| f.text().len()).expect_err(&shown);
    assert!(error.is_user_error(), "{shown}: {error}");
    assert!(error.to_string().len() < 400, "{shown}: {error}");
    assert!(start.elapsed().as_secs() < 10, "{shown}: {:?}", start.elapsed());
}

#[test]
fn texts() {
    for filter in [
        "a".repeat(1 << 20),
        " ".repeat(MAX_BYTES),
        "(".repeat(5_000),
        format!("{}so = 1{}", "(".repeat(MAX_DEPTH + 1), ")".repeat(MAX_DEPTH + 1)),
        // Each bracket is tried twice if what is in it is wrong.
        format!("{}so = = 1{}", "(".repeat(60), ")".repeat(60)),
        format!("{}1, 2{}", "(".repeat(60), ", 3)".repeat(60)),
        "NOT ".repeat(10_000) + "so = 1",
        "-".repeat(10_000) + "so = 1",
        format!("so = {}1", "1 + ".repeat(10_000)),
        format!("so = {}1", "2 ^ ".repeat(900)),
        format!("so{} = 1", " - so".repeat(900)),
        format!("so = 1{}", " = 1".repeat(900)),
        format!("so = 1{}", " AND so = 1".repeat(MAX_OPERATORS)),
        format!("so = {}", "9".repeat(400)),
        "so = 1e999".to_owned(),
        "so = NaN".to_owned(),
        "gia = 1e308 * 10".to_owned(),
        "gia = 1 / 0".to_owned(),
        "ten = 'a".to_owned(),
        "ten = \"a".to_owned(),
        "ten = 'a\0b'".to_owned(),
        "ten\0 = 'a'".to_owned(),
        "ten = '\u{feff}' ; DROP TABLE thing".to_owned(),
        format!("ten LIKE '{}'", "%a".repeat(2_000)),
        format!("S_INTERSECTS(geometry, MULTIPOINT({}))", vec!["1 1"; MAX_VERTICES + 1].join(",")),
        format!("S_INTERSECTS(geometry, {}POINT(1 1){})", "GEOMETRYCOLLECTION(".repeat(50), ")".repeat(50)),
        vec!["S_TOUCHES(geometry, POINT(1 1))"; 30].join(" AND "),
        vec!["CASEI(ten) = 'a'"; 60].join(" OR "),
        format!("S_INTERSECTS(geometry, POINT({} 1))", "9".repeat(400)),
        "S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))".to_owned(),
        "S_INTERSECTS(geometry, LINESTRING(0 0))".to_owned(),
    ] {
        refused(&filter, Language::Text);
    }
}

/// What is within the limits is not refused for the work that it makes.
#[test]
fn big_ones_are_read() {
    let corner = |n: u32| {
        let turn = f64::from(n) / 2_500.0 * std::f64::consts::TAU;
        format!("{:.7} {:.7}", 109.0 + turn.cos(), 12.0 + turn.sin())
    };
    let ring: Vec<String> = (0..2_500).chain([0]).map(corner).collect();
    let big = format!("S_INTERSECTS(geometry, POLYGON(({})))", ring.join(", "));
    assert!(big.len() > MAX_BYTES * 3 / 4 && big.len() <= MAX_BYTES);
    assert!(parse(&big).unwrap().bounds().is_some());
    let list: Vec<String> = (0..9_000).map(|n| n.to_string()).collect();
    let found =
        passing(&format!("so IN ({})", list.join(", ")), &[Row { so: Some(8_999), ..Row::default() }]);
    assert_eq!(found, [1]);
    let chain = vec!["so = 1"; MAX_OPERATORS / 2].join(" OR ");
    assert_eq!(parse(&chain).unwrap().columns(), ["so"]);
    let deep = format!("{}so = 1{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    assert_eq!(parse(&deep).unwrap().text(), "so = 1");
}

#[test]
fn jsons() {
    let nested = |n: usize| format!("{}true{}", r#"{"op":"not","args":["#.repeat(n), "]}".repeat(n));
    for filter in [
        String::new(),
        "{".to_owned(),
        "[".repeat(60_000),
        nested(MAX_DEPTH + 1),
        nested(3_000),
        r#"{"op":"=","args":[{"property":"so"},1e999]}"#.to_owned(),
        r#"{"op":"=","args":[{"property":"so"}]}"#.to_owned(),
        r#"{"op":"=","args":[{"property":"so","op":"x"},1]}"#.to_owned(),
        r#"{"op":"=","args":[{"property":"ten"},"a\u0000"]}"#.to_owned(),
        r#"{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[]}]}"#
            .to_owned(),
        r#"{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[1]}]}"#
            .to_owned(),
        r#"{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Polygon","coordinates":[[]]}]}"#
            .to_owned(),
        r#"{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Curve","coordinates":[]}]}"#
            .to_owned(),
        r#"{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[1,2]}]}"#.to_owned(),
        r#"{"op":"t_after","args":[{"property":"tu"},{"interval":[]}]}"#.to_owned(),
        r#"{"op":"between","args":[{"property":"so"},1]}"#.to_owned(),
        r#"{"op":"in","args":[{"property":"so"},1]}"#.to_owned(),
        r#"{"op":"+","args":[1,2]}"#.to_owned(),
        format!(
            r#"{{"op":"=","args":[0,{{"op":"+","args":[{}]}}]}}"#,
            vec![r#"{"property":"so"}"#; 2_000].join(",")
        ),
        format!(r#"{{"op":"and","args":[{}]}}"#, vec![r#"{"op":"not","args":[true]}"#; 2_000].join(",")),
    ] {
        refused(&filter, Language::Json);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        if let Err(e) = parse(&text) {
            prop_assert!(e.is_user_error(), "{e}");
        }
    }

    /// Pieces of the grammar, thrown together.
    #[test]
    fn no_pieces_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "so", "ten", "geometry", "tu", "=", "<>", "(", ")", ",", "AND", "OR", "NOT", "LIKE", "IN", "BETWEEN", "IS NULL", "'a'",
        "'%'", "1", "-2.5", "1e3", "+", "-", "*", "/", "%", "^", "div", "CASEI(", "ACCENTI(", "S_WITHIN(", "T_DURING(",
        "A_EQUALS(", "INTERVAL(", "'..'", "DATE(", "'2025-01-01'", "POINT(1 2)", "POLYGON((0 0,1 0,1 1,0 0))", "BBOX(1,2,3,4)",
        "TRUE", "NULL", "\"so\"",
    ]), 0..14)) {
        if let Err(e) = parse(&pieces.join(" ")) {
            prop_assert!(e.is_user_error(), "{e}");
        }
    }

    #[test]
    fn no_json_panics(text in r#"[\[\]{}",:0-9a-z]{0,60}"#) {
        if let Err(e) = Filter::parse(&text, Language::Json, &public()) {
            prop_assert!(e.is_user_error(), "{e}");
        }
    }
}
