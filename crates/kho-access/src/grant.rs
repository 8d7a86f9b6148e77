//! The permission to read.

use crate::AccessError;
use kho_layer::{AccessClass, Column, GEOMETRY, KHO_ID, LayerDef};
use std::sync::Arc;

/// The permission to read some columns of one layer at one snapshot. Cheap to clone; made by
/// [`Policy`](crate::Policy) alone.
#[derive(Debug, Clone)]
pub struct Grant {
    layer: Arc<LayerDef>,
    snapshot: i64,
    classes: ClassSet,
}

/// Which access classes are open. Kept as a set rather than as columns, so that a cache key is a
/// byte and a new column needs no new grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClassSet {
    pub internal: bool,
    pub restricted: bool,
}

impl Grant {
    pub(crate) fn new(layer: Arc<LayerDef>, snapshot: i64, classes: ClassSet) -> Self {
        Self { layer, snapshot, classes }
    }

    /// The layer.
    pub fn layer(&self) -> &Arc<LayerDef> {
        &self.layer
    }

    /// The snapshot, a DuckLake snapshot id.
    pub fn snapshot(&self) -> i64 {
        self.snapshot
    }

    /// The columns that may be read, in the layer's order, without `kho_id` and `geometry`, which
    /// every grant holds.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.layer.columns.iter().filter(|c| self.opens(c.access))
    }

    /// The columns that may be read and that lie with the rest of the layer.
    pub fn open_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns().filter(|c| c.access != AccessClass::Restricted)
    }

    /// The columns that may be read and that lie in the restricted sibling table.
    pub fn restricted_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns().filter(|c| c.access == AccessClass::Restricted)
    }

    /// Whether a column may be read, filtered or sorted by.
    pub fn allows(&self, column: &str) -> bool {
        column == KHO_ID || column == GEOMETRY || self.columns().any(|c| c.name == column)
    }

    /// The same as an error, for use at the door of a reader.
    ///
    /// # Errors
    /// [`AccessError::NoSuchColumn`], the same for a column that is not there and one that is hidden.
    pub fn require(&self, column: &str) -> Result<(), AccessError> {
        if self.allows(column) {
            return Ok(());
        }
        Err(AccessError::NoSuchColumn { layer: self.layer.name.clone(), column: column.to_owned() })
    }

    /// What this grant opens, as a short word for cache keys: two grants of one layer and snapshot
    /// with the same class read the same bytes.
    pub fn class(&self) -> &'static str {
        match (self.classes.internal, self.classes.restricted) {
            (false, false) => "public",
            (true, false) => "internal",
            (false, true) => "public+restricted",
            (true, true) => "all",
        }
    }

    fn opens(&self, class: AccessClass) -> bool {
        match class {
            AccessClass::Public => true,
            AccessClass::Internal => self.classes.internal,
            AccessClass::Restricted => self.classes.restricted,
        }
    }
}
