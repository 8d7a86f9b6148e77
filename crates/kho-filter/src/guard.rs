//! What is refused before a parser sees it: parsers recurse, and their stack and their patience end.

use crate::FilterError;
use crate::limits::{MAX_BYTES, MAX_DEPTH, MAX_OPERATORS};
use serde_json::Value;

/// The words that join or begin an expression.
const OPERATORS: [&str; 8] = ["and", "or", "not", "like", "in", "between", "is", "div"];
/// The words before coordinates, where a minus is a sign.
const GEOMETRIES: [&str; 7] =
    ["point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"];

const TOO_DEEP: FilterError = FilterError::TooBig { what: "brackets within brackets", most: MAX_DEPTH };
const TOO_MANY: FilterError = FilterError::TooBig { what: "operators", most: MAX_OPERATORS };

/// Whether a filter is small enough to be looked at.
pub(crate) fn length(filter: &str) -> Result<(), FilterError> {
    if filter.len() > MAX_BYTES {
        return Err(FilterError::TooBig { what: "bytes", most: MAX_BYTES });
    }
    Ok(())
}

/// Whether the quotes and brackets of a text match, and neither brackets nor operators are too many.
pub(crate) fn text(filter: &str) -> Result<(), FilterError> {
    Scan { chars: filter.chars().collect(), at: 0 }.run()
}

struct Scan {
    chars: Vec<char>,
    at: usize,
}

impl Scan {
    fn run(mut self) -> Result<(), FilterError> {
        // Where each bracket is that is open, and how deep the one around coordinates lies.
        let (mut open, mut coordinates): (Vec<usize>, Option<usize>) = (Vec::new(), None);
        let (mut operators, mut geometry, mut signs) = (0_usize, false, 0_usize);
        while let Some(&c) = self.chars.get(self.at) {
            let start = self.at;
            self.at += 1;
            match c {
                '\'' | '"' => self.quoted(c, start)?,
                '(' => {
                    open.push(start);
                    if geometry && coordinates.is_none() {
                        coordinates = Some(open.len());
                    }
                    signs = 0;
                    if open.len() > MAX_DEPTH {
                        return Err(TOO_DEEP);
                    }
                }
                ')' => {
                    if open.pop().is_none() {
                        return Err(self.wrong(start, "a bracket is closed that was not opened"));
                    }
                    if coordinates.is_some_and(|depth| open.len() < depth) {
                        coordinates = None;
                    }
                }
                ',' => signs = 0,
                '-' | '+' if coordinates.is_some() => {
                    // At most four numbers stand together; more are no coordinates but a sum.
                    signs += 1;
                    operators += usize::from(signs > 4);
                }
                '=' | '<' | '>' | '+' | '-' | '*' | '/' | '%' | '^' => operators += 1,
                c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {
                    return Err(self.wrong(start, "a control character has no place in a filter"));
                }
                c if c.is_alphabetic() => {
                    while self.chars.get(self.at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                        self.at += 1;
                    }
                    let word: String =
                        self.chars[start..self.at].iter().flat_map(|c| c.to_lowercase()).collect();
                    operators += usize::from(OPERATORS.contains(&word.as_str()));
                    // Z and M may stand between.
                    geometry = GEOMETRIES.contains(&word.as_str())
                        || (geometry && matches!(word.as_str(), "z" | "m" | "zm"));
                    continue;
                }
                c if c.is_whitespace() => continue,
                _ => {}
            }
            geometry = false;
            if operators > MAX_OPERATORS {
                return Err(TOO_MANY);
            }
        }
        if operators > MAX_OPERATORS {
            return Err(TOO_MANY);
        }
        match open.last() {
            Some(&start) => Err(self.wrong(start, "this bracket is not closed")),
            None => Ok(()),
        }
    }

    /// Passes over what stands in quotes; a doubled quote is one.
    fn quoted(&mut self, quote: char, start: usize) -> Result<(), FilterError> {
        loop {
            match self.chars.get(self.at) {
                None => return Err(self.wrong(start, "this quotation mark is not closed")),
                Some('\0') => return Err(self.wrong(self.at, "a control character has no place in a filter")),
                Some(&c) if c == quote => {
                    self.at += 1;
                    if self.chars.get(self.at) != Some(&quote) {
                        return Ok(());
                    }
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn wrong(&self, at: usize, message: &str) -> FilterError {
        let before = self.chars.get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|c| **c == '\n').count();
        let column = 1 + before.iter().rev().take_while(|c| **c != '\n').count();
        FilterError::syntax(place(line, column), message)
    }
}

/// Line and column in words.
pub(crate) fn place(line: usize, column: usize) -> String {
    format!("line {line}, column {column}")
}

/// Whether a JSON filter has the shape of one: each object one thing, nothing nested too deep. The
/// cql2 crate would say of a fault anywhere that nothing fits anywhere.
pub(crate) fn json(filter: &Value) -> Result<(), FilterError> {
    let mut operators = 0;
    node(filter, "the root", 0, &mut operators)
}

/// What an object may be, by the member that says so.
const KINDS: [&str; 8] = ["op", "property", "date", "timestamp", "interval", "bbox", "type", "function"];

fn node(value: &Value, path: &str, depth: usize, operators: &mut usize) -> Result<(), FilterError> {
    if depth > MAX_DEPTH {
        return Err(TOO_DEEP);
    }
    let wrong = |message: &str| Err(FilterError::syntax(path, message));
    let mut all = |items: &[Value], name: &str| {
        let each =
            |(n, item): (usize, &Value)| node(item, &format!("{path} → {name}[{n}]"), depth + 1, operators);
        items.iter().enumerate().try_for_each(each)
    };
    let object = match value {
        Value::Array(items) => return all(items, ""),
        Value::Object(object) => object,
        Value::String(text) if text.contains('\0') => {
            return wrong("a control character has no place in a filter");
        }
        _ => return Ok(()),
    };
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| object.contains_key(*kind)).collect();
    let [kind] = kinds.as_slice() else {
        return wrong(
            "an object is an operation (op, args), a property, a date, a timestamp, an interval, a bbox or a \
             GeoJSON geometry, and one of them only",
        );
    };
    let member = &object[*kind];
    match (*kind, member) {
        ("op", Value::String(_)) => match object.get("args") {
            Some(Value::Array(args)) => {
                all(args, "args")?;
                *operators += 1;
                if *operators > MAX_OPERATORS { Err(TOO_MANY) } else { Ok(()) }
            }
            _ => wrong("an operation has its operands in a list, args"),
        },
        ("property", Value::String(_)) | ("date" | "timestamp", Value::String(_)) => Ok(()),
        ("interval" | "bbox", Value::Array(items)) => all(items, *kind),
        // Read, and refused, where geometries are.
        ("type", Value::String(_)) => Ok(()),
        ("function", _) => {
            wrong("functions of CQL's drafts are not spoken here: an operation has op and args")
        }
        ("op", _) => wrong("op is the name of an operator, a text"),
        ("property", _) => wrong("property is the name of a column, a text"),
        ("date", _) => wrong("a date is a text such as 2025-07-01"),
        ("timestamp", _) => wrong("a timestamp is a text such as 2025-07-01T00:00:00Z"),
        ("interval", _) => wrong("an interval is a list of two"),
        ("bbox", _) => wrong("a bbox is a list of four numbers, or six"),
        _ => wrong("type is the name of a geometry, a text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_quotes_must_match() {
        for good in ["", "a = 'it''s (' AND b = 1", "((a))", "\"odd(name\" = 1", "a = ''"] {
            assert_eq!(text(good), Ok(()), "{good}");
        }
        for (bad, place) in [
            ("(a = 1", "line 1, column 1"),
            ("a = 1)", "line 1, column 6"),
            ("a = 'x", "line 1, column 5"),
            ("a = 1\n AND b = \"", "line 2, column 10"),
            ("a = \u{1}", "line 1, column 5"),
            ("a = 'x\0'", "line 1, column 7"),
        ] {
            let said = text(bad).unwrap_err();
            assert!(matches!(&said, FilterError::Syntax { place: p, .. } if p == place), "{bad:?}: {said}");
        }
    }

    #[test]
    fn depth_and_operators_are_limited() {
        let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(text(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(text(&nested(MAX_DEPTH + 1)), Err(TOO_DEEP));
        assert_eq!(text(&"NOT ".repeat(MAX_OPERATORS + 1)), Err(TOO_MANY));
        assert_eq!(text(&"-".repeat(MAX_OPERATORS + 1)), Err(TOO_MANY));
        // Not even where a minus is mostly a sign.
        let sum = format!("POINT({})", "1 -".repeat(MAX_OPERATORS + 9));
        assert_eq!(text(&sum), Err(TOO_MANY));
        let corners: Vec<String> = (0..3_000).map(|n| format!("-{n}.5 -12.25")).collect();
        assert_eq!(text(&format!("S_INTERSECTS(geometry, LINESTRING Z ({}))", corners.join(", "))), Ok(()));
        let list: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
        assert_eq!(text(&format!("a IN ({})", list.join(","))), Ok(()));
    }

    #[test]
    fn json_faults_have_a_path() {
        let said = |text: &str| json(&serde_json::from_str(text).unwrap()).map_err(|e| e.to_string());
        assert_eq!(said(r#"{"op": "=", "args": [{"property": "a"}, 1]}"#), Ok(()));
        let deep = said(r#"{"op": "and", "args": [{"op": "=", "args": [{"prop": "a"}, 1]}]}"#).unwrap_err();
        assert!(deep.contains("the root → args[0] → args[0]"), "{deep}");
        for bad in [
            r#"{"op": 1, "args": []}"#,
            r#"{"op": "="}"#,
            r#"{"property": "a", "date": "2020-01-01"}"#,
            r#"{"function": {"name": "f"}}"#,
            r#"{"interval": "a"}"#,
            r#"{"bbox": 1}"#,
            r#"{}"#,
        ] {
            assert!(said(bad).is_err(), "{bad}");
        }
    }
}
