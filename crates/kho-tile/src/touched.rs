//! Which tiles a commit touches: what keeps the others warm.
//!
//! # Why a tile may be kept under an older snapshot
//!
//! A tile is made of the features whose boxes meet its window, and of nothing else: what is drawn,
//! simplified, thinned out and left out is decided by these features' values and ids, and they come
//! in the order of the lake's curve and then of their ids, whatever lies around them and however
//! they are spread over files and row groups. (The grant's columns, and what the layer's file says
//! of zooms and fabrics, are in the key or the same for all.)
//!
//! A commit whose area does not meet the window added, removed and changed no feature there: the
//! area holds the boxes of changed features as they were and as they are, and boxes are projected
//! here as the features' own are. So the tile is the same before and after it.
//!
//! The key of a tile of snapshot *S* is a commit *v* ≤ *S* of the layer such that no commit after *v*
//! up to *S* meets the window. By the above the tile of *S* is the tile of *v*; so two snapshots with
//! the same key have the same tile. This holds for the newest commit that meets the window, which
//! keeps a tile warm longest, and for any commit that is newer than it, such as the oldest one known
//! when none of those known meets the window.

use crate::grid::{NOWHERE, WorldBox, hull, meets};
use kho_lake::{Area, SnapshotId};

/// A layer's commits and where they changed it, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    commits: Vec<Commit>,
    /// For a layer without a known commit.
    otherwise: SnapshotId,
}

#[derive(Debug)]
struct Commit {
    id: SnapshotId,
    /// Around all boxes.
    hull: WorldBox,
    /// World units; `None` for everywhere.
    boxes: Option<Vec<WorldBox>>,
}

impl Touched {
    /// Out of [`kho_lake::Lake::history`]; `project` must be how the features are projected.
    pub fn new(
        otherwise: SnapshotId,
        history: &[(SnapshotId, Area)],
        project: impl Fn([f64; 4]) -> WorldBox,
    ) -> Self {
        let commit = |(id, area): &(SnapshotId, Area)| {
            let boxes = match area {
                Area::Everywhere => None,
                Area::Boxes(boxes) => Some(boxes.iter().map(|b| project(*b)).collect::<Vec<_>>()),
            };
            let hull = boxes.iter().flatten().fold(NOWHERE, |all, b| hull(&all, b));
            Commit { id: *id, hull, boxes }
        };
        Self { commits: history.iter().map(commit).collect(), otherwise }
    }

    /// The newest commit that may have changed anything in the window, or the oldest known one.
    pub fn at(&self, window: &WorldBox) -> SnapshotId {
        let found = self.commits.iter().find(|commit| commit.meets(window)).or(self.commits.last());
        found.map_or(self.otherwise, |commit| commit.id)
    }
}

impl Commit {
    fn meets(&self, window: &WorldBox) -> bool {
        match &self.boxes {
            None => true,
            Some(boxes) => meets(&self.hull, window) && boxes.iter().any(|b| meets(b, window)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Grid, TileFrame};

    const HERE: [f64; 4] = [109.1900, 12.2400, 109.1901, 12.2401];

    fn tile(z: u8, lon: f64, lat: f64) -> (u32, u32) {
        let shift = 32 - u32::from(z);
        let at = Grid::default().projector().project_box([lon, lat, lon, lat]);
        ((u64::from(at[0]) >> shift) as u32, (u64::from(at[1]) >> shift) as u32)
    }

    #[test]
    fn the_newest_commit_that_meets_the_window_counts() {
        let near = Area::Boxes(vec![HERE]);
        let far = Area::Boxes(vec![[109.4, 12.4, 109.41, 12.41], [109.0, 12.0, 109.01, 12.01]]);
        let history = |areas: &[&Area]| -> Vec<(SnapshotId, Area)> {
            areas.iter().zip((1..=9).rev()).map(|(area, id)| (id, (*area).clone())).collect()
        };
        let (x, y) = tile(16, HERE[0], HERE[1]);
        let window = TileFrame::new(Grid::default(), 16, x, y, 64).map(|f| f.window).unwrap();
        let at = |areas: &[&Area]| {
            Touched::new(1, &history(areas), |b| Grid::default().projector().project_box(b)).at(&window)
        };
        assert_eq!(at(&[&far, &near, &Area::Everywhere]), 8);
        assert_eq!(at(&[&far, &far, &Area::Everywhere, &near]), 7);
        assert_eq!(at(&[&Area::NOWHERE, &far, &far]), 7, "the oldest known");
        assert_eq!(at(&[&near]), 9);
        assert_eq!(at(&[]), 1);
    }
}
