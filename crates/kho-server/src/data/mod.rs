//! What the handlers read: which snapshot, which layers, which rows, in which words.

pub(crate) mod at;
pub(crate) mod caches;
pub(crate) mod catalogue;
pub(crate) mod cql;
pub(crate) mod filter;
pub(crate) mod geojson;
pub(crate) mod index;
pub(crate) mod parquet;
pub(crate) mod rows;
pub(crate) mod shape;
pub(crate) mod words;
