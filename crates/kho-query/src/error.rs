//! What can go wrong with a question: the asker's errors, told in full, and ours, told briefly.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use std::time::Duration;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL; the message holds line and column.
    #[error("this is not SQL that can be read: {0}")]
    Syntax(String),
    /// The text is SQL, but not one SELECT.
    #[error("{what} is not allowed: a query is exactly one SELECT (or WITH … SELECT)")]
    NotAQuery {
        /// What was found instead.
        what: String,
    },
    /// A table that is not there, or not there for this principal.
    #[error("there is no table {name}; there are: {known}")]
    UnknownTable {
        /// The name in the query.
        name: String,
        /// The tables and views there are for this principal.
        known: String,
    },
    /// A column that is not there, or not there for this principal.
    #[error("there is no column {name}; there are: {known}")]
    UnknownColumn {
        /// The name in the query.
        name: String,
        /// The columns that could be meant.
        known: String,
    },
    /// The snapshot asked for is not in the lake.
    #[error("there is no snapshot {0}; `kho snapshots` lists them")]
    UnknownSnapshot(i64),
    /// The query cannot be understood or computed as it stands: types, functions, values.
    #[error("{0}")]
    Invalid(String),
    /// The time limit.
    #[error("the query took longer than {} s and was stopped; ask for a smaller area or fewer columns", .0.as_secs_f32())]
    Timeout(Duration),
    /// The row limit.
    #[error("the answer has more than {0} rows; add a LIMIT or a narrower WHERE")]
    TooManyRows(u64),
    /// The memory limit, after spilling what can be spilled to disk.
    #[error("the query needs more than its {0} MB of memory; ask for a smaller area or fewer columns")]
    OutOfMemory(usize),
    /// Too many queries at once.
    #[error("too many queries are running; try again in a moment")]
    Busy,
    /// A fault of ours or of the machine. The cause is for the log, not for the asker.
    #[error("the query failed for a reason that is not its own; the log has the details")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl QueryError {
    /// Whether the asker can do something about it (as against a fault of ours).
    pub fn is_user(&self) -> bool {
        !matches!(self, Self::Internal(_))
    }

    pub(crate) fn internal(e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let e = e.into();
        tracing::error!(error = %e, "query failed");
        Self::Internal(e)
    }
}

impl From<kho_lake::LakeError> for QueryError {
    fn from(e: kho_lake::LakeError) -> Self {
        use kho_lake::LakeError;
        match e {
            LakeError::NoSnapshot { asked, .. } => Self::UnknownSnapshot(asked),
            LakeError::Busy(_) => Self::Busy,
            e @ (LakeError::NoData { .. } | LakeError::Access(_)) => Self::Invalid(e.to_string()),
            other => Self::internal(other),
        }
    }
}

impl From<QueryError> for DataFusionError {
    fn from(e: QueryError) -> Self {
        Self::External(Box::new(e))
    }
}

impl From<ArrowError> for QueryError {
    fn from(e: ArrowError) -> Self {
        match e {
            ArrowError::ExternalError(e) => match e.downcast::<DataFusionError>() {
                Ok(e) => Self::from(*e),
                Err(e) => Self::internal(e),
            },
            ArrowError::IoError(_, e) => Self::internal(e),
            ArrowError::DivideByZero => Self::Invalid("division by zero".into()),
            ArrowError::CastError(m)
            | ArrowError::ParseError(m)
            | ArrowError::ComputeError(m)
            | ArrowError::ArithmeticOverflow(m)
            | ArrowError::InvalidArgumentError(m) => Self::Invalid(without_paths(&m)),
            other => Self::internal(other),
        }
    }
}

impl From<DataFusionError> for QueryError {
    fn from(e: DataFusionError) -> Self {
        match e {
            DataFusionError::Context(_, e) | DataFusionError::Diagnostic(_, e) => Self::from(*e),
            DataFusionError::External(e) => match e.downcast::<QueryError>() {
                Ok(e) => *e,
                Err(e) => match e.downcast::<DataFusionError>() {
                    Ok(e) => Self::from(*e),
                    Err(e) => Self::internal(e),
                },
            },
            DataFusionError::Shared(e) => shared(&e),
            DataFusionError::Collection(mut all) if !all.is_empty() => Self::from(all.swap_remove(0)),
            DataFusionError::SQL(e, _) => Self::Syntax(parser_message(&e)),
            DataFusionError::SchemaError(e, _) => schema_error(&e),
            DataFusionError::ArrowError(e, _) => Self::from(*e),
            DataFusionError::Plan(m) | DataFusionError::NotImplemented(m) | DataFusionError::Execution(m) => {
                Self::Invalid(without_paths(&m))
            }
            // The limit itself is filled in by the engine, which knows it.
            DataFusionError::ResourcesExhausted(m) => {
                tracing::warn!(reason = %m, "query ran out of memory");
                Self::OutOfMemory(0)
            }
            other => Self::internal(other),
        }
    }
}

/// An error that several partitions share can only be looked at: its text is kept.
fn shared(e: &DataFusionError) -> QueryError {
    match e {
        DataFusionError::ResourcesExhausted(_) => QueryError::OutOfMemory(0),
        DataFusionError::Shared(e) => shared(e),
        DataFusionError::ArrowError(e, _) => match &**e {
            ArrowError::DivideByZero => QueryError::Invalid("division by zero".into()),
            ArrowError::ExternalError(e) => match e.downcast_ref::<DataFusionError>() {
                Some(e) => shared(e),
                None => QueryError::internal(e.to_string()),
            },
            ArrowError::IoError(..) | ArrowError::MemoryError(_) => QueryError::internal(e.to_string()),
            other => QueryError::Invalid(without_paths(&other.to_string())),
        },
        DataFusionError::Plan(m) | DataFusionError::NotImplemented(m) | DataFusionError::Execution(m) => {
            QueryError::Invalid(without_paths(m))
        }
        DataFusionError::Context(_, e) => shared(e),
        other => QueryError::internal(other.to_string()),
    }
}

fn parser_message(e: &datafusion::sql::sqlparser::parser::ParserError) -> String {
    use datafusion::sql::sqlparser::parser::ParserError;
    match e {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.clone(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply".into(),
    }
}

fn schema_error(e: &SchemaError) -> QueryError {
    match e {
        SchemaError::FieldNotFound { field, valid_fields } => QueryError::UnknownColumn {
            name: field.flat_name(),
            known: names(valid_fields.iter().map(datafusion::common::Column::flat_name)),
        },
        other => QueryError::Invalid(other.to_string()),
    }
}

/// Names for a message, in order, each once; long lists are cut.
pub(crate) fn names(all: impl Iterator<Item = String>) -> String {
    const MOST: usize = 60;
    let mut list: Vec<String> = Vec::new();
    for name in all {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    let more = list.len().saturating_sub(MOST);
    list.truncate(MOST);
    if more > 0 {
        list.push(format!("and {more} more"));
    }
    if list.is_empty() { "none".into() } else { list.join(", ") }
}

/// Messages of the libraries below may hold a path of this machine; it is nobody's business.
fn without_paths(message: &str) -> String {
    // A slash at the beginning of a word, or after a quote, bracket, = or :, then a name and
    // another slash.
    let begins = |word: &str, at: usize| {
        let (before, rest) = (word[..at].chars().next_back(), &word[at + 1..]);
        let named = rest.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_');
        before.is_none_or(|c| !c.is_alphanumeric() && c != ')') && named && rest.contains('/')
    };
    let hide = |word: &str| word.match_indices('/').any(|(at, _)| begins(word, at));
    message.split(' ').map(|w| if hide(w) { "…" } else { w }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_do_not_leave_the_machine() {
        assert_eq!(without_paths("cannot open '/srv/city/lake/x.parquet' now"), "cannot open … now");
        for path in
            ["path=/srv/city/x", "file:///srv/x", "(/srv/city/x.parquet)", "[\"/srv/x\"]:", "a:/srv/x"]
        {
            assert_eq!(without_paths(&format!("in {path} now")), "in … now");
        }
        for harmless in ["a / b and 12/345 stay", "so_to/(a)/2", "11/21/2026", "(a)/b/c"] {
            assert_eq!(without_paths(harmless), harmless);
        }
    }

    #[test]
    fn an_error_of_ours_survives_the_way_through_datafusion() {
        let e: DataFusionError = QueryError::TooManyRows(7).into();
        let e = e.context("somewhere").context("else");
        assert!(matches!(QueryError::from(e), QueryError::TooManyRows(7)));
    }

    #[test]
    fn internal_errors_say_nothing() {
        let e = QueryError::from(DataFusionError::Internal("secret at /srv/x/y".into()));
        assert!(!e.is_user());
        assert!(!e.to_string().contains("secret"));
    }
}
