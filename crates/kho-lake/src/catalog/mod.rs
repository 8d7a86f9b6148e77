//! The catalog: the SQL tables of a DuckLake 1.0, in SQLite or PostgreSQL.
//!
//! Both databases get the same statements, with `$1` parameters; where their types differ
//! ([`Dialect`]), the statement is made for one. Everything that differs between the drivers is
//! in this file.

mod changes;
mod commit;
mod current;
mod query;

pub(crate) use changes::Tables;
pub(crate) use commit::{CommitInfo, LayerWrite, NewFile, TableColumn, TableWrite};
pub(crate) use current::Newest;
pub(crate) use query::{LayerAt, TableAt};

use crate::change::digest::data_name;
use crate::error::{BUSY_SECONDS, LakeError};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, Database, Encode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction, Type,
    TypeInfo, ValueRef,
};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// The DuckLake schema of the layers themselves, and that of their restricted columns.
pub(crate) const SCHEMAS: [(i64, &str); 2] = [(0, "main"), (1, "restricted")];

/// A value given to a statement.
#[derive(Debug, Clone)]
pub(crate) enum Param {
    Int(i64),
    OptInt(Option<i64>),
    Text(String),
    OptText(Option<String>),
    Bool(bool),
    OptBool(Option<bool>),
}

impl From<i64> for Param {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<&str> for Param {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<bool> for Param {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

/// The values of one result row: integers (truth values too) and text are all a catalog has.
#[derive(Debug, Clone)]
pub(crate) struct Row(Vec<Cell>);

#[derive(Debug, Clone)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl Row {
    pub fn int(&self, i: usize) -> Result<i64, LakeError> {
        self.opt_int(i)?.ok_or_else(|| LakeError::Damaged(format!("a NULL in column {i} of {self:?}")))
    }

    pub fn opt_int(&self, i: usize) -> Result<Option<i64>, LakeError> {
        match self.0.get(i) {
            Some(Cell::Int(v)) => Ok(Some(*v)),
            Some(Cell::Null) => Ok(None),
            _ => Err(LakeError::Damaged(format!("no number in column {i} of {self:?}"))),
        }
    }

    pub fn text(&self, i: usize) -> Result<String, LakeError> {
        self.opt_text(i)?.ok_or_else(|| LakeError::Damaged(format!("a NULL in column {i} of {self:?}")))
    }

    pub fn opt_text(&self, i: usize) -> Result<Option<String>, LakeError> {
        match self.0.get(i) {
            Some(Cell::Text(v)) => Ok(Some(v.clone())),
            Some(Cell::Null) => Ok(None),
            _ => Err(LakeError::Damaged(format!("no text in column {i} of {self:?}"))),
        }
    }
}

/// What a statement must be written differently for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// A text parameter as a value of type `uuid` or `timestamptz`, which SQLite keeps as text.
    pub fn cast(self, parameter: &str, ty: &str) -> String {
        match self {
            Self::Sqlite => parameter.to_owned(),
            Self::Postgres => format!("CAST({parameter} AS {ty})"),
        }
    }

    fn create_statements(self) -> String {
        let (boolean, time, uuid) = match self {
            Self::Sqlite => ("BIGINT", "VARCHAR", "VARCHAR"),
            Self::Postgres => ("BOOLEAN", "TIMESTAMPTZ", "UUID"),
        };
        include_str!("ducklake.sql")
            .replace("{bool}", boolean)
            .replace("{time}", time)
            .replace("{uuid}", uuid)
            .replace("{version}", env!("CARGO_PKG_VERSION"))
            .replace("{now}", &now())
            .replace("{main}", &uuid::Uuid::now_v7().to_string())
            .replace("{restricted}", &uuid::Uuid::now_v7().to_string())
    }
}

/// The time in DuckLake's writing.
fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
}

/// A catalog's connections.
#[derive(Debug, Clone)]
pub(crate) enum Catalog {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Catalog {
    /// Connects to `url` (`postgresql://…`), or to the SQLite file; with `create`, makes its
    /// tables, and refuses if they are there.
    pub async fn connect(file: &Path, url: Option<&str>, create: bool) -> Result<Self, LakeError> {
        let place = place(file, url);
        let catalog = match url {
            Some(url) => Self::postgres(url).await?,
            None if !create && !file.exists() => return Err(LakeError::NoLake(place)),
            None => Self::sqlite(file, create).await?,
        };
        let version = catalog.version().await?;
        match (create, version) {
            (true, None) => catalog.create_tables().await?,
            (true, Some(_)) => return Err(LakeError::Exists(place)),
            (false, None) => return Err(LakeError::NoLake(place)),
            (false, Some(version)) if version == "1.0" => {}
            (false, Some(version)) => return Err(LakeError::Version { place, version }),
        }
        Ok(catalog)
    }

    async fn sqlite(file: &Path, create: bool) -> Result<Self, LakeError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit that was reported must outlive a power cut, as its files do.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(BUSY_SECONDS));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        Ok(Self::Sqlite(pool))
    }

    async fn postgres(url: &str) -> Result<Self, LakeError> {
        // UTC, so that times read as text are in DuckLake's writing.
        let options = PgConnectOptions::from_str(url)?.options([("timezone", "UTC")]);
        let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
        Ok(Self::Postgres(pool))
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The catalog's DuckLake version; `None` if the database has no catalog.
    async fn version(&self) -> Result<Option<String>, LakeError> {
        let there = match self.dialect() {
            Dialect::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = 'ducklake_metadata'",
            Dialect::Postgres => "SELECT 1 WHERE to_regclass('ducklake_metadata') IS NOT NULL",
        };
        if self.fetch(there, &[]).await?.is_empty() {
            return Ok(None);
        }
        let rows =
            self.fetch(r#"SELECT "value" FROM ducklake_metadata WHERE "key" = 'version'"#, &[]).await?;
        rows.first().map(|row| row.text(0)).transpose().map(|v| Some(v.unwrap_or_default()))
    }

    async fn create_tables(&self) -> Result<(), LakeError> {
        let sql = AssertSqlSafe(self.dialect().create_statements());
        let mut session = self.begin().await?;
        match &mut session {
            Session::Sqlite(tx) => {
                sqlx::raw_sql(sql).execute(&mut **tx).await?;
            }
            Session::Postgres(tx) => {
                sqlx::raw_sql(sql).execute(&mut **tx).await?;
            }
        }
        session.commit().await
    }

    /// The rows of one query, outside any transaction.
    pub async fn fetch(&self, sql: &str, params: &[Param]) -> Result<Vec<Row>, LakeError> {
        match self {
            Self::Sqlite(pool) => sqlite_rows(&statement(sql, params).fetch_all(pool).await?),
            Self::Postgres(pool) => postgres_rows(&statement(sql, params).fetch_all(pool).await?),
        }
    }

    /// A transaction that will write: no other one writes until it ends.
    pub async fn begin(&self) -> Result<Session, LakeError> {
        Ok(match self {
            Self::Sqlite(pool) => Session::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Session::Postgres(pool.begin().await?),
        })
    }
}

/// A transaction. Dropped, it is rolled back.
pub(crate) enum Session {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Session {
    /// Waits until no other commit is under way, DuckDB's included, and shuts the door behind.
    pub async fn lock(&mut self) -> Result<(), LakeError> {
        // BEGIN IMMEDIATE has done it in SQLite.
        if let Self::Postgres(tx) = self {
            sqlx::query("LOCK TABLE ducklake_snapshot IN SHARE ROW EXCLUSIVE MODE")
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    pub async fn fetch(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>, LakeError> {
        match self {
            Self::Sqlite(tx) => sqlite_rows(&statement(sql, params).fetch_all(&mut **tx).await?),
            Self::Postgres(tx) => postgres_rows(&statement(sql, params).fetch_all(&mut **tx).await?),
        }
    }

    /// Runs a statement; the number of rows it changed.
    pub async fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64, LakeError> {
        Ok(match self {
            Self::Sqlite(tx) => statement(sql, params).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => statement(sql, params).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Whether any snapshot knows a data file of this name, or the one that a digest of this name
    /// belongs to.
    pub async fn knows_file(&mut self, name: &str) -> Result<bool, LakeError> {
        let sql = "SELECT 1 FROM ducklake_data_file WHERE path = $1";
        let data = data_name(name);
        Ok(!self.fetch(sql, &[data.as_str().into()]).await?.is_empty())
    }

    pub async fn commit(self) -> Result<(), LakeError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// The catalog's name in messages: never the URL, which may hold a password.
fn place(file: &Path, url: Option<&str>) -> String {
    match url {
        Some(url) => url.rsplit_once('/').map_or("the PostgreSQL database".to_owned(), |(_, name)| {
            let name = name.split('?').next().unwrap_or_default();
            format!("the PostgreSQL database {name}")
        }),
        None => file.display().to_string(),
    }
}

/// A prepared statement. The SQL is this crate's own; every value is a parameter.
fn statement<'q, DB>(sql: &str, params: &[Param]) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    Option<i64>: Encode<'q, DB> + Type<DB>,
    Option<String>: Encode<'q, DB> + Type<DB>,
    Option<bool>: Encode<'q, DB> + Type<DB>,
{
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for param in params.iter().cloned() {
        query = match param {
            Param::Int(v) => query.bind(Some(v)),
            Param::OptInt(v) => query.bind(v),
            Param::Text(v) => query.bind(Some(v)),
            Param::OptText(v) => query.bind(v),
            Param::Bool(v) => query.bind(Some(v)),
            Param::OptBool(v) => query.bind(v),
        };
    }
    query
}

fn sqlite_rows(rows: &[SqliteRow]) -> Result<Vec<Row>, LakeError> {
    rows.iter()
        .map(|row| {
            let cells = (0..row.len()).map(|i| {
                let raw = row.try_get_raw(i)?;
                Ok(if raw.is_null() {
                    Cell::Null
                } else if raw.type_info().name() == "TEXT" {
                    Cell::Text(row.try_get_unchecked(i)?)
                } else {
                    Cell::Int(row.try_get_unchecked(i)?)
                })
            });
            cells.collect::<Result<_, LakeError>>().map(Row)
        })
        .collect()
}

fn postgres_rows(rows: &[PgRow]) -> Result<Vec<Row>, LakeError> {
    rows.iter()
        .map(|row| {
            let cells = (0..row.len()).map(|i| {
                let raw = row.try_get_raw(i)?;
                Ok(if raw.is_null() {
                    Cell::Null
                } else {
                    match raw.type_info().name() {
                        "INT8" => Cell::Int(row.try_get(i)?),
                        "INT4" => Cell::Int(row.try_get::<i32, _>(i)?.into()),
                        "BOOL" => Cell::Int(row.try_get::<bool, _>(i)?.into()),
                        _ => Cell::Text(row.try_get(i)?),
                    }
                })
            });
            cells.collect::<Result<_, LakeError>>().map(Row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_the_password() {
        let said = place(Path::new("x"), Some("postgresql://kho:secret@db:5432/city?sslmode=require"));
        assert_eq!(said, "the PostgreSQL database city");
        assert!(!place(Path::new("x"), Some("postgresql:?password=secret")).contains("secret"));
    }
}
