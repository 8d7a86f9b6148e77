//! What can be wrong with a city's definition files.

use std::path::PathBuf;

/// An error in a definition file. Every variant is a user error: it says which file, what is
/// wrong in it and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The folder has no `kho.toml`.
    #[error("{0} is not a kho city: it has no kho.toml. `kho init {0}` makes one")]
    NotACity(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not the TOML that was expected; the message holds line and column.
    #[error("{path}: {message}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// The parser's message, with the place.
        message: String,
    },
    /// A definition is well-formed TOML but contradicts itself.
    #[error("layer {layer}: {message}")]
    Definition {
        /// The layer's name.
        layer: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A composite in `kho.toml` cannot be made.
    #[error("kho.toml: [[bake.composite]] {name}: {message}")]
    Composite {
        /// The composite's name.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A `[[source]]` of `kho.toml` contradicts itself.
    #[error("source {name}: {message}")]
    Source {
        /// The source's name.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// No layer has this name.
    #[error("no layer is called {name}; this city has: {known}")]
    UnknownLayer {
        /// The name asked for.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
}
