//! The edges of a tile, each once, whoever uses it.

use super::field::Pixel;
use crate::fabric::exact::Point;

/// An edge from its lower end to its higher, in the order of coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// World units.
    pub ends: [Point; 2],
    /// The pixels of the ends.
    pub pixels: [Pixel; 2],
    /// Uses upwards less uses downwards: 0 where it has a neighbour on either side.
    pub balance: i32,
    /// Whether it goes the ways of its pieces.
    pub split: bool,
}

impl Edge {
    fn new(ends: [Point; 2], pixels: [Pixel; 2]) -> Self {
        Self { ends, pixels, balance: 0, split: false }
    }

    /// Whether it lies in one pixel, or in two side by side: then it passes no third.
    #[inline(always)]
    pub fn is_short(&self) -> bool {
        let [p, q] = self.pixels;
        p[0].abs_diff(q[0]) + p[1].abs_diff(q[1]) <= 1
    }
}

/// A hash table of edges, kept from tile to tile.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub list: Vec<Edge>,
    /// The pixels that edges are led through, from their lower ends on.
    ways: Vec<Pixel>,
    /// Where each edge's are. As long as the list once ways are known.
    spans: Vec<[u32; 2]>,
    /// Number of an edge and one, 0 for none; a power of two of them.
    slots: Vec<u32>,
}

impl Edges {
    /// No edges, and room for about as many.
    pub fn clear(&mut self, expected: usize) {
        self.list.clear();
        self.ways.clear();
        self.spans.clear();
        self.slots.clear();
        self.slots.resize(expected.next_power_of_two().max(64), 0);
    }

    /// The number of the edge between two different points, which is added if it is new.
    #[inline]
    pub fn number(&mut self, ends: [Point; 2], pixels: [Pixel; 2]) -> u32 {
        if (self.list.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let slot = self.slot(ends);
        if self.slots[slot] == 0 {
            self.list.push(Edge::new(ends, pixels));
            self.slots[slot] = self.list.len() as u32;
        }
        self.slots[slot] - 1
    }

    /// The number of an edge that goes straight: another one than [`Edges::number`]'s if that is split.
    pub fn straight(&mut self, ends: [Point; 2], pixels: [Pixel; 2]) -> u32 {
        let number = self.number(ends, pixels);
        if !self.list[number as usize].split {
            return number;
        }
        self.list.push(Edge::new(ends, pixels));
        self.list.len() as u32 - 1
    }

    /// No edge is led anywhere yet.
    pub fn level(&mut self) {
        self.ways.clear();
        self.spans.clear();
        self.spans.resize(self.list.len(), [0; 2]);
    }

    /// Leads an edge through pixels, from its lower end on.
    pub fn lead(&mut self, edge: u32, way: impl Iterator<Item = Pixel>) {
        let start = self.ways.len() as u32;
        self.ways.extend(way);
        self.spans[edge as usize] = [start, self.ways.len() as u32];
    }

    /// The pixels on an edge's way, from its lower end on.
    #[inline(always)]
    pub fn way(&self, edge: u32) -> &[Pixel] {
        let [from, to] = self.spans[edge as usize];
        &self.ways[from as usize..to as usize]
    }

    /// Whether an edge is led anywhere.
    #[inline(always)]
    pub fn is_led(&self, edge: u32) -> bool {
        let [from, to] = self.spans[edge as usize];
        from < to
    }

    /// Where an edge is, or is to be.
    #[inline]
    fn slot(&self, ends: [Point; 2]) -> usize {
        let word = |p: Point| u64::from(p[0]) << 32 | u64::from(p[1]);
        let mixed = word(ends[0]).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ word(ends[1]);
        let mixed = mixed.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        let mask = self.slots.len() - 1;
        let mut slot = (mixed >> 32) as usize & mask;
        loop {
            let held = self.slots[slot] as usize;
            if held == 0 || self.list[held - 1].ends == ends {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(size, 0);
        for at in 0..self.list.len() {
            let slot = self.slot(self.list[at].ends);
            self.slots[slot] = at as u32 + 1;
        }
    }
}
