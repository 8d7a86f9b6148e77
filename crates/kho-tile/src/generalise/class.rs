//! Classes: the features whose overview columns have the same values.

use crate::mvt::{BitHasher, NULL, ValueDictionary, ValueMap};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// The classes that a tile has met, across blocks: the same values are the same class whichever
/// block they stand in, because a value is its bytes.
#[derive(Debug, Default)]
pub(super) struct Classes {
    values: ValueMap,
    /// A row to a class and a column to a key, as in a block.
    codes: Vec<u32>,
    count: u32,
    by_hash: HashMap<u64, u32, BuildHasherDefault<BitHasher>>,
    /// The row of codes met last, and its class: neighbours are much alike. Codes are a block's own.
    last: Vec<u32>,
    last_class: Option<u32>,
}

impl Classes {
    /// Forgets the last tile.
    pub fn clear(&mut self) {
        self.values = ValueMap::default();
        self.codes.clear();
        self.count = 0;
        self.by_hash.clear();
        self.last_class = None;
    }

    /// To be called when the next codes are of another block.
    pub fn start_block(&mut self) {
        self.last_class = None;
    }

    /// The number of classes.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// The class of a feature: of the values that its codes stand for.
    #[inline]
    pub fn of(&mut self, codes: &[u32], values: &ValueDictionary) -> u32 {
        match self.last_class {
            Some(class) if self.last == codes => class,
            _ => {
                let class = self.find(codes, values);
                self.last.clear();
                self.last.extend_from_slice(codes);
                self.last_class = Some(class);
                class
            }
        }
    }

    fn find(&mut self, codes: &[u32], values: &ValueDictionary) -> u32 {
        let mut hash = codes.iter().fold(0u64, |all, &code| {
            let own = if code == NULL { 1 } else { values.hash(code) };
            (all ^ own).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
        });
        // A second class of one hash (never seen) goes under the next.
        while let Some(&class) = self.by_hash.get(&hash) {
            if self.is(class, codes, values) {
                return class;
            }
            hash = hash.wrapping_add(1);
        }
        let class = self.count;
        self.count += 1;
        self.by_hash.insert(hash, class);
        for &code in codes {
            let own = if code == NULL { NULL } else { self.values.copied(values, code) };
            self.codes.push(own);
        }
        class
    }

    fn is(&self, class: u32, codes: &[u32], values: &ValueDictionary) -> bool {
        let first = class as usize * codes.len();
        let own = &self.codes[first..first + codes.len()];
        own.iter().zip(codes).all(|(&a, &b)| match (a, b) {
            (NULL, NULL) => true,
            (NULL, _) | (_, NULL) => false,
            (a, b) => self.values.dictionary().bytes(a) == values.bytes(b),
        })
    }

    /// The code of a number, for [`Classes::values`].
    pub fn number(&mut self, n: u32) -> u32 {
        self.values.integer(i64::from(n))
    }

    /// The values that the codes of classes and numbers stand for.
    pub fn values(&self) -> &ValueDictionary {
        self.values.dictionary()
    }

    /// The codes of a class that has `width` columns.
    pub fn codes(&self, class: u32, width: usize) -> &[u32] {
        let first = class as usize * width;
        &self.codes[first..first + width]
    }

    /// The classes in the order of their values, which is the same in every tile.
    pub fn in_order(&self, width: usize) -> Vec<u32> {
        let bytes = |code: &u32| (*code != NULL).then(|| self.values().bytes(*code));
        let mut order: Vec<u32> = (0..self.count).collect();
        order.sort_by(|&a, &b| {
            let [a, b] = [a, b].map(|class| self.codes(class, width).iter().map(bytes));
            a.cmp(b)
        });
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_values_are_one_class_in_every_block() {
        let mut classes = Classes::default();
        let (mut one, mut two) = (ValueMap::default(), ValueMap::default());
        let (a, b) = (one.text("ODT"), one.integer(7));
        let (b2, x, a2) = (two.integer(7), two.double(7.0), two.text("ODT"));
        classes.start_block();
        let first = [[a, b], [a, NULL], [a, b], [NULL, b]].map(|row| classes.of(&row, one.dictionary()));
        assert_eq!(first, [0, 1, 0, 2]);
        classes.start_block();
        let second =
            [[a2, b2], [a2, x], [a2, NULL], [NULL, b2]].map(|row| classes.of(&row, two.dictionary()));
        assert_eq!(second, [0, 3, 1, 2], "a double is no integer");
        assert_eq!(classes.len(), 4);
        // Nothing first, then the bytes: tag 0x19 of a double before 0x28 of an integer, longer ones later.
        assert_eq!(classes.in_order(2)[0], 2);
        assert_eq!(classes.in_order(2)[1], 1);
        classes.clear();
        assert_eq!(
            (classes.len(), classes.of(&[], one.dictionary()), classes.of(&[], two.dictionary())),
            (0, 0, 0)
        );
    }
}
