//! An archive as MBTiles 1.3: the tiles in a SQLite file, rows counted from the south.

use super::archive::Archive;
use super::failed;
use crate::{Format, TileError};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;

const SCHEMA: &str = "
    CREATE TABLE metadata (name text, value text);
    CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob);
    CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);";

impl Archive {
    /// Writes the tiles as an MBTiles file at `target`, which is replaced when all is done; gives its
    /// size in bytes.
    ///
    /// # Errors
    /// [`TileError::Archive`] if the archive cannot be read, holds MLT, for which MBTiles 1.3 has no
    /// name, or the file cannot be written.
    pub async fn to_mbtiles(&self, target: &Path) -> Result<u64, TileError> {
        if self.format() != Format::Mvt {
            return Err(failed(target, &"MBTiles has no name for MLT; PMTiles has"));
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(name);
        let _ = std::fs::remove_file(&part);
        let written = self.fill_mbtiles(&part).await;
        if let Err(error) = written {
            let _ = std::fs::remove_file(&part);
            return Err(error);
        }
        let bytes = std::fs::metadata(&part).map_err(|e| failed(&part, &e))?.len();
        std::fs::rename(&part, target).map_err(|e| failed(&part, &e))?;
        Ok(bytes)
    }

    async fn fill_mbtiles(&self, part: &Path) -> Result<(), TileError> {
        let told = |e: sqlx::Error| failed(part, &e);
        // The file is moved to its place when it is whole: what is cut off is thrown away.
        let options = SqliteConnectOptions::new()
            .filename(part)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let mut file: SqliteConnection = options.connect().await.map_err(told)?;
        sqlx::raw_sql(SCHEMA).execute(&mut file).await.map_err(told)?;
        let mut all = file.begin().await.map_err(told)?;
        for (name, value) in self.described() {
            let row = sqlx::query("INSERT INTO metadata VALUES (?, ?)").bind(name).bind(value);
            row.execute(&mut *all).await.map_err(told)?;
        }
        for (z, x, y) in self.addresses() {
            let tile = self.tile(z, x, y)?;
            let row = sqlx::query("INSERT INTO tiles VALUES (?, ?, ?, ?)")
                .bind(i64::from(z))
                .bind(i64::from(x))
                .bind((1i64 << z) - 1 - i64::from(y))
                .bind(tile.gzipped.to_vec());
            row.execute(&mut *all).await.map_err(told)?;
        }
        all.commit().await.map_err(told)?;
        file.close().await.map_err(told)
    }

    /// The rows of the table `metadata`.
    fn described(&self) -> Vec<(String, String)> {
        let metadata = self.metadata();
        let ([west, south, east, north], (min, max)) = (self.bounds(), self.zooms());
        let center = format!("{},{},{}", (west + east) / 2.0, (south + north) / 2.0, min.max(12).min(max));
        let mut rows = vec![
            ("format".to_owned(), "pbf".to_owned()),
            ("bounds".to_owned(), format!("{west},{south},{east},{north}")),
            ("center".to_owned(), center),
            ("minzoom".to_owned(), min.to_string()),
            ("maxzoom".to_owned(), max.to_string()),
            ("json".to_owned(), json!({"vector_layers": metadata["vector_layers"]}).to_string()),
        ];
        for name in ["name", "description", "type", "version"] {
            if let Some(Value::String(value)) = metadata.get(name) {
                rows.push((name.to_owned(), value.clone()));
            }
        }
        rows
    }
}
