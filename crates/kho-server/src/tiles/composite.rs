//! Composites of the city's kho.toml: several layers in one tile, under a name of their own.

use std::sync::Arc;

use kho_layer::{BakeConfig, Composite};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::{Catalogue, Published};
use crate::http::problem::Problem;

/// The layers that an address names: those of a composite, or each by its own name. The refusal is
/// that of a layer that is not there, also for a composite with a layer that not everybody may see.
pub(super) fn named(app: &App, at: &At, names: &str) -> Result<Vec<Arc<Published>>, Problem> {
    let composite = app.city.config.bake.composite(names);
    match composite.and_then(|composite| members(&at.catalogue, composite)) {
        Some(layers) if !layers.is_empty() => Ok(layers),
        _ => at.catalogue.require_all(names),
    }
}

/// The composite that holds exactly these layers, in this order.
pub(super) fn of<'a>(
    config: &'a BakeConfig,
    catalogue: &Catalogue,
    layers: &[Arc<Published>],
) -> Option<&'a Composite> {
    config.composites.iter().find(|composite| {
        members(catalogue, composite)
            .is_some_and(|all| all.iter().map(|l| l.name()).eq(layers.iter().map(|l| l.name())))
    })
}

/// All that can be asked for, each with its layers.
pub(super) fn all<'a>(app: &'a App, at: &At) -> Vec<(&'a str, Vec<Arc<Published>>)> {
    let whole = |composite: &'a Composite| {
        let layers = members(&at.catalogue, composite).filter(|layers| !layers.is_empty())?;
        Some((composite.name.as_str(), layers))
    };
    app.city.config.bake.composites.iter().filter_map(whole).collect()
}

/// The layers of a composite that have data, as a bake holds them; `None` if one of them is not
/// published.
fn members(catalogue: &Catalogue, composite: &Composite) -> Option<Vec<Arc<Published>>> {
    let mut found = Vec::with_capacity(composite.layers.len());
    for name in &composite.layers {
        match catalogue.layer(name) {
            Some(layer) => found.push(Arc::clone(layer)),
            None if catalogue.empty.iter().any(|grant| grant.layer().name == *name) => {}
            None => return None,
        }
    }
    Some(found)
}
