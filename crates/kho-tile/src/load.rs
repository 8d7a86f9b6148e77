//! Row groups into blocks, through a cache that is bounded by weight.

use crate::TileError;
use crate::block::{AttributeBlock, GeometryBlock, GeometryBuilder};
use crate::grid::Grid;
use crate::index::{Group, LayerIndex, OpenFile};
use crate::stats::Counters;
use arrow::array::{Array, AsArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int64Type};
use kho_filter::{Filter, FilterId};
use kho_layer::{GEOMETRY, KHO_ID};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a block is kept under. Files are never changed, so no snapshot is needed here: a commit
/// leaves the blocks of the files that it keeps warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct BlockKey {
    file: i64,
    group: u32,
    part: Part,
}

/// Which half of a row group. Coordinates are a grid's; attributes serve every grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Geometry(Grid),
    /// The hash of the columns.
    Attributes(u64),
    /// Which rows pass a filter. Its id says for which layer and grant class it was made, so nobody
    /// is answered out of another's.
    Passing(FilterId),
}

#[derive(Debug, Clone)]
enum Block {
    Geometry(Arc<GeometryBlock>),
    Attributes(Arc<AttributeBlock>),
    Passing(BooleanBuffer),
}

impl Block {
    fn weight(&self) -> u32 {
        let bytes = match self {
            Self::Geometry(b) => b.weight(),
            Self::Attributes(b) => b.weight(),
            Self::Passing(rows) => size_of::<Self>() + rows.len().div_ceil(8),
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// The blocks in memory.
#[derive(Debug)]
pub(crate) struct Blocks {
    cache: Cache<BlockKey, Block>,
    /// Decoding takes a core; no more at once than there are.
    permits: Arc<Semaphore>,
    counters: Arc<Counters>,
}

/// A row group as the painter needs it, and which of its rows are to be drawn if not all.
pub(crate) type LoadedGroup = (Arc<GeometryBlock>, Arc<AttributeBlock>, Option<BooleanBuffer>);

impl Blocks {
    /// A cache of at most `bytes`.
    pub fn new(bytes: u64, cores: usize, counters: Arc<Counters>) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            // Whoever pans comes back soon or not at all; and what was just decoded must not be
            // refused for being new.
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_, block: &Block| block.weight())
            .build();
        Self { cache, permits: Arc::new(Semaphore::new(cores)), counters }
    }

    /// Bytes held, and the number of blocks.
    pub fn size(&self) -> (u64, u64) {
        (self.cache.weighted_size(), self.cache.entry_count())
    }

    /// Lets the cache settle its accounts.
    pub async fn settle(&self) {
        self.cache.run_pending_tasks().await;
    }

    /// The blocks of a row group, from the cache or decoded now; once, however many wait for it.
    pub async fn get(&self, index: &LayerIndex, group: Group) -> Result<LoadedGroup, TileError> {
        let Some(file) = index.files.get(group.0 as usize) else {
            return Err(TileError::Internal("a row group of no file".into()));
        };
        let geometry = self.geometry(index, group);
        let keys = index.keys.clone();
        let key = BlockKey { file: file.id, group: group.1, part: Part::Attributes(index.columns) };
        let attributes =
            self.cached(key, index, file, move |file, group| read_attributes(file, group, &keys));
        match futures::try_join!(geometry, attributes, self.passing(index, group))? {
            (g, Block::Attributes(a), passing) => Ok((g, a, passing)),
            _ => Err(TileError::Internal("a block of the wrong kind".into())),
        }
    }

    /// The geometry of a row group alone.
    pub async fn geometry(&self, index: &LayerIndex, group: Group) -> Result<Arc<GeometryBlock>, TileError> {
        let Some(file) = index.files.get(group.0 as usize) else {
            return Err(TileError::Internal("a row group of no file".into()));
        };
        let grid = index.grid;
        let key = BlockKey { file: file.id, group: group.1, part: Part::Geometry(grid) };
        let read = move |file: &OpenFile, group: usize| read_geometry(file, group, grid);
        match self.cached(key, index, file, read).await? {
            Block::Geometry(g) => Ok(g),
            _ => Err(TileError::Internal("a block of the wrong kind".into())),
        }
    }

    /// Which rows of a row group are to be drawn; `None` for all. Read once for a filter, and only the
    /// columns that it asks about.
    pub async fn passing(
        &self,
        index: &LayerIndex,
        group: Group,
    ) -> Result<Option<BooleanBuffer>, TileError> {
        let Some((filter, _)) = &index.filter else { return Ok(None) };
        // Checked against the grant already; but what the index does not open is not read, whoever asks.
        let open = |c: &String| index.keys.contains(c) || c == KHO_ID || c == GEOMETRY;
        if !filter.columns().iter().all(open) {
            return Err(TileError::Internal("a filter on a column that is not open".into()));
        }
        let Some(file) = index.files.get(group.0 as usize) else {
            return Err(TileError::Internal("a row group of no file".into()));
        };
        let key = BlockKey { file: file.id, group: group.1, part: Part::Passing(filter.id()) };
        let filter = filter.clone();
        let read = move |file: &OpenFile, group: usize| read_passing(file, group, &filter);
        match self.cached(key, index, file, read).await? {
            Block::Passing(rows) => Ok(Some(rows)),
            _ => Err(TileError::Internal("a block of the wrong kind".into())),
        }
    }

    async fn cached(
        &self,
        key: BlockKey,
        index: &LayerIndex,
        file: &Arc<OpenFile>,
        read: impl FnOnce(&OpenFile, usize) -> Result<Block, String> + Send + 'static,
    ) -> Result<Block, TileError> {
        if let Some(block) = self.cache.get(&key).await {
            return Ok(block);
        }
        let decode = async {
            let cut_off = |e: &dyn std::fmt::Display| TileError::Internal(e.to_string());
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|e| cut_off(&e))?;
            let open = Arc::clone(file);
            let block = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                read(&open, key.group as usize)
            })
            .await
            .map_err(|e| cut_off(&e))?
            .map_err(|message| TileError::File {
                layer: index.layer.clone(),
                file: file.name(),
                message,
            })?;
            self.counters.block_decoded();
            if let Block::Geometry(g) = &block
                && g.unreadable() > 0
            {
                tracing::warn!(
                    layer = index.layer,
                    file = file.name(),
                    group = key.group,
                    features = g.unreadable(),
                    "geometries that are no WKB are left out of tiles"
                );
            }
            Ok(block)
        };
        self.cache.try_get_with(key, decode).await.map_err(|e: Arc<TileError>| (*e).clone())
    }
}

/// The rows of a row group, the named columns only.
fn read(file: &OpenFile, group: usize, columns: &[&str]) -> Result<Vec<RecordBatch>, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let footer = file.reader.metadata();
    let rows = usize::try_from(footer.row_group(group).num_rows()).map_err(|e| text(&e))?;
    let schema = footer.file_metadata().schema_descr();
    let mask = ProjectionMask::columns(schema, columns.iter().copied());
    let data = File::open(&file.path).map_err(|e| text(&e))?;
    ParquetRecordBatchReaderBuilder::new_with_metadata(data, file.reader.clone())
        .with_projection(mask)
        .with_row_groups(vec![group])
        .with_batch_size(rows.max(1))
        .build()
        .map_err(|e| text(&e))?
        .collect::<Result<_, _>>()
        .map_err(|e| text(&e))
}

fn read_geometry(file: &OpenFile, group: usize, grid: Grid) -> Result<Block, String> {
    let batches = read(file, group, &[KHO_ID, GEOMETRY])?;
    let mut builder = GeometryBuilder::with_capacity(grid, batches.iter().map(RecordBatch::num_rows).sum());
    for batch in &batches {
        let missing = |name: &str| format!("it has no column {name} of the right type");
        let ids = batch
            .column_by_name(KHO_ID)
            .and_then(|c| c.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| missing(KHO_ID))?;
        let shapes = batch.column_by_name(GEOMETRY).ok_or_else(|| missing(GEOMETRY))?;
        let ids = ids.values().iter().copied();
        match shapes.data_type() {
            DataType::Binary => push_all(&mut builder, ids, shapes.as_binary::<i32>().iter()),
            DataType::LargeBinary => push_all(&mut builder, ids, shapes.as_binary::<i64>().iter()),
            DataType::BinaryView => push_all(&mut builder, ids, shapes.as_binary_view().iter()),
            _ => return Err(missing(GEOMETRY)),
        }
    }
    Ok(Block::Geometry(Arc::new(builder.finish())))
}

fn push_all<'a>(
    builder: &mut GeometryBuilder,
    ids: impl Iterator<Item = i64>,
    shapes: impl Iterator<Item = Option<&'a [u8]>>,
) {
    for (id, shape) in ids.zip(shapes) {
        builder.push(id, shape);
    }
}

fn read_attributes(file: &OpenFile, group: usize, keys: &[String]) -> Result<Block, String> {
    let present: Vec<&str> = keys.iter().map(String::as_str).chain([KHO_ID]).collect();
    let batches = read(file, group, &present)?;
    AttributeBlock::new(keys, &batches).map(|b| Block::Attributes(Arc::new(b))).map_err(|e| e.to_string())
}

fn read_passing(file: &OpenFile, group: usize, filter: &Filter) -> Result<Block, String> {
    // With the id, so that there is a column whatever the file has.
    let columns: Vec<&str> = filter.columns().iter().map(String::as_str).chain([KHO_ID]).collect();
    let mut rows = BooleanBufferBuilder::new(0);
    for batch in read(file, group, &columns)? {
        rows.append_buffer(filter.matches(&batch).map_err(|e| e.to_string())?.values());
    }
    Ok(Block::Passing(rows.finish()))
}
