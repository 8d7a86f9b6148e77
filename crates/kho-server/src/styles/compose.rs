//! A whole MapLibre style: which parts, in which order, from which sources.

use kho_access::Grant;
use kho_layer::{City, GeometryKind};
use kho_tile::Format;
use serde_json::{Map, Value, json};

use super::icons::Icons;
use super::legend::legend;
use super::parts::{LABEL, Part, parts};
use super::theme::Theme;
use crate::data::at::At;
use crate::tiles::query;

/// The style of a theme over the layers that have data at the request's snapshot, from tiles of a
/// format. `sprite` is the name of the sheet that holds `icons`.
pub(super) fn style(
    theme: &Theme,
    city: &City,
    at: &At,
    base: &str,
    tiles: Format,
    (icons, sprite): (&Icons, &str),
) -> Value {
    let grants: Vec<&Grant> = at.catalogue.layers.iter().map(|layer| &layer.grant).collect();
    let query = query(at, tiles);
    let sources: Map<String, Value> = grants
        .iter()
        .map(|grant| {
            let name = &grant.layer().name;
            let mut source = json!({"type": "vector", "url": format!("{base}/tiles/{name}{query}")});
            if tiles == Format::Mlt {
                source["encoding"] = json!(tiles.name());
            }
            (name.clone(), source)
        })
        .collect();
    let (layers, drawn) = layers(theme, city, &grants, icons);
    let legends: Vec<Value> =
        drawn.iter().rev().map(|grant| legend(theme, grant, city, icons, base)).collect();
    json!({
        "version": 8,
        "name": theme.name,
        "metadata": {
            "kho:title": theme.title,
            "kho:dark": theme.dark,
            "kho:snapshot": at.snapshot(),
            "kho:views": theme.view,
            "kho:legend": legends,
        },
        "center": city.config.center,
        "zoom": city.config.zoom,
        "sources": sources,
        "sprite": format!("{base}/styles/sprites/{sprite}"),
        "glyphs": format!("{base}/fonts/{{fontstack}}/{{range}}.pbf"),
        "layers": layers,
    })
}

/// The map layers bottom to top, and the layers in the order in which they are first drawn.
pub(super) fn layers<'a>(
    theme: &Theme,
    city: &City,
    grants: &[&'a Grant],
    icons: &Icons,
) -> (Vec<Value>, Vec<&'a Grant>) {
    let mut all: Vec<(&Grant, Vec<Part>)> =
        grants.iter().map(|grant| (*grant, parts(theme, grant, city, icons))).collect();
    let mut drawn: Vec<&Grant> = Vec::new();
    let (mut ground, mut labels) = (Vec::new(), Vec::new());
    for entry in &theme.order {
        let (name, wanted) =
            entry.split_once(':').map_or((entry.as_str(), None), |(name, part)| (name, Some(part)));
        let Some((grant, parts)) = all.iter_mut().find(|(grant, _)| grant.layer().name == name) else {
            continue;
        };
        let listed = |part: &str| theme.order.iter().any(|e| e.split_once(':') == Some((name, part)));
        let first = !drawn.iter().any(|g| g.layer().name == name);
        let mut kept = Vec::new();
        for part in std::mem::take(parts) {
            // What nobody lists comes with the first part of its layer, labels always at the end.
            let now = match wanted {
                Some(wanted) => part.name == wanted || (first && part.name != LABEL && !listed(part.name)),
                None => part.name != LABEL && !listed(part.name),
            };
            match (now, part.name == LABEL) {
                (true, true) => labels.push(part.layer),
                (true, false) => ground.push(part.layer),
                (false, _) => kept.push(part),
            }
        }
        *parts = kept;
        if first {
            drawn.push(*grant);
        }
    }
    // Layers that the theme has never heard of: areas, then lines, then points.
    for kind in [GeometryKind::Polygon, GeometryKind::Line, GeometryKind::Point] {
        for (grant, parts) in &mut all {
            let known = drawn.iter().any(|g| g.layer().name == grant.layer().name);
            if known || grant.layer().geometry != kind {
                continue;
            }
            let (mut texts, marks): (Vec<_>, Vec<_>) =
                std::mem::take(parts).into_iter().partition(|part| part.name == LABEL);
            ground.extend(marks.into_iter().map(|part| part.layer));
            parts.append(&mut texts);
            drawn.push(*grant);
        }
    }
    for grant in &drawn {
        let rest = all.iter_mut().filter(|(g, _)| g.layer().name == grant.layer().name);
        for part in rest.flat_map(|(_, parts)| parts.drain(..)) {
            if part.name == LABEL { labels.push(part.layer) } else { ground.push(part.layer) }
        }
    }
    let background = json!({
        "id": "background",
        "type": "background",
        "paint": {"background-color": theme.background.color},
    });
    (std::iter::once(background).chain(ground).chain(labels).collect(), drawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Arc;

    use crate::styles::sprites::Sprites;
    use crate::styles::theme::Themes;
    use kho_access::{Policy, Principal};
    use kho_layer::{LayerDef, StandardModel};

    fn composed(theme: &str) -> (Vec<String>, Vec<Value>, Vec<String>) {
        let city = Arc::new(StandardModel::load().unwrap());
        let policy = Policy::new(Arc::clone(&city));
        let grants = policy.grants(&Principal::Anonymous, 1);
        let grants: Vec<&Grant> = grants.iter().collect();
        let themes = Themes::load().unwrap();
        let icons = Sprites::open(std::path::Path::new("/nowhere"), &themes, &policy).icons;
        let (layers, drawn) = layers(themes.get(theme).unwrap(), &city, &grants, &icons);
        let ids = layers.iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect();
        (ids, layers, drawn.iter().map(|g| g.layer().name.clone()).collect())
    }

    #[test]
    fn every_part_is_drawn_once_and_labels_on_top() {
        for theme in ["portal", "ioc", "infrastructure"] {
            let (ids, _, drawn) = composed(theme);
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{theme}: {ids:?}");
            let first_label = ids.iter().position(|id| id.ends_with(":label")).unwrap();
            assert!(ids[first_label..].iter().all(|id| id.ends_with(":label")), "{theme}: {ids:?}");
            assert_eq!(ids[0], "background");
            for layer in &drawn {
                assert!(ids.iter().any(|id| id.starts_with(&format!("{layer}:"))), "{theme} {layer}");
            }
        }
    }

    #[test]
    fn the_order_of_the_theme_is_kept() {
        let (ids, layers, _) = composed("portal");
        let at = |id: &str| ids.iter().position(|i| i == id).unwrap_or_else(|| panic!("{id} in {ids:?}"));
        assert!(at("water_body:fill") < at("land_parcel:fill"));
        assert!(at("land_parcel:fill") < at("planning_zone:fill"));
        assert!(at("planning_zone:fill") < at("land_parcel:outline"));
        assert!(at("road:casing") < at("road:line"));
        let road = &layers[at("road:line")];
        assert_eq!(road["source-layer"], "road");
        let width = road["paint"]["line-width"].as_array().unwrap();
        assert_eq!(width[1], json!(["exponential", 2.0]));
        let drain = &layers[at("drain_pipe:line")];
        assert_eq!(drain["layout"]["visibility"], "none");
        assert_eq!(layers[at("drain_pipe:icon")]["layout"]["visibility"], "none");
        assert!(at("street_light:circle") < at("street_light:icon"));
        let zone = &layers[at("planning_zone:fill")]["paint"]["fill-pattern"];
        assert!(zone.as_array().unwrap().contains(&json!("pattern-trees-a8cf9a")), "{zone}");
        let unit = &layers[at("admin_unit:label")]["layout"]["text-font"];
        assert_eq!(*unit, json!(["Be Vietnam Pro SemiBold", "Be Vietnam Pro"]));
    }

    /// A layer as `kho layer new` writes it, once somebody has opened it and named its label.
    const OWN: &str = r##"
        name = "cay_xanh"
        title = { vi = "Cây xanh", en = "Trees" }
        theme = "parks"
        geometry = "point"
        published = true
        [style]
        color = "#2e7d32"
        label = "ten"
        [[column]]
        name = "ten"
        title = { vi = "Tên", en = "Name" }
        type = "text"
        access = "public"
    "##;

    #[test]
    fn a_layer_that_no_theme_knows_is_drawn_as_its_file_says() {
        let drawn_as = |text: &str| {
            let def = LayerDef::parse(text, std::path::Path::new("cay_xanh.toml")).unwrap();
            let city = City::new(StandardModel::load().unwrap().config, vec![def], Vec::new()).unwrap();
            let city = Arc::new(city);
            let grants = Policy::new(Arc::clone(&city)).grants(&Principal::Anonymous, 1);
            let grants: Vec<&Grant> = grants.iter().collect();
            let themes = Themes::load().unwrap();
            let theme = themes.get("portal").unwrap();
            let icons = Icons::read(std::path::Path::new("/nowhere"));
            let (layers, drawn) = layers(theme, &city, &grants, &icons);
            assert_eq!(drawn.len(), 1);
            (layers, legend(theme, drawn[0], &city, &icons, "http://a.vn"))
        };
        let (layers, legend) = drawn_as(OWN);
        let ids: Vec<_> = layers.iter().map(|l| l["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["background", "cay_xanh:circle", "cay_xanh:label"]);
        assert_eq!(layers[1]["paint"]["circle-color"], "#2e7d32");
        assert_eq!(layers[2]["layout"]["text-field"], "{ten}");
        assert_eq!(legend["entries"][0]["color"], "#2e7d32");
        assert_eq!(legend["title"]["en"], "Trees");
        // With an icon it needs no theme either.
        let (layers, legend) = drawn_as(&OWN.replace("[style]", "[style]\nicon = \"tree\""));
        let icon = layers.iter().find(|l| l["id"] == "cay_xanh:icon").unwrap();
        assert_eq!(icon["layout"]["icon-image"], "tree");
        assert_eq!(legend["entries"][0]["icon"]["url"], "http://a.vn/styles/icons/tree.svg");
        // A label that not everybody may read is none.
        let (layers, _) = drawn_as(&OWN.replace("access = \"public\"", "access = \"internal\""));
        assert_eq!(layers.len(), 2, "{layers:?}");
    }
}
