//! Which snapshot a request is about.

use std::sync::{Arc, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kho_lake::SnapshotId;

use super::catalogue::Catalogue;
use crate::app::App;
use crate::http::conditional::Freshness;
use crate::http::params::Params;
use crate::http::problem::Problem;

/// The published layers at the snapshot that the request names (`?snapshot=N`), or at the
/// current one.
#[derive(Clone)]
pub(crate) struct At {
    pub(crate) catalogue: Arc<Catalogue>,
    /// Whether the request names it.
    pub(crate) pinned: bool,
}

impl At {
    /// How long a tile may be kept: its content comes from the snapshot. Documents are asked about
    /// again even when the snapshot is named: their words, colours and addresses come from the
    /// program and the city's files, and what is valid depends on the day.
    pub(crate) fn tile_freshness(&self) -> Freshness {
        Freshness::pinned(self.pinned)
    }

    pub(crate) fn snapshot(&self) -> SnapshotId {
        self.catalogue.snapshot
    }

    /// The layers at one snapshot, which must be one of the lake's.
    pub(crate) async fn snapshot_of(app: &App, snapshot: SnapshotId) -> Result<Self, Problem> {
        app.require_snapshot(snapshot).await?;
        Ok(Self { catalogue: Catalogue::at(app, snapshot).await?, pinned: true })
    }
}

impl FromRequestParts<App> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = Params::parse(parts.uri.query().unwrap_or_default());
        match params.number::<SnapshotId>("snapshot", "the number of a snapshot")? {
            Some(snapshot) => Self::snapshot_of(app, snapshot).await,
            None => {
                let snapshot = app.current().await?;
                Ok(Self { catalogue: Catalogue::at(app, snapshot).await?, pinned: false })
            }
        }
    }
}

impl App {
    /// The current snapshot. The lake is asked each time, which costs it next to nothing: a number
    /// kept here would let who has seen a snapshot be answered with an older one.
    pub(crate) async fn current(&self) -> Result<SnapshotId, Problem> {
        Ok(self.lake.current().await?)
    }

    /// Refuses a snapshot that the lake does not have.
    async fn require_snapshot(&self, snapshot: SnapshotId) -> Result<(), Problem> {
        let seen = |app: &Self| {
            app.caches.snapshots.lock().unwrap_or_else(PoisonError::into_inner).contains(&snapshot)
        };
        if seen(self) {
            return Ok(());
        }
        let all: Vec<SnapshotId> = self.lake.snapshots().await?.into_iter().map(|s| s.id).collect();
        *self.caches.snapshots.lock().unwrap_or_else(PoisonError::into_inner) = all.into_iter().collect();
        if seen(self) {
            return Ok(());
        }
        Err(Problem::not_found(format!("There is no snapshot {snapshot}.")))
    }
}
