//! The pixels of one tile and its buffer.

use super::edges::Edge;
use crate::fabric::exact::{Point, cross, div_round};
use crate::geom::P;
use crate::grid::TileFrame;
use crate::mvt::EXTENT;

/// A pixel's column and row, counted from the north-west corner of the buffer. Those outside of the
/// field are negative or greater than [`Field::last`].
pub(super) type Pixel = [i32; 2];

/// Pixels farther off than this are as good as there: only on which side they lie counts.
const FAR: i64 = 1 << 24;
/// Buffers wider than this are cut to it: a pixel's number must fit into 16 bits.
const WIDEST: i64 = 28_000;

/// The square of pixels around the grid points of a tile and its buffer. Below the zoom at which a
/// grid unit is finer than a world unit a pixel is a grid unit wide, past it a world unit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Field {
    /// The world unit at the centre of the first pixel.
    origin: [i64; 2],
    up: u32,
    down: u32,
    /// Pixels of buffer on each side.
    margin: i32,
    /// Pixels from one side of the tile to the other.
    side: i32,
    /// The last column and row.
    pub last: i32,
}

impl Field {
    /// The field of a tile.
    pub fn of(frame: &TileFrame) -> Self {
        let (corner, up, down) = frame.lattice();
        let margin = (-frame.clip.min).clamp(0, WIDEST) >> up;
        let side = (EXTENT >> up) as i32;
        let origin = corner.map(|v| v - (margin << down));
        let margin = margin as i32;
        Self { origin, up, down, margin, side, last: side + 2 * margin }
    }

    /// World units to a pixel: also half of its width in doubled units.
    #[inline]
    pub fn step(&self) -> i64 {
        1 << self.down
    }

    /// The pixel that a point lies in, as tiles snap.
    #[inline(always)]
    pub fn pixel(&self, p: Point) -> Pixel {
        let half = (1i64 << self.down) >> 1;
        let column =
            |v: u32, origin: i64| ((i64::from(v) - origin + half) >> self.down).clamp(-FAR, FAR) as i32;
        [column(p[0], self.origin[0]), column(p[1], self.origin[1])]
    }

    /// Whether a pixel is one of the field.
    #[inline(always)]
    pub fn holds(&self, p: Pixel) -> bool {
        let last = self.last as u32;
        p[0] as u32 <= last && p[1] as u32 <= last
    }

    /// Beyond which sides of the field a pixel lies; 0 in the field.
    #[inline(always)]
    pub fn beyond(&self, [x, y]: Pixel) -> u8 {
        u8::from(x < 0) | u8::from(x > self.last) << 1 | u8::from(y < 0) << 2 | u8::from(y > self.last) << 3
    }

    /// The pixel of the field next to a pixel.
    #[inline(always)]
    pub fn nearest(&self, p: Pixel) -> Pixel {
        p.map(|v| v.clamp(0, self.last))
    }

    /// The middle of a pixel's square in doubled world units, half a world unit aside of its centre as
    /// in [`Lattice`](crate::fabric::snap::Lattice), so that no vertex lies on the edge of a square.
    #[inline]
    pub fn middle(&self, p: Pixel) -> [i64; 2] {
        let shift = i64::from(self.down > 0);
        let at = |v: i32, origin: i64| 2 * (origin + (i64::from(v) << self.down)) - shift;
        [at(p[0], self.origin[0]), at(p[1], self.origin[1])]
    }

    /// A pixel's centre on the grid of the tile.
    #[inline(always)]
    pub fn grid(&self, [x, y]: Pixel) -> P {
        P { x: (x - self.margin) << self.up, y: (y - self.margin) << self.up }
    }

    /// The pixels of the field in which an edge crosses the sides of the tile or of its buffer.
    pub fn seams(&self, e: &Edge, mut found: impl FnMut(Pixel)) {
        let inner = |[x, y]: Pixel| {
            let all = self.margin + 1..self.margin + self.side;
            all.contains(&x) && all.contains(&y)
        };
        if inner(e.pixels[0]) && inner(e.pixels[1]) {
            return;
        }
        let [a, b] = e.ends;
        for axis in [0, 1] {
            let (low, high) = (i64::from(a[axis].min(b[axis])), i64::from(a[axis].max(b[axis])));
            for k in [0, self.margin, self.margin + self.side, self.last] {
                let line = self.origin[axis] + (i64::from(k) << self.down);
                if low >= line || line >= high {
                    continue;
                }
                let other = 1 - axis;
                let run = i128::from(b[axis]) - i128::from(a[axis]);
                let rise = i128::from(b[other]) - i128::from(a[other]);
                let off = div_round((i128::from(line) - i128::from(a[axis])) * rise, run);
                let mut p = [0u32; 2];
                p[other] = (i128::from(a[other]) + off).clamp(0, i128::from(u32::MAX)) as u32;
                let mut pixel = self.pixel(p);
                pixel[axis] = k;
                if self.holds(pixel) {
                    found(pixel);
                }
            }
        }
    }

    /// Calls `visit` with the column and row of every square cell of 2^`shift` pixels that an edge may
    /// pass within `margin` pixels of, and perhaps a few more; each once.
    #[inline]
    pub fn cells(&self, e: &Edge, shift: u32, margin: i32, mut visit: impl FnMut(i32, i32)) {
        let [p, q] = e.pixels;
        let cell = |v: i32| v.clamp(0, self.last) >> shift;
        let low = [cell(p[0].min(q[0]) - margin), cell(p[1].min(q[1]) - margin)];
        let high = [cell(p[0].max(q[0]) + margin), cell(p[1].max(q[1]) + margin)];
        let (w, h) = (high[0] - low[0], high[1] - low[1]);
        if w <= 1 || h <= 1 || w * h <= 6 {
            for y in low[1]..=high[1] {
                for x in low[0]..=high[0] {
                    visit(x, y);
                }
            }
            return;
        }
        // Row by row, as far as the edge can be while it is in the row: a pixel to spare everywhere.
        let scale = self.step() as f64;
        let at = |p: Point| [0, 1].map(|k| (i64::from(p[k]) - self.origin[k]) as f64 / scale);
        let (a, b) = (at(e.ends[0]), at(e.ends[1]));
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let spare = margin + 1;
        for y in low[1]..=high[1] {
            let x_at = |row: i32| a[0] + ((f64::from(row) - a[1]) / dy).clamp(0.0, 1.0) * dx;
            let (one, two) = (x_at((y << shift) - spare), x_at(((y + 1) << shift) + spare));
            let from = cell((one.min(two).floor() as i32).saturating_sub(spare)).max(low[0]);
            let to = cell((one.max(two).ceil() as i32).saturating_add(spare)).min(high[0]);
            for x in from..=to {
                visit(x, y);
            }
        }
    }

    /// The corners around which an edge that stays outside leads from one place on the rim of the field
    /// to another. None if both lie on one side.
    pub fn around(&self, [a, b]: [Point; 2], from: Pixel, to: Pixel, mut turn: impl FnMut(Pixel)) {
        let last = self.last;
        let along = |k: usize| from[k] == to[k] && (from[k] == 0 || from[k] == last);
        if along(0) || along(1) {
            return;
        }
        let middle = self.middle([last / 2; 2]).map(|v| (v / 2).clamp(0, i64::from(u32::MAX)) as u32);
        let right = cross(a, b, middle) > 0;
        // How far a place is along the rim, clockwise from the north-west.
        let place = |[x, y]: Pixel| match () {
            () if y == 0 => x,
            () if x == last => last + y,
            () if y == last => 2 * last + (last - x),
            () => 3 * last + (last - y),
        };
        let corners = [[0, 0], [last, 0], [last, last], [0, last]];
        let (start, whole) = (place(from), 4 * last);
        let way = |p: Pixel| {
            let ahead = (place(p) - start).rem_euclid(whole);
            if right { ahead } else { (whole - ahead) % whole }
        };
        let end = way(to);
        let mut passed = corners.map(|c| (way(c), c));
        passed.sort_unstable();
        passed.iter().filter(|(at, _)| *at > 0 && *at < end).for_each(|(_, c)| turn(*c));
    }
}
