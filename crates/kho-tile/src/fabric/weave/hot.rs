//! The hot pixels of a tile.

use super::field::Pixel;

/// A set of pixels of a field as a bitmap, in blocks of eight by eight so that a block is a word: an
/// edge asks a few blocks, most of which are empty. Cleared by the list of words that were set.
#[derive(Debug, Default)]
pub(super) struct Hot {
    /// Blocks to a row.
    side: usize,
    words: Vec<u64>,
    used: Vec<u32>,
}

/// Pixels to a block's side, as a power of two.
pub(super) const BLOCK: u32 = 3;

impl Hot {
    /// An empty set over a field whose last column and row are `last`.
    pub fn clear(&mut self, last: i32) {
        let side = (last >> BLOCK) as usize + 1;
        if side == self.side {
            for at in self.used.drain(..) {
                self.words[at as usize] = 0;
            }
        } else {
            self.side = side;
            self.used.clear();
            self.words.clear();
            self.words.resize(side * side, 0);
        }
    }

    /// Adds a pixel of the field.
    #[inline(always)]
    pub fn set(&mut self, [x, y]: Pixel) {
        let at = (y >> BLOCK) as usize * self.side + (x >> BLOCK) as usize;
        let word = &mut self.words[at];
        if *word == 0 {
            self.used.push(at as u32);
        }
        *word |= 1 << ((y & 7) << BLOCK | (x & 7));
    }

    /// Calls `found` with the pixels of a block.
    #[inline(always)]
    pub fn block(&self, x: i32, y: i32, mut found: impl FnMut(Pixel)) {
        let mut word = self.words[y as usize * self.side + x as usize];
        while word != 0 {
            let bit = word.trailing_zeros() as i32;
            word &= word - 1;
            found([x << BLOCK | bit & 7, y << BLOCK | bit >> BLOCK]);
        }
    }
}
