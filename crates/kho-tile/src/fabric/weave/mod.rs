//! Tile-local snap rounding. (Skeleton: the signatures below stay as they are.)
//!
//! ```text
//! weaver.clear();
//! for each feature of the window { weaver.add(group, feature.parts()) }
//! weaver.weave(&frame);
//! for group in ascending order { weaver.draw(group, &mut shape); shape.rings() → commands }
//! ```

use crate::geom::{Shape, ShapeOutcome};
use crate::grid::TileFrame;

/// Makes the polygons of one tile out of all that lies in its window, so that what is shared at rest
/// stays shared on the grid. Holds all scratch memory; reused from tile to tile.
///
/// A group is what becomes one (multi)polygon: a feature, or all features of a class, whose common
/// borders then cancel.
#[derive(Debug, Default)]
pub(crate) struct Weaver {}

impl Weaver {
    /// Starts the next tile.
    pub fn clear(&mut self) {}

    /// Adds a polygon or multipolygon of a group: its rings in world units without closing points,
    /// whether each is a hole, exteriors turning right on the screen and holes left
    /// ([`Feature::parts`](crate::block::Feature::parts)). Groups may come in any order, and as often
    /// as they like. All features whose boxes meet the tile's window must be added, smaller ones than a
    /// grid unit too: whoever is left out leaves a hole.
    pub fn add<'a>(&mut self, group: u32, rings: impl Iterator<Item = (bool, &'a [[u32; 2]])>) {
        let _ = (group, rings);
    }

    /// Finds how every edge runs on the tile's grid.
    pub fn weave(&mut self, frame: &TileFrame) {
        let _ = frame;
    }

    /// The groups that were added, ascending, each once.
    pub fn groups(&self) -> impl Iterator<Item = u32> {
        std::iter::empty()
    }

    /// Puts a group's polygons into `shape` (which is cleared): grid coordinates of the tile, clipped to
    /// the tile and its buffer, valid, wound as MVT wants them; [`Shape::rings`] gives them, each
    /// exterior before its holes. Where members overlap, the ground is covered once (non-zero rule).
    /// [`ShapeOutcome::Gone`] if nothing is left, or the group is none.
    pub fn draw(&mut self, group: u32, shape: &mut Shape) -> ShapeOutcome {
        let _ = group;
        shape.clear();
        ShapeOutcome::Gone
    }
}
