//! A city's networks as graphs: build them from layers, check them, trace them.
//!
//! Two kinds are known, and they run opposite ways:
//!
//! * **drainage** is a *sink* network: `drain_node` and `drain_pipe`, joined by `nut_dau` and
//!   `nut_cuoi`; downstream runs with the water to an outfall;
//! * **lighting** is a *source* network: `lighting_cabinet` and `street_light`, joined by `ma_tu`;
//!   downstream runs with the current away from the cabinet.
//!
//! A [`Network`] is built once for a snapshot and then only read, so it is cheap to share.
//! Coordinates are CRS84 (longitude, latitude) in degrees, lengths metres on the WGS 84 ellipsoid.

mod check;
mod columns;
mod drainage;
mod error;
mod finding;
mod lighting;
mod load;
mod measure;
mod model;
mod trace;

pub use error::NetworkError;
pub use finding::{Finding, FindingKind, Severity};
pub use model::{Edge, Kind, Network, Node, Role};
pub use trace::{Direction, Trace};
