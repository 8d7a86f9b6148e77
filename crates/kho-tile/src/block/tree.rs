//! A packed R-tree over boxes that are already in Hilbert order.

use crate::grid::{NOWHERE, WorldBox, hull, meets, within};

const FAN: usize = 16;

/// A static R-tree: the rows of a file lie along a Hilbert curve, so sixteen neighbours in the
/// file are neighbours on the ground, and the tree is just their boxes, level upon level.
#[derive(Debug, Default)]
pub(crate) struct PackedTree {
    /// The boxes of the features, then of every sixteen of them, and so on up to one.
    levels: Vec<Vec<WorldBox>>,
}

impl PackedTree {
    /// The tree over the features' boxes.
    pub fn new(boxes: Vec<WorldBox>) -> Self {
        let mut levels = vec![boxes];
        while let Some(top) = levels.last().filter(|l| l.len() > 1) {
            let next = top.chunks(FAN).map(|c| c.iter().fold(NOWHERE, |a, b| hull(&a, b))).collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// The features' boxes.
    pub fn boxes(&self) -> &[WorldBox] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// Calls `found` with the number and box of every feature whose box meets `window`, in order,
    /// and whether the box lies wholly within it.
    #[inline]
    pub fn search(&self, window: &WorldBox, mut found: impl FnMut(usize, &WorldBox, bool)) {
        if let Some(top) = self.levels.len().checked_sub(1) {
            self.descend(top, 0, window, false, &mut found);
        }
    }

    fn descend(
        &self,
        level: usize,
        first: usize,
        window: &WorldBox,
        whole: bool,
        found: &mut impl FnMut(usize, &WorldBox, bool),
    ) {
        let boxes = &self.levels[level];
        for (at, b) in boxes.iter().enumerate().skip(first).take(FAN) {
            if !whole && !meets(b, window) {
                continue;
            }
            let whole = whole || within(b, window);
            if level == 0 {
                found(at, b, whole);
            } else {
                self.descend(level - 1, at * FAN, window, whole, found);
            }
        }
    }

    /// Bytes of memory held.
    pub fn weight(&self) -> usize {
        self.levels.iter().map(|l| l.capacity() * size_of::<WorldBox>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(
            boxes in prop::collection::vec((0u32..1000, 0u32..1000, 0u32..50, 0u32..50), 0..600),
            w in (0u32..1000, 0u32..1000, 0u32..500, 0u32..500),
        ) {
            let boxes: Vec<WorldBox> = boxes.into_iter()
                .map(|(x, y, w, h)| if w == 7 { NOWHERE } else { [x, y, x + w, y + h] }).collect();
            let window = [w.0, w.1, w.0 + w.2, w.1 + w.3];
            let mut got = Vec::new();
            PackedTree::new(boxes.clone()).search(&window, |i, b, whole| got.push((i, *b, whole)));
            let want: Vec<_> = boxes.iter().enumerate().filter(|(_, b)| meets(b, &window))
                .map(|(i, b)| (i, *b, within(b, &window))).collect();
            prop_assert_eq!(got, want);
        }
    }
}
