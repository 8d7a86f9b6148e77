//! One filter language: CQL2 (OGC 21-065r2), as text and as JSON, for tiles and features alike.
//!
//! A [`Filter`] is compiled for a [`Grant`](kho_access::Grant): every name in it is resolved through
//! the columns that the grant opens, and one outside of them is answered as one that does not exist.
//! It belongs to that layer and that set of columns ever after ([`Filter::check`]).
//!
//! ```
//! use kho_access::{Policy, Principal};
//! use kho_filter::{Filter, Language};
//! use kho_layer::StandardModel;
//! use std::sync::Arc;
//!
//! let policy = Policy::new(Arc::new(StandardModel::load()?));
//! let grant = policy.grant(&Principal::Anonymous, "land_parcel", 7)?;
//! let text = Filter::parse("so_to = 12 AND dien_tich > 100", Language::Text, &grant)?;
//! let json = r#"{"op": "and", "args": [{"op": "=", "args": [{"property": "so_to"}, 12]},
//!                                      {"op": ">", "args": [{"property": "dien_tich"}, 100]}]}"#;
//! assert_eq!(text.id(), Filter::parse(json, Language::Json, &grant)?.id());
//! assert!(Filter::parse("chu_su_dung = 'A'", Language::Text, &grant).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The road: `guard` (length, nesting, brackets: before anything recursive sees the input) → `parse`
//! (the cql2 crate) → `compile` (names, types, literals) → `tree` (what is left: typed, flat, no name
//! unresolved) → `canonical` (its one spelling) and `evaluate` (over Arrow batches).
//!
//! # What a comparison means
//! * Logic is SQL's, three-valued: a comparison with null is unknown, and [`Filter::matches`] keeps only
//!   what is true.
//! * Text compares by code point, NFC. Numbers compare exactly; what has no value (a division by zero, a
//!   NaN at rest) is null.
//! * Geometries are CRS84, plane, with the predicates of Simple Features (DE-9IM).
//! * A bound of an `INTERVAL` that is null is open, like `'..'`: `valid_to` without a value is still valid.

mod canonical;
mod compile;
mod error;
mod evaluate;
mod filter;
mod guard;
mod like;
mod limits;
mod parse;
mod shape;
#[cfg(test)]
mod tests;
mod time;
mod tree;

pub use error::FilterError;
pub use filter::{Filter, FilterId, Language};
pub use limits::{MAX_BYTES, MAX_DEPTH, MAX_OPERATORS, MAX_VERTICES};
