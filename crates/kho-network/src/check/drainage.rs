//! What can be wrong with a network that water has to run through.

use kho_layer::Text;
use petgraph::Direction as Way;
use petgraph::algo::kosaraju_scc;

use super::{at_node, at_pipe};
use crate::finding::{Finding, FindingKind, Severity};
use crate::model::{Edge, Network, Node, Role};
use crate::trace::Direction;

/// Levels that differ by less are the same: surveys give centimetres.
const LEVEL_M: f64 = 0.02;
/// A section smaller by less than this share is the same pipe of another maker.
const SECTION_SHARE: f64 = 0.02;

pub(super) fn check(network: &Network, found: &mut Vec<Finding>) {
    for pipe in &network.edges {
        slope(pipe, found);
        levels(pipe, &network.nodes[pipe.from as usize], &network.nodes[pipe.to as usize], found);
    }
    for (index, node) in network.nodes.iter().enumerate() {
        orphan(network, index, node, found);
        narrowing(network, index, node, found);
        step_up(network, index, node, found);
    }
    outlets(network, found);
}

fn slope(pipe: &Edge, found: &mut Vec<Finding>) {
    let (Some(start), Some(end)) = (pipe.start_m, pipe.end_m) else { return };
    let rise = end - start;
    if rise <= LEVEL_M {
        return;
    }
    found.push(at_pipe(
        pipe,
        FindingKind::AdverseSlope,
        Severity::Error,
        Text::new(
            format!("Tuyến {} dốc ngược {rise:.2} m trên {:.1} m", pipe.key, pipe.length_m),
            format!(
                "Pipe {} rises {rise:.2} m over {:.1} m in the direction of flow",
                pipe.key, pipe.length_m
            ),
        ),
        Text::new(
            "Đo lại cao độ hai đầu, hoặc đổi chiều tuyến (nut_dau, nut_cuoi)",
            "Survey both invert levels again, or turn the pipe round (nut_dau, nut_cuoi)",
        ),
    ));
}

/// A pipe cannot start or end below the floor of its node, nor above its cover.
fn levels(pipe: &Edge, from: &Node, to: &Node, found: &mut Vec<Finding>) {
    let ends = [(pipe.start_m, from), (pipe.end_m, to)];
    for (level, node) in ends.into_iter().filter_map(|(level, node)| Some((level?, node))) {
        let message = match (node.floor_m, node.rim_m) {
            (Some(floor), _) if level < floor - LEVEL_M => Text::new(
                format!("Đáy tuyến {} ({level:.2} m) thấp hơn đáy nút {} ({floor:.2} m)", pipe.key, node.key),
                format!(
                    "Pipe {}'s invert ({level:.2} m) is below the floor of node {} ({floor:.2} m)",
                    pipe.key, node.key
                ),
            ),
            (_, Some(rim)) if level > rim + LEVEL_M => Text::new(
                format!("Đáy tuyến {} ({level:.2} m) cao hơn nắp nút {} ({rim:.2} m)", pipe.key, node.key),
                format!(
                    "Pipe {}'s invert ({level:.2} m) is above the cover of node {} ({rim:.2} m)",
                    pipe.key, node.key
                ),
            ),
            _ => continue,
        };
        let mut finding = at_pipe(
            pipe,
            FindingKind::InvertMismatch,
            Severity::Warning,
            message,
            Text::new(
                "Đối chiếu cao độ tuyến và nút; kiểm tra hệ cao độ của hai hồ sơ",
                "Compare the levels of pipe and node; check that both surveys use the same datum",
            ),
        );
        finding.place = node.at.unwrap_or(finding.place);
        found.push(finding);
    }
}

fn orphan(network: &Network, index: usize, node: &Node, found: &mut Vec<Finding>) {
    let joined =
        [Way::Incoming, Way::Outgoing].iter().any(|&way| network.edges_at(index, way).next().is_some());
    if joined {
        return;
    }
    found.push(at_node(
        node,
        FindingKind::OrphanNode,
        Severity::Warning,
        Text::new(
            format!("Nút {} không nối với tuyến nào", node.key),
            format!("No pipe is joined to node {}", node.key),
        ),
        Text::new(
            "Bổ sung tuyến còn thiếu, hoặc bỏ nút nếu không còn dùng",
            "Add the missing pipe, or remove the node if it is out of use",
        ),
    ));
}

/// Water must not be pressed from a wide pipe into a narrow one.
fn narrowing(network: &Network, index: usize, node: &Node, found: &mut Vec<Finding>) {
    let widest = |way| {
        network
            .edges_at(index, way)
            .filter_map(|e| Some((e, e.section_m2?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    };
    // A node that divides the flow is judged by its widest way out.
    let (Some((inlet, wide)), Some((outlet, narrow))) = (widest(Way::Incoming), widest(Way::Outgoing)) else {
        return;
    };
    if narrow >= wide * (1.0 - SECTION_SHARE) {
        return;
    }
    let mut finding = at_pipe(
        outlet,
        FindingKind::DiameterDecrease,
        Severity::Warning,
        Text::new(
            format!(
                "Tại nút {}, tuyến ra {} ({narrow:.2} m²) nhỏ hơn tuyến vào {} ({wide:.2} m²)",
                node.key, outlet.key, inlet.key
            ),
            format!(
                "At node {} the outgoing pipe {} ({narrow:.2} m²) is smaller than the incoming {} ({wide:.2} m²)",
                node.key, outlet.key, inlet.key
            ),
        ),
        Text::new(
            "Kiểm tra kích thước ghi trong hồ sơ; nếu đúng, đây là điểm nghẽn",
            "Check the recorded sizes; if they are right this is a bottleneck",
        ),
    );
    finding.place = node.at.unwrap_or(finding.place);
    found.push(finding);
}

/// The lowest way out must not lie above the lowest way in, or water stands in the pipe.
fn step_up(network: &Network, index: usize, node: &Node, found: &mut Vec<Finding>) {
    if node.role == Role::Pump {
        return;
    }
    let lowest_in = network
        .edges_at(index, Way::Incoming)
        .filter_map(|e| Some((e, e.end_m?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let lowest_out = network
        .edges_at(index, Way::Outgoing)
        .filter_map(|e| Some((e, e.start_m?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let (Some((inlet, low)), Some((outlet, high))) = (lowest_in, lowest_out) else { return };
    let step = high - low;
    if step <= LEVEL_M {
        return;
    }
    let mut finding = at_pipe(
        outlet,
        FindingKind::InvertMismatch,
        Severity::Warning,
        Text::new(
            format!(
                "Tại nút {}, tuyến ra {} cao hơn tuyến vào {} {step:.2} m",
                node.key, outlet.key, inlet.key
            ),
            format!(
                "At node {} the outgoing pipe {} lies {step:.2} m above the incoming {}",
                node.key, outlet.key, inlet.key
            ),
        ),
        Text::new(
            "Đo lại cao độ đáy tại nút; nước đọng trong tuyến vào nếu số liệu đúng",
            "Survey the inverts at the node again; if they are right, water stands in the incoming pipe",
        ),
    );
    finding.place = node.at.unwrap_or(finding.place);
    found.push(finding);
}

/// Every drop must reach an outfall or a pump. Reported once where the way ends, with the number
/// of nodes that it strands, and not once a stranded node.
fn outlets(network: &Network, found: &mut Vec<Finding>) {
    let pieces = kosaraju_scc(&network.graph);
    let mut piece_of = vec![0; network.nodes.len()];
    for (number, piece) in pieces.iter().enumerate() {
        for node in piece {
            piece_of[node.index()] = number;
        }
    }
    for (number, piece) in pieces.iter().enumerate() {
        let [first, rest @ ..] = piece.as_slice() else { continue };
        let saved = piece.iter().any(|n| matches!(network.nodes[n.index()].role, Role::Outfall | Role::Pump));
        let circle = !rest.is_empty() || network.graph.find_edge(*first, *first).is_some();
        let leaves = piece.iter().any(|n| {
            network.edges_at(n.index(), Way::Outgoing).any(|edge| piece_of[edge.to as usize] != number)
        });
        let joined = network.edges_at(first.index(), Way::Incoming).next().is_some();
        let Some(node) = piece.iter().map(|n| &network.nodes[n.index()]).min_by(|a, b| a.key.cmp(&b.key))
        else {
            continue;
        };
        if circle {
            let severity = if leaves || saved { Severity::Warning } else { Severity::Error };
            found.push(looping(node, piece.len(), severity));
        } else if !leaves && !saved && joined {
            let stranded = network.trace(node.id, Direction::Upstream).map_or(0, |t| t.nodes.len());
            found.push(dead_end(node, stranded));
        }
    }
}

fn looping(node: &Node, nodes: usize, severity: Severity) -> Finding {
    at_node(
        node,
        FindingKind::Loop,
        severity,
        Text::new(
            format!("{nodes} nút quanh {} tạo thành vòng kín", node.key),
            format!("{nodes} nodes around {} drain in a circle", node.key),
        ),
        Text::new(
            "Đổi chiều một tuyến trong vòng (nut_dau, nut_cuoi) theo hướng chảy thật",
            "Turn one pipe of the circle round (nut_dau, nut_cuoi), the way the water really runs",
        ),
    )
}

fn dead_end(node: &Node, stranded: usize) -> Finding {
    at_node(
        node,
        FindingKind::NoOutfall,
        Severity::Error,
        Text::new(
            format!("Nước dừng tại nút {}: {stranded} nút không ra được cửa xả", node.key),
            format!("The water stops at node {}: {stranded} nodes reach no outfall", node.key),
        ),
        Text::new(
            "Bổ sung tuyến ra khỏi nút này, hoặc ghi nút là cua_xa nếu đây là cửa xả",
            "Add the pipe that leaves this node, or record it as an outfall (cua_xa) if it is one",
        ),
    )
}
