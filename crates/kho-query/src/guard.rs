//! The stream of an answer, kept within its limits.

use crate::workers::{Turn, Workers, in_turn};
use crate::{Limits, QueryError};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use futures::{FutureExt, Stream, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// When a query must be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    limit: Duration,
    at: Instant,
}

impl Deadline {
    pub(crate) fn start(limits: &Limits) -> Option<Self> {
        limits.timeout.map(|limit| Self { limit, at: Instant::now() + limit })
    }

    /// `work`, or [`QueryError::Timeout`] if it is not done in time.
    pub(crate) async fn within<T>(
        deadline: Option<Self>,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        match deadline {
            None => work.await,
            Some(d) => match tokio::time::timeout_at(d.at, work).await {
                Ok(done) => done,
                Err(_) => Err(QueryError::Timeout(d.limit)),
            },
        }
    }
}

/// Passes batches on until a limit is met. Then the plan below is dropped, which stops its
/// tasks at their next yield and removes its spill files, and the last item is the reason.
pub(crate) struct Guarded {
    schema: SchemaRef,
    inner: Option<SendableRecordBatchStream>,
    deadline: Option<(Pin<Box<Sleep>>, Duration)>,
    max_rows: Option<u64>,
    memory_bytes: usize,
    rows: u64,
    /// An answer may outlive its engine.
    _workers: Arc<Workers>,
}

impl Guarded {
    pub(crate) fn new(
        mut inner: SendableRecordBatchStream,
        schema: SchemaRef,
        workers: Arc<Workers>,
        turn: Turn,
        deadline: Option<Deadline>,
        limits: &Limits,
    ) -> Self {
        // The plan is polled on the engine's threads and the clock on the caller's. Two batches
        // may wait for the caller; then the plan waits. Dropping the receiver aborts it.
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), 2);
        let sender = builder.tx();
        let work = async move {
            while let Some(item) = inner.next().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
            Ok::<(), DataFusionError>(())
        };
        builder.spawn_on(in_turn(turn, work), workers.handle());
        Self {
            schema,
            inner: Some(builder.build()),
            deadline: deadline.map(|d| (Box::pin(tokio::time::sleep_until(d.at)), d.limit)),
            max_rows: limits.max_rows,
            memory_bytes: limits.memory_bytes,
            rows: 0,
            _workers: workers,
        }
    }

    fn stop(&mut self, why: QueryError) -> Poll<Option<Result<RecordBatch>>> {
        self.inner = None;
        Poll::Ready(Some(Err(why.into())))
    }
}

impl Stream for Guarded {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let late = match &mut self.deadline {
            Some((sleep, limit)) => sleep.poll_unpin(cx).is_ready().then_some(*limit),
            None => None,
        };
        if let Some(limit) = late.filter(|_| self.inner.is_some()) {
            return self.stop(QueryError::Timeout(limit));
        }
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        match futures::ready!(inner.poll_next_unpin(cx)) {
            None => {
                self.inner = None;
                Poll::Ready(None)
            }
            Some(Err(e)) => {
                let why = with_limit(e, self.memory_bytes);
                self.stop(why)
            }
            Some(Ok(batch)) => {
                self.rows += batch.num_rows() as u64;
                match self.max_rows {
                    Some(most) if self.rows > most => self.stop(QueryError::TooManyRows(most)),
                    _ => Poll::Ready(Some(Ok(batch))),
                }
            }
        }
    }
}

impl RecordBatchStream for Guarded {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// The error with the limit that it ran into.
pub(crate) fn with_limit(e: DataFusionError, memory_bytes: usize) -> QueryError {
    match QueryError::from(e) {
        QueryError::OutOfMemory(_) => QueryError::OutOfMemory(memory_bytes >> 20),
        other => other,
    }
}
