//! Compression, once for each tile and encoding.

use crate::tile::Encoding;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, GzBuilder};
use std::io::Write;

/// Levels for tiles that somebody is waiting for. Part of what an ETag promises: whoever changes
/// one raises the ETag's format number.
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: i32 = 4;
/// log2 of brotli's window: the largest tiles are about a megabyte.
const BROTLI_WINDOW: i32 = 20;

/// Packs a tile. `gzip_level` is 1 to 9 and for gzip only. The same bytes give the same bytes.
pub(crate) fn pack(raw: Vec<u8>, encoding: Encoding, gzip_level: u32) -> std::io::Result<Vec<u8>> {
    match encoding {
        Encoding::Plain => Ok(raw),
        Encoding::Gzip => gzip(&raw, gzip_level),
        Encoding::Zstd => zstd::bulk::compress(&raw, ZSTD_LEVEL),
        Encoding::Brotli => br(&raw),
    }
}

/// gzip. The header holds neither name nor time.
pub(crate) fn gzip(raw: &[u8], level: u32) -> std::io::Result<Vec<u8>> {
    let out = Vec::with_capacity(raw.len() / 2 + 64);
    let mut encoder = GzBuilder::new().operating_system(255).write(out, Compression::new(level.min(9)));
    encoder.write_all(raw)?;
    encoder.finish()
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
