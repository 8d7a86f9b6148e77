//! Geometry on a tile's integer grid: snap, clip, simplify, check, repair.
//!
//! Everything here works on whole grid units (4096 to a tile side, x right, y **down**, origin in
//! the tile's north-west corner), so that what is checked is exactly what is sent.

mod check;
mod clip;
mod repair;
mod ring;
mod shape;
mod simplify;

pub(crate) use clip::{ClipBox, clip_line, clip_ring};
pub(crate) use ring::{area2, clean_line, clean_ring};
pub(crate) use shape::{Shape, ShapeOutcome};
pub(crate) use simplify::simplify_line;

#[cfg(test)]
mod tests;

/// A point on the grid of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct P {
    /// To the right.
    pub x: i32,
    /// Down.
    pub y: i32,
}

/// Twice the area of the triangle a, b, c; positive if a→b→c turns right on the screen (y down),
/// which is the direction of an MVT exterior ring.
#[inline(always)]
pub(crate) fn cross(a: P, b: P, c: P) -> i64 {
    let (abx, aby) = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
    let (acx, acy) = (i64::from(c.x) - i64::from(a.x), i64::from(c.y) - i64::from(a.y));
    abx * acy - aby * acx
}
