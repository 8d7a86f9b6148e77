//! Blocks: row groups as the tile pipeline wants them.
//!
//! A row group is read from Parquet once and kept, by weight, in a form from which tiles are cut
//! without decoding anything: coordinates in world units, a packed tree over the features' boxes,
//! attribute values already serialised. Geometry and attributes are separate, so that two grants
//! with different columns share the geometry, and so that a grant's block holds no column that the
//! grant does not open.

mod attributes;
mod geometry;
mod rows;
mod tree;
mod wkb;

pub(crate) use attributes::AttributeBlock;
pub(crate) use geometry::{Feature, GeometryBlock, GeometryBuilder};
pub(crate) use rows::Rows;
pub(crate) use tree::PackedTree;
