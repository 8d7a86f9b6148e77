//! Snap rounding (Hobby 1999; Guibas and Marimont 1998).
//!
//! The plane is cut into pixels around the points of a lattice. A pixel with a vertex in it is hot,
//! and every edge that passes through a hot pixel is led through its centre. Then edges meet at
//! vertices only, nothing has moved by more than half a pixel, and nothing has been turned over:
//! faces may shrink to nothing, but no vertex comes to lie on the wrong side of an edge.

use super::exact::{Point, Probe, div_round, morton};
use super::topology::{Edges, Mosaic, Routes};
use super::tree::BoundsTree;

/// The lattice of a zoom: all tiles of the zoom have their grid points on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lattice {
    /// The step is 2^`down` world units.
    down: u32,
    /// A tile is 2^`side` world units wide.
    side: u32,
}

impl Lattice {
    /// Every world unit, and no tiles.
    pub const WORLD: Self = Self { down: 0, side: 32 };

    /// The lattice of a zoom.
    pub fn of_zoom(z: u8) -> Self {
        Self { down: 20u32.saturating_sub(u32::from(z)), side: 32u32.saturating_sub(u32::from(z)) }
    }

    /// World units from one point to the next.
    pub fn step(self) -> u32 {
        1 << self.down
    }

    /// The number of the pixel that a point lies in, as tiles snap. At the very end of the world
    /// there is no further pixel to snap to.
    #[inline]
    pub fn pixel(self, p: Point) -> Point {
        let half = (1u64 << self.down) >> 1;
        let last = (1u64 << (32 - self.down)) - 1;
        p.map(|v| ((u64::from(v) + half) >> self.down).min(last) as u32)
    }

    /// The centre of a pixel in world units.
    #[inline]
    pub fn centre(self, pixel: Point) -> Point {
        pixel.map(|v| v << self.down)
    }

    /// The middle of a pixel's square in doubled units. World units are whole, so the square is
    /// drawn halfway between those that it holds and those that it does not: no vertex lies on its
    /// edge; of its corners the least is its own.
    #[inline]
    fn middle(self, pixel: Point) -> [i64; 2] {
        let shift = i64::from(self.down > 0);
        pixel.map(|v| (i64::from(v) << (self.down + 1)) - shift)
    }

    /// The pixels in which an edge crosses the edges of tiles: if these are hot, no edge crosses
    /// from tile to tile but at a vertex, and both tiles have it.
    pub fn seams(self, a: Point, b: Point, out: &mut Vec<Point>) {
        for axis in [0, 1] {
            let (low, high) = (a[axis].min(b[axis]), a[axis].max(b[axis]));
            let run = i128::from(b[axis]) - i128::from(a[axis]);
            let rise = i128::from(b[1 - axis]) - i128::from(a[1 - axis]);
            let first = (u64::from(low) >> self.side) + 1;
            for line in (first..).map(|k| k << self.side).take_while(|&at| at < u64::from(high)) {
                let off = div_round((i128::from(line) - i128::from(a[axis])) * rise, run);
                let mut p = [line as u32; 2];
                p[1 - axis] = (i128::from(a[1 - axis]) + off).clamp(0, i128::from(u32::MAX)) as u32;
                out.push(self.pixel(p));
            }
        }
    }
}

/// Hot pixels, findable.
struct Hot {
    pixels: Vec<Point>,
    tree: BoundsTree,
    lattice: Lattice,
}

impl Hot {
    fn new(mut pixels: Vec<Point>, lattice: Lattice) -> Self {
        pixels.sort_by_cached_key(|&p| morton(p));
        pixels.dedup();
        let tree = BoundsTree::new(pixels.len(), |i| {
            let [x, y] = pixels[i];
            [x, y, x, y]
        });
        Self { pixels, tree, lattice }
    }

    /// Calls `found` with every pixel around whose middle a square of `half` (doubled units) is
    /// entered.
    #[inline]
    fn entered(&self, probe: &Probe, half: i64, mut found: impl FnMut(Point, [i64; 2])) {
        let lattice = self.lattice;
        self.tree.search(
            |b| {
                let (low, high) = (lattice.middle([b[0], b[1]]), lattice.middle([b[2], b[3]]));
                probe.meets(low.map(|v| v - half), high.map(|v| v + half))
            },
            |i| {
                let middle = lattice.middle(self.pixels[i]);
                if probe.enters(middle, half) {
                    found(self.pixels[i], middle);
                }
                true
            },
        );
    }
}

/// Leads every edge through the hot pixels that it passes: those of all vertices, of `more` points,
/// and of the places where edges cross from tile to tile. Edges must not cross each other but in
/// `more` points.
pub(super) fn snap(mosaic: &Mosaic, edges: &Edges, more: &[Point], lattice: Lattice) -> Routes {
    let vertices = &mosaic.vertices;
    let mut pixels: Vec<Point> = vertices.iter().chain(more).map(|&p| lattice.pixel(p)).collect();
    // Neighbours on the curve often share a pixel: the sort has less to do.
    pixels.dedup();
    for &[a, b] in &edges.pairs {
        lattice.seams(vertices[a as usize], vertices[b as usize], &mut pixels);
    }
    let hot = Hot::new(pixels, lattice);
    let half = i64::from(lattice.step());
    let mut routes = Routes::default();
    let mut way: Vec<(i128, Point)> = Vec::new();
    for &[a, b] in &edges.pairs {
        let (a, b) = (vertices[a as usize], vertices[b as usize]);
        let (first, last) = (lattice.pixel(a), lattice.pixel(b));
        way.clear();
        // Two pixels side by side hold the whole edge between them.
        if first[0].abs_diff(last[0]) + first[1].abs_diff(last[1]) > 1 {
            let probe = Probe::new(a, b);
            hot.entered(&probe, half, |pixel, middle| {
                if pixel != first && pixel != last {
                    way.push((probe.along(middle), pixel));
                }
            });
            // Of two pixels that an edge passes, the one further along is passed later.
            way.sort_unstable();
        }
        routes.push(way.iter().map(|w| lattice.centre(w.1)));
    }
    routes
}

/// Leads every lone edge through the lone edges' vertices within `tolerance` of it: T-junctions.
/// Borders that both neighbours have alike are left alone, however fine they are.
pub(super) fn join(mosaic: &Mosaic, edges: &Edges, tolerance: u32) -> Routes {
    let vertices = &mosaic.vertices;
    let lone = || edges.pairs.iter().zip(&edges.lone).filter(|e| *e.1).flat_map(|e| e.0);
    let hot = Hot::new(lone().map(|&v| vertices[v as usize]).collect(), Lattice::WORLD);
    let half = 2 * i64::from(tolerance) + 1;
    let mut routes = Routes::default();
    let mut way: Vec<(i128, Point)> = Vec::new();
    for (&[a, b], &lone) in edges.pairs.iter().zip(&edges.lone) {
        let (a, b) = (vertices[a as usize], vertices[b as usize]);
        way.clear();
        if lone {
            let probe = Probe::new(a, b);
            let end = probe.length2();
            hot.entered(&probe, half, |p, middle| {
                let along = probe.along(middle);
                if 0 < along && along < end && p != a && p != b {
                    way.push((along, p));
                }
            });
            way.sort_unstable();
        }
        routes.push(way.iter().map(|w| w.1));
    }
    routes
}
