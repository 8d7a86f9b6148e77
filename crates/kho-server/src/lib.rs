//! The HTTP side of a city's warehouse: tiles, OGC API Features, map styles, the pages and their
//! own small API, all of one snapshot and behind one door.
//!
//! Every read takes a grant for [`kho_access::Principal::Anonymous`] from the policy; there is no
//! other way to a layer. A layer that is not published does not exist here: it answers 404 like a
//! name nobody ever used.
//!
//! The folders: `http` is what every answer needs (problems, entity tags, limits, logs), `data` is
//! what handlers read (snapshot, rows, indices), and `tiles`, `styles`, `ogc`, `arcgis`, `api`,
//! `events` and `pages` are the routes.

mod api;
mod app;
mod arcgis;
mod config;
mod data;
mod error;
mod events;
mod health;
mod http;
mod ogc;
mod pages;
mod planning;
mod router;
mod search;
mod serve;
mod styles;
#[cfg(test)]
mod tests;
mod tiles;

pub use config::ServerConfig;
pub use error::ServerError;
pub use serve::serve;
