//! What every answer needs, whatever it is about.

pub(crate) mod base;
pub(crate) mod conditional;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod negotiate;
pub(crate) mod params;
pub(crate) mod problem;
