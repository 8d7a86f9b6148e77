//! Values as text: for text columns, keys, and the quarantine file.

use super::Converted;
use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, Date32Type, Float32Type, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;

/// Any column as text. Whole floats lose their `.0`: a sheet number that a spreadsheet made
/// a float is still `12`. NaN is how some writers put "no value", so it is null.
pub(super) fn to_text(source: &ArrayRef) -> Converted {
    let mut out = StringBuilder::with_capacity(source.len(), source.len() * 8);
    let options = FormatOptions::default();
    let floats = match source.data_type() {
        DataType::Float32 => Some(source.as_primitive::<Float32Type>().unary(f64::from)),
        DataType::Float64 => Some(source.as_primitive::<Float64Type>().clone()),
        _ => None,
    };
    let formatter = ArrayFormatter::try_new(source.as_ref(), &options).ok();
    let mut unreadable = Vec::new();
    for row in 0..source.len() {
        let no_number = floats.as_ref().is_some_and(|f| f.value(row).is_nan());
        if source.is_null(row) || no_number {
            out.append_null();
            continue;
        }
        let done = match (&floats, &formatter) {
            (Some(floats), _) => write!(out, "{}", floats.value(row)).is_ok(),
            (None, Some(formatter)) => write!(out, "{}", formatter.value(row)).is_ok(),
            (None, None) => false,
        };
        if done {
            out.append_value("");
        } else {
            unreadable.push(row as u32);
            out.append_null();
        }
    }
    Converted { array: Arc::new(out.finish()), unreadable }
}

/// Appends a key value to `out`, in the form that is hashed; nothing for null. Whether there
/// was a value.
pub(crate) fn write_key(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> bool {
    use std::io::Write as _;
    if array.is_null(row) {
        return false;
    }
    // Writing to a Vec cannot fail.
    match array.data_type() {
        DataType::Utf8 => out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes()),
        DataType::Int64 => {
            let _ = write!(out, "{}", array.as_primitive::<Int64Type>().value(row));
        }
        DataType::Float64 => {
            let _ = write!(out, "{}", array.as_primitive::<Float64Type>().value(row));
        }
        DataType::Date32 => {
            let _ = write!(out, "{}", array.as_primitive::<Date32Type>().value(row));
        }
        _ => {
            if let Ok(formatter) = ArrayFormatter::try_new(array, &FormatOptions::default()) {
                let _ = write!(out, "{}", formatter.value(row));
            }
        }
    }
    true
}

/// A source value as JSON, for the quarantine file. Text that is not UTF-8 is shown with
/// replacement characters.
pub(crate) fn json_value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Binary => String::from_utf8_lossy(array.as_binary::<i32>().value(row)).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        ty => {
            let text = ArrayFormatter::try_new(array, &FormatOptions::default())
                .map(|f| f.value(row).to_string())
                .unwrap_or_default();
            if ty.is_numeric()
                && let Ok(number) = serde_json::from_str(&text)
            {
                return Value::Number(number);
            }
            text.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryArray, Float64Array, Int32Array, StringArray};

    #[test]
    fn whole_floats_are_written_whole() {
        let floats: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(12.0), Some(0.5), None, Some(f64::NAN)]));
        let out = to_text(&floats).array;
        let text: Vec<_> = out.as_string::<i32>().iter().collect();
        assert_eq!(text, [Some("12"), Some("0.5"), None, None]);
    }

    #[test]
    fn json_keeps_kinds() {
        assert_eq!(json_value(&Int32Array::from(vec![7]), 0), Value::from(7));
        assert_eq!(json_value(&BinaryArray::from_vec(vec![b"x"]), 0), Value::from("x"));
        assert_eq!(json_value(&StringArray::new_null(1), 0), Value::Null);
    }
}
