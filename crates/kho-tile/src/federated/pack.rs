//! What is packed, and the way out of it.

use libdeflater::{DecompressionError, Decompressor};

/// The most bytes that a tile may have unpacked: a few kilobytes can be told to become gigabytes.
pub(super) const MAX_RAW_BYTES: usize = 64 << 20;

/// Whether bytes begin as gzip (RFC 1952) does. No vector tile begins so: 0x1f is no tag of one.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Whether bytes begin as zlib (RFC 1950) does: method 8, and a header that 31 divides. A vector tile
/// begins with 0x1a.
pub(super) fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, ..] if first & 0x0f == 8
        && first >> 4 <= 7
        && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31))
}

/// Unpacks gzip and zlib; other bytes are given back as they are.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let gzip = is_gzip(bytes);
    if !gzip && !is_zlib(bytes) {
        return Ok(bytes.to_vec());
    }
    // gzip ends with the size; it may lie, and zlib says none.
    let told = match (gzip, bytes.last_chunk::<4>()) {
        (true, Some(size)) => u32::from_le_bytes(*size) as usize,
        _ => bytes.len().saturating_mul(4),
    };
    let mut room = told.clamp(1024, MAX_RAW_BYTES);
    let mut decompressor = Decompressor::new();
    loop {
        let mut out = vec![0; room];
        let done = if gzip {
            decompressor.gzip_decompress(bytes, &mut out)
        } else {
            decompressor.zlib_decompress(bytes, &mut out)
        };
        match done {
            Ok(length) => {
                out.truncate(length);
                return Ok(out);
            }
            Err(DecompressionError::InsufficientSpace) if room < MAX_RAW_BYTES => {
                room = room.saturating_mul(4).min(MAX_RAW_BYTES);
            }
            Err(DecompressionError::InsufficientSpace) => {
                return Err(format!("it unpacks to more than {MAX_RAW_BYTES} bytes"));
            }
            Err(_) => return Err("it cannot be unpacked".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::gzip;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    fn zlib(raw: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(raw).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_zlib_and_plain_come_out_alike() {
        for raw in [&b""[..], b"\x1a\x05abcde", &vec![7; 3_000_000][..]] {
            assert_eq!(unpack(&gzip(raw, 1).unwrap()).unwrap(), raw);
            assert_eq!(unpack(&zlib(raw)).unwrap(), raw);
            assert_eq!(unpack(raw).unwrap(), raw);
        }
    }

    #[test]
    fn bombs_and_rubble_are_refused() {
        let bomb = zlib(&vec![0; MAX_RAW_BYTES + 1]);
        assert!(bomb.len() < 1 << 20);
        assert!(unpack(&bomb).is_err());
        let mut broken = gzip(&[9; 1000], 6).unwrap();
        broken.truncate(20);
        assert!(unpack(&broken).is_err());
        // A size that lies.
        let mut lying = gzip(&vec![5; 100_000], 6).unwrap();
        let at = lying.len() - 4;
        lying[at..].copy_from_slice(&1u32.to_le_bytes());
        assert!(unpack(&lying).is_err() || unpack(&lying).unwrap().len() == 100_000);
    }
}
