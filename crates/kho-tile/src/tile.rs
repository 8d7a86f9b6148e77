//! A finished tile.

use crate::compress::{gzip, pack};
use crate::mlt;
use crate::mvt::{Commands, FeatureKind, LayerWriter, NULL, ValueMap};
use crate::render::Painter;
use crate::{Format, Representation, TileError};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The name of the tile layer that says what was left out.
pub(crate) const LEFT_OUT: &str = "kho:left_out";
/// Part of every ETag: to be raised when the same features come to be written as other bytes.
pub(crate) const FORMAT: u64 = 3;

/// So many times the bound no tile is after compression to less than half.
const FAR_TOO_BIG: usize = 8;

/// How a tile's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// `Content-Encoding: gzip`.
    #[default]
    Gzip,
    /// As they are.
    Plain,
    /// `Content-Encoding: br`, quality 4.
    Brotli,
    /// `Content-Encoding: zstd`, level 3.
    Zstd,
}

impl Encoding {
    /// Its name in HTTP's `Content-Encoding`; none for plain bytes.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// A tile: one MVT layer, or several ([`TileEngine::composite`](crate::TileEngine::composite)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The tile in the representation that was asked for: `Content-Type` is
    /// [`Format::media_type`]. Empty (0 bytes, no header) if there is no feature: answer with 204.
    pub body: Bytes,
    /// The size of the tile before compression, in bytes.
    pub raw_len: usize,
    /// A strong entity tag for the tile's content, with its quotes. The same features give the same
    /// tag, on every node and after every restart. Each format has its own, but it is the same in all
    /// encodings: an answer must add which one it is in.
    pub etag: String,
    /// The number of features in it.
    pub features: usize,
    /// The number of features that were left out because the tile would have been too big. The
    /// tile says so too: its second layer, `kho:left_out`, holds one point with the attributes
    /// `layer` and `left_out`.
    pub left_out: usize,
    /// The number of features that are seen only as a part of what they were merged to, in a tile of
    /// an overview that coalesces or clusters. It and [`Tile::left_out`] are then of the features that
    /// have their first corner in the tile's own square, so that every feature is counted in one tile
    /// of a zoom; one counts as merged if its class has area (or a point) in its cell of the rule's lattice. The tile says so too: `kho:left_out` has the attribute `merged`.
    pub merged: usize,
    /// The size that counts against the bound of a tile: gzipped, or plain where that already
    /// fits; of its MVT, whichever its format is.
    pub(crate) packed_len: usize,
    /// Where, before compression, what says what was left out begins.
    pub(crate) layer_len: usize,
}

/// How a drawn tile is to be finished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    pub format: Format,
    pub encoding: Encoding,
    /// gzip level, 1 to 12.
    pub level: u32,
    /// The gzip level at which the size is measured against the bound.
    pub measure: u32,
    /// The most bytes that the tile may have when gzipped; `None` for as many as it takes.
    pub bound: Option<usize>,
    /// Whether a tile that is far too big may come without its body: it is only to be drawn again.
    pub sketch: bool,
}

impl Tile {
    /// The tile without features.
    pub(crate) fn empty() -> Self {
        Self {
            body: Bytes::new(),
            raw_len: 0,
            etag: quoted(hash(&[], 0)),
            features: 0,
            left_out: 0,
            merged: 0,
            packed_len: 0,
            layer_len: 0,
        }
    }

    /// What a painter has drawn.
    pub(crate) fn of(
        painter: &Painter,
        layer: &str,
        keys: &[String],
        packing: Packing,
    ) -> Result<Self, TileError> {
        let (features, left_out) = (painter.layer.count(), painter.tally.left_out);
        let merged = painter.tally.merged;
        if features == 0 && left_out == 0 {
            return Ok(Self::empty());
        }
        let mut raw = Vec::new();
        if features > 0 {
            painter.layer.finish(layer, keys, &mut raw);
        }
        let layer_len = raw.len();
        if left_out > 0 || merged > 0 {
            say_left_out(&[(layer, left_out, merged)], &mut raw);
        }
        let raw_len = raw.len();
        if packing.sketch && packing.bound.is_some_and(|bound| raw_len > FAR_TOO_BIG * bound) {
            // About what gzip would make of it: its share of features is looked for from there.
            return Ok(Self::sketch(features, left_out, merged, raw_len / 5 * 2));
        }
        // What is left out must depend neither on who asks nor on how hard a bake compresses.
        let Packing { format, encoding, level, measure, bound, sketch } = packing;
        let apart = format != Format::Mvt || encoding != Encoding::Gzip || level != measure;
        let measured = apart && bound.is_some_and(|b| raw_len > b);
        let as_gzip =
            if measured { Some(gzip(&raw, measure).map_err(TileError::Internal)?.len()) } else { None };
        let (raw, layer_len, raw_len) = match format {
            Format::Mvt => (raw, layer_len, raw_len),
            Format::Mlt => {
                if let Some((packed_len, _)) = as_gzip.zip(bound).filter(|(len, bound)| sketch && len > bound)
                {
                    return Ok(Self::sketch(features, left_out, merged, packed_len));
                }
                let (layer, notice) = raw.split_at(layer_len);
                let mut written = mlt::from_mvt(layer)?;
                let layer_len = written.len();
                written.append(&mut mlt::from_mvt(notice)?);
                let raw_len = written.len();
                (written, layer_len, raw_len)
            }
        };
        let etag = quoted(hash(&raw, level));
        let body = pack(raw, encoding, level).map_err(TileError::Internal)?;
        let packed_len = match (format, encoding) {
            (Format::Mvt, Encoding::Gzip) => as_gzip.unwrap_or(body.len()),
            // Not measured because it fits as it is.
            (Format::Mvt, _) => as_gzip.unwrap_or(raw_len),
            (Format::Mlt, _) => as_gzip.unwrap_or_default(),
        };
        let body = body.into();
        Ok(Self { body, raw_len, etag, features, left_out, merged, packed_len, layer_len })
    }

    /// A tile without its body, to be drawn again with fewer features.
    fn sketch(features: usize, left_out: usize, merged: usize, packed_len: usize) -> Self {
        Self { features, left_out, merged, packed_len, ..Self::empty() }
    }

    /// An MVT tile, plain, as MLT.
    pub(crate) fn recoded(mvt: &[u8], encoding: Encoding, gzip_level: u32) -> Result<Self, TileError> {
        let (features, left_out, merged) = mlt::counts(mvt, LEFT_OUT)?;
        let raw = mlt::from_mvt(mvt)?;
        let (raw_len, etag) = (raw.len(), quoted(hash(&raw, gzip_level)));
        let body = pack(raw, encoding, gzip_level).map_err(TileError::Internal)?;
        let packed_len = body.len();
        let body = body.into();
        Ok(Self { body, raw_len, etag, features, left_out, merged, packed_len, layer_len: raw_len })
    }

    /// Several plain tiles of one place and of the format, each with its layer's name, in one: a tile
    /// is a list of layers, so their bytes stand one after the other. What was left out of them is said
    /// once, for a tile must not have two layers of one name.
    pub(crate) fn joined(
        parts: &[(String, Self)],
        Representation { format, encoding }: Representation,
        gzip_level: u32,
    ) -> Result<Self, TileError> {
        let mut raw = Vec::with_capacity(parts.iter().map(|(_, part)| part.raw_len).sum());
        let (mut features, mut left_out, mut merged, mut said) = (0, 0, 0, Vec::new());
        for (layer, part) in parts {
            raw.extend_from_slice(part.body.get(..part.layer_len).unwrap_or_default());
            features += part.features;
            left_out += part.left_out;
            merged += part.merged;
            if part.left_out > 0 || part.merged > 0 {
                said.push((layer.as_str(), part.left_out, part.merged));
            }
        }
        let layer_len = raw.len();
        if !said.is_empty() {
            let mut notice = Vec::new();
            say_left_out(&said, &mut notice);
            match format {
                Format::Mvt => raw.append(&mut notice),
                Format::Mlt => raw.append(&mut mlt::from_mvt(&notice)?),
            }
        }
        let raw_len = raw.len();
        let body = pack(raw, encoding, gzip_level).map_err(TileError::Internal)?;
        let (etag, packed_len) = (quoted(joined_hash(parts)), body.len());
        let body = body.into();
        Ok(Self { body, raw_len, etag, features, left_out, merged, packed_len, layer_len })
    }

    /// Bytes of memory held, for the cache.
    pub(crate) fn weight(&self) -> u32 {
        let overhead = size_of::<Self>() + self.etag.capacity() + 128;
        u32::try_from(self.body.len() + overhead).unwrap_or(u32::MAX)
    }
}

/// The tag is of the content and the way it is compressed, so equal tags mean equal bytes.
fn hash(raw: &[u8], level: u32) -> u128 {
    xxh3_128_with_seed(raw, FORMAT << 8 | u64::from(level))
}

fn quoted(hash: u128) -> String {
    format!("\"{hash:032x}\"")
}

/// What a joined tile is known by: its parts' tags, in order, which say how they are compressed too.
pub(crate) fn joined_hash(parts: &[(String, Tile)]) -> u128 {
    let tags: String = parts.iter().map(|(_, part)| part.etag.as_str()).collect();
    hash(tags.as_bytes(), 0)
}

/// What a tile made from a baked one is known by: the baked one's tag.
pub(crate) fn recoded_hash(etag: &str) -> u128 {
    hash(etag.as_bytes(), 1)
}

/// Writes the layer that says what was left out: (layer, how many features, how many were merged), a
/// point for each. Where nothing was merged, nothing is said of it.
fn say_left_out(all: &[(&str, usize, usize)], out: &mut Vec<u8>) {
    let mut values = ValueMap::default();
    let mut codes = Vec::with_capacity(all.len());
    for &(layer, left_out, merged) in all {
        let layer = values.text(layer);
        let [left_out, of_merged] =
            [left_out, merged].map(|n| values.integer(i64::try_from(n).unwrap_or(i64::MAX)));
        codes.push([layer, left_out, if merged > 0 { of_merged } else { NULL }]);
    }
    let mut keys = vec!["layer".to_owned(), "left_out".to_owned()];
    if all.iter().any(|(_, _, merged)| *merged > 0) {
        keys.push("merged".to_owned());
    }
    let values = values.finish();
    let mut at = Commands::default();
    at.points(&[crate::geom::P { x: 2048, y: 2048 }]);
    let mut writer = LayerWriter::default();
    writer.start_block(&values);
    for (id, codes) in (1..).zip(&codes) {
        writer.feature(id, FeatureKind::Point, codes, &values, &at);
    }
    writer.finish(LEFT_OUT, &keys, out);
}
