//! Which edges come near each other.

use super::edges::Edge;
use super::field::Field;
use crate::fabric::exact::Point;

/// An edge and its ends: the first is the lower one, so it lies to the west.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Item {
    pub edge: u32,
    pub ends: [Point; 2],
}

/// Edges sorted into square cells of the field.
#[derive(Debug, Default)]
pub(super) struct Bins {
    starts: Vec<u32>,
    items: Vec<Item>,
}

/// So few edges are compared each with each.
const FEW: usize = 16;

impl Bins {
    /// Calls `near` with every two of the `chosen` edges that come within `reach` world units of each
    /// other in the field; with some that do not, and with some more than once.
    pub fn pairs(
        &mut self,
        field: &Field,
        edges: &[Edge],
        chosen: &[u32],
        reach: u32,
        mut near: impl FnMut(&Item, &Item),
    ) {
        let margin = if reach > 0 { 1 + (i64::from(reach) / field.step()) as i32 } else { 0 };
        let item = |edge: u32| Item { edge, ends: edges[edge as usize].ends };
        if chosen.len() <= FEW {
            self.items.clear();
            self.items.extend(chosen.iter().map(|&e| item(e)));
            each_with_each(&self.items, reach, &mut near);
            return;
        }
        // About as many cells as edges.
        let cells = |shift: u32| (field.last >> shift) as usize + 1;
        let mut shift = 3;
        while cells(shift) * cells(shift) > chosen.len() {
            shift += 1;
        }
        let side = cells(shift);
        self.starts.clear();
        self.starts.resize(side * side + 1, 0);
        for &e in chosen {
            field.cells(&edges[e as usize], shift, margin, |x, y| {
                self.starts[y as usize * side + x as usize + 1] += 1;
            });
        }
        for at in 1..self.starts.len() {
            self.starts[at] += self.starts[at - 1];
        }
        let count = self.starts.last().map_or(0, |&n| n as usize);
        self.items.clear();
        self.items.resize(count, Item::default());
        // Filled from the ends of the cells, whose starts are where they began in the end.
        for &e in chosen {
            let item = item(e);
            field.cells(&edges[e as usize], shift, margin, |x, y| {
                let end = &mut self.starts[y as usize * side + x as usize + 1];
                *end -= 1;
                self.items[*end as usize] = item;
            });
        }
        // Now start i + 1 is where cell i begins.
        for cell in 1..=side * side {
            let from = self.starts[cell] as usize;
            let to = self.starts.get(cell + 1).map_or(count, |&n| n as usize);
            each_with_each(&self.items[from..to], reach, &mut near);
        }
    }
}

#[inline]
fn each_with_each(items: &[Item], reach: u32, near: &mut impl FnMut(&Item, &Item)) {
    for (at, e) in items.iter().enumerate() {
        let [a, b] = e.ends;
        let (west, east) = (a[0].saturating_sub(reach), b[0].saturating_add(reach));
        let north = a[1].min(b[1]).saturating_sub(reach);
        let south = a[1].max(b[1]).saturating_add(reach);
        for f in &items[at + 1..] {
            let [c, d] = f.ends;
            let (top, bottom) = (c[1].min(d[1]), c[1].max(d[1]));
            if (c[0] <= east) & (west <= d[0]) & (top <= south) & (north <= bottom) {
                near(e, f);
            }
        }
    }
}
