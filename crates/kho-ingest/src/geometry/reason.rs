//! Why a feature is set aside.

use kho_layer::GeometryKind;

/// Why a feature goes to quarantine. Its text is counted in the summary, so it names no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No geometry, or one without points.
    Empty,
    /// Bytes that are no WKB.
    NotWkb,
    /// Points in a polygon layer, and the like.
    WrongKind(GeometryKind),
    /// A collection of unlike geometries.
    Mixed,
    /// A ring of fewer than four points, or a line of fewer than two.
    TooFewPoints,
    /// A coordinate that is not a number.
    NotFinite,
    /// A coordinate where the source's coordinate system does not reach.
    OutOfRange,
    /// A polygon without area.
    NoArea,
    /// Crossing borders that cannot be repaired without changing the area by 1 % or more, a loop
    /// of less than a square metre apart.
    SelfIntersection,
}

impl Reason {
    /// The reason in words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Empty => "no geometry",
            Self::NotWkb => "unreadable geometry",
            Self::WrongKind(GeometryKind::Point) => "not a point",
            Self::WrongKind(GeometryKind::Line) => "not a line",
            Self::WrongKind(GeometryKind::Polygon) => "not a polygon",
            Self::Mixed => "a collection of unlike geometries",
            Self::TooFewPoints => "too few points",
            Self::NotFinite => "a coordinate is not a number",
            Self::OutOfRange => "coordinates out of range",
            Self::NoArea => "polygon without area",
            Self::SelfIntersection => {
                "borders cross, and repairing them would change the area by 1 % or more"
            }
        }
    }
}
