//! Features into tiles.
//!
//! A tile is made straight from the lake's row groups, by the shortest way there is:
//!
//! ```text
//! grant → row groups (R-tree) → blocks (cache) → features (packed tree)
//!       → snap → clip → simplify → check, repair, wind → encode → compress → cache
//! ```
//!
//! A block is a row group decoded once: coordinates in integer world units, values already
//! serialised. What is left to do for a tile is integer arithmetic and copying. Why the steps come
//! in this order is told in `docs/tiles.md`.
//!
//! ```no_run
//! # async fn one(lake: kho_lake::Lake, grant: kho_access::Grant) -> Result<(), kho_tile::TileError> {
//! use kho_tile::{TileConfig, TileEngine};
//! let engine = TileEngine::new(lake, TileConfig::default());
//! let tile = engine.tile(&grant, 16, 52_665, 30_530).await?;
//! assert!(tile.features == 0 || tile.body.starts_with(&[0x1f, 0x8b]));
//! # Ok(()) }
//! ```

mod bake;
mod block;
mod compress;
mod engine;
mod error;
mod fabric;
mod federated;
mod generalise;
mod geom;
mod grid;
mod index;
mod load;
mod mlt;
mod mvt;
mod overview;
mod render;
mod representation;
mod stats;
mod tile;
mod touched;

pub use bake::{Archive, BakeOptions, BakeReport, BakeStore, BakedTile, Former, ZoomStats};
pub use engine::{Drawing, TileConfig, TileEngine};
pub use error::TileError;
pub use federated::{
    Description, FederatedTile, Federation, SourceError, SourceLayerKind, SourceStatus, SourceTile,
    TileSource, VectorLayer, source_of,
};
pub use grid::{Grid, MAX_ZOOM, TILE_PIXELS, TileMatrix, TileRange, Vn2000Grid};
pub use overview::FabricConfig;
pub use representation::{Format, Representation};
pub use stats::{LayerFigures, TileStats};
pub use tile::{Encoding, Tile};
