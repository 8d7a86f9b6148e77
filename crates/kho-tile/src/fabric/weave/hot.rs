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

    /// Calls `found` with the pixels of a block that lie between two, edges included.
    #[inline(always)]
    pub fn block(&self, x: i32, y: i32, low: Pixel, high: Pixel, mut found: impl FnMut(Pixel)) {
        let mut word = self.words[y as usize * self.side + x as usize];
        if word == 0 {
            return;
        }
        let corner = [x << BLOCK, y << BLOCK];
        let first = [0, 1].map(|k: usize| (low[k] - corner[k]).clamp(0, 7));
        let last = [0, 1].map(|k: usize| (high[k] - corner[k]).clamp(0, 7));
        let columns = 0xFF >> (7 - last[0]) & 0xFF << first[0];
        word &= columns * 0x0101_0101_0101_0101;
        word &= u64::MAX >> (8 * (7 - last[1])) & u64::MAX << (8 * first[1]);
        while word != 0 {
            let bit = word.trailing_zeros() as i32;
            word &= word - 1;
            found([corner[0] | bit & 7, corner[1] | bit >> BLOCK]);
        }
    }
}
