//! The command line: names, options and help.

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// kho: the spatial data warehouse of a city.
///
/// A city's departments deliver files; kho checks them, keeps them as versioned layers in one
/// open lake, and publishes them as vector tiles, OGC APIs, SQL and maps.
#[derive(Debug, Parser)]
#[command(name = "kho", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// The city's folder; where kho.toml is
    #[arg(long, global = true, env = "KHO_CITY", default_value = ".", value_name = "DIR")]
    pub city: PathBuf,
    /// Answer in JSON, for programs: no progress bar, no colours
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more (-v, -vv); RUST_LOG refines it
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a city: kho.toml, the standard layers, the code lists and an empty lake
    Init {
        /// The folder to make; files that are there are kept
        dir: PathBuf,
        /// Keep the catalog in PostgreSQL: postgresql://user@host/database
        #[arg(long, value_name = "URL")]
        catalog: Option<String>,
        /// The data will be made up (kho sample); every page says so
        #[arg(long)]
        synthetic: bool,
    },
    /// Work on layer definitions
    #[command(subcommand)]
    Layer(LayerCommand),
    /// Write the deliveries of a synthetic Nha Trang, in the formats departments use
    Sample {
        /// The folder to write into
        dir: PathBuf,
        /// Number of land parcels; everything else follows
        #[arg(long, default_value_t = 20_000)]
        parcels: u64,
        /// The same seed writes the same bytes
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Read delivered files into layers, as one new snapshot
    #[command(
        after_help = "Examples:\n  kho ingest land_parcel thua_dat.gpkg\n  kho ingest land_parcel thua_dat.shp --crs EPSG:9217\n  kho ingest --all deliveries/"
    )]
    Ingest {
        /// The layer to fill; its former contents stay in older snapshots
        #[arg(required_unless_present = "all")]
        layer: Option<String>,
        /// Files, folders or GDAL data sources; several are read one after the other
        #[arg(required_unless_present = "all")]
        sources: Vec<String>,
        /// Read every delivery listed in DIR/manifest.toml, all of them or none
        #[arg(long, value_name = "DIR", conflicts_with_all = ["layer", "sources"])]
        all: Option<PathBuf>,
        /// The CRS of the sources, where they do not say it themselves: EPSG:9217
        #[arg(long, value_name = "EPSG:n", conflicts_with = "all")]
        crs: Option<String>,
        /// The layer inside the source, where it has several
        #[arg(long, value_name = "NAME", conflicts_with = "all")]
        source_layer: Option<String>,
        /// Who delivers; the user's login name by default
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Then bake the tiles of those of the layers that are published, as `kho bake` does
        #[arg(long)]
        bake: bool,
    },
    /// List the layers and what the lake holds of them
    Layers {
        /// As of this snapshot
        #[arg(long, value_name = "N")]
        snapshot: Option<i64>,
    },
    /// List the snapshots: what was committed when, by whom
    Snapshots,
    /// Look at the sources of kho.toml: whether they answer, what they have, what of it is open
    Sources,
    /// Ask in SQL: DataFusion's dialect, with the ST_ functions; the layers are the tables
    #[command(
        after_help = "Examples:\n  kho query \"SELECT loai_dat, count(*), sum(dien_tich) FROM land_parcel GROUP BY 1\"\n  kho query \"SELECT * FROM planning_zone\" --format parquet > zones.parquet"
    )]
    Query {
        /// One SELECT or WITH statement
        sql: String,
        /// How to print the answer
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// As of this snapshot
        #[arg(long, value_name = "N")]
        snapshot: Option<i64>,
        /// Ask N times and say on standard error how long each took; the answer is printed once
        #[arg(long, value_name = "N", default_value_t = 1)]
        repeat: u32,
    },
    /// Make all tiles of the published layers now, so that serving them is reading them
    ///
    /// The tiles go into CITY/tiles, one PMTiles archive for each layer and version; a running server
    /// finds them there by itself. What is baked already is left alone, and of a layer that has changed
    /// only the tiles under the changes are made. So it is with the composites of kho.toml.
    #[command(
        after_help = "Examples:\n  kho bake\n  kho bake land_parcel planning_zone\n  kho bake land_parcel --output thua_dat.pmtiles --max-zoom 15\n  kho bake land_parcel --format mlt --output thua_dat.pmtiles"
    )]
    Bake {
        /// Layers or composites; all layers that are published and all composites if none is named
        layers: Vec<String>,
        /// Write one layer's tiles here and not into the city: FILE.pmtiles or FILE.mbtiles
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The tiles' format; MLT into FILE.pmtiles only
        #[arg(long, value_enum, default_value_t = TileFormat::Mvt)]
        format: TileFormat,
        /// The first zoom; the layer's own if it is higher
        #[arg(long, value_name = "Z")]
        min_zoom: Option<u8>,
        /// The last zoom; the layer's own if not given
        #[arg(long, value_name = "Z")]
        max_zoom: Option<u8>,
        /// gzip level, 1 (fast) to 12 (small)
        #[arg(long, value_name = "LEVEL")]
        level: Option<u32>,
        /// Bake another snapshot than the current one
        #[arg(long, value_name = "N")]
        snapshot: Option<i64>,
        /// Make every tile, whatever has been baked before
        #[arg(long)]
        full: bool,
    },
    /// What is known of the tiles
    #[command(subcommand)]
    Tiles(TilesCommand),
    /// Walk or check a network: drainage or lighting
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Serve the map, the tiles and the APIs
    Serve {
        /// The address to listen on; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8080", env = "KHO_LISTEN")]
        listen: String,
        /// The address clients see, where a proxy stands in front: https://gis.example.vn
        #[arg(long, value_name = "URL", env = "KHO_PUBLIC_URL")]
        public_url: Option<String>,
        /// Memory for finished tiles; 0 turns the cache off
        #[arg(long, value_name = "BYTES", env = "KHO_TILE_CACHE_BYTES", default_value_t = 256 << 20)]
        tile_cache_bytes: u64,
        /// Memory for decoded features, from which tiles are made
        #[arg(long, value_name = "BYTES", env = "KHO_BLOCK_CACHE_BYTES", default_value_t = 1 << 30)]
        block_cache_bytes: u64,
    },
}

/// What is known of the tiles.
#[derive(Debug, Subcommand)]
pub enum TilesCommand {
    /// Sizes by zoom of the baked layers, what was left out, the slowest tile
    Stats {
        /// The layers; all that are published if none is named
        layers: Vec<String>,
    },
}

/// Work on layer definitions.
#[derive(Debug, Subcommand)]
pub enum LayerCommand {
    /// Write layers/NAME.toml, inferred from a source; then `kho ingest NAME SOURCE`
    New {
        /// The name of the layer: a-z, digits, _
        name: String,
        /// A file or GDAL data source
        source: String,
        /// The CRS of the source, where it does not say it itself
        #[arg(long, value_name = "EPSG:n")]
        crs: Option<String>,
        /// The layer inside the source, where it has several
        #[arg(long, value_name = "NAME")]
        source_layer: Option<String>,
        /// Open all its columns to everybody and publish it; otherwise they are internal
        #[arg(long)]
        public: bool,
    },
}

/// Walk or check a network.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// What lies upstream or downstream of a feature, or is connected to it
    Trace {
        /// Which network
        #[arg(value_enum)]
        network: NetworkKind,
        /// Where to start: the code of a node, pipe, lamp or cabinet
        from: String,
        /// Which way
        #[arg(value_enum, default_value_t = TraceDirection::Downstream)]
        direction: TraceDirection,
    },
    /// Find the defects: adverse slopes, orphans, routes without an outfall, …
    Check {
        /// Which network
        #[arg(value_enum)]
        network: NetworkKind,
    },
}

/// The networks.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum NetworkKind {
    /// drain_node and drain_pipe; downstream runs to the outfall
    Drainage,
    /// lighting_cabinet and street_light; downstream runs from the cabinet
    Lighting,
}

/// The ways to walk.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TraceDirection {
    /// Against the flow
    Upstream,
    /// With the flow
    Downstream,
    /// Both
    Connected,
}

/// The formats of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TileFormat {
    /// Mapbox Vector Tiles, which every client reads
    Mvt,
    /// MapLibre Tiles
    Mlt,
}

impl From<TileFormat> for kho_tile::Format {
    fn from(format: TileFormat) -> Self {
        match format {
            TileFormat::Mvt => Self::Mvt,
            TileFormat::Mlt => Self::Mlt,
        }
    }
}

/// The formats of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// An array of objects, geometry as GeoJSON
    Json,
    /// Geometry as WKT
    Csv,
    /// An Arrow IPC stream, geometry as geoarrow.wkb
    Arrow,
    /// GeoParquet
    Parquet,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
