//! The collections: one for each published layer that has data.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::queryables::{QUERYABLES, SCHEMA};
use super::tiles::TILESETS;
use super::{
    CRS84, GEOJSON, HTML, JSON, city_title, document, html, language, link, page, pin, representations,
};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::http::base::Base;
use crate::http::conditional::Freshness;
use crate::http::negotiate::Format;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

pub(super) async fn list(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f", "snapshot"])?;
    let format = Format::of(&params, &headers)?;
    let lang = language(&headers);
    let root = format!("{base}/ogc/collections");
    let links = representations(&root, &params.all(), format, JSON);
    match format {
        Format::Json => {
            let collections: Vec<Value> =
                at.catalogue.layers.iter().map(|layer| collection(layer, &at, &base, lang)).collect();
            let body = json!({"links": links, "collections": collections});
            Ok(document(JSON, Freshness::Revalidate, &body, &headers))
        }
        Format::Html => {
            let rows = at.catalogue.layers.iter().map(|layer| {
                let address = format!("{root}/{}?f=html", layer.name());
                let title = html::anchor(&address, layer.def().title.get(lang));
                format!(
                    "{title} <small>{} · {}</small>",
                    html::escape(layer.name()),
                    layer.files.feature_count
                )
            });
            let body = html::list(rows) + &html::links(&links);
            let title = city_title(&app.city, lang);
            page(Freshness::Revalidate, html::page(&title, &base, &[], &body, lang), &headers)
        }
    }
}

pub(super) async fn one(
    at: At,
    Base(base): Base,
    Segments(name): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f", "snapshot"])?;
    let format = Format::of(&params, &headers)?;
    let lang = language(&headers);
    let layer = at.catalogue.require(&name)?;
    match format {
        Format::Json => {
            Ok(document(JSON, Freshness::Revalidate, &collection(layer, &at, &base, lang), &headers))
        }
        Format::Html => {
            let items = format!("{base}/ogc/collections/{name}/items?f=html");
            let tiles = format!("{base}/ogc/collections/{name}/tiles?f=html");
            let queryables = format!("{base}/ogc/collections/{name}/queryables?f=html");
            let columns = layer.grant.columns().map(|column| {
                [
                    html::escape(&column.name),
                    html::escape(column.title.get(lang)),
                    html::escape(column.unit.as_deref().unwrap_or_default()),
                ]
            });
            let description = layer.def().description.as_ref().map_or("", |d| d.get(lang));
            let body = html::paragraph(description)
                + &html::list(
                    [(&items, "Items"), (&tiles, "Tiles"), (&queryables, "Queryables")]
                        .into_iter()
                        .map(|(address, name)| html::anchor(address, name)),
                )
                + &html::table(&["name", "title", "unit"], columns);
            let crumbs = [(format!("{base}/ogc/collections?f=html"), "Collections".to_owned())];
            page(
                Freshness::Revalidate,
                html::page(layer.def().title.get(lang), &base, &crumbs, &body, lang),
                &headers,
            )
        }
    }
}

/// A layer's description as a collection.
fn collection(layer: &Published, at: &At, base: &str, lang: &str) -> Value {
    let def = layer.def();
    let (root, pin) = (format!("{base}/ogc/collections/{}", def.name), pin(at));
    let mut extent = json!({});
    if let Some(bounds) = layer.files.bounds {
        extent["spatial"] = json!({"bbox": [bounds], "crs": CRS84});
    }
    let dated =
        [&def.valid_from, &def.valid_to].into_iter().flatten().any(|column| layer.grant.allows(column));
    if dated {
        // Computing the exact span would read the layer; an open one is true.
        extent["temporal"] =
            json!({"interval": [[null, null]], "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"});
    }
    json!({
        "id": def.name,
        "title": def.title.get(lang),
        "description": def.description.as_ref().unwrap_or(&def.title).get(lang),
        "extent": extent,
        "itemType": "feature",
        "crs": [CRS84],
        "storageCrs": CRS84,
        "links": [
            link(format!("{root}{pin}"), "self", JSON, def.title.get(lang)),
            link(format!("{root}?f=html"), "alternate", HTML, def.title.get(lang)),
            link(format!("{root}/items{pin}"), "items", GEOJSON, def.title.get(lang)),
            link(format!("{root}/items?f=html"), "items", HTML, def.title.get(lang)),
            link(format!("{root}/queryables{pin}"), QUERYABLES, SCHEMA, "Queryables"),
            link(format!("{root}/tiles{pin}"), TILESETS, JSON, "Tiles"),
            link(format!("{base}/tiles/{}{pin}", def.name), "related", JSON, "TileJSON"),
        ],
    })
}
