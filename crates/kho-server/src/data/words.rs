//! Values in plain words, in both languages: codes become their titles, numbers get units, dates
//! are written the way people write them.

use chrono::NaiveDate;
use kho_layer::{City, Column, ColumnType, Text};
use serde_json::Value;

/// The value of a column in words; `None` when there is none.
pub(crate) fn value(city: &City, column: &Column, value: &Value) -> Option<Text> {
    if let Some(list) = column.code_list.as_deref().and_then(|name| city.code_list(name)) {
        let code = match value {
            Value::String(code) => code.clone(),
            Value::Number(code) => code.to_string(),
            _ => return None,
        };
        // A code outside the list is shown as it is: hiding it would hide an error in the data.
        return Some(match list.entry(&code) {
            Some(entry) => entry.title.clone(),
            None => Text::new(code.clone(), code),
        });
    }
    let text = match value {
        Value::Null => return None,
        Value::Bool(true) => Text::new("có", "yes"),
        Value::Bool(false) => Text::new("không", "no"),
        Value::String(text) if column.ty == ColumnType::Date => day(text),
        Value::String(text) => Text::new(text.clone(), text.clone()),
        // Years and numbers of sheets are names, not amounts: no separators without a unit.
        Value::Number(number) if column.ty == ColumnType::Integer && column.unit.is_none() => {
            Text::new(number.to_string(), number.to_string())
        }
        Value::Number(number) => amount(number.as_f64().unwrap_or_default()),
        other => Text::new(other.to_string(), other.to_string()),
    };
    Some(match column.unit.as_deref().filter(|_| value.is_number()) {
        Some(unit) => Text::new(format!("{} {unit}", text.vi), format!("{} {unit}", text.en)),
        None => text,
    })
}

/// A day: 01/07/2025 in Vietnamese, 2025-07-01 in English.
fn day(iso: &str) -> Text {
    match iso.parse::<NaiveDate>() {
        Ok(date) => Text::new(date.format("%d/%m/%Y").to_string(), iso),
        Err(_) => Text::new(iso, iso),
    }
}

/// A number with at most three decimals: 1.234,5 in Vietnamese, 1,234.5 in English.
pub(crate) fn amount(value: f64) -> Text {
    let digits = format!("{:.3}", value.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let negative = value < 0.0 && (whole != "0" || !fraction.is_empty());
    let write = |group: &str, point: &str| {
        let mut text = String::from(if negative { "-" } else { "" });
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push_str(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push_str(point);
            text.push_str(fraction);
        }
        text
    };
    Text::new(write(".", ","), write(",", "."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kho_layer::StandardModel;

    #[test]
    fn amounts() {
        let both = |v| {
            let text = amount(v);
            (text.vi, text.en)
        };
        assert_eq!(both(1_234_567.5), ("1.234.567,5".into(), "1,234,567.5".into()));
        assert_eq!(both(100.0), ("100".into(), "100".into()));
        assert_eq!(both(-0.000_1), ("0".into(), "0".into()));
        assert_eq!(both(-1234.25), ("-1.234,25".into(), "-1,234.25".into()));
    }

    #[test]
    fn codes_become_titles_and_unknown_codes_stay() {
        let city = StandardModel::load().unwrap();
        let column = city.layer("drain_node").unwrap().column("loai").unwrap().clone();
        let title = value(&city, &column, &Value::from("cua_xa")).unwrap();
        assert_ne!(title.vi, "cua_xa");
        assert_eq!(value(&city, &column, &Value::from("???")).unwrap().vi, "???");
        assert_eq!(value(&city, &column, &Value::Null), None);
    }

    #[test]
    fn units_and_days() {
        let city = StandardModel::load().unwrap();
        let parcel = city.layer("land_parcel").unwrap();
        let area = value(&city, parcel.column("dien_tich").unwrap(), &Value::from(1234.5)).unwrap();
        assert_eq!((area.vi.as_str(), area.en.as_str()), ("1.234,5 m²", "1,234.5 m²"));
        let sheet = value(&city, parcel.column("so_to").unwrap(), &Value::from(1234)).unwrap();
        assert_eq!(sheet.vi, "1234");
        let from = value(&city, parcel.column("valid_from").unwrap(), &Value::from("2025-07-01")).unwrap();
        assert_eq!((from.vi.as_str(), from.en.as_str()), ("01/07/2025", "2025-07-01"));
    }
}
