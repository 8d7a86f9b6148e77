//! What a check has to say about one place in a network.

use kho_layer::Text;
use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; the network works.
    Info,
    /// Probably wrong; results near it may mislead.
    Warning,
    /// Wrong: traces or capacities that touch it cannot be trusted.
    Error,
}

/// The rule that a finding breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Two features carry the same code.
    DuplicateCode,
    /// A pipe names a node that does not exist.
    UnknownNode,
    /// A pipe's end does not lie on the node that it names.
    UnsnappedEnd,
    /// A pipe is drawn from its end node to its start node.
    ReversedLine,
    /// A pipe rises in the direction of flow.
    AdverseSlope,
    /// A pipe is smaller than one that flows into it.
    DiameterDecrease,
    /// Invert levels of pipes and node floors do not fit together.
    InvertMismatch,
    /// A node that nothing is joined to.
    OrphanNode,
    /// Water that enters here reaches no outfall.
    NoOutfall,
    /// Water that enters here runs in a circle.
    Loop,
    /// A lamp names a cabinet that does not exist.
    UnknownCabinet,
    /// The lamps of a cabinet draw more than it can give.
    CabinetOverload,
    /// A cabinet feeds more circuits than it has.
    TooManyCircuits,
    /// A cabinet that feeds no lamp.
    EmptyCabinet,
    /// A lamp far away from everything else on its circuit.
    DistantLamp,
}

/// One thing that is wrong, or may be, at one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// The layer of the feature.
    pub layer: &'static str,
    /// `kho_id` of the feature.
    pub id: i64,
    /// The feature's own code (`ma_nut`, `ma_tuyen`, `ma_tu`, `ma_den`).
    pub key: String,
    /// Where to look: longitude, latitude (CRS84).
    pub place: [f64; 2],
    /// What is wrong, with the figures.
    pub message: Text,
    /// What to do about it.
    pub remedy: Text,
}
