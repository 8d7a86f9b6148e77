//! Attribute values: serialised once per block, numbered once per tile.

use super::wire::{field, varint, zigzag64};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// The code of a value that is not there.
pub(crate) const NULL: u32 = u32::MAX;

/// The distinct values of a block's attributes, each already in the bytes that go into a tile
/// (field 4 of a layer, tag and length included), so that making a tile formats nothing.
#[derive(Debug, Default)]
pub(crate) struct ValueDictionary {
    bytes: Vec<u8>,
    /// Where value `i` starts; one more at the end.
    starts: Vec<u32>,
    hashes: Vec<u64>,
}

impl ValueDictionary {
    /// The number of distinct values.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The bytes of a value, as they go into a tile.
    #[inline]
    pub fn bytes(&self, code: u32) -> &[u8] {
        let i = code as usize;
        &self.bytes[self.starts[i] as usize..self.starts[i + 1] as usize]
    }

    /// XXH3 of those bytes.
    #[inline]
    pub fn hash(&self, code: u32) -> u64 {
        self.hashes[code as usize]
    }

    /// Makes a value of the bytes from `start` on.
    fn close(&mut self, start: usize) -> u32 {
        let code = self.hashes.len() as u32;
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.starts.push(self.bytes.len() as u32);
        self.hashes.push(xxh3_64(&self.bytes[start..]));
        code
    }

    /// Bytes of memory held.
    pub fn weight(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * 4 + self.hashes.capacity() * 8
    }
}

type FastMap<K> = HashMap<K, u32, BuildHasherDefault<BitHasher>>;

/// Builds a [`ValueDictionary`].
#[derive(Debug, Default)]
pub(crate) struct ValueMap {
    dictionary: ValueDictionary,
    /// By type, because 1 and 1.0 are different values.
    integers: FastMap<u64>,
    doubles: FastMap<u64>,
    days: FastMap<u64>,
    /// Strings, by hash; a second string of the same hash (never seen) goes in undeduplicated.
    strings: FastMap<u64>,
    booleans: [Option<u32>; 2],
    /// From other dictionaries, by hash.
    copies: FastMap<u64>,
    scratch: Vec<u8>,
}

impl ValueMap {
    /// A text value.
    pub fn text(&mut self, v: &str) -> u32 {
        let hash = xxh3_64(v.as_bytes());
        if let Some(&code) = self.strings.get(&hash)
            && self.dictionary.bytes(code).ends_with(v.as_bytes())
        {
            return code;
        }
        self.scratch.clear();
        field(&mut self.scratch, 0x0a, v.as_bytes());
        let code = self.push();
        self.strings.insert(hash, code);
        code
    }

    /// An integer: unsigned when it can be, else zigzag, as PostGIS writes them.
    pub fn integer(&mut self, v: i64) -> u32 {
        if let Some(&code) = self.integers.get(&(v as u64)) {
            return code;
        }
        self.scratch.clear();
        if let Ok(v) = u64::try_from(v) {
            self.scratch.push(0x28);
            varint(&mut self.scratch, v);
        } else {
            self.scratch.push(0x30);
            varint(&mut self.scratch, zigzag64(v));
        }
        let code = self.push();
        self.integers.insert(v as u64, code);
        code
    }

    /// A floating-point number.
    pub fn double(&mut self, v: f64) -> u32 {
        if let Some(&code) = self.doubles.get(&v.to_bits()) {
            return code;
        }
        self.scratch.clear();
        self.scratch.push(0x19);
        self.scratch.extend_from_slice(&v.to_le_bytes());
        let code = self.push();
        self.doubles.insert(v.to_bits(), code);
        code
    }

    /// A truth value.
    pub fn boolean(&mut self, v: bool) -> u32 {
        if let Some(code) = self.booleans[usize::from(v)] {
            return code;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(&[0x38, u8::from(v)]);
        let code = self.push();
        self.booleans[usize::from(v)] = Some(code);
        code
    }

    /// A value that is written as text, known by a number: a day by its day number.
    pub fn day(&mut self, day: i32, text: impl FnOnce() -> String) -> u32 {
        let key = u64::from(day as u32);
        if let Some(&code) = self.days.get(&key) {
            return code;
        }
        let code = self.text(&text());
        self.days.insert(key, code);
        code
    }

    /// A value that another dictionary holds.
    pub fn copied(&mut self, from: &ValueDictionary, code: u32) -> u32 {
        let (bytes, hash) = (from.bytes(code), from.hash(code));
        if let Some(&code) = self.copies.get(&hash)
            && self.dictionary.bytes(code) == bytes
        {
            return code;
        }
        let start = self.dictionary.bytes.len();
        self.dictionary.bytes.extend_from_slice(bytes);
        let code = self.dictionary.close(start);
        self.copies.insert(hash, code);
        code
    }

    /// The values so far.
    pub fn dictionary(&self) -> &ValueDictionary {
        &self.dictionary
    }

    /// The dictionary.
    pub fn finish(mut self) -> ValueDictionary {
        self.dictionary.bytes.shrink_to_fit();
        self.dictionary.starts.shrink_to_fit();
        self.dictionary.hashes.shrink_to_fit();
        self.dictionary
    }

    fn push(&mut self) -> u32 {
        let start = self.dictionary.bytes.len();
        field(&mut self.dictionary.bytes, 0x22, &self.scratch);
        self.dictionary.close(start)
    }
}

/// Keys are bit patterns or hashes: one multiplication spreads them well enough.
#[derive(Debug, Default)]
pub(crate) struct BitHasher(u64);

impl Hasher for BitHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_u64(&mut self, v: u64) {
        let spread = v.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ spread >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_once_and_types_apart() {
        let mut map = ValueMap::default();
        let codes =
            [map.text("a"), map.text("a"), map.integer(1), map.double(1.0), map.boolean(true), map.text("1")];
        assert_eq!(codes, [0, 0, 1, 2, 3, 4]);
        assert_eq!((map.integer(1), map.day(5, || "a".into()), map.day(5, || "b".into())), (1, 0, 0));
        assert_eq!(map.integer(-1), 5);
        let values = map.finish();
        assert_eq!(values.len(), 6);
        assert_eq!(values.bytes(0), [0x22, 3, 0x0a, 1, b'a']);
        assert_eq!(values.bytes(5), [0x22, 2, 0x30, 1]);
        assert_eq!(ValueMap::default().finish().len(), 0);
        let mut other = ValueMap::default();
        assert_eq!([5, 0, 5].map(|code| other.copied(&values, code)), [0, 1, 0]);
        assert_eq!(other.dictionary().bytes(0), values.bytes(5));
        assert_eq!(other.integer(7), 2);
    }
}
