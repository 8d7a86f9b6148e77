//! What a filter may ask of tiles.

use crate::TileError;
use kho_access::{AccessError, Grant};
use kho_filter::Filter;
use kho_layer::{GEOMETRY, KHO_ID};

/// Whether the filter is this grant's and asks about nothing but what tiles may hold. A restricted
/// column is answered as one that does not exist, to those too who may see it elsewhere.
pub(super) fn check(filter: &Filter, grant: &Grant) -> Result<(), TileError> {
    filter.check(grant)?;
    let open =
        |name: &str| name == KHO_ID || name == GEOMETRY || grant.open_columns().any(|c| c.name == name);
    match filter.columns().iter().find(|name| !open(name)) {
        None => Ok(()),
        Some(name) => {
            let (layer, column) = (grant.layer().name.clone(), name.clone());
            Err(TileError::Filter(AccessError::NoSuchColumn { layer, column }.into()))
        }
    }
}
