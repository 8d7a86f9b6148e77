//! The room's tests as one program: linking the engine is most of the time that a test binary takes.

mod catalogs;
mod changes;
mod files;
mod support;
