//! How much one asker can make the server do.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::config::{REQUEST_TIMEOUT, TURN_TIMEOUT, heavy_requests};

/// The turns of requests that read whole layers.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(heavy_requests())))
    }
}

/// Answers 503 when a request takes too long. Its work is dropped with it. The time ends with the
/// head of the answer: a stream of events may go on for days.
pub(crate) async fn time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::busy("The answer took too long; ask for less, or again later.").into_response(),
    }
}

/// Lets a heavy request wait for its turn, and answers 503 when the wait is too long.
pub(crate) async fn turn(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(TURN_TIMEOUT, turns.0.acquire()).await {
        Ok(Ok(_turn)) => next.run(request).await,
        _ => Problem::busy("Too many requests read whole layers just now; ask again later.").into_response(),
    }
}
