//! A row group as the painter takes it.

use super::{AttributeBlock, GeometryBlock};
use crate::grid::WorldBox;
use arrow::buffer::BooleanBuffer;

/// The two halves of a row group, of the same rows, and which of them are to be drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Where the features are.
    pub geometry: &'a GeometryBlock,
    /// What is known of them.
    pub attributes: &'a AttributeBlock,
    /// The rows that pass the request's filter, if it has one.
    pub passing: Option<&'a BooleanBuffer>,
}

impl Rows<'_> {
    /// Whether a row passes.
    #[inline]
    pub fn passes(&self, row: usize) -> bool {
        self.passing.is_none_or(|passing| row < passing.len() && passing.value(row))
    }

    /// Calls `found` with the rows whose boxes meet a window and that pass: the row, its box, and
    /// whether the box lies wholly inside.
    #[inline]
    pub fn search(&self, window: &WorldBox, mut found: impl FnMut(usize, &WorldBox, bool)) {
        match self.passing {
            None => self.geometry.tree().search(window, found),
            Some(_) => self.geometry.tree().search(window, |row, bounds, whole| {
                if self.passes(row) {
                    found(row, bounds, whole);
                }
            }),
        }
    }
}
