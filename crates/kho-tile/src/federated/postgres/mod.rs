//! PostGIS tables and functions, through martin-core.
//!
//! martin-core keeps the pool and runs the queries; which tables there are, what of them is open and what
//! the queries say is decided here. Whoever asks waits for his turn at one of `connections` connections.
//!
//! TLS: sqlx brings rustls' ring, martin-core its aws-lc-rs, and with both of them compiled in
//! `ClientConfig::builder()` panics unless one is installed for the process. martin-core installs its own
//! before it builds a connector, and sqlx names ring each time, so neither needs anything from here.

mod address;
mod discover;
mod sql;

use super::error::SourceError;
use super::slot::{Found, Member};
use super::source::{Description, SourceLayerKind, SourceTile, TileSource, VectorLayer};
use discover::{ColumnRow, FunctionRow, Geometry, GeometryRow, Opened, Table};
use futures::FutureExt;
use futures::future::BoxFuture;
use kho_layer::{PostgresDef, SourceDef, ZoomRange};
use martin_core::CacheZoomRange;
use martin_core::tiles::postgres::{PostgresError, PostgresPool, PostgresSource, PostgresSqlInfo};
use martin_core::tiles::{MartinCoreError, Source};
use martin_tile_utils::{Encoding, Format, TileCoord, TileInfo};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use xxhash_rust::xxh3::xxh3_64;

/// Zooms that are asked of a table when its definition says none.
const ZOOMS: ZoomRange = ZoomRange { min: 0, max: 22 };
/// From this zoom on a tile's edges can be transformed into the CRS of a zone or country.
const FIRST_WINDOW: u8 = 6;
/// How far from a table's data, in degrees, its CRS is still good for.
const REACH: f64 = 30.0;

/// A database, and what is kept of it from look to look.
#[derive(Debug)]
pub(super) struct Database {
    source: Arc<SourceDef>,
    def: PostgresDef,
    pool: Option<PostgresPool>,
    /// The turns of tiles.
    turns: Arc<Semaphore>,
}

impl Database {
    pub fn new(source: Arc<SourceDef>, def: PostgresDef) -> Self {
        let turns = Arc::new(Semaphore::new(usize::from(def.connections)));
        Self { source, def, pool: None, turns }
    }

    /// Looks at the schema; `None` if it is as it was.
    ///
    /// # Errors
    /// Why it cannot be looked at, in words that hold no address and no value.
    pub async fn look(&mut self, known: Option<u64>) -> Result<Option<Found>, String> {
        let pool = match &self.pool {
            Some(pool) => pool.clone(),
            None => {
                let address = address::of(&self.def)?;
                // One more than for tiles: a look must not wait behind them.
                let size = usize::from(self.def.connections) + 1;
                let pool =
                    PostgresPool::new(&address, None, None, None, size).await.map_err(|e| plainly(&e))?;
                self.pool.insert(pool).clone()
            }
        };
        let opened = discover(&pool, &self.def).await?;
        let fingerprint = xxh3_64(format!("{opened:?}").as_bytes());
        if known == Some(fingerprint) {
            return Ok(None);
        }
        let mut members = Vec::with_capacity(opened.tables.len() + opened.functions.len());
        for (part, table) in &opened.tables {
            let bounds = extent(&pool, table).await;
            members.push(self.table(&pool, part, table, bounds)?);
        }
        for (part, function) in &opened.functions {
            members.push(self.function(&pool, part, function)?);
        }
        Ok(Some(Found { fingerprint, members, notes: opened.notes }))
    }

    fn table(
        &self,
        pool: &PostgresPool,
        part: &str,
        table: &Table,
        bounds: Option<[f64; 4]>,
    ) -> Result<Member, String> {
        let name = format!("{}.{part}", self.source.name);
        let max = self.max_bytes();
        let anywhere = matches!(table.geometry, Geometry { srid: 3857 | 4326, geography: false, .. });
        let sql = |windowed| sql::table_tile(table, &name, max, windowed);
        let fields = table.columns.iter().map(|c| (c.name.clone(), c.field().to_owned())).collect();
        let description = Description {
            kind: SourceLayerKind::Table,
            bounds,
            vector_layers: vec![VectorLayer { id: name.clone(), fields }],
            ..self.description(&name, part)
        };
        let queried = Queried {
            near: self.query(pool, &name, sql(true), false)?,
            far: if anywhere { None } else { Some(self.query(pool, &name, sql(false), false)?) },
            reach: bounds.filter(|_| !anywhere),
            turns: Arc::clone(&self.turns),
            timeout: self.timeout(),
            max,
            description,
        };
        let fingerprint = xxh3_64(format!("{table:?}").as_bytes());
        Ok(Member::new(name, fingerprint, Some(self.keep()), Arc::new(queried)))
    }

    fn function(&self, pool: &PostgresPool, part: &str, function: &FunctionRow) -> Result<Member, String> {
        let name = format!("{}.{part}", self.source.name);
        let max = self.max_bytes();
        let sql = sql::function_tile(&function.schema, &function.name, function.query.as_deref(), max);
        let queried = Queried {
            near: self.query(pool, &name, sql, function.query.is_some())?,
            far: None,
            reach: None,
            turns: Arc::clone(&self.turns),
            timeout: self.timeout(),
            max,
            description: self.description(&name, part),
        };
        let fingerprint = xxh3_64(format!("{function:?}").as_bytes());
        Ok(Member::new(name, fingerprint, Some(self.keep()), Arc::new(queried)))
    }

    fn description(&self, name: &str, part: &str) -> Description {
        let ZoomRange { min, max } = self.source.zoom.unwrap_or(ZOOMS);
        Description {
            name: name.to_owned(),
            kind: SourceLayerKind::Function,
            part: Some(part.to_owned()),
            zooms: (min, max),
            bounds: None,
            vector_layers: Vec::new(),
            gzipped: false,
        }
    }

    fn query(
        &self,
        pool: &PostgresPool,
        name: &str,
        sql: String,
        takes_query: bool,
    ) -> Result<Arc<PostgresSource>, String> {
        // Nobody asks martin for its TileJSON.
        let tilejson = serde_json::from_value(serde_json::json!({"tilejson": "3.0.0", "tiles": []}));
        Ok(Arc::new(PostgresSource::new(
            name.to_owned(),
            PostgresSqlInfo::new(sql, takes_query, "(z, x, y)".to_owned()),
            tilejson.map_err(|e| e.to_string())?,
            pool.clone(),
            TileInfo::new(Format::Mvt, Encoding::Uncompressed),
            CacheZoomRange::disabled(),
        )))
    }

    fn max_bytes(&self) -> usize {
        self.source.max_tile_bytes as usize
    }

    fn keep(&self) -> Duration {
        Duration::from_secs(u64::from(self.source.cache_seconds))
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.def.timeout_seconds))
    }
}

async fn discover(pool: &PostgresPool, def: &PostgresDef) -> Result<Opened, String> {
    let connection = pool.get().await.map_err(|e| plainly(&e))?;
    let asked = |what: &'static str| {
        move |code: Option<String>| format!("its {what} cannot be read ({})", state(code.as_deref()))
    };
    let schemas = &def.schemas;
    let mut geometries = Vec::new();
    let rows = connection.query(discover::GEOMETRIES, &[schemas]).await;
    for row in rows.map_err(|e| asked("geometry columns")(code(e.code().map(|c| c.code()))))? {
        let read = || {
            Some(GeometryRow {
                schema: row.try_get(0).ok()?,
                table: row.try_get(1).ok()?,
                geometry: Geometry {
                    column: row.try_get(2).ok()?,
                    srid: row.try_get(3).ok()?,
                    geography: row.try_get(4).ok()?,
                },
            })
        };
        geometries.push(read().ok_or_else(|| asked("geometry columns")(None))?);
    }
    let mut columns = Vec::new();
    let rows = connection.query(discover::COLUMNS, &[schemas]).await;
    for row in rows.map_err(|e| asked("columns")(code(e.code().map(|c| c.code()))))? {
        let read = || {
            Some(ColumnRow {
                schema: row.try_get(0).ok()?,
                table: row.try_get(1).ok()?,
                name: row.try_get(2).ok()?,
                ty: row.try_get(3).ok()?,
                is_id: row.try_get(4).ok()?,
                definition: row.try_get(5).ok()?,
            })
        };
        columns.push(read().ok_or_else(|| asked("columns")(None))?);
    }
    let mut functions = Vec::new();
    if !def.functions.is_empty() {
        let rows = connection.query(discover::FUNCTIONS, &[schemas]).await;
        for row in rows.map_err(|e| asked("functions")(code(e.code().map(|c| c.code()))))? {
            let read = || {
                Some(FunctionRow {
                    schema: row.try_get(0).ok()?,
                    name: row.try_get(1).ok()?,
                    query: row.try_get(2).ok()?,
                    body: row.try_get(3).ok()?,
                })
            };
            functions.push(read().ok_or_else(|| asked("functions")(None))?);
        }
    }
    Ok(discover::choose(def, geometries, columns, functions))
}

/// The box of a table; none if PostgreSQL has no statistics yet, as of views.
async fn extent(pool: &PostgresPool, table: &Table) -> Option<[f64; 4]> {
    let connection = pool.get().await.ok()?;
    let Geometry { column, srid, .. } = &table.geometry;
    let row =
        connection.query_opt(discover::EXTENT, &[&table.schema, &table.name, column, srid]).await.ok()??;
    let bounds: [f64; 4] =
        [row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?, row.try_get(3).ok()?];
    bounds.iter().all(|v| v.is_finite()).then_some(bounds)
}

/// A table or function as a source of tiles.
#[derive(Debug)]
struct Queried {
    description: Description,
    /// The query that has the index look for what is in the tile; of a function, its only one.
    near: Arc<PostgresSource>,
    /// The query for tiles that are too wide for the table's CRS.
    far: Option<Arc<PostgresSource>>,
    /// Where the data is: far away from there the table's CRS is good for nothing.
    reach: Option<[f64; 4]>,
    turns: Arc<Semaphore>,
    timeout: Duration,
    max: usize,
}

impl Queried {
    async fn ask(&self, z: u8, x: u32, y: u32) -> Result<SourceTile, SourceError> {
        if z >= FIRST_WINDOW && self.reach.is_some_and(|data| !is_near(data, z, x, y)) {
            return Ok(SourceTile::empty());
        }
        let query = self.far.as_ref().filter(|_| z < FIRST_WINDOW).unwrap_or(&self.near);
        let name = &self.description.name;
        let slow = || SourceError::Slow { name: name.clone() };
        // Who goes away gives up his place in the queue, but not a query that runs: its connection would go
        // back to the pool with the query in it, and the next one would wait for both.
        let turn = tokio::time::timeout(self.timeout, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| slow())?.map_err(|e| SourceError::Internal(e.to_string()))?;
        let (query, at) = (Arc::clone(query), TileCoord::new_unchecked(z, x, y));
        let asked = tokio::spawn(async move {
            let _turn = turn;
            query.get_tile(at, None).await
        });
        // The database ends a query by itself; this is for a network that swallows.
        let asked = tokio::time::timeout(self.timeout + Duration::from_secs(2), asked).await;
        let asked = asked.map_err(|_| slow())?.map_err(|e| SourceError::Internal(e.to_string()))?;
        let body = asked.map_err(|e| told(name, e))?;
        if body == sql::TOO_BIG || body.len() > self.max {
            return Err(SourceError::TooBig { name: name.clone(), bound: self.max });
        }
        Ok(SourceTile::of(body))
    }
}

impl TileSource for Queried {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn tile(&self, z: u8, x: u32, y: u32) -> BoxFuture<'_, Result<SourceTile, SourceError>> {
        self.ask(z, x, y).boxed()
    }
}

/// Whether a tile is within [`REACH`] of a box in degrees.
fn is_near([west, south, east, north]: [f64; 4], z: u8, x: u32, y: u32) -> bool {
    let n = 2f64.powi(i32::from(z));
    let lon = |column: f64| column / n * 360.0 - 180.0;
    let lat = |row: f64| (std::f64::consts::PI * (1.0 - 2.0 * row / n)).sinh().atan().to_degrees();
    let (x, y) = (f64::from(x), f64::from(y));
    lon(x + 1.0) >= west - REACH
        && lon(x) <= east + REACH
        && lat(y) >= south - REACH
        && lat(y + 1.0) <= north + REACH
}

/// What martin-core says, without what the database said: its messages quote rows.
fn told(name: &str, error: MartinCoreError) -> SourceError {
    let code = match &error {
        MartinCoreError::PostgresError(
            PostgresError::PrepareQueryError { source: error, .. }
            | PostgresError::GetTileError(error, ..)
            | PostgresError::GetTileWithQueryError(error, ..),
        ) => code(error.code().map(|c| c.code())),
        MartinCoreError::PostgresError(error) => {
            return SourceError::Down { name: source_name(name), reason: plainly(error) };
        }
        _ => return SourceError::failed(name, "it cannot be read"),
    };
    let name = name.to_owned();
    match code.as_deref() {
        None => SourceError::Down { name: source_name(&name), reason: "the connection was lost".into() },
        Some("57014") => SourceError::Slow { name },
        Some(code) if ["08", "53", "57"].iter().any(|class| code.starts_with(class)) => {
            SourceError::Down { name: source_name(&name), reason: state(Some(code)) }
        }
        // Undefined table, column, function or schema, and no right to it any more.
        Some("42P01" | "42703" | "42883" | "3F000" | "42501") => SourceError::Changed { name },
        Some(code) => {
            SourceError::Failed { name, reason: format!("the query fails ({})", state(Some(code))) }
        }
    }
}

fn source_name(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_owned()
}

/// The variants whose words hold no address: the pool's name for itself is left out too.
fn plainly(error: &PostgresError) -> String {
    match error {
        // Nothing was asked yet, so nothing can be quoted: refused, no such host, no such role.
        PostgresError::PostgresPoolConnError(error, _) => {
            format!("no connection can be made ({})", innermost(error))
        }
        PostgresError::PostgresqlTooOld { .. } | PostgresError::PostgisTooOld { .. } => error.to_string(),
        PostgresError::PostgresError(..) | PostgresError::BadPostgisVersion(..) => {
            "PostGIS is not there, or not in the role's search_path".into()
        }
        PostgresError::BadConnectionString(..) | PostgresError::UnknownSslMode(..) => {
            "its address cannot be read".into()
        }
        _ => "TLS cannot be set up".into(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

fn code(code: Option<&str>) -> Option<String> {
    code.map(str::to_owned)
}

fn state(code: Option<&str>) -> String {
    code.map_or_else(|| "connection lost".to_owned(), |code| format!("SQLSTATE {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_not_asked_about_the_other_side_of_the_world() {
        let nha_trang = [109.1, 12.1, 109.3, 12.4];
        assert!(is_near(nha_trang, 6, 51, 29));
        assert!(is_near(nha_trang, 14, 13_160, 7_626));
        // Brazil, and the far north.
        assert!(!is_near(nha_trang, 6, 23, 33));
        assert!(!is_near(nha_trang, 6, 51, 5));
    }
}
