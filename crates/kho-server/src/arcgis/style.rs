//! The style of a service: the portal theme, drawn from the service's own tiles.

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
    let drawn = styles::from_source(theme, &app.city, &grants, SOURCE, shown);
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
        "layers": drawn,
    });
    Ok(Tagged::json(Freshness::Revalidate, &style)?.answer(&headers))
}
