use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;

use crate::{Direction, Finding, FindingKind, Kind, Network, Severity};

/// A metre of latitude, in degrees, near enough.
const M: f64 = 1.0 / 110_600.0;

fn wkb(path: &[[f64; 2]]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend((u32::from(path.len() > 1) + 1).to_le_bytes());
    if path.len() > 1 {
        out.extend((path.len() as u32).to_le_bytes());
    }
    out.extend(path.iter().flatten().flat_map(|v| v.to_le_bytes()));
    out
}

/// Place n of a test network: 10 m north of the one before.
fn place(n: u32) -> [f64; 2] {
    [109.19, 12.24 + f64::from(n) * 10.0 * M]
}

struct Pipe {
    from: &'static str,
    to: &'static str,
    diameter: f64,
    start: f64,
    end: f64,
    path: Vec<[f64; 2]>,
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn text(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn geometry(paths: impl Iterator<Item = Vec<[f64; 2]>>) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values(paths.map(|p| wkb(&p))))
}

/// Nodes `n0`, `n1`, … one above the other, the last an outfall; floors fall by 0.1 m.
fn nodes(count: u32) -> RecordBatch {
    let floors: Vec<f64> = (0..count).map(|n| 2.0 - 0.1 * f64::from(n)).collect();
    batch(vec![
        ("kho_id", Arc::new(Int64Array::from_iter_values(100..100 + i64::from(count)))),
        ("ma_nut", text((0..count).map(|n| format!("n{n}")).collect())),
        ("loai", text((0..count).map(|n| if n + 1 == count { "cua_xa" } else { "ho_ga" }.into()).collect())),
        ("cao_do_day", Arc::new(Float64Array::from(floors.clone()))),
        ("cao_do_nap", Arc::new(Float64Array::from_iter_values(floors.iter().map(|f| f + 2.0)))),
        ("geometry", geometry((0..count).map(|n| vec![place(n)]))),
    ])
}

fn pipes(pipes: &[Pipe]) -> RecordBatch {
    let text_of = |f: fn(&Pipe) -> &str| text(pipes.iter().map(|p| f(p).to_owned()).collect());
    let number =
        |f: fn(&Pipe) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(pipes.iter().map(f))) };
    batch(vec![
        ("kho_id", Arc::new(Int64Array::from_iter_values(200..200 + pipes.len() as i64))),
        ("ma_tuyen", text(pipes.iter().map(|p| format!("{}-{}", p.from, p.to)).collect())),
        ("nut_dau", text_of(|p| p.from)),
        ("nut_cuoi", text_of(|p| p.to)),
        ("duong_kinh", number(|p| p.diameter)),
        ("cao_do_dau", number(|p| p.start)),
        ("cao_do_cuoi", number(|p| p.end)),
        ("geometry", geometry(pipes.iter().map(|p| p.path.clone()))),
    ])
}

/// The pipe from n`a` to n`b` as it should be.
fn good(from: &'static str, to: &'static str, a: u32, b: u32) -> Pipe {
    let floor = |n: u32| 2.0 - 0.1 * f64::from(n);
    Pipe { from, to, diameter: 600.0, start: floor(a), end: floor(b), path: vec![place(a), place(b)] }
}

fn sound() -> Vec<Pipe> {
    vec![good("n0", "n1", 0, 1), good("n1", "n2", 1, 2), good("n2", "n3", 2, 3)]
}

fn drainage(edges: &[Pipe]) -> Network {
    Network::build(Kind::Drainage, &[nodes(4)], &[pipes(edges)]).unwrap()
}

fn kinds(found: &[Finding]) -> Vec<(FindingKind, &str)> {
    found.iter().map(|f| (f.kind, f.key.as_str())).collect()
}

#[test]
fn a_sound_network_has_no_findings() {
    assert_eq!(drainage(&sound()).check(), []);
}

#[test]
fn adverse_slope_is_found_at_the_middle_of_the_pipe() {
    let mut edges = sound();
    edges[1].end = edges[1].start + 0.3;
    let found = drainage(&edges).check();
    let slope = found.iter().find(|f| f.kind == FindingKind::AdverseSlope).unwrap();
    assert_eq!((slope.severity, slope.id, slope.key.as_str()), (Severity::Error, 201, "n1-n2"));
    assert!((slope.place[1] - (place(1)[1] + 5.0 * M)).abs() < M / 100.0);
    assert!(slope.message.en.contains("0.30 m"), "{}", slope.message.en);
}

#[test]
fn each_fault_is_found_and_nothing_else() {
    let mut narrow = sound();
    narrow[2].diameter = 400.0;
    assert_eq!(kinds(&drainage(&narrow).check()), [(FindingKind::DiameterDecrease, "n2-n3")]);

    let mut low = sound();
    low[2].end -= 0.5;
    assert_eq!(kinds(&drainage(&low).check()), [(FindingKind::InvertMismatch, "n2-n3")]);

    let mut step = sound();
    step[1].start += 0.15;
    assert_eq!(kinds(&drainage(&step).check()), [(FindingKind::InvertMismatch, "n1-n2")]);

    let mut loose = sound();
    loose[0].path[0][0] += 3.0 * M;
    assert_eq!(kinds(&drainage(&loose).check()), [(FindingKind::UnsnappedEnd, "n0-n1")]);

    let mut backwards = sound();
    backwards[1].path.reverse();
    let network = drainage(&backwards);
    assert_eq!(kinds(&network.check()), [(FindingKind::ReversedLine, "n1-n2")]);
    assert_eq!(network.edges()[1].path, [place(1), place(2)], "the path runs with the water");

    backwards[1].path[0][0] += 0.7 * M;
    let network = drainage(&backwards);
    let found = [(FindingKind::UnsnappedEnd, "n1-n2"), (FindingKind::ReversedLine, "n1-n2")];
    assert_eq!(kinds(&network.check()), found, "both faults, and the gap is not the pipe's length");
    assert_eq!(network.edges()[1].path[0], place(1));
}

#[test]
fn a_missing_pipe_strands_what_lies_above_it() {
    let mut edges = sound();
    edges.remove(2);
    let found = drainage(&edges).check();
    assert_eq!(kinds(&found), [(FindingKind::NoOutfall, "n2"), (FindingKind::OrphanNode, "n3")]);
    assert!(found[0].message.en.contains("3 nodes"), "{}", found[0].message.en);
}

#[test]
fn an_unknown_node_takes_the_pipe_out_of_the_network() {
    let mut edges = sound();
    edges[0].from = "n9";
    let network = drainage(&edges);
    let found = network.check();
    assert_eq!(kinds(&found), [(FindingKind::UnknownNode, "n9-n1"), (FindingKind::OrphanNode, "n0")]);
    assert!(found[0].message.en.contains("start node n9"));
    assert_eq!(network.edges().len(), 2);
}

#[test]
fn a_circle_without_a_way_out_is_an_error() {
    let mut edges = sound();
    edges[2] = good("n2", "n0", 2, 0);
    edges[2].start = 1.8;
    edges[2].end = 1.8;
    let found = drainage(&edges).check();
    assert!(found.iter().any(|f| f.kind == FindingKind::Loop && f.severity == Severity::Error), "{found:?}");
}

#[test]
fn traces_follow_the_water() {
    let network = drainage(&sound());
    let ids = |direction| -> Vec<i64> {
        network.trace(101, direction).unwrap().nodes.iter().map(|n| n.id).collect()
    };
    assert_eq!(ids(Direction::Downstream), [101, 102, 103]);
    assert_eq!(ids(Direction::Upstream), [101, 100]);
    assert_eq!(ids(Direction::Connected).len(), 4);
    let down = network.trace(101, Direction::Downstream).unwrap();
    assert_eq!(down.ends.iter().map(|n| n.id).collect::<Vec<_>>(), [103]);
    assert!((down.length_m - 20.0).abs() < 0.05, "{}", down.length_m);
    // From a pipe: the pipe itself and what follows.
    let pipe = network.trace(201, Direction::Downstream).unwrap();
    assert_eq!(pipe.edges.iter().filter_map(|e| e.id).collect::<Vec<_>>(), [201, 202]);
    assert!(network.trace(999, Direction::Downstream).is_none());
}

fn lamps(rows: &[(&str, &str, f64, [f64; 2])]) -> RecordBatch {
    batch(vec![
        ("kho_id", Arc::new(Int64Array::from_iter_values(500..500 + rows.len() as i64))),
        ("ma_den", text((0..rows.len()).map(|n| format!("d{n}")).collect())),
        ("ma_tu", text(rows.iter().map(|r| r.0.to_owned()).collect())),
        ("lo", text(rows.iter().map(|r| r.1.to_owned()).collect())),
        ("cong_suat", Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.2)))),
        ("geometry", geometry(rows.iter().map(|r| vec![r.3]))),
    ])
}

fn lighting(rows: &[(&str, &str, f64, [f64; 2])]) -> Network {
    let cabinets = batch(vec![
        ("kho_id", Arc::new(Int64Array::from(vec![400, 401]))),
        ("ma_tu", text(vec!["t1".into(), "t2".into()])),
        ("cong_suat_kw", Arc::new(Float64Array::from(vec![1.0, 1.0]))),
        ("so_lo", Arc::new(Int64Array::from(vec![1, 1]))),
        ("geometry", geometry([vec![place(0)], vec![place(50)]].into_iter())),
    ]);
    Network::build(Kind::Lighting, &[cabinets], &[lamps(rows)]).unwrap()
}

#[test]
fn lamps_are_chained_by_distance_from_their_cabinet() {
    // Delivered out of order along the street.
    let network =
        lighting(&[("t1", "A", 100.0, place(3)), ("t1", "A", 100.0, place(1)), ("t1", "A", 100.0, place(2))]);
    let up: Vec<i64> = network.trace(500, Direction::Upstream).unwrap().nodes.iter().map(|n| n.id).collect();
    assert_eq!(up, [500, 502, 501, 400]);
    let down = network.trace(501, Direction::Downstream).unwrap();
    assert_eq!(down.nodes.iter().map(|n| n.id).collect::<Vec<_>>(), [501, 502, 500]);
    assert_eq!(kinds(&network.check()), [(FindingKind::EmptyCabinet, "t2")]);
}

#[test]
fn lighting_faults_are_found() {
    let far = [place(51)[0] + 400.0 * M, place(51)[1]];
    let network = lighting(&[
        ("t1", "A", 600.0, place(1)),
        ("t1", "B", 600.0, place(2)),
        ("t9", "A", 100.0, place(3)),
        ("t2", "A", 100.0, place(51)),
        ("t2", "A", 100.0, far),
    ]);
    let found: BTreeSet<_> = network.check().iter().map(|f| (f.kind, f.key.clone())).collect();
    let wanted = [
        (FindingKind::UnknownCabinet, "d2"),
        (FindingKind::CabinetOverload, "t1"),
        (FindingKind::TooManyCircuits, "t1"),
        (FindingKind::DistantLamp, "d4"),
    ];
    assert_eq!(found, wanted.map(|(kind, key)| (kind, key.to_owned())).into());
}

#[test]
fn a_missing_join_column_is_named() {
    let bare = nodes(2).project(&[0, 2, 5]).unwrap();
    let error = Network::build(Kind::Drainage, &[bare], &[]).unwrap_err().to_string();
    assert!(error.contains("drain_node") && error.contains("ma_nut"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// b is downstream of a exactly when a is upstream of b; connected holds both.
    #[test]
    fn upstream_and_downstream_are_dual(joins in prop::collection::vec((0u32..12, 0u32..12), 0..30)) {
        let names: Vec<&'static str> = vec!["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11"];
        let edges: Vec<Pipe> = joins.iter().map(|&(a, b)| good(names[a as usize], names[b as usize], a, b)).collect();
        let network = Network::build(Kind::Drainage, &[nodes(12)], &[pipes(&edges)]).unwrap();
        let reach = |id, direction| -> BTreeSet<i64> {
            network.trace(id, direction).unwrap().nodes.iter().map(|n| n.id).collect()
        };
        for a in 100..112 {
            let down = reach(a, Direction::Downstream);
            let joined = reach(a, Direction::Connected);
            prop_assert!(down.is_subset(&joined));
            for b in 100..112 {
                prop_assert_eq!(down.contains(&b), reach(b, Direction::Upstream).contains(&a));
                prop_assert_eq!(joined.contains(&b), reach(b, Direction::Connected).contains(&a));
            }
            let trace = network.trace(a, Direction::Connected).unwrap();
            let unique: BTreeSet<_> = trace.edges.iter().map(|e| e.id).collect();
            prop_assert_eq!(unique.len(), trace.edges.len(), "each edge once");
        }
        network.check(); // whatever the joins, checking ends and does not panic
    }
}
