//! Text or JSON into the cql2 crate's expressions.

use crate::FilterError;
use crate::filter::Language;
use crate::limits::{MAX_STEPS, STACK};
use cql2::Expr;
use pest::error::{ErrorVariant, LineColLocation};
use serde_json::Value;
use std::num::NonZeroUsize;

/// Reads a filter and hands the expression to `then`, both on a thread with a stack of its own: the
/// expression of the cql2 crate is a tree of boxes, and reading, walking and dropping it recurse. A
/// panic in there ends that thread and nothing else.
pub(crate) fn read<T: Send>(
    filter: &str,
    language: Language,
    then: impl FnOnce(&Expr) -> Result<T, FilterError> + Send,
) -> Result<T, FilterError> {
    crate::guard::length(filter)?;
    let work = || {
        let expression = match language {
            Language::Text => text(filter),
            Language::Json => json(filter),
        }?;
        then(&expression)
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("filter".into())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|e| FilterError::Internal(e.to_string()))?
            .join()
            .map_err(|_| FilterError::Internal("reading it was cut off".into()))?
    })
}

fn text(filter: &str) -> Result<Expr, FilterError> {
    if filter.trim().is_empty() {
        return Err(FilterError::syntax("line 1, column 1", "it is empty"));
    }
    crate::guard::text(filter)?;
    // The grammar of cql2 0.6 tries a bracket as a group and, if that fails, as a list, so that a fault
    // within n brackets is looked at 2^n times. The limit is pest's for the whole program, in
    // which cql2 is its only user.
    pest::set_call_limit(NonZeroUsize::new(MAX_STEPS));
    cql2::parse_text(filter).map_err(|error| match error {
        cql2::Error::Pest(error) => {
            let (LineColLocation::Pos((line, column)) | LineColLocation::Span((line, column), _)) =
                error.line_col;
            let message = match &error.variant {
                // "call limit reached": what is wrong is found only by trying everything.
                ErrorVariant::CustomError { .. } => "its brackets hold something that is not CQL2".to_owned(),
                ErrorVariant::ParsingError { .. } => match excerpt(filter, line, column) {
                    Some(rest) => format!("{rest:?} does not belong there"),
                    None => "something is missing at the end".to_owned(),
                },
            };
            FilterError::syntax(crate::guard::place(line, column), message)
        }
        cql2::Error::NestedGeometryCollection => {
            FilterError::syntax("a GEOMETRYCOLLECTION", "it holds another one, which CQL2 does not allow")
        }
        error => FilterError::syntax("some place", short(&error.to_string())),
    })
}

fn json(filter: &str) -> Result<Expr, FilterError> {
    // serde_json refuses more than 128 brackets within brackets by itself.
    let value: Value = serde_json::from_str(filter)
        .map_err(|e| FilterError::syntax(crate::guard::place(e.line(), e.column()), "this is not JSON"))?;
    crate::guard::json(&value)?;
    Expr::try_from(value)
        .map_err(|_| FilterError::syntax("some place", "it is JSON but not CQL2 (geometries are GeoJSON's)"))
}

/// A few characters from a place on.
fn excerpt(filter: &str, line: usize, column: usize) -> Option<String> {
    let rest: String =
        filter.lines().nth(line.checked_sub(1)?)?.chars().skip(column.checked_sub(1)?).collect();
    let rest = rest.trim();
    (!rest.is_empty()).then(|| short(rest))
}

/// Long texts with their middle cut out.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let first: String = text.chars().take(MOST).collect();
    format!("{first}…")
}
