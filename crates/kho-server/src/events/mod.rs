//! `/events`: what landed in the lake, told as it lands (Server-Sent Events, HTML Standard 9.2).
//!
//! On connecting, an event `snapshot` with `{"snapshot": N}`. With each commit, an event `commit`
//! with the snapshot as its id, and as data
//!
//! ```json
//! {"snapshot": 8, "layers": [{"name": "road", "added": 0, "removed": 1, "changed": 2,
//!  "boxes": [[109.1, 12.2, 109.2, 12.3]]}]}
//! ```
//!
//! Boxes are CRS84: west, south, east, north; `null` is everywhere. Only layers are named in which
//! something changed that everybody may see. Who comes back with `Last-Event-ID` (or, for the first
//! time, with `?since=N`) is told at once what has changed since then, in one event. Commits that
//! come quickly one after another may be told as one.

mod feed;

pub(crate) use feed::Feed;

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kho_lake::SnapshotId;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::app::App;
use crate::config::KEEP_ALIVE;
use crate::http::params::Params;
use crate::http::problem::Problem;
use feed::Seen;

/// `/events`.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/events", get(events))
}

async fn events(State(app): State<App>, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    params.only(&["since"])?;
    let asked = params.number::<SnapshotId>("since", "the number of a snapshot")?;
    let seat = app.feed.seat()?;
    let now = app.current().await?;
    // A number that was never the lake's (another city, a lake made anew) tells nothing.
    let last = last_id(&headers).or(asked).filter(|last| (0..=now).contains(last)).unwrap_or(now);
    let mut first = Event::default().event("snapshot");
    if last == now {
        first = first.id(now.to_string());
    }
    let first = first.data(json!({"snapshot": now}).to_string());
    let listener =
        Listener { state: app.feed.listen(&app.lake, now), app, last, first: Some(first), _seat: seat };
    let stream = futures::stream::unfold(listener, Listener::next);
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // nginx would collect events until its buffer is full.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// The last event that a browser has heard of before it came back.
fn last_id(headers: &HeaderMap) -> Option<SnapshotId> {
    headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}

/// One who listens. Holds nothing but a number between two events, and nothing is made for one who
/// does not read: the next event is asked for when the last one is on its way.
struct Listener {
    app: App,
    state: watch::Receiver<Seen>,
    last: SnapshotId,
    first: Option<Event>,
    /// Given back when the connection is gone.
    _seat: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; none when the server stops, and none when the lake cannot say what changed:
    /// the browser comes back, with the last event that it heard.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if let Some(event) = self.first.take() {
            return Some((Ok(event), self));
        }
        loop {
            let seen = *self.state.borrow_and_update();
            if seen.stopping {
                return None;
            }
            if seen.snapshot > self.last {
                match self.app.feed.told(&self.app, self.last, seen.snapshot).await {
                    Ok(data) => {
                        self.last = seen.snapshot;
                        let event = Event::default().event("commit").id(self.last.to_string()).data(data);
                        return Some((Ok(event), self));
                    }
                    Err(error) => {
                        tracing::error!(%error, "a commit cannot be told");
                        return None;
                    }
                }
            }
            self.state.changed().await.ok()?;
        }
    }
}
