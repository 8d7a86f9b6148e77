//! One feature, with its values in plain words.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::data::at::At;
use crate::data::geojson::{value, write_feature};
use crate::data::index;
use crate::data::words;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

pub(super) async fn feature(
    State(app): State<App>,
    at: At,
    Segments((name, id)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layer = at.catalogue.require(&name)?;
    let feature = index::feature(&app, layer, index::id(&id)?).await?;
    let labels: Map<String, Value> = layer
        .grant
        .columns()
        .map(|column| {
            let words = words::value(&app.city, column, &value(&feature, &column.name, 0));
            (column.name.clone(), json!({"title": column.title, "value": words}))
        })
        .collect();
    let mut out = String::new();
    let more = format!(
        ",\"labels\":{},\"layer\":{},\"snapshot\":{}",
        Value::Object(labels),
        json!(layer.name()),
        at.snapshot()
    );
    write_feature(&feature, 0, &more, &mut out);
    Ok(Tagged::text("application/geo+json", Freshness::Revalidate, out).answer(&headers))
}
