//! Values out of text, as Vietnamese offices write them.

/// A whole number: `12`, `-3`, `12,0`, `1.234.567`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(n) = text.parse::<i64>() {
        return Some(n);
    }
    whole(float(text)?)
}

/// A float that is a whole number, and exactly one.
pub(crate) fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// A number with a decimal comma or point: `12,5`, `12.5`, `1.234,5`, `1 234,5`, `1,234.5`. Of
/// two different separators the last is the decimal one; one that stands more than once
/// separates thousands.
pub(crate) fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    if !text.bytes().any(|b| b.is_ascii_digit())
        || text.bytes().any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E'))
    {
        return None; // "inf" and "nan" are no measurements
    }
    let grouped = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}');
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    if commas == 0 && points <= 1 && !text.contains(grouped) {
        return text.parse().ok().filter(|v: &f64| v.is_finite());
    }
    let decimal = match (commas, points) {
        (0, 1) => Some('.'),
        (1, 0) => Some(','),
        (0, _) | (_, 0) => None,
        _ => text.chars().rev().find(|c| matches!(c, ',' | '.')),
    };
    if let Some(d) = decimal
        && text.matches(d).count() > 1
    {
        return None;
    }
    // Thousands come in threes: 1.23.456 is a mistake, not a number.
    let head = decimal.and_then(|d| text.split(d).next()).unwrap_or(text);
    let separators = |c: char| matches!(c, ',' | '.') || grouped(c);
    let mut groups = head.split(separators);
    let first = groups.next().unwrap_or("").trim_start_matches(['+', '-']);
    let mut rest = groups.peekable();
    if rest.peek().is_some() && (first.is_empty() || first.len() > 3 || rest.any(|g| g.len() != 3)) {
        return None;
    }
    let plain: String = text
        .chars()
        .filter_map(|c| match c {
            c if Some(c) == decimal => Some('.'),
            c if separators(c) => None,
            c => Some(c),
        })
        .collect();
    plain.parse().ok().filter(|v: &f64| v.is_finite())
}

/// A truth value, in Vietnamese or English.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match kho_layer::fold(text.trim()).as_str() {
        "1" | "true" | "t" | "yes" | "y" | "co" | "dung" | "x" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "khong" | "sai" => Some(false),
        _ => None,
    }
}

/// A day, as days since 1970-01-01: `2024-11-01`, `2024/11/01`, `20241101`, `01/11/2024`,
/// `1-11-2024`, `1.11.2024`, each with or without a time after it. Day before month, always:
/// a month first that cannot be a day's place is not guessed at.
pub(crate) fn date(text: &str) -> Option<i32> {
    let text = text.trim();
    let end = text.find(['T', ' ']).unwrap_or(text.len());
    let (day, time) = text.split_at(end);
    if !time.is_empty() && clock(time[1..].trim()).is_none() {
        return None;
    }
    if day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit()) {
        return civil(day[..4].parse().ok()?, day[4..6].parse().ok()?, day[6..].parse().ok()?);
    }
    let mut fields = day.split(['-', '/', '.']);
    let (a, b, c) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || [a, b, c].iter().any(|f| !f.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let (year, month, day) = match (a.len(), b.len(), c.len()) {
        (4, 1..=2, 1..=2) => (a, b, c),
        (1..=2, 1..=2, 4) => (c, b, a),
        _ => return None,
    };
    civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// An instant, as microseconds since 1970-01-01 UTC. Without an offset it is taken as UTC.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let day = i64::from(date(text)?);
    let of_day = match text.find(['T', ' ']) {
        Some(at) => clock(text[at + 1..].trim())?,
        None => 0,
    };
    Some(day * 86_400_000_000 + of_day)
}

/// A time of day with an optional offset, in microseconds after midnight UTC.
fn clock(text: &str) -> Option<i64> {
    let (time, offset) = if let Some(time) = text.strip_suffix(['Z', 'z']) {
        (time, 0)
    } else if let Some(at) = text.rfind(['+', '-']) {
        let hm = text[at + 1..].replace(':', "");
        if !hm.bytes().all(|b| b.is_ascii_digit()) {
            return None; // cutting it below would split a letter
        }
        let (h, m) = match hm.len() {
            2 => (hm.parse::<i64>().ok()?, 0),
            4 => (hm[..2].parse().ok()?, hm[2..].parse::<i64>().ok()?),
            _ => return None,
        };
        let minutes = h * 60 + m;
        (&text[..at], if text[at..].starts_with('-') { -minutes } else { minutes })
    } else {
        (text, 0)
    };
    let mut fields = time.trim().split(':');
    let hour: i64 = fields.next()?.parse().ok()?;
    let minute: i64 = fields.next()?.parse().ok()?;
    let second: f64 = fields.next().map_or(Some(0.0), |s| s.parse().ok())?;
    let plausible = (0..24).contains(&hour) && (0..60).contains(&minute) && (0.0..61.0).contains(&second);
    if fields.next().is_some() || !plausible {
        return None;
    }
    Some((hour * 60 + minute - offset) * 60_000_000 + (second * 1e6).round() as i64)
}

/// Days since 1970-01-01 of a day of the Gregorian calendar (Hinnant's `days_from_civil`).
fn civil(year: i32, month: u32, day: u32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
    Some(era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_as_they_are_written() {
        for (text, value) in [
            ("12,5", Some(12.5)),
            ("12.5", Some(12.5)),
            ("1.234,5", Some(1234.5)),
            ("1,234.5", Some(1234.5)),
            ("1.234.567", Some(1_234_567.0)),
            ("1 234,5", Some(1234.5)),
            ("1,234", Some(1.234)),
            ("-0,5", Some(-0.5)),
            (" 7 ", Some(7.0)),
            ("1e3", Some(1000.0)),
            ("1.23.456", None),
            ("1.234,5.6", None),
            ("nan", None),
            ("inf", None),
            ("", None),
            ("12 m", None),
            (",", None),
        ] {
            assert_eq!(float(text), value, "{text}");
        }
        assert_eq!(integer("12,0"), Some(12));
        assert_eq!(integer("12,5"), None);
        assert_eq!(integer("1.234.567"), Some(1_234_567));
    }

    #[test]
    fn days_as_they_are_written() {
        let day = date("2024-11-01");
        assert_eq!(day, Some(20_028));
        for text in [
            "01/11/2024",
            "1/11/2024",
            "1-11-2024",
            "1.11.2024",
            "20241101",
            "2024/11/1",
            "2024-11-01T07:00:00Z",
            "01/11/2024 07:30",
        ] {
            assert_eq!(date(text), day, "{text}");
        }
        for text in ["11/24/2009", "2024-02-30", "1/1/24", "31.4.2024", "hôm nay", "2024-11-01Tx", ""] {
            assert_eq!(date(text), None, "{text}");
        }
        assert_eq!(date("29/02/2024").map(|d| d + 1), date("01/03/2024"));
    }

    #[test]
    fn instants() {
        assert_eq!(timestamp("1970-01-02"), Some(86_400_000_000));
        assert_eq!(timestamp("1970-01-01T07:00:00+07:00"), Some(0));
        assert_eq!(timestamp("1970-01-01 00:00:00.25Z"), Some(250_000));
        assert_eq!(timestamp("1970-01-01T25:00"), None);
        assert_eq!(timestamp("1970-01-01T00:00+1é0"), None);
    }

    #[test]
    fn truth_values() {
        assert_eq!(boolean("Có"), Some(true));
        assert_eq!(boolean("KHÔNG"), Some(false));
        assert_eq!(boolean("có lẽ"), None);
    }

    proptest! {
        #[test]
        fn days_follow_one_another(n in -100_000i32..100_000) {
            let text = arrow::temporal_conversions::date32_to_datetime(n).unwrap().format("%d/%m/%Y").to_string();
            prop_assume!(text.len() == 10);
            prop_assert_eq!(date(&text), Some(n));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,12}") {
            let _ = (float(&text), integer(&text), date(&text), timestamp(&text), boolean(&text));
        }

        #[test]
        fn floats_come_back(v in -1e9..1e9f64) {
            prop_assert_eq!(float(&v.to_string()), Some(v));
            prop_assert_eq!(float(&v.to_string().replace('.', ",")), Some(v));
        }
    }
}
