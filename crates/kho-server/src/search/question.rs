//! Reading what people type when they look for a parcel.

use kho_layer::fold;

/// Sheet and parcel number, and words that must be in the name of the ward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) sheet: i64,
    pub(crate) parcel: i64,
    pub(crate) place: Vec<String>,
}

/// Words that say nothing: số, bản đồ, đất, phường, xã …
const FILLERS: [&str; 12] =
    ["so", "hieu", "ban", "do", "dat", "phuong", "xa", "p", "x", "number", "no", "ward"];

#[derive(Clone, Copy, PartialEq)]
enum Expecting {
    Anything,
    Sheet,
    Parcel,
}

impl Question {
    /// Reads "tờ 12 thửa 345", "thửa đất số 345, tờ bản đồ số 12, phường X", "to12 thua345",
    /// "sheet 12 parcel 345", "12/345", "12-345", "12 345"; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let folded = fold(text);
        Self::in_words(&folded).or_else(|| Self::in_numbers(&folded))
    }

    fn in_words(folded: &str) -> Option<Self> {
        let (mut sheet, mut parcel, mut place) = (None, None, Vec::new());
        let mut expecting = Expecting::Anything;
        for word in words(folded) {
            match (word.as_str(), word.parse::<i64>()) {
                ("to" | "sheet", _) => expecting = Expecting::Sheet,
                ("thua" | "parcel" | "plot", _) => expecting = Expecting::Parcel,
                (_, Ok(number)) => {
                    let slot = match expecting {
                        Expecting::Sheet => &mut sheet,
                        Expecting::Parcel => &mut parcel,
                        Expecting::Anything => return None,
                    };
                    if slot.replace(number).is_some() {
                        return None;
                    }
                    expecting = Expecting::Anything;
                }
                (word, _) if FILLERS.contains(&word) => {}
                _ => place.push(word),
            }
        }
        Some(Self { sheet: sheet?, parcel: parcel?, place })
    }

    fn in_numbers(folded: &str) -> Option<Self> {
        if !folded.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "/-,;.".contains(c)) {
            return None;
        }
        // A decimal point or comma makes coordinates, which the pages read themselves.
        if folded.contains('.')
            || folded
                .split_once(',')
                .is_some_and(|(_, after)| after.starts_with(|c: char| c.is_ascii_digit()))
        {
            return None;
        }
        let mut numbers = words(folded).into_iter().map(|word| word.parse::<i64>().ok());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(sheet)), Some(Some(parcel)), None) => Some(Self { sheet, parcel, place: Vec::new() }),
            _ => None,
        }
    }
}

/// Runs of letters and runs of digits: "to12" is two words.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.chars() {
        let class = if c.is_ascii_digit() { Some(true) } else { c.is_alphabetic().then_some(false) };
        if let Some(digit) = class {
            match words.last_mut() {
                Some(word) if last == Some(digit) => word.push(c),
                _ => words.push(c.to_string()),
            }
        }
        last = class;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(i64, i64)> {
        Question::read(text).map(|q| (q.sheet, q.parcel))
    }

    #[test]
    fn all_the_ways_to_write_a_parcel() {
        for text in [
            "tờ 12 thửa 345",
            "to 12 thua 345",
            "Tờ bản đồ số 12, thửa đất số 345",
            "thửa 345 tờ 12",
            "TO12 THUA345",
            "thửa đất số 345; tờ bản đồ số: 12",
            "sheet 12 parcel 345",
            "12/345",
            "12-345",
            "12 345",
            " 12 , 345 ",
            "tờ: 12 - thửa: 345",
        ] {
            assert_eq!(read(text), Some((12, 345)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_addresses() {
        for text in [
            "",
            "12",
            "12/3/4A Trần Phú",
            "12 Trần Phú",
            "12/345 Trần Phú",
            "tờ 12",
            "12.2388, 109.1967",
            "12,2388 109,1967",
            "tờ 12 thửa 345 346",
            "99999999999999999999/1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_ward_may_be_named() {
        let question = Question::read("tờ 12 thửa 345 phường Vĩnh Hải").unwrap();
        assert_eq!(question.place, ["vinh", "hai"]);
    }
}
