//! A finished tile.

use crate::TileError;
use crate::compress::gzip;
use crate::mvt::{Commands, FeatureKind, LayerWriter, ValueMap};
use crate::render::Painter;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The name of the tile layer that says what was left out.
const LEFT_OUT: &str = "kho:left_out";
/// Part of every ETag: to be raised when the same features come to be written as other bytes.
pub(crate) const FORMAT: u64 = 2;

/// How a tile's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// `Content-Encoding: gzip`.
    #[default]
    Gzip,
    /// As they are.
    Plain,
}

/// A tile: one MVT layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The tile in the encoding that was asked for: `Content-Type:
    /// application/vnd.mapbox-vector-tile`. Empty (0 bytes, no gzip header) if there is no
    /// feature: answer with 204.
    pub body: Bytes,
    /// The size of the tile before compression, in bytes.
    pub raw_len: usize,
    /// A strong entity tag for the tile's content, with its quotes. The same features give the same
    /// tag, on every node and after every restart. It is the same in both encodings: an answer must
    /// add which one it is in.
    pub etag: String,
    /// The number of features in it.
    pub features: usize,
    /// The number of features that were left out because the tile would have been too big. The
    /// tile says so too: its second layer, `kho:left_out`, holds one point with the attributes
    /// `layer` and `left_out`.
    pub left_out: usize,
    /// The size that counts against the bound of a tile: gzipped, or plain where that already
    /// fits.
    pub(crate) packed_len: usize,
}

/// How a drawn tile is to be finished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    pub encoding: Encoding,
    /// gzip level, 1 to 12.
    pub level: u32,
    /// The most bytes that the tile may have when gzipped; `None` for as many as it takes.
    pub bound: Option<usize>,
}

impl Tile {
    /// The tile without features.
    pub(crate) fn empty() -> Self {
        Self { body: Bytes::new(), raw_len: 0, etag: etag(&[], 0), features: 0, left_out: 0, packed_len: 0 }
    }

    /// What a painter has drawn.
    pub(crate) fn of(
        painter: &Painter,
        layer: &str,
        keys: &[String],
        packing: Packing,
    ) -> Result<Self, TileError> {
        let (features, left_out) = (painter.layer.count(), painter.tally.left_out);
        if features == 0 && left_out == 0 {
            return Ok(Self::empty());
        }
        let mut raw = Vec::new();
        if features > 0 {
            painter.layer.finish(layer, keys, &mut raw);
        }
        if left_out > 0 {
            say_left_out(layer, left_out, &mut raw);
        }
        let (raw_len, etag) = (raw.len(), etag(&raw, packing.level));
        let gz = || gzip(&raw, packing.level).map_err(TileError::Internal);
        let (body, packed_len) = match packing.encoding {
            Encoding::Gzip => {
                let gz = gz()?;
                let length = gz.len();
                (gz, length)
            }
            // What is left out must not depend on who asks, so it is measured as gzip here too.
            Encoding::Plain if packing.bound.is_some_and(|bound| raw_len > bound) => {
                let length = gz()?.len();
                (raw, length)
            }
            Encoding::Plain => (raw, raw_len),
        };
        Ok(Self { body: body.into(), raw_len, etag, features, left_out, packed_len })
    }

    /// Bytes of memory held, for the cache.
    pub(crate) fn weight(&self) -> u32 {
        let overhead = size_of::<Self>() + self.etag.capacity() + 128;
        u32::try_from(self.body.len() + overhead).unwrap_or(u32::MAX)
    }
}

/// The tag is of the content and the way it is compressed, so equal tags mean equal bytes.
fn etag(raw: &[u8], level: u32) -> String {
    format!("\"{:032x}\"", xxh3_128_with_seed(raw, FORMAT << 8 | u64::from(level)))
}

fn say_left_out(layer: &str, left_out: usize, out: &mut Vec<u8>) {
    let mut values = ValueMap::default();
    let codes = [values.text(layer), values.integer(i64::try_from(left_out).unwrap_or(i64::MAX))];
    let values = values.finish();
    let mut at = Commands::default();
    at.points(&[crate::geom::P { x: 2048, y: 2048 }]);
    let mut writer = LayerWriter::default();
    writer.start_block(&values);
    writer.feature(1, FeatureKind::Point, &codes, &values, &at);
    writer.finish(LEFT_OUT, &["layer".into(), "left_out".into()], out);
}
