//! What can go wrong with layers at rest.

use kho_access::AccessError;
use std::path::{Path, PathBuf};

/// An error of the lake. The first variants are for the user and say what to do; the others tell
/// of a broken disk, a broken file or a catalog that another program has changed.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// There is no lake where one was expected.
    #[error("no lake at {0}: `kho init` makes one")]
    NoLake(String),
    /// A lake is there already, and would have been overwritten.
    #[error("there is a lake at {0} already; open it, or choose another folder or database")]
    Exists(String),
    /// The catalog is of a version that this program does not know.
    #[error(
        "the catalog at {place} is DuckLake {version}, and this kho reads 1.0: use the kho that wrote it"
    )]
    Version {
        /// The catalog.
        place: String,
        /// What it says it is.
        version: String,
    },
    /// No snapshot has this id.
    #[error("no snapshot {asked}; the newest is {newest} (`kho snapshots` lists them)")]
    NoSnapshot {
        /// The snapshot asked for.
        asked: i64,
        /// The newest one there is.
        newest: i64,
    },
    /// The layer has no data at this snapshot.
    #[error("layer {layer} holds no data at snapshot {snapshot}: `kho ingest {layer} FILE` brings some")]
    NoData {
        /// The layer.
        layer: String,
        /// The snapshot.
        snapshot: i64,
    },
    /// The grant does not cover a column, or the column is not there: both look the same.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A batch does not have the layer's shape.
    #[error("layer {layer}: the features do not have the layer's shape: {message}")]
    Shape {
        /// The layer.
        layer: String,
        /// What differs.
        message: String,
    },
    /// Layers of one commit that cannot go together.
    #[error("{0}")]
    Commit(String),
    /// Another program holds the catalog for longer than anybody should.
    #[error(
        "the catalog is held by another program for more than {0} seconds; try again when it has finished"
    )]
    Busy(u64),
    /// The catalog or a file contradicts itself, or another program changed the lake in a way
    /// that kho does not follow.
    #[error("the lake is damaged or was changed by another program: {0}")]
    Damaged(String),
    /// A file or folder could not be used.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The catalog's database failed.
    #[error("catalog: {0}")]
    Database(sqlx::Error),
    /// A Parquet file could not be read or written.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow batches could not be handled.
    #[error("arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Provenance could not be written or read as JSON.
    #[error("provenance: {0}")]
    Json(#[from] serde_json::Error),
    /// A background task of the runtime was cancelled or died.
    #[error("a background task failed: {0}")]
    Task(String),
}

/// How long a commit waits for another one.
pub(crate) const BUSY_SECONDS: u64 = 30;

impl From<sqlx::Error> for LakeError {
    fn from(error: sqlx::Error) -> Self {
        // SQLITE_BUSY is 5, with extended codes in the higher bits; PostgreSQL's codes are five
        // characters long and never mean this, as its locks have no timeout here.
        let busy = error
            .as_database_error()
            .and_then(|e| e.code())
            .filter(|code| code.len() < 5)
            .and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| code & 0xff == 5);
        if busy {
            return Self::Busy(BUSY_SECONDS);
        }
        Self::Database(error)
    }
}

impl From<tokio::task::JoinError> for LakeError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Task(error.to_string())
    }
}

/// Names the path in an I/O error.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::Io { path, source }
}
