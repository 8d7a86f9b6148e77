//! A layer's new contents: features in any order in, sorted Parquet files out.

mod file;
mod shape;
mod sorted;
pub(crate) mod stats;

pub(crate) use file::GROUP_ROWS;
pub(crate) use shape::arrow_field;

use crate::bounds::{Bounds, wkb_bounds};
use crate::catalog::{LayerWrite, NewFile, TableWrite};
use crate::change::digest::{Digest, digest_name, files_id};
use crate::error::LakeError;
use crate::hilbert;
use crate::model::Provenance;
use crate::stage::{Move, Stage};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use file::{TableFile, staged_name};
use kho_layer::{LayerDef, arrow_schema};
use rayon::prelude::*;
use shape::TableShape;
use sorted::{Heap, Merge, Sorted, write_run};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much memory a layer's features may take before they are written out in sorted runs. Their
/// digest takes 48 bytes a feature besides.
pub const DEFAULT_BUDGET: usize = 768 << 20;

/// A data file has at most so many row groups: about a million features.
const FILE_GROUPS: usize = 64;

/// How many row groups are in memory, as Arrow and as Parquet, at a time for each thread.
const GROUPS_PER_THREAD: usize = 2;

/// Takes a layer's features, in any order. Its calls block: keep it off the async runtime.
///
/// Dropped before [`LayerWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct LayerWriter {
    name: String,
    schema: SchemaRef,
    main: TableShape,
    restricted: Option<TableShape>,
    stage: Arc<Stage>,
    budget: usize,
    heap: Heap,
    runs: Vec<PathBuf>,
    rows: usize,
    digest: Digest,
    /// For each column, whether a value was NaN.
    nan: Vec<bool>,
}

/// A layer's new contents, written and synced, to be committed. Dropped instead, it is gone.
#[derive(Debug)]
pub struct WrittenLayer {
    pub(crate) stage: Arc<Stage>,
    pub(crate) layer: LayerWrite,
    pub(crate) moves: Vec<Move>,
    /// The digest, still in the stage; `None` without features.
    pub(crate) digest: Option<PathBuf>,
    /// [`crate::change::shapes`] of the layer.
    pub(crate) shapes: [u64; 3],
}

impl WrittenLayer {
    /// The layer's name.
    pub fn name(&self) -> &str {
        &self.layer.name
    }

    /// How many features it will have.
    pub fn feature_count(&self) -> u64 {
        self.layer.main.files.iter().map(|f| f.rows).sum()
    }

    /// The size of its files.
    pub fn bytes(&self) -> u64 {
        let restricted = self.layer.restricted.iter().flat_map(|t| &t.files);
        let files = self.layer.main.files.iter().chain(restricted);
        files.map(|f| f.bytes).sum()
    }
}

impl LayerWriter {
    pub(crate) fn new(layer: &LayerDef, stage: Arc<Stage>) -> Result<Self, LakeError> {
        let schema = arrow_schema(layer);
        let (main, restricted) = shape::tables(layer)?;
        Ok(Self {
            name: layer.name.clone(),
            nan: vec![false; schema.fields().len()],
            digest: Digest::new(layer, &schema),
            schema,
            main,
            restricted,
            stage,
            budget: DEFAULT_BUDGET,
            heap: Heap::default(),
            runs: Vec::new(),
            rows: 0,
        })
    }

    /// The same with another memory budget in bytes for the features ([`DEFAULT_BUDGET`]). The
    /// files come out the same.
    #[must_use]
    pub fn with_budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Takes some features, of the shape of [`kho_layer::arrow_schema`].
    ///
    /// # Errors
    /// [`LakeError::Shape`] if they have another one; [`LakeError::Io`] if the disk is full.
    pub fn write(&mut self, batch: RecordBatch) -> Result<(), LakeError> {
        self.check(&batch)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for (nan, column) in self.nan.iter_mut().zip(batch.columns()) {
            if *column.data_type() == DataType::Float64 {
                let values = column.as_primitive::<Float64Type>().values();
                *nan |= values.iter().any(|v| v.is_nan());
            }
        }
        self.rows += batch.num_rows();
        let bounds = boxes(&batch);
        if !self.digest.push(&batch, &bounds) {
            let message = "a column has a type that the lake does not keep".to_owned();
            return Err(LakeError::Shape { layer: self.name.clone(), message });
        }
        let keys: Vec<u64> = bounds.par_iter().with_min_len(4_096).map(|b| hilbert::key(*b)).collect();
        self.heap.push(batch, keys.into_iter());
        if self.heap.bytes() > self.budget {
            self.spill()?;
        }
        Ok(())
    }

    /// Sorts the features and writes the layer's files.
    ///
    /// # Errors
    /// [`LakeError::Io`] if the disk is full.
    pub fn finish(mut self, provenance: Provenance) -> Result<WrittenLayer, LakeError> {
        let mut sorted = if self.runs.is_empty() {
            Sorted::of_memory(std::mem::take(&mut self.heap))
        } else {
            if !self.heap.is_empty() {
                self.spill()?;
            }
            Sorted::Runs(Merge::new(self.schema.clone(), &self.runs)?)
        };
        let groups = self.rows.div_ceil(GROUP_ROWS);
        let mut main = Vec::new();
        let mut restricted = Vec::new();
        // Files of nearly the same size rather than one small one at the end.
        for share in shares(groups, groups.div_ceil(FILE_GROUPS)) {
            let (file, sibling) = self.write_file(&mut sorted, share)?;
            main.push(file);
            restricted.extend(sibling);
        }
        let mut moves = self.moves(&self.main, &main);
        if let Some(shape) = &self.restricted {
            moves.extend(self.moves(shape, &restricted));
        }
        let shapes = self.digest.shapes();
        let mut digest = None;
        if let Some(first) = main.first() {
            let name = digest_name(&first.name);
            let staged = self.stage.path(&name);
            let names = main.iter().chain(&restricted).map(|f| f.name.as_str());
            self.digest.write(&staged, files_id(names))?;
            digest = Some(staged);
            moves.push(Move {
                from: name.clone(),
                folder: Path::new("digests").join(&self.name),
                name,
                private: true,
            });
        }
        Ok(WrittenLayer {
            moves,
            digest,
            shapes,
            layer: LayerWrite {
                name: self.name.clone(),
                main: TableWrite { columns: self.main.columns.clone(), files: main },
                restricted: self
                    .restricted
                    .as_ref()
                    .map(|shape| TableWrite { columns: shape.columns.clone(), files: restricted }),
                provenance: serde_json::to_string(&provenance)?,
                compared: None,
            },
            stage: self.stage,
        })
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), LakeError> {
        let (ours, theirs) = (self.schema.fields(), batch.schema_ref().fields());
        let message = if ours.len() == theirs.len() {
            ours.iter().zip(theirs).find(|(a, b)| a.name() != b.name() || a.data_type() != b.data_type()).map(
                |(a, b)| {
                    format!(
                        "column {} {} is expected and {} {} came",
                        a.name(),
                        a.data_type(),
                        b.name(),
                        b.data_type()
                    )
                },
            )
        } else {
            Some(format!("{} columns are expected and {} came", ours.len(), theirs.len()))
        };
        let message = message
            .or_else(|| (batch.column(0).null_count() > 0).then(|| "a feature has no kho_id".to_owned()));
        match message {
            None => Ok(()),
            Some(message) => Err(LakeError::Shape { layer: self.name.clone(), message }),
        }
    }

    fn spill(&mut self) -> Result<(), LakeError> {
        let heap = std::mem::take(&mut self.heap);
        let path = write_run(&self.stage, &self.run_number(), &self.schema, heap)?;
        self.runs.push(path);
        Ok(())
    }

    /// Unlike that of any other layer's run in the same staging folder.
    fn run_number(&self) -> String {
        format!("{}-{}", self.name, self.runs.len())
    }

    /// Writes the next `groups` row groups as one file, and one of their restricted columns. The
    /// row groups are encoded in parallel, a few at a time.
    fn write_file(
        &self,
        sorted: &mut Sorted,
        groups: usize,
    ) -> Result<(NewFile, Option<NewFile>), LakeError> {
        let name = format!("kho-{}.parquet", uuid::Uuid::now_v7());
        let mut file = TableFile::create(&self.stage, name.clone(), &self.main)?;
        let mut sibling =
            self.restricted.as_ref().map(|shape| TableFile::create(&self.stage, name, shape)).transpose()?;
        let wave = rayon::current_num_threads() * GROUPS_PER_THREAD;
        let mut done = 0;
        while done < groups {
            let batches = sorted.next(wave.min(groups - done), GROUP_ROWS)?;
            if batches.is_empty() {
                break;
            }
            let encoded = batches
                .par_iter()
                .enumerate()
                .map(|(i, batch)| {
                    let number = done + i;
                    let closed = sibling.as_ref().map(|s| s.encode(number, batch));
                    Ok((file.encode(number, batch)?, closed.transpose()?))
                })
                .collect::<Result<Vec<_>, LakeError>>()?;
            done += encoded.len();
            for (open, closed) in encoded {
                file.append(open)?;
                if let (Some(sibling), Some(closed)) = (&mut sibling, closed) {
                    sibling.append(closed)?;
                }
            }
        }
        let sibling = sibling.map(|s| s.finish(&self.nan)).transpose()?;
        Ok((file.finish(&self.nan)?, sibling))
    }

    fn moves(&self, shape: &TableShape, files: &[NewFile]) -> Vec<Move> {
        let folder = if shape.restricted { "restricted" } else { "data" };
        files
            .iter()
            .map(|file| Move {
                from: staged_name(&file.name, shape),
                folder: Path::new(folder).join(&self.name),
                name: file.name.clone(),
                private: shape.restricted,
            })
            .collect()
    }
}

/// The features' boxes; `None` without a geometry, or one of which the place is unknown.
fn boxes(batch: &RecordBatch) -> Vec<Option<Bounds>> {
    let Some(column) = batch.columns().last() else {
        return Vec::new();
    };
    let geometry = column.as_binary::<i32>();
    (0..geometry.len())
        .into_par_iter()
        .with_min_len(4_096)
        .map(|row| geometry.is_valid(row).then(|| wkb_bounds(geometry.value(row))).flatten())
        .collect()
}

/// `total` in `parts` whole shares that differ by one at most.
fn shares(total: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |i| total * (i + 1) / parts - total * i / parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_are_fair(total in 0..5_000usize, parts in 1..40usize) {
            let shares: Vec<_> = shares(total, parts).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), total);
            let (min, max) = (shares.iter().min(), shares.iter().max());
            prop_assert!(max.zip(min).is_some_and(|(max, min)| max - min <= 1));
        }
    }
}
