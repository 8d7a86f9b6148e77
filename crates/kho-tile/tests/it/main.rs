//! The room's tests as one program: linking the engine is most of the time that a test binary takes.

mod bake;
mod federated;
mod filters;
mod grids;
mod mlt;
mod overviews;
mod postgis;
mod support;
mod tiles;
