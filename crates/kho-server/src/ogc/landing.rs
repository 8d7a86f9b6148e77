//! The landing page and the conformance declaration.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use super::tiles::{TILESETS, TILING_SCHEMES};
use super::{HTML, JSON, OPENAPI, city_title, document, html, language, link, page, representations};
use crate::app::App;
use crate::http::base::Base;
use crate::http::conditional::Freshness;
use crate::http::negotiate::Format;
use crate::http::params::Params;
use crate::http::problem::Problem;

const CONFORMANCE: [&str; 26] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/collections-selection",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
];

pub(super) async fn landing(
    State(app): State<App>,
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f"])?;
    let format = Format::of(&params, &headers)?;
    let lang = language(&headers);
    let root = format!("{base}/ogc");
    let mut links = representations(&root, &params.all(), format, JSON).to_vec();
    links.extend([
        link(format!("{root}/api"), "service-desc", OPENAPI, "OpenAPI 3.0"),
        link(format!("{root}/api?f=html"), "service-doc", HTML, "API"),
        link(format!("{root}/conformance"), "conformance", JSON, "Conformance"),
        link(format!("{root}/collections"), "data", JSON, "Collections"),
        link(format!("{root}/tiles"), TILESETS, JSON, "Tiles"),
        link(format!("{root}/tileMatrixSets"), TILING_SCHEMES, JSON, "Tile matrix sets"),
    ]);
    let title = city_title(&app.city, lang);
    let description = if lang == "en" {
        "The published layers of the city's spatial warehouse."
    } else {
        "Các lớp dữ liệu đã công bố của kho dữ liệu đô thị."
    };
    match format {
        Format::Json => {
            let body =
                json!({"title": title, "description": description, "attribution": title, "links": links});
            Ok(document(JSON, Freshness::Revalidate, &body, &headers))
        }
        Format::Html => {
            let body = html::paragraph(description) + &html::links(&links);
            page(Freshness::Revalidate, html::page(&title, &base, &[], &body, lang), &headers)
        }
    }
}

pub(super) async fn conformance(
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f"])?;
    match Format::of(&params, &headers)? {
        Format::Json => {
            Ok(document(JSON, Freshness::Revalidate, &json!({"conformsTo": CONFORMANCE}), &headers))
        }
        Format::Html => {
            let body = html::list(CONFORMANCE.iter().map(|class| html::escape(class)));
            page(
                Freshness::Revalidate,
                html::page("Conformance", &base, &[], &body, language(&headers)),
                &headers,
            )
        }
    }
}
