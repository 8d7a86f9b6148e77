//! The directory of an archive: where the bytes of each tile lie (PMTiles 3, section 4).
//!
//! A directory is four columns of varints, one entry after the other in each: the differences of the
//! tile ids, the run lengths, the lengths, and the offsets (0 for "right after the entry before", else
//! the offset plus 1); the whole is gzipped. An entry with run length 0 is a leaf directory. The root
//! must lie in the archive's first 16 KiB; what does not fit there goes into leaves.

use crate::compress::gzip;
use libdeflater::Decompressor;

/// The size of the header, bytes.
pub(super) const HEADER: usize = 127;
/// Where header and root directory must end, and where kho's tiles begin.
pub(super) const HEAD: usize = 16_384;
/// Entries of a leaf, to begin with.
const LEAF: usize = 4_096;
/// Directories are read more often than written.
const LEVEL: u32 = 9;
/// Leaves below leaves; everybody writes one level.
const DEPTH: u8 = 3;
/// What a directory or the metadata may unpack to, bytes: a file's claim must not take all memory.
const MOST: usize = 1 << 30;

/// The run of tiles that have the same content, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// The first tile's id: its number along the Hilbert curves of all zooms.
    pub id: u64,
    /// Where the content begins in the section of tiles (of leaves), bytes.
    pub offset: u64,
    /// The content's length, bytes.
    pub length: u32,
    /// The number of tiles; 0 for a leaf.
    pub run: u32,
}

/// A directory before it is compressed. The entries must be in the order of their ids.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + entries.len() * 8);
    put(&mut out, entries.len() as u64);
    let mut last = 0;
    for entry in entries {
        put(&mut out, entry.id - last);
        last = entry.id;
    }
    for entry in entries {
        put(&mut out, u64::from(entry.run));
    }
    for entry in entries {
        put(&mut out, u64::from(entry.length));
    }
    let mut next = None;
    for entry in entries {
        put(&mut out, if next == Some(entry.offset) { 0 } else { entry.offset + 1 });
        next = Some(entry.offset + u64::from(entry.length));
    }
    out
}

/// The entries of a directory; `None` if it is none.
fn decode(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let count = usize::try_from(take(&mut bytes)?).ok()?;
    // Each takes at least a byte in each column.
    if count > bytes.len() / 4 {
        return None;
    }
    let mut entries = vec![Entry::default(); count];
    let mut id = 0u64;
    for entry in &mut entries {
        id = id.checked_add(take(&mut bytes)?)?;
        entry.id = id;
    }
    for entry in &mut entries {
        entry.run = u32::try_from(take(&mut bytes)?).ok()?;
        entry.id.checked_add(u64::from(entry.run))?;
    }
    for entry in &mut entries {
        entry.length = u32::try_from(take(&mut bytes)?).ok().filter(|&length| length > 0)?;
    }
    let mut next = None;
    for entry in &mut entries {
        entry.offset = match take(&mut bytes)? {
            0 => next?,
            offset => offset - 1,
        };
        next = Some(entry.offset.checked_add(u64::from(entry.length))?);
    }
    Some(entries)
}

/// Writes the entries as a root directory that fits into the archive's head, and the leaves below it
/// (none if all of them fit); both compressed.
pub(super) fn pack(entries: &[Entry]) -> Result<(Vec<u8>, Vec<u8>), String> {
    // An entry takes a byte at the very least, after compression too.
    if entries.len() < HEAD {
        let root = gzip(&encode(entries), LEVEL)?;
        if root.len() <= HEAD - HEADER {
            return Ok((root, Vec::new()));
        }
    }
    let mut size = LEAF;
    loop {
        let (mut root, mut leaves) = (Vec::new(), Vec::new());
        for part in entries.chunks(size) {
            let Some(first) = part.first() else { continue };
            let leaf = gzip(&encode(part), LEVEL)?;
            let length = u32::try_from(leaf.len()).map_err(|e| e.to_string())?;
            root.push(Entry { id: first.id, offset: leaves.len() as u64, length, run: 0 });
            leaves.extend_from_slice(&leaf);
        }
        let root = gzip(&encode(&root), LEVEL)?;
        if root.len() <= HEAD - HEADER {
            return Ok((root, leaves));
        }
        size *= 2;
    }
}

/// All entries below a root, in order. `packed`: whether directories are gzipped.
pub(super) fn unpack(root: &[u8], leaves: &[u8], packed: bool) -> Result<Vec<Entry>, String> {
    let mut all = Vec::new();
    walk(root, leaves, packed, DEPTH, &mut all)?;
    if all.windows(2).any(|pair| pair[0].id + u64::from(pair[0].run) > pair[1].id) {
        return Err("its directory is not in order".into());
    }
    Ok(all)
}

fn walk(dir: &[u8], leaves: &[u8], packed: bool, depth: u8, all: &mut Vec<Entry>) -> Result<(), String> {
    let wrong = || "its directory cannot be read".to_owned();
    let raw;
    let entries = if packed {
        raw = gunzip(dir)?;
        decode(&raw)
    } else {
        decode(dir)
    };
    for entry in entries.ok_or_else(wrong)? {
        if entry.run > 0 {
            all.push(entry);
            continue;
        }
        let leaf = slice(leaves, entry.offset, u64::from(entry.length)).filter(|_| depth > 0);
        walk(leaf.ok_or_else(wrong)?, leaves, packed, depth - 1, all)?;
    }
    Ok(())
}

/// A part of some bytes, if they have it.
pub(super) fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let from = usize::try_from(offset).ok()?;
    bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
}

/// Unpacks one gzip member.
pub(super) fn gunzip(packed: &[u8]) -> Result<Vec<u8>, String> {
    let cut = || "a part of it is not gzip".to_owned();
    // The size of what is packed stands at the end (RFC 1952, 2.3.1); deflate packs to no less than
    // a thousandth.
    let tail: [u8; 4] = packed.last_chunk().copied().ok_or_else(cut)?;
    let size = u32::from_le_bytes(tail) as usize;
    if size > MOST || size > packed.len().saturating_mul(1_100) {
        return Err(cut());
    }
    let mut raw = vec![0; size];
    let got = Decompressor::new().gzip_decompress(packed, &mut raw).map_err(|_| cut())?;
    if got == size { Ok(raw) } else { Err(cut()) }
}

/// Appends a number, seven bits a byte, the lowest first.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes such a number off the front.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Entries with gaps, runs, shared contents and steps back, as renewed archives have them.
    fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
        let one = (0u64..1 << 30, 1u32..5, 1u32..1 << 20, 0u64..1 << 40, any::<bool>());
        prop::collection::vec(one, 0..most).prop_map(|all| {
            let (mut id, mut next) = (0, 0);
            all.into_iter()
                .map(|(gap, run, length, offset, follows)| {
                    let offset = if follows { next } else { offset };
                    let entry = Entry { id: id + gap, offset, length, run };
                    id = entry.id + u64::from(run);
                    next = offset + u64::from(length);
                    entry
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn directories_come_back(all in entries(300)) {
            prop_assert_eq!(decode(&encode(&all)), Some(all.clone()));
            let (root, leaves) = pack(&all).unwrap();
            prop_assert_eq!(unpack(&root, &leaves, true).unwrap(), all);
        }

        #[test]
        fn numbers_come_back(value in any::<u64>()) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            let mut rest = &bytes[..];
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn anything_else_is_refused_and_not_more(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = unpack(&bytes, &bytes, false);
            prop_assert!(gunzip(&bytes).is_err());
        }
    }

    #[test]
    fn what_does_not_fit_into_the_head_goes_into_leaves() {
        let mut mixed = 1u64;
        let all: Vec<Entry> = (0..100_000u64)
            .map(|i| {
                mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                Entry { id: i * 3, offset: mixed >> 24, length: (mixed >> 44) as u32 + 1, run: 1 }
            })
            .collect();
        let (root, leaves) = pack(&all).unwrap();
        assert!(root.len() <= HEAD - HEADER && !leaves.is_empty());
        assert_eq!(unpack(&root, &leaves, true).unwrap(), all);
        assert!(unpack(&root, &leaves[..leaves.len() / 2], true).is_err());
    }

    #[test]
    fn a_leaf_that_holds_itself_is_refused() {
        let own = encode(&[Entry { id: 0, offset: 0, length: 5, run: 0 }]);
        assert_eq!(own.len(), 5);
        assert!(unpack(&own, &own, false).is_err());
    }
}
