//! Code lists: the closed vocabularies that columns take their values from.

use crate::Text;
use serde::{Deserialize, Serialize};

/// One code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeEntry {
    /// The value that stands in the data.
    pub code: String,
    /// What it means.
    pub title: Text,
    /// The colour in which maps and legends show it, CSS hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

/// A code list; the content of one `codes/NAME.toml`. A list has a version because circulars
/// replace one another and old deliveries keep the old codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeList {
    /// The name that columns refer to.
    pub name: String,
    /// The version: the circular that sets it, or a date.
    pub version: String,
    /// The name for people.
    pub title: Text,
    /// The codes, in the order of legends.
    #[serde(default, rename = "entry")]
    pub entries: Vec<CodeEntry>,
}

impl CodeList {
    /// The entry of a code.
    pub fn entry(&self, code: &str) -> Option<&CodeEntry> {
        self.entries.iter().find(|e| e.code == code)
    }
}
