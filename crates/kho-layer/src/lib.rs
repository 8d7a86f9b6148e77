//! What a layer is.
//!
//! A layer is one table of features of one kind: its definition (a [`LayerDef`], one TOML file)
//! names the key, the geometry, and for every column a type, a title, an access class and,
//! where there is one, a code list. This crate knows nothing of files, servers or people; every
//! other room of kho builds on it.
//!
//! ```
//! use kho_layer::StandardModel;
//! let city = StandardModel::load()?;
//! let parcel = city.layer("land_parcel").ok_or("no such layer")?;
//! assert_eq!(parcel.key, ["ma_xa", "so_to", "so_thua"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrow_schema;
mod bounds;
mod city;
mod code_list;
mod column;
mod definition;
mod error;
mod id;
mod overview;
mod source;
mod standard;
mod style;
mod text;

pub use arrow_schema::{
    CRS84, GEOMETRY, GEOMETRY_EXTENSION, KHO_ID, arrow_schema, column_field, geometry_field, id_field,
};
pub use bounds::{Bounds, intersects, wkb_bounds};
pub use city::{BakeConfig, City, CityConfig, Composite, MAX_TILE_LAYERS, layer_path};
pub use code_list::{CodeEntry, CodeList};
pub use column::{AccessClass, Column, ColumnType};
pub use definition::{GeometryKind, LayerDef, ZoomRange};
pub use error::LayerError;
pub use id::{FeatureIds, MAX_FEATURE_ID};
pub use overview::{Overview, OverviewRule, POINT_COUNT};
pub use source::{PostgresDef, SecretUrl, SourceDef, SourceKind, is_postgres_url};
pub use standard::StandardModel;
pub use style::LayerStyle;
pub use text::{Text, fold, fold_accents, fold_case, is_name};
