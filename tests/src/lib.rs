//! The harness of the end-to-end tests: a throw-away city, a running `kho serve`, a throw-away
//! PostGIS, the Python environment with the independent clients. Everything is made in temporary
//! folders and on free ports, and is gone when its value is dropped.

mod city;
mod http;
mod postgres;
mod server;

pub use city::{City, kho, kho_bin, run};
pub use http::{Reply, get, get_with};
pub use postgres::Postgres;
pub use server::Server;

use std::path::PathBuf;

/// The repository. Asked when the test runs: clones of one machine share their builds, and a path
/// compiled in may be another clone's.
pub fn repo() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(package).join("..")
}

/// The Python with the clients of tests/clients/requirements.txt; `make setup-test` makes it.
pub fn python() -> PathBuf {
    let venv = std::env::var_os("KHO_VENV").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/kho/venv"),
        PathBuf::from,
    );
    venv.join("bin/python")
}
