//! What a commit changed: how many features, and where.
//!
//! Every version of a layer has a *digest*, a small file with a few hashes and the box of each of
//! its features. A commit compares the new digest with that of the version before, and writes the
//! outcome into the layer's provenance, so that every node can ask for it without reading a
//! feature.
//!
//! A digest holds hashes of restricted values, and who knows all values but one could try that
//! one until the hash fits. So digests are as private as the restricted columns: in a folder that
//! is its owner's alone, and no part of what is copied when `lake/data` and the catalog are. The
//! catalog gets no hash of a value. Of restricted values it says how many features differ in
//! nothing else, not which and not where.

mod boxes;
mod compare;
pub(crate) mod digest;
mod recorded;

pub(crate) use compare::{Compared, compared};
pub(crate) use recorded::{Recorded, shapes};

use crate::bounds::{Bounds, intersects};
use serde::Serialize;

/// Where something changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Anywhere: most features changed, the columns did, or it is not known what did.
    Everywhere,
    /// Within these boxes (CRS84 degrees), 256 at most. They hold the old and the new bounds of
    /// every feature that changed; features without a geometry are nowhere. Empty: nowhere.
    Boxes(Vec<Bounds>),
}

impl Area {
    /// Nothing changed.
    pub const NOWHERE: Self = Self::Boxes(Vec::new());

    /// Whether it shares a point with a box (CRS84); touching counts.
    pub fn meets(&self, window: &Bounds) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Boxes(boxes) => boxes.iter().any(|b| intersects(b, window)),
        }
    }
}

/// What changed in a layer between two snapshots, as a grant sees it: a change in other columns
/// than the granted ones is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Features that came. Over several commits, these counts are those of the commits added up,
    /// and commits of which nothing is known add nothing.
    pub added: u64,
    /// Features that went.
    pub removed: u64,
    /// Features of which a value or the geometry changed.
    pub changed: u64,
    /// Where.
    pub area: Area,
}

impl Change {
    /// No change.
    pub const NONE: Self = Self { added: 0, removed: 0, changed: 0, area: Area::NOWHERE };

    /// Whether nothing changed.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// This change and another one after it.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let area = match (self.area, later.area) {
            (Area::Boxes(a), Area::Boxes(b)) if a.is_empty() || b.is_empty() => {
                Area::Boxes(if a.is_empty() { b } else { a })
            }
            (Area::Boxes(a), Area::Boxes(b)) => Area::Boxes(boxes::few(a.into_iter().chain(b))),
            _ => Area::Everywhere,
        };
        Self {
            added: self.added + later.added,
            removed: self.removed + later.removed,
            changed: self.changed + later.changed,
            area,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(n: u64, area: Area) -> Change {
        Change { added: n, removed: 0, changed: 1, area }
    }

    #[test]
    fn changes_add_up() {
        let west = Area::Boxes(vec![[109.0, 12.0, 109.1, 12.1]]);
        let east = Area::Boxes(vec![[110.0, 12.0, 110.1, 12.1]]);
        let both = change(1, west.clone()).and(change(2, east.clone()));
        assert_eq!((both.added, both.changed), (3, 2));
        assert!(both.area.meets(&[109.05, 12.05, 109.06, 12.06]));
        assert!(both.area.meets(&[110.05, 12.05, 110.06, 12.06]));
        assert!(!both.area.meets(&[109.5, 12.05, 109.6, 12.06]));
        assert_eq!(change(1, west.clone()).and(Change::NONE), change(1, west.clone()));
        assert_eq!(Change::NONE.and(change(1, west.clone())), change(1, west.clone()));
        assert_eq!(change(1, west).and(change(1, Area::Everywhere)).area, Area::Everywhere);
        assert!(Change::NONE.and(Change::NONE).is_none());
    }
}
