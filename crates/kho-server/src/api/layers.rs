//! The layers and the code lists.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_access::Grant;
use kho_layer::CodeList;
use serde_json::{Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::{Catalogue, Published};
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// Every published layer, those without data too.
pub(super) async fn layers(at: At, headers: HeaderMap) -> Result<Response, Problem> {
    let full = at.catalogue.layers.iter().map(|layer| describe(&layer.grant, Some(layer)));
    let empty = at.catalogue.empty.iter().map(|grant| describe(grant, None));
    let mut layers: Vec<Value> = full.chain(empty).collect();
    layers.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    Ok(Tagged::json(Freshness::Revalidate, &layers)?.answer(&headers))
}

fn describe(grant: &Grant, data: Option<&Published>) -> Value {
    let def = grant.layer();
    let columns: Vec<Value> = grant
        .columns()
        .map(|column| {
            json!({
                "name": column.name, "title": column.title, "type": column.ty,
                "unit": column.unit, "code_list": column.code_list,
            })
        })
        .collect();
    json!({
        "name": def.name,
        "title": def.title,
        "description": def.description,
        "theme": def.theme,
        "geometry": def.geometry,
        "published": def.published,
        "feature_count": data.map_or(0, |d| d.files.feature_count),
        "bounds": data.and_then(|d| d.files.bounds),
        "since_snapshot": data.map(|d| d.files.layer_since),
        "delivered_at": data.and_then(|d| d.delivered),
        "columns": columns,
        "key": def.key.iter().filter(|name| grant.allows(name)).collect::<Vec<_>>(),
        "zoom": def.zoom,
        "first_zoom": def.first_zoom(),
        "style": def.style,
    })
}

/// The names of the code lists that public columns use: a list that only hidden columns use would
/// tell of them.
fn open_lists(catalogue: &Catalogue) -> BTreeSet<&str> {
    let grants = catalogue.layers.iter().map(|layer| &layer.grant).chain(&catalogue.empty);
    grants.flat_map(Grant::columns).filter_map(|column| column.code_list.as_deref()).collect()
}

pub(super) async fn code_lists(
    State(app): State<App>,
    at: At,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let open = open_lists(&at.catalogue);
    let lists: Vec<Value> = app
        .city
        .code_lists()
        .filter(|list| open.contains(list.name.as_str()))
        .map(|list| json!({"name": list.name, "version": list.version, "title": list.title}))
        .collect();
    Ok(Tagged::json(Freshness::Revalidate, &lists)?.answer(&headers))
}

pub(super) async fn codes(
    State(app): State<App>,
    at: At,
    Segments(name): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list =
        app.city.code_list(&name).filter(|list| open_lists(&at.catalogue).contains(list.name.as_str()));
    let list: &CodeList =
        list.ok_or_else(|| Problem::not_found(format!("No code list is called {name}.")))?;
    let body =
        json!({"name": list.name, "version": list.version, "title": list.title, "entries": list.entries});
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}
