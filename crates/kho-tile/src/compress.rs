//! gzip, once for each tile.

use flate2::{Compression, GzBuilder};
use std::io::Write;

/// Compresses. The header holds neither name nor time, so the same bytes give the same bytes.
pub(crate) fn gzip(raw: &[u8], level: u32) -> std::io::Result<Vec<u8>> {
    let out = Vec::with_capacity(raw.len() / 2 + 64);
    let mut encoder = GzBuilder::new().operating_system(255).write(out, Compression::new(level.min(9)));
    encoder.write_all(raw)?;
    encoder.finish()
}
