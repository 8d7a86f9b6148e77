//! Overviews: tiles for the zooms below a layer's own, by the rules that its file sets.
//!
//! ```text
//! drop_smallest   features ─► begun? big enough? ─► drawn as ever, or as a point
//! coalesce        features ─► class ─► merged with their class ─► areas, and points for what vanished
//! cluster         points ─► class and cell of a lattice ─► the member nearest the mean, and a number
//! ```
//!
//! A tile is made of the features in its window alone, and every decision is the same in all tiles
//! that show the place it is about:
//!
//! * what is decided for a feature hangs on that feature;
//! * an area is left out as too small only where every tile that shows a part of it has it whole
//!   ([`coalesce`]);
//! * cells belong to a lattice that is one for all tiles of a zoom, and a tile gathers its cells
//!   whole ([`Rule::reach`]).
//!
//! Only a tile that is too big by its rule leaves out more, the least first, and says so.

mod class;
mod cluster;
mod coalesce;
mod cover;
mod merge;
mod rule;
mod smallest;

pub(crate) use rule::Rule;

use crate::block::Rows;
use crate::geom::P;
use crate::grid::TileFrame;
use crate::mvt::EXTENT;
use crate::render::{Manner, Painter};
use class::Classes;
use cluster::Spot;
use coalesce::Member;
use cover::Cover;
use kho_layer::OverviewRule;
use merge::{Areas, Merger};

/// What has been gathered for an overview tile before anything is drawn. Scratch, kept from tile to
/// tile.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    classes: Classes,
    merger: Merger,
    areas: Areas,
    members: Vec<Member>,
    /// The members whose class has no area where they are.
    bare: Vec<Member>,
    cover: Cover,
    spots: Vec<Spot>,
    /// Features in the tile's own square whose class begins at a later zoom.
    later: usize,
    /// Codes of the feature at hand.
    codes: Vec<u32>,
}

impl Gathered {
    /// Forgets the last tile.
    pub fn clear(&mut self) {
        self.classes.clear();
        self.merger.clear();
        self.areas.clear();
        self.members.clear();
        self.spots.clear();
        self.later = 0;
    }
}

impl Painter {
    /// Takes what a block has in an overview tile. `zoom` is WebMercatorQuad's; `frame` reaches as far
    /// as [`Rule::reach`] says.
    pub fn overview_block(
        &mut self,
        rows: Rows<'_>,
        frame: &TileFrame,
        rule: &Rule,
        zoom: u8,
        manner: Manner,
    ) {
        match rule.kind {
            OverviewRule::DropSmallest => self.draw_largest(rows, frame, rule, zoom, manner),
            OverviewRule::Coalesce => self.gather_areas(rows, frame, rule, zoom),
            OverviewRule::Cluster => self.gather_spots(rows, frame, rule, zoom),
        }
    }

    /// Draws what was gathered, once all blocks have been taken. Can be done again, with a higher
    /// [`Manner::least_rank`]: nothing needs to be gathered anew. `buffer` is what the tile shows around
    /// its square.
    pub fn draw_gathered(&mut self, frame: &TileFrame, rule: &Rule, buffer: u32, manner: Manner) {
        if !rule.gathers() {
            return;
        }
        self.layer.clear();
        self.ranks.clear();
        match rule.kind {
            OverviewRule::DropSmallest => {}
            OverviewRule::Coalesce => self.draw_areas(frame, rule, manner.least_rank),
            OverviewRule::Cluster => self.draw_spots(rule, buffer, manner.least_rank),
        }
    }
}

/// Whether a place lies in the tile's own square, whose west and north edges are its own.
fn is_own(p: P) -> bool {
    let side = 0..EXTENT as i32;
    side.contains(&p.x) && side.contains(&p.y)
}
