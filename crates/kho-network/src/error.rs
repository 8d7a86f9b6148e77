//! What can go wrong before a network stands.

/// An error of building or loading a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The layer lacks a column that the network cannot be built without.
    #[error(
        "layer {layer:?} has no readable column {column:?}; the network needs it: add it to the \
         delivery or map it with an alias in layers/{layer}.toml"
    )]
    MissingColumn {
        /// The layer that was read.
        layer: &'static str,
        /// The column that was sought.
        column: &'static str,
    },
    /// A column has a type that cannot be read as what the network needs.
    #[error("column {column:?} of layer {layer:?} is {found}, which cannot be read as {wanted}")]
    ColumnType {
        /// The layer that was read.
        layer: &'static str,
        /// The column.
        column: &'static str,
        /// The Arrow type found.
        found: String,
        /// What was wanted, in words.
        wanted: &'static str,
    },
    /// More features than a graph of 32-bit indices holds.
    #[error("the {0} network has more than 4 billion features; split the layer")]
    TooLarge(&'static str),
    /// The lake could not be read.
    #[error("reading the network's layers failed")]
    Lake(#[from] kho_lake::LakeError),
}
