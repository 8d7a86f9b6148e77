//! Addresses by their words.

use kho_lake::Lake;
use kho_layer::fold;

use super::{row_number, text};
use crate::data::catalogue::Published;
use crate::data::rows::each;
use crate::http::problem::Problem;

/// All addresses, folded (no case, no marks), one after the other in one text: a search walks
/// over 50 MB for a million of them, which takes some milliseconds and no tree of words.
pub(crate) struct Addresses {
    /// Each address between line feeds.
    folded: String,
    /// Where each starts in `folded`, and its row; in the order of `folded`.
    starts: Vec<(u32, u32)>,
}

/// An address that has all the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// How well it fits; smaller is better.
    pub(crate) rank: u8,
    /// Its row.
    pub(crate) row: u64,
}

/// So many candidates are looked at before ranking; the words of a search that has more say little.
const CANDIDATES: usize = 2000;

impl Addresses {
    pub(super) fn build(lake: &Lake, layer: &Published) -> Result<Self, Problem> {
        let mut addresses = Self { folded: String::from("\n"), starts: Vec::new() };
        let columns = ["dia_chi_day_du", "so_nha", "duong", "ten_phuong"];
        each(lake, layer, &columns, |first, batch| {
            for row in 0..batch.num_rows() {
                let number = row_number(first + row as u64)?;
                match text(batch, "dia_chi_day_du", row) {
                    Some(whole) => addresses.push(whole, number),
                    None => {
                        let parts: Vec<_> = ["so_nha", "duong", "ten_phuong"]
                            .iter()
                            .filter_map(|c| text(batch, c, row))
                            .collect();
                        addresses.push(&parts.join(" "), number);
                    }
                }
            }
            Ok(())
        })?;
        addresses.folded.shrink_to_fit();
        Ok(addresses)
    }

    fn push(&mut self, address: &str, row: u32) {
        // Past 4 GB of text further addresses are not found; no city has 80 million.
        let Ok(start) = u32::try_from(self.folded.len()) else { return };
        if address.is_empty() {
            return;
        }
        self.starts.push((start, row));
        self.folded.extend(fold(address).chars().map(|c| if c == '\n' { ' ' } else { c }));
        self.folded.push('\n');
    }

    pub(super) fn bytes(&self) -> usize {
        self.folded.len() + self.starts.len() * size_of::<(u32, u32)>()
    }

    /// The addresses that hold every word of `query`, best first, at most `limit`.
    pub(crate) fn find(&self, query: &str, limit: usize) -> Vec<Hit> {
        let query = fold(query);
        let words: Vec<&str> =
            query.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()).collect();
        // The longest word is the rarest guess; the others are only looked for where it is.
        let Some(&longest) = words.iter().max_by_key(|w| w.len()) else { return Vec::new() };
        let mut hits: Vec<Hit> = Vec::new();
        let mut from = 0;
        while let Some(found) = self.folded[from..].find(longest) {
            let at = self.starts.partition_point(|&(start, _)| start as usize <= from + found);
            let Some(&(start, row)) = at.checked_sub(1).and_then(|i| self.starts.get(i)) else { break };
            let end = self.starts.get(at).map_or(self.folded.len(), |&(next, _)| next as usize);
            let address = self.folded[start as usize..end].trim_end_matches('\n');
            from = end;
            if let Some(rank) = rank(address, &words, &query) {
                hits.push(Hit { rank, row: u64::from(row) });
                if hits.len() >= CANDIDATES {
                    break;
                }
            }
            if from >= self.folded.len() {
                break;
            }
        }
        hits.sort_unstable();
        hits.truncate(limit);
        hits
    }
}

/// How well an address fits; `None` when a word is missing. Words with a digit are house numbers,
/// and must stand whole: 2 must not find 12.
fn rank(address: &str, words: &[&str], query: &str) -> Option<u8> {
    let pieces = || address.split(|c: char| c.is_whitespace() || c == ',').filter(|p| !p.is_empty());
    let mut whole = true;
    for word in words {
        let exact = pieces().any(|piece| piece == *word);
        let number = word.bytes().any(|b| b.is_ascii_digit());
        if !exact && (number || !address.contains(word)) {
            return None;
        }
        whole &= exact;
    }
    Some(match (address.starts_with(query), address.contains(query), whole) {
        (true, _, _) => 0,
        (_, true, true) => 1,
        (_, _, true) => 2,
        _ => 3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Addresses {
        let mut addresses = Addresses { folded: String::from("\n"), starts: Vec::new() };
        for (row, address) in (0..).zip(list) {
            addresses.push(address, row);
        }
        addresses
    }

    fn rows(addresses: &Addresses, query: &str) -> Vec<u64> {
        addresses.find(query, 10).into_iter().map(|hit| hit.row).collect()
    }

    #[test]
    fn words_are_found_without_case_or_marks() {
        let all = addresses(&[
            "112 Trần Phú, Phường Nha Trang",
            "12/3/4A Trần Phú, Phường Nha Trang",
            "12 Trần Phú",
            "5 Đường Đống Đa",
        ]);
        assert_eq!(rows(&all, "12 tran phu"), [2]);
        assert_eq!(rows(&all, "12/3/4a TRẦN PHÚ"), [1]);
        assert_eq!(rows(&all, "dong da"), [3]);
        assert_eq!(rows(&all, "tran phu").len(), 3);
        assert_eq!(rows(&all, "phu trang"), [0, 1]);
        assert_eq!(rows(&all, "le loi"), [0_u64; 0]);
        assert_eq!(rows(&all, " , "), [0_u64; 0]);
    }

    #[test]
    fn the_last_and_the_first_address_are_searched() {
        let all = addresses(&["a1 x", "b2 x", "c3 x"]);
        assert_eq!(rows(&all, "a1"), [0]);
        assert_eq!(rows(&all, "c3"), [2]);
        assert_eq!(rows(&all, "x"), [0, 1, 2]);
    }
}
