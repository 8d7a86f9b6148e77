//! Attribute columns: which source column feeds which layer column, and how its values become
//! values of the layer's type.

mod convert;
mod display;
mod mapping;
mod parse;
mod text;

pub(crate) use convert::{Converted, convert, expected};
pub(crate) use display::{json_value, write_key};
pub(crate) use mapping::{Mapping, fold_name};
pub(crate) use parse::{boolean, date, float, integer, timestamp};
