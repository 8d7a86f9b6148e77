//! What can be wrong with a filter.

use kho_access::AccessError;

/// Why there is no filter, or no answer from one. All but [`FilterError::Internal`] and
/// [`FilterError::OtherGrant`] are mistakes of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The language is none that is spoken here.
    #[error("filter-lang is cql2-text or cql2-json, not {0:?}")]
    Language(String),
    /// It is more than anybody has a use for.
    #[error("the filter is too big: at most {most} {what}")]
    TooBig {
        /// Of what there is too much.
        what: &'static str,
        /// How much there may be.
        most: usize,
    },
    /// It is not CQL2.
    #[error("the filter cannot be read at {place}: {message}")]
    Syntax {
        /// Line and column, or the path in the JSON.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// It is CQL2 but makes no sense for this layer.
    #[error("the filter makes no sense at `{place}`: {message}")]
    Meaning {
        /// The part of it, in CQL2 text.
        place: String,
        /// What is wrong with it, and what would be right.
        message: String,
    },
    /// It names a column that is not there, or not for this grant: the two look the same on purpose.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// It is being used with another grant than the one it was made for.
    #[error("a filter for the {made} columns of {layer} was used with another grant")]
    OtherGrant {
        /// The layer it was made for.
        layer: String,
        /// The class it was made for.
        made: &'static str,
    },
    /// A fault of this program.
    #[error("a filter could not be worked out: {0}")]
    Internal(String),
}

impl FilterError {
    /// Whether the mistake is in the filter, so that asking again cannot help.
    pub fn is_user_error(&self) -> bool {
        !matches!(self, Self::OtherGrant { .. } | Self::Internal(_))
    }

    pub(crate) fn syntax(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Syntax { place: place.into(), message: message.into() }
    }
}

impl From<arrow::error::ArrowError> for FilterError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Internal(error.to_string())
    }
}
