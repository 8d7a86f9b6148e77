//! The hot pixels of a tile.

use super::field::Pixel;

/// A set of pixels of a field as a bitmap of two levels: blocks of eight by eight pixels, each a word,
/// and cells of eight by eight blocks, each a word that says which of its blocks hold any. So an edge
/// asks a few cells, and finds what is there without looking at what is not.
#[derive(Debug, Default)]
pub(super) struct Hot {
    /// Cells to a row; a cell's blocks lie side by side.
    side: usize,
    cells: Vec<u64>,
    blocks: Vec<u64>,
    /// The blocks that hold any, so that they can be emptied.
    used: Vec<u32>,
}

/// Pixels to a cell's side, as a power of two.
pub(super) const CELL: u32 = 6;

impl Hot {
    /// An empty set over a field whose last column and row are `last`.
    pub fn clear(&mut self, last: i32) {
        let side = (last >> CELL) as usize + 1;
        self.cells.clear();
        self.cells.resize(side * side, 0);
        if side == self.side {
            for at in self.used.drain(..) {
                self.blocks[at as usize] = 0;
            }
        } else {
            self.side = side;
            self.used.clear();
            self.blocks.clear();
            self.blocks.resize(side * side * 64, 0);
        }
    }

    /// Adds a pixel of the field.
    #[inline(always)]
    pub fn set(&mut self, [x, y]: Pixel) {
        let cell = (y >> CELL) as usize * self.side + (x >> CELL) as usize;
        let bit = (y >> 3 & 7) << 3 | x >> 3 & 7;
        let at = cell << 6 | bit as usize;
        if self.blocks[at] == 0 {
            self.used.push(at as u32);
            self.cells[cell] |= 1 << bit;
        }
        self.blocks[at] |= 1 << ((y & 7) << 3 | x & 7);
    }

    /// Calls `found` with the pixels of a cell that lie in a box: least and greatest column and row, both
    /// of the box.
    #[inline(always)]
    pub fn cell(&self, x: i32, y: i32, low: Pixel, high: Pixel, mut found: impl FnMut(Pixel)) {
        let cell = y as usize * self.side + x as usize;
        let mut blocks = self.cells[cell];
        if blocks == 0 {
            return;
        }
        blocks &= window([x << 3, y << 3], [low[0] >> 3, low[1] >> 3], [high[0] >> 3, high[1] >> 3]);
        while blocks != 0 {
            let bit = blocks.trailing_zeros() as i32;
            blocks &= blocks - 1;
            let corner = [x << CELL | (bit & 7) << 3, y << CELL | bit & 0x38];
            let mut pixels = self.blocks[cell << 6 | bit as usize] & window(corner, low, high);
            while pixels != 0 {
                let bit = pixels.trailing_zeros() as i32;
                pixels &= pixels - 1;
                found([corner[0] | bit & 7, corner[1] | bit >> 3]);
            }
        }
    }
}

/// Of the eight by eight squares from `corner` on, those that a box meets; it must meet some.
#[inline(always)]
fn window(corner: Pixel, low: Pixel, high: Pixel) -> u64 {
    let (left, top) = ((low[0] - corner[0]).clamp(0, 7), (low[1] - corner[1]).clamp(0, 7));
    let (right, bottom) = ((high[0] - corner[0]).clamp(0, 7), (high[1] - corner[1]).clamp(0, 7));
    let columns = 0xFF >> (7 - right) & 0xFF << left;
    columns * 0x0101_0101_0101_0101 & u64::MAX >> (8 * (7 - bottom)) & u64::MAX << (8 * top)
}
