//! The OpenAPI 3.0 document: self-contained, made for the city's own collections.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_filter::MAX_BYTES;
use kho_tile::Grid;
use serde_json::{Map, Value, json};

use super::items::{LIMIT_DEFAULT, LIMIT_MAX};
use super::queryables::SCHEMA;
use super::{CRS84, GEOJSON, HTML, JSON, OPENAPI, city_title, document, html, language, page};
use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::MAX_LAYERS;
use crate::data::cql::filter_crs;
use crate::http::base::Base;
use crate::http::conditional::Freshness;
use crate::http::negotiate::Format;
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::tiles::grids::grids;
use crate::tiles::{MLT, MVT};

pub(super) async fn api(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f", "snapshot"])?;
    let lang = language(&headers);
    let names: Vec<&str> = at.catalogue.layers.iter().map(|layer| layer.name()).collect();
    let grids: Vec<String> = grids(&app.city).into_iter().map(Grid::id).collect();
    let crs = filter_crs(&app);
    let body = openapi(&city_title(&app.city, lang), &format!("{base}/ogc"), &names, &grids, &crs);
    match Format::of(&params, &headers)? {
        Format::Json => Ok(document(OPENAPI, Freshness::Revalidate, &body, &headers)),
        Format::Html => {
            let paths = body["paths"].as_object().into_iter().flatten();
            let rows = paths.map(|(path, item)| {
                [html::escape(path), html::escape(item["get"]["summary"].as_str().unwrap_or_default())]
            });
            let table = html::table(&["GET", ""], rows);
            page(Freshness::Revalidate, html::page("API", &base, &[], &table, lang), &headers)
        }
    }
}

fn openapi(title: &str, server: &str, collections: &[&str], grids: &[String], crs: &[String]) -> Value {
    let mut document = json!({
        "openapi": "3.0.3",
        "info": {"title": title, "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": server}],
        "tags": [{"name": "capabilities"}, {"name": "data"}, {"name": "tiles"}],
        "paths": {
            "/": operation("landing", "The landing page", "capabilities", &["f"], JSON, "landingPage", false),
            "/conformance": operation("conformance", "What this interface conforms to", "capabilities", &["f"], JSON, "confClasses", false),
            "/api": operation("api", "This document", "capabilities", &["f", "snapshot"], OPENAPI, "any", true),
            "/collections": operation("collections", "The collections", "capabilities", &["f", "snapshot"], JSON, "collections", true),
            "/collections/{collectionId}": operation(
                "collection", "One collection", "capabilities", &["collectionId", "f", "snapshot"], JSON, "collection", true),
            "/collections/{collectionId}/items": operation(
                "items", "Features of a collection, page by page", "data",
                &["collectionId", "limit", "bbox", "bbox-crs", "datetime", "filter", "filter-lang", "filter-crs", "next", "f", "snapshot"],
                GEOJSON, "featureCollectionGeoJSON", true),
            "/collections/{collectionId}/queryables": operation(
                "queryables", "What features of a collection can be filtered by", "capabilities",
                &["collectionId", "f", "snapshot"], SCHEMA, "any", true),
            "/collections/{collectionId}/items/{featureId}": operation(
                "item", "One feature", "data", &["collectionId", "featureId", "f", "snapshot"], GEOJSON, "featureGeoJSON", true),
        },
        "components": {
            "parameters": parameters(collections, grids, crs),
            "schemas": schemas(),
            "responses": {
                "problem": {
                    "description": "Why there is no better answer (RFC 9457).",
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}},
                },
            },
        },
    });
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.extend(tile_paths());
    }
    document
}

/// The paths of OGC API Tiles.
fn tile_paths() -> Map<String, Value> {
    let whole = "/tiles";
    let of_one = "/collections/{collectionId}/tiles";
    let set = "{tileMatrixSetId}";
    let tile = "{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}";
    let place = ["tileMatrixSetId", "tileMatrix", "tileRow", "tileCol"];
    let with = |more: &[&'static str]| {
        [more, &place[..], &["tileFormat", "filter", "filter-lang", "filter-crs", "as_of", "snapshot"][..]]
            .concat()
    };
    [
        (
            "/tileMatrixSets".to_owned(),
            operation("tileMatrixSets", "The grids of tiles", "tiles", &["f"], JSON, "tileMatrixSets", false),
        ),
        (
            format!("/tileMatrixSets/{set}"),
            operation(
                "tileMatrixSet",
                "One grid of tiles",
                "tiles",
                &["tileMatrixSetId", "f"],
                JSON,
                "tileMatrixSet",
                true,
            ),
        ),
        (
            whole.to_owned(),
            operation(
                "tilesets",
                "The tilesets of all collections in one",
                "tiles",
                &["collections", "f", "snapshot"],
                JSON,
                "tilesets",
                true,
            ),
        ),
        (
            format!("{whole}/{set}"),
            operation(
                "tileset",
                "One of these tilesets",
                "tiles",
                &["tileMatrixSetId", "collections", "f", "snapshot"],
                JSON,
                "tileset",
                true,
            ),
        ),
        (
            format!("{whole}/{tile}"),
            tile_operation(
                "tile",
                "A tile of all collections, or of those that are named",
                &with(&["collections"]),
            ),
        ),
        (
            of_one.to_owned(),
            operation(
                "collectionTilesets",
                "The tilesets of a collection",
                "tiles",
                &["collectionId", "f", "snapshot"],
                JSON,
                "tilesets",
                true,
            ),
        ),
        (
            format!("{of_one}/{set}"),
            operation(
                "collectionTileset",
                "One of these tilesets",
                "tiles",
                &["collectionId", "tileMatrixSetId", "f", "snapshot"],
                JSON,
                "tileset",
                true,
            ),
        ),
        (
            format!("{of_one}/{tile}"),
            tile_operation("collectionTile", "A tile of a collection", &with(&["collectionId"])),
        ),
    ]
    .into_iter()
    .collect()
}

fn tile_operation(id: &str, summary: &str, parameters: &[&str]) -> Value {
    let mut whole = operation(id, summary, "tiles", parameters, MVT, "tile", true);
    let responses = &mut whole["get"]["responses"];
    let schema = json!({"schema": {"$ref": "#/components/schemas/tile"}});
    responses["200"]["content"] = json!({MVT: schema, MLT: schema});
    responses["204"] = json!({"description": "There is nothing in this tile."});
    whole
}

fn operation(
    id: &str,
    summary: &str,
    tag: &str,
    parameters: &[&str],
    kind: &str,
    schema: &str,
    may_miss: bool,
) -> Value {
    let problem = json!({"$ref": "#/components/responses/problem"});
    let mut responses = json!({
        "200": {
            "description": summary,
            "content": {
                kind: {"schema": {"$ref": format!("#/components/schemas/{schema}")}},
                HTML: {"schema": {"type": "string"}},
            },
        },
        "304": {"description": "The asker has it already."},
        "400": problem, "405": problem, "406": problem, "500": problem, "503": problem,
    });
    if may_miss {
        responses["404"] = problem;
    }
    let parameters: Vec<Value> =
        parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect();
    json!({"get": {"operationId": id, "summary": summary, "tags": [tag], "parameters": parameters, "responses": responses}})
}

fn parameters(collections: &[&str], grids: &[String], crs: &[String]) -> Value {
    let query = |name: &str, description: &str, schema: Value| {
        json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema,
               "style": "form", "explode": false})
    };
    let path = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema});
    let mut collection = json!({"type": "string"});
    // An empty enum is not allowed.
    if !collections.is_empty() {
        collection["enum"] = json!(collections);
    }
    json!({
        "f": query("f", "The representation; else Accept decides.", json!({"type": "string", "enum": ["json", "html"]})),
        "tileFormat": query("f", "The format of the tile; else Accept decides.",
            json!({"type": "string", "enum": ["mvt", "mlt"]})),
        "snapshot": query("snapshot", "A snapshot of the warehouse; else the current one.",
            json!({"type": "integer", "format": "int64", "minimum": 0})),
        "limit": query("limit", "How many features a page has at most.",
            json!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT})),
        "bbox": query("bbox", "Only features whose box meets this one: west, south, east, north in degrees (CRS84); \
                with heights in between, which are ignored.",
            json!({"type": "array", "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
                   "items": {"type": "number"}})),
        "bbox-crs": query("bbox-crs", "The CRS of bbox.", json!({"type": "string", "format": "uri", "enum": [CRS84], "default": CRS84})),
        "datetime": query("datetime", "Only features that are valid then: a date, a date and time, or an interval.",
            json!({"type": "string"})),
        "filter": query("filter", "Only features of which this is true: a condition in CQL2 on the collection's queryables. \
                Tiles take one for a single collection.", json!({"type": "string", "maxLength": MAX_BYTES})),
        "filter-lang": query("filter-lang", "How the filter is written.",
            json!({"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"})),
        "as_of": query("as_of", "The day on which features must be valid.", json!({"type": "string", "format": "date"})),
        "filter-crs": query("filter-crs", "The CRS of the filter's geometries.",
            json!({"type": "string", "format": "uri", "enum": crs, "default": CRS84})),
        "next": query("next", "The token of a further page, from a link `next`.", json!({"type": "string"})),
        "collectionId": path("collectionId", "A collection.", collection.clone()),
        "collections": json!({
            "name": "collections", "in": "query", "required": false, "style": "form", "explode": false,
            "description": "The collections in the tile; else all.",
            "schema": {"type": "array", "items": collection.clone(), "minItems": 1, "maxItems": MAX_LAYERS},
        }),
        "tileMatrixSetId": path("tileMatrixSetId", "A grid of tiles.", json!({"type": "string", "enum": grids})),
        "tileMatrix": path("tileMatrix", "The zoom.", json!({"type": "string", "pattern": "^[0-9]{1,2}$"})),
        "tileRow": path("tileRow", "The row, from the north.", json!({"type": "integer", "minimum": 0})),
        "tileCol": path("tileCol", "The column, from the west.", json!({"type": "integer", "minimum": 0})),
        "featureId": path("featureId", "A feature's id.", json!({"type": "string"})),
    })
}

fn schemas() -> Value {
    let object = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties});
    let links = json!({"type": "array", "items": {"$ref": "#/components/schemas/link"}});
    let text = json!({"type": "string"});
    json!({
        "any": {"type": "object"},
        "link": object(&["href", "rel"], json!({"href": text, "rel": text, "type": text, "title": text})),
        "landingPage": object(&["links"], json!({"title": text, "description": text, "attribution": text, "links": links})),
        "tileMatrixSets": object(&["tileMatrixSets"], json!({
            "links": links, "tileMatrixSets": {"type": "array", "items": object(&["id", "links"], json!({
                "id": text, "title": text, "uri": text, "crs": text, "links": links,
            }))},
        })),
        "tileMatrixSet": object(&["id", "crs", "tileMatrices"], json!({
            "id": text, "title": text, "uri": text, "crs": text, "orderedAxes": {"type": "array", "items": text},
            "wellKnownScaleSet": text, "tileMatrices": {"type": "array", "items": {"type": "object"}},
        })),
        "tilesets": object(&["tilesets"], json!({
            "links": links, "tilesets": {"type": "array", "items": {"$ref": "#/components/schemas/tileset"}},
        })),
        "tileset": object(&["dataType", "crs", "links"], json!({
            "title": text, "dataType": {"type": "string", "enum": ["vector"]}, "crs": text, "tileMatrixSetURI": text,
            "links": links, "boundingBox": {"type": "object"},
            "layers": {"type": "array", "items": {"type": "object"}},
            "tileMatrixSetLimits": {"type": "array", "items": {"type": "object"}},
        })),
        "tile": {"type": "string", "format": "binary"},
        "confClasses": object(&["conformsTo"], json!({"conformsTo": {"type": "array", "items": text}})),
        "collections": object(&["links", "collections"], json!({
            "links": links, "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
        })),
        "collection": object(&["id", "links"], json!({
            "id": text, "title": text, "description": text, "links": links, "itemType": text,
            "extent": {"type": "object"}, "crs": {"type": "array", "items": text}, "storageCrs": text,
        })),
        "featureCollectionGeoJSON": object(&["type", "features"], json!({
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {"type": "array", "items": {"$ref": "#/components/schemas/featureGeoJSON"}},
            "links": links,
            "numberMatched": {"type": "integer", "minimum": 0},
            "numberReturned": {"type": "integer", "minimum": 0},
        })),
        "featureGeoJSON": object(&["type", "geometry", "properties"], json!({
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "integer", "format": "int64"},
            "geometry": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/geometryGeoJSON"}]},
            "properties": {"type": "object", "nullable": true},
            "links": links,
        })),
        "geometryGeoJSON": object(&["type", "coordinates"], json!({
            "type": {"type": "string", "enum": ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]},
            "coordinates": {"type": "array", "items": {}},
        })),
        "problem": object(&["title", "status"], json!({
            "type": text, "title": text, "status": {"type": "integer"}, "detail": text, "code": text,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_inside_the_document() {
        let document = openapi(
            "t",
            "http://a/ogc",
            &["land_parcel"],
            &["WebMercatorQuad".to_owned()],
            &[CRS84.to_owned()],
        );
        let text = document.to_string();
        let references: Vec<&str> =
            text.split("\"$ref\":\"").skip(1).filter_map(|r| r.split('"').next()).collect();
        assert!(references.len() > 20);
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_path_names_its_parameters() {
        let document = openapi(
            "t",
            "http://a/ogc",
            &["land_parcel"],
            &["WebMercatorQuad".to_owned()],
            &[CRS84.to_owned()],
        );
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 16);
        for (path, item) in paths {
            let named = item["get"]["parameters"].to_string();
            for part in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                assert!(named.contains(&format!("parameters/{part}\"")), "{path}: {part}");
            }
        }
    }
}
