//! The token of a next page: which snapshot, and where in its files to go on.

use std::fmt;
use std::str::FromStr;

use kho_lake::SnapshotId;

use crate::data::rows::Position;

/// Written `SNAPSHOT-FILE-ROW`. It holds nothing secret and needs no memory of the server's, so it
/// works on every node and after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) snapshot: SnapshotId,
    pub(super) position: Position,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.snapshot, self.position.file, self.position.row)
    }
}

impl FromStr for Token {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next().filter(|p| p.bytes().all(|b| b.is_ascii_digit())).ok_or(());
        let (snapshot, file, row) = (part()?, part()?, part()?);
        Ok(Self {
            snapshot: snapshot.parse().map_err(drop)?,
            position: Position { file: file.parse().map_err(drop)?, row: row.parse().map_err(drop)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_survive(snapshot in 0..i64::MAX, file in 0..i64::MAX, row in any::<u64>()) {
            let token = Token { snapshot, position: Position { file, row } };
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn other_texts_are_refused(text in "[0-9-]{0,3}x?[0-9-]{0,5}") {
            if let Ok(token) = text.parse::<Token>() {
                prop_assert!(text.matches('-').count() == 2 && !token.to_string().contains('x'));
            }
        }
    }
}
