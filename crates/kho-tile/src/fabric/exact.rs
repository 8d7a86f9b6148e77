//! Predicates in whole numbers. World units need 33 bits with a sign, so products are taken in 128.

/// A point in world units, or the number of a lattice point.
pub(super) type Point = [u32; 2];

/// Twice the area of the triangle a, b, c; positive if it turns right on the screen (y down).
#[inline]
pub(super) fn cross(a: Point, b: Point, c: Point) -> i128 {
    let [abx, aby] = minus(b, a);
    let [acx, acy] = minus(c, a);
    product(abx, acy) - product(aby, acx)
}

#[inline]
pub(super) fn minus(a: Point, b: Point) -> [i64; 2] {
    [i64::from(a[0]) - i64::from(b[0]), i64::from(a[1]) - i64::from(b[1])]
}

#[inline]
pub(super) fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// The quotient to the nearest whole number, halves upwards, as a tile frame snaps.
#[inline]
pub(super) fn div_round(n: i128, d: i128) -> i128 {
    let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
    (2 * n + d).div_euclid(2 * d)
}

/// The place along a Morton curve: neighbours in number are neighbours on the ground.
#[inline]
pub(super) fn morton(p: Point) -> u64 {
    spread(p[0]) | spread(p[1]) << 1
}

#[inline]
fn spread(v: u32) -> u64 {
    let mut v = u64::from(v);
    v = (v | v << 16) & 0x0000_FFFF_0000_FFFF;
    v = (v | v << 8) & 0x00FF_00FF_00FF_00FF;
    v = (v | v << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    v = (v | v << 2) & 0x3333_3333_3333_3333;
    (v | v << 1) & 0x5555_5555_5555_5555
}

/// Whether the interiors of two segments meet in one point, and the nearest lattice point to it.
/// Ends that lie on the other segment are no crossing: they are vertices already.
pub(super) fn crossing(a: Point, b: Point, c: Point, d: Point) -> Option<Point> {
    let (ac, ad) = (cross(c, d, a), cross(c, d, b));
    if ac.signum() * ad.signum() >= 0 {
        return None;
    }
    if cross(a, b, c).signum() * cross(a, b, d).signum() >= 0 {
        return None;
    }
    let way = minus(b, a);
    let at = |axis: usize| {
        let off = div_round(ac * i128::from(way[axis]), ac - ad);
        (i128::from(a[axis]) + off).clamp(0, i128::from(u32::MAX)) as u32
    };
    Some([at(0), at(1)])
}

/// Whether `p` lies in the closed triangle.
#[inline]
pub(super) fn in_triangle(p: Point, [a, b, c]: [Point; 3]) -> bool {
    let (u, v, w) = (cross(a, b, p), cross(b, c, p), cross(c, a, p));
    (u >= 0 && v >= 0 && w >= 0) || (u <= 0 && v <= 0 && w <= 0)
}

/// A segment in doubled world units (so that the edges of pixels are whole numbers too), asked
/// which squares it passes through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    a: [i64; 2],
    d: [i64; 2],
    low: [i64; 2],
    high: [i64; 2],
}

impl Probe {
    /// The segment from `a` to `b`, which differ.
    #[inline]
    pub fn new(a: Point, b: Point) -> Self {
        let a = a.map(|v| 2 * i64::from(v));
        let b = b.map(|v| 2 * i64::from(v));
        Self {
            a,
            d: [b[0] - a[0], b[1] - a[1]],
            low: [a[0].min(b[0]), a[1].min(b[1])],
            high: [a[0].max(b[0]), a[1].max(b[1])],
        }
    }

    /// Whether it has a point in the square around `c` (doubled units, of another parity than its
    /// corners, so that no end lies on its sides). Of its corners the square has the least one, as halves
    /// are rounded upwards: what crosses in a corner crosses in one pixel, and both edges enter it.
    #[inline]
    pub fn enters(&self, c: [i64; 2], half: i64) -> bool {
        let near = |k: usize| c[k] + half > self.low[k] && c[k] - half < self.high[k];
        if !(near(0) && near(1)) {
            return false;
        }
        let off = |c: [i64; 2]| product(self.d[0], c[1] - self.a[1]) - product(self.d[1], c[0] - self.a[0]);
        let (off_middle, reach) = (off(c).abs(), product(half, self.d[0].abs() + self.d[1].abs()));
        off_middle < reach || off_middle == reach && off(c.map(|v| v - half)) == 0
    }

    /// Whether it may have a point in a box (doubled units).
    #[inline]
    pub fn meets(&self, low: [i64; 2], high: [i64; 2]) -> bool {
        let near = |k: usize| high[k] >= self.low[k] && low[k] <= self.high[k];
        if !(near(0) && near(1)) {
            return false;
        }
        let (cx, cy) = (low[0] + high[0] - 2 * self.a[0], low[1] + high[1] - 2 * self.a[1]);
        let off = product(self.d[0], cy) - product(self.d[1], cx);
        off.abs() <= product(high[0] - low[0], self.d[1].abs()) + product(high[1] - low[1], self.d[0].abs())
    }

    /// How far along the segment `c` lies: 0 at its start, [`Probe::length2`] at its end.
    #[inline]
    pub fn along(&self, c: [i64; 2]) -> i128 {
        product(self.d[0], c[0] - self.a[0]) + product(self.d[1], c[1] - self.a[1])
    }

    /// The square of the length.
    #[inline]
    pub fn length2(&self) -> i128 {
        product(self.d[0], self.d[0]) + product(self.d[1], self.d[1])
    }
}
