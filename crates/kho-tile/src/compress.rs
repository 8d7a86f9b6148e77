//! Compression, once for each tile and encoding.

use crate::tile::Encoding;
use brotli::enc::BrotliEncoderParams;
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use std::cell::RefCell;

thread_local! {
    /// To make a compressor's tables takes longer than to compress a small tile: each thread keeps
    /// its last one, with its level.
    static LAST: RefCell<Option<(u32, Compressor)>> = const { RefCell::new(None) };
}

/// Compresses, at libdeflate's level 1 to 12. The header holds neither name nor time, so the same
/// bytes give the same bytes.
pub(crate) fn gzip(raw: &[u8], level: u32) -> Result<Vec<u8>, String> {
    let level = level.clamp(1, 12);
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(kept, _)| *kept != level) {
            let lvl = CompressionLvl::new(level as i32).unwrap_or_default();
            *last = Some((level, Compressor::new(lvl)));
        }
        let Some((_, compressor)) = last else { return Err("no compressor".into()) };
        let mut out = vec![0; compressor.gzip_compress_bound(raw.len())];
        let length = compressor.gzip_compress(raw, &mut out).map_err(|e| e.to_string())?;
        out.truncate(length);
        Ok(out)
    })
}

/// DEFLATE makes nothing smaller than this part of what it was.
const DEFLATE_MOST: usize = 1032;

/// Takes apart what [`gzip`] has packed.
pub(crate) fn gunzip(packed: &[u8]) -> Result<Vec<u8>, String> {
    let length = packed.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length)) as usize;
    if length > packed.len() * DEFLATE_MOST {
        return Err("it says of itself that it is longer than it can be".into());
    }
    let mut raw = vec![0; length];
    let written = Decompressor::new().gzip_decompress(packed, &mut raw).map_err(|e| e.to_string())?;
    raw.truncate(written);
    Ok(raw)
}

/// Levels for tiles that somebody is waiting for. Part of what an ETag promises: whoever changes
/// one raises the ETag's format number.
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: i32 = 4;
/// log2 of brotli's window: the largest tiles are about a megabyte.
const BROTLI_WINDOW: i32 = 20;

/// Packs a tile. `gzip_level` is 1 to 12 and for gzip only. The same bytes give the same bytes.
pub(crate) fn pack(raw: Vec<u8>, encoding: Encoding, gzip_level: u32) -> Result<Vec<u8>, String> {
    match encoding {
        Encoding::Plain => Ok(raw),
        Encoding::Gzip => gzip(&raw, gzip_level),
        Encoding::Zstd => zstd::bulk::compress(&raw, ZSTD_LEVEL).map_err(|e| e.to_string()),
        Encoding::Brotli => br(&raw).map_err(|e| e.to_string()),
    }
}

fn br(mut raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        size_hint: raw.len(),
        ..BrotliEncoderParams::default()
    };
    let mut out = Vec::with_capacity(raw.len() / 2 + 64);
    brotli::BrotliCompress(&mut raw, &mut out, &params)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn another_implementation_reads_it() {
        let raw: Vec<u8> = (0..100_000u32).flat_map(|i| (i.wrapping_mul(i) / 7).to_le_bytes()).collect();
        for level in [1, 6, 12, 1, 99] {
            for raw in [&raw[..], &raw[..3], b""] {
                let packed = gzip(raw, level).unwrap();
                let mut back = Vec::new();
                GzDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
                assert_eq!(back, raw);
                assert_eq!(packed, gzip(raw, level).unwrap());
                assert_eq!(gunzip(&packed).unwrap(), raw);
            }
        }
    }

    #[test]
    fn what_is_no_gzip_is_refused() {
        let packed = gzip(b"a tile", 1).unwrap();
        let cut = &packed[..packed.len() - 1];
        for bad in [&b""[..], b"abc", cut, b"not gzip, and says that it is very long \xff\xff\xff\xff"] {
            assert!(gunzip(bad).is_err(), "{bad:?}");
        }
    }
}
