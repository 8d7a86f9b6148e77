//! A scan of one table of the lake: the row groups that may hold an answer, dealt out to
//! threads, and of those the rows that may be one.

use crate::QueryError;
use crate::blocks::{Blocks, OpenFile};
use crate::prune::{Pruner, reaches};
use arrow::array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterBuilder, and, prep_null_mask_filter};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, TryStreamExt};
use kho_lake::{DataFile, Lake, row_group_bounds};
use kho_layer::GEOMETRY;
use std::fmt;
use std::sync::Arc;

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

/// A row group to be read.
#[derive(Debug, Clone)]
struct Group {
    file: Arc<OpenFile>,
    number: usize,
    rows: u64,
}

impl Part {
    /// The statistics of the whole table: the row count is the catalog's and exact.
    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            num_rows: Precision::Exact(usize::try_from(self.rows).unwrap_or(usize::MAX)),
            total_byte_size: Precision::Absent,
            column_statistics: vec![ColumnStatistics::new_unknown(); self.schema.fields().len()],
        }
    }

    /// Plans a scan of the columns `projection` (positions in `schema`).
    pub(crate) fn scan(
        &self,
        lake: &Lake,
        blocks: &Arc<Blocks>,
        state: &dyn Session,
        projection: Vec<usize>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let threads = state.config().target_partitions().max(1);
        let pruner = Pruner::new(state, &self.schema, filters);
        let (groups, of) = self.groups(lake, &pruner)?;
        let schema: SchemaRef = Arc::new(self.schema.project(&projection)?);
        let (plain_columns, plain) = match &pruner.plain {
            None => (Vec::new(), None),
            Some(plain) => {
                let mut columns: Vec<usize> = collect_columns(plain).iter().map(|c| c.index()).collect();
                columns.sort_unstable();
                let narrow = self.schema.project(&columns)?;
                (columns, Some((reassign_expr_columns(Arc::clone(plain), &narrow)?, Arc::new(narrow))))
            }
        };
        let geometry = self.schema.index_of(GEOMETRY).ok();
        let window = pruner.window.and_then(|w| Some((geometry?, w)));
        let mut touched: Vec<usize> = projection.iter().chain(&plain_columns).copied().collect();
        touched.extend(window.map(|(column, _)| column));
        touched.sort_unstable();
        touched.dedup();
        let bytes = groups
            .iter()
            .map(|g| touched.iter().map(|c| g.file.column_bytes(g.number, *c)).sum::<u64>())
            .sum();

        let rows: u64 = groups.iter().map(|g| g.rows).sum();
        let filtered = window.is_some() || plain.is_some() || rows != self.rows;
        let partitions = threads.min(groups.len()).max(1);
        let mut dealt = vec![Vec::new(); partitions];
        // In turns: the row groups of a window lie side by side, and the fullest in the middle.
        for (i, group) in groups.into_iter().enumerate() {
            dealt[i % partitions].push(group);
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let scan = Scan {
            blocks: Arc::clone(blocks),
            admit: blocks.admits(bytes),
            schema,
            projection,
            window,
            plain,
            plain_columns,
            batch_rows: state.config().batch_size(),
        };
        Ok(Arc::new(LayerScanExec {
            name: self.name.clone(),
            scan: Arc::new(scan),
            groups: dealt,
            rows,
            of,
            filtered,
            limit,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }

    /// The row groups that may hold an answer, and how many there are in all.
    fn groups(&self, lake: &Lake, pruner: &Pruner) -> Result<(Vec<Group>, usize), QueryError> {
        let mut groups = Vec::new();
        let mut all = 0;
        for file in &self.files {
            if !pruner.may_match(file.bounds)? {
                continue;
            }
            let open = Arc::new(OpenFile::new(lake, file, &self.schema)?);
            let bounds = row_group_bounds(open.reader().metadata());
            let in_range = pruner.by_ranges(&open);
            all += bounds.len();
            for (number, (bounds, in_range)) in bounds.into_iter().zip(in_range).enumerate() {
                if in_range && pruner.may_match(bounds)? {
                    let rows = u64::try_from(open.groups()[number].num_rows()).unwrap_or(0);
                    groups.push(Group { file: Arc::clone(&open), number, rows });
                }
            }
        }
        Ok((groups, all))
    }
}

/// What is done with each row group.
#[derive(Debug)]
struct Scan {
    blocks: Arc<Blocks>,
    admit: bool,
    schema: SchemaRef,
    projection: Vec<usize>,
    /// The geometry column and the window.
    window: Option<(usize, [f64; 4])>,
    /// The filter on plain columns, over a batch of `plain_columns`.
    plain: Option<(Arc<dyn PhysicalExpr>, SchemaRef)>,
    plain_columns: Vec<usize>,
    batch_rows: usize,
}

impl Scan {
    /// The rows of a row group that may match, cheapest tests first: columns that no surviving
    /// row needs are not decoded.
    fn read(&self, group: &Group) -> Result<Vec<RecordBatch>, QueryError> {
        let rows = usize::try_from(group.rows).map_err(QueryError::internal)?;
        let columns = |wanted: &[usize]| self.blocks.columns(&group.file, group.number, wanted, self.admit);
        let with_rows = |n| RecordBatchOptions::new().with_row_count(Some(n));
        let mut keep: Option<BooleanArray> = None;
        if let Some((expr, schema)) = &self.plain {
            let batch = columns(&self.plain_columns)?;
            let batch = RecordBatch::try_new_with_options(Arc::clone(schema), batch, &with_rows(rows))?;
            let answer = expr.evaluate(&batch)?.into_array(rows)?;
            let Some(answer) = answer.as_any().downcast_ref::<BooleanArray>() else {
                return Err(QueryError::internal("a filter that is neither true nor false"));
            };
            let answer = if answer.null_count() > 0 { prep_null_mask_filter(answer) } else { answer.clone() };
            if answer.true_count() == 0 {
                return Ok(Vec::new());
            }
            keep = Some(answer);
        }
        if let Some((geometry, window)) = &self.window {
            let boxes = self.blocks.boxes(&group.file, group.number, *geometry, self.admit)?;
            let within =
                BooleanArray::from(BooleanBuffer::collect_bool(rows, |i| reaches(&boxes[i], window)));
            keep = Some(match keep {
                None => within,
                Some(keep) => and(&keep, &within)?,
            });
        }
        let kept = keep.as_ref().map_or(rows, BooleanArray::true_count);
        if kept == 0 {
            return Ok(Vec::new());
        }
        let arrays = columns(&self.projection)?;
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &with_rows(rows))?;
        let batch = match keep.filter(|_| kept < rows) {
            None => batch,
            Some(_) if self.projection.is_empty() => {
                RecordBatch::try_new_with_options(Arc::clone(&self.schema), Vec::new(), &with_rows(kept))?
            }
            Some(keep) => FilterBuilder::new(&keep).optimize().build().filter_record_batch(&batch)?,
        };
        let slices = (0..kept).step_by(self.batch_rows.max(1));
        Ok(slices.map(|start| batch.slice(start, self.batch_rows.min(kept - start))).collect())
    }
}

/// A scan in a plan.
#[derive(Debug)]
pub(crate) struct LayerScanExec {
    name: String,
    scan: Arc<Scan>,
    groups: Vec<Vec<Group>>,
    rows: u64,
    of: usize,
    filtered: bool,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DisplayAs for LayerScanExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.scan.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let groups: usize = self.groups.iter().map(Vec::len).sum();
        write!(f, "LayerScanExec: layer={}, columns=[{}]", self.name, columns.join(", "))?;
        write!(f, ", row_groups={groups} of {}, rows={}", self.of, self.rows)?;
        if let Some((_, w)) = &self.scan.window {
            write!(f, ", window=[{}, {}, {}, {}]", w[0], w[1], w[2], w[3])?;
        }
        if let Some((plain, _)) = &self.scan.plain {
            write!(f, ", predicate={plain}")?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for LayerScanExec {
    fn name(&self) -> &str {
        "LayerScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a scan has no children") }
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(groups) = self.groups.get(partition).cloned() else {
            return internal_err!("no partition {partition} of {}", self.groups.len());
        };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let read: Count = MetricBuilder::new(&self.metrics).counter("rows_read", partition);
        let scan = Arc::clone(&self.scan);
        let batches = futures::stream::iter(groups).then(move |group| {
            let (scan, read) = (Arc::clone(&scan), read.clone());
            async move {
                read.add(usize::try_from(group.rows).unwrap_or(0));
                // Decoding blocks; the threads of the runtime are for computing.
                let task = SpawnedTask::spawn_blocking(move || scan.read(&group));
                let batches = task.join().await.map_err(QueryError::internal)??;
                Ok::<_, DataFusionError>(futures::stream::iter(batches.into_iter().map(Ok)))
            }
        });
        let mut left = self.limit.unwrap_or(usize::MAX);
        let batches = batches.try_flatten().map_ok(move |batch| {
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            metrics.record_output(batch.num_rows());
            batch
        });
        let batches = batches.try_take_while(|b| futures::future::ready(Ok(b.num_rows() > 0)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.scan.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let rows = match partition {
            None => self.rows,
            Some(p) => self.groups.get(p).map_or(0, |groups| groups.iter().map(|g| g.rows).sum()),
        };
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut statistics = Statistics::new_unknown(&self.scan.schema);
        statistics.num_rows = match (self.filtered, self.limit) {
            (true, _) => Precision::Inexact(rows),
            (false, None) => Precision::Exact(rows),
            (false, Some(_)) => Precision::Inexact(rows),
        };
        Ok(Arc::new(statistics))
    }
}
