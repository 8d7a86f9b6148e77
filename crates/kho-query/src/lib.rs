//! Spatial SQL over the lake: DataFusion and SedonaDB, always through a
//! [`Grant`](kho_access::Grant).
//!
//! [`QueryEngine::sql`] answers one `SELECT` for one principal at one snapshot. The tables are
//! the layers that the principal's grants open, with the columns they open and no others, and the
//! views of `sql/` over them. Nothing else can be named: no files, no URLs, no
//! `information_schema`, no settings.
//!
//! Geometry is WKB in the column `geometry`, CRS84 (longitude, latitude, in degrees). A geometry
//! made in a query without naming a CRS is CRS84 too, so
//! `ST_Intersects(geometry, ST_MakeEnvelope(109.1, 12.2, 109.2, 12.3))` means what it seems to.
//! For metres, transform first: `ST_Area(ST_Transform(geometry, 'EPSG:9217'))`.
//!
//! How a question is answered, file by file:
//! `statement` (one SELECT, nothing that writes) → `catalog` (what may be named) → planning →
//! `plan_check` (only our tables are read) → `table`, `scan` and `prune` (which row groups, out of
//! `blocks`) → execution by `workers` under `limits` → [`mod@format`].

mod blocks;
mod catalog;
mod crs_default;
mod engine;
mod error;
mod exact_predicates;
pub mod format;
mod functions;
mod guard;
mod limits;
mod memory;
mod plan_check;
mod projection;
mod prune;
mod scan;
mod semi_join;
mod session;
mod statement;
mod table;
mod views;
mod window;
mod workers;

pub use engine::{Answer, QueryEngine, TableInfo};
pub use error::QueryError;
pub use limits::Limits;
