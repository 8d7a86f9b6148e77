//! Tile matrix sets (OGC 17-083r4, JSON encoding).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_tile::{Grid, TILE_PIXELS};
use serde_json::{Value, json};

use crate::app::App;
use crate::http::base::Base;
use crate::http::conditional::Freshness;
use crate::http::negotiate::Format;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use crate::ogc::{HTML, JSON, document, html, language, link, page, representations};
use crate::tiles::grids::{grid, grids};

pub(super) async fn list(
    State(app): State<App>,
    Base(base): Base,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f"])?;
    let format = Format::of(&params, &headers)?;
    let root = format!("{base}/ogc/tileMatrixSets");
    let links = representations(&root, &params.all(), format, JSON);
    match format {
        Format::Json => {
            let sets: Vec<Value> = grids(&app.city).into_iter().map(|grid| entry(grid, &root)).collect();
            let body = json!({"links": links, "tileMatrixSets": sets});
            Ok(document(JSON, Freshness::Revalidate, &body, &headers))
        }
        Format::Html => {
            let rows = grids(&app.city).into_iter().map(|grid| {
                let address = format!("{root}/{grid}?f=html");
                format!("{} <small>{}</small>", html::anchor(&address, &grid.id()), html::escape(&grid.crs()))
            });
            let body = html::list(rows) + &html::links(&links);
            page(
                Freshness::Revalidate,
                html::page("Tile matrix sets", &base, &[], &body, language(&headers)),
                &headers,
            )
        }
    }
}

pub(super) async fn one(
    State(app): State<App>,
    Base(base): Base,
    Segments(id): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&["f"])?;
    let format = Format::of(&params, &headers)?;
    let grid = grid(&app.city, &id)?;
    match format {
        Format::Json => Ok(document(JSON, Freshness::Revalidate, &definition(grid), &headers)),
        Format::Html => {
            let rows = matrices(grid).map(|m| {
                ["id", "scaleDenominator", "cellSize", "matrixWidth", "matrixHeight"]
                    .map(|member| html::escape(&html::plain(&m[member])))
            });
            let body = html::paragraph(&grid.crs())
                + &html::table(&["zoom", "scale 1 :", "pixel", "columns", "rows"], rows);
            let crumbs = [(format!("{base}/ogc/tileMatrixSets?f=html"), "Tile matrix sets".to_owned())];
            page(
                Freshness::Revalidate,
                html::page(&title(grid), &base, &crumbs, &body, language(&headers)),
                &headers,
            )
        }
    }
}

/// What the list says of one.
fn entry(grid: Grid, root: &str) -> Value {
    let mut entry = json!({
        "id": grid.id(),
        "title": title(grid),
        "crs": grid.crs(),
        "links": [
            link(format!("{root}/{grid}"), "self", JSON, &title(grid)),
            link(format!("{root}/{grid}?f=html"), "alternate", HTML, &title(grid)),
        ],
    });
    if let Some(uri) = grid.uri() {
        entry["uri"] = json!(uri);
    }
    entry
}

/// The whole of one.
fn definition(grid: Grid) -> Value {
    let mut whole = json!({"id": grid.id(), "title": title(grid)});
    if let Some(uri) = grid.uri() {
        whole["uri"] = json!(uri);
    }
    whole["crs"] = json!(grid.crs());
    if let Some([lower, upper]) = corners(grid) {
        whole["boundingBox"] = json!({"crs": grid.crs(), "lowerLeft": lower, "upperRight": upper});
    }
    // What the draft of this standard called the same things: GDAL before 3.8 reads no others.
    whole["identifier"] = json!(grid.id());
    whole["supportedCRS"] = json!(grid.crs());
    whole["orderedAxes"] = json!(grid.axes());
    if let Some(scales) = scale_set(grid) {
        whole["wellKnownScaleSet"] = json!(scales);
    }
    whole["tileMatrices"] = matrices(grid).collect();
    whole
}

/// Every zoom of a grid.
fn matrices(grid: Grid) -> impl Iterator<Item = Value> {
    (0..=grid.max_zoom()).filter_map(move |z| {
        let matrix = grid.matrix(z)?;
        Some(json!({
            "id": z.to_string(),
            "identifier": z.to_string(),
            "scaleDenominator": matrix.scale_denominator,
            "cellSize": matrix.cell_size,
            "cornerOfOrigin": "topLeft",
            "pointOfOrigin": grid.origin(),
            "topLeftCorner": grid.origin(),
            "tileWidth": TILE_PIXELS,
            "tileHeight": TILE_PIXELS,
            "matrixWidth": matrix.columns,
            "matrixHeight": matrix.rows,
        }))
    })
}

/// The lower left and the upper right corner of a grid, in units and axis order of its CRS.
fn corners(grid: Grid) -> Option<[[f64; 2]; 2]> {
    let all = grid.matrix(0)?;
    let tile = all.cell_size * f64::from(TILE_PIXELS);
    let [west, north] = grid.origin();
    Some([[west, north - f64::from(all.rows) * tile], [west + f64::from(all.columns) * tile, north]])
}

/// A grid's title: the registry's for what is registered.
pub(super) fn title(grid: Grid) -> String {
    match grid {
        Grid::WebMercatorQuad => "Google Maps Compatible for the World".into(),
        Grid::WorldCrs84Quad => "CRS84 for the World".into(),
        Grid::Vn2000(zone) => format!("VN-2000, EPSG:{}", zone.epsg()),
    }
}

fn scale_set(grid: Grid) -> Option<&'static str> {
    match grid {
        Grid::WebMercatorQuad => Some("http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible"),
        Grid::WorldCrs84Quad => Some("http://www.opengis.net/def/wkss/OGC/1.0/GoogleCRS84Quad"),
        Grid::Vn2000(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kho_tile::Vn2000Grid;

    #[test]
    fn a_definition_is_what_the_standard_says() {
        let world = definition(Grid::WorldCrs84Quad);
        assert_eq!(world["orderedAxes"], json!(["Lon", "Lat"]));
        assert_eq!(world["tileMatrices"][0]["pointOfOrigin"], json!([-180.0, 90.0]));
        assert_eq!(world["tileMatrices"][0]["matrixWidth"], 2);
        assert_eq!(world["tileMatrices"][0]["matrixHeight"], 1);
        assert_eq!(world["tileMatrices"][0]["cellSize"], 0.703_125);
        assert_eq!(world["boundingBox"]["lowerLeft"], json!([-180.0, -90.0]));
        assert_eq!(world["boundingBox"]["upperRight"], json!([180.0, 90.0]));
        let zone = definition(Grid::Vn2000(Vn2000Grid::of(9217).unwrap()));
        assert_eq!(zone["crs"], "http://www.opengis.net/def/crs/EPSG/0/9217");
        assert!(zone.get("uri").is_none() && zone.get("wellKnownScaleSet").is_none());
        // EPSG gives this CRS easting first.
        assert_eq!(zone["orderedAxes"], json!(["E", "N"]));
        assert_eq!(zone["tileMatrices"][13]["pointOfOrigin"], json!([-548_576.0, 2_700_000.0]));
        assert_eq!(zone["tileMatrices"][13]["cellSize"], 1.0);
        assert_eq!(zone["tileMatrices"].as_array().unwrap().len(), 19);
    }
}
