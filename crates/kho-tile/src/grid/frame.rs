//! One tile's place in the square, in whole numbers.
//!
//! A tile is 2^(32-z) world units to a side and a grid unit 2^(20-z) (z being the square's zoom), so
//! snapping to the grid is an addition and a shift, and a point snaps to the same place of the world
//! in every tile that holds it.

use super::{Grid, WorldBox};
use crate::TileError;
use crate::geom::{ClipBox, P};
use crate::mvt::EXTENT;

const EXTENT_BITS: u32 = EXTENT.trailing_zeros();

/// The place of one tile, and how world units become its grid units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileFrame {
    x0: i64,
    y0: i64,
    /// World units to grid units: shift left by `up`, add `half`, shift right by `down`.
    up: u32,
    down: u32,
    half: i64,
    /// What is kept, in grid units.
    pub clip: ClipBox,
    /// What is looked for, in world units: all that snaps into the tile and its buffer, which is
    /// half a grid unit more than they are.
    pub window: WorldBox,
    /// A feature smaller than this to both sides (world units) is not seen: half a grid unit.
    pub least: u32,
}

impl TileFrame {
    /// The frame of a tile with a buffer of `buffer` grid units around it.
    ///
    /// # Errors
    /// [`TileError::NoSuchTile`] if the grid has no such tile.
    pub fn new(grid: Grid, z: u8, x: u32, y: u32, buffer: u32) -> Result<Self, TileError> {
        if !grid.has(z, x, y) {
            return Err(TileError::NoSuchTile { grid, z, x, y });
        }
        let z = u32::from(grid.square_zoom(z));
        let side = 1i64 << (32 - z);
        let (x0, y0) = (i64::from(x) * side, i64::from(y) * side);
        let (up, down) = (z.saturating_sub(32 - EXTENT_BITS), (32 - EXTENT_BITS).saturating_sub(z));
        let edge = (i64::from(buffer) << down) >> up;
        let half = (1i64 << down) >> 1;
        // Halves snap upwards: the last place that snaps onto the far edge lies just below a half.
        let (before, after) = (edge + half, side + edge + (half - 1).max(0));
        let clamp = |v: i64| v.clamp(0, i64::from(u32::MAX)) as u32;
        Ok(Self {
            x0,
            y0,
            up,
            down,
            half,
            clip: ClipBox { min: -i64::from(buffer), max: i64::from(EXTENT) + i64::from(buffer) },
            window: [clamp(x0 - before), clamp(y0 - before), clamp(x0 + after), clamp(y0 + after)],
            least: ((1u64 << down) / 2) as u32,
        })
    }

    /// The side of a grid unit in world units; 1 where it is less.
    pub fn unit(&self) -> u64 {
        1 << self.down
    }

    /// The world units of the tile's north-west corner, and by which powers of two a world unit is
    /// wider and narrower than a grid unit (one of them is 0).
    pub fn lattice(&self) -> ([i64; 2], u32, u32) {
        ([self.x0, self.y0], self.up, self.down)
    }

    /// A point of the world on this tile's grid. May lie far outside of the tile.
    #[inline(always)]
    pub fn snap(&self, w: [u32; 2]) -> [i64; 2] {
        [
            (((i64::from(w[0]) - self.x0) << self.up) + self.half) >> self.down,
            (((i64::from(w[1]) - self.y0) << self.up) + self.half) >> self.down,
        ]
    }

    /// The same for a point known to lie in [`TileFrame::window`].
    #[inline(always)]
    pub fn snap_near(&self, w: [u32; 2]) -> P {
        let [x, y] = self.snap(w);
        P { x: x as i32, y: y as i32 }
    }
}
