//! What a bake remembers of each tile, so that the next one can add up what stays without a look at
//! it: a section of kho's own, entry by entry in the order of the directory.
//!
//! The hash is what makes a torn file harmless: a bake is not forced to the disk (it can be made
//! again), so a power cut may leave holes in it, and each tile is held against its hash when read.

use super::directory::{put, take};

/// What is known of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Figures {
    /// Features in it.
    pub features: u64,
    /// Features that were left out because it would have been too big.
    pub left_out: u64,
    /// Features that are seen only as a part of what they were merged to.
    pub merged: u64,
    /// The time it took to draw and pack, microseconds.
    pub micros: u64,
    /// The low half of the XXH3-128 of its compressed bytes, which is their entity tag too.
    pub hash: u64,
}

/// Five columns: varints, and the hashes.
pub(super) fn encode(all: &[Figures]) -> Vec<u8> {
    let mut out = Vec::with_capacity(all.len() * 14);
    let columns =
        [|f: &Figures| f.features, |f: &Figures| f.left_out, |f: &Figures| f.merged, |f: &Figures| f.micros];
    for column in columns {
        for figures in all {
            put(&mut out, column(figures));
        }
    }
    for figures in all {
        out.extend(figures.hash.to_le_bytes());
    }
    out
}

/// As many as there are entries; `None` if the bytes do not hold exactly these.
pub(super) fn decode(mut bytes: &[u8], count: usize) -> Option<Vec<Figures>> {
    // Four bytes and eight for each at the least.
    if count > bytes.len() / 12 {
        return None;
    }
    let mut all = vec![Figures::default(); count];
    for figures in &mut all {
        figures.features = take(&mut bytes)?;
    }
    for figures in &mut all {
        figures.left_out = take(&mut bytes)?;
    }
    for figures in &mut all {
        figures.merged = take(&mut bytes)?;
    }
    for figures in &mut all {
        figures.micros = take(&mut bytes)?;
    }
    for figures in &mut all {
        let (hash, rest) = bytes.split_first_chunk()?;
        (figures.hash, bytes) = (u64::from_le_bytes(*hash), rest);
    }
    bytes.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn figures_come_back(all in prop::collection::vec(any::<[u64; 5]>(), 0..50)) {
            let all: Vec<Figures> = all
                .into_iter()
                .map(|[features, left_out, merged, micros, hash]| Figures { features, left_out, merged, micros, hash })
                .collect();
            let bytes = encode(&all);
            prop_assert_eq!(decode(&bytes, all.len()), Some(all.clone()));
            prop_assert_eq!(decode(&bytes, all.len() + 1), None);
        }
    }
}
