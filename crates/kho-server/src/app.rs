//! What every handler shares.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use kho_access::Policy;
use kho_lake::Lake;
use kho_layer::City;
use kho_query::{Limits, QueryEngine};
use kho_tile::{BakeStore, Federation, TileConfig, TileEngine};

use crate::config::ServerConfig;
use crate::data::caches::Caches;
use crate::error::ServerError;
use crate::events::Feed;
use crate::http::metrics::Metrics;
use crate::styles::fonts::Fonts;
use crate::styles::sprites::Sprites;
use crate::styles::theme::Themes;

/// The server's state; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

/// What is behind an [`App`].
pub(crate) struct Inner {
    pub(crate) config: ServerConfig,
    pub(crate) city: Arc<City>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) lake: Lake,
    pub(crate) query: QueryEngine,
    pub(crate) tiles: TileEngine,
    pub(crate) bakes: BakeStore,
    pub(crate) federation: Federation,
    pub(crate) themes: Themes,
    pub(crate) sprites: Sprites,
    pub(crate) fonts: Fonts,
    pub(crate) caches: Caches,
    pub(crate) feed: Feed,
    pub(crate) metrics: Metrics,
    pub(crate) started: Instant,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Opens the lake and sets up the engines over it.
    pub(crate) async fn open(config: ServerConfig) -> Result<Self, ServerError> {
        let lake = Lake::open(&config.dir, config.catalog.as_deref()).await?;
        let app = Self::over(config, lake)?;
        // What does not answer in time is left to the watch: the layers do not wait for it.
        app.federation.look().await;
        app.federation.watch();
        Ok(app)
    }

    /// The state over a lake that is already open.
    pub(crate) fn over(mut config: ServerConfig, lake: Lake) -> Result<Self, ServerError> {
        if let Some(url) = config.public_url.take() {
            config.public_url = Some(public_url(&url)?);
        }
        let city = Arc::new(config.city.clone());
        let policy = Arc::new(Policy::new(Arc::clone(&city)));
        let query = QueryEngine::new(lake.clone(), Arc::clone(&policy), Limits::public())?;
        // Sources have a share of the tile cache, where there are any.
        let share = if city.sources().next().is_some() { config.tile_cache_bytes / 8 } else { 0 };
        let federation = Federation::new(&city, &config.dir, share)?;
        let tiles = TileEngine::new(
            lake.clone(),
            TileConfig {
                cache_bytes: config.tile_cache_bytes - share,
                block_bytes: config.block_cache_bytes,
                ..TileConfig::default()
            },
        );
        let themes = Themes::load()?;
        Ok(Self(Arc::new(Inner {
            sprites: Sprites::open(&config.dir, &themes, &policy),
            fonts: Fonts::open(&config.dir),
            themes,
            bakes: BakeStore::in_city(&config.dir),
            federation,
            caches: Caches::default(),
            feed: Feed::default(),
            metrics: Metrics::default(),
            started: Instant::now(),
            config,
            city,
            policy,
            lake,
            query,
            tiles,
        })))
    }
}

/// Checks the configured public address: http or https, a host, no query, no fragment.
fn public_url(text: &str) -> Result<String, ServerError> {
    let wrong = || ServerError::PublicUrl(text.to_owned());
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() || !plain {
        return Err(wrong());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_checked() {
        assert_eq!(public_url("https://gis.example.vn/kho/").unwrap(), "https://gis.example.vn/kho");
        for bad in ["gis.example.vn", "ftp://a.vn", "https://a.vn/?q=1", "https://me@a.vn/"] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }
}
