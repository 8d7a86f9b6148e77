//! What can be wrong with a network that current has to run through.

use std::collections::BTreeSet;

use kho_layer::Text;
use petgraph::Direction as Way;

use super::at_node;
use crate::finding::{Finding, FindingKind, Severity};
use crate::model::{Network, Node, Role};
use crate::trace::Direction;

/// Lamps stand 25 to 40 m apart; a presumed wire this long, in m, is a wrong place or circuit.
const WIRE_M: f64 = 250.0;
/// From this share of its power on a cabinet has no reserve left.
const RESERVE: f64 = 0.9;

pub(super) fn check(network: &Network, found: &mut Vec<Finding>) {
    for (index, node) in network.nodes.iter().enumerate() {
        match node.role {
            Role::Cabinet => cabinet(network, index, node, found),
            Role::Lamp => distant(network, index, node, found),
            _ => {}
        }
    }
}

fn cabinet(network: &Network, index: usize, node: &Node, found: &mut Vec<Finding>) {
    if network.edges_at(index, Way::Outgoing).next().is_none() {
        found.push(at_node(
            node,
            FindingKind::EmptyCabinet,
            Severity::Info,
            Text::new(
                format!("Tủ {} không cấp điện cho đèn nào", node.key),
                format!("Cabinet {} feeds no lamp", node.key),
            ),
            Text::new(
                "Bổ sung đèn của tủ, hoặc ghi tủ ngừng hoạt động",
                "Add its lamps, or record the cabinet as out of use",
            ),
        ));
        return;
    }
    let Some(trace) = network.trace(node.id, Direction::Downstream) else { return };
    let lamps = || trace.nodes.iter().filter(|n| n.role == Role::Lamp);
    load(node, lamps().filter_map(|lamp| lamp.watts).sum(), lamps().count(), found);
    let circuits: BTreeSet<&str> = lamps().filter_map(|lamp| lamp.circuit.as_deref()).collect();
    if let Some(has) = node.circuits.filter(|&has| circuits.len() > has as usize) {
        found.push(at_node(
            node,
            FindingKind::TooManyCircuits,
            Severity::Warning,
            Text::new(
                format!("Tủ {} có {has} lộ nhưng đèn ghi {} lộ", node.key, circuits.len()),
                format!("Cabinet {} has {has} circuits, but its lamps name {}", node.key, circuits.len()),
            ),
            Text::new("Sửa lo của đèn hoặc so_lo của tủ", "Correct the lamps' lo or the cabinet's so_lo"),
        ));
    }
}

fn load(node: &Node, watts: f64, lamps: usize, found: &mut Vec<Finding>) {
    let Some(power) = node.watts.filter(|power| *power > 0.0) else { return };
    let share = watts / power;
    if share <= RESERVE {
        return;
    }
    let severity = if share > 1.0 { Severity::Error } else { Severity::Warning };
    let (load, power, percent) = (watts / 1000.0, power / 1000.0, share * 100.0);
    found.push(at_node(
        node,
        FindingKind::CabinetOverload,
        severity,
        Text::new(
            format!(
                "Tủ {} mang {load:.1} kW của {lamps} đèn trên công suất {power:.1} kW ({percent:.0} %)",
                node.key
            ),
            format!(
                "Cabinet {} carries {load:.1} kW of {lamps} lamps on {power:.1} kW ({percent:.0} %)",
                node.key
            ),
        ),
        Text::new(
            "Chuyển bớt lộ sang tủ khác, thay đèn công suất thấp hơn, hoặc nâng công suất tủ",
            "Move a circuit to another cabinet, fit lamps that draw less, or raise the cabinet's power",
        ),
    ));
}

fn distant(network: &Network, index: usize, node: &Node, found: &mut Vec<Finding>) {
    // A lamp has at most one presumed wire that feeds it; a street may start far from its cabinet,
    // so only gaps between lamps count.
    let Some(wire) = network.edges_at(index, Way::Incoming).next() else { return };
    let feeder = &network.nodes[wire.from as usize];
    if feeder.role != Role::Lamp || wire.length_m <= WIRE_M {
        return;
    }
    found.push(at_node(
        node,
        FindingKind::DistantLamp,
        Severity::Warning,
        Text::new(
            format!("Đèn {} cách đèn gần nhất cùng lộ {:.0} m", node.key, wire.length_m),
            format!("Lamp {} is {:.0} m away from the nearest lamp of its circuit", node.key, wire.length_m),
        ),
        Text::new("Kiểm tra vị trí, tủ và lộ của đèn", "Check the lamp's place, cabinet and circuit"),
    ));
}
