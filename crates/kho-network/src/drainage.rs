//! Nodes and pipes to a graph that runs with the water.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use kho_layer::Text;

use crate::columns::Rows;
use crate::error::NetworkError;
use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::{metres, middle, path_metres};
use crate::model::{Edge, Kind, Network, Node, Role};

pub(crate) const NODES: &str = "drain_node";
pub(crate) const PIPES: &str = "drain_pipe";

/// How far a pipe's end may lie from its node before it counts as not snapped, m.
const SNAP_M: f64 = 0.5;

pub(crate) fn build(nodes: &[RecordBatch], pipes: &[RecordBatch]) -> Result<Network, NetworkError> {
    let mut found = Vec::new();
    let mut all = Vec::new();
    let mut by_key: HashMap<String, u32> = HashMap::new();
    for batch in nodes {
        read_nodes(batch, &mut all, &mut by_key, &mut found)?;
    }
    let mut edges = Vec::new();
    for batch in pipes {
        read_pipes(batch, &all, &by_key, &mut edges, &mut found)?;
    }
    Network::assemble(Kind::Drainage, all, edges, found)
}

fn read_nodes(
    batch: &RecordBatch,
    all: &mut Vec<Node>,
    by_key: &mut HashMap<String, u32>,
    found: &mut Vec<Finding>,
) -> Result<(), NetworkError> {
    let rows = Rows::new(NODES, batch)?;
    let key = rows.text("ma_nut")?;
    let role = rows.optional_text("loai")?;
    let rim = rows.number("cao_do_nap")?;
    let floor = rows.number("cao_do_day")?;
    for row in 0..rows.len() {
        let code = key.get(row).unwrap_or_default().to_owned();
        let role = match role.get(row) {
            Some("cua_xa") => Role::Outfall,
            Some("tram_bom") => Role::Pump,
            Some("ho_thu") => Role::Inlet,
            _ => Role::Manhole,
        };
        let at = rows.path(row).first().copied();
        let mut node = Node::new(rows.id(row), NODES, code.clone(), at, role);
        node.rim_m = rim.get(row);
        node.floor_m = floor.get(row);
        let index = u32::try_from(all.len()).map_err(|_| NetworkError::TooLarge("drainage"))?;
        if !code.is_empty() && by_key.insert(code, index).is_some() {
            found.push(duplicate(&node));
        }
        all.push(node);
    }
    Ok(())
}

pub(crate) fn duplicate(node: &Node) -> Finding {
    Finding {
        kind: FindingKind::DuplicateCode,
        severity: Severity::Error,
        layer: node.layer,
        id: node.id,
        key: node.key.clone(),
        place: node.place(),
        message: Text::new(
            format!("Mã {} được dùng cho nhiều đối tượng", node.key),
            format!("Code {} is carried by more than one feature", node.key),
        ),
        remedy: Text::new(
            "Cấp mã riêng cho từng đối tượng; hiện các nối kết theo đối tượng đọc sau cùng",
            "Give each feature a code of its own; for now whatever names it is joined to the last one read",
        ),
    }
}

fn read_pipes(
    batch: &RecordBatch,
    nodes: &[Node],
    by_key: &HashMap<String, u32>,
    edges: &mut Vec<Edge>,
    found: &mut Vec<Finding>,
) -> Result<(), NetworkError> {
    let rows = Rows::new(PIPES, batch)?;
    let key = rows.text("ma_tuyen")?;
    let from = rows.text("nut_dau")?;
    let to = rows.text("nut_cuoi")?;
    let diameter = rows.number("duong_kinh")?;
    let width = rows.number("rong")?;
    let height = rows.number("cao")?;
    let start = rows.number("cao_do_dau")?;
    let end = rows.number("cao_do_cuoi")?;
    for row in 0..rows.len() {
        let code = key.get(row).unwrap_or_default().to_owned();
        let id = rows.id(row);
        let mut path = rows.path(row);
        let place = middle(&path).unwrap_or_default();
        let ends = [from.get(row), to.get(row)].map(|name| name.and_then(|name| by_key.get(name)).copied());
        let [Some(a), Some(b)] = ends else {
            let missing = if ends[0].is_none() { from.get(row) } else { to.get(row) };
            found.push(unknown_node(id, &code, place, ends[0].is_none(), missing));
            continue;
        };
        snap(id, &code, place, &mut path, &nodes[a as usize], &nodes[b as usize], found);
        edges.push(Edge {
            id: Some(id),
            key: code,
            from: a,
            to: b,
            length_m: path_metres(&path),
            path,
            start_m: start.get(row),
            end_m: end.get(row),
            section_m2: section(diameter.get(row), width.get(row), height.get(row)),
        });
    }
    Ok(())
}

/// The clear section in m² of a pipe (diameter in mm) or a box culvert (width and height in mm).
fn section(diameter: Option<f64>, width: Option<f64>, height: Option<f64>) -> Option<f64> {
    let positive = |v: Option<f64>| v.filter(|v| *v > 0.0).map(|v| v / 1000.0);
    match (positive(diameter), positive(width), positive(height)) {
        (Some(d), _, _) => Some(std::f64::consts::PI * d * d / 4.0),
        (None, Some(w), Some(h)) => Some(w * h),
        _ => None,
    }
}

/// Reports ends that are not on their nodes, and turns a pipe that was drawn backwards, so that
/// `path` always runs with the water.
fn snap(
    id: i64,
    code: &str,
    place: [f64; 2],
    path: &mut [[f64; 2]],
    from: &Node,
    to: &Node,
    found: &mut Vec<Finding>,
) {
    let (Some(&first), Some(&last), Some(a), Some(b)) = (path.first(), path.last(), from.at, to.at) else {
        return;
    };
    let mut ends = [first, last];
    let straight = metres(first, a).max(metres(last, b));
    if straight <= SNAP_M {
        return;
    }
    let turned = metres(first, b).max(metres(last, a));
    let pipe = |kind, severity, place, message, remedy| Finding {
        kind,
        severity,
        layer: PIPES,
        id,
        key: code.to_owned(),
        place,
        message,
        remedy,
    };
    // Drawn backwards, and perhaps not snapped either.
    if turned <= SNAP_M || turned < straight / 2.0 {
        path.reverse();
        ends = [last, first];
        found.push(pipe(
            FindingKind::ReversedLine,
            Severity::Warning,
            place,
            Text::new(
                format!("Tuyến {code} được vẽ từ nút cuối {} về nút đầu {}", to.key, from.key),
                format!("Pipe {code} is drawn from its end node {} to its start node {}", to.key, from.key),
            ),
            Text::new(
                "Kiểm tra hướng chảy; đảo chiều hình vẽ hoặc đổi nut_dau và nut_cuoi",
                "Check which way the water runs, then turn the line round or swap nut_dau and nut_cuoi",
            ),
        ));
    }
    for (end, node, at) in [(ends[0], from, a), (ends[1], to, b)] {
        let gap = metres(end, at);
        if gap > SNAP_M {
            found.push(pipe(
                FindingKind::UnsnappedEnd,
                Severity::Warning,
                end,
                Text::new(
                    format!("Đầu tuyến {code} cách nút {} {gap:.1} m", node.key),
                    format!("An end of pipe {code} is {gap:.1} m away from node {}", node.key),
                ),
                Text::new(
                    "Bắt dính đầu tuyến vào nút, hoặc sửa mã nút",
                    "Snap the end of the line to the node, or correct the node's code",
                ),
            ));
        }
    }
}

fn unknown_node(id: i64, code: &str, place: [f64; 2], at_start: bool, name: Option<&str>) -> Finding {
    let (column, vi, en) =
        if at_start { ("nut_dau", "đầu", "start") } else { ("nut_cuoi", "cuối", "end") };
    let message = match name {
        Some(name) => Text::new(
            format!("Nút {vi} {name} của tuyến {code} không có trong lớp {NODES}"),
            format!("The {en} node {name} of pipe {code} is not in layer {NODES}"),
        ),
        None => Text::new(
            format!("Tuyến {code} không ghi nút {vi} ({column})"),
            format!("Pipe {code} names no {en} node ({column})"),
        ),
    };
    Finding {
        kind: FindingKind::UnknownNode,
        severity: Severity::Error,
        layer: PIPES,
        id,
        key: code.to_owned(),
        place,
        message,
        remedy: Text::new(
            format!("Bổ sung nút vào {NODES} hoặc sửa {column}; hiện tuyến này không tham gia mạng"),
            format!(
                "Add the node to {NODES} or correct {column}; until then the pipe is not part of the network"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_in_square_metres() {
        assert!((section(Some(1200.0), None, None).unwrap() - 1.130_973).abs() < 1e-6);
        assert_eq!(section(None, Some(2000.0), Some(1500.0)), Some(3.0));
        assert_eq!(section(Some(0.0), Some(2000.0), None), None);
        assert_eq!(section(None, None, None), None);
    }
}
