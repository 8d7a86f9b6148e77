//! The order of features in a file: along a Hilbert curve, so that what is near on the map is
//! near in the file, and a map window touches few row groups.
//!
//! The curve always covers the same square of ±180 degrees at 32 bits an axis (a cell is under a
//! centimetre), whatever the layer: locality along the curve does not depend on its extent, and
//! one fixed curve needs no extent in advance and gives every layer and snapshot the same order.

use crate::bounds::Bounds;

/// Sorts after every place: features without one.
pub(crate) const NOWHERE: u64 = u64::MAX;

/// The position of a point along the Hilbert curve of order 32: the bijection between cells of
/// the 2³² × 2³² grid and 0 ..= 2⁶⁴−1 in which consecutive positions are neighbouring cells.
///
/// The per-bit rotation of D. Hilbert, "Über die stetige Abbildung einer Linie auf ein
/// Flächenstück" (1891), as written in H. S. Warren, *Hacker's Delight*, 2nd ed., §16-2.
pub fn hilbert(mut x: u32, mut y: u32) -> u64 {
    let mut d = 0u64;
    for bit in (0..32).rev() {
        let rx = (x >> bit) & 1;
        let ry = (y >> bit) & 1;
        d = (d << 2) | u64::from((3 * rx) ^ ry);
        if ry == 0 {
            if rx == 1 {
                x = !x;
                y = !y;
            }
            std::mem::swap(&mut x, &mut y);
        }
    }
    d
}

/// The position of a feature: that of the centre of its bounding box, in degrees. Centres off the
/// square are moved to its edge.
pub(crate) fn key(bounds: Option<Bounds>) -> u64 {
    let Some([x0, y0, x1, y1]) = bounds else {
        return NOWHERE;
    };
    // `as` saturates, which is the clamping that is wanted.
    let cell = |degrees: f64| ((degrees + 180.0) / 360.0 * 4_294_967_296.0) as u32;
    hilbert(cell(x0 + (x1 - x0) / 2.0), cell(y0 + (y1 - y0) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The inverse, by walking the same quadrants up from the smallest.
    fn cell_at(d: u64) -> (u32, u32) {
        let (mut x, mut y) = (0u32, 0u32);
        for bit in 0..32 {
            let quadrant = (d >> (2 * bit)) & 3;
            let rx = (quadrant >> 1) as u32;
            let ry = (quadrant as u32 ^ rx) & 1;
            if ry == 0 {
                if rx == 1 {
                    let mask = ((1u64 << bit) - 1) as u32;
                    x = !x & mask;
                    y = !y & mask;
                }
                std::mem::swap(&mut x, &mut y);
            }
            x |= rx << bit;
            y |= ry << bit;
        }
        (x, y)
    }

    proptest! {
        #[test]
        fn is_a_bijection(x: u32, y: u32) {
            prop_assert_eq!(cell_at(hilbert(x, y)), (x, y));
        }

        #[test]
        fn neighbours_on_the_curve_are_neighbours_on_the_map(d in 0..u64::MAX) {
            let ((x0, y0), (x1, y1)) = (cell_at(d), cell_at(d + 1));
            prop_assert_eq!(x0.abs_diff(x1) + y0.abs_diff(y1), 1);
        }

        #[test]
        fn nowhere_comes_after_every_place(x in -180.0..=180.0f64, y in -90.0..=90.0f64) {
            prop_assert!(key(Some([x, y, x, y])) < key(None));
        }
    }

    #[test]
    fn nha_trang_has_its_place() {
        // The same place has the same key for ever: files written years apart keep one order.
        assert_eq!(key(Some([109.19, 12.24, 109.20, 12.25])), 13_409_788_044_735_406_796);
    }
}
