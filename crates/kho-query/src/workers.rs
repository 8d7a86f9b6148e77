//! The threads that queries compute on.
//!
//! Operators compute inside `poll`, and some of them for long: an inequality join of a million
//! rows with a million, a function that makes a gigabyte of text. On the caller's runtime such a
//! poll would hold the very thread that should ring the time limit. So an engine has a runtime of
//! its own, as DataFusion's documentation advises, and whoever asks only waits: for an answer, or
//! for its own clock.
//!
//! A task can only be stopped between two polls. So a query keeps its [`Turn`] until the last of
//! its tasks has really stopped, also when nobody waits for it any more: no more queries than
//! [`Limits::concurrency`] compute at once, abandoned ones included.

use crate::{Limits, QueryError};
use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use futures::future::BoxFuture;
use std::any::Any;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

/// One of the places there are for queries; free again when the last clone is dropped.
pub(crate) type Turn = Arc<OwnedSemaphorePermit>;

tokio::task_local! {
    /// The turn of the query that a task computes for.
    static TURN: Turn;
}

/// For so many queries there is a thread for each of their partitions.
const QUERIES_SERVED: usize = 4;

/// Planning and kernels recurse; the default of 2 MB is little for unoptimised code.
const STACK_BYTES: usize = 8 << 20;

/// An engine's threads. Dropped, they finish the poll they are in and end; nobody waits for them.
#[derive(Debug)]
pub(crate) struct Workers {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Workers {
    /// Starts the threads. More than cores: a query whose operators do not yield holds one for
    /// each of its partitions, and the others' must not wait for those.
    pub(crate) fn start(limits: &Limits) -> Result<Self, QueryError> {
        // One for the process, and always this one: a second engine's finds it there.
        let _ = set_join_set_tracer(&Inherit);
        let threads = limits.target_partitions() * limits.concurrency.clamp(1, QUERIES_SERVED);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("kho-query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(QueryError::internal)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// The runtime of the threads.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Computes `work` on the threads. Dropped, it is stopped at its next yield.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        // A set for the sake of its drop, which aborts.
        let mut tasks = JoinSet::new();
        tasks.spawn_on(in_turn(turn, work), &self.handle);
        match tasks.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(e)) => Err(QueryError::internal(e)),
            None => Err(QueryError::internal("a task is lost")),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // The plain drop would wait, and panic in an async context.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// `work`, holding its query's turn; the tasks that DataFusion spawns in it hold it too.
pub(crate) fn in_turn<F: Future>(turn: Turn, work: F) -> impl Future<Output = F::Output> {
    TURN.scope(turn, work)
}

type Erased = Box<dyn Any + Send>;
type Block = Box<dyn FnOnce() -> Erased + Send>;

/// Gives every task that DataFusion spawns the turn of the task that spawns it.
struct Inherit;

impl JoinSetTracer for Inherit {
    fn trace_future(&self, work: BoxFuture<'static, Erased>) -> BoxFuture<'static, Erased> {
        match TURN.try_with(Arc::clone) {
            Ok(turn) => Box::pin(TURN.scope(turn, work)),
            Err(_) => work,
        }
    }

    fn trace_block(&self, work: Block) -> Block {
        match TURN.try_with(Arc::clone) {
            Ok(turn) => Box::new(move || TURN.sync_scope(turn, work)),
            Err(_) => work,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::common::runtime::SpawnedTask;
    use std::time::Duration;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn an_abandoned_query_keeps_its_turn_until_its_last_task_stops() {
        let workers = Workers::start(&Limits::default()).unwrap();
        let turns = Arc::new(Semaphore::new(1));
        let turn = Arc::new(Arc::clone(&turns).acquire_owned().await.unwrap());
        let (started, begun) = tokio::sync::oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let work = workers.run(turn, async move {
            // A poll that does not return, in a task that an operator has spawned.
            let deaf = SpawnedTask::spawn(async move {
                let _ = started.send(());
                let _ = ended.recv();
            });
            deaf.join().await.map_err(QueryError::internal)
        });
        tokio::select! {
            done = work => panic!("{done:?}"),
            begun = begun => begun.unwrap(),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(turns.available_permits(), 0, "it computes on");
        end.send(()).unwrap();
        let turn = tokio::time::timeout(Duration::from_secs(10), turns.acquire()).await;
        assert!(turn.is_ok(), "it has stopped");
    }

    #[tokio::test]
    async fn threads_that_compute_hold_up_nobody_who_drops_them() {
        let workers = Workers::start(&Limits::default()).unwrap();
        let turns = Arc::new(Semaphore::new(1));
        let turn = Arc::new(turns.acquire_owned().await.unwrap());
        let (started, begun) = tokio::sync::oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let deaf = async move {
            let _ = started.send(());
            let _ = ended.recv();
            Ok(())
        };
        tokio::select! {
            done = workers.run(turn, deaf) => panic!("{done:?}"),
            begun = begun => begun.unwrap(),
        }
        // If this waited, it would for ever: the end is sent below.
        drop(workers);
        let _ = end.send(());
    }
}
