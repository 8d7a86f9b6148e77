//! What a server is told when it starts.

use std::path::PathBuf;
use std::time::Duration;

use kho_layer::City;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The city's folder.
    pub dir: PathBuf,
    /// The catalog: `None` for `lake/catalog.sqlite` in the city's folder, else `postgresql://…`.
    pub catalog: Option<String>,
    /// The city's definitions.
    pub city: City,
    /// Where to listen (`127.0.0.1:8080`); port 0 takes a free one.
    pub listen: String,
    /// The address that people use, when a proxy stands between (`https://gis.example.vn/kho`).
    /// Without it addresses are made from `X-Forwarded-*` and `Host`.
    pub public_url: Option<String>,
    /// Memory for finished tiles, bytes; 0 turns the tile cache off.
    pub tile_cache_bytes: u64,
    /// Memory for decoded blocks of features behind tiles, bytes.
    pub block_cache_bytes: u64,
}

/// Memory for the indices behind search and single features, bytes. The index of a million
/// parcels takes about 30 MB.
pub(crate) const INDEX_BYTES: u64 = 512 << 20;
/// Memory for finished ranges of glyphs, bytes. A range takes 50 to 100 KB; a map in Vietnamese needs
/// five or six for each font.
pub(crate) const GLYPH_BYTES: u64 = 32 << 20;
/// How long a request may take before it is answered 503.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a request that reads whole layers may wait for its turn.
pub(crate) const TURN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long open connections may take to finish after a shutdown began.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How often the lake is asked for its current snapshot while anybody listens for commits.
pub(crate) const WATCH_EVERY: Duration = Duration::from_secs(1);
/// How long a listener hears nothing at most: shorter than proxies wait for.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many may listen for commits at once.
pub(crate) const MAX_LISTENERS: usize = 1_000;
/// The largest request body, bytes: nothing here takes one.
pub(crate) const MAX_BODY_BYTES: usize = 64 << 10;

/// How many requests that read whole layers may run at once.
pub(crate) fn heavy_requests() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2) * 2
}
