//! Cutting at the edge of the tile and its buffer.
//!
//! The input is already on the grid (in units of the whole world, hence 64 bits), so an edge that
//! two neighbours share is cut at the same point for both: the cut is computed from the lower end
//! to the upper, whichever way the ring runs.

use super::P;

/// The square that is kept, in grid units, edges included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClipBox {
    /// The least x and y.
    pub min: i64,
    /// The greatest x and y.
    pub max: i64,
}

impl ClipBox {
    /// Whether a point lies in it or on its edge.
    #[inline(always)]
    pub fn holds(self, x: i64, y: i64) -> bool {
        x >= self.min && x <= self.max && y >= self.min && y <= self.max
    }
}

type Q = [i64; 2];

/// Cuts a closed ring (without its closing point) by Sutherland and Hodgman's method. `ring` is
/// replaced, `spare` is scratch. Where a concave ring leaves the box more than once, the result
/// runs back along the edge of the box; the check after this finds such rings, and the repair
/// takes them apart.
pub(crate) fn clip_ring(ring: &mut Vec<Q>, spare: &mut Vec<Q>, clip: ClipBox) {
    for (axis, bound, sign) in [(0, clip.min, 1), (0, clip.max, -1), (1, clip.min, 1), (1, clip.max, -1)] {
        let inside = |p: &Q| (p[axis] - bound) * sign >= 0;
        if ring.iter().all(inside) {
            continue;
        }
        spare.clear();
        let Some(mut from) = ring.last().copied() else { return };
        let mut from_in = inside(&from);
        for &to in ring.iter() {
            let to_in = inside(&to);
            if to_in != from_in {
                spare.push(cut(from, to, axis, bound));
            }
            if to_in {
                spare.push(to);
            }
            (from, from_in) = (to, to_in);
        }
        std::mem::swap(ring, spare);
    }
}

/// Where the edge between two points meets the line `axis = bound`, on the grid.
fn cut(a: Q, b: Q, axis: usize, bound: i64) -> Q {
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    let other = 1 - axis;
    let run = i128::from(b[axis] - a[axis]);
    let rise = i128::from(b[other] - a[other]);
    let step = div_round(i128::from(bound - a[axis]) * rise, run);
    let mut p = [bound, bound];
    p[other] = a[other] + step as i64;
    p
}

fn div_round(n: i128, d: i128) -> i128 {
    let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
    (2 * n + d).div_euclid(2 * d)
}

/// Cuts a line by Liang and Barsky's method, each segment by itself, and hands every piece that
/// is inside to `piece`.
pub(crate) fn clip_line(line: &[Q], clip: ClipBox, scratch: &mut Vec<P>, mut piece: impl FnMut(&[P])) {
    scratch.clear();
    let mut open_end: Option<Q> = None;
    for pair in line.windows(2) {
        let Some((a, b)) = clip_segment(pair[0], pair[1], clip) else {
            if scratch.len() > 1 {
                piece(scratch);
            }
            scratch.clear();
            open_end = None;
            continue;
        };
        if open_end != Some(a) || a != pair[0] {
            if scratch.len() > 1 {
                piece(scratch);
            }
            scratch.clear();
            scratch.push(to_p(a));
        }
        scratch.push(to_p(b));
        open_end = (b == pair[1]).then_some(b);
    }
    if scratch.len() > 1 {
        piece(scratch);
    }
    scratch.clear();
}

fn clip_segment(a: Q, b: Q, clip: ClipBox) -> Option<(Q, Q)> {
    let (mut p, mut q) = (a, b);
    for axis in [0, 1] {
        for (bound, sign) in [(clip.min, 1), (clip.max, -1)] {
            let p_in = (p[axis] - bound) * sign >= 0;
            let q_in = (q[axis] - bound) * sign >= 0;
            match (p_in, q_in) {
                (true, true) => {}
                (false, false) => return None,
                // Cut the whole segment, not what is left of it: one rounding, not two.
                (true, false) => q = recut(a, b, axis, bound, q),
                (false, true) => p = recut(a, b, axis, bound, p),
            }
        }
    }
    Some((p, q))
}

fn recut(a: Q, b: Q, axis: usize, bound: i64, was: Q) -> Q {
    if a[axis] == b[axis] {
        // Only rounding of the other axis' cut can bring it here; it stays within one unit.
        let mut p = was;
        p[axis] = bound;
        return p;
    }
    cut(a, b, axis, bound)
}

#[inline(always)]
pub(super) fn to_p(q: Q) -> P {
    P { x: q[0] as i32, y: q[1] as i32 }
}
