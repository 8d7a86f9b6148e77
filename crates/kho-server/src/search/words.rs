//! Texts found by the words that people type: without marks, abbreviated, mistyped, half typed.
//!
//! An inverted index over folded words. Each word of a question is taken for the words of the
//! vocabulary that it may stand for, each with a quality; a text scores with the best of them, weighed
//! by how rare they are. All texts' scores lie in one array: a question walks over the lists of its
//! words, some milliseconds for a million addresses.

use std::collections::HashMap;
use std::ops::Range;

use kho_layer::fold;

/// Marks the initials of a run of words in the vocabulary: no word begins so.
const INITIALS: char = '\u{1}';
/// What people write for the kinds of things. Both forms are looked for.
const ABBREVIATIONS: [(&str, &str); 19] = [
    ("p", "phuong"),
    ("f", "phuong"),
    ("q", "quan"),
    ("tp", "thanh"),
    ("tx", "thi"),
    ("tt", "tran"),
    ("x", "xa"),
    ("h", "hem"),
    ("k", "kiet"),
    ("d", "duong"),
    ("dg", "duong"),
    ("ql", "quoc"),
    ("tl", "tinh"),
    ("kp", "khu"),
    ("tdp", "to"),
    ("ng", "nguyen"),
    ("ward", "phuong"),
    ("street", "duong"),
    ("alley", "hem"),
];
/// Words that say nothing by themselves: without them a text fits as well.
const FILLERS: [&str; 8] = ["so", "nha", "duong", "d", "dg", "street", "no", "viet"];
/// A text that fits less well than this is no answer.
const ENOUGH: f32 = 0.55;
/// So many texts are ranked by more than their score.
const RANKED: usize = 256;

/// The texts, by number from 0.
#[derive(Default)]
pub(crate) struct Words {
    /// Sorted, distinct.
    vocabulary: Vec<Box<str>>,
    /// Where each word's texts begin in `postings`; one more at the end.
    starts: Vec<u32>,
    postings: Vec<u32>,
    /// Words in each text.
    lengths: Vec<u8>,
}

/// A text that fits, 0 to a little more than 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    pub(crate) text: u32,
    pub(crate) score: f32,
}

/// A word of a question, and whether a point stood after it.
struct Asked {
    word: String,
    cut: bool,
    last: bool,
}

impl Words {
    /// The index of texts.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut numbers: HashMap<Box<str>, u32> = HashMap::new();
        let (mut pairs, mut lengths) = (Vec::new(), Vec::new());
        for (text, words) in (0_u32..).zip(texts.map(all_words)) {
            lengths.push(
                u8::try_from(words.iter().filter(|w| !w.starts_with(INITIALS)).count()).unwrap_or(u8::MAX),
            );
            for word in words {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                pairs.push((*numbers.entry(word.into_boxed_str()).or_insert(next), text));
            }
        }
        let mut vocabulary: Vec<(Box<str>, u32)> = numbers.into_iter().collect();
        vocabulary.sort_unstable();
        let mut order = vec![0_u32; vocabulary.len()];
        for (new, (_, old)) in (0_u32..).zip(&vocabulary) {
            order[*old as usize] = new;
        }
        for (word, _) in &mut pairs {
            *word = order[*word as usize];
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = vec![0_u32; vocabulary.len() + 1];
        for (word, _) in &pairs {
            starts[*word as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self {
            vocabulary: vocabulary.into_iter().map(|(word, _)| word).collect(),
            starts,
            postings: pairs.into_iter().map(|(_, text)| text).collect(),
            lengths,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.vocabulary.iter().map(|w| w.len() + 20).sum::<usize>()
            + self.postings.len() * 4
            + self.lengths.len()
    }

    /// The texts that fit a question, the best first, at most `limit`. `text` gives a text by its
    /// number: among those that fit alike, the one that is written as asked comes first.
    pub(crate) fn find<'a>(&self, question: &str, limit: usize, text: impl Fn(u32) -> &'a str) -> Vec<Hit> {
        let asked = self.read(question);
        let mut scores = vec![0_f32; self.lengths.len()];
        let mut seen = vec![0_u8; self.lengths.len()];
        let mut most = 0_f32;
        for (turn, asked) in (1_u8..).zip(&asked) {
            let meant = self.meant(asked);
            let texts: usize = meant.iter().map(|(word, _)| self.texts(*word).len()).sum();
            let filler = FILLERS.contains(&asked.word.as_str());
            let number = asked.word.bytes().any(|b| b.is_ascii_digit());
            // The rarer, the more it says; a house number must fit, and a filler need not be there.
            let rare = (1.0 + self.lengths.len() as f32 / texts.max(1) as f32).ln();
            let weight = rare * if number { 2.0 } else { 1.0 } * if filler { 0.1 } else { 1.0 };
            most += weight;
            for (word, quality) in meant {
                for &text in self.texts(word) {
                    // The best meaning came first.
                    if std::mem::replace(&mut seen[text as usize], turn) != turn {
                        scores[text as usize] += weight * quality;
                    }
                }
            }
        }
        if most <= 0.0 {
            return Vec::new();
        }
        let mut hits: Vec<Hit> = (0_u32..)
            .zip(&scores)
            .filter(|(_, score)| **score >= most * ENOUGH)
            .map(|(text, score)| {
                // Of two texts with the words, the shorter one says less else.
                let more = f32::from(self.lengths[text as usize]) - asked.len() as f32;
                Hit { text, score: score / most - 0.004 * more.clamp(0.0, 12.0) }
            })
            .collect();
        let best_first = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.text.cmp(&b.text));
        if hits.len() > RANKED {
            hits.select_nth_unstable_by(RANKED, best_first);
            hits.truncate(RANKED);
        }
        let (folded, written) = (fold(question), question.to_lowercase());
        // Who types no marks does not mean that there are none.
        let typed: Vec<&str> = pieces(&written).filter(|word| !word.is_ascii()).collect();
        for hit in &mut hits {
            let text = text(hit.text);
            let plain = fold(text);
            let lower = text.to_lowercase();
            let whole: Vec<&str> = pieces(&lower).collect();
            let exact = typed.iter().filter(|word| whole.contains(word)).count() as f32;
            hit.score += 0.04 * exact / typed.len().max(1) as f32;
            hit.score += if plain.starts_with(folded.trim()) {
                0.05
            } else if plain.contains(folded.trim()) {
                0.03
            } else {
                0.0
            };
        }
        hits.sort_unstable_by(best_first);
        hits.truncate(limit);
        hits
    }

    fn texts(&self, word: usize) -> &[u32] {
        let range = self.starts[word] as usize..self.starts[word + 1] as usize;
        &self.postings[range]
    }

    /// The words of a question. Two words that were typed as one are taken apart.
    fn read(&self, question: &str) -> Vec<Asked> {
        let folded = fold(question);
        let mut asked: Vec<Asked> = Vec::new();
        for (word, after) in words(&folded) {
            let cut = after == Some('.');
            match self.apart(&word) {
                Some((a, b)) => {
                    asked.push(Asked { word: a, cut: false, last: false });
                    asked.push(Asked { word: b, cut, last: false });
                }
                None => asked.push(Asked { word, cut, last: false }),
            }
        }
        asked.truncate(16);
        // Whoever is still typing has no blank at the end.
        if let Some(last) = asked.last_mut() {
            last.last = !question.ends_with(char::is_whitespace);
        }
        asked
    }

    fn apart(&self, word: &str) -> Option<(String, String)> {
        if word.len() < 5 || !word.bytes().all(|b| b.is_ascii_alphabetic()) || self.number(word).is_some() {
            return None;
        }
        (2..word.len() - 1).map(|at| word.split_at(at)).find_map(|(a, b)| {
            (self.number(a).is_some() && self.number(b).is_some()).then(|| (a.to_owned(), b.to_owned()))
        })
    }

    fn number(&self, word: &str) -> Option<usize> {
        self.vocabulary.binary_search_by(|known| (**known).cmp(word)).ok()
    }

    /// The words that begin so.
    fn beginning(&self, start: &str) -> Range<usize> {
        let from = self.vocabulary.partition_point(|known| **known < *start);
        let many = self.vocabulary[from..].partition_point(|known| known.starts_with(start));
        from..from + many
    }

    /// What a word may stand for, with qualities; the best first, each once.
    fn meant(&self, asked: &Asked) -> Vec<(usize, f32)> {
        let word = asked.word.as_str();
        let mut meant: Vec<(usize, f32)> = Vec::new();
        meant.extend(self.number(word).map(|w| (w, 1.0)));
        let long = ABBREVIATIONS.iter().filter(|(short, _)| *short == word).map(|(_, long)| *long);
        meant.extend(long.filter_map(|long| self.number(long)).map(|w| (w, 0.9)));
        let letters = word.bytes().all(|b| b.is_ascii_alphabetic());
        if letters {
            if (2..=6).contains(&word.len()) {
                meant.extend(self.number(&format!("{INITIALS}{word}")).map(|w| (w, 0.85)));
            }
            let quality = if asked.last || asked.cut { 0.8 } else { 0.55 };
            meant.extend(self.beginning(word).map(|w| (w, quality)));
            self.mistyped(word, &mut meant);
        } else if asked.last {
            meant.extend(self.beginning(word).map(|w| (w, 0.7)));
        } else {
            // An alley's number begins with that of the house where it turns off.
            meant.extend(self.beginning(&format!("{word}/")).map(|w| (w, 0.5)));
        }
        meant.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut known = std::collections::HashSet::new();
        meant.retain(|(w, _)| known.insert(*w));
        meant
    }

    /// Words that differ by a slip: a letter too many, too few, another one, or two swapped.
    fn mistyped(&self, word: &str, meant: &mut Vec<(usize, f32)>) {
        if word.len() < 3 {
            return;
        }
        let slips = if word.len() >= 7 { 2 } else { 1 };
        for (number, known) in self.vocabulary.iter().enumerate() {
            if known.len().abs_diff(word.len()) > slips
                || known.starts_with(|c: char| c.is_ascii_digit() || c == INITIALS)
            {
                continue;
            }
            match strsim::osa_distance(known, word) {
                1 => meant.push((number, 0.75)),
                2 if slips == 2 => meant.push((number, 0.6)),
                _ => {}
            }
        }
    }
}

/// Pieces between blanks and commas.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|p| !p.is_empty())
}

/// The words of a folded text, each with the character after it. `12/3/4a` and `12-3-4a` are one word,
/// and the same; `p5` is `p` and `5`.
fn words(folded: &str) -> Vec<(String, Option<char>)> {
    let mut found: Vec<(String, Option<char>)> = Vec::new();
    let mut word = String::new();
    let mut chars = folded.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = matches!(c, '/' | '-')
            && word.starts_with(|c: char| c.is_ascii_digit())
            && chars.peek().is_some_and(|c| c.is_alphanumeric());
        // p5, f12, q1: kind and number.
        let kind = c.is_ascii_digit() && matches!(word.as_str(), "p" | "f" | "q" | "ql" | "tl");
        if kind {
            found.push((std::mem::take(&mut word), None));
        }
        if c.is_alphanumeric() {
            word.push(c);
        } else if joins {
            word.push('/');
        } else if !word.is_empty() {
            found.push((std::mem::take(&mut word), Some(c)));
        }
    }
    if !word.is_empty() {
        found.push((word, None));
    }
    found
}

/// The words of a text and the initials of its runs of words, each once: of `Phường Vĩnh Hải` pvh and
/// vh.
fn all_words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut all: Vec<String> = Vec::new();
    for part in folded.split(',') {
        let found = words(part);
        let run: Vec<&str> = found
            .iter()
            .map(|(w, _)| w.as_str())
            .filter(|w| w.bytes().all(|b| b.is_ascii_alphabetic()))
            .collect();
        for from in 0..run.len().min(3) {
            let initials: String = run[from..].iter().filter_map(|w| w.chars().next()).take(7).collect();
            if (2..=6).contains(&initials.len()) {
                all.push(format!("{INITIALS}{initials}"));
            }
        }
        all.extend(found.into_iter().map(|(word, _)| word));
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXTS: [&str; 8] = [
        "112 Trần Phú, Phường Nha Trang",
        "12/3/4A Trần Phú, Phường Nha Trang",
        "12 Trần Phú, Phường Nha Trang",
        "5 Đống Đa, Phường Tây Nha Trang",
        "12 Nguyễn Thị Minh Khai, Phường Nha Trang",
        "12 Nguyễn Trãi, Phường Nam Nha Trang",
        "7 Hoàng Hoa Thám, Phường 5",
        "12 Trăn Phu, Phường Bắc Nha Trang",
    ];

    fn first(question: &str) -> Option<u32> {
        let words = Words::of(TEXTS.into_iter());
        words.find(question, 3, |n| TEXTS[n as usize]).first().map(|hit| hit.text)
    }

    #[test]
    fn what_people_type_finds_what_they_mean() {
        for (question, wanted) in [
            ("12 tran phu", 2),
            ("12 Trần Phú", 2),
            ("12 Trăn Phu", 7),
            ("12 tran phu, p. nha trang", 2),
            ("112 tran phu", 0),
            ("12/3/4a tran phu", 1),
            ("12-3-4A TRẦN PHÚ", 1),
            ("12/3/4a trna phu", 1),
            ("dong da", 3),
            ("đ. Đống Đa", 3),
            ("dongda", 3),
            ("12 ntmk", 4),
            ("12 ng t minh khai", 4),
            ("12 nguyen thi minh khia", 4),
            ("12 Ng. Trãi", 5),
            ("12 N. Trai", 5),
            ("7 hoang hoa tha", 6),
            ("7 hoanghoa tham p5", 6),
            ("so 7 duong hoang hoa tham", 6),
        ] {
            assert_eq!(first(question), Some(wanted), "{question}");
        }
        for nothing in ["", " , ", "le loi", "99 tran phu", "CANARY"] {
            assert_eq!(first(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn no_question_is_too_strange(question in ".{0,60}") {
            let _ = first(&question);
        }

        #[test]
        fn every_text_finds_itself(n in 0..TEXTS.len()) {
            prop_assert_eq!(first(TEXTS[n]), Some(n as u32));
        }
    }
}
