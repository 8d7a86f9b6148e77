//! Titles in two languages, and the folding that makes names comparable.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A text for people, in Vietnamese and English.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Vietnamese.
    pub vi: String,
    /// English; empty means: show the Vietnamese.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub en: String,
}

impl Text {
    /// Both languages at once.
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// The text in `lang` (`"en"`, anything else is Vietnamese), Vietnamese where English is missing.
    pub fn get(&self, lang: &str) -> &str {
        if lang.starts_with("en") && !self.en.is_empty() { &self.en } else { &self.vi }
    }
}

/// Folds case and diacritics: NFD, marks dropped, lower case, and đ→d explicitly, because
/// U+0111 does not decompose.
///
/// ```
/// assert_eq!(kho_layer::fold("Đường Trần Phú"), "duong tran phu");
/// ```
pub fn fold(text: &str) -> String {
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect()
}

/// Folds case alone: lower case, letter by letter.
///
/// ```
/// assert_eq!(kho_layer::fold_case("ĐẠI LỘ"), "đại lộ");
/// ```
pub fn fold_case(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Folds diacritics alone: NFD, marks dropped, đ→d and Đ→D, NFC.
///
/// ```
/// assert_eq!(kho_layer::fold_accents("Đường Trần Phú"), "Duong Tran Phu");
/// ```
pub fn fold_accents(text: &str) -> String {
    let plain = text.nfd().filter(|c| !is_combining_mark(*c)).map(|c| match c {
        'đ' => 'd',
        'Đ' => 'D',
        c => c,
    });
    plain.nfc().collect()
}

/// Whether `name` may name a layer or a column: a lower-case ASCII letter, then letters, digits
/// and underscores, at most 63 bytes (PostgreSQL's limit, so that every export keeps the name).
pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= 63
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_vietnamese() {
        assert_eq!(fold("Thửa đất ĐẠI LỘ"), "thua dat dai lo");
        assert_eq!(fold("oà òa"), "oa oa");
    }

    #[test]
    fn folding_both_is_folding_each() {
        for text in ["Thửa đất ĐẠI LỘ", "oà òa", "Trần Phú", "ÄÖ é", ""] {
            assert_eq!(fold_case(&fold_accents(text)), fold(text));
            assert_eq!(fold_accents(&fold_case(text)), fold(text));
        }
    }

    #[test]
    fn names_are_sql_safe() {
        assert!(is_name("land_parcel"));
        for bad in ["", "1a", "Đất", "a-b", "a b", "A"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
