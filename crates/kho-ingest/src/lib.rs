//! A delivered file → clean Arrow batches.
//!
//! [`read_source`] reads any vector source that GDAL knows, and GeoParquet natively; transforms
//! its coordinates to CRS84; checks and repairs its geometry; matches its columns with those of
//! the layer and its values with their types; gives every feature its stable id; and hands the
//! result on in batches of the schema [`kho_layer::arrow_schema`]. A bad feature is set aside
//! with its reason (quarantine), a bad source is refused with what to do about it.
//!
//! [`infer_layer`] drafts a layer's definition from a file, for data outside the standard model.
//!
//! Coordinates: sources may be in any coordinate system that GDAL knows; batches are always in
//! CRS84 (longitude, latitude, degrees). VN-2000 goes to WGS 84 by EPSG:6960 and nothing else.

mod batch;
mod column;
mod crs;
mod error;
mod geometry;
mod infer;
mod quarantine;
mod read;
mod source;
mod summary;

pub use error::IngestError;
pub use infer::infer_layer;
pub use read::{read_source, read_sources};
pub use summary::{ReadOptions, SourceFile, Summary};
