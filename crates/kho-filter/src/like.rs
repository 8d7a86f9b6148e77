//! Patterns of LIKE: `%` for any characters, `_` for one, `\` before either to mean itself.

/// A pattern, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Any number of characters.
    Any,
    /// Any one character.
    One,
    Char(char),
}

impl Pattern {
    /// `None` if it ends in a backslash.
    pub fn new(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            steps.push(match c {
                '%' if steps.last() == Some(&Step::Any) => continue,
                '%' => Step::Any,
                '_' => Step::One,
                '\\' => Step::Char(chars.next()?),
                c => Step::Char(c),
            });
        }
        Some(Self { text: text.to_owned(), steps })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether all of a text is like the pattern. Takes at most the product of their lengths: what
    /// came before the last `%` need never be tried again.
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on if the characters after the last % turn out not to be the ones.
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let step = self.steps.get(at).copied();
            if step == Some(Step::Any) {
                at += 1;
                if at == self.steps.len() {
                    return true;
                }
                back = Some((at, rest.clone()));
                continue;
            }
            let fits = match (step, rest.next()) {
                (None, None) => return true,
                // No text is left for what the pattern still wants.
                (Some(_), None) => return false,
                (Some(Step::Char(wanted)), Some(c)) => wanted == c,
                (Some(_), Some(_)) => true,
                (None, Some(_)) => false,
            };
            if fits {
                at += 1;
                continue;
            }
            let Some((again, from)) = &mut back else { return false };
            from.next();
            (at, rest) = (*again, from.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(text)
    }

    /// As it is defined, and as nobody could afford it.
    fn slow(text: &[char], pattern: &[Step]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((Step::Any, rest)) => (0..=text.len()).any(|n| slow(&text[n..], rest)),
            Some((step, rest)) => text.split_first().is_some_and(|(c, after)| {
                (*step == Step::One || *step == Step::Char(*c)) && slow(after, rest)
            }),
        }
    }

    #[test]
    fn wildcards() {
        for (text, pattern, is) in [
            ("Trần Phú", "Trần%", true),
            ("Trần Phú", "%Phú", true),
            ("Trần Phú", "%n P%", true),
            ("Trần Phú", "Tr_n Phú", true),
            ("Trần Phú", "tr%", false),
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("a", "", false),
            ("100%", r"100\%", true),
            ("1000", r"100\%", false),
            (r"a\b", r"a\\b", true),
            ("a_b", r"a\_b", true),
            ("axb", r"a\_b", false),
            ("a\nb", "a%b", true),
        ] {
            assert_eq!(like(text, pattern), is, "{text:?} {pattern:?}");
        }
        assert_eq!(Pattern::new("a\\"), None);
    }

    #[test]
    fn a_mean_pattern_is_not_slow() {
        let text = "a".repeat(20_000);
        let pattern = format!("{}b", "%a".repeat(400));
        let start = std::time::Instant::now();
        assert!(!like(&text, &pattern));
        assert!(start.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn it_is_what_it_is_defined_as(text in "[ab]{0,9}", pattern in "[ab%_]{0,7}") {
            let chars: Vec<char> = text.chars().collect();
            let pattern = Pattern::new(&pattern).unwrap();
            prop_assert_eq!(pattern.matches(&text), slow(&chars, &pattern.steps));
        }
    }
}
