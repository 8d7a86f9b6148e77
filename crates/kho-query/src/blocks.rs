//! Decoded columns of row groups, kept in memory.
//!
//! A row group never changes, and the same ones are asked for again and again: the middle of the
//! city, the key column for lookups. A column of a row group is decoded once, whole, and then
//! shared by all queries without copying, until the cache is full and it is the one that was
//! used longest ago. Beside each geometry column stand its boxes, so that a window need not
//! look at the geometries again.

use crate::QueryError;
use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, concat};
use arrow::datatypes::{DataType, Schema};
use kho_lake::{DataFile, Lake, wkb_bounds};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A box around a geometry: minx, miny, maxx, maxy, rounded outwards. All NaN: no geometry, or
/// an empty one; it meets no window.
pub(crate) type Box32 = [f32; 4];

/// A data file ready to be read: what is known without touching it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    id: i64,
    path: PathBuf,
    reader: ArrowReaderMetadata,
    /// Position in the file and type, for each column of the table.
    columns: Vec<(Option<usize>, DataType)>,
}

impl OpenFile {
    /// Opens `file` for a table with this schema. Columns are found by name.
    pub(crate) fn new(lake: &Lake, file: &DataFile, schema: &Schema) -> Result<Self, QueryError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let reader =
            ArrowReaderMetadata::try_new(lake.footer(file)?, options).map_err(QueryError::internal)?;
        let leaves = reader.parquet_schema().columns();
        let position =
            |name: &str| leaves.iter().position(|c| matches!(c.path().parts(), [only] if only == name));
        let columns = schema.fields().iter().map(|f| (position(f.name()), f.data_type().clone())).collect();
        Ok(Self { id: file.id, path: file.path.clone(), columns, reader })
    }

    /// The file's own Arrow schema.
    pub(crate) fn schema(&self) -> &Schema {
        self.reader.schema()
    }

    /// The file's row groups.
    pub(crate) fn groups(&self) -> &[RowGroupMetaData] {
        self.reader.metadata().row_groups()
    }

    /// The reader's metadata, footer and schema.
    pub(crate) fn reader(&self) -> &ArrowReaderMetadata {
        &self.reader
    }

    /// Bytes of a column of a row group once decompressed.
    pub(crate) fn column_bytes(&self, group: usize, column: usize) -> u64 {
        let leaf = self.columns.get(column).and_then(|(leaf, _)| *leaf);
        leaf.map_or(0, |leaf| {
            u64::try_from(self.groups()[group].column(leaf).uncompressed_size()).unwrap_or(0)
        })
    }

    fn rows(&self, group: usize) -> usize {
        usize::try_from(self.groups()[group].num_rows()).unwrap_or(0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    file: i64,
    group: usize,
    /// Position in the file. The boxes of a geometry column stand beside it.
    leaf: usize,
    boxes: bool,
}

#[derive(Debug, Clone)]
enum Value {
    Column(ArrayRef),
    Boxes(Arc<[Box32]>),
}

impl Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Column(array) => array.get_array_memory_size(),
            Self::Boxes(boxes) => size_of_val(&**boxes),
        }
    }
}

/// The cache. One for an engine.
#[derive(Debug)]
pub(crate) struct Blocks {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<Key, (Value, u64)>,
    bytes: usize,
    clock: u64,
}

impl Blocks {
    /// A cache of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Whether a scan of so many bytes may put its columns here. One that would push out most of
    /// what others need may not: it would not find its own again either.
    pub(crate) fn admits(&self, bytes: u64) -> bool {
        bytes <= self.limit as u64 / 2
    }

    /// Columns of a row group (positions in the table), decoding those that are not here.
    pub(crate) fn columns(
        &self,
        file: &OpenFile,
        group: usize,
        columns: &[usize],
        admit: bool,
    ) -> Result<Vec<ArrayRef>, QueryError> {
        let rows = file.rows(group);
        let key = |leaf| Key { file: file.id, group, leaf, boxes: false };
        let mut found: Vec<Option<ArrayRef>> = Vec::with_capacity(columns.len());
        let mut missing: Vec<usize> = Vec::new();
        for column in columns {
            found.push(match &file.columns[*column] {
                (None, ty) => Some(new_null_array(ty, rows)),
                (Some(leaf), _) => match self.get(&key(*leaf)) {
                    Some(Value::Column(array)) => Some(array),
                    _ => {
                        missing.push(*leaf);
                        None
                    }
                },
            });
        }
        if missing.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        missing.sort_unstable();
        missing.dedup();
        let decoded = decode(file, group, &missing)?;
        let mut out = Vec::with_capacity(columns.len());
        for (column, array) in columns.iter().zip(found) {
            out.push(match (array, &file.columns[*column]) {
                (Some(array), _) => array,
                (None, (leaf, ty)) => {
                    let at = missing.iter().position(|m| Some(*m) == *leaf).and_then(|i| decoded.get(i));
                    let array = at.ok_or_else(|| QueryError::internal("a column was not decoded"))?;
                    // Strict: a value that does not fit is an error, not a null.
                    let strict = CastOptions { safe: false, ..Default::default() };
                    let array = if array.data_type() == ty {
                        Arc::clone(array)
                    } else {
                        cast_with_options(array, ty, &strict)?
                    };
                    if let (true, Some(leaf)) = (admit, leaf) {
                        self.put(key(*leaf), Value::Column(Arc::clone(&array)));
                    }
                    array
                }
            });
        }
        Ok(out)
    }

    /// The boxes of a geometry column (position in the table) of a row group.
    pub(crate) fn boxes(
        &self,
        file: &OpenFile,
        group: usize,
        column: usize,
        admit: bool,
    ) -> Result<Arc<[Box32]>, QueryError> {
        let Some(leaf) = file.columns[column].0 else {
            return Ok(vec![[f32::NAN; 4]; file.rows(group)].into());
        };
        let key = Key { file: file.id, group, leaf, boxes: true };
        if let Some(Value::Boxes(boxes)) = self.get(&key) {
            return Ok(boxes);
        }
        let geometry = self.columns(file, group, &[column], admit)?;
        let values = crate::format::binary_values(&geometry[0])?;
        let boxes: Arc<[Box32]> = values.into_iter().map(box32).collect();
        self.put(key, Value::Boxes(Arc::clone(&boxes)));
        Ok(boxes)
    }

    fn get(&self, key: &Key) -> Option<Value> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        let (value, used) = state.kept.get_mut(key)?;
        *used = now;
        Some(value.clone())
    }

    fn put(&self, key: Key, value: Value) {
        let bytes = value.bytes();
        if bytes > self.limit {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        state.bytes += bytes;
        if let Some((old, _)) = state.kept.insert(key, (value, now)) {
            state.bytes -= old.bytes();
        }
        if state.bytes > self.limit {
            state.make_room(self.limit / 8 * 7);
        }
    }
}

impl State {
    /// Forgets what was used longest ago. An eighth at a time, so that the sort is rare.
    fn make_room(&mut self, target: usize) {
        let mut by_age: Vec<(u64, Key)> =
            self.kept.iter().map(|(key, (_, used))| (*used, key.clone())).collect();
        by_age.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in by_age {
            if self.bytes <= target {
                break;
            }
            if let Some((old, _)) = self.kept.remove(&key) {
                self.bytes -= old.bytes();
            }
        }
    }
}

/// Decodes whole columns (positions in the file, ascending) of a row group.
fn decode(file: &OpenFile, group: usize, leaves: &[usize]) -> Result<Vec<ArrayRef>, QueryError> {
    let handle = File::open(&file.path).map_err(QueryError::internal)?;
    let mask = ProjectionMask::leaves(file.reader.parquet_schema(), leaves.iter().copied());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, file.reader.clone())
        .with_row_groups(vec![group])
        .with_projection(mask)
        .with_batch_size(file.rows(group).max(1))
        .build()
        .map_err(QueryError::internal)?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(QueryError::internal)?;
    let column = |i: usize| -> Result<ArrayRef, QueryError> {
        let parts: Vec<&dyn Array> = batches.iter().map(|b| &**b.column(i)).collect();
        match (parts.as_slice(), batches.first()) {
            ([_], Some(only)) => Ok(Arc::clone(only.column(i))),
            ([], _) => Err(QueryError::internal("an empty row group")),
            _ => Ok(concat(&parts)?),
        }
    };
    (0..leaves.len()).map(column).collect()
}

fn box32(wkb: Option<&[u8]>) -> Box32 {
    match wkb.and_then(wkb_bounds) {
        None => [f32::NAN; 4],
        Some([minx, miny, maxx, maxy]) => [down(minx), down(miny), up(maxx), up(maxy)],
    }
}

fn down(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) > v { near.next_down() } else { near }
}

fn up(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) < v { near.next_up() } else { near }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn boxes_are_rounded_outwards(v in -180.0..180.0_f64) {
            prop_assert!(f64::from(down(v)) <= v && v <= f64::from(up(v)));
            prop_assert!(f64::from(up(v)) - f64::from(down(v)) < 2e-5);
        }
    }

    #[test]
    fn the_oldest_goes_first_and_the_bound_holds() {
        let array = || Value::Column(Arc::new(Int64Array::from(vec![0; 100])));
        let size = array().bytes();
        let blocks = Blocks::new(size * 8);
        let key = |group| Key { file: 1, group, leaf: 0, boxes: false };
        for group in 0..8 {
            blocks.put(key(group), array());
        }
        assert!(blocks.get(&key(0)).is_some());
        blocks.put(key(8), array());
        assert!(blocks.get(&key(0)).is_some(), "used a moment ago");
        assert!(blocks.get(&key(1)).is_none());
        let state = blocks.state.lock().unwrap();
        assert!(state.bytes <= size * 8);
        assert_eq!(state.bytes, state.kept.values().map(|(v, _)| v.bytes()).sum::<usize>());
    }
}
