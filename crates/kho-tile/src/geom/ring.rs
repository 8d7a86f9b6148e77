//! One ring or line: no repeated points, no needless points, area, convexity.

use super::{P, cross};

/// Appends a closed ring (without its closing point) to `out`, leaving out repeated points, spikes
/// and points on a straight line. Every vertex that stays is a true corner, which costs no
/// accuracy: the outline covers the same points of the plane, also beside a neighbour that keeps
/// a corner there. Returns the number of points appended: 0 if the ring collapsed.
pub(crate) fn clean_ring(points: impl Iterator<Item = P>, out: &mut Vec<P>) -> usize {
    let start = out.len();
    for p in points {
        push_corner(out, start, p);
    }
    // The same across the seam between the last and the first point.
    let mut head = start;
    loop {
        let n = out.len() - head;
        if n < 3 {
            out.truncate(start);
            return 0;
        }
        let (first, second) = (out[head], out[head + 1]);
        let (last, before) = (out[out.len() - 1], out[out.len() - 2]);
        if last == first || cross(before, last, first) == 0 {
            out.pop();
        } else if cross(last, first, second) == 0 {
            head += 1;
        } else {
            break;
        }
    }
    if head > start {
        out.drain(start..head);
    }
    out.len() - start
}

#[inline(always)]
fn push_corner(out: &mut Vec<P>, start: usize, p: P) {
    loop {
        let n = out.len();
        if n > start && out[n - 1] == p {
            return;
        }
        if n < start + 2 || cross(out[n - 2], out[n - 1], p) != 0 {
            break;
        }
        out.pop();
    }
    out.push(p);
}

/// Appends a line to `out` without repeated points and without points on a straight way forward
/// (a way back stays: it is drawn). Returns the number of points appended: 0 if it collapsed.
pub(crate) fn clean_line(points: impl Iterator<Item = P>, out: &mut Vec<P>) -> usize {
    let start = out.len();
    for p in points {
        let n = out.len();
        if n > start && out[n - 1] == p {
            continue;
        }
        if n >= start + 2 {
            let (a, b) = (out[n - 2], out[n - 1]);
            let forward =
                i64::from(b.x - a.x) * i64::from(p.x - b.x) + i64::from(b.y - a.y) * i64::from(p.y - b.y) > 0;
            if forward && cross(a, b, p) == 0 {
                out[n - 1] = p;
                continue;
            }
        }
        out.push(p);
    }
    let n = out.len() - start;
    if n < 2 {
        out.truncate(start);
        return 0;
    }
    n
}

/// Twice the signed area; positive is the direction of an MVT exterior ring.
pub(crate) fn area2(ring: &[P]) -> i64 {
    let Some(&origin) = ring.first() else { return 0 };
    ring.windows(2).map(|w| cross(origin, w[0], w[1])).sum()
}

/// Whether a cleaned ring is convex, and so simple: all turns to one side, and once around.
pub(super) fn is_convex(ring: &[P]) -> bool {
    let n = ring.len();
    let (mut a, mut b) = (ring[n - 2], ring[n - 1]);
    let (mut right, mut left) = (0usize, 0usize);
    // Turning once around means going right in x once and left once.
    let (mut flips, mut heading, mut first_heading) = (0usize, 0i32, 0i32);
    for &c in ring {
        if cross(a, b, c) > 0 {
            right += 1
        } else {
            left += 1
        }
        let h = (c.x - b.x).signum();
        if h != 0 {
            if heading == 0 {
                first_heading = h;
            } else if h != heading {
                flips += 1;
            }
            heading = h;
        }
        (a, b) = (b, c);
    }
    if heading != first_heading {
        flips += 1;
    }
    (right == 0 || left == 0) && flips <= 2
}
