//! The legend that goes with a style: the same colours, in words.

use kho_access::Grant;
use kho_layer::City;
use serde_json::{Value, json};

use super::paint;
use super::theme::Theme;

/// One layer's legend.
pub(super) fn legend(theme: &Theme, grant: &Grant, city: &City) -> Value {
    let def = grant.layer();
    let look = theme.look(&def.name, def.geometry);
    let outline = paint::outline(look, grant);
    let list = paint::by(look, grant)
        .and_then(|by| def.column(by))
        .and_then(|column| column.code_list.as_ref())
        .and_then(|name| city.code_list(name));
    let mut entries: Vec<Value> = paint::codes(look, grant, city)
        .into_iter()
        .filter_map(|(code, color)| {
            let entry = list?.entry(&code)?;
            Some(json!({"value": code, "title": entry.title, "color": color, "outline": outline}))
        })
        .collect();
    if entries.is_empty() {
        // A theme that draws only the border shows the border's colour.
        let color = match outline {
            Some(outline) if look.opacity == Some(super::theme::Ramp::Flat(0.0)) => outline.to_owned(),
            _ => paint::plain(look, grant),
        };
        entries.push(json!({"value": null, "title": def.title, "color": color, "outline": outline}));
    }
    json!({"layer": def.name, "title": def.title, "theme": def.theme, "geometry": def.geometry, "entries": entries})
}
