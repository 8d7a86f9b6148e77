//! What can go wrong when a delivery is read. Every variant but [`IngestError::Internal`] is for
//! the person at the keyboard: what, where, and what to do.

use std::path::PathBuf;

/// Why a source was refused as a whole. Single bad features are quarantined instead and counted
/// in the [`crate::Summary`].
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// There is no such file or folder.
    #[error("{path}: there is no such file or folder")]
    Missing {
        /// The path as given.
        path: String,
    },
    /// The file is there but nothing can read it.
    #[error("{path}: cannot be read: {message}")]
    Unreadable {
        /// The path as given.
        path: String,
        /// What the reader said.
        message: String,
    },
    /// An archive holds several data sets.
    #[error(
        "{path} is an archive; name what to read in it, for example {path}/{example}. It holds: {entries}"
    )]
    ChooseEntry {
        /// The path as given.
        path: String,
        /// One of the entries.
        example: String,
        /// All of them.
        entries: String,
    },
    /// The source has no table with geometry.
    #[error("{path} has no layer with geometry{hint}")]
    NoGeometry {
        /// The path as given.
        path: String,
        /// What to do, where it is known.
        hint: String,
    },
    /// The source has several layers and none was named.
    #[error("{path} has several layers; name one with --source-layer: {layers}")]
    ChooseLayer {
        /// The path as given.
        path: String,
        /// The layers, separated by commas.
        layers: String,
    },
    /// The named layer is not in the source.
    #[error("{path} has no layer {name}; it has: {layers}")]
    UnknownSourceLayer {
        /// The path as given.
        path: String,
        /// The name asked for.
        name: String,
        /// The layers there are.
        layers: String,
    },
    /// The source does not say in which coordinate system its coordinates are.
    #[error(
        "{path} does not say in which coordinate system it is{why}; say it with --crs EPSG:n (Khánh Hòa's VN-2000 zone is EPSG:9217, longitude and latitude of a GPS are EPSG:4326)"
    )]
    NoCrs {
        /// The path as given.
        path: String,
        /// The reason, where the format explains it.
        why: String,
    },
    /// The coordinate system is not one that can be used.
    #[error("coordinate system {crs}: {message}")]
    BadCrs {
        /// As given or as found in the file.
        crs: String,
        /// What is wrong.
        message: String,
    },
    /// EPSG:6956 to 6959.
    #[error(
        "{crs} is a deprecated definition of a VN-2000 TM-3 zone with false easting and false northing exchanged (0, 500 000): it would put the data hundreds of kilometres off. Say --crs {instead}, the corrected definition of the same zone"
    )]
    DeprecatedCrs {
        /// The deprecated code.
        crs: String,
        /// The code that replaces it.
        instead: String,
    },
    /// Most coordinates only make sense with x and y exchanged.
    #[error(
        "{path}: the coordinates look as if x and y were exchanged (first: x {x}, y {y} in {crs}). kho reads x = easting or longitude, y = northing or latitude; in Vietnamese survey tables X is the northing. In a CSV, rename the columns to easting and northing, or lon and lat"
    )]
    SwappedAxes {
        /// The path as given.
        path: String,
        /// The source CRS.
        crs: String,
        /// First coordinate as delivered.
        x: f64,
        /// Second coordinate as delivered.
        y: f64,
    },
    /// Most coordinates lie where the coordinate system is not used.
    #[error(
        "{path}: most coordinates lie outside the area of {crs} (first: x {x}, y {y}), so {crs} is probably not their coordinate system; say the right one with --crs EPSG:n"
    )]
    OutsideCrs {
        /// The path as given.
        path: String,
        /// The source CRS.
        crs: String,
        /// First coordinate as delivered.
        x: f64,
        /// Second coordinate as delivered.
        y: f64,
    },
    /// Points where polygons are wanted, and the like.
    #[error("{path}: source layer {source_layer} holds {found}, but layer {layer} is made of {wanted}")]
    GeometryMismatch {
        /// The path as given.
        path: String,
        /// The layer in the source.
        source_layer: String,
        /// What it holds.
        found: String,
        /// The kho layer.
        layer: String,
        /// What it holds.
        wanted: String,
    },
    /// Columns that the layer requires are missing.
    #[error(
        "{path} lacks columns that layer {layer} requires: {missing}. It has: {found}. Rename them, or add the names to the layer's aliases"
    )]
    MissingColumns {
        /// The path as given.
        path: String,
        /// The kho layer.
        layer: String,
        /// The required columns that were not found.
        missing: String,
        /// The columns of the source.
        found: String,
    },
    /// There are no features.
    #[error(
        "{path} holds no features, and an empty file is more often a failed export than an empty layer, so nothing was changed. Export it again; or leave it out, and the layer stays as it is"
    )]
    NoFeatures {
        /// The path as given; several are separated by commas.
        path: String,
    },
    /// There were features, and none could be used.
    #[error("{path}: none of its {features} features can be used: {reasons}")]
    NothingUsable {
        /// The path as given.
        path: String,
        /// How many were read.
        features: u64,
        /// Reasons and counts.
        reasons: String,
    },
    /// A GeoParquet file in an encoding that kho does not read.
    #[error(
        "{path}: geometry column {column} is encoded as {encoding}; kho reads WKB and the GeoArrow encodings with separate x and y. Write it again with WKB"
    )]
    Encoding {
        /// The path as given.
        path: String,
        /// The geometry column.
        column: String,
        /// Its encoding.
        encoding: String,
    },
    /// Reading broke off.
    #[error("{path}: reading broke off after feature {feature}: {message}")]
    Read {
        /// The path as given.
        path: String,
        /// Number of the last feature that was read, from 1.
        feature: u64,
        /// What the reader said.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The layer's definition is wrong.
    #[error(transparent)]
    Layer(#[from] kho_layer::LayerError),
    /// The receiver of the batches failed.
    #[error(transparent)]
    Sink(Box<dyn std::error::Error + Send + Sync>),
    /// A defect of kho.
    #[error("internal error while reading a delivery: {0}")]
    Internal(String),
}

impl IngestError {
    /// Wraps an error of the receiver of the batches, to be given back from the sink.
    pub fn sink(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Sink(Box::new(error))
    }
}

impl From<arrow::error::ArrowError> for IngestError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Internal(error.to_string())
    }
}
