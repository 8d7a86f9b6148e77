//! MBTiles files that somebody else keeps (MBTiles 1.3): rows count from the south.

use super::archive::{bounds, fingerprint, identity, vector_layers, zooms};
use super::error::SourceError;
use super::pack::{is_zlib, unpack};
use super::slot::{Found, Member};
use super::source::{Description, SourceLayerKind, SourceTile, TileSource};
use futures::FutureExt;
use futures::future::BoxFuture;
use kho_layer::SourceDef;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Row};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Readers at once.
const CONNECTIONS: u32 = 4;
const TILE: &str = "
    SELECT CASE WHEN length(tile_data) <= ? THEN tile_data END, length(tile_data)
    FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?";
const ZOOMS: &str = "SELECT min(zoom_level), max(zoom_level) FROM tiles";
const METADATA: &str = "SELECT CAST(name AS TEXT), CAST(value AS TEXT) FROM metadata LIMIT 1000";

/// Looks at the file; `None` if it is as it was.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn look(
    def: &Arc<SourceDef>,
    path: &Path,
    known: Option<u64>,
) -> Result<Option<Found>, String> {
    let file = state(path).await.map_err(|e| format!("the file cannot be opened: {}", e.kind()))?;
    let fingerprint = fingerprint(file, def);
    if known == Some(fingerprint) {
        return Ok(None);
    }
    let none = |e: sqlx::Error| format!("it is no MBTiles file: {e}");
    // Nothing beside the file is looked at or made: no journal, no lock. If it changes all the same, its
    // state does, and that is looked at with each tile.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .create_if_missing(false)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let pool =
        SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await.map_err(none)?;
    let rows = sqlx::query(METADATA).fetch_all(&pool).await.map_err(none)?;
    let metadata: HashMap<String, String> =
        rows.iter().filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))).collect();
    match metadata.get("format").map(String::as_str) {
        Some("pbf") => {}
        Some(other) => return Err(format!("it holds {other:?} tiles, and only pbf can be shown")),
        None => return Err("it does not say in which format its tiles are: format must be pbf".into()),
    }
    let number = |name: &str| metadata.get(name).and_then(|text| text.trim().parse::<u8>().ok());
    let told = match (number("minzoom"), number("maxzoom")) {
        (Some(min), Some(max)) => (min, max),
        _ => {
            let row = sqlx::query(ZOOMS).fetch_one(&pool).await.map_err(none)?;
            let zoom = |at: usize| row.try_get::<Option<i64>, _>(at).ok().flatten();
            let zoom = |at: usize| zoom(at).and_then(|z| u8::try_from(z).ok());
            // Without tiles there is no zoom that has any.
            zoom(0).zip(zoom(1)).unwrap_or((1, 0))
        }
    };
    let numbers: Vec<f64> = metadata
        .get("bounds")
        .map(|text| text.split(',').filter_map(|v| v.trim().parse().ok()).collect())
        .unwrap_or_default();
    let json = metadata.get("json").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let description = Description {
        name: def.name.clone(),
        kind: SourceLayerKind::Mbtiles,
        part: None,
        zooms: zooms(told, def),
        bounds: <[f64; 4]>::try_from(numbers).ok().and_then(bounds),
        vector_layers: vector_layers(&json),
        gzipped: true,
    };
    let max = def.max_tile_bytes as usize;
    let tiles = MbTiles { description, pool, path: path.to_owned(), file, max };
    let member = Member::new(def.name.clone(), fingerprint, None, Arc::new(tiles));
    Ok(Some(Found { fingerprint, members: vec![member], notes: Vec::new() }))
}

async fn state(path: &Path) -> std::io::Result<u64> {
    Ok(identity(&tokio::fs::metadata(path).await?))
}

/// An open MBTiles file.
#[derive(Debug)]
struct MbTiles {
    description: Description,
    pool: SqlitePool,
    path: PathBuf,
    /// The file's identity when it was opened.
    file: u64,
    max: usize,
}

impl MbTiles {
    async fn read(&self, z: u8, x: u32, y: u32) -> Result<SourceTile, SourceError> {
        let name = &self.description.name;
        let damaged = |_: sqlx::Error| SourceError::failed(name, "the file is damaged");
        let row = sqlx::query(TILE)
            .bind(i64::try_from(self.max).unwrap_or(i64::MAX))
            .bind(i64::from(z))
            .bind(i64::from(x))
            .bind((1i64 << z) - 1 - i64::from(y))
            .fetch_optional(&self.pool)
            .await;
        // After the reading: what was read before the file changed is as good as ever.
        match state(&self.path).await {
            Ok(state) if state == self.file => {}
            Ok(_) => return Err(SourceError::Changed { name: name.clone() }),
            Err(_) => {
                let reason = "the file cannot be read".to_owned();
                return Err(SourceError::Down { name: name.clone(), reason });
            }
        }
        let Some(row) = row.map_err(damaged)? else { return Ok(SourceTile::empty()) };
        let body: Option<Vec<u8>> = row.try_get(0).map_err(damaged)?;
        let length: Option<i64> = row.try_get(1).map_err(damaged)?;
        match body {
            None if length.is_some() => Err(SourceError::TooBig { name: name.clone(), bound: self.max }),
            None => Ok(SourceTile::empty()),
            // The specification wants gzip; some writers use zlib, which no HTTP client is sure to read.
            Some(body) if is_zlib(&body) => {
                unpack(&body).map(SourceTile::of).map_err(|reason| SourceError::failed(name, reason))
            }
            Some(body) => Ok(SourceTile::of(body)),
        }
    }
}

impl TileSource for MbTiles {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn tile(&self, z: u8, x: u32, y: u32) -> BoxFuture<'_, Result<SourceTile, SourceError>> {
        self.read(z, x, y).boxed()
    }
}
