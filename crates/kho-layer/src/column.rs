//! A layer's columns.

use crate::Text;
use serde::{Deserialize, Serialize};

/// Who may see a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessClass {
    /// Everybody, once the layer is published.
    Public,
    /// The city's own people.
    Internal,
    /// Personal or protected data: only who is named for it. Stored apart from the rest.
    Restricted,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// UTF-8, NFC.
    Text,
    /// 64-bit signed.
    Integer,
    /// 64-bit IEEE 754.
    Float,
    /// True or false.
    Boolean,
    /// A day, ISO 8601.
    Date,
    /// An instant in UTC, to the microsecond.
    Timestamp,
}

/// One column of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name in SQL, tiles and files.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// The name for people.
    pub title: Text,
    /// Who may see it. A column that says nothing is internal: opening is a decision.
    #[serde(default = "internal")]
    pub access: AccessClass,
    /// The code list its values are taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_list: Option<String>,
    /// The unit of its values, as printed (`m²`, `mm`, `‰`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether every feature must have a value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Other names under which deliveries bring it (compared folded).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

fn internal() -> AccessClass {
    AccessClass::Internal
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(b: &bool) -> bool {
    !*b
}
