//! MapLibre Tiles (MLT, <https://github.com/maplibre/maplibre-tile-spec>), made from finished MVT.
//!
//! `mlt-core` writes the format. What is done here is to put a layer's features into a table as its
//! readers need it: `column` chooses the types, [`table`] the order.

mod column;
#[cfg(test)]
mod tests;

use crate::TileError;
use column::{Column, cell};
use mlt_core::encoder::EncoderConfig;
use mlt_core::fast_mvt::{MvtFeatureRef, MvtLayerRef, MvtReaderRef, MvtValueRef};
use mlt_core::{MltResult, TileLayer};
use std::collections::HashMap;

/// Half of the ids that a double holds exactly.
const HALF: u64 = 1 << 52;

/// Writes the layers of an MVT tile, plain, as MLT, one after the other: a layer is a block that says
/// its own length, so two MLT tiles one after the other are a tile, as with MVT.
pub(crate) fn from_mvt(mvt: &[u8]) -> Result<Vec<u8>, TileError> {
    written(mvt).map_err(|e| TileError::Mlt(e.to_string()))
}

/// How many features an MVT tile has, and how many were left out of it as its layer `notice` says.
pub(crate) fn counts(mvt: &[u8], notice: &str) -> Result<(usize, usize, usize), TileError> {
    counted(mvt, notice).map_err(|e| TileError::Mlt(e.to_string()))
}

fn written(mvt: &[u8]) -> MltResult<Vec<u8>> {
    let mut out = Vec::with_capacity(mvt.len() / 2);
    for layer in MvtReaderRef::new(mvt)?.layers() {
        out.extend_from_slice(&table(layer)?.encode(manner())?);
    }
    Ok(out)
}

fn counted(mvt: &[u8], notice: &str) -> MltResult<(usize, usize, usize)> {
    let (mut features, mut left_out, mut merged) = (0, 0_u64, 0_u64);
    for layer in MvtReaderRef::new(mvt)?.layers() {
        if layer.name() != notice {
            features += layer.feature_count();
            continue;
        }
        for property in layer.features().flat_map(MvtFeatureRef::properties) {
            match property? {
                ("left_out", MvtValueRef::UInt(n)) => left_out += n,
                ("merged", MvtValueRef::UInt(n)) => merged += n,
                _ => {}
            }
        }
    }
    Ok((features, usize::try_from(left_out)?, usize::try_from(merged)?))
}

/// What the encoder may choose from: plain and dictionary strings; plain, delta and run-length
/// integers as varints; vertices in a row or in a dictionary.
///
/// Not what packs so tightly that gzip, brotli or zstd find little left to do, and `FastPFOR` least of
/// all, which not every reader has: MapLibre Native is built with it and without
/// (<https://github.com/maplibre/maplibre-tile-spec/pull/1446>). Nor another order of features: the
/// lake's is along a Hilbert curve already, and [`table`] needs its own to stay.
fn manner() -> EncoderConfig {
    EncoderConfig::default()
        .with_fastpfor(false)
        .with_fsst(false)
        .with_shared_dict(false)
        .with_spatial_morton_sort(false)
        .with_spatial_hilbert_sort(false)
        .with_id_sort(false)
}

/// A layer read once.
struct Read<'a> {
    names: Vec<&'a str>,
    columns: Vec<Column>,
    /// Every value that is there, with the number of its column.
    values: Vec<(usize, MvtValueRef<'a>)>,
    /// Where each feature's values end.
    ends: Vec<usize>,
}

impl<'a> Read<'a> {
    fn of(layer: MvtLayerRef<'a>) -> MltResult<Self> {
        let mut read = Self {
            names: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
            ends: Vec::with_capacity(layer.feature_count()),
        };
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for feature in layer.features() {
            for property in feature.properties() {
                let (name, value) = property?;
                let number = *numbers.entry(name).or_insert_with(|| {
                    read.names.push(name);
                    read.columns.push(Column::default());
                    read.columns.len() - 1
                });
                if let Some(column) = read.columns.get_mut(number) {
                    column.add(value);
                }
                read.values.push((number, value));
            }
            read.ends.push(read.values.len());
        }
        Ok(read)
    }
}

/// A layer as a table: a column for each key that is used, a row for each feature.
///
/// The features whose ids are below 2^52 come first, then the others, each in the order they have in
/// the MVT tile. So no id is less than the one before by more than 2^52. The encoder may write ids as
/// their differences, zigzag, and MapLibre GL's decoder (`@maplibre/mlt` 1.3.0,
/// `decodeZigZagDeltaFloat64`) reads these as doubles: an odd one above 2^53, which is what a longer
/// step back would be, loses its last bit there, and with it its sign. Steps forward are even.
fn table(layer: MvtLayerRef<'_>) -> MltResult<TileLayer> {
    let Read { names, columns, values, ends } = Read::of(layer)?;
    let mut table = TileLayer::builder(layer.name(), layer.extent())?;
    let mut keys = Vec::with_capacity(names.len());
    for (name, column) in names.into_iter().zip(&columns) {
        let kind = column.kind();
        keys.push((table.add_property(name, kind)?, kind));
    }
    let mut start = 0;
    let mut rows: Vec<(MvtFeatureRef<'_>, &[(usize, MvtValueRef<'_>)])> = layer
        .features()
        .zip(ends)
        .map(|(feature, end)| {
            let row = values.get(start..end).unwrap_or_default();
            start = end;
            (feature, row)
        })
        .collect();
    rows.sort_by_key(|(feature, _)| feature.id().is_some_and(|id| id >= HALF));
    for (feature, row) in rows {
        let mut written = table.feature(feature.geometry()?);
        written.id(feature.id());
        for &(number, value) in row {
            if let Some(&(key, kind)) = keys.get(number) {
                written.property(key, cell(kind, value))?;
            }
        }
        written.finish()?;
    }
    Ok(table.finish())
}
