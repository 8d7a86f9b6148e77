//! Which tiles have anything in them.

use crate::grid::WorldBox;
use std::collections::HashSet;

/// Tiles of the WebMercatorQuad grid as zoom, row and column in one number.
pub(super) type Tiles = HashSet<u64>;

const ROW_BITS: u32 = 24;

/// A tile as a number.
pub(super) fn number(z: u8, x: u32, y: u32) -> u64 {
    (u64::from(z) << (2 * ROW_BITS)) | (u64::from(y) << ROW_BITS) | u64::from(x)
}

/// Zoom, column and row of a number.
pub(super) fn address(number: u64) -> (u8, u32, u32) {
    let mask = (1u64 << ROW_BITS) - 1;
    ((number >> (2 * ROW_BITS)) as u8, (number & mask) as u32, ((number >> ROW_BITS) & mask) as u32)
}

/// The tiles at a zoom whose window (the tile with its buffer of `buffer` grid units, and what snaps
/// into them) meets a box of world units: first column, first row, last column, last row. The
/// counterpart of [`TileFrame::window`](crate::grid::TileFrame::window).
pub(super) fn covering(z: u8, buffer: u32, b: &WorldBox) -> [u32; 4] {
    let z = u32::from(z);
    let side = 1i64 << (32 - z);
    let (up, down) = (z.saturating_sub(20), 20u32.saturating_sub(z));
    let edge = (i64::from(buffer) << down) >> up;
    let half = (1i64 << down) >> 1;
    let (before, after) = (edge + half, edge + (half - 1).max(0));
    let last = (1i64 << z) - 1;
    // The first tile whose far edge is not before the box, the last whose near edge is not past it.
    let first = |from: u32| ((i64::from(from) - after + side - 1).div_euclid(side) - 1).clamp(0, last) as u32;
    let end = |to: u32| ((i64::from(to) + before) / side).clamp(0, last) as u32;
    [first(b[0]), first(b[1]), end(b[2]), end(b[3])]
}

/// How many tiles are in such a range.
pub(super) fn count(range: &[u32; 4]) -> u64 {
    u64::from(range[2] - range[0] + 1) * u64::from(range[3] - range[1] + 1)
}

/// Adds the tiles of a box at a zoom.
pub(super) fn add(tiles: &mut Tiles, last: &mut [u32; 4], z: u8, buffer: u32, b: &WorldBox) {
    let range = covering(z, buffer, b);
    // Features lie along a curve: most fall into the tiles of the one before.
    if range == *last {
        return;
    }
    *last = range;
    for y in range[1]..=range[3] {
        for x in range[0]..=range[2] {
            tiles.insert(number(z, x, y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Grid, TileFrame, meets};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn covers_what_the_windows_meet(
            z in 0u8..=22,
            at in (0.0..1.0f64, 0.0..1.0f64),
            size in (0u32..3_000_000, 0u32..3_000_000),
        ) {
            let [x, y] = [at.0, at.1].map(|v| (v * 4_294_967_295.0) as u32);
            let b = [x, y, x.saturating_add(size.0), y.saturating_add(size.1)];
            let [x0, y0, x1, y1] = covering(z, 64, &b);
            prop_assert!(x0 <= x1 && y0 <= y1);
            let hit = |x: u32, y: u32| TileFrame::new(Grid::default(), z, x, y, 64).is_ok_and(|f| meets(&f.window, &b));
            prop_assert!(hit(x0, y0) && hit(x1, y1) && hit(x0, y1) && hit(x1, y0));
            prop_assert!(x0 == 0 || !hit(x0 - 1, y0));
            prop_assert!(y0 == 0 || !hit(x0, y0 - 1));
            prop_assert!(!hit(x1 + 1, y1) && !hit(x1, y1 + 1));
        }

        #[test]
        fn numbers_are_addresses(z in 0u8..=22, x in any::<u32>(), y in any::<u32>()) {
            let (x, y) = (x & ((1 << z) - 1), y & ((1 << z) - 1));
            prop_assert_eq!(address(number(z, x, y)), (z, x, y));
        }
    }
}
