//! The network itself: nodes, edges and the graph that joins them.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use petgraph::graph::{DiGraph, NodeIndex};
use serde::{Deserialize, Serialize};

use crate::error::NetworkError;
use crate::finding::Finding;
use crate::{drainage, lighting};

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Storm and waste water: `drain_node` and `drain_pipe`.
    Drainage,
    /// Public lighting: `lighting_cabinet` and `street_light`.
    Lighting,
}

impl Kind {
    /// The layers it is made of: first the nodes, then what hangs on them.
    pub const fn layers(self) -> [&'static str; 2] {
        match self {
            Kind::Drainage => [drainage::NODES, drainage::PIPES],
            Kind::Lighting => [lighting::CABINETS, lighting::LAMPS],
        }
    }

    /// The name used in addresses and SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Drainage => "drainage",
            Kind::Lighting => "lighting",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Kind::Drainage, Kind::Lighting].into_iter().find(|kind| kind.name() == name)
    }
}

/// What a node does in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A manhole.
    Manhole,
    /// A street inlet.
    Inlet,
    /// A pumping station; water may leave it by means that are not in the layer.
    Pump,
    /// The end of a drainage network.
    Outfall,
    /// The start of a lighting network.
    Cabinet,
    /// A lamp.
    Lamp,
}

/// A point of the network.
#[derive(Debug, Clone)]
pub struct Node {
    /// `kho_id` of the feature.
    pub id: i64,
    /// The layer of the feature.
    pub layer: &'static str,
    /// The feature's own code.
    pub key: String,
    /// Longitude, latitude (CRS84); `None` when the feature has no geometry.
    pub at: Option<[f64; 2]>,
    /// What it does.
    pub role: Role,
    /// Level of the cover, m (drainage).
    pub rim_m: Option<f64>,
    /// Level of the floor, m (drainage).
    pub floor_m: Option<f64>,
    /// What a lamp draws or a cabinet can give, W (lighting).
    pub watts: Option<f64>,
    /// The circuit a lamp is on (lighting).
    pub circuit: Option<String>,
    /// The number of circuits a cabinet has (lighting).
    pub circuits: Option<u32>,
    /// The cabinet that a lamp names (lighting).
    pub fed_by: Option<String>,
}

impl Node {
    pub(crate) fn new(id: i64, layer: &'static str, key: String, at: Option<[f64; 2]>, role: Role) -> Self {
        Self {
            id,
            layer,
            key,
            at,
            role,
            rim_m: None,
            floor_m: None,
            watts: None,
            circuit: None,
            circuits: None,
            fed_by: None,
        }
    }

    /// Where to look for it; 0, 0 when nobody knows.
    pub(crate) fn place(&self) -> [f64; 2] {
        self.at.unwrap_or_default()
    }
}

/// A connection between two nodes, in the direction of flow.
#[derive(Debug, Clone)]
pub struct Edge {
    /// `kho_id` of the pipe; `None` for the presumed wire between two lamps.
    pub id: Option<i64>,
    /// The pipe's own code; empty for a presumed wire.
    pub key: String,
    /// Index of the node that it leaves.
    pub from: u32,
    /// Index of the node that it enters.
    pub to: u32,
    /// Its course in the direction of flow, CRS84.
    pub path: Vec<[f64; 2]>,
    /// Length along `path`, m.
    pub length_m: f64,
    /// Invert level at the start, m.
    pub start_m: Option<f64>,
    /// Invert level at the end, m.
    pub end_m: Option<f64>,
    /// Clear section, m².
    pub section_m2: Option<f64>,
}

/// A network of one snapshot: build it once, then check and trace it.
#[derive(Debug)]
pub struct Network {
    pub(crate) kind: Kind,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    /// Node and edge indices are those of `nodes` and `edges`.
    pub(crate) graph: DiGraph<(), (), u32>,
    pub(crate) node_by_id: HashMap<i64, u32>,
    pub(crate) edge_by_id: HashMap<i64, u32>,
    /// What was already wrong while it was built.
    pub(crate) found: Vec<Finding>,
}

impl Network {
    /// Builds a network from the batches of its two layers, in the order of [`Kind::layers`].
    ///
    /// Features that do not fit (an unknown node, an unknown cabinet, a code used twice) are left
    /// unjoined and reported by [`Network::check`]; they never fail the build.
    ///
    /// # Errors
    /// When a column that the joins need is missing or has an unreadable type.
    pub fn build(kind: Kind, nodes: &[RecordBatch], edges: &[RecordBatch]) -> Result<Self, NetworkError> {
        match kind {
            Kind::Drainage => drainage::build(nodes, edges),
            Kind::Lighting => lighting::build(nodes, edges),
        }
    }

    pub(crate) fn assemble(
        kind: Kind,
        nodes: Vec<Node>,
        edges: Vec<Edge>,
        found: Vec<Finding>,
    ) -> Result<Self, NetworkError> {
        let limit = u32::MAX as usize;
        if nodes.len() >= limit || edges.len() >= limit {
            return Err(NetworkError::TooLarge(kind.name()));
        }
        let mut graph = DiGraph::with_capacity(nodes.len(), edges.len());
        let mut node_by_id = HashMap::with_capacity(nodes.len());
        for (index, node) in (0u32..).zip(&nodes) {
            graph.add_node(());
            node_by_id.entry(node.id).or_insert(index);
        }
        let mut edge_by_id = HashMap::with_capacity(edges.len());
        for (index, edge) in (0u32..).zip(&edges) {
            graph.add_edge(NodeIndex::new(edge.from as usize), NodeIndex::new(edge.to as usize), ());
            if let Some(id) = edge.id {
                edge_by_id.entry(id).or_insert(index);
            }
        }
        Ok(Self { kind, nodes, edges, graph, node_by_id, edge_by_id, found })
    }

    /// Which network this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Every node, joined or not.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Every edge whose two ends exist.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }
}
