//! The permission to read what the lake does not hold.

use kho_layer::SourceDef;
use std::sync::Arc;

/// The permission to read one source: what its definition opens, and nothing else of it. Cheap to
/// clone; made by [`Policy`](crate::Policy) alone.
#[derive(Debug, Clone)]
pub struct SourceGrant {
    source: Arc<SourceDef>,
}

impl SourceGrant {
    pub(crate) fn new(source: Arc<SourceDef>) -> Self {
        Self { source }
    }

    /// The source.
    pub fn source(&self) -> &Arc<SourceDef> {
        &self.source
    }

    /// Whether everybody may see it, so that an answer may stand where everybody reads.
    pub fn is_everybodys(&self) -> bool {
        self.source.published
    }
}
