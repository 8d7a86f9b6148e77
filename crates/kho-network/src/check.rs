//! The checks that an engineer runs on a network before trusting it.

mod drainage;
mod lighting;
#[cfg(test)]
mod tests;

use kho_layer::Text;
use petgraph::Direction as Way;
use petgraph::graph::NodeIndex;

use crate::finding::{Finding, FindingKind, Severity};
use crate::measure::middle;
use crate::model::{Edge, Kind, Network, Node};

impl Network {
    /// Everything that is wrong, or may be: what was seen while building, then what the finished
    /// graph shows. Worst first, then by layer, code and rule, so that two runs agree.
    pub fn check(&self) -> Vec<Finding> {
        let mut found = self.found.clone();
        match self.kind {
            Kind::Drainage => drainage::check(self, &mut found),
            Kind::Lighting => lighting::check(self, &mut found),
        }
        found.sort_by(|a, b| {
            b.severity
                .cmp(&a.severity)
                .then_with(|| (a.layer, &a.key, a.id, a.kind).cmp(&(b.layer, &b.key, b.id, b.kind)))
        });
        found
    }

    /// The edges that enter (`Incoming`) or leave (`Outgoing`) a node.
    fn edges_at(&self, node: usize, way: Way) -> impl Iterator<Item = &Edge> {
        use petgraph::visit::EdgeRef;
        self.graph.edges_directed(NodeIndex::new(node), way).map(|edge| &self.edges[edge.id().index()])
    }
}

fn at_node(node: &Node, kind: FindingKind, severity: Severity, message: Text, remedy: Text) -> Finding {
    Finding {
        kind,
        severity,
        layer: node.layer,
        id: node.id,
        key: node.key.clone(),
        place: node.at.unwrap_or_default(),
        message,
        remedy,
    }
}

fn at_pipe(pipe: &Edge, kind: FindingKind, severity: Severity, message: Text, remedy: Text) -> Finding {
    Finding {
        kind,
        severity,
        layer: crate::drainage::PIPES,
        // Only pipes are reported here, and every pipe has an id.
        id: pipe.id.unwrap_or_default(),
        key: pipe.key.clone(),
        place: middle(&pipe.path).unwrap_or_default(),
        message,
        remedy,
    }
}
