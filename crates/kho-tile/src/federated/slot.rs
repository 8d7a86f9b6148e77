//! One source while the server runs: what it had when it was last looked at, and whether it answers.

use super::error::SourceError;
use super::postgres::Database;
use super::source::{Description, TileSource};
use super::{mbtiles, pmtiles};
use kho_layer::{LayerError, SourceDef, SourceKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// How long a look may take.
const LOOK: Duration = Duration::from_secs(15);
/// How soon a source that does not answer is looked at again.
const RETRY: Duration = Duration::from_secs(5);
/// However often tiles fail, the source is not looked at more often than this.
const BREATH: Duration = Duration::from_secs(1);

/// One set of tiles of a source, and what its tiles are cached under.
#[derive(Debug)]
pub(super) struct Member {
    pub name: String,
    /// Of all that its tiles depend on but rows: another one, another cache.
    pub fingerprint: u64,
    /// How long a tile is kept; `None` for as long as the fingerprint stands.
    pub keep: Option<Duration>,
    pub tiles: Arc<dyn TileSource>,
}

impl Member {
    pub fn new(name: String, fingerprint: u64, keep: Option<Duration>, tiles: Arc<dyn TileSource>) -> Self {
        Self { name, fingerprint, keep, tiles }
    }
}

/// What a look found.
pub(super) struct Found {
    pub fingerprint: u64,
    pub members: Vec<Member>,
    /// For the operator: what is named and not there.
    pub notes: Vec<String>,
}

/// What is known of a source.
#[derive(Debug, Default)]
struct State {
    fingerprint: Option<u64>,
    /// By name. Of a source that has stopped answering, what it had.
    members: BTreeMap<String, Arc<Member>>,
    notes: Vec<String>,
    /// Why it does not answer.
    problem: Option<String>,
}

/// How a source is, for its operator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    /// The source.
    pub name: String,
    /// Why it does not answer; none if it does.
    pub problem: Option<String>,
    /// What its definition names and it has not, and what of it cannot be shown.
    pub notes: Vec<String>,
    /// What it opens, or opened when it last answered.
    pub layers: Vec<Description>,
    /// Tiles asked of it since the start.
    pub requests: u64,
    /// Tiles that it could not give.
    pub failures: u64,
}

/// Where a source's tiles come from.
enum Upstream {
    Postgres(Box<Database>),
    PmTiles(PathBuf),
    MbTiles(PathBuf),
}

/// A source with its state.
pub(super) struct Slot {
    def: Arc<SourceDef>,
    upstream: Mutex<Upstream>,
    state: RwLock<Arc<State>>,
    /// Asks for a look before its time.
    wake: Arc<Notify>,
    requests: AtomicU64,
    failures: AtomicU64,
}

impl Slot {
    /// # Errors
    /// [`LayerError::Source`] if the definition is none that can be.
    pub fn new(def: &Arc<SourceDef>, city: &Path) -> Result<Self, LayerError> {
        let upstream = match def.kind()? {
            SourceKind::Postgres(postgres) => {
                Upstream::Postgres(Box::new(Database::new(Arc::clone(def), postgres.clone())))
            }
            SourceKind::PmTiles(path) => Upstream::PmTiles(def.archive(city, path)?),
            SourceKind::MbTiles(path) => Upstream::MbTiles(def.archive(city, path)?),
        };
        let state = State { problem: Some("it has not been looked at yet".into()), ..State::default() };
        Ok(Self {
            def: Arc::clone(def),
            upstream: Mutex::new(upstream),
            state: RwLock::new(Arc::new(state)),
            wake: Arc::default(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        })
    }

    /// Looks at the source now. Only one look is taken at a time.
    pub async fn look(&self) {
        let mut upstream = self.upstream.lock().await;
        let before = self.state();
        let known = before.fingerprint;
        let look = async {
            match &mut *upstream {
                Upstream::Postgres(database) => database.look(known).await,
                Upstream::PmTiles(path) => pmtiles::look(&self.def, path, known).await,
                Upstream::MbTiles(path) => mbtiles::look(&self.def, path, known).await,
            }
        };
        let found = match tokio::time::timeout(LOOK, look).await {
            Ok(found) => found,
            Err(_) => Err(format!("it did not answer within {} s", LOOK.as_secs())),
        };
        let source = &self.def.name;
        match found {
            Ok(Some(found)) => {
                for note in &found.notes {
                    tracing::warn!(source, note, "a source is not as its definition says");
                }
                tracing::info!(source, layers = found.members.len(), "a source was looked at");
                // Layers that are as they were stay the same, and so do their prepared queries.
                let members = found.members.into_iter().map(|new| {
                    let kept = before.members.get(&new.name).filter(|old| old.fingerprint == new.fingerprint);
                    (new.name.clone(), kept.map_or_else(|| Arc::new(new), Arc::clone))
                });
                self.put(State {
                    fingerprint: Some(found.fingerprint),
                    members: members.collect(),
                    notes: found.notes,
                    problem: None,
                });
            }
            Ok(None) if before.problem.is_some() => {
                tracing::info!(source, "a source answers again");
                self.put(State { problem: None, ..before.copied() });
            }
            Ok(None) => {}
            Err(problem) => self.fell(problem),
        }
    }

    /// Keeps looking until the source is dropped.
    pub fn watch(self: &Arc<Self>) {
        let (slot, wake) = (Arc::downgrade(self), Arc::clone(&self.wake));
        tokio::spawn(async move {
            while let Some(wait) = Weak::upgrade(&slot).map(|slot| slot.pause()) {
                // Nobody is woken who has nothing to look at any more.
                let _ = tokio::time::timeout(wait, wake.notified()).await;
                let Some(slot) = Weak::upgrade(&slot) else { return };
                slot.look().await;
                drop(slot);
                tokio::time::sleep(BREATH).await;
            }
        });
    }

    fn pause(&self) -> Duration {
        let refresh = Duration::from_secs(u64::from(self.def.refresh_seconds));
        if self.state().problem.is_some() { refresh.min(RETRY) } else { refresh }
    }

    /// What the source has under a name.
    ///
    /// # Errors
    /// [`SourceError::Down`] if it does not answer, whatever the name; [`SourceError::NoSuch`].
    pub fn member(&self, name: &str) -> Result<Arc<Member>, SourceError> {
        let state = self.state();
        if let Some(problem) = &state.problem {
            return Err(SourceError::Down { name: self.def.name.clone(), reason: problem.clone() });
        }
        state.members.get(name).cloned().ok_or_else(|| SourceError::NoSuch(name.to_owned()))
    }

    /// All that it has, whether it answers or not.
    pub fn members(&self) -> Vec<Arc<Member>> {
        self.state().members.values().cloned().collect()
    }

    /// Counts a request, and takes from its error how the source is.
    pub fn count<T>(&self, answer: &Result<T, SourceError>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Err(error) = answer else { return };
        self.failures.fetch_add(1, Ordering::Relaxed);
        match error {
            SourceError::Down { reason, .. } if self.state().problem.is_none() => {
                self.fell(reason.clone());
                self.wake.notify_one();
            }
            SourceError::Changed { .. } => self.wake.notify_one(),
            SourceError::Failed { .. } | SourceError::Slow { .. } | SourceError::TooBig { .. } => {
                tracing::warn!(source = self.def.name, %error, "a source gave no tile");
            }
            _ => {}
        }
    }

    pub fn status(&self) -> SourceStatus {
        let state = self.state();
        SourceStatus {
            name: self.def.name.clone(),
            problem: state.problem.clone(),
            notes: state.notes.clone(),
            layers: state.members.values().map(|m| m.tiles.describe().clone()).collect(),
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    fn fell(&self, problem: String) {
        let before = self.state();
        if before.problem.as_ref() != Some(&problem) {
            tracing::warn!(source = self.def.name, problem, "a source does not answer");
        }
        self.put(State { problem: Some(problem), ..before.copied() });
    }

    fn state(&self) -> Arc<State> {
        // A poisoned lock only means that a thread died beside it: the state is put whole.
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }
}

impl State {
    fn copied(&self) -> Self {
        Self {
            fingerprint: self.fingerprint,
            members: self.members.clone(),
            notes: self.notes.clone(),
            problem: self.problem.clone(),
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("source", &self.def.name).finish_non_exhaustive()
    }
}
