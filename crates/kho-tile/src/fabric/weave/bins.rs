//! Which edges come near each other.

use super::edges::Edge;
use super::field::Field;

/// An edge in a cell, with the box of its pixels: min x, min y, max x, max y.
#[derive(Debug, Clone, Copy, Default)]
struct Item {
    bounds: [u16; 4],
    edge: u32,
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
    /// Calls `near` with every two of the `chosen` edges that come within `margin` pixels of each other
    /// in the field; with some that do not, and with some more than once.
    pub fn pairs(
        &mut self,
        field: &Field,
        edges: &[Edge],
        chosen: &[u32],
        margin: i32,
        mut near: impl FnMut(u32, u32),
    ) {
        let item = |edge: u32| {
            let [p, q] = edges[edge as usize].pixels;
            let clip = |v: i32| v.clamp(0, field.last) as u16;
            let bounds = [
                clip(p[0].min(q[0]) - margin),
                clip(p[1].min(q[1]) - margin),
                clip(p[0].max(q[0]) + margin),
                clip(p[1].max(q[1]) + margin),
            ];
            Item { bounds, edge }
        };
        if chosen.len() <= FEW {
            self.items.clear();
            self.items.extend(chosen.iter().map(|&e| item(e)));
            each_with_each(&self.items, &mut near);
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
            each_with_each(&self.items[from..to], &mut near);
        }
    }
}

#[inline]
fn each_with_each(items: &[Item], near: &mut impl FnMut(u32, u32)) {
    for (at, e) in items.iter().enumerate() {
        let a = e.bounds;
        for f in &items[at + 1..] {
            let b = f.bounds;
            if a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3] {
                near(e.edge, f.edge);
            }
        }
    }
}
