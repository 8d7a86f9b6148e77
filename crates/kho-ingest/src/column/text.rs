//! Text columns: UTF-8, NFC, trimmed, and empty is null.

use super::Converted;
use arrow::array::{Array, BinaryArray, StringArray, StringBuilder};
use std::sync::Arc;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Cleans a text column. A column that is clean already is taken over without a copy.
pub(super) fn clean(array: &BinaryArray) -> Converted {
    if (0..array.len()).all(|i| array.is_null(i) || is_clean(array.value(i))) {
        let (offsets, values, nulls) = array.clone().into_parts();
        if let Ok(text) = StringArray::try_new(offsets, values, nulls) {
            return Converted { array: Arc::new(text), unreadable: Vec::new() };
        }
    }
    let mut out = StringBuilder::with_capacity(array.len(), array.value_data().len());
    let mut unreadable = Vec::new();
    for (row, value) in array.iter().enumerate() {
        match value.map(std::str::from_utf8) {
            None => out.append_null(),
            Some(Err(_)) => {
                unreadable.push(row as u32);
                out.append_null();
            }
            Some(Ok(text)) => match text.trim_matches(|c: char| c.is_whitespace() || c == '\0') {
                "" => out.append_null(),
                text if is_nfc_quick(text.chars()) == IsNormalized::Yes => out.append_value(text),
                text => out.append_value(text.nfc().collect::<String>()),
            },
        }
    }
    Converted { array: Arc::new(out.finish()), unreadable }
}

/// Whether a value needs nothing done. Non-ASCII text does unless it is surely NFC.
fn is_clean(value: &[u8]) -> bool {
    let (Some(first), Some(last)) = (value.first(), value.last()) else {
        return false;
    };
    if *first <= b' ' || *last <= b' ' {
        return false;
    }
    value.is_ascii()
        || std::str::from_utf8(value)
            .is_ok_and(|t| t.trim().len() == t.len() && is_nfc_quick(t.chars()) == IsNormalized::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn text_is_trimmed_normalised_and_checked() {
        let decomposed = "Tra\u{302}\u{300}n";
        let array = BinaryArray::from(vec![
            Some("Trần Phú".as_bytes()),
            Some(b"  a "),
            Some(b""),
            Some(&[0x54, 0xe0][..]),
            Some(decomposed.as_bytes()),
            None,
        ]);
        let out = clean(&array);
        let text = out.array.as_string::<i32>();
        let values: Vec<_> = text.iter().collect();
        assert_eq!(values, [Some("Trần Phú"), Some("a"), None, None, Some("Trần"), None]);
        assert_eq!(out.unreadable, [3]);
    }

    #[test]
    fn clean_text_is_not_copied() {
        let array = BinaryArray::from(vec![Some("Đường Trần Phú".as_bytes()), None, Some(b"x")]);
        let out = clean(&array);
        assert_eq!(out.array.as_string::<i32>().values().as_ptr(), array.values().as_ptr());
    }
}
