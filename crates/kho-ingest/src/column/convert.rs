//! A source column → a layer column of its declared type, whole batches at a time.

use super::{boolean, date, display, float, integer, parse::whole, text, timestamp};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use kho_layer::{Column, ColumnType, column_field};
use std::sync::Arc;

/// A converted column.
pub(crate) struct Converted {
    /// The values; null where there was none or it could not be read.
    pub array: ArrayRef,
    /// The rows whose value could not be read, ascending.
    pub unreadable: Vec<u32>,
}

impl Converted {
    fn clean(array: ArrayRef) -> Self {
        Self { array, unreadable: Vec::new() }
    }
}

/// What a value of a column should have been, for messages.
pub(crate) fn expected(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Text => "not UTF-8 text",
        ColumnType::Integer => "not a whole number",
        ColumnType::Float => "not a number",
        ColumnType::Boolean => "not yes or no",
        ColumnType::Date => "not a date (day/month/year or ISO 8601)",
        ColumnType::Timestamp => "not a time (ISO 8601)",
    }
}

/// Converts `source` (text as `Binary`, because it is not known to be UTF-8) to the type of
/// `column`; a missing source gives nulls. A column that has the type already is not copied.
pub(crate) fn convert(column: &Column, source: Option<&ArrayRef>, rows: usize) -> Converted {
    let target = column_field(column).data_type().clone();
    let Some(source) = source else {
        return Converted::clean(new_null_array(&target, rows));
    };
    let ty = source.data_type();
    if *ty == target {
        return match column.ty {
            ColumnType::Float => finite(source),
            _ => Converted::clean(source.clone()),
        };
    }
    if let Some(bytes) = source.as_binary_opt::<i32>() {
        return from_text(column.ty, bytes);
    }
    match (column.ty, ty) {
        (_, DataType::Null) => Converted::clean(new_null_array(&target, rows)),
        (ColumnType::Text, _) => display::to_text(source),
        (
            ColumnType::Integer,
            DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..),
        ) => match cast(source, &DataType::Float64) {
            Some(floats) => wholes(source, floats.as_primitive::<Float64Type>()),
            None => unreadable(source, &target),
        },
        (ColumnType::Integer | ColumnType::Float, t) if t.is_numeric() || *t == DataType::Boolean => {
            checked_cast(source, &target)
        }
        (ColumnType::Boolean, t) if t.is_integer() => match cast(source, &DataType::Int64) {
            Some(ints) => zero_one(ints.as_primitive::<Int64Type>()),
            None => unreadable(source, &target),
        },
        (ColumnType::Date, DataType::Date64 | DataType::Timestamp(..)) => {
            // Casting truncates towards zero; days before 1970 need the floor.
            match cast(source, &DataType::Timestamp(TimeUnit::Microsecond, None)) {
                Some(times) => {
                    let days = times
                        .as_primitive::<TimestampMicrosecondType>()
                        .unary(|t| t.div_euclid(86_400_000_000) as i32);
                    let days: Date32Array = days;
                    Converted::clean(Arc::new(days))
                }
                None => unreadable(source, &target),
            }
        }
        (ColumnType::Timestamp, DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64) => {
            match cast(source, &DataType::Timestamp(TimeUnit::Microsecond, None)) {
                Some(times) => {
                    let times = times.as_primitive::<TimestampMicrosecondType>().clone();
                    Converted::clean(Arc::new(times.with_timezone("UTC")))
                }
                None => unreadable(source, &target),
            }
        }
        (ColumnType::Timestamp, DataType::Timestamp(_, Some(_))) => checked_cast(source, &target),
        // 20241101 in a numeric column is how dBASE exports write a day.
        (ColumnType::Date, t) if t.is_integer() => from_text(column.ty, &as_text(source)),
        (_, DataType::LargeUtf8 | DataType::Utf8View | DataType::LargeBinary | DataType::Utf8) => {
            from_text(column.ty, &as_text(source))
        }
        _ => unreadable(source, &target),
    }
}

fn from_text(ty: ColumnType, array: &BinaryArray) -> Converted {
    match ty {
        ColumnType::Text => text::clean(array),
        ColumnType::Integer => {
            let (values, unreadable) = parse_all(array, integer);
            Converted { array: Arc::new(Int64Array::from(values)), unreadable }
        }
        ColumnType::Float => {
            let (values, unreadable) = parse_all(array, float);
            Converted { array: Arc::new(Float64Array::from(values)), unreadable }
        }
        ColumnType::Boolean => {
            let (values, unreadable) = parse_all(array, boolean);
            Converted { array: Arc::new(BooleanArray::from(values)), unreadable }
        }
        ColumnType::Date => {
            let (values, unreadable) = parse_all(array, date);
            Converted { array: Arc::new(Date32Array::from(values)), unreadable }
        }
        ColumnType::Timestamp => {
            let (values, unreadable) = parse_all(array, timestamp);
            let array = TimestampMicrosecondArray::from(values).with_timezone("UTC");
            Converted { array: Arc::new(array), unreadable }
        }
    }
}

/// Parses every value; blank is null, not unreadable.
fn parse_all<T>(array: &BinaryArray, parse: impl Fn(&str) -> Option<T>) -> (Vec<Option<T>>, Vec<u32>) {
    let mut unreadable = Vec::new();
    let values = array
        .iter()
        .enumerate()
        .map(|(row, bytes)| {
            let bytes = bytes?;
            if bytes.iter().all(|b| *b <= b' ') {
                return None;
            }
            let value = std::str::from_utf8(bytes).ok().and_then(&parse);
            if value.is_none() {
                unreadable.push(row as u32);
            }
            value
        })
        .collect();
    (values, unreadable)
}

fn as_text(source: &ArrayRef) -> BinaryArray {
    let text = display::to_text(source).array;
    let (offsets, values, nulls) = text.as_string::<i32>().clone().into_parts();
    // The buffers of a text column are those of a valid binary column.
    BinaryArray::try_new(offsets, values, nulls).unwrap_or_else(|_| BinaryArray::new_null(source.len()))
}

fn cast(source: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    cast_with_options(source, to, &CastOptions { safe: true, ..Default::default() }).ok()
}

/// Casts; a value that became null in the cast was unreadable.
fn checked_cast(source: &ArrayRef, target: &DataType) -> Converted {
    let Some(array) = cast(source, target) else {
        return unreadable(source, target);
    };
    let lost = if array.null_count() > source.null_count() {
        rows(source.len(), |i| array.is_null(i) && source.is_valid(i))
    } else {
        Vec::new()
    };
    let out = if *target == DataType::Float64 { finite(&array) } else { Converted::clean(array) };
    Converted { array: out.array, unreadable: if lost.is_empty() { out.unreadable } else { lost } }
}

fn wholes(source: &ArrayRef, floats: &Float64Array) -> Converted {
    let array: Int64Array = floats.iter().map(|v| v.and_then(whole)).collect();
    let unreadable = rows(source.len(), |i| array.is_null(i) && source.is_valid(i));
    Converted { array: Arc::new(array), unreadable }
}

fn zero_one(ints: &Int64Array) -> Converted {
    let array: BooleanArray =
        ints.iter().map(|v| v.and_then(|v| (0..=1).contains(&v).then_some(v == 1))).collect();
    let unreadable = rows(ints.len(), |i| array.is_null(i) && ints.is_valid(i));
    Converted { array: Arc::new(array), unreadable }
}

/// NaN and infinity are no measurements, and JSON cannot carry them.
fn finite(source: &ArrayRef) -> Converted {
    let floats = source.as_primitive::<Float64Type>();
    if floats.iter().all(|v| v.is_none_or(f64::is_finite)) {
        return Converted::clean(source.clone());
    }
    let array: Float64Array = floats.iter().map(|v| v.filter(|v| v.is_finite())).collect();
    let unreadable = rows(floats.len(), |i| floats.is_valid(i) && floats.value(i).is_infinite());
    Converted { array: Arc::new(array), unreadable }
}

fn unreadable(source: &ArrayRef, target: &DataType) -> Converted {
    Converted {
        array: new_null_array(target, source.len()),
        unreadable: rows(source.len(), |i| source.is_valid(i)),
    }
}

fn rows(len: usize, is: impl Fn(usize) -> bool) -> Vec<u32> {
    (0..len).filter(|i| is(*i)).map(|i| i as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, TimestampMillisecondArray};
    use kho_layer::{AccessClass, Text};

    fn column(ty: ColumnType) -> Column {
        Column {
            name: "c".into(),
            ty,
            title: Text::default(),
            access: AccessClass::Public,
            code_list: None,
            unit: None,
            required: false,
            aliases: Vec::new(),
        }
    }

    fn bytes(values: &[&str]) -> ArrayRef {
        Arc::new(BinaryArray::from_iter_values(values))
    }

    #[test]
    fn text_becomes_numbers_and_days() {
        let out = convert(&column(ColumnType::Float), Some(&bytes(&["1,5", "", "x"])), 3);
        assert_eq!(
            out.array.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(1.5), None, None]
        );
        assert_eq!(out.unreadable, [2]);
        let out = convert(&column(ColumnType::Date), Some(&bytes(&["01/11/2024", "2024-13-01"])), 2);
        assert_eq!(out.array.as_any().downcast_ref::<Date32Array>().map(|a| a.value(0)), Some(20_028));
        assert_eq!(out.unreadable, [1]);
    }

    #[test]
    fn numbers_keep_their_value_or_say_so() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.0), Some(2.5), None, Some(1e300)]));
        let out = convert(&column(ColumnType::Integer), Some(&floats), 4);
        assert_eq!(
            out.array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(2), None, None, None]
        );
        assert_eq!(out.unreadable, [1, 3]);
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![0, 1, 2]));
        let out = convert(&column(ColumnType::Boolean), Some(&ints), 3);
        assert_eq!(out.unreadable, [2]);
        let out = convert(&column(ColumnType::Text), Some(&ints), 3);
        assert_eq!(out.array.as_string::<i32>().value(2), "2");
        let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 1.0]));
        assert_eq!(convert(&column(ColumnType::Float), Some(&nan), 2).array.null_count(), 1);
        let day: ArrayRef = Arc::new(Int32Array::from(vec![20_241_101]));
        assert!(convert(&column(ColumnType::Date), Some(&day), 1).unreadable.is_empty());
    }

    #[test]
    fn instants_become_days_by_the_floor() {
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![-1, 86_400_000]));
        let out = convert(&column(ColumnType::Date), Some(&times), 2);
        let days = out.array.as_any().downcast_ref::<Date32Array>().unwrap();
        assert_eq!((days.value(0), days.value(1)), (-1, 1));
        let out = convert(&column(ColumnType::Timestamp), Some(&times), 2);
        assert_eq!(*out.array.data_type(), *column_field(&column(ColumnType::Timestamp)).data_type());
    }

    #[test]
    fn a_missing_source_is_null() {
        assert_eq!(convert(&column(ColumnType::Text), None, 5).array.null_count(), 5);
    }
}
