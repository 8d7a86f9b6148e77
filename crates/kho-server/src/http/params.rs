//! Path and query parameters, read so that every refusal is a problem document.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Path parameters.
pub(crate) struct Segments<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The only way to fail is a segment that is not UTF-8 once decoded.
        Path::<T>::from_request_parts(parts, state)
            .await
            .map(|Path(value)| Self(value))
            .map_err(|_| Problem::bad_request("The address is not readable as UTF-8."))
    }
}

/// Query parameters, in order.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter; the first one when it is repeated. An empty value counts as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// A number; `what` says what it is, in the words of the refusal.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        self.get(name)
            .map(|text| text.trim().parse())
            .transpose()
            .map_err(|_| Problem::bad_request(format!("{name} must be {what}.")))
    }

    /// Refuses parameters that this address does not know (OGC API Features, 7.5), and those that
    /// are given more than once.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        for (index, (key, _)) in self.0.iter().enumerate() {
            if !known.contains(&key.as_str()) {
                return Err(Problem::bad_request(format!(
                    "The parameter {key:?} is not known here; known are: {}.",
                    known.join(", ")
                )));
            }
            if self.0[..index].iter().any(|(before, _)| before == key) {
                return Err(Problem::bad_request(format!("The parameter {key} is given twice.")));
            }
        }
        Ok(())
    }

    /// The same parameters with one set, as a query string without the question mark.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let kept = self.0.iter().filter(|(key, _)| key != name).map(|(k, v)| (k.as_str(), v.as_str()));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair(name, value)
            .finish()
    }

    /// All parameters as a query string without the question mark.
    pub(crate) fn all(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_checked_and_written_back() {
        let params = Params::parse("bbox=1%2C2&limit=10&f=");
        assert_eq!(params.get("bbox"), Some("1,2"));
        assert_eq!(params.get("f"), None);
        assert_eq!(params.number::<u32>("limit", "a number").unwrap(), Some(10));
        assert!(params.number::<u32>("bbox", "a number").is_err());
        assert!(params.only(&["bbox", "limit", "f"]).is_ok());
        assert!(params.only(&["bbox", "limit"]).is_err());
        assert_eq!(params.with("limit", "5"), "bbox=1%2C2&f=&limit=5");
        assert!(Params::parse("a=1&a=2").only(&["a"]).is_err());
    }
}
