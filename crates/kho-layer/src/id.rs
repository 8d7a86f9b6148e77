//! Stable feature ids.

use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// The largest id: 2⁵³−1, the largest integer that JavaScript and JSON keep exactly.
pub const MAX_FEATURE_ID: i64 = (1 << 53) - 1;

/// Makes the ids of one delivery. The id is the XXH3 hash of the key's values, cut to 53 bits,
/// so the same feature has the same id in every snapshot. Keys are not unique in practice: the
/// second feature of a key gets an id of its own from its number among them.
#[derive(Debug, Default)]
pub struct FeatureIds {
    /// Number of features seen per id. Costs 16 bytes a feature, and needs no key to be kept.
    seen: HashMap<i64, u32, std::hash::BuildHasherDefault<IdHasher>>,
    duplicates: u64,
}

impl FeatureIds {
    /// An empty set, with room for `features`.
    pub fn with_capacity(features: usize) -> Self {
        Self { seen: HashMap::with_capacity_and_hasher(features, Default::default()), duplicates: 0 }
    }

    /// The id for a feature whose key (or, without one, whose whole content) is `bytes`. Values
    /// of a key are joined by the unit separator U+001F.
    pub fn id(&mut self, bytes: &[u8]) -> i64 {
        self.id_of_hash(Self::hash(bytes))
    }

    /// The hash of a key, to be given to [`FeatureIds::id_of_hash`]; pure, so that it can be
    /// computed in parallel.
    pub fn hash(bytes: &[u8]) -> u64 {
        xxh3_64(bytes)
    }

    /// The id for a feature whose key has this hash. Calls must come in delivery order.
    pub fn id_of_hash(&mut self, hash: u64) -> i64 {
        let first = Self::cut(hash);
        let count = self.seen.entry(first).or_insert(0);
        *count += 1;
        if *count == 1 {
            return first;
        }
        self.duplicates += 1;
        let mut n = *count;
        loop {
            let id = Self::cut(xxh3_64(&[hash.to_le_bytes(), u64::from(n).to_le_bytes()].concat()));
            if let std::collections::hash_map::Entry::Vacant(free) = self.seen.entry(id) {
                free.insert(1);
                return id;
            }
            n += 1;
        }
    }

    /// How many features had a key that had already been seen.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    fn cut(hash: u64) -> i64 {
        // 0 is no id: MVT decoders read a missing id as 0.
        ((hash & MAX_FEATURE_ID as u64) as i64).max(1)
    }
}

/// Ids are already hashes: hashing them again would be the slowest part of making one.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl std::hash::Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_i64(&mut self, id: i64) {
        // hashbrown takes the bucket from the low and the tag from the high bits: the 53 bits
        // are spread over all 64.
        self.0 = (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_stable_and_duplicates_get_their_own() {
        let mut a = FeatureIds::default();
        let mut b = FeatureIds::default();
        let first = a.id(b"22366\x1f12\x1f345");
        assert_eq!(first, b.id(b"22366\x1f12\x1f345"));
        let second = a.id(b"22366\x1f12\x1f345");
        assert_ne!(first, second);
        assert_eq!(second, b.id(b"22366\x1f12\x1f345"));
        assert_eq!(a.duplicates(), 1);
    }

    #[test]
    fn a_hundred_thousand_ids_differ_and_fit() {
        let mut ids = FeatureIds::default();
        let all: HashSet<i64> = (0..100_000u32).map(|n| ids.id(&n.to_le_bytes())).collect();
        assert_eq!(all.len(), 100_000);
        assert!(all.iter().all(|id| (1..=MAX_FEATURE_ID).contains(id)));
    }
}
