//! What stands between kho and whoever keeps tiles.

use super::error::SourceError;
use super::pack::is_gzip;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One set of tiles that the lake does not hold: a table, a function, an archive. Tiles are
/// Mapbox vector tiles of WebMercatorQuad.
///
/// martin-core's own trait of this kind is closed from version 0.12 on, and its cache knows neither
/// principals nor versions: what is behind this one can be exchanged without the server noticing.
pub trait TileSource: Send + Sync + fmt::Debug {
    /// What its tiles hold.
    fn describe(&self) -> &Description;

    /// A tile at an address that WebMercatorQuad has: column from the west, row from the north.
    fn tile(&self, z: u8, x: u32, y: u32) -> BoxFuture<'_, Result<SourceTile, SourceError>>;
}

/// What the tiles of a source hold; what its TileJSON is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// The name in URLs: `SOURCE.TABLE`, or `SOURCE` for an archive.
    pub name: String,
    /// What the source has under this name.
    pub kind: SourceLayerKind,
    /// The name in the source, for people: `TABLE`; none for an archive.
    pub part: Option<String>,
    /// The first and the last zoom with tiles; outside of them tiles are empty.
    pub zooms: (u8, u8),
    /// West, south, east, north in degrees, where known. Of tables it is what PostgreSQL estimates.
    pub bounds: Option<[f64; 4]>,
    /// The layers in the tiles, where known: of functions they are not.
    pub vector_layers: Vec<VectorLayer>,
    /// Whether the tiles are kept gzipped.
    pub gzipped: bool,
}

/// What a set of tiles is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceLayerKind {
    /// A table or view of PostGIS.
    Table,
    /// A function of PostgreSQL.
    Function,
    /// A PMTiles archive.
    Pmtiles,
    /// An MBTiles file.
    Mbtiles,
}

/// A layer in the tiles of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VectorLayer {
    /// Its name in the tile.
    pub id: String,
    /// The attributes: name → `String`, `Number`, `Boolean`.
    pub fields: BTreeMap<String, String>,
}

/// A tile as its source gives it; no bytes where there is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTile {
    /// The bytes.
    pub body: Bytes,
    /// Whether they are gzipped.
    pub gzipped: bool,
}

impl SourceTile {
    /// The tile without anything.
    pub fn empty() -> Self {
        Self { body: Bytes::new(), gzipped: false }
    }

    /// A tile from its bytes, which say themselves whether they are gzipped.
    pub fn of(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { gzipped: is_gzip(&body), body }
    }
}
