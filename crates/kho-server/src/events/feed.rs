//! What all listeners share: one watch over the lake, and each message made once.

use std::sync::{Arc, Mutex, PoisonError};

use kho_access::Principal;
use kho_lake::{Area, Lake, LakeError, SnapshotId};
use moka::future::Cache;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::config::{MAX_LISTENERS, WATCH_EVERY};
use crate::http::problem::Problem;

/// Messages that are kept: each is asked for by all listeners at about the same time.
const KEPT: u64 = 64;

/// What the watch has seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seen {
    pub(super) snapshot: SnapshotId,
    /// Whether the server stops, and with it every stream.
    pub(super) stopping: bool,
}

/// The commits as they come; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Feed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seen: watch::Sender<Seen>,
    seats: Arc<Semaphore>,
    /// Whether the task that asks the lake is running. It ends when nobody listens.
    watching: Mutex<bool>,
    told: Cache<(SnapshotId, SnapshotId), Arc<str>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self(Arc::new(Inner {
            seen: watch::Sender::new(Seen::default()),
            seats: Arc::new(Semaphore::new(MAX_LISTENERS)),
            watching: Mutex::new(false),
            told: Cache::new(KEPT),
        }))
    }
}

impl Feed {
    /// A place among the listeners, until it is dropped.
    pub(super) fn seat(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let full = |_| Problem::busy("Too many listen for changes just now; ask /api/snapshot instead.");
        Arc::clone(&self.0.seats).try_acquire_owned().map_err(full)
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        MAX_LISTENERS.saturating_sub(self.0.seats.available_permits())
    }

    /// Begins to listen, at a lake whose current snapshot is `now`.
    pub(super) fn listen(&self, lake: &Lake, now: SnapshotId) -> watch::Receiver<Seen> {
        self.0.see(now);
        // Before the watch is looked for: it ends only when it finds nobody.
        let receiver = self.0.seen.subscribe();
        let mut watching = self.0.watching.lock().unwrap_or_else(PoisonError::into_inner);
        if !*watching {
            *watching = true;
            tokio::spawn(watch_over(Arc::clone(&self.0), lake.clone()));
        }
        receiver
    }

    /// Ends all streams.
    pub(crate) fn stop(&self) {
        self.0.seen.send_modify(|seen| seen.stopping = true);
    }

    /// The message of what everybody may know to have changed from one snapshot to a later one.
    pub(super) async fn told(
        &self,
        app: &App,
        from: SnapshotId,
        to: SnapshotId,
    ) -> Result<Arc<str>, Arc<LakeError>> {
        self.0.told.try_get_with((from, to), tell(app, from, to)).await
    }
}

impl Inner {
    fn see(&self, snapshot: SnapshotId) {
        self.seen.send_if_modified(|seen| {
            let new = seen.snapshot < snapshot;
            seen.snapshot = seen.snapshot.max(snapshot);
            new
        });
    }

    /// Whether anybody listens still; if not, the watch counts as ended.
    fn goes_on(&self) -> bool {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        *watching = self.seen.receiver_count() > 0 && !self.seen.borrow().stopping;
        *watching
    }
}

/// Asks the lake for its current snapshot, for all listeners, until there are none.
async fn watch_over(feed: Arc<Inner>, lake: Lake) {
    let mut clock = tokio::time::interval(WATCH_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut well = true;
    loop {
        clock.tick().await;
        if !feed.goes_on() {
            return;
        }
        match lake.current().await {
            Ok(snapshot) => {
                well = true;
                feed.see(snapshot);
            }
            Err(error) => {
                if well {
                    tracing::warn!(%error, "the catalog does not answer, and listeners wait");
                }
                well = false;
            }
        }
    }
}

async fn tell(app: &App, from: SnapshotId, to: SnapshotId) -> Result<Arc<str>, LakeError> {
    let mut layers: Vec<Value> = Vec::new();
    for grant in app.policy.grants(&Principal::Anonymous, to) {
        let change = match app.lake.changes_since(&grant, from).await {
            Ok(change) if change.is_none() => continue,
            Ok(change) => change,
            Err(LakeError::NoData { .. }) => continue,
            Err(error) => return Err(error),
        };
        let boxes = match change.area {
            Area::Everywhere => Value::Null,
            Area::Boxes(boxes) => json!(boxes),
        };
        layers.push(json!({
            "name": grant.layer().name,
            "added": change.added,
            "removed": change.removed,
            "changed": change.changed,
            "boxes": boxes,
        }));
    }
    Ok(json!({"snapshot": to, "layers": layers}).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn seats_are_counted_and_given_back() {
        let feed = Feed::default();
        let seats: Vec<_> = (0..MAX_LISTENERS).map(|_| feed.seat().unwrap()).collect();
        assert_eq!(feed.listeners(), MAX_LISTENERS);
        assert!(feed.seat().is_err());
        drop(seats);
        assert_eq!(feed.listeners(), 0);
        assert!(feed.seat().is_ok());
    }

    #[tokio::test]
    async fn the_lake_is_asked_only_while_somebody_listens() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::create(dir.path(), None).await.unwrap();
        let feed = Feed::default();
        let watching = || *feed.0.watching.lock().unwrap();
        let (one, two) = (feed.listen(&lake, 0), feed.listen(&lake, 0));
        drop(one);
        tokio::time::sleep(WATCH_EVERY * 3 / 2).await;
        assert!(watching());
        drop(two);
        tokio::time::sleep(WATCH_EVERY * 3 / 2).await;
        assert!(!watching());
        let _three = feed.listen(&lake, 0);
        assert!(watching());
    }
}
