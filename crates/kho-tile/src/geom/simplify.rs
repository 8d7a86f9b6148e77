//! Douglas and Peucker's method in grid units.

use super::P;

/// Leaves out points of a line that lie within half a grid unit of the simpler line; the ends
/// stay. Not for fabrics: two neighbours would drop different points of the border they share.
/// `stack` and `keep` are scratch.
pub(crate) fn simplify_line(
    points: &mut Vec<P>,
    start: usize,
    stack: &mut Vec<(u32, u32)>,
    keep: &mut Vec<bool>,
) {
    let line = &points[start..];
    let n = line.len();
    if n < 3 {
        return;
    }
    keep.clear();
    keep.resize(n, false);
    keep[0] = true;
    keep[n - 1] = true;
    stack.clear();
    stack.push((0, n as u32 - 1));
    while let Some((from, to)) = stack.pop() {
        if to - from < 2 {
            continue;
        }
        let (a, b) = (line[from as usize], line[to as usize]);
        let (mut far, mut far_at) = (0.0f64, from);
        for at in from + 1..to {
            let d = distance2(line[at as usize], a, b);
            if d > far {
                (far, far_at) = (d, at);
            }
        }
        if far > 0.25 {
            keep[far_at as usize] = true;
            stack.push((from, far_at));
            stack.push((far_at, to));
        }
    }
    let mut kept = start;
    for (at, &stays) in keep.iter().enumerate() {
        if stays {
            points[kept] = points[start + at];
            kept += 1;
        }
    }
    points.truncate(kept);
}

/// The squared distance of a point from a segment.
fn distance2(p: P, a: P, b: P) -> f64 {
    let (dx, dy) = (f64::from(b.x - a.x), f64::from(b.y - a.y));
    let (px, py) = (f64::from(p.x - a.x), f64::from(p.y - a.y));
    let len2 = dx * dx + dy * dy;
    let t = if len2 > 0.0 { ((px * dx + py * dy) / len2).clamp(0.0, 1.0) } else { 0.0 };
    let (ex, ey) = (px - t * dx, py - t * dy);
    ex * ex + ey * ey
}
