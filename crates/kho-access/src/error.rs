//! Refusals.

/// Why no grant was given, or why a grant does not cover what was asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum AccessError {
    /// The layer is not there, or not there for this principal: the two look the same on purpose.
    #[error("no layer is called {0}")]
    NoSuchLayer(String),
    /// The column is not there, or not there for this principal: the two look the same on purpose.
    #[error("layer {layer} has no column {column}")]
    NoSuchColumn {
        /// The layer.
        layer: String,
        /// The column asked for.
        column: String,
    },
}
