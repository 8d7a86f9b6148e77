//! The style of a service: the portal theme, drawn from the service's own tiles; and the icons and
//! fonts beside it, where ArcGIS looks for them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_access::Grant;
use serde_json::json;

use super::{PORTAL, json_only, layers_of, pin};
use crate::app::App;
use crate::data::at::At;
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use crate::styles;

/// The source's name, as Esri's own styles have it.
const SOURCE: &str = "esri";
/// The sheet's name, as theirs.
const SPRITE: &str = "sprite";

pub(super) async fn root(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(service): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    json_only(&params)?;
    let layers = layers_of(&at, &service)?;
    let grants: Vec<&Grant> = layers.iter().map(|layer| &layer.grant).collect();
    let theme = app.themes.get(PORTAL).ok_or_else(|| Problem::fault("the portal theme is missing"))?;
    // What the portal hides until it is asked for is all that a service of one layer has to show.
    let shown = service != PORTAL;
    let mut drawn = styles::from_source(theme, &app.city, &grants, &app.sprites, SOURCE, shown);
    for paint in drawn.iter_mut().filter_map(|layer| layer.get_mut("paint")?.as_object_mut()) {
        // ArcGIS documents no patterns by attribute; the colours under them are there as well.
        paint.remove("fill-pattern");
    }
    let server = format!("{base}/arcgis/rest/services/{service}/VectorTileServer");
    let pin = pin(&at);
    let style = json!({
        "version": 8,
        "name": service,
        "center": app.city.config.center,
        "zoom": app.city.config.zoom,
        "sources": {
            SOURCE: {
                "type": "vector",
                // ArcGIS reads the service's description; MapLibre takes the tiles.
                "url": format!("{server}{pin}"),
                "tiles": [format!("{server}/tile/{{z}}/{{y}}/{{x}}.pbf{pin}")],
                "minzoom": layers.iter().map(|layer| layer.def().first_zoom()).min().unwrap_or_default(),
                "maxzoom": layers.iter().map(|layer| layer.def().zoom.max).max().unwrap_or_default(),
            },
        },
        // Absolute, where Esri's own styles say ../sprites/sprite: to ArcGIS it is the same address, and
        // MapLibre and Mapbox GL take no other.
        "sprite": format!("{server}/resources/sprites/{SPRITE}"),
        "glyphs": format!("{server}/resources/fonts/{{fontstack}}/{{range}}.pbf"),
        "layers": drawn,
    });
    Ok(Tagged::json(Freshness::Revalidate, &style)?.answer(&headers))
}

/// `resources/sprites/{file}`.
pub(super) async fn sprite(
    State(app): State<App>,
    at: At,
    Segments((service, file)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    layers_of(&at, &service)?;
    app.sprites.answer(&file, SPRITE, &headers).await
}

/// `resources/fonts/{fontstack}/{range}`.
pub(super) async fn glyphs(
    State(app): State<App>,
    at: At,
    Segments((service, stack, range)): Segments<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    layers_of(&at, &service)?;
    app.fonts.answer(&stack, &range, &headers).await
}
