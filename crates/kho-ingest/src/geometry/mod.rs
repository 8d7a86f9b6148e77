//! Geometry on its way from a delivered file to clean WKB.
//!
//! A batch of WKB is taken apart once ([`Shapes`]): all x in one array, all y in another, with
//! offsets for rings, parts and shapes, so that a whole batch is transformed in one call, checked
//! without allocating, and written back in one pass.

mod check;
mod linear;
mod native;
mod reason;
mod repair;
mod shapes;
mod wkb_read;
mod wkb_write;

pub(crate) use check::is_clean;
pub(crate) use native::push_native;
pub(crate) use reason::Reason;
pub(crate) use repair::{Repaired, repair};
pub(crate) use shapes::Shapes;
