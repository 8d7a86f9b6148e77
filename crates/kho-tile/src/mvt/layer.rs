//! One layer of a tile.

use super::values::{BitHasher, NULL, ValueDictionary};
use super::wire::{field, varint, varint_len};
use super::{Commands, EXTENT};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// The geometry type of a feature, as the specification numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FeatureKind {
    /// POINT
    Point = 1,
    /// LINESTRING
    Line = 2,
    /// POLYGON
    Polygon = 3,
}

/// Writes one layer. Feed it block by block: [`LayerWriter::start_block`], then
/// [`LayerWriter::feature`] for each; [`LayerWriter::finish`] gives the layer's bytes.
#[derive(Debug, Default)]
pub(crate) struct LayerWriter {
    features: Vec<u8>,
    count: usize,
    tags: Vec<u8>,
    /// The tile's values, serialised, in the order of their numbers.
    values: Vec<u8>,
    value_starts: Vec<u32>,
    /// Value number by hash of the value's bytes; filled only once a second block has come.
    by_hash: HashMap<u64, u32, BuildHasherDefault<BitHasher>>,
    hashes: Vec<u64>,
    /// Per code of the present block: (block mark, value number).
    numbers: Vec<(u32, u32)>,
    mark: u32,
    blocks: u32,
}

impl LayerWriter {
    /// Starts the next tile; keeps the memory.
    pub fn clear(&mut self) {
        self.features.clear();
        self.count = 0;
        self.values.clear();
        self.value_starts.clear();
        self.by_hash.clear();
        self.hashes.clear();
        self.blocks = 0;
    }

    /// The number of features written.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Starts a block with its own dictionary.
    pub fn start_block(&mut self, dictionary: &ValueDictionary) {
        if self.numbers.len() < dictionary.len() {
            self.numbers.resize(dictionary.len(), (0, 0));
        }
        // A mark of its own for every block, so that the table need not be wiped for each tile.
        self.mark = self.mark.wrapping_add(1);
        if self.mark == 0 {
            self.numbers.fill((0, 0));
            self.mark = 1;
        }
        self.blocks += 1;
        if self.blocks == 2 {
            // Only now can a value come in by another way than its code.
            self.by_hash.extend(self.hashes.iter().zip(0u32..).map(|(&h, n)| (h, n)));
        }
    }

    /// Writes a feature. `codes` holds a code of the present block's dictionary for every key, or
    /// [`NULL`]. An `id` of 0 is none. Returns the number of bytes the feature takes.
    #[inline]
    pub fn feature(
        &mut self,
        id: u64,
        kind: FeatureKind,
        codes: &[u32],
        dictionary: &ValueDictionary,
        geometry: &Commands,
    ) -> usize {
        self.tags.clear();
        for (key, &code) in codes.iter().enumerate() {
            if code == NULL {
                continue;
            }
            let (mark, number) = self.numbers[code as usize];
            let number = if mark == self.mark { number } else { self.number(code, dictionary) };
            varint(&mut self.tags, key as u64);
            varint(&mut self.tags, u64::from(number));
        }
        let geometry = geometry.bytes();
        let sized = |n: usize| if n == 0 { 0 } else { 1 + varint_len(n as u64) + n };
        let named = if id == 0 { 0 } else { 1 + varint_len(id) };
        let length = named + sized(self.tags.len()) + 2 + sized(geometry.len());
        let out = &mut self.features;
        let before = out.len();
        out.reserve(length + 12);
        out.push(0x12);
        varint(out, length as u64);
        if id != 0 {
            out.push(0x08);
            varint(out, id);
        }
        if !self.tags.is_empty() {
            field(out, 0x12, &self.tags);
        }
        out.extend_from_slice(&[0x18, kind as u8]);
        field(out, 0x22, geometry);
        self.count += 1;
        self.features.len() - before
    }

    /// The number of a value that the present block has not used in this tile before.
    fn number(&mut self, code: u32, dictionary: &ValueDictionary) -> u32 {
        let (bytes, hash) = (dictionary.bytes(code), dictionary.hash(code));
        let next = self.value_starts.len() as u32;
        let known = if self.blocks > 1 { self.by_hash.get(&hash).copied() } else { None };
        let number = match known {
            Some(number) if self.is_value(number, bytes) => number,
            _ => {
                self.value_starts.push(self.values.len() as u32);
                self.values.extend_from_slice(bytes);
                self.hashes.push(hash);
                if self.blocks > 1 {
                    self.by_hash.insert(hash, next);
                }
                next
            }
        };
        self.numbers[code as usize] = (self.mark, number);
        number
    }

    fn is_value(&self, number: u32, bytes: &[u8]) -> bool {
        let start = self.value_starts[number as usize] as usize;
        self.values[start..].starts_with(bytes)
    }

    /// Appends the whole layer, as field 3 of a tile, to `out`.
    pub fn finish(&self, name: &str, keys: &[String], out: &mut Vec<u8>) {
        let mut head = vec![0x78, 2];
        field(&mut head, 0x0a, name.as_bytes());
        let mut tail = Vec::with_capacity(64);
        for key in keys {
            field(&mut tail, 0x1a, key.as_bytes());
        }
        let extent_len = 1 + varint_len(u64::from(EXTENT));
        let length = head.len() + self.features.len() + tail.len() + self.values.len() + extent_len;
        out.reserve(length + 12);
        out.push(0x1a);
        varint(out, length as u64);
        out.extend_from_slice(&head);
        out.extend_from_slice(&self.features);
        out.extend_from_slice(&tail);
        out.extend_from_slice(&self.values);
        out.push(0x28);
        varint(out, u64::from(EXTENT));
    }
}
