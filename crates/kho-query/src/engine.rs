//! The engine: one question in, one stream of batches out.

use crate::blocks::Blocks;
use crate::catalog::Scope;
use crate::guard::{Deadline, Guarded, with_limit};
use crate::memory::QueryPool;
use crate::views::View;
use crate::workers::{Turn, Workers};
use crate::{Limits, QueryError, plan_check, session, statement};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use kho_access::{Policy, Principal};
use kho_lake::{Lake, SnapshotId};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Answers SQL over one city's lake. Cheap to clone; share one for the life of a process.
#[derive(Debug, Clone)]
pub struct QueryEngine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lake: Lake,
    policy: Arc<Policy>,
    limits: Limits,
    template: Arc<SessionState>,
    runtime: RuntimeEnv,
    turns: Arc<Semaphore>,
    blocks: Arc<Blocks>,
    workers: Arc<Workers>,
}

/// An answer that is being computed. Dropping it stops the work.
pub struct Answer {
    /// The columns. Geometry is tagged `geoarrow.wkb` with its CRS.
    pub schema: SchemaRef,
    /// The rows. An error of the stream turns into a [`QueryError`] with
    /// [`QueryError::from`].
    pub stream: SendableRecordBatchStream,
    /// The snapshot that was read.
    pub snapshot: SnapshotId,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("schema", &self.schema)
            .field("snapshot", &self.snapshot)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// All rows at once, for answers known to be small.
    ///
    /// # Errors
    /// Those of the stream.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, QueryError> {
        Ok(self.stream.try_collect().await?)
    }
}

/// A table or view that a principal can ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// Its name in SQL.
    pub name: String,
    /// Its columns.
    pub schema: SchemaRef,
    /// For a view: what it shows, in a few sentences.
    pub description: Option<String>,
}

impl QueryEngine {
    /// An engine over `lake` under `policy`.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if the folder for spilling or the threads cannot be made.
    pub fn new(lake: Lake, policy: Arc<Policy>, limits: Limits) -> Result<Self, QueryError> {
        let runtime = session::runtime(&limits)?;
        let template = Arc::new(session::template(&limits, runtime.clone())?);
        let turns = Arc::new(Semaphore::new(limits.concurrency.max(1)));
        let blocks = Arc::new(Blocks::new(limits.cache_bytes));
        let workers = Arc::new(Workers::start(&limits)?);
        Ok(Self(Arc::new(Inner { lake, policy, limits, template, runtime, turns, blocks, workers })))
    }

    /// Answers `sql` for `who` from the snapshot `at` (`None`: the newest).
    ///
    /// `sql` is one SELECT or WITH … SELECT; the command line may put EXPLAIN or EXPLAIN ANALYZE
    /// in front. Tables are the bare names of layers and views.
    ///
    /// # Errors
    /// Every [`QueryError`]; those that only show while computing come out of the stream.
    pub async fn sql(
        &self,
        who: &Principal,
        sql: &str,
        at: Option<SnapshotId>,
    ) -> Result<Answer, QueryError> {
        let limits = &self.0.limits;
        if sql.len() > limits.max_sql_bytes {
            return Err(QueryError::Invalid(format!(
                "the query is longer than {} bytes",
                limits.max_sql_bytes
            )));
        }
        let deadline = Deadline::start(limits);
        let turn = async {
            let turns = Arc::clone(&self.0.turns);
            turns.acquire_owned().await.map_err(|_| QueryError::Busy)
        };
        let turn = Arc::new(Deadline::within(deadline, turn).await.map_err(|_| QueryError::Busy)?);
        let begun = self.begin(who, sql, at, Arc::clone(&turn));
        let (schema, stream, snapshot) = Deadline::within(deadline, begun).await?;
        let stream =
            Guarded::new(stream, Arc::clone(&schema), Arc::clone(&self.0.workers), turn, deadline, limits);
        Ok(Answer { schema, stream: Box::pin(stream), snapshot })
    }

    /// The tables and views that `who` can ask for at the snapshot `at` (`None`: the newest).
    ///
    /// # Errors
    /// [`QueryError::UnknownSnapshot`], [`QueryError::Internal`].
    pub async fn tables(
        &self,
        who: &Principal,
        at: Option<SnapshotId>,
    ) -> Result<Vec<TableInfo>, QueryError> {
        let scope = self.scope(who, at).await?;
        let mut all = Vec::new();
        for name in scope.names().await? {
            let table: Option<Arc<dyn TableProvider>> = scope.table(&name).await?;
            if let Some(table) = table {
                let description = View::find(&name).map(View::description);
                all.push(TableInfo { name, schema: table.schema(), description });
            }
        }
        Ok(all)
    }

    async fn scope(&self, who: &Principal, at: Option<SnapshotId>) -> Result<Arc<Scope>, QueryError> {
        let inner = &self.0;
        let snapshot = match at {
            Some(id) => id,
            None => inner.lake.current().await?,
        };
        let (lake, policy) = (inner.lake.clone(), Arc::clone(&inner.policy));
        Ok(Scope::new(
            lake,
            policy,
            who.clone(),
            snapshot,
            Arc::clone(&inner.template),
            Arc::clone(&inner.blocks),
        ))
    }

    /// Plans a query and starts it.
    async fn begin(
        &self,
        who: &Principal,
        sql: &str,
        at: Option<SnapshotId>,
        turn: Turn,
    ) -> Result<(SchemaRef, SendableRecordBatchStream, SnapshotId), QueryError> {
        let statement = statement::parse(sql, *who == Principal::LocalCli)?;
        let scope = self.scope(who, at).await?;
        let snapshot = scope.snapshot;
        let state = scope.session()?;
        let references = state.resolve_table_references(&statement)?;
        scope.check_names(&references).await?;
        // Here, on the caller's runtime, which the connections of the lake's catalog belong to.
        scope.prepare(&references).await?;
        let (task, memory_bytes) = (self.task(), self.0.limits.memory_bytes);
        // Planning computes too: what is constant in a query is computed by the planner.
        let begun = self.0.workers.run(turn, async move {
            let plan = state.statement_to_plan(statement).await?;
            plan_check::check(&plan)?;
            let plan = state.create_physical_plan(&plan).await?;
            let schema = plan.schema();
            let stream = execute_stream(plan, task).map_err(|e| with_limit(e, memory_bytes))?;
            Ok((schema, stream))
        });
        let (schema, stream) = begun.await?;
        Ok((schema, stream, snapshot))
    }

    /// A task with memory of its own: one greedy query cannot starve another.
    fn task(&self) -> Arc<TaskContext> {
        let inner = &self.0;
        let runtime = RuntimeEnv {
            memory_pool: Arc::new(QueryPool::new(inner.limits.memory_bytes)),
            ..inner.runtime.clone()
        };
        let config = inner.template.config().clone();
        // Functions are bound in the plan; the maps serve plans that come from elsewhere.
        Arc::new(TaskContext::new(
            None,
            String::new(),
            config,
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::new(runtime),
        ))
    }
}
