//! Random filters over random rows: what the kernels say is what their definition says, row by row.

use super::*;
use crate::time::{DAY, End, Period, Unit};
use crate::tree::{Literal, Place, Predicate, Relation, Scalar};
use geo::Relate;
use kho_layer::{ColumnType, KHO_ID};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A filter in both languages.
type Both = (String, Value);

fn property(name: &str) -> Both {
    (name.to_owned(), json!({"property": name}))
}

fn numbers() -> impl Strategy<Value = Both> {
    let literal = prop_oneof![(-4..5i32).prop_map(f64::from), select(vec![0.5, -1.5, 2.25])];
    let literal = literal.prop_map(|v| (format!("{v}"), json!(v)));
    let column = select(vec!["so", "so_cu", "gia"]).prop_map(property);
    let leaf = prop_oneof![literal, column.clone(), column];
    (leaf.clone(), select(vec!["", "", "+", "-", "*", "/", "%"]), leaf).prop_map(|(a, op, b)| {
        if op.is_empty() {
            return a;
        }
        // Constants without a value are refused, and that is another test's.
        if a.1.is_number() && b.1.is_number() {
            return b;
        }
        (format!("({} {op} {})", a.0, b.0), json!({"op": op, "args": [a.1, b.1]}))
    })
}

fn texts() -> impl Strategy<Value = Both> {
    let literal = select(vec!["a", "Á", "đ", "Đb", ""]).prop_map(|v| (format!("'{v}'"), json!(v)));
    let leaf = prop_oneof![literal, select(vec!["ten", "ten_cu"]).prop_map(property)];
    (leaf, select(vec!["", "casei", "accenti"])).prop_map(|(a, fold)| {
        if fold.is_empty() { a } else { (format!("{fold}({})", a.0), json!({"op": fold, "args": [a.1]})) }
    })
}

fn comparisons() -> impl Strategy<Value = &'static str> {
    select(vec!["=", "<>", "<", "<=", ">", ">="])
}

fn infix(a: Both, op: &str, b: Both) -> Both {
    (format!("{} {op} {}", a.0, b.0), json!({"op": op, "args": [a.1, b.1]}))
}

fn dates() -> impl Strategy<Value = String> {
    (1..9u32).prop_map(|day| format!("2025-01-0{day}"))
}

fn periods() -> impl Strategy<Value = Both> {
    let bound = || {
        prop_oneof![
            Just(("'..'".to_owned(), json!(".."))),
            select(vec!["tu", "den"]).prop_map(property),
            select(vec!["luc"]).prop_map(property),
        ]
    };
    prop_oneof![
        (bound(), bound())
            .prop_map(|(a, b)| (format!("INTERVAL({}, {})", a.0, b.0), json!({"interval": [a.1, b.1]}))),
        (dates(), dates()).prop_map(|(a, b)| {
            let (a, b) = if a <= b { (a, b) } else { (b, a) };
            (format!("INTERVAL('{a}', '{b}')"), json!({"interval": [a, b]}))
        }),
    ]
}

fn leaves() -> impl Strategy<Value = Both> {
    let temporal = select(crate::time::Relation::ALL.to_vec());
    let spatial = select(vec![
        "intersects",
        "equals",
        "disjoint",
        "touches",
        "crosses",
        "within",
        "contains",
        "overlaps",
    ]);
    prop_oneof![
        (numbers(), comparisons(), numbers()).prop_map(|(a, op, b)| infix(a, op, b)),
        (texts(), comparisons(), texts()).prop_map(|(a, op, b)| infix(a, op, b)),
        (select(vec!["tu", "den"]), comparisons(), dates()).prop_map(|(column, op, date)| {
            let date = (format!("DATE('{date}')"), json!({"date": date}));
            infix(property(column), op, date)
        }),
        (numbers(), numbers(), numbers()).prop_map(|(a, b, c)| {
            (
                format!("{} BETWEEN {} AND {}", a.0, b.0, c.0),
                json!({"op": "between", "args": [a.1, b.1, c.1]}),
            )
        }),
        (select(vec!["so", "gia"]), prop::collection::vec(-3..4i32, 1..5)).prop_map(|(column, list)| {
            let (name, value) = property(column);
            let items: Vec<String> = list.iter().map(i32::to_string).collect();
            (format!("{name} IN ({})", items.join(", ")), json!({"op": "in", "args": [value, list]}))
        }),
        (select(vec!["ten", "ten_cu"]), "[aÁđ%_]{0,4}").prop_map(|(column, pattern)| {
            let (name, value) = property(column);
            (format!("{name} LIKE '{pattern}'"), json!({"op": "like", "args": [value, pattern]}))
        }),
        select(vec!["ten", "so", "gia", "dung", "tu", "luc", "geometry"]).prop_map(|column| {
            let (name, value) = property(column);
            (format!("{name} IS NULL"), json!({"op": "isNull", "args": [value]}))
        }),
        Just(property("dung")),
        (temporal, periods(), periods()).prop_map(|(relation, a, b)| {
            let name = relation.name().to_lowercase();
            (format!("{name}({}, {})", a.0, b.0), json!({"op": name, "args": [a.1, b.1]}))
        }),
        (spatial, 0..4i32, 0..4i32, 1..3i32, any::<bool>()).prop_map(|(relation, x, y, side, turned)| {
            let [x, y, e, n] = [x, y, x + side, y + side].map(|v| f64::from(v) / 2.0);
            let place = (format!("BBOX({x}, {y}, {e}, {n})"), json!({"bbox": [x, y, e, n]}));
            let (a, b) = if turned { (place, property("geometry")) } else { (property("geometry"), place) };
            (
                format!("s_{relation}({}, {})", a.0, b.0),
                json!({"op": format!("s_{relation}"), "args": [a.1, b.1]}),
            )
        }),
    ]
}

/// Filters that mean something, in both languages.
pub(super) fn filters() -> impl Strategy<Value = Both> {
    leaves().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| (format!("NOT ({})", a.0), json!({"op": "not", "args": [a.1]}))),
            (select(vec!["and", "or"]), prop::collection::vec(inner, 2..4)).prop_map(|(op, all)| {
                let texts: Vec<String> = all.iter().map(|a| format!("({})", a.0)).collect();
                let values: Vec<Value> = all.into_iter().map(|a| a.1).collect();
                (texts.join(&format!(" {op} ")), json!({"op": op, "args": values}))
            }),
        ]
    })
}

fn a_row() -> impl Strategy<Value = Row> {
    let text = || prop::option::of("[aÁđĐb]{0,2}");
    let whole = || prop::option::of(-4..5i64);
    let first = day("2025-01-01");
    let date = move || prop::option::of(first - 2..first + 12);
    (
        (text(), text(), whole(), whole()),
        prop::option::of(select(vec![0.0, -0.0, 0.5, -1.5, 2.0, f64::NAN, f64::INFINITY])),
        prop::option::of(any::<bool>()),
        (
            date(),
            date(),
            prop::option::of((0..40i64).prop_map(move |q| i64::from(first) * DAY + q * DAY / 4)),
        ),
        prop::option::of((0..5i32, 0..5i32).prop_map(|(x, y)| (f64::from(x) / 2.0, f64::from(y) / 2.0))),
    )
        .prop_map(|((ten, ten_cu, so, so_cu), gia, dung, (tu, den, luc), at)| Row {
            ten,
            ten_cu,
            so,
            so_cu,
            gia,
            dung,
            tu,
            den,
            luc,
            at,
        })
}

fn value(scalar: &Scalar, row: &Row, id: i64) -> Option<Literal> {
    let number = |scalar: &Scalar| match value(scalar, row, id) {
        Some(Literal::Float(v)) => Some(v),
        Some(Literal::Integer(v)) => Some(v as f64),
        _ => None,
    };
    let float = |v: f64| v.is_finite().then_some(Literal::Float(if v == 0.0 { 0.0 } else { v }));
    match scalar {
        Scalar::Literal(literal) => Some(literal.clone()),
        Scalar::Column { name, .. } => match name.as_str() {
            "ten" => row.ten.clone().map(Literal::Text),
            "ten_cu" => row.ten_cu.clone().map(Literal::Text),
            "so" => row.so.map(Literal::Integer),
            "so_cu" => row.so_cu.map(Literal::Integer),
            "gia" => row.gia.and_then(float),
            "dung" => row.dung.map(Literal::Boolean),
            "tu" => row.tu.map(Literal::Date),
            "den" => row.den.map(Literal::Date),
            "luc" => row.luc.map(Literal::Timestamp),
            KHO_ID => Some(Literal::Integer(id)),
            other => panic!("{other}"),
        },
        Scalar::Widen(inner) => number(inner).and_then(float),
        Scalar::Fold(fold, inner) => match value(inner, row, id)? {
            Literal::Text(text) => Some(Literal::Text(fold.of(&text))),
            other => panic!("{other:?}"),
        },
        Scalar::Arithmetic(op, a, b) => {
            let (a, b) = (number(a)?, number(b)?);
            float(match op.to_string().as_str() {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                "%" => a % b,
                other => panic!("{other}"),
            })
        }
    }
}

fn span(period: &Period, unit: Unit, row: &Row) -> Option<(i64, i64)> {
    let end = |end: &End, last: bool| {
        let open = if last { i64::MAX } else { i64::MIN };
        let at = match end {
            End::Open => return Some(open),
            End::Literal(literal) => Some(literal.clone()),
            End::Column { name, ty } => value(&Scalar::Column { name: name.clone(), ty: *ty }, row, 0),
        };
        match (at, unit) {
            (None, _) => matches!(period, Period::Interval(..)).then_some(open),
            (Some(Literal::Date(day)), Unit::Day) => Some(i64::from(day)),
            (Some(Literal::Date(day)), Unit::Microsecond) => {
                Some(i64::from(day) * DAY + if last { DAY - 1 } else { 0 })
            }
            (Some(Literal::Timestamp(at)), _) => Some(at),
            other => panic!("{other:?}"),
        }
    };
    let (from, to) = period.ends();
    Some((end(from, false)?, end(to, true)?))
}

/// What it is, by definition.
fn truth(predicate: &Predicate, row: &Row, id: i64) -> Option<bool> {
    match predicate {
        Predicate::Constant(value) => *value,
        Predicate::And(all) => {
            let each: Vec<_> = all.iter().map(|p| truth(p, row, id)).collect();
            if each.contains(&Some(false)) { Some(false) } else { (!each.contains(&None)).then_some(true) }
        }
        Predicate::Or(all) => {
            let each: Vec<_> = all.iter().map(|p| truth(p, row, id)).collect();
            if each.contains(&Some(true)) { Some(true) } else { (!each.contains(&None)).then_some(false) }
        }
        Predicate::Not(inner) => truth(inner, row, id).map(|t| !t),
        Predicate::IsNull(scalar) => Some(value(scalar, row, id).is_none()),
        Predicate::NoGeometry => Some(row.at.is_none()),
        Predicate::Truth(scalar) => match value(scalar, row, id)? {
            Literal::Boolean(truth) => Some(truth),
            other => panic!("{other:?}"),
        },
        Predicate::Compare { op, left, right } => {
            let (left, right) = (value(left, row, id)?, value(right, row, id)?);
            Some(op.holds(left.order(&right).unwrap()))
        }
        Predicate::Like { text, pattern } => match value(text, row, id)? {
            Literal::Text(text) => Some(pattern.matches(&text)),
            other => panic!("{other:?}"),
        },
        Predicate::In { value: scalar, list } => {
            let found = value(scalar, row, id)?;
            Some(list.contains(&found))
        }
        Predicate::Spatial { relation, left, right } => {
            let place = |place: &Place| match place {
                Place::Column => row.geometry(),
                Place::Literal(shape) => Some(shape.geometry().clone()),
            };
            let matrix = place(left)?.relate(&place(right)?);
            Some(match relation {
                Relation::Intersects => matrix.is_intersects(),
                Relation::Equals => matrix.is_equal_topo(),
                Relation::Disjoint => matrix.is_disjoint(),
                Relation::Touches => matrix.is_touches(),
                Relation::Crosses => matrix.is_crosses(),
                Relation::Within => matrix.is_within(),
                Relation::Contains => matrix.is_contains(),
                Relation::Overlaps => matrix.is_overlaps(),
            })
        }
        Predicate::Temporal { relation, left, right, unit } => {
            Some(relation.holds(span(left, *unit, row)?, span(right, *unit, row)?))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn kernels_do_what_is_defined((text, _) in filters(), rows in prop::collection::vec(a_row(), 0..24)) {
        let filter = parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let found = filter.evaluate(&batch(&rows)).unwrap();
        prop_assert_eq!(found.len(), rows.len());
        for (n, row) in rows.iter().enumerate() {
            let found = found.is_valid(n).then(|| found.value(n));
            prop_assert_eq!(found, truth(filter.predicate(), row, n as i64 + 1), "{} {:?}", text, row);
        }
    }

    /// No feature that passes lies away from the filter's box.
    #[test]
    fn what_passes_meets_the_box((text, _) in filters(), rows in prop::collection::vec(a_row(), 1..24)) {
        let filter = parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let keep = filter.matches(&batch(&rows)).unwrap();
        if let Some(bounds) = filter.bounds() {
            for (row, keep) in rows.iter().zip(keep.values().iter()) {
                let meets = row.geometry().and_then(|g| kho_layer::wkb_bounds(&wkb(&g)));
                prop_assert!(!keep || meets.is_some_and(|b| kho_layer::intersects(&b, &bounds)), "{} {:?}", text, row);
            }
        }
    }
}

/// The types of the layer are the columns' types here.
#[test]
fn every_column_has_a_value() {
    let grant = public();
    for column in grant.columns() {
        let scalar = Scalar::Column { name: column.name.clone(), ty: column.ty };
        assert_eq!(value(&scalar, &Row::default(), 1), None);
        assert_eq!(scalar.ty(), column.ty);
    }
    assert_eq!(Scalar::Column { name: KHO_ID.into(), ty: ColumnType::Integer }.ty(), ColumnType::Integer);
}
