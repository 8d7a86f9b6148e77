//! Errors as problem documents (RFC 9457).
//!
//! A problem says what the asker can do about it and nothing about the inside: causes go to the
//! log, under a number that the answer repeats.

use std::any::Any;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kho_access::AccessError;
use kho_filter::FilterError;
use kho_lake::LakeError;
use kho_network::NetworkError;
use kho_query::QueryError;
use kho_tile::{SourceError, TileError};

/// The media type of a problem document.
const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that says why there is no better one.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    /// A stable word for programs, under the member `code`.
    code: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<u16>,
}

impl Problem {
    /// 400: something in the request is wrong; `detail` says what and what would be right.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "The request is not understood", detail)
    }

    /// 404: it does not exist, or not for the one who asks; the two look the same.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// Whether it says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// 405 with the page's allowed methods set by the router.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not answer that method",
            "Use GET or HEAD.",
        )
    }

    /// 406: no representation that the asker accepts.
    pub(crate) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "No such representation", detail)
    }

    /// 503: too slow or too busy now; later it may work.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy", detail);
        problem.retry_after = Some(5);
        problem
    }

    /// 503: a source outside of the lake does not answer; it will again.
    fn source_down(detail: impl Into<String>) -> Self {
        let mut problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "source_down", "A source does not answer", detail);
        problem.retry_after = Some(5);
        problem
    }

    /// 500: our fault. The cause is logged under a number, and only the number is told.
    pub(crate) fn internal(cause: &dyn Error) -> Self {
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(error) = next {
            chain = format!("{chain}: {error}");
            next = error.source();
        }
        Self::fault(&chain)
    }

    /// 500 for a cause that is no error value.
    pub(crate) fn fault(cause: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        tracing::error!(number, cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server could not answer",
            format!("The fault is on our side; the server's log has the cause under number {number}."),
        )
    }

    /// For the layer that turns panics into answers.
    pub(crate) fn from_panic(payload: Box<dyn Any + Send + 'static>) -> Response {
        let cause = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("panic");
        Self::fault(cause).into_response()
    }

    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), retry_after: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        let headers = [(header::CONTENT_TYPE, PROBLEM_JSON), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body.to_string()).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Arc<Problem>> for Problem {
    fn from(shared: Arc<Problem>) -> Self {
        Self::clone(&shared)
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        // Hidden and missing have the same words already.
        match error {
            AccessError::NoSuchLayer(_) => Self::not_found(sentence(&error)),
            AccessError::NoSuchColumn { .. } => Self::bad_request(sentence(&error)),
        }
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::Access(error) => Self::from(error),
            error if error.is_user_error() => Self::bad_request(sentence(&error)),
            error => Self::internal(&error),
        }
    }
}

impl From<&LakeError> for Problem {
    fn from(error: &LakeError) -> Self {
        match error {
            LakeError::NoSnapshot { asked, .. } => Self::not_found(format!("There is no snapshot {asked}.")),
            LakeError::NoData { layer, snapshot } => {
                Self::not_found(format!("Layer {layer} has no data at snapshot {snapshot}."))
            }
            LakeError::Access(error) => Self::from(error.clone()),
            LakeError::Busy(_) => Self::busy("The catalog is held by another program; ask again later."),
            error => Self::internal(error),
        }
    }
}

impl From<LakeError> for Problem {
    fn from(error: LakeError) -> Self {
        Self::from(&error)
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Timeout(_) | QueryError::Busy | QueryError::OutOfMemory(_) => {
                Self::busy("The figures took too long to compute; ask again later.")
            }
            // The server writes its own SQL: whatever else is wrong with it is our fault.
            error => Self::internal(&error),
        }
    }
}

impl From<TileError> for Problem {
    fn from(error: TileError) -> Self {
        match &error {
            TileError::NoSuchTile { .. } => Self::bad_request(sentence(&error)),
            TileError::Lake { source, .. } => Self::from(&**source),
            TileError::Filter(error) => Self::from(error.clone()),
            error => Self::internal(error),
        }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        match &error {
            SourceError::NoSuch(_) => Self::not_found(sentence(&error)),
            // Why is for the operator, who finds it in the log and with `kho sources`.
            SourceError::Down { name, .. } => {
                Self::source_down(format!("Source {name} does not answer; ask again later."))
            }
            SourceError::Changed { .. } => Self::source_down(format!("{} Ask again.", sentence(&error))),
            SourceError::Slow { .. } => {
                Self::busy(format!("{} Ask for a higher zoom, or again later.", sentence(&error)))
            }
            SourceError::TooBig { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "tile_too_big",
                "The tile is too big",
                format!("{} Ask for a higher zoom.", sentence(&error)),
            ),
            SourceError::Failed { name, .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                "source_failed",
                "A source gave no tile",
                format!("{name} could not make this tile; the server's log has the cause."),
            ),
            SourceError::SameLayer(_) => {
                Self::bad_request(format!("{} Ask for them apart.", sentence(&error)))
            }
            error => Self::internal(error),
        }
    }
}

impl From<&NetworkError> for Problem {
    fn from(error: &NetworkError) -> Self {
        match error {
            NetworkError::Lake(error) => Self::from(error),
            // The layer is there but not built like a network: the asker cannot trace it.
            NetworkError::MissingColumn { .. } | NetworkError::ColumnType { .. } => {
                tracing::warn!(%error, "a network cannot be built");
                Self::not_found("This city has no such network: its layers lack the columns that join them.")
            }
            error => Self::internal(error),
        }
    }
}

impl From<::parquet::errors::ParquetError> for Problem {
    fn from(error: ::parquet::errors::ParquetError) -> Self {
        Self::internal(&error)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<tokio::task::JoinError> for Problem {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(&error)
    }
}

impl From<arrow::error::ArrowError> for Problem {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::internal(&error)
    }
}

/// An error's words as a sentence.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_is_a_problem_document() {
        let response = Problem::bad_request("z must be 0 to 22.").into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["status"], 400);
        assert_eq!(body["detail"], "z must be 0 to 22.");
    }

    #[test]
    fn causes_stay_in_the_log() {
        let secret = std::io::Error::other("secret path");
        assert!(!Problem::internal(&secret).detail.contains("secret"));
    }

    #[test]
    fn what_a_database_says_stays_in_the_log() {
        let down = SourceError::Down { name: "gt".into(), reason: "secret".into() };
        let failed = SourceError::Failed { name: "gt.duong".into(), reason: "secret".into() };
        for (error, status) in [(down, StatusCode::SERVICE_UNAVAILABLE), (failed, StatusCode::BAD_GATEWAY)] {
            let problem = Problem::from(error);
            assert_eq!(problem.status, status);
            assert!(!problem.detail.contains("secret"), "{}", problem.detail);
        }
        let missing = Problem::from(SourceError::NoSuch("abc".into()));
        assert_eq!(missing.detail, "No layer is called abc.", "as of a layer that is not there");
    }

    #[test]
    fn a_hidden_layer_reads_like_a_missing_one() {
        let problem = Problem::from(AccessError::NoSuchLayer("abc".into()));
        assert_eq!(
            (problem.status, problem.detail.as_str()),
            (StatusCode::NOT_FOUND, "No layer is called abc.")
        );
    }
}
