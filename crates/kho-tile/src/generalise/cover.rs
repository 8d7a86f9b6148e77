//! In which cells of a tile the areas of a class can be seen.
//!
//! A coarse raster: a cell is covered if an edge passes through it or if its middle lies inside; a cell
//! through which no edge passes lies inside or outside as a whole. So the cell of every place on the
//! grid that an area holds is covered.

use super::is_own;
use crate::geom::P;
use crate::mvt::EXTENT;

/// The covered cells of the tile's own square, class by class.
#[derive(Debug, Default)]
pub(super) struct Cover {
    /// The side of a cell is two to this.
    shift: u32,
    /// A bit to a cell, row by row, class by class.
    bits: Vec<u64>,
    /// Where the edges of the class at hand cross the middles of the rows: row, x.
    crossings: Vec<(i32, i32)>,
}

impl Cover {
    /// Nothing is covered. `cell` is a power of two that divides the tile's side.
    pub fn clear(&mut self, cell: u32, classes: u32) {
        self.shift = cell.trailing_zeros();
        self.crossings.clear();
        self.bits.clear();
        self.bits.resize((self.cells() as usize * classes as usize).div_ceil(64), 0);
    }

    /// The number of a place's cell; `None` outside of the tile's own square.
    #[inline]
    pub fn cell(&self, p: P) -> Option<u32> {
        is_own(p).then(|| (p.y as u32 >> self.shift) * self.side() + (p.x as u32 >> self.shift))
    }

    /// Whether a class is seen in a cell.
    #[inline]
    pub fn has(&self, class: u32, cell: u32) -> bool {
        let bit = self.bit(class, cell);
        self.bits[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Adds a ring of a class. All rings of a class come one after the other, then
    /// [`Cover::fill`].
    pub fn ring(&mut self, class: u32, ring: &[P]) {
        let Some(&last) = ring.last() else { return };
        let mut from = last;
        for &to in ring {
            self.edge(class, from, to);
            from = to;
        }
    }

    /// Covers what lies inside the rings of a class, by the even-odd rule.
    pub fn fill(&mut self, class: u32) {
        let mut crossings = std::mem::take(&mut self.crossings);
        crossings.sort_unstable();
        let side = 1i32 << self.shift;
        for row in crossings.chunk_by(|a, b| a.0 == b.0) {
            for pair in row.chunks_exact(2) {
                let (from, to) = (pair[0].1, pair[1].1);
                // The cells whose middles lie from one to the other.
                let first = (from - side / 2 + side - 1).div_euclid(side).max(0);
                let end = (to - side / 2 + side - 1).div_euclid(side).min(self.side() as i32);
                for column in first..end {
                    self.set(class, pair[0].0 as u32 * self.side() + column as u32);
                }
            }
        }
        crossings.clear();
        self.crossings = crossings;
    }

    fn edge(&mut self, class: u32, a: P, b: P) {
        let (top, bottom) = if a.y < b.y { (a, b) } else { (b, a) };
        let run = i64::from(bottom.x) - i64::from(top.x);
        let drop = i64::from(bottom.y) - i64::from(top.y);
        let last = self.side() as i32 - 1;
        // Row by row what the edge passes there, from where it comes in to where it goes out.
        for row in (top.y >> self.shift).max(0)..=(bottom.y >> self.shift).min(last) {
            let x = |y: i32| match drop {
                0 => top.x,
                _ => top.x + (run * (i64::from(y) - i64::from(top.y))).div_euclid(drop) as i32,
            };
            let from = x(top.y.max(row << self.shift));
            let to = if drop == 0 { bottom.x } else { x(bottom.y.min((row + 1) << self.shift)) };
            let columns = (from.min(to) >> self.shift).max(0)..=(from.max(to) >> self.shift).min(last);
            for column in columns {
                self.set(class, row as u32 * self.side() + column as u32);
            }
        }
        // Rows whose middle, half a unit further down so that no vertex lies on it, is crossed.
        let half = 1i32 << (self.shift - 1);
        let first = ((top.y - half + (1 << self.shift) - 1) >> self.shift).max(0);
        let end = ((bottom.y - half + (1 << self.shift) - 1) >> self.shift).min(last + 1);
        for row in first..end {
            let middle = i64::from((row << self.shift) + half);
            let down = 2 * (middle - i64::from(top.y)) + 1;
            self.crossings.push((row, top.x + (run * down).div_euclid(2 * drop) as i32));
        }
    }

    fn side(&self) -> u32 {
        EXTENT >> self.shift
    }

    fn cells(&self) -> u32 {
        self.side() * self.side()
    }

    fn bit(&self, class: u32, cell: u32) -> usize {
        class as usize * self.cells() as usize + cell as usize
    }

    fn set(&mut self, class: u32, cell: u32) {
        let bit = self.bit(class, cell);
        self.bits[bit / 64] |= 1 << (bit % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn square(x: i32, y: i32, side: i32) -> [P; 4] {
        [(0, 0), (side, 0), (side, side), (0, side)].map(|(dx, dy)| P { x: x + dx, y: y + dy })
    }

    fn covered(cover: &Cover, class: u32) -> usize {
        (0..cover.cells()).filter(|&cell| cover.has(class, cell)).count()
    }

    #[test]
    fn areas_cover_what_they_reach_and_holes_do_not() {
        let mut cover = Cover::default();
        cover.clear(64, 2);
        cover.ring(1, &square(100, 100, 1000));
        cover.ring(1, &square(300, 300, 500));
        cover.fill(1);
        let has = |x: i32, y: i32| cover.cell(P { x, y }).is_some_and(|cell| cover.has(1, cell));
        assert!(has(100, 100) && has(1090, 1090) && has(200, 600), "edge and inside");
        assert!(!has(550, 550) && !has(50, 50) && !has(1200, 600), "hole and outside");
        assert_eq!(covered(&cover, 0), 0, "another class");
        // All of a tile that is inside, by an area that has no vertex in it.
        cover.clear(16, 1);
        cover.ring(0, &square(-64, -64, 4224));
        cover.fill(0);
        assert_eq!(covered(&cover, 0), 256 * 256);
        assert_eq!((cover.cell(P { x: -1, y: 0 }), cover.cell(P { x: 4096, y: 0 })), (None, None));
    }

    proptest! {
        #[test]
        fn every_place_of_an_area_is_covered(
            corners in prop::collection::vec((-64i32..4160, -64i32..4160), 3),
            weights in (0i64..=8, 0i64..=8),
        ) {
            let ring: Vec<P> = corners.into_iter().map(|(x, y)| P { x: x / 8 * 8, y: y / 8 * 8 }).collect();
            let mut cover = Cover::default();
            cover.clear(32, 1);
            cover.ring(0, &ring);
            cover.fill(0);
            // Weights of eighths make a place on the grid, since the corners are multiples of eight.
            let (a, b) = (weights.0.min(weights.1), (weights.0 - weights.1).abs());
            let parts = [a, b, 8 - a - b];
            let at = |along: fn(&P) -> i32| {
                ring.iter().zip(parts).map(|(p, w)| i64::from(along(p)) * w).sum::<i64>() / 8
            };
            let p = P { x: at(|p| p.x) as i32, y: at(|p| p.y) as i32 };
            prop_assert!(cover.cell(p).is_none_or(|cell| cover.has(0, cell)), "{:?} in {:?}", p, ring);
        }
    }

    #[test]
    fn a_speck_covers_its_own_cell() {
        let mut cover = Cover::default();
        cover.clear(64, 1);
        cover.ring(0, &[P { x: 70, y: 70 }, P { x: 71, y: 70 }, P { x: 71, y: 71 }]);
        cover.fill(0);
        assert_eq!(covered(&cover, 0), 1);
        assert!(cover.has(0, 64 + 1));
    }
}
