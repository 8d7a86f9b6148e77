//! Filters over a layer that has a column of every type.
