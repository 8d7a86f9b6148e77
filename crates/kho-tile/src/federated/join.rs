//! Several tiles in one: a tile is a list of layers, so their bytes stand one after the other.

use super::error::SourceError;
use crate::tile::LEFT_OUT;
use std::collections::BTreeSet;
use std::ops::Range;

/// Puts plain tiles of one place together. What kho says was left out of a tile is said by the
/// first that says so.
pub(super) fn join(parts: &[bytes::Bytes]) -> Result<Vec<u8>, SourceError> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::with_capacity(parts.iter().map(bytes::Bytes::len).sum());
    for part in parts {
        let layers =
            layers(part).ok_or_else(|| SourceError::failed("a part of the tile", "it is no vector tile"))?;
        for (name, at) in layers {
            if seen.insert(name.to_owned()) {
                out.extend_from_slice(part.get(at).unwrap_or_default());
            } else if name != LEFT_OUT {
                return Err(SourceError::SameLayer(name.to_owned()));
            }
        }
    }
    Ok(out)
}

/// The names of a tile's layers and where they stand; `None` if it is no tile.
pub(super) fn layers(tile: &[u8]) -> Option<Vec<(&str, Range<usize>)>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tile.len() {
        let start = at;
        let (field, value) = next(tile, &mut at)?;
        // Tile.layers; other fields are extensions, and no reader needs them.
        if field == 3 {
            found.push((name(value)?, start..at));
        }
    }
    Some(found)
}

/// Layer.name.
fn name(layer: &[u8]) -> Option<&str> {
    let mut at = 0;
    while at < layer.len() {
        if let (1, value) = next(layer, &mut at)? {
            return std::str::from_utf8(value).ok();
        }
    }
    None
}

/// The next field of a Protocol Buffers message: its number and, if it has a length, its bytes.
fn next<'a>(message: &'a [u8], at: &mut usize) -> Option<(u64, &'a [u8])> {
    let key = varint(message, at)?;
    let length = match key & 7 {
        0 => {
            varint(message, at)?;
            return Some((key >> 3, &[]));
        }
        1 => 8,
        2 => usize::try_from(varint(message, at)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let value = message.get(*at..at.checked_add(length)?)?;
    *at += length;
    Some((key >> 3, value))
}

fn varint(message: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *message.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mvt::wire;
    use bytes::Bytes;
    use proptest::prelude::*;

    /// A tile with empty layers of these names, the version before the name in every other one.
    fn tile(names: &[&str]) -> Bytes {
        let mut out = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let mut layer = if n % 2 == 0 { vec![] } else { vec![0x78, 2] };
            wire::field(&mut layer, 0x0a, name.as_bytes());
            wire::field(&mut out, 0x1a, &layer);
        }
        out.into()
    }

    #[test]
    fn layers_stand_one_after_the_other() {
        let joined = join(&[tile(&["a", "đường"]), tile(&[]), tile(&["c"])]).unwrap();
        let names: Vec<&str> = layers(&joined).unwrap().iter().map(|l| l.0).collect();
        assert_eq!(names, ["a", "đường", "c"]);
        assert_eq!(join(&[tile(&["a"]), tile(&["b", "a"])]), Err(SourceError::SameLayer("a".into())));
        let left_out = join(&[tile(&["a", LEFT_OUT]), tile(&["b", LEFT_OUT])]).unwrap();
        assert_eq!(layers(&left_out).unwrap().len(), 3);
        assert!(join(&["not a tile".into()]).is_err());
    }

    proptest! {
        #[test]
        fn rubble_is_refused_or_read_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(found) = layers(&bytes) {
                for (_, at) in found {
                    prop_assert!(at.end <= bytes.len());
                }
            }
        }
    }
}
