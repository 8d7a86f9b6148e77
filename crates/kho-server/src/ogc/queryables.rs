//! What a collection's features can be filtered by (OGC API Features, Part 3), as a JSON Schema.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_layer::{Column, ColumnType, GEOMETRY, GeometryKind, KHO_ID};
use serde_json::{Map, Value, json};

use super::{document, html, language, page, pin, representations};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::http::base::Base;
use crate::http::conditional::Freshness;
use crate::http::negotiate::Format;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;

/// The media type of a JSON Schema.
pub(super) const SCHEMA: &str = "application/schema+json";
/// From a collection to its queryables.
pub(super) const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";

pub(super) async fn one(
    State(app): State<App>,
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
    let address = format!("{base}/ogc/collections/{name}/queryables");
    match format {
        Format::Json => {
            let schema = schema(layer, &app, &format!("{address}{}", pin(&at)), lang);
            Ok(document(SCHEMA, Freshness::Revalidate, &schema, &headers))
        }
        Format::Html => {
            let schema = schema(layer, &app, &address, lang);
            let rows = schema["properties"].as_object().into_iter().flatten().map(|(name, property)| {
                let kind = if property["type"].is_null() { &property["format"] } else { &property["type"] };
                [name.clone(), html::plain(&property["title"]), html::plain(kind)]
                    .map(|text| html::escape(&text))
            });
            let links = representations(&address, &params.all(), format, SCHEMA);
            let body = html::table(&["name", "title", "type"], rows) + &html::links(&links);
            let crumbs = [(format!("{base}/ogc/collections/{name}?f=html"), name.clone())];
            page(Freshness::Revalidate, html::page("Queryables", &base, &crumbs, &body, lang), &headers)
        }
    }
}

fn schema(layer: &Published, app: &App, id: &str, lang: &str) -> Value {
    let def = layer.def();
    let mut properties = Map::new();
    properties.insert(
        KHO_ID.to_owned(),
        json!({"title": KHO_ID, "type": "integer", "minimum": 1, "x-ogc-role": "id"}),
    );
    for column in layer.grant.columns() {
        properties.insert(column.name.clone(), property(column, app, lang));
    }
    let format = match def.geometry {
        GeometryKind::Point => "geometry-point-or-multipoint",
        GeometryKind::Line => "geometry-linestring-or-multilinestring",
        GeometryKind::Polygon => "geometry-polygon-or-multipolygon",
    };
    properties.insert(
        GEOMETRY.to_owned(),
        json!({"title": GEOMETRY, "format": format, "x-ogc-role": "primary-geometry"}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": id,
        "type": "object",
        "title": def.title.get(lang),
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(column: &Column, app: &App, lang: &str) -> Value {
    let (ty, format) = match column.ty {
        ColumnType::Text => ("string", None),
        ColumnType::Integer => ("integer", None),
        ColumnType::Float => ("number", None),
        ColumnType::Boolean => ("boolean", None),
        ColumnType::Date => ("string", Some("date")),
        ColumnType::Timestamp => ("string", Some("date-time")),
    };
    let mut property = json!({"title": column.title.get(lang), "type": ty});
    if let Some(format) = format {
        property["format"] = json!(format);
    }
    if let Some(unit) = &column.unit {
        property["x-ogc-unit"] = json!(unit);
    }
    // Values outside of the list are an error in the data, not in a filter: no enum.
    if let Some(list) = column.code_list.as_deref().filter(|name| app.city.code_list(name).is_some()) {
        property["x-kho-code-list"] = json!(list);
    }
    property
}
