//! Cabinets and lamps to a graph that runs with the current.
//!
//! The city delivers lamps, not wires: each names its cabinet and circuit. The wire is presumed:
//! the shortest tree that joins a circuit's lamps, grown from the cabinet (Prim 1957), which is how
//! a circuit is laid along streets. Traces therefore order lamps by distance along that tree, and
//! say that the wire is presumed by giving its edges no id.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use kho_layer::Text;

use crate::columns::Rows;
use crate::drainage::duplicate;
use crate::error::NetworkError;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::metres;
use crate::model::{Edge, Kind, Network, Node, Role};

pub(crate) const CABINETS: &str = "lighting_cabinet";
pub(crate) const LAMPS: &str = "street_light";

/// Circuits longer than this are chained in the order of their codes: Prim's algorithm is
/// quadratic, and no real circuit has so many lamps.
const TREE_MAX: usize = 4096;

pub(crate) fn build(cabinets: &[RecordBatch], lamps: &[RecordBatch]) -> Result<Network, NetworkError> {
    let mut found = Vec::new();
    let mut nodes = Vec::new();
    let mut by_key: HashMap<String, u32> = HashMap::new();
    for batch in cabinets {
        read_cabinets(batch, &mut nodes, &mut by_key, &mut found)?;
    }
    let mut circuits: BTreeMap<(u32, String), Vec<u32>> = BTreeMap::new();
    for batch in lamps {
        read_lamps(batch, &mut nodes, &by_key, &mut circuits, &mut found)?;
    }
    let mut edges = Vec::new();
    for ((cabinet, _), lamps) in circuits {
        wire(cabinet, lamps, &nodes, &mut edges);
    }
    Network::assemble(Kind::Lighting, nodes, edges, found)
}

fn read_cabinets(
    batch: &RecordBatch,
    nodes: &mut Vec<Node>,
    by_key: &mut HashMap<String, u32>,
    found: &mut Vec<Finding>,
) -> Result<(), NetworkError> {
    let rows = Rows::new(CABINETS, batch)?;
    let key = rows.text("ma_tu")?;
    let power = rows.number("cong_suat_kw")?;
    let circuits = rows.number("so_lo")?;
    for row in 0..rows.len() {
        let code = key.get(row).unwrap_or_default().to_owned();
        let at = rows.path(row).first().copied();
        let mut node = Node::new(rows.id(row), CABINETS, code.clone(), at, Role::Cabinet);
        node.watts = power.get(row).map(|kw| kw * 1000.0);
        // A float-to-integer cast saturates: a negative or absurd number of circuits is 0 or max.
        node.circuits = circuits.get(row).map(|n| n as u32);
        if !code.is_empty() && by_key.insert(code, index(nodes)?).is_some() {
            found.push(duplicate(&node));
        }
        nodes.push(node);
    }
    Ok(())
}

fn read_lamps(
    batch: &RecordBatch,
    nodes: &mut Vec<Node>,
    by_key: &HashMap<String, u32>,
    circuits: &mut BTreeMap<(u32, String), Vec<u32>>,
    found: &mut Vec<Finding>,
) -> Result<(), NetworkError> {
    let rows = Rows::new(LAMPS, batch)?;
    let key = rows.text("ma_den")?;
    let cabinet = rows.text("ma_tu")?;
    let circuit = rows.optional_text("lo")?;
    let watts = rows.number("cong_suat")?;
    for row in 0..rows.len() {
        let at = rows.path(row).first().copied();
        let code = key.get(row).unwrap_or_default().to_owned();
        let mut node = Node::new(rows.id(row), LAMPS, code, at, Role::Lamp);
        node.watts = watts.get(row);
        node.circuit = circuit.get(row).map(str::to_owned);
        node.fed_by = cabinet.get(row).map(str::to_owned);
        match node.fed_by.as_deref().and_then(|name| by_key.get(name)) {
            Some(&cabinet) => {
                let name = node.circuit.clone().unwrap_or_default();
                circuits.entry((cabinet, name)).or_default().push(index(nodes)?);
            }
            None => found.push(unknown_cabinet(&node)),
        }
        nodes.push(node);
    }
    Ok(())
}

fn index(nodes: &[Node]) -> Result<u32, NetworkError> {
    u32::try_from(nodes.len()).map_err(|_| NetworkError::TooLarge("lighting"))
}

fn unknown_cabinet(lamp: &Node) -> Finding {
    let message = match &lamp.fed_by {
        Some(name) => Text::new(
            format!("Đèn {} ghi tủ {name}, không có trong lớp {CABINETS}", lamp.key),
            format!("Lamp {} names cabinet {name}, which is not in layer {CABINETS}", lamp.key),
        ),
        None => Text::new(
            format!("Đèn {} không ghi tủ điều khiển (ma_tu)", lamp.key),
            format!("Lamp {} names no cabinet (ma_tu)", lamp.key),
        ),
    };
    Finding {
        kind: FindingKind::UnknownCabinet,
        severity: Severity::Error,
        layer: LAMPS,
        id: lamp.id,
        key: lamp.key.clone(),
        place: lamp.place(),
        message,
        remedy: Text::new(
            format!("Bổ sung tủ vào {CABINETS} hoặc sửa ma_tu của đèn"),
            format!("Add the cabinet to {CABINETS} or correct the lamp's ma_tu"),
        ),
    }
}

/// Joins the lamps of one circuit to their cabinet.
fn wire(cabinet: u32, mut lamps: Vec<u32>, nodes: &[Node], edges: &mut Vec<Edge>) {
    lamps.sort_by(|&a, &b| nodes[a as usize].key.cmp(&nodes[b as usize].key));
    // A lamp without a place hangs on the cabinet itself.
    let (placed, lost): (Vec<u32>, Vec<u32>) =
        lamps.into_iter().partition(|&lamp| nodes[lamp as usize].at.is_some());
    edges.extend(lost.into_iter().map(|lamp| presumed(cabinet, lamp, nodes)));
    if placed.len() > TREE_MAX || nodes[cabinet as usize].at.is_none() {
        let mut last = cabinet;
        for lamp in placed {
            edges.push(presumed(last, lamp, nodes));
            last = lamp;
        }
        return;
    }
    let distance = |a: u32, b: u32| metres(nodes[a as usize].place(), nodes[b as usize].place());
    // For each lamp that is still outside the tree: itself, its nearest lamp inside, how far.
    let mut outside: Vec<(u32, u32, f64)> =
        placed.into_iter().map(|lamp| (lamp, cabinet, distance(cabinet, lamp))).collect();
    while let Some(next) = (0..outside.len()).min_by(|&a, &b| outside[a].2.total_cmp(&outside[b].2)) {
        let (lamp, parent, _) = outside.swap_remove(next);
        edges.push(presumed(parent, lamp, nodes));
        for other in &mut outside {
            let d = distance(lamp, other.0);
            if d < other.2 {
                (other.1, other.2) = (lamp, d);
            }
        }
    }
}

fn presumed(from: u32, to: u32, nodes: &[Node]) -> Edge {
    let path: Vec<[f64; 2]> = [from, to].iter().filter_map(|&n| nodes[n as usize].at).collect();
    let length_m = crate::measure::path_metres(&path);
    Edge {
        id: None,
        key: String::new(),
        from,
        to,
        path,
        length_m,
        start_m: None,
        end_m: None,
        section_m2: None,
    }
}
