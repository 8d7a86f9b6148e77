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
    /// Where in [`Edges::ways`] the pixels are that it is led through, from its lower end on.
    pub way: [u32; 2],
    /// The same for the pieces that stand for it, if it was split.
    pub split: Option<[u32; 2]>,
    /// Whether it is one of another's pieces.
    pub piece: bool,
}

impl Edge {
    /// Whether it lies in one pixel, or in two side by side: then it passes no third.
    #[inline(always)]
    pub fn is_short(&self) -> bool {
        let [p, q] = self.pixels;
        p[0].abs_diff(q[0]) + p[1].abs_diff(q[1]) <= 1
    }

    /// Whether anybody goes straight from end to end: a piece does, even where others split the edge.
    #[inline(always)]
    pub fn is_used(&self) -> bool {
        self.split.is_none() || self.piece
    }
}

/// A hash table of edges, kept from tile to tile.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub list: Vec<Edge>,
    /// The ways of all edges.
    pub ways: Vec<Pixel>,
    /// Number of an edge and one, 0 for none; a power of two of them.
    slots: Vec<u32>,
}

impl Edges {
    /// No edges, and room for about as many.
    pub fn clear(&mut self, expected: usize) {
        self.list.clear();
        self.ways.clear();
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
            self.list.push(Edge { ends, pixels, balance: 0, way: [0; 2], split: None, piece: false });
            self.slots[slot] = self.list.len() as u32;
        }
        self.slots[slot] - 1
    }

    /// The edge between two points, lower end first, if there is one.
    pub fn find(&self, ends: [Point; 2]) -> Option<&Edge> {
        self.list.get((self.slots[self.slot(ends)] as usize).checked_sub(1)?)
    }

    /// The pixels on an edge's way, from its lower end on.
    #[inline(always)]
    pub fn way(&self, e: &Edge) -> &[Pixel] {
        let [from, to] = e.split.unwrap_or(e.way);
        &self.ways[from as usize..to as usize]
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
