//! Snap rounding in one tile, from what lies in its window alone.
//!
//! ```text
//! weaver.clear();
//! for each feature of the window { weaver.add(group, feature.parts()) }
//! weaver.weave(&frame);
//! for group in weaver.groups() { weaver.draw(group, &mut shape); shape.rings() → commands }
//! ```
//!
//! # What is done
//! Snap rounding as in [`snap`](super::snap) (Hobby 1999; Guibas and Marimont 1998), on the pixels of
//! the tile and its buffer, the **field**. Hot are the pixels of vertices, of crossings, of the places
//! where edges cross the sides of the tile or of the field, and the corners of the field. Every edge is
//! led through the centres of the hot pixels that it enters. As Goodrich, Guibas, Hershberger and
//! Tanenbaum (1997) have it, an edge's way can be looked up without the others' once the hot
//! pixels are known: they are a bitmap, and an edge asks the blocks of it that it passes.
//!
//! # Why a tile needs nothing from beyond its window
//! Take the snap rounding of the whole layer, where the places at which edges cross tiles' sides are hot
//! too, and look at the tile's square S, sides included.
//!
//! 1. *The hot pixels of S are known here.* A pixel with its centre in S reaches half a grid unit beyond S
//!    at most, which is inside the window. A vertex in it is one of a feature whose box meets the window;
//!    if edges cross in it, or an edge crosses a side of S in it, the edges pass through the window and so
//!    do their features' boxes.
//! 2. *The way of an edge inside S hangs on the hot pixels of S alone.* Where the edge crosses a side of S,
//!    its pixel is hot, so the way has a vertex there, on the side. Between two such places the edge
//!    enters pixels of S only, and its way goes from one hot pixel of S to the next. Where it runs outside
//!    of S, within half a grid unit, and enters hot pixels of the side, its way runs along the side and
//!    takes no ground in S.
//!
//! So inside S the ways are those of the whole layer, and two tiles that share a side have the same
//! vertices on it. The same holds for the field, as if it were the tile: so what is clipped is clipped at
//! vertices, without any rounding, and what fits in the tile fits in the buffer too.
//!
//! # T-junctions
//! A corner that lies on a neighbour's edge makes its pixel hot, which bends the edge; no vertex has to
//! be put there. But at rest coordinates are rounded to world units, so the corner may lie up to
//! two of them beside the edge ([`TOLERANCE`]), and the edge of a pixel may lie between them (for one
//! such corner in eight at z16, where a pixel is 16 wide): then corner and edge would go apart by up to a
//! grid unit. It would not do to make pixels wider by two units for that: the corner's own edges, which
//! run along the long one, may each miss or meet a third vertex's pixel that the long one does not,
//! and edges that are led through pixels which they do not enter may cross. So T-junctions are joined
//! first, as for a whole layer: an edge without a partner on its other side is replaced by pieces
//! that are the same as the neighbours' edges. That is local too: a neighbour's edge that runs along it
//! inside the window has both its ends known, wherever they are. Only at the outer border of a layer, where
//! the neighbour ends outside of the window, the pieces are not known; nobody is beside it there, and it
//! may step by a grid unit from tile to tile.
//!
//! # What this does not promise
//! In data that overlap, two tiles may join different T-junctions where several corners of different
//! features lie within 18 mm of an edge; each tile by itself is free of gaps and valid all the same.

mod bins;
mod edges;
mod faces;
mod field;
mod hot;
#[cfg(test)]
mod tests;

use super::exact::{Point, Probe, crossing};
use super::node::TOLERANCE;
use crate::geom::{Shape, ShapeOutcome};
use crate::grid::TileFrame;
use bins::Bins;
use edges::Edges;
use faces::Faces;
use field::{Field, Pixel};
use hot::Hot;

/// Makes the polygons of one tile out of all that lies in its window, so that what is shared at rest
/// stays shared on the grid. Holds all scratch memory; reused from tile to tile.
///
/// A group is what becomes one (multi)polygon: a feature, or all features of a class, whose common
/// borders then cancel.
#[derive(Debug, Default)]
pub(crate) struct Weaver {
    members: Vec<Member>,
    rings: Vec<Ring>,
    points: Vec<Point>,
    /// The pixel of each point.
    pixels: Vec<Pixel>,
    /// The edge from each point to the next of its ring; [`NONE`] for one that has no way.
    steps: Vec<u32>,
    field: Field,
    hot: Hot,
    edges: Edges,
    bins: Bins,
    chosen: Vec<u32>,
    /// Edges, how far along them, and the vertices that they are joined to there.
    joints: Vec<(u32, i128, Point)>,
    /// The pieces of the edges with joints, one after the other; [`NONE`] for one outside of the field.
    pieces: Vec<u32>,
    way: Vec<(i128, Pixel)>,
    led: Vec<Pixel>,
    trace: Vec<Pixel>,
    faces: Faces,
}

/// What was added at a time.
#[derive(Debug, Clone, Copy)]
struct Member {
    group: u32,
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Ring {
    start: u32,
    end: u32,
    hole: bool,
    /// Whether all its points lie in the field.
    inside: bool,
}

const NONE: u32 = u32::MAX;
/// Where pixels are wider than 2^6 world units (below z14), neighbours' edges of up to a pixel are not
/// joined to: that would cost most where most is to be done, and be seen least.
const JOINED: i64 = 1 << 6;

impl Weaver {
    /// Starts the next tile.
    pub fn clear(&mut self) {
        self.members.clear();
        self.rings.clear();
        self.points.clear();
    }

    /// Adds a polygon or multipolygon of a group: its rings in world units without closing points,
    /// whether each is a hole, exteriors turning right on the screen and holes left
    /// ([`Feature::parts`](crate::block::Feature::parts)). Groups may come in any order, and as often
    /// as they like. All features whose boxes meet the tile's window must be added, smaller ones than a
    /// grid unit too: whoever is left out leaves a hole.
    pub fn add<'a>(&mut self, group: u32, rings: impl Iterator<Item = (bool, &'a [[u32; 2]])>) {
        let start = self.rings.len() as u32;
        for (hole, points) in rings {
            let first = self.points.len() as u32;
            self.points.extend_from_slice(points);
            self.rings.push(Ring { start: first, end: self.points.len() as u32, hole, inside: true });
        }
        self.members.push(Member { group, start, end: self.rings.len() as u32 });
    }

    /// Finds how every edge runs on the tile's grid.
    pub fn weave(&mut self, frame: &TileFrame) {
        if !self.members.is_sorted_by_key(|m| m.group) {
            self.members.sort_by_key(|m| m.group);
        }
        self.field = Field::of(frame);
        let last = self.field.last;
        self.hot.clear(last);
        for corner in [[0, 0], [last, 0], [0, last], [last, last]] {
            self.hot.set(corner);
        }
        self.place();
        self.number();
        self.join();
        self.cross();
        self.lead();
    }

    /// The groups that were added, ascending, each once. To be asked after [`Weaver::weave`].
    pub fn groups(&self) -> impl Iterator<Item = u32> {
        self.members.chunk_by(|m, n| m.group == n.group).filter_map(|same| same.first()).map(|m| m.group)
    }

    /// Puts a group's polygons into `shape` (which is cleared): grid coordinates of the tile, clipped to
    /// the tile and its buffer, valid, wound as MVT wants them; [`Shape::rings`] gives them, each
    /// exterior before its holes. Where members overlap, the ground is covered once (non-zero rule).
    /// [`ShapeOutcome::Gone`] if nothing is left, or the group is none.
    pub fn draw(&mut self, group: u32, shape: &mut Shape) -> ShapeOutcome {
        shape.clear();
        let mut trace = std::mem::take(&mut self.trace);
        let outcome = self.draw_with(group, shape, &mut trace);
        self.trace = trace;
        outcome
    }

    fn draw_with(&mut self, group: u32, shape: &mut Shape, trace: &mut Vec<Pixel>) -> ShapeOutcome {
        let field = self.field;
        let first = self.members.partition_point(|m| m.group < group);
        let count = self.members[first..].iter().take_while(|m| m.group == group).count();
        let members = first..first + count;
        let rings = |m: &Member| m.start as usize..m.end as usize;
        // Most features are one ring that is as simple on the grid as it was.
        if let [only] = &self.members[members.clone()] {
            for ring in &self.rings[rings(only)] {
                self.put(ring, trace, shape);
            }
            if let Some(outcome) = shape.settle() {
                return outcome;
            }
        }
        self.faces.clear();
        for member in members.clone() {
            for ring in rings(&self.members[member]) {
                self.trace(&self.rings[ring], trace);
                self.faces.ring(trace, field.last);
            }
        }
        shape.clear();
        let found = self.faces.polygons(field.last, |hole, ring| {
            shape.ring(!hole, ring.map(|p| field.grid(p)));
        });
        if found.is_err() {
            // Edges on the grid cross, which snap rounding excludes: the overlay knows what to do.
            shape.clear();
            for member in members {
                for ring in &self.rings[rings(&self.members[member])] {
                    self.put(ring, trace, shape);
                }
            }
            return shape.finish();
        }
        if shape.rings().next().is_none() { ShapeOutcome::Gone } else { ShapeOutcome::Repaired }
    }

    /// Finds the pixels of all points.
    fn place(&mut self) {
        let Self { field, hot, rings, points, pixels, .. } = self;
        pixels.clear();
        for ring in rings {
            ring.inside = true;
            pixels.extend(points[ring.start as usize..ring.end as usize].iter().map(|&p| {
                let pixel = field.pixel(p);
                if field.holds(pixel) {
                    hot.set(pixel);
                } else {
                    ring.inside = false;
                }
                pixel
            }));
        }
    }

    /// Finds the edges that may have a way of their own.
    fn number(&mut self) {
        let Self { field, rings, points, pixels, steps, edges, .. } = self;
        edges.clear(points.len());
        steps.clear();
        let small = field.step() > JOINED;
        for ring in rings.iter() {
            let (start, end) = (ring.start as usize, ring.end as usize);
            for at in start..end {
                let to = if at + 1 < end { at + 1 } else { start };
                let (a, b, p, q) = (points[at], points[to], pixels[at], pixels[to]);
                let short = p[0].abs_diff(q[0]) + p[1].abs_diff(q[1]) <= 1;
                if a == b || field.beyond(p) & field.beyond(q) != 0 || small && short {
                    steps.push(NONE);
                    continue;
                }
                let up = a < b;
                let edge = if up { edges.number([a, b], [p, q]) } else { edges.number([b, a], [q, p]) };
                edges.list[edge as usize].balance += if up { 1 } else { -1 };
                steps.push(edge);
            }
        }
    }

    /// Splits edges without a partner at the vertices of others of them that lie on them.
    fn join(&mut self) {
        let Self { field, edges, bins, chosen, joints, pieces, .. } = self;
        chosen.clear();
        joints.clear();
        pieces.clear();
        chosen.extend((0..edges.list.len() as u32).filter(|&e| edges.list[e as usize].balance != 0));
        bins.pairs(field, &edges.list, chosen, TOLERANCE, |e, f| {
            for (e, f) in [(e, f), (f, e)] {
                for v in f.ends {
                    joints.extend(joint(e.ends, v).map(|along| (e.edge, along, v)));
                }
            }
        });
        joints.sort_unstable();
        joints.dedup();
        for joint in joints.iter() {
            edges.list[joint.0 as usize].split = true;
        }
        for same in joints.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(number, ..)) = same.first() else { continue };
            let [mut from, end] = edges.list[number as usize].ends;
            for to in same.iter().map(|joint| joint.2).chain([end]) {
                let ends = [from.min(to), from.max(to)];
                let pixels = ends.map(|v| field.pixel(v));
                let passes = from != to && field.beyond(pixels[0]) & field.beyond(pixels[1]) == 0;
                pieces.push(if passes { edges.straight(ends, pixels) } else { NONE });
                from = to;
            }
        }
    }

    /// Finds where edges cross each other and the sides of the tile and the field.
    fn cross(&mut self) {
        let Self { field, hot, edges, bins, chosen, .. } = self;
        let list = &edges.list;
        chosen.clear();
        let long = |&e: &u32| !list[e as usize].split && !list[e as usize].is_short();
        chosen.extend((0..list.len() as u32).filter(long));
        for &e in chosen.iter() {
            field.seams(&list[e as usize], |pixel| hot.set(pixel));
        }
        bins.pairs(field, list, chosen, 0, |e, f| {
            let ([a, b], [c, d]) = (e.ends, f.ends);
            if a == c || a == d || b == c || b == d {
                return;
            }
            if let Some(p) = crossing(a, b, c, d).map(|p| field.pixel(p)).filter(|&p| field.holds(p)) {
                hot.set(p);
            }
        });
    }

    /// Leads every edge through the hot pixels that it enters.
    fn lead(&mut self) {
        let Self { field, hot, edges, chosen, way, joints, pieces, led, .. } = self;
        edges.level();
        let half = field.step();
        for &number in chosen.iter() {
            let edge = &edges.list[number as usize];
            let [p, q] = edge.pixels;
            let low = [p[0].min(q[0]), p[1].min(q[1])];
            let high = [p[0].max(q[0]), p[1].max(q[1])];
            way.clear();
            field.cells(edge, hot::CELL, 0, |x, y| {
                hot.cell(x, y, low, high, |pixel| {
                    if pixel == p || pixel == q {
                        return;
                    }
                    let (probe, middle) = (Probe::new(edge.ends[0], edge.ends[1]), field.middle(pixel));
                    if probe.enters(middle, half) {
                        way.push((probe.along(middle), pixel));
                    }
                });
            });
            if !way.is_empty() {
                // Of two pixels that an edge passes, the one further along is passed later.
                way.sort_unstable();
                edges.lead(number, way.iter().map(|w| w.1));
            }
        }
        // What was split goes the ways of its pieces.
        let mut pieces = pieces.iter();
        for same in joints.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(number, ..)) = same.first() else { continue };
            let [mut from, end] = edges.list[number as usize].ends;
            led.clear();
            for (to, &piece) in same.iter().map(|joint| joint.2).chain([end]).zip(pieces.by_ref()) {
                let way = if piece == NONE { &[] } else { edges.way(piece) };
                if from < to {
                    led.extend_from_slice(way)
                } else {
                    led.extend(way.iter().rev())
                }
                led.extend(Some(field.pixel(to)).filter(|&pixel| to != end && field.holds(pixel)));
                from = to;
            }
            edges.lead(number, led.iter().copied());
        }
    }

    /// Whether a ring lies in the field and none of its edges is led anywhere.
    #[inline]
    fn is_plain(&self, ring: &Ring) -> bool {
        let all = ring.start as usize..ring.end as usize;
        let led = |&step: &u32| step != NONE && self.edges.is_led(step);
        ring.inside && !self.steps[all].iter().any(led)
    }

    /// Adds a ring to a shape as it runs on the grid.
    #[inline]
    fn put(&self, ring: &Ring, trace: &mut Vec<Pixel>, shape: &mut Shape) {
        let field = self.field;
        let pixels = if self.is_plain(ring) {
            &self.pixels[ring.start as usize..ring.end as usize]
        } else {
            self.trace(ring, trace);
            trace
        };
        shape.ring(!ring.hole, pixels.iter().map(|&p| field.grid(p)));
    }

    /// A ring as it runs on the pixels of the field, clipped to it: along its sides where the ring is
    /// outside.
    #[inline]
    fn trace(&self, ring: &Ring, out: &mut Vec<Pixel>) {
        let field = &self.field;
        out.clear();
        let (start, end) = (ring.start as usize, ring.end as usize);
        for at in start..end {
            let pixel = self.pixels[at];
            let next = if at + 1 < end { at + 1 } else { start };
            let step = self.steps[at];
            let inside = field.holds(pixel) && field.holds(self.pixels[next]);
            if inside {
                out.push(pixel);
                if step == NONE {
                    continue;
                }
            }
            let way = if step == NONE { &[] } else { self.edges.way(step) };
            let ahead = self.points[at] < self.points[next];
            if inside {
                if ahead { out.extend_from_slice(way) } else { out.extend(way.iter().rev()) }
            } else {
                self.trace_outside(at, next, ahead, way, out);
            }
        }
    }

    /// The way of an edge with an end outside of the field.
    #[cold]
    fn trace_outside(&self, at: usize, next: usize, ahead: bool, way: &[Pixel], out: &mut Vec<Pixel>) {
        let field = &self.field;
        let ends = [self.points[at], self.points[next]];
        let mut from = field.nearest(self.pixels[at]);
        out.push(from);
        for k in 0..=way.len() {
            let to = match way.len() {
                n if k == n => field.nearest(self.pixels[next]),
                _ if ahead => way[k],
                n => way[n - 1 - k],
            };
            // Only before the first and after the last pixel of its way it is outside.
            let leaves = k == 0 && !field.holds(self.pixels[at]);
            let stays_out = k == way.len() && !field.holds(self.pixels[next]);
            if leaves || stays_out {
                field.around(ends, from, to, |corner| out.push(corner));
            }
            out.push(to);
            from = to;
        }
        out.pop();
    }
}

/// How far along an edge a vertex lies that is to be joined to it.
#[inline]
fn joint([a, b]: [Point; 2], v: Point) -> Option<i128> {
    let off = |k: usize| {
        let (low, high) = (a[k].min(b[k]), a[k].max(b[k]));
        v[k] < low.saturating_sub(TOLERANCE) || v[k] > high.saturating_add(TOLERANCE)
    };
    if v == a || v == b || off(0) || off(1) {
        return None;
    }
    let (probe, middle) = (Probe::new(a, b), v.map(|v| 2 * i64::from(v)));
    let along = probe.along(middle);
    let near = probe.enters(middle, 2 * i64::from(TOLERANCE) + 1) && 0 < along && along < probe.length2();
    near.then_some(along)
}
