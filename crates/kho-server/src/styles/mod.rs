//! Map styles: a theme of styles/, the city's layers and code lists, put together; and what they draw
//! with: icons, patterns and fonts.

mod compose;
pub(crate) mod fonts;
mod glyphs;
mod icons;
mod legend;
mod marks;
mod paint;
mod parts;
pub(crate) mod sprites;
pub(crate) mod theme;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use kho_access::Grant;
use kho_layer::City;
use kho_tile::Format;
use serde_json::{Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::http::base::Base;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use sprites::Sprites;

/// The routes under `/styles` and `/fonts`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/styles", get(list))
        .route("/styles/{name}", get(style))
        .route("/styles/sprites/{file}", get(sprites::sheet))
        .route("/styles/icons/{file}", get(sprites::drawing))
        .route("/fonts", get(fonts::list))
        .route("/fonts/{fontstack}/{range}", get(fonts::range))
}

/// The map layers that a theme makes of some layers, all drawn from one source. `shown`: also those
/// that the theme hides at first.
pub(crate) fn from_source(
    theme: &theme::Theme,
    city: &City,
    grants: &[&Grant],
    sprites: &Sprites,
    source: &str,
    shown: bool,
) -> Vec<Value> {
    let (mut layers, _) = compose::layers(theme, city, grants, &sprites.icons);
    for layer in &mut layers {
        if let Some(from) = layer.get_mut("source") {
            *from = json!(source);
        }
        if let Some(layout) = layer.get_mut("layout").and_then(Value::as_object_mut)
            && shown
        {
            layout.remove("visibility");
        }
    }
    layers
}

async fn list(State(app): State<App>, Base(base): Base, headers: HeaderMap) -> Result<Response, Problem> {
    let styles: Vec<_> = app
        .themes
        .all()
        .map(|theme| json!({"name": theme.name, "title": theme.title, "style": format!("{base}/styles/{}.json", theme.name)}))
        .collect();
    Ok(Tagged::json(Freshness::Revalidate, &json!({"styles": styles}))?.answer(&headers))
}

async fn style(
    State(app): State<App>,
    at: At,
    Base(base): Base,
    Segments(name): Segments<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tiles = match params.get("tiles") {
        None | Some("mvt") => Format::Mvt,
        Some("mlt") => Format::Mlt,
        Some(_) => return Err(Problem::bad_request("tiles must be mvt or mlt.")),
    };
    let theme = name.strip_suffix(".json").and_then(|name| app.themes.get(name));
    let Some(theme) = theme else {
        let names: Vec<_> = app.themes.all().map(|t| format!("{}.json", t.name)).collect();
        return Err(Problem::not_found(format!(
            "No style is called {name}; there are: {}.",
            names.join(", ")
        )));
    };
    let sprite = app.sprites.name().await?;
    let style = compose::style(theme, &app.city, &at, &base, tiles, (&app.sprites.icons, &sprite));
    Ok(Tagged::json(Freshness::Revalidate, &style)?.answer(&headers))
}
