//! Tilesets: lists of them, and their metadata (OGC 17-083r4, JSON encoding).

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_layer::{ColumnType, GeometryKind};
use kho_tile::Grid;
use serde_json::{Map, Value, json};

use super::matrix::title;
use super::{TILESETS, TILING_SCHEME};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::http::base::Base;
use crate::http::conditional::Freshness;
use crate::http::negotiate::Format;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use crate::ogc::{CRS84, HTML, JSON, city_title, document, html, language, link, page, pin, representations};
use crate::tiles::grids::{grid, grids};
use crate::tiles::{MLT, MVT, around};

/// What tilesets are of: a collection, or all of them.
struct Subject {
    layers: Vec<Arc<Published>>,
    title: String,
    /// The address of the list.
    root: String,
    /// What keeps a request pinned and selected, with its question mark.
    query: String,
    base: String,
    lang: &'static str,
}

/// The layers of the dataset's tiles: those that `collections` names, else all.
pub(super) fn layers_of(at: &At, params: &Params) -> Result<Vec<Arc<Published>>, Problem> {
    match params.get("collections") {
        Some(names) => at.catalogue.require_all(names),
        None => Ok(at.catalogue.layers.clone()),
    }
}

impl Subject {
    fn dataset(
        app: &App,
        at: &At,
        base: String,
        params: &Params,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        params.only(&["f", "snapshot", "collections"])?;
        let lang = language(headers);
        let mut query = String::new();
        if let Some(names) = params.get("collections") {
            // Names are letters, digits and _: what is not has been refused as unknown.
            query = format!("?collections={names}");
        }
        if at.pinned {
            let mark = if query.is_empty() { '?' } else { '&' };
            query = format!("{query}{mark}snapshot={}", at.snapshot());
        }
        Ok(Self {
            layers: layers_of(at, params)?,
            title: city_title(&app.city, lang),
            root: format!("{base}/ogc/tiles"),
            query,
            base,
            lang,
        })
    }

    fn collection(
        at: &At,
        base: String,
        name: &str,
        params: &Params,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        params.only(&["f", "snapshot"])?;
        let lang = language(headers);
        let layer = at.catalogue.require(name)?;
        Ok(Self {
            layers: vec![Arc::clone(layer)],
            title: layer.def().title.get(lang).to_owned(),
            root: format!("{base}/ogc/collections/{}/tiles", layer.name()),
            query: pin(at),
            base,
            lang,
        })
    }

    fn crumbs(&self) -> [(String, String); 1] {
        [(format!("{}?f=html", self.root), "Tiles".to_owned())]
    }

    /// The zooms at which any of the layers has tiles.
    fn zooms(&self, grid: Grid) -> (u8, u8) {
        let each = || self.layers.iter().map(|layer| grid.zooms(layer.def().tile_zooms()));
        (
            each().map(|(min, _)| min).min().unwrap_or_default(),
            each().map(|(_, max)| max).max().unwrap_or_default(),
        )
    }

    /// What the list and the metadata both say.
    fn entry(&self, grid: Grid) -> Value {
        let Self { root, query, base, .. } = self;
        let mut entry = json!({
            "title": format!("{} ({})", self.title, grid.id()),
            "dataType": "vector",
            "crs": grid.crs(),
        });
        if let Some(uri) = grid.uri() {
            entry["tileMatrixSetURI"] = json!(uri);
        }
        let with = |f: &str| if query.is_empty() { format!("?f={f}") } else { format!("{query}&f={f}") };
        let html = with("html");
        let item = |query: &str, kind: &str, title: &str| {
            let tile = format!("{root}/{grid}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}{query}");
            let mut item = link(tile, "item", kind, title);
            item["templated"] = json!(true);
            item
        };
        entry["links"] = json!([
            link(format!("{root}/{grid}{query}"), "self", JSON, &self.title),
            link(format!("{root}/{grid}{html}"), "alternate", HTML, &self.title),
            link(format!("{base}/ogc/tileMatrixSets/{grid}"), TILING_SCHEME, JSON, &title(grid)),
            // MVT first: some clients take the first there is.
            item(query, MVT, "Mapbox vector tiles"),
            item(&with("mlt"), MLT, "MapLibre tiles"),
        ]);
        entry
    }

    /// The metadata of one tileset.
    fn metadata(&self, grid: Grid) -> Value {
        let mut whole = self.entry(grid);
        whole["layers"] = self.layers.iter().map(|layer| self.layer(layer, grid)).collect();
        if let Some(bounds) = around(&self.layers) {
            whole["boundingBox"] = bounding_box(bounds);
            let (first, last) = self.zooms(grid);
            whole["tileMatrixSetLimits"] = (first..=last)
                .filter_map(|z| {
                    let range = grid.tiles(z, bounds)?;
                    Some(json!({
                        "tileMatrix": z.to_string(),
                        "minTileRow": range.min_row, "maxTileRow": range.max_row,
                        "minTileCol": range.min_column, "maxTileCol": range.max_column,
                    }))
                })
                .collect();
        }
        whole
    }

    fn layer(&self, layer: &Published, grid: Grid) -> Value {
        let def = layer.def();
        let (first, last) = grid.zooms(def.tile_zooms());
        let properties: Map<String, Value> = layer
            .grant
            .columns()
            .map(|column| (column.name.clone(), schema(column.ty, column.title.get(self.lang))))
            .collect();
        let mut entry = json!({
            "id": def.name,
            "title": def.title.get(self.lang),
            "description": def.description.as_ref().unwrap_or(&def.title).get(self.lang),
            "dataType": "vector",
            "geometryDimension": match def.geometry {
                GeometryKind::Point => 0,
                GeometryKind::Line => 1,
                GeometryKind::Polygon => 2,
            },
            "minTileMatrix": first.to_string(),
            "maxTileMatrix": last.to_string(),
            "propertiesSchema": {"type": "object", "properties": properties},
        });
        if let Some(bounds) = layer.files.bounds {
            entry["boundingBox"] = bounding_box(bounds);
        }
        entry
    }

    /// The list of tilesets as an answer.
    fn list(&self, app: &App, params: &Params, headers: &HeaderMap) -> Result<Response, Problem> {
        let format = Format::of(params, headers)?;
        let links = representations(&self.root, &params.all(), format, JSON);
        match format {
            Format::Json => {
                let sets: Vec<Value> = grids(&app.city).into_iter().map(|grid| self.entry(grid)).collect();
                let body = json!({"links": links, "tilesets": sets});
                Ok(document(JSON, Freshness::Revalidate, &body, headers))
            }
            Format::Html => {
                let rows = grids(&app.city).into_iter().map(|grid| {
                    let address = format!("{}/{grid}?f=html", self.root);
                    format!(
                        "{} <small>{}</small>",
                        html::anchor(&address, &grid.id()),
                        html::escape(&title(grid))
                    )
                });
                let body = html::list(rows) + &html::links(&links);
                page(
                    Freshness::Revalidate,
                    html::page(&self.title, &self.base, &[], &body, self.lang),
                    headers,
                )
            }
        }
    }

    /// One tileset as an answer.
    fn one(&self, app: &App, id: &str, params: &Params, headers: &HeaderMap) -> Result<Response, Problem> {
        let format = Format::of(params, headers)?;
        let grid = grid(&app.city, id)?;
        let mut body = self.metadata(grid);
        match format {
            Format::Json => {
                let up = link(format!("{}{}", self.root, self.query), TILESETS, JSON, "Tiles");
                if let Some(links) = body["links"].as_array_mut() {
                    links.push(up);
                }
                Ok(document(JSON, Freshness::Revalidate, &body, headers))
            }
            Format::Html => {
                let layers = body["layers"].as_array().into_iter().flatten().map(|layer| {
                    ["id", "title", "minTileMatrix", "maxTileMatrix"]
                        .map(|member| html::escape(&html::plain(&layer[member])))
                });
                let links = body["links"].as_array().map(Vec::as_slice).unwrap_or_default();
                let text =
                    html::table(&["layer", "title", "first zoom", "last zoom"], layers) + &html::links(links);
                let title = format!("{} ({})", self.title, grid.id());
                page(
                    Freshness::Revalidate,
                    html::page(&title, &self.base, &self.crumbs(), &text, self.lang),
                    headers,
                )
            }
        }
    }
}

pub(super) async fn of_dataset(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Subject::dataset(&app, &at, base, &params, &headers)?.list(&app, &params, &headers)
}

pub(super) async fn one_of_dataset(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(id): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Subject::dataset(&app, &at, base, &params, &headers)?.one(&app, &id, &params, &headers)
}

pub(super) async fn of_collection(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(name): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Subject::collection(&at, base, &name, &params, &headers)?.list(&app, &params, &headers)
}

pub(super) async fn one_of_collection(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments((name, id)): Segments<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Subject::collection(&at, base, &name, &params, &headers)?.one(&app, &id, &params, &headers)
}

/// West, south, east, north as the standard writes a box.
fn bounding_box([west, south, east, north]: [f64; 4]) -> Value {
    json!({"crs": CRS84, "lowerLeft": [west, south], "upperRight": [east, north]})
}

/// A column as JSON Schema, with the types it has in tiles.
fn schema(ty: ColumnType, title: &str) -> Value {
    let (ty, format) = match ty {
        ColumnType::Text => ("string", None),
        ColumnType::Integer => ("integer", None),
        ColumnType::Float => ("number", None),
        ColumnType::Boolean => ("boolean", None),
        ColumnType::Date => ("string", Some("date")),
        ColumnType::Timestamp => ("string", Some("date-time")),
    };
    let mut schema = json!({"title": title, "type": ty});
    if let Some(format) = format {
        schema["format"] = json!(format);
    }
    schema
}
