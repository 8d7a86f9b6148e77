//! Features in the order of the curve, a row group at a time: out of memory, or merged from the
//! sorted runs that a layer larger than the memory budget was written out in.

use crate::error::{LakeError, at};
use crate::stage::{Stage, make_file};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

/// A feature's key, and where it is: batch and row.
///
/// Features of one key come in the order of their ids, whatever the order of the delivery: so the
/// features of a window are in the same order in every version in which they are the same.
type Place = (u64, u32, u32);

/// Features in memory, with their keys.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    batches: Vec<RecordBatch>,
    places: Vec<Place>,
    bytes: usize,
}

impl Heap {
    pub fn push(&mut self, batch: RecordBatch, keys: impl Iterator<Item = u64>) {
        let number = self.batches.len() as u32;
        self.bytes += batch.get_array_memory_size() + batch.num_rows() * size_of::<Place>();
        let places = keys.zip(0u32..).map(|(key, row)| (key, number, row));
        self.places.extend(places);
        self.batches.push(batch);
    }

    /// Roughly, how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn sort(&mut self) {
        self.places.par_sort_unstable();
        // Few share a key, so their ids are looked up only where they decide.
        let ids: Vec<Option<&Int64Array>> = self.batches.iter().map(ids).collect();
        let id = |place: &Place| {
            ids.get(place.1 as usize).copied().flatten().map(|ids| ids.value(place.2 as usize))
        };
        for group in self.places.chunk_by_mut(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            group.sort_by_key(id);
        }
    }

    /// The features of some places, in this order.
    fn gather(&self, places: &[Place]) -> Result<RecordBatch, LakeError> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let rows: Vec<_> = places.iter().map(|(_, batch, row)| (*batch as usize, *row as usize)).collect();
        Ok(interleave_record_batch(&batches, &rows)?)
    }
}

/// The features' ids.
fn ids(batch: &RecordBatch) -> Option<&Int64Array> {
    batch.columns().first().and_then(|c| c.as_primitive_opt::<Int64Type>())
}

/// Row groups in the order of the curve.
pub(crate) enum Sorted {
    Memory { heap: Heap, next: usize },
    Runs(Merge),
}

impl Sorted {
    pub fn of_memory(mut heap: Heap) -> Self {
        heap.sort();
        Self::Memory { heap, next: 0 }
    }

    /// The next up to `groups` row groups of `rows` features; the last one of all may be smaller.
    pub fn next(&mut self, groups: usize, rows: usize) -> Result<Vec<RecordBatch>, LakeError> {
        match self {
            Self::Memory { heap, next } => {
                let end = heap.places.len().min(*next + groups * rows);
                let places = &heap.places[*next..end];
                *next = end;
                places.par_chunks(rows).map(|p| heap.gather(p)).collect()
            }
            Self::Runs(merge) => {
                let mut batches = Vec::with_capacity(groups);
                while batches.len() < groups {
                    match merge.next(rows)? {
                        Some(batch) => batches.push(batch),
                        None => break,
                    }
                }
                Ok(batches)
            }
        }
    }
}

/// How many features a run is read back by: all runs have one such batch in memory.
const RUN_ROWS: usize = 4_096;
const KEY: &str = "hilbert";

/// Sorts what is in memory and writes it out as a run: the features in order, with the key as the
/// last column.
pub(crate) fn write_run(
    stage: &Stage,
    number: &str,
    schema: &Schema,
    mut heap: Heap,
) -> Result<PathBuf, LakeError> {
    heap.sort();
    let path = stage.path(&format!("run-{number}.arrow"));
    let file = make_file(&path, true)?;
    let fields = schema.fields().iter().cloned();
    let key = Arc::new(Field::new(KEY, DataType::UInt64, false));
    let schema: SchemaRef = Arc::new(Schema::new(fields.chain([key]).collect::<Vec<_>>()));
    let mut writer = StreamWriter::try_new_buffered(file, &schema)?;
    for places in heap.places.chunks(RUN_ROWS) {
        let batch = heap.gather(places)?;
        let keys: ArrayRef = Arc::new(UInt64Array::from_iter_values(places.iter().map(|p| p.0)));
        let columns = batch.columns().iter().cloned().chain([keys]).collect();
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
    }
    writer.finish()?;
    Ok(path)
}

/// Sorted runs, read as one.
pub(crate) struct Merge {
    schema: SchemaRef,
    runs: Vec<Run>,
    /// The smallest key of each run that is not at its end, with its feature's id; of equal ones,
    /// the earlier run's first.
    heads: BinaryHeap<Reverse<(u64, Option<i64>, usize)>>,
}

struct Run {
    reader: StreamReader<BufReader<File>>,
    batch: RecordBatch,
    keys: UInt64Array,
    row: usize,
}

impl Run {
    /// The key and the id of the feature that comes next.
    fn head(&self) -> (u64, Option<i64>) {
        (self.keys.value(self.row), ids(&self.batch).map(|ids| ids.value(self.row)))
    }

    /// Reads the next batch; `false` at the end.
    fn refill(&mut self) -> Result<bool, LakeError> {
        let Some(batch) = self.reader.next().transpose()? else {
            return Ok(false);
        };
        let key = batch.columns().last().map(|c| c.to_data()).unwrap_or_else(|| self.keys.to_data());
        self.keys = UInt64Array::from(key);
        self.batch = batch.project(&(0..batch.num_columns() - 1).collect::<Vec<_>>())?;
        self.row = 0;
        Ok(true)
    }
}

impl Merge {
    pub fn new(schema: SchemaRef, paths: &[PathBuf]) -> Result<Self, LakeError> {
        let mut runs = Vec::with_capacity(paths.len());
        let mut heads = BinaryHeap::with_capacity(paths.len());
        for path in paths {
            let file = File::open(path).map_err(at(path))?;
            let mut run = Run {
                reader: StreamReader::try_new_buffered(file, None)?,
                batch: RecordBatch::new_empty(schema.clone()),
                keys: UInt64Array::from(Vec::<u64>::new()),
                row: 0,
            };
            if run.refill()? {
                let (key, id) = run.head();
                heads.push(Reverse((key, id, runs.len())));
            }
            runs.push(run);
        }
        Ok(Self { schema, runs, heads })
    }

    /// The next `rows` features; fewer at the end, then `None`.
    fn next(&mut self, rows: usize) -> Result<Option<RecordBatch>, LakeError> {
        let mut batches: Vec<RecordBatch> = self.runs.iter().map(|r| r.batch.clone()).collect();
        // which of the batches above each run is in now
        let mut current: Vec<usize> = (0..batches.len()).collect();
        let mut picked = Vec::with_capacity(rows);
        while picked.len() < rows {
            let Some(Reverse((_, _, number))) = self.heads.pop() else {
                break;
            };
            let run = &mut self.runs[number];
            picked.push((current[number], run.row));
            run.row += 1;
            if run.row == run.keys.len() {
                if !run.refill()? {
                    continue;
                }
                current[number] = batches.len();
                batches.push(run.batch.clone());
            }
            let (key, id) = run.head();
            self.heads.push(Reverse((key, id, number)));
        }
        if picked.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        let batch = interleave_record_batch(&batches, &picked)?;
        Ok(Some(RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())?))
    }
}
