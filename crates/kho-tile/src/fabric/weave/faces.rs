//! From rings that may lie on and over each other to valid polygons.
//!
//! The rings are summed up as directed edges, so what is there once in each direction cancels. A sweep
//! from west to east then finds how often the rest winds around the ground on both sides of each edge
//! (edges meet at vertices only, so nothing happens between vertices); edges with ground that is
//! covered on one side alone are the outline. It is followed around the ground, and cut where it passes
//! a vertex twice, so every ring is simple and no ring crosses another.

use super::field::Pixel;

/// A vertex of the field, column before row, in one number: numbers are in the order of the sweep.
type Vertex = u32;

#[inline(always)]
fn vertex([x, y]: Pixel) -> Vertex {
    (x as u32) << 16 | y as u32
}

#[inline(always)]
fn place(v: Vertex) -> [i64; 2] {
    [i64::from(v >> 16), i64::from(v & 0xFFFF)]
}

#[inline(always)]
fn minus(a: Vertex, b: Vertex) -> [i64; 2] {
    let (a, b) = (place(a), place(b));
    [a[0] - b[0], a[1] - b[1]]
}

/// Positive if `b` lies to the right of `a` on the screen (y down).
#[inline(always)]
fn turn(a: [i64; 2], b: [i64; 2]) -> i64 {
    a[0] * b[1] - a[1] * b[0]
}

const NONE: u32 = u32::MAX;

/// What is left between two vertices, from the lower to the higher.
#[derive(Debug, Clone, Copy)]
struct Net {
    from: Vertex,
    to: Vertex,
    /// Uses upwards less uses downwards; never 0.
    times: i32,
    /// How often the rings wind around the ground on its smaller side (in y) and on its greater.
    winds: [i32; 2],
    /// The outline below, in y, where it begins; [`NONE`] if there is none.
    below: u32,
    /// The ring it is a part of.
    ring: u32,
}

impl Net {
    fn is_outline(&self) -> bool {
        (self.winds[0] == 0) != (self.winds[1] == 0)
    }
}

/// A simple ring of the outline.
#[derive(Debug, Clone, Copy)]
struct Ring {
    start: u32,
    end: u32,
    exterior: bool,
    /// The first of its edges in the order of the sweep.
    first: u32,
    /// The exterior it belongs to; itself if it is one.
    owner: u32,
}

/// The edges were not what they must be: they crossed, or left a vertex open.
#[derive(Debug)]
pub(super) struct Tangled;

/// Scratch, kept from group to group.
#[derive(Debug, Default)]
pub(super) struct Faces {
    /// Edges as lower vertex and higher vertex, used upwards and used downwards.
    uses: [Vec<u64>; 2],
    /// Along each side of the field: places, and by how much the use changes there.
    rim: [Vec<(u16, i32)>; 4],
    nets: Vec<Net>,
    /// All vertices, in the order of the sweep.
    events: Vec<Vertex>,
    /// The edges under way, from the smallest y on.
    status: Vec<u32>,
    /// The outline as directed edges by their start: from, to, number of the net.
    steps: Vec<(Vertex, Vertex, u32)>,
    used: Vec<bool>,
    path: Vec<u32>,
    rings: Vec<Ring>,
    corners: Vec<Vertex>,
    order: Vec<u32>,
}

impl Faces {
    /// Forgets all rings.
    pub fn clear(&mut self) {
        self.uses.iter_mut().for_each(Vec::clear);
        self.rim.iter_mut().for_each(Vec::clear);
    }

    /// Adds a ring of pixels of a field whose last column and row are `last`. Its edges must meet those
    /// of other rings at vertices only, but along the sides of the field.
    pub fn ring(&mut self, ring: &[Pixel], last: i32) {
        let Some(&end) = ring.last() else { return };
        let mut a = end;
        for &b in ring {
            for (side, (axis, line)) in [(0, 0), (0, last), (1, 0), (1, last)].into_iter().enumerate() {
                if b[axis] == line {
                    self.rim[side].push((b[1 - axis] as u16, 0));
                }
            }
            if a != b {
                self.edge(a, b, last);
            }
            a = b;
        }
    }

    fn edge(&mut self, a: Pixel, b: Pixel, last: i32) {
        for (side, (axis, line)) in [(0, 0), (0, last), (1, 0), (1, last)].into_iter().enumerate() {
            if a[axis] == line && b[axis] == line {
                let (from, to) = (a[1 - axis], b[1 - axis]);
                let sign = if from < to { 1 } else { -1 };
                self.rim[side].push((from.min(to) as u16, sign));
                self.rim[side].push((from.max(to) as u16, -sign));
                return;
            }
        }
        let (a, b) = (vertex(a), vertex(b));
        self.uses[usize::from(a > b)].push(u64::from(a.min(b)) << 32 | u64::from(a.max(b)));
    }

    /// Makes polygons of what has been added: `found` gets each exterior, turning right on the screen,
    /// and after it its holes, turning left, and whether it is a hole.
    ///
    /// # Errors
    /// [`Tangled`] if edges do not meet at vertices only; nothing has been found then.
    pub fn polygons(
        &mut self,
        last: i32,
        mut found: impl FnMut(bool, &mut dyn Iterator<Item = Pixel>),
    ) -> Result<(), Tangled> {
        self.sum(last);
        self.sweep()?;
        self.follow()?;
        self.own()?;
        for &at in &self.order {
            let ring = self.rings[at as usize];
            let corners = &self.corners[ring.start as usize..ring.end as usize];
            found(!ring.exterior, &mut corners.iter().map(|&v| place(v).map(|v| v as i32)));
        }
        Ok(())
    }

    /// Adds up the uses of every edge.
    fn sum(&mut self, last: i32) {
        self.nets.clear();
        let [up, down] = &mut self.uses;
        up.sort_unstable();
        down.sort_unstable();
        let (mut i, mut k) = (0, 0);
        while i < up.len() || k < down.len() {
            let edge = match (up.get(i), down.get(k)) {
                (Some(&u), Some(&d)) => u.min(d),
                (Some(&e), None) | (None, Some(&e)) => e,
                (None, None) => break,
            };
            let mut times = 0;
            while up.get(i) == Some(&edge) {
                (i, times) = (i + 1, times + 1);
            }
            while down.get(k) == Some(&edge) {
                (k, times) = (k + 1, times - 1);
            }
            if times != 0 {
                self.nets.push(net((edge >> 32) as u32, edge as u32, times));
            }
        }
        for (side, (axis, line)) in [(0, 0), (0, last), (1, 0), (1, last)].into_iter().enumerate() {
            let stops = &mut self.rim[side];
            stops.sort_unstable();
            let mut times = 0;
            for pair in stops.windows(2) {
                times += pair[0].1;
                if pair[0].0 < pair[1].0 && times != 0 {
                    let at = |v: u16| {
                        let mut p = [line; 2];
                        p[1 - axis] = i32::from(v);
                        vertex(p)
                    };
                    self.nets.push(net(at(pair[0].0), at(pair[1].0), times));
                }
            }
        }
        // By their start, and from the smallest y on.
        self.nets.sort_unstable_by(|e, f| {
            let turned = turn(minus(e.to, e.from), minus(f.to, f.from));
            e.from.cmp(&f.from).then(0.cmp(&turned))
        });
    }

    /// Finds how often the rings wind around both sides of every edge.
    fn sweep(&mut self) -> Result<(), Tangled> {
        self.status.clear();
        self.events.clear();
        self.events.extend(self.nets.iter().flat_map(|e| [e.from, e.to]));
        self.events.sort_unstable();
        self.events.dedup();
        let mut next = 0;
        for &v in &self.events {
            // How an edge under way passes the vertex: positive if it leaves it on its greater side.
            let side = |e: u32| {
                let net = &self.nets[e as usize];
                turn(minus(net.to, net.from), minus(v, net.from))
            };
            let low = self.status.partition_point(|&e| side(e) > 0);
            let ending = self.status[low..].iter().take_while(|&&e| self.nets[e as usize].to == v).count();
            let high = low + ending;
            if self.status.get(high).is_some_and(|&e| side(e) >= 0) {
                return Err(Tangled);
            }
            let under = low.checked_sub(1).map(|at| (self.status[at], self.nets[self.status[at] as usize]));
            let (mut winds, mut below) = match under {
                Some((at, net)) => (net.winds[1], if net.is_outline() { at } else { net.below }),
                None => (0, NONE),
            };
            let begin = next;
            while let Some(net) = self.nets.get_mut(next).filter(|net| net.from == v) {
                net.winds = [winds, winds + net.times];
                net.below = below;
                winds = net.winds[1];
                if net.is_outline() {
                    below = next as u32;
                }
                next += 1;
            }
            // What came in and what goes out must leave the same ground above.
            let over = self.status.get(high).map_or(0, |&e| self.nets[e as usize].winds[0]);
            if winds != over {
                return Err(Tangled);
            }
            self.status.splice(low..high, begin as u32..next as u32);
        }
        if self.status.is_empty() { Ok(()) } else { Err(Tangled) }
    }

    /// Follows the outline around the ground, which it has on its right.
    fn follow(&mut self) -> Result<(), Tangled> {
        self.steps.clear();
        self.rings.clear();
        self.corners.clear();
        for (at, net) in self.nets.iter().enumerate().filter(|(_, net)| net.is_outline()) {
            // The ground on the greater side is to the right of the way up.
            let (from, to) = if net.winds[1] != 0 { (net.from, net.to) } else { (net.to, net.from) };
            self.steps.push((from, to, at as u32));
        }
        self.steps.sort_unstable();
        self.used.clear();
        self.used.resize(self.steps.len(), false);
        for first in 0..self.steps.len() {
            if !self.used[first] {
                self.follow_from(first)?;
            }
        }
        Ok(())
    }

    fn follow_from(&mut self, first: usize) -> Result<(), Tangled> {
        self.path.clear();
        let mut at = first;
        loop {
            self.used[at] = true;
            self.path.push(at as u32);
            let (from, to, _) = self.steps[at];
            let begin = self.steps.partition_point(|s| s.0 < to);
            let ways = self.steps[begin..].iter().take_while(|s| s.0 == to).count();
            if ways > 1 || to == self.steps[self.path[0] as usize].0 {
                // Only a vertex with several ways on can have been passed before.
                if let Some(seen) = self.path.iter().position(|&s| self.steps[s as usize].0 == to) {
                    self.cut_off(seen);
                }
            }
            if self.path.is_empty() {
                return Ok(());
            }
            let back = minus(from, to);
            let unused = (begin..begin + ways).filter(|&s| !self.used[s]);
            let next = unused.reduce(|s, t| {
                let (d, g) = (minus(self.steps[s].1, to), minus(self.steps[t].1, to));
                if sooner(back, g, d) { t } else { s }
            });
            at = next.ok_or(Tangled)?;
        }
    }

    /// Makes a ring of the path from a place on.
    fn cut_off(&mut self, seen: usize) {
        let (number, start) = (self.rings.len() as u32, self.corners.len() as u32);
        let mut first = NONE;
        for at in self.path.drain(seen..) {
            let (from, _, net) = self.steps[at as usize];
            self.nets[net as usize].ring = number;
            self.corners.push(from);
            first = first.min(net);
        }
        let corners = &self.corners[start as usize..];
        let origin = corners.first().copied().unwrap_or(0);
        let area: i64 = corners.windows(2).map(|w| turn(minus(w[0], origin), minus(w[1], origin))).sum();
        let end = self.corners.len() as u32;
        self.rings.push(Ring { start, end, exterior: area > 0, first, owner: number });
    }

    /// Finds for each hole the exterior it lies in: the outline below its first edge is of that exterior
    /// or of another hole of it, whose first edge came before.
    fn own(&mut self) -> Result<(), Tangled> {
        self.order.clear();
        self.order.extend(0..self.rings.len() as u32);
        self.order.sort_unstable_by_key(|&at| self.rings[at as usize].first);
        for &at in &self.order {
            let ring = self.rings[at as usize];
            if !ring.exterior {
                let below = self.nets[ring.first as usize].below;
                let around = self.nets.get(below as usize).ok_or(Tangled)?.ring;
                self.rings[at as usize].owner = self.rings[around as usize].owner;
            }
        }
        let rings = &self.rings;
        let key = |at: u32| {
            let ring = &rings[at as usize];
            (rings[ring.owner as usize].first, !ring.exterior, ring.first)
        };
        self.order.sort_unstable_by_key(|&at| key(at));
        Ok(())
    }
}

fn net(from: Vertex, to: Vertex, times: i32) -> Net {
    Net { from, to, times, winds: [0; 2], below: NONE, ring: NONE }
}

/// Whether `d` is met before `g` when turning left (on the screen, y down) from `back`: the ground lies
/// between the way in and the first way out.
fn sooner(back: [i64; 2], d: [i64; 2], g: [i64; 2]) -> bool {
    let class = |v: [i64; 2]| match turn(back, v).signum() {
        -1 => 0,
        1 => 2,
        _ if back[0] * v[0] + back[1] * v[1] < 0 => 1,
        _ => 3,
    };
    match class(d).cmp(&class(g)) {
        std::cmp::Ordering::Equal => turn(d, g) < 0,
        other => other.is_lt(),
    }
}
