//! Walking a network: what lies downstream, upstream, or joined at all.

use petgraph::Direction as Way;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use serde::{Deserialize, Serialize};

use crate::model::{Edge, Network, Node};

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Against the flow: what drains to here, or what feeds this.
    Upstream,
    /// With the flow: where the water goes, or what this feeds.
    Downstream,
    /// Both ways at once: everything of the same piece.
    Connected,
}

impl Direction {
    /// The name used in addresses and SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Upstream => "upstream",
            Direction::Downstream => "downstream",
            Direction::Connected => "connected",
        }
    }

    /// The direction of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Direction::Upstream, Direction::Downstream, Direction::Connected]
            .into_iter()
            .find(|d| d.name() == name)
    }
}

/// What a walk met, nearest first (in steps).
#[derive(Debug, Clone)]
pub struct Trace<'a> {
    /// The nodes, the start among them when it is a node.
    pub nodes: Vec<&'a Node>,
    /// The edges, each once.
    pub edges: Vec<&'a Edge>,
    /// The nodes where the walk could not go on: outfalls and dead ends downstream, heads upstream.
    /// Empty for [`Direction::Connected`].
    pub ends: Vec<&'a Node>,
    /// The length of the edges together, m.
    pub length_m: f64,
}

impl Network {
    /// Walks from the feature `start` (a `kho_id`); `None` when it is not part of the network.
    ///
    /// A node is sought first, then an edge: ids of two layers may in theory collide, because each
    /// is a hash of its own key; [`Network::trace_edge`] asks for the edge alone.
    pub fn trace(&self, start: i64, direction: Direction) -> Option<Trace<'_>> {
        match self.node_by_id.get(&start) {
            Some(&node) => Some(self.walk(&[node], None, direction)),
            None => self.trace_edge(start, direction),
        }
    }

    /// Walks from the edge `start` (a `kho_id`), which is part of the result.
    pub fn trace_edge(&self, start: i64, direction: Direction) -> Option<Trace<'_>> {
        let &index = self.edge_by_id.get(&start)?;
        let edge = &self.edges[index as usize];
        let from: &[u32] = match direction {
            Direction::Upstream => &[edge.from],
            Direction::Downstream => &[edge.to],
            Direction::Connected => &[edge.from, edge.to],
        };
        Some(self.walk(from, Some(index), direction))
    }

    fn walk(&self, from: &[u32], first: Option<u32>, direction: Direction) -> Trace<'_> {
        let ways: &[Way] = match direction {
            Direction::Upstream => &[Way::Incoming],
            Direction::Downstream => &[Way::Outgoing],
            Direction::Connected => &[Way::Incoming, Way::Outgoing],
        };
        let mut seen_nodes = vec![false; self.nodes.len()];
        let mut seen_edges = vec![false; self.edges.len()];
        let mut trace = Trace { nodes: Vec::new(), edges: Vec::new(), ends: Vec::new(), length_m: 0.0 };
        let mut queue: Vec<u32> = Vec::new();
        if let Some(first) = first {
            seen_edges[first as usize] = true;
            trace.edges.push(&self.edges[first as usize]);
        }
        for &node in from {
            if !std::mem::replace(&mut seen_nodes[node as usize], true) {
                queue.push(node);
            }
        }
        // The queue only grows; it is the result in the order of discovery.
        let mut next = 0;
        while let Some(&node) = queue.get(next) {
            next += 1;
            let at = NodeIndex::new(node as usize);
            let mut went_on = false;
            for &way in ways {
                for edge in self.graph.edges_directed(at, way) {
                    went_on = true;
                    let other = if way == Way::Outgoing { edge.target() } else { edge.source() };
                    if !std::mem::replace(&mut seen_edges[edge.id().index()], true) {
                        trace.edges.push(&self.edges[edge.id().index()]);
                    }
                    if !std::mem::replace(&mut seen_nodes[other.index()], true) {
                        queue.push(self.edges[edge.id().index()].end(way));
                    }
                }
            }
            if !went_on && direction != Direction::Connected {
                trace.ends.push(&self.nodes[node as usize]);
            }
        }
        trace.nodes = queue.iter().map(|&n| &self.nodes[n as usize]).collect();
        trace.length_m = trace.edges.iter().map(|e| e.length_m).sum();
        trace
    }
}

impl Edge {
    /// The node index that the edge reaches when walked that way.
    fn end(&self, way: Way) -> u32 {
        match way {
            Way::Outgoing => self.to,
            Way::Incoming => self.from,
        }
    }
}
