//! The room's tests as one program: linking the engine is most of the time that a test binary takes.

mod bake;
mod filters;
mod grids;
mod postgis;
mod support;
mod tiles;
