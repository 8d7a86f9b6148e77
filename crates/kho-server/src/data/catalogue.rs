//! The layers that everybody may see, at one snapshot.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kho_access::{Grant, Principal};
use kho_lake::{LakeError, LayerFiles, SnapshotId};
use kho_layer::LayerDef;

use crate::app::App;
use crate::http::problem::Problem;

/// The most layers that a tile may be asked for by name.
pub(crate) const MAX_LAYERS: usize = 16;

/// One published layer with its data at one snapshot: the grant and the files that it opens.
pub(crate) struct Published {
    pub(crate) grant: Grant,
    pub(crate) files: LayerFiles,
    /// When this version was delivered, if kho brought it in.
    pub(crate) delivered: Option<DateTime<Utc>>,
}

impl Published {
    pub(crate) fn def(&self) -> &LayerDef {
        self.grant.layer()
    }

    pub(crate) fn name(&self) -> &str {
        &self.def().name
    }
}

/// All of them.
pub(crate) struct Catalogue {
    pub(crate) snapshot: SnapshotId,
    /// When the snapshot was committed.
    pub(crate) committed: Option<DateTime<Utc>>,
    /// Those with data, by name.
    pub(crate) layers: Vec<Arc<Published>>,
    /// Those that nothing was ever brought into, by name.
    pub(crate) empty: Vec<Grant>,
}

impl Catalogue {
    /// The catalogue of a snapshot that exists, from the cache or the lake.
    pub(crate) async fn at(app: &App, snapshot: SnapshotId) -> Result<Arc<Self>, Problem> {
        app.caches
            .catalogues
            .try_get_with(snapshot, async { Self::read(app, snapshot).await.map(Arc::new) })
            .await
            .map_err(|error: Arc<LakeError>| Problem::from(&*error))
    }

    async fn read(app: &App, snapshot: SnapshotId) -> Result<Self, LakeError> {
        let states = app.lake.layers(snapshot).await?;
        let committed = app.lake.snapshots().await?.into_iter().find(|s| s.id == snapshot).map(|s| s.at);
        let mut catalogue = Self { snapshot, committed, layers: Vec::new(), empty: Vec::new() };
        for grant in app.policy.grants(&Principal::Anonymous, snapshot) {
            match app.lake.files(&grant).await {
                Ok(files) => {
                    let state = states.iter().find(|s| s.name == grant.layer().name);
                    let delivered = state.and_then(|s| s.provenance.as_ref()).map(|p| p.at);
                    catalogue.layers.push(Arc::new(Published { grant, files, delivered }));
                }
                Err(LakeError::NoData { .. }) => catalogue.empty.push(grant),
                Err(error) => return Err(error),
            }
        }
        Ok(catalogue)
    }

    /// The layer of this name, if it is published and has data at this snapshot.
    pub(crate) fn layer(&self, name: &str) -> Option<&Arc<Published>> {
        self.layers.iter().find(|layer| layer.name() == name)
    }

    /// The same, or the refusal: the words are the same for a layer that is not published and one
    /// that does not exist.
    pub(crate) fn require(&self, name: &str) -> Result<&Arc<Published>, Problem> {
        if let Some(layer) = self.layer(name) {
            return Ok(layer);
        }
        Err(Problem::not_found(if self.empty.iter().any(|grant| grant.layer().name == name) {
            format!("Layer {name} has no data at snapshot {}.", self.snapshot)
        } else {
            format!("No layer is called {name}.")
        }))
    }

    /// The layers of a list of names with commas between, in its order, each once; the refusal of
    /// the first that is not there, in the words of [`Catalogue::require`].
    pub(crate) fn require_all(&self, names: &str) -> Result<Vec<Arc<Published>>, Problem> {
        let mut layers: Vec<Arc<Published>> = Vec::new();
        for name in names.split(',') {
            let layer = self.require(name)?;
            if !layers.iter().any(|known| known.name() == name) {
                layers.push(Arc::clone(layer));
            }
            if layers.len() > MAX_LAYERS {
                return Err(Problem::bad_request(format!("A tile has {MAX_LAYERS} layers at most.")));
            }
        }
        Ok(layers)
    }
}
