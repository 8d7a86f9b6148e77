//! Features as GeoJSON text (RFC 7946), written column by column without a tree in between.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, SecondsFormat};
use kho_layer::{GEOMETRY, KHO_ID};

use super::{filter, shape};

/// Appends the features of a batch, separated by commas; `first` says whether none came before.
pub(crate) fn write_features(batch: &RecordBatch, first: bool, out: &mut String) {
    for row in 0..batch.num_rows() {
        if row > 0 || !first {
            out.push(',');
        }
        write_feature(batch, row, "", out);
    }
}

/// Appends one feature; `more` are further members, with their leading commas.
pub(crate) fn write_feature(batch: &RecordBatch, row: usize, more: &str, out: &mut String) {
    out.push_str("{\"type\":\"Feature\",\"id\":");
    match id(batch, row) {
        Some(id) => write_integer(id, out),
        None => out.push_str("null"),
    }
    out.push_str(",\"geometry\":");
    match batch.column_by_name(GEOMETRY).and_then(|c| c.as_binary_opt::<i32>()) {
        Some(shapes) if !shapes.is_null(row) => shape::write_geojson(shapes.value(row), out),
        _ => out.push_str("null"),
    }
    out.push_str(",\"properties\":{");
    let mut first = true;
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == KHO_ID || field.name() == GEOMETRY {
            continue;
        }
        if !std::mem::replace(&mut first, false) {
            out.push(',');
        }
        write_text(field.name(), out);
        out.push(':');
        write_value(column, row, out);
    }
    out.push('}');
    out.push_str(more);
    out.push('}');
}

/// The id of a row.
pub(crate) fn id(batch: &RecordBatch, row: usize) -> Option<i64> {
    let ids = batch.column_by_name(KHO_ID)?.as_primitive_opt::<Int64Type>()?;
    (!ids.is_null(row)).then(|| ids.value(row))
}

/// A value as JSON.
pub(crate) fn value(batch: &RecordBatch, column: &str, row: usize) -> serde_json::Value {
    let mut text = String::new();
    match batch.column_by_name(column) {
        Some(array) => write_value(array, row, &mut text),
        None => return serde_json::Value::Null,
    }
    serde_json::from_str(&text).unwrap_or_default()
}

fn write_value(array: &ArrayRef, row: usize, out: &mut String) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    match array.data_type() {
        DataType::Utf8 => write_text(array.as_string::<i32>().value(row), out),
        DataType::Int64 => write_integer(array.as_primitive::<Int64Type>().value(row), out),
        DataType::Float64 => write_float(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Date32 => match filter::date(array.as_primitive::<Date32Type>().value(row)) {
            Some(date) => write_text(&date.to_string(), out),
            None => out.push_str("null"),
        },
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            match DateTime::from_timestamp_micros(micros) {
                Some(time) => write_text(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true), out),
                None => out.push_str("null"),
            }
        }
        // No layer has another type.
        _ => out.push_str("null"),
    }
}

/// Appends a number with as few digits as tell it apart; what JSON cannot say becomes null.
pub(crate) fn write_number(value: f64, out: &mut String) {
    if value.is_finite() {
        // Writing into a String cannot fail.
        let _ = write!(out, "{value}");
    } else {
        out.push_str("null");
    }
}

/// The same with a decimal point even for a whole number: clients that guess a column's type from
/// its first values must not take it for integers.
fn write_float(value: f64, out: &mut String) {
    if value.is_finite() {
        let _ = write!(out, "{value:?}");
    } else {
        out.push_str("null");
    }
}

fn write_integer(value: i64, out: &mut String) {
    let _ = write!(out, "{value}");
}

/// Appends a JSON string.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use proptest::prelude::*;

    #[test]
    fn a_feature_is_geojson() {
        let mut point = vec![1, 1, 0, 0, 0];
        point.extend(109.25_f64.to_le_bytes());
        point.extend(12.5_f64.to_le_bytes());
        let columns: Vec<(&str, ArrayRef)> = vec![
            (KHO_ID, Arc::new(Int64Array::from(vec![7, 8]))),
            ("ten", Arc::new(StringArray::from(vec![Some("Đường \"A\"\n"), None]))),
            ("dien_tich", Arc::new(Float64Array::from(vec![Some(12.5), Some(f64::NAN)]))),
            ("tu_ngay", Arc::new(Date32Array::from(vec![Some(20_270), None]))),
            (
                "luc",
                Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None]).with_timezone("UTC")),
            ),
            (GEOMETRY, Arc::new(BinaryArray::from(vec![Some(point.as_slice()), None]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut out = String::from("[");
        write_features(&batch, true, &mut out);
        out.push(']');
        let features: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            features[0],
            serde_json::json!({
                "type": "Feature", "id": 7,
                "geometry": {"type": "Point", "coordinates": [109.25, 12.5]},
                "properties": {"ten": "Đường \"A\"\n", "dien_tich": 12.5, "tu_ngay": "2025-07-01", "luc": "1970-01-01T00:00:01.500Z"},
            })
        );
        assert_eq!(features[1]["geometry"], serde_json::Value::Null);
        assert_eq!(features[1]["properties"]["dien_tich"], serde_json::Value::Null);
        assert_eq!(value(&batch, "ten", 0), "Đường \"A\"\n");
    }

    proptest! {
        #[test]
        fn any_text_survives(text in any::<String>()) {
            let mut out = String::new();
            write_text(&text, &mut out);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn any_number_survives(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let mut out = String::new();
            write_number(value, &mut out);
            // serde_json reads within one unit in the last place unless asked for more.
            prop_assert_eq!(out.parse::<f64>().unwrap(), value);
            out.clear();
            write_float(value, &mut out);
            prop_assert_eq!(out.parse::<f64>().unwrap(), value);
            prop_assert!(out.contains(['.', 'e']), "{out}");
        }
    }
}
