//! The legend that goes with a style: the same colours, icons and patterns, in words.

use kho_access::Grant;
use kho_layer::{City, GeometryKind};
use serde_json::{Value, json};

use super::icons::Icons;
use super::marks;
use super::paint;
use super::theme::Theme;

/// One layer's legend; the addresses of its pictures begin with `base`.
pub(super) fn legend(theme: &Theme, grant: &Grant, city: &City, icons: &Icons, base: &str) -> Value {
    let def = grant.layer();
    let look = theme.look(&def.name, def.geometry);
    let outline = paint::outline(look, grant);
    let list = paint::by(look, grant)
        .and_then(|by| def.column(by))
        .and_then(|column| column.code_list.as_ref())
        .and_then(|name| city.code_list(name));
    let address = |name: &str| format!("{base}/styles/icons/{name}.svg");
    // What is on the disc or in the area; the arrows of a line say nothing in a legend.
    let picture = |line: &mut Value, code: Option<&str>| {
        let icon = marks::icon_of(look, grant, icons, code).and_then(|name| Some((name, icons.get(name)?)));
        if let Some((name, icon)) = icon.filter(|_| def.geometry == GeometryKind::Point) {
            // An icon with colours of its own has no other.
            let color = icon.flat.then(|| look.icon_color.as_deref().unwrap_or(marks::ON_DISC));
            line["icon"] = json!({"url": address(name), "color": color});
        }
        if let Some(name) = marks::pattern_of(look, grant, city, icons, code) {
            line["pattern"] = json!(address(&name));
        }
    };
    let mut entries: Vec<Value> = paint::codes(look, grant, city)
        .into_iter()
        .filter_map(|(code, color)| {
            let entry = list?.entry(&code)?;
            let mut line = json!({"value": code, "title": entry.title, "color": color, "outline": outline});
            picture(&mut line, Some(&code));
            Some(line)
        })
        .collect();
    if entries.is_empty() {
        // A theme that draws only the border shows the border's colour.
        let color = match outline {
            Some(outline) if look.opacity == Some(super::theme::Ramp::Flat(0.0)) => outline.to_owned(),
            _ => paint::plain(look, grant),
        };
        let mut line = json!({"value": null, "title": def.title, "color": color, "outline": outline});
        picture(&mut line, None);
        entries.push(line);
    }
    json!({"layer": def.name, "title": def.title, "theme": def.theme, "geometry": def.geometry, "entries": entries})
}
