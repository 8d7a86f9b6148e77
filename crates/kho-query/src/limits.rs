//! What one question may cost.

use std::path::PathBuf;
use std::time::Duration;

/// The limits on every query of an engine. The defaults suit the command line on a small
/// machine; a server that faces the network should set [`Limits::public`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that one query's joins, sorts and groups may hold before they spill.
    pub memory_bytes: usize,
    /// Bytes of decoded columns that the engine keeps between queries, beside `memory_bytes`.
    pub cache_bytes: usize,
    /// Bytes on disk that all running queries may spill together.
    pub spill_bytes: u64,
    /// Where they spill; `None` is the system's folder for temporary files.
    pub spill_dir: Option<PathBuf>,
    /// Wall time from the question to the last row; `None` is no limit.
    pub timeout: Option<Duration>,
    /// Rows of one answer; one more is an error, never a silent cut. `None` is no limit.
    pub max_rows: Option<u64>,
    /// Bytes of SQL text.
    pub max_sql_bytes: usize,
    /// Queries that run at once; further ones wait for their turn within their own time limit. One
    /// that was stopped counts until the last of its threads has noticed.
    pub concurrency: usize,
    /// Threads one query computes on; `None` is one for each core.
    pub partitions: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            cache_bytes: 512 << 20,
            spill_bytes: 20 << 30,
            spill_dir: None,
            timeout: None,
            max_rows: None,
            max_sql_bytes: 1 << 20,
            concurrency: 16,
            partitions: None,
        }
    }
}

impl Limits {
    /// Limits for strangers: 30 seconds, 512 MB, 100 000 rows, 4 queries at once.
    pub fn public() -> Self {
        Self {
            memory_bytes: 512 << 20,
            spill_bytes: 4 << 30,
            timeout: Some(Duration::from_secs(30)),
            max_rows: Some(100_000),
            max_sql_bytes: 64 << 10,
            concurrency: 4,
            ..Self::default()
        }
    }

    pub(crate) fn target_partitions(&self) -> usize {
        self.partitions
            .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
            .unwrap_or(1)
            .max(1)
    }
}
