//! What a VectorTileServer says of itself.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_tile::{Grid, MAX_ZOOM};
use serde_json::{Value, json};

use super::{VERSION, json_only, layers_of, pin};
use crate::app::App;
use crate::data::at::At;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use crate::tiles::around;

/// Pixels to a metre of screen at 96 to the inch, as ArcGIS reckons scales.
const PIXELS_PER_METRE: f64 = 96.0 * 39.37;

pub(super) async fn describe(
    State(app): State<App>,
    at: At,
    Segments(service): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    json_only(&params)?;
    let layers = layers_of(&at, &service)?;
    let extent = extent(around(&layers).unwrap_or(app.city.config.bounds));
    let lods = lods();
    let scale = |lod: Option<&Value>| lod.map_or(Value::Null, |lod| lod["scale"].clone());
    let body = json!({
        "currentVersion": VERSION,
        "name": service,
        "copyrightText": app.city.config.name.vi,
        "capabilities": "TilesOnly",
        "type": "indexedVector",
        "defaultStyles": "resources/styles",
        "tiles": [format!("tile/{{z}}/{{y}}/{{x}}.pbf{}", pin(&at))],
        "exportTilesAllowed": false,
        "minScale": scale(lods.first()),
        "maxScale": scale(lods.last()),
        "minzoom": layers.iter().map(|layer| layer.def().first_zoom()).min().unwrap_or_default(),
        "maxzoom": layers.iter().map(|layer| layer.def().zoom.max).max().unwrap_or_default(),
        "fullExtent": extent,
        "initialExtent": extent,
        "tileInfo": {
            "rows": 512,
            "cols": 512,
            "dpi": 96,
            "format": "pbf",
            "origin": {"x": Grid::WebMercatorQuad.origin()[0], "y": Grid::WebMercatorQuad.origin()[1]},
            "spatialReference": reference(),
            "lods": lods,
        },
        "resourceInfo": {
            "styleVersion": 8,
            "tileCompression": "gzip",
            "cacheInfo": {"storageInfo": {"packetSize": 128, "storageFormat": "compactV2"}},
        },
    });
    Ok(Tagged::json(Freshness::Revalidate, &body)?.answer(&headers))
}

/// The zooms, for tiles of 512 pixels: each has half the resolution that 256 would give.
fn lods() -> Vec<Value> {
    (0..=MAX_ZOOM)
        .filter_map(|level| {
            let resolution = Grid::WebMercatorQuad.matrix(level)?.cell_size / 2.0;
            Some(json!({"level": level, "resolution": resolution, "scale": resolution * PIXELS_PER_METRE}))
        })
        .collect()
}

/// EPSG:3857, under Esri's number and its own.
fn reference() -> Value {
    json!({"wkid": 102_100, "latestWkid": 3857})
}

/// A CRS84 box (west, south, east, north; degrees) in EPSG:3857.
fn extent([west, south, east, north]: [f64; 4]) -> Value {
    let radius = kho_crs::EQUATORIAL_RADIUS;
    let x = |lon: f64| radius * lon.to_radians();
    let y = |lat: f64| radius * lat.to_radians().tan().asinh();
    json!({
        "xmin": x(west), "ymin": y(south), "xmax": x(east), "ymax": y(north),
        "spatialReference": reference(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_and_extents_are_those_of_arcgis() {
        let lods = lods();
        assert_eq!(lods.len(), 23);
        // As ArcGIS Online's own vector basemaps have them.
        let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() / wanted - 1.0).abs() < 1e-9;
        assert!(near(&lods[0]["resolution"], 78_271.516_964), "{}", lods[0]);
        assert!(near(&lods[0]["scale"], 295_828_763.795_777_5), "{}", lods[0]);
        let world = extent([-180.0, 0.0, 180.0, 85.051_128_779_806_59]);
        assert!(
            near(&world["xmax"], 20_037_508.342_787) && near(&world["ymax"], 20_037_508.342_787),
            "{world}"
        );
        assert_eq!(world["ymin"], 0.0);
    }
}
