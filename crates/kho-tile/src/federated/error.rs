//! What can go wrong with other people's tiles.

/// Why a source gave no tile. No variant holds a password or a value, or what a database said about a
/// query: its messages quote rows.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// The source does not open anything of this name. The words are those for a layer that is not
    /// there.
    #[error("no layer is called {0}")]
    NoSuch(String),
    /// The source does not answer, or is not what its definition says.
    #[error("source {name} does not answer: {reason}")]
    Down {
        /// The source.
        name: String,
        /// In a few words of kho's.
        reason: String,
    },
    /// What the source opens has changed since it was last looked at; it is being looked at.
    #[error("{name} has just changed")]
    Changed {
        /// The layer.
        name: String,
    },
    /// The source took longer than its definition allows.
    #[error("{name} took too long")]
    Slow {
        /// The layer.
        name: String,
    },
    /// The tile is larger than the definition allows.
    #[error("this tile of {name} has more than {bound} bytes")]
    TooBig {
        /// The layer.
        name: String,
        /// The bound, bytes.
        bound: usize,
    },
    /// The source answered with an error, or with what is no tile.
    #[error("{name}: {reason}")]
    Failed {
        /// The layer.
        name: String,
        /// In a few words of kho's.
        reason: String,
    },
    /// Two of several layers that were asked for in one tile have a tile layer of the same name.
    #[error("two of these have a tile layer called {0}")]
    SameLayer(String),
    /// A fault of this program: the work was cut off.
    #[error("making the tile was cut off: {0}")]
    Internal(String),
}

impl SourceError {
    pub(super) fn failed(name: &str, reason: impl Into<String>) -> Self {
        Self::Failed { name: name.to_owned(), reason: reason.into() }
    }
}
