//! The geometries of one batch as flat arrays.

use super::Reason;
use kho_layer::GeometryKind;
use std::ops::Range;

/// What is known of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Point, line or polygon.
    pub kind: GeometryKind,
    /// Whether it came as a multi-geometry or collection.
    pub multi: bool,
    /// Whether a ring was closed or a degenerate hole dropped while reading.
    pub mended: bool,
}

/// Geometries as nested runs of coordinates: shape → parts → rings → coordinates. A point is one
/// part of one ring of one coordinate, a line one part of one ring.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// End of each ring in `x`/`y`.
    ring_ends: Vec<u32>,
    /// End of each part in `ring_ends`.
    part_ends: Vec<u32>,
    /// End of each shape in `part_ends`.
    shape_ends: Vec<u32>,
    heads: Vec<Result<Head, Reason>>,
}

/// Lengths of the arrays, to go back to when a shape turns out to be unusable.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize, usize, usize);

impl Shapes {
    /// Room for `shapes` shapes of about `coords` coordinates together.
    pub(crate) fn with_capacity(shapes: usize, coords: usize) -> Self {
        Self {
            x: Vec::with_capacity(coords),
            y: Vec::with_capacity(coords),
            ring_ends: Vec::with_capacity(shapes),
            part_ends: Vec::with_capacity(shapes),
            shape_ends: Vec::with_capacity(shapes),
            heads: Vec::with_capacity(shapes),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(crate) fn head(&self, shape: usize) -> Result<Head, Reason> {
        self.heads.get(shape).copied().unwrap_or(Err(Reason::Empty))
    }

    /// The parts of a shape.
    pub(crate) fn parts(&self, shape: usize) -> Range<usize> {
        run(&self.shape_ends, shape)
    }

    /// The rings of a part.
    pub(crate) fn rings(&self, part: usize) -> Range<usize> {
        run(&self.part_ends, part)
    }

    /// The coordinates of a ring.
    pub(crate) fn coords(&self, ring: usize) -> Range<usize> {
        run(&self.ring_ends, ring)
    }

    /// All coordinates of a shape.
    pub(crate) fn span(&self, shape: usize) -> Range<usize> {
        let parts = self.parts(shape);
        if parts.is_empty() {
            return 0..0;
        }
        let first = self.coords(self.rings(parts.start).start).start;
        let last = self.coords(self.rings(parts.end - 1).end - 1).end;
        first..last
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.x.len(), self.ring_ends.len(), self.part_ends.len())
    }

    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.x.truncate(mark.0);
        self.y.truncate(mark.0);
        self.ring_ends.truncate(mark.1);
        self.part_ends.truncate(mark.2);
    }

    /// Forgets everything but keeps the memory.
    pub(crate) fn rewind_all(&mut self) {
        self.rewind(Mark(0, 0, 0));
        self.shape_ends.clear();
        self.heads.clear();
    }

    /// Adds a coordinate to the open ring unless it repeats the one before.
    #[inline]
    pub(crate) fn push(&mut self, ring_start: usize, x: f64, y: f64) {
        let n = self.x.len();
        if n > ring_start && self.x[n - 1] == x && self.y[n - 1] == y {
            return;
        }
        self.x.push(x);
        self.y.push(y);
    }

    pub(crate) fn end_ring(&mut self) {
        self.ring_ends.push(self.x.len() as u32);
    }

    pub(crate) fn end_part(&mut self) {
        self.part_ends.push(self.ring_ends.len() as u32);
    }

    /// Ends a shape; one that is unusable leaves nothing behind but its reason.
    pub(crate) fn end_shape(&mut self, mark: Mark, head: Result<Head, Reason>) {
        let head = if head.is_ok() && self.part_ends.len() == mark.2 { Err(Reason::Empty) } else { head };
        if head.is_err() {
            self.rewind(mark);
        }
        self.shape_ends.push(self.part_ends.len() as u32);
        self.heads.push(head);
    }

    /// Closes the line or ring that begins at `start`, and drops it if it is degenerate.
    /// `hole`: a degenerate hole is no loss, a degenerate border is.
    pub(crate) fn finish_ring(&mut self, start: usize, hole: bool, mended: &mut bool) -> Result<(), Reason> {
        let n = self.x.len();
        if self.x[start] != self.x[n - 1] || self.y[start] != self.y[n - 1] {
            let (x, y) = (self.x[start], self.y[start]);
            self.x.push(x);
            self.y.push(y);
            *mended = true;
        }
        if self.x.len() - start < 4 {
            if !hole {
                return Err(Reason::TooFewPoints);
            }
            self.x.truncate(start);
            self.y.truncate(start);
            *mended = true;
            return Ok(());
        }
        self.end_ring();
        Ok(())
    }

    /// Twice the signed area of a ring, relative to its first point so that large eastings cost
    /// no digits; positive is counter-clockwise.
    pub(crate) fn twice_area(&self, ring: usize) -> f64 {
        let c = self.coords(ring);
        let (x, y) = (&self.x[c.clone()], &self.y[c]);
        let (Some(&x0), Some(&y0)) = (x.first(), y.first()) else {
            return 0.0;
        };
        x.windows(2)
            .zip(y.windows(2))
            .map(|(x, y)| (x[0] - x0) * (y[1] - y0) - (x[1] - x0) * (y[0] - y0))
            .sum()
    }

    /// Twice the area of a polygon shape: borders less holes.
    pub(crate) fn twice_area_of(&self, shape: usize) -> f64 {
        self.parts(shape)
            .map(|part| {
                let rings = self.rings(part);
                let border = rings.start;
                rings
                    .map(|r| {
                        let a = self.twice_area(r).abs();
                        if r == border { a } else { -a }
                    })
                    .sum::<f64>()
            })
            .sum()
    }

    /// Winds borders counter-clockwise and holes clockwise.
    pub(crate) fn wind(&mut self, shape: usize) {
        for part in self.parts(shape) {
            let rings = self.rings(part);
            let border = rings.start;
            for ring in rings {
                let area = self.twice_area(ring);
                if (ring == border && area < 0.0) || (ring != border && area > 0.0) {
                    let c = self.coords(ring);
                    self.x[c.clone()].reverse();
                    self.y[c].reverse();
                }
            }
        }
    }
}

fn run(ends: &[u32], i: usize) -> Range<usize> {
    let start = if i == 0 { 0 } else { ends[i - 1] as usize };
    start..ends[i] as usize
}
