//! Layers at rest.
//!
//! A lake is a folder of GeoParquet files and a catalog of SQL tables that says which of them make
//! up which layer at which snapshot. Both follow open specifications (GeoParquet 2.0,
//! DuckLake 1.0), so other programs read the lake without kho; kho writes it.
//!
//! ```text
//! CITY/lake/catalog.sqlite    the DuckLake catalog (or a PostgreSQL database), and kho_provenance
//!          /data/LAYER/       the layers' files: all columns but the restricted ones
//!          /restricted/LAYER/ the restricted columns, of the same features in the same rows; the
//!                             folder is its owner's alone, and no statistics of them exist
//!          /digests/LAYER/    for each version, hashes and boxes of its features, by which the next
//!                             commit tells what it changes; its owner's alone too
//!          /staging/          commits under way
//! ```
//!
//! DuckDB reads it so, wherever the city's folder has been moved to:
//! `ATTACH 'ducklake:sqlite:CITY/lake/catalog.sqlite' AS lake (DATA_PATH 'CITY/lake/data')`.
//!
//! Writing: [`Lake::begin`], a [`LayerWriter`] for each layer, [`Commit::finish`]. Features are
//! sorted along a Hilbert curve; a layer that does not fit the memory budget is sorted on disk.
//! Files are synced before the one transaction that makes the snapshot: whoever reads, and
//! whatever is killed at any moment, there is the old snapshot or the new one, whole.
//!
//! Reading: only with a [`kho_access::Grant`]. [`Lake::read`] gives features, [`Lake::files`] the
//! files and the schema of what may be read of them, [`Lake::changes_since`] how much of it changed,
//! and where.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod bounds;
mod catalog;
mod change;
mod error;
mod hilbert;
mod lake;
mod model;
mod read;
mod stage;
mod write;

pub use bounds::{Bounds, intersects, wkb_bounds};
pub use change::{Area, Change};
pub use error::LakeError;
pub use hilbert::hilbert;
pub use lake::{Commit, Lake};
pub use model::{
    DataFile, LayerFiles, LayerState, Provenance, ReadRequest, Snapshot, SnapshotId, SourceFile,
};
pub use read::footer::row_group_bounds;
pub use write::{DEFAULT_BUDGET, LayerWriter, WrittenLayer};
