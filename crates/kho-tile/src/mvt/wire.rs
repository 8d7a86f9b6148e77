//! Protocol Buffers: the little of it that a tile needs.

/// Appends an unsigned varint.
#[inline(always)]
pub(crate) fn varint(out: &mut Vec<u8>, v: u64) {
    if v < 0x80 {
        out.push(v as u8);
    } else if v < 0x4000 {
        out.extend_from_slice(&[v as u8 | 0x80, (v >> 7) as u8]);
    } else {
        long_varint(out, v);
    }
}

#[cold]
#[inline(never)]
fn long_varint(out: &mut Vec<u8>, mut v: u64) {
    let mut bytes = [0u8; 10];
    let mut n = 0;
    while v >= 0x80 {
        bytes[n] = v as u8 | 0x80;
        v >>= 7;
        n += 1;
    }
    bytes[n] = v as u8;
    out.extend_from_slice(&bytes[..=n]);
}

/// The number of bytes of a varint.
#[inline(always)]
pub(crate) fn varint_len(v: u64) -> usize {
    // Seven bits to a byte, and one byte for zero.
    ((70 - (v | 1).leading_zeros()) / 7) as usize
}

/// Zigzag: small negative numbers become small.
#[inline(always)]
pub(crate) fn zigzag(v: i32) -> u32 {
    ((v << 1) ^ (v >> 31)) as u32
}

/// Zigzag for 64 bits.
#[inline(always)]
pub(crate) fn zigzag64(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// Appends a length-delimited field.
pub(crate) fn field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_varint_is_as_long_as_said_and_reads_back(v in any::<u64>(), shift in 0u32..64) {
            let v = v >> shift;
            let mut out = Vec::new();
            varint(&mut out, v);
            prop_assert_eq!(out.len(), varint_len(v));
            let back = out.iter().rev().fold(0u64, |n, b| n << 7 | u64::from(b & 0x7f));
            prop_assert_eq!(back, v);
            prop_assert!(out.iter().rev().skip(1).all(|b| b & 0x80 != 0));
        }
    }
}
