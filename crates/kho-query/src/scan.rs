//! A scan of one table of the lake: files and row groups, dealt out to threads.

use crate::QueryError;
use crate::prune::{Pruner, row_group_bounds};
use crate::reader::{LakeFile, LakeReaders};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::ParquetAccessPlan;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use kho_lake::{DataFile, Lake};
use std::sync::Arc;

/// The object store of every scan: empty, because the files come through [`LakeReaders`].
pub(crate) const STORE: &str = "kho://lake";

/// Pieces of work for each thread: enough that one that is done early can take over from another.
const PIECES: usize = 4;

/// One table of the lake at one snapshot: a layer without its restricted columns, or the
/// restricted columns alone.
#[derive(Debug)]
pub(crate) struct Part {
    /// The layer's name, for plans.
    pub name: String,
    /// The granted columns of this table, `kho_id` first.
    pub schema: SchemaRef,
    pub files: Vec<DataFile>,
    pub rows: u64,
}

/// What is read of one file.
struct Piece {
    file: Arc<LakeFile>,
    id: i64,
    bytes: u64,
    groups: Vec<usize>,
    rows: u64,
}

impl Part {
    /// The statistics of the whole table: the row count is the catalog's and exact.
    pub(crate) fn statistics(&self) -> Statistics {
        let exact = |n: u64| Precision::Exact(usize::try_from(n).unwrap_or(usize::MAX));
        Statistics {
            num_rows: exact(self.rows),
            total_byte_size: exact(self.files.iter().map(|f| f.bytes).sum()).to_inexact(),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.schema.fields().len()],
        }
    }

    /// Plans a scan of the columns `projection` (positions in `schema`).
    pub(crate) async fn scan(
        &self,
        lake: &Lake,
        state: &dyn Session,
        projection: Vec<usize>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let threads = state.config().target_partitions();
        let pruner = Pruner::new(filters);
        let pieces = self.pieces(lake, &pruner, threads).await?;
        let read: u64 = pieces.iter().map(|p| p.rows).sum();
        let mut statistics = self.statistics();
        if read != self.rows {
            let rows = usize::try_from(read).unwrap_or(usize::MAX);
            let share = read as f64 / self.rows.max(1) as f64;
            let bytes = self.files.iter().map(|f| f.bytes).sum::<u64>() as f64 * share;
            statistics.num_rows = Precision::Inexact(rows);
            statistics.total_byte_size = Precision::Inexact(bytes as usize);
        }

        let mut options = TableParquetOptions::default();
        options.global = state.config_options().execution.parquet.clone();
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(LakeReaders));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE)?, Arc::new(source))
            .with_file_groups(self.deal(pieces, threads))
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(Some(projection))?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// The row groups that may hold an answer, in pieces of roughly equal size.
    async fn pieces(&self, lake: &Lake, pruner: &Pruner, threads: usize) -> Result<Vec<Piece>, QueryError> {
        let mut open = Vec::new();
        for file in &self.files {
            if !pruner.may_match(file.bounds)? {
                continue;
            }
            let footer = lake.footer(file).await?;
            let bounds = row_group_bounds(&footer);
            let mut groups = Vec::with_capacity(bounds.len());
            for (i, bounds) in bounds.into_iter().enumerate() {
                if pruner.may_match(bounds)? {
                    groups.push((i, u64::try_from(footer.row_group(i).num_rows()).unwrap_or(0)));
                }
            }
            if !groups.is_empty() {
                open.push((file, Arc::new(LakeFile { path: file.path.clone(), footer }), groups));
            }
        }
        let rows: u64 = open.iter().flat_map(|(_, _, groups)| groups).map(|(_, rows)| rows).sum();
        let most = rows.div_ceil((threads * PIECES) as u64);
        let mut pieces = Vec::new();
        for (file, lake_file, groups) in open {
            let mut groups = groups.into_iter().peekable();
            while groups.peek().is_some() {
                let mut piece = Piece {
                    file: Arc::clone(&lake_file),
                    id: file.id,
                    bytes: file.bytes,
                    groups: Vec::new(),
                    rows: 0,
                };
                while let Some((group, rows)) = groups.next_if(|_| piece.rows < most.max(1)) {
                    piece.groups.push(group);
                    piece.rows += rows;
                }
                pieces.push(piece);
            }
        }
        Ok(pieces)
    }

    /// Neighbouring pieces to the same thread; idle threads take over what is left.
    fn deal(&self, pieces: Vec<Piece>, threads: usize) -> Vec<FileGroup> {
        if pieces.is_empty() {
            return vec![FileGroup::new(Vec::new())];
        }
        let per_thread = pieces.len().div_ceil(threads);
        let files: Vec<PartitionedFile> = pieces.into_iter().map(|p| self.partitioned(p)).collect();
        files.chunks(per_thread).map(|chunk| FileGroup::new(chunk.to_vec())).collect()
    }

    fn partitioned(&self, piece: Piece) -> PartitionedFile {
        let mut plan = ParquetAccessPlan::new_none(piece.file.footer.num_row_groups());
        for group in piece.groups {
            plan.scan(group);
        }
        PartitionedFile::new(format!("{}/{}", self.name, piece.id), piece.bytes)
            .with_extension(plan)
            .with_extension(piece.file)
    }
}
