//! Geometry as MVT commands.

use super::wire::{varint, zigzag};
use crate::geom::P;

/// Collects the command integers of one feature.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    bytes: Vec<u8>,
    at: P,
}

const MOVE_TO: u64 = 1;
const LINE_TO: u64 = 2;
const CLOSE_ONE: u64 = 7 | 1 << 3;

impl Commands {
    /// Starts the next feature.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.at = P::default();
    }

    /// The encoded commands.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing has been drawn.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A closed ring, given without its closing point.
    #[inline]
    pub fn ring(&mut self, points: &[P]) {
        self.line(points);
        self.bytes.push(CLOSE_ONE as u8);
    }

    /// A line of two points or more.
    #[inline]
    pub fn line(&mut self, points: &[P]) {
        let Some((&first, rest)) = points.split_first() else { return };
        self.bytes.reserve(points.len() * 4 + 8);
        varint(&mut self.bytes, MOVE_TO | 1 << 3);
        self.step(first);
        varint(&mut self.bytes, LINE_TO | (rest.len() as u64) << 3);
        for &p in rest {
            self.step(p);
        }
    }

    /// One or more points.
    pub fn points(&mut self, points: &[P]) {
        varint(&mut self.bytes, MOVE_TO | (points.len() as u64) << 3);
        for &p in points {
            self.step(p);
        }
    }

    #[inline(always)]
    fn step(&mut self, p: P) {
        varint(&mut self.bytes, u64::from(zigzag(p.x.wrapping_sub(self.at.x))));
        varint(&mut self.bytes, u64::from(zigzag(p.y.wrapping_sub(self.at.y))));
        self.at = p;
    }
}
