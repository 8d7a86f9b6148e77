//! Many boxes into few that cover them, tightly where they lie close together.
//!
//! Boxes are sorted along the Hilbert curve by their centres and joined with their neighbours on
//! the curve, those first whose union grows least. The outcome depends on the set of boxes alone,
//! not on their order.

use crate::bounds::Bounds;
use crate::hilbert;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// How many boxes an area has at most.
pub(crate) const MOST: usize = 256;

/// How many are kept while more are coming: the memory it takes, whatever the number of boxes.
const KEPT: usize = 1 << 14;

/// A margin around a box when its area is weighed, in degrees (about 10 m): points and lines have
/// no area, and what lies closer together than this is one place for a map.
const MARGIN: f64 = 1e-4;

/// At most [`MOST`] boxes that cover all of these.
pub(crate) fn few(boxes: impl Iterator<Item = Bounds>) -> Vec<Bounds> {
    let mut gather = Gather::default();
    boxes.for_each(|b| gather.add(b));
    gather.finish()
}

/// Boxes while they come: by the cell of the curve that their centre is in, of cells that grow
/// whenever there are too many.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    cells: BTreeMap<u64, Bounds>,
    /// A cell is a position on the curve without this many of its last bits.
    bits: u32,
}

impl Gather {
    pub fn add(&mut self, bounds: Bounds) {
        join(&mut self.cells, hilbert::key(Some(bounds)) >> self.bits, bounds);
        while self.cells.len() > KEPT && self.bits < 62 {
            // A cell of the next size is four of these.
            self.bits += 2;
            for (cell, bounds) in std::mem::take(&mut self.cells) {
                join(&mut self.cells, cell >> 2, bounds);
            }
        }
    }

    pub fn finish(self) -> Vec<Bounds> {
        let mut chain = Chain::new(self.cells.into_values().collect());
        chain.shorten(MOST);
        chain.left()
    }
}

fn join(cells: &mut BTreeMap<u64, Bounds>, cell: u64, bounds: Bounds) {
    cells.entry(cell).and_modify(|all| *all = hull(all, &bounds)).or_insert(bounds);
}

fn hull(a: &Bounds, b: &Bounds) -> Bounds {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

fn weight(b: &Bounds) -> f64 {
    (b[2] - b[0] + MARGIN) * (b[3] - b[1] + MARGIN)
}

/// What is covered too much when two boxes become one. Never below zero, so that the bits of two
/// costs compare as the costs do.
fn cost(a: &Bounds, b: &Bounds) -> u64 {
    (weight(&hull(a, b)) - weight(a) - weight(b)).max(0.0).to_bits()
}

/// Boxes in their order on the curve, as a list that shrinks.
struct Chain {
    boxes: Vec<Bounds>,
    before: Vec<usize>,
    after: Vec<usize>,
    /// Raised when a box grows or goes, so that its costs from before are known to be old.
    edition: Vec<u32>,
    count: usize,
    /// (cost, box, its neighbour, their editions): the cheapest first, then the first on the curve.
    costs: BinaryHeap<Reverse<(u64, usize, usize, u32, u32)>>,
}

const END: usize = usize::MAX;

impl Chain {
    fn new(boxes: Vec<Bounds>) -> Self {
        let count = boxes.len();
        let mut chain = Self {
            before: (0..count).map(|i| i.checked_sub(1).unwrap_or(END)).collect(),
            after: (0..count).map(|i| if i + 1 < count { i + 1 } else { END }).collect(),
            edition: vec![0; count],
            costs: BinaryHeap::with_capacity(count),
            boxes,
            count,
        };
        for i in 1..count {
            chain.weigh(i - 1, i);
        }
        chain
    }

    fn weigh(&mut self, a: usize, b: usize) {
        if a != END && b != END {
            let cost = cost(&self.boxes[a], &self.boxes[b]);
            self.costs.push(Reverse((cost, a, b, self.edition[a], self.edition[b])));
        }
    }

    /// Joins boxes until there are `most`, and further as long as it costs nothing.
    fn shorten(&mut self, most: usize) {
        while let Some(Reverse((cost, a, b, edition_a, edition_b))) = self.costs.pop() {
            if (self.edition[a], self.edition[b]) != (edition_a, edition_b) {
                continue;
            }
            if self.count <= most && cost > 0 {
                break;
            }
            self.boxes[a] = hull(&self.boxes[a], &self.boxes[b]);
            self.edition[a] += 1;
            self.edition[b] += 1;
            self.count -= 1;
            let next = self.after[b];
            self.after[a] = next;
            if next != END {
                self.before[next] = a;
            }
            self.weigh(self.before[a], a);
            self.weigh(a, next);
        }
    }

    fn left(self) -> Vec<Bounds> {
        let mut left = Vec::with_capacity(self.count);
        let mut at = if self.boxes.is_empty() { END } else { 0 };
        // A box is joined into the one before it, so the first one stays to the end.
        while at != END {
            left.push(self.boxes[at]);
            at = self.after[at];
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::intersects;
    use proptest::prelude::*;

    fn small() -> impl Strategy<Value = Bounds> {
        (109.0..109.5f64, 12.0..12.5f64, 0.0..0.002f64, 0.0..0.002f64)
            .prop_map(|(x, y, w, h)| [x, y, x + w, y + h])
    }

    fn covers(all: &[Bounds], b: &Bounds) -> bool {
        all.iter().any(|a| a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3])
    }

    proptest! {
        #[test]
        fn all_are_covered_by_few_in_any_order(mut boxes in prop::collection::vec(small(), 0..2_000)) {
            let found = few(boxes.iter().copied());
            prop_assert!(found.len() <= MOST && found.is_empty() == boxes.is_empty());
            prop_assert!(boxes.iter().all(|b| covers(&found, b)));
            boxes.reverse();
            prop_assert_eq!(few(boxes.into_iter()), found);
        }
    }

    #[test]
    fn far_places_stay_apart_and_near_ones_are_joined() {
        let block = |x: f64, y: f64| {
            (0..100_000u32).map(move |i| {
                let (x, y) = (x + f64::from(i % 300) * 1e-5, y + f64::from(i / 300) * 1e-5);
                [x, y, x + 1e-5, y + 1e-5]
            })
        };
        let found = few(block(109.1, 12.1).chain(block(109.4, 12.4)));
        assert!(found.len() <= MOST);
        assert!(found.iter().all(|b| !intersects(b, &[109.11, 12.11, 109.39, 12.39])), "{found:?}");
        let area: f64 = found.iter().map(|b| (b[2] - b[0]) * (b[3] - b[1])).sum();
        // they may overlap, but nothing near the ground between the two
        assert!(area < 4.0 * 2.0 * 0.003 * 0.003_35, "{area}");
    }

    #[test]
    fn the_same_box_many_times_is_one_box() {
        let b = [109.0, 12.0, 109.1, 12.1];
        assert_eq!(few(std::iter::repeat_n(b, 50)), [b]);
        assert_eq!(few(std::iter::empty()), Vec::<Bounds>::new());
    }
}
