//! Icons and patterns of a style: which ones, and how large and in what colour an icon is.

use kho_access::Grant;
use kho_layer::{City, GeometryKind};
use serde_json::{Map, Value, json};

use super::icons::{Icons, PLAIN, tinted};
use super::paint::{self, at, ramp};
use super::theme::{Look, Ramp, Theme};

/// The zoom from which icons are drawn when the theme says none.
const ZOOM: f64 = 17.0;
/// The least radius of a disc that carries an icon, pixels.
const DISC: f64 = 9.0;
/// Over how much of a zoom a disc grows to that.
const GROWTH: f64 = 0.5;
/// The size of an icon for each pixel of its disc's radius: what is drawn in a square of 18 pixels
/// then fills the square in the disc.
const FILLED: f64 = 0.072;
/// The colour of an icon on a disc when the theme says none.
pub(super) const ON_DISC: &str = "#ffffff";
/// The halo of an icon that lies on no disc, pixels.
const HALO: f64 = 1.2;
/// Pixels between the icons along a line.
const SPACING: f64 = 140.0;

/// The general icon of a layer.
fn plain<'a>(look: &'a Look, grant: &'a Grant) -> Option<&'a str> {
    look.icon.as_deref().or(grant.layer().style.icon.as_deref()).filter(|icon| !icon.is_empty())
}

/// The icons of a column's values, if it may be read.
fn by_value<'a>(look: &'a Look, grant: &Grant) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let by = look.icon_by.as_ref().filter(|by| grant.allows(&by.column));
    by.into_iter()
        .flat_map(|by| by.icon.iter().map(move |(v, icon)| (by.column.as_str(), v.as_str(), icon.as_str())))
}

/// All icons that a layer asks for.
pub(super) fn icons<'a>(look: &'a Look, grant: &'a Grant) -> impl Iterator<Item = &'a str> {
    by_value(look, grant).map(|(_, _, icon)| icon).chain(plain(look, grant))
}

/// `icon-image`, when any of the layer's icons exists.
fn image(look: &Look, grant: &Grant, icons: &Icons) -> Option<Value> {
    let rest = plain(look, grant).filter(|icon| icons.has(icon));
    let mut by = by_value(look, grant).filter(|(_, _, icon)| icons.has(icon)).peekable();
    let Some(&(column, _, _)) = by.peek() else { return rest.map(|icon| json!(icon)) };
    let mut expression = vec![json!("match"), json!(["to-string", ["get", column]])];
    for (_, value, icon) in by {
        expression.extend([json!(value), json!(icon)]);
    }
    expression.push(json!(rest.unwrap_or_default()));
    Some(Value::Array(expression))
}

/// The icon of one code of the column that colours the layer, or of all features (`None`).
pub(super) fn icon_of<'a>(
    look: &'a Look,
    grant: &'a Grant,
    icons: &Icons,
    code: Option<&str>,
) -> Option<&'a str> {
    let by = paint::by(look, grant);
    let own = by_value(look, grant).find(|&(column, value, _)| by == Some(column) && code == Some(value));
    own.map(|(_, _, icon)| icon).or(plain(look, grant)).filter(|icon| icons.has(icon))
}

/// The zoom from which a layer's icons are drawn.
fn zoom(look: &Look, grant: &Grant) -> f64 {
    let own = look.min_zoom.unwrap_or_else(|| f64::from(grant.layer().zoom.min));
    look.icon_zoom.unwrap_or(ZOOM).max(own)
}

/// The radius of discs: as given, and from the zoom of the icons on at least so large that an icon
/// can be read on them.
pub(super) fn disc(look: &Look, grant: &Grant, icons: &Icons, radius: Ramp) -> Ramp {
    if image(look, grant, icons).is_none() {
        return radius;
    }
    let from = zoom(look, grant);
    let given: &[(f64, f64)] = match &radius {
        Ramp::Flat(_) => &[],
        Ramp::Stops(stops) => stops,
    };
    let below = given.iter().copied().filter(|(zoom, _)| *zoom < from - GROWTH);
    let grown = [(from - GROWTH, at(&radius, from - GROWTH)), (from, at(&radius, from).max(DISC))];
    let above = given.iter().filter(|(zoom, _)| *zoom > from).map(|&(zoom, v)| (zoom, v.max(DISC)));
    Ramp::Stops(below.chain(grown).chain(above).collect())
}

/// How a layer's icons are drawn.
pub(super) struct Symbol {
    pub(super) layout: Map<String, Value>,
    pub(super) paint: Map<String, Value>,
    pub(super) zoom: f64,
}

/// A layer's icons, if it has any. `radius` is that of the discs they lie on.
pub(super) fn symbol(
    theme: &Theme,
    look: &Look,
    grant: &Grant,
    city: &City,
    icons: &Icons,
    radius: Option<&Ramp>,
) -> Option<Symbol> {
    let (mut layout, mut paint) = (Map::new(), Map::new());
    layout.insert("icon-image".into(), image(look, grant, icons)?);
    let size = match (&look.icon_size, radius) {
        (Some(size), _) => ramp(size, |v| json!(v)),
        (None, Some(radius)) => ramp(radius, |v| json!((v * FILLED * 1000.0).round() / 1000.0)),
        (None, None) => json!(1),
    };
    layout.insert("icon-size".into(), size);
    let own = look.icon_color.as_ref().map(|color| json!(color));
    let kind = grant.layer().geometry;
    let color = own.unwrap_or_else(|| match (kind, paint::outline(look, grant)) {
        (GeometryKind::Point, _) => json!(ON_DISC),
        (GeometryKind::Polygon, Some(outline)) => json!(outline),
        _ => paint::color(look, grant, city),
    });
    paint.insert("icon-color".into(), color);
    if kind != GeometryKind::Point {
        let halo = look.label_halo.as_ref().unwrap_or(&theme.text.halo);
        paint.insert("icon-halo-color".into(), json!(halo));
        paint.insert("icon-halo-width".into(), json!(HALO));
    }
    if kind == GeometryKind::Polygon {
        // The label stands in the same place.
        layout.insert("icon-anchor".into(), json!("bottom"));
    } else {
        // As sure to be drawn as the disc or the line, and no more in a label's way than that.
        layout.insert("icon-allow-overlap".into(), json!(true));
        layout.insert("icon-ignore-placement".into(), json!(true));
    }
    if kind == GeometryKind::Line {
        layout.insert("symbol-placement".into(), json!("line"));
        layout.insert("symbol-spacing".into(), json!(SPACING));
        layout.insert("icon-rotation-alignment".into(), json!("map"));
    }
    Some(Symbol { layout, paint, zoom: zoom(look, grant) })
}

/// A pattern and the colour under it.
type Tile = (String, String);

/// The patterns of a polygon layer.
pub(super) struct Tiles {
    /// By code, in the order of the code list.
    codes: Vec<(String, Tile)>,
    /// Of all else.
    rest: Tile,
}

impl Tiles {
    /// All patterns with their colours.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let tiles = self.codes.iter().map(|(_, tile)| tile).chain([&self.rest]);
        tiles.map(|(pattern, color)| (pattern.as_str(), color.as_str()))
    }

    /// The tile of a code.
    fn of(&self, code: Option<&str>) -> &Tile {
        let own = self.codes.iter().find(|(known, _)| Some(known.as_str()) == code);
        own.map_or(&self.rest, |(_, tile)| tile)
    }
}

/// The patterns of a polygon layer, if it has any. The colours are part of them: a pattern in a map
/// layer of its own would show through a polygon that lies above.
pub(super) fn tiles(look: &Look, grant: &Grant, city: &City) -> Option<Tiles> {
    if grant.layer().geometry != GeometryKind::Polygon {
        return None;
    }
    let own = look.pattern.as_ref().or(grant.layer().style.pattern.as_ref());
    let rest = own.map(String::as_str).filter(|pattern| !pattern.is_empty()).unwrap_or(PLAIN);
    let tile = |(code, color): (String, String)| {
        let pattern = look.patterns.get(&code).map_or(rest, String::as_str).to_owned();
        (code, (pattern, color))
    };
    let codes: Vec<_> = paint::codes(look, grant, city).into_iter().map(tile).collect();
    let tiles = Tiles { codes, rest: (rest.to_owned(), paint::plain(look, grant)) };
    let any = tiles.all().any(|(pattern, _)| pattern != PLAIN);
    any.then_some(tiles)
}

/// `fill-pattern`, when all of the layer's patterns exist in its colours.
pub(super) fn fill_pattern(look: &Look, grant: &Grant, city: &City, icons: &Icons) -> Option<Value> {
    let tiles = tiles(look, grant, city)?;
    let name = |(pattern, color): &Tile| tinted(pattern, color).filter(|name| icons.has(name));
    let rest = name(&tiles.rest)?;
    let Some(by) = paint::by(look, grant).filter(|_| !tiles.codes.is_empty()) else {
        return Some(json!(rest));
    };
    let mut expression = vec![json!("match"), json!(["to-string", ["get", by]])];
    for (code, tile) in &tiles.codes {
        expression.extend([json!(code), json!(name(tile)?)]);
    }
    expression.push(json!(rest));
    Some(Value::Array(expression))
}

/// The image of the pattern of one code, or of all features (`None`).
pub(super) fn pattern_of(
    look: &Look,
    grant: &Grant,
    city: &City,
    icons: &Icons,
    code: Option<&str>,
) -> Option<String> {
    let tiles = tiles(look, grant, city)?;
    let (pattern, color) = tiles.of(code);
    tinted(pattern, color).filter(|name| pattern != PLAIN && icons.has(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::styles::sprites::Sprites;
    use crate::styles::theme::Themes;
    use kho_access::{Policy, Principal};
    use kho_layer::{LayerDef, StandardModel};

    /// A look, a layer as `kho layer new` would write it with some lines more, and the icons.
    fn case(look: &str, geometry: &str, style: &str) -> (Look, Grant, Icons, Arc<City>) {
        let text = format!(
            r#"
            name = "x"
            title = {{ vi = "X" }}
            theme = "parks"
            geometry = "{geometry}"
            published = true
            [style]
            {style}
            [[column]]
            name = "loai"
            title = {{ vi = "Loại" }}
            type = "text"
            access = "public"
            [[column]]
            name = "kin"
            title = {{ vi = "Kín" }}
            type = "text"
            access = "internal"
        "#
        );
        let def = LayerDef::parse(&text, std::path::Path::new("x.toml")).unwrap();
        let city = City::new(StandardModel::load().unwrap().config, vec![def], Vec::new()).unwrap();
        let city = Arc::new(city);
        let policy = Policy::new(Arc::clone(&city));
        let grant = policy.grants(&Principal::Anonymous, 1).remove(0);
        let icons = Icons::read(std::path::Path::new("/nowhere"));
        (toml::from_str(look).unwrap(), grant, icons, city)
    }

    #[test]
    fn an_icon_by_value_falls_back_to_the_general_one() {
        let by = r#"icon = "star"
            icon_by = { column = "loai", icon = { a = "tree", b = "no-such-icon" } }"#;
        let (look, grant, icons, _) = case(by, "point", "");
        let expected = json!(["match", ["to-string", ["get", "loai"]], "a", "tree", "star"]);
        assert_eq!(image(&look, &grant, &icons), Some(expected));
        // A column that not everybody may read decides nothing.
        let (look, grant, icons, _) = case(&by.replace("loai", "kin"), "point", "");
        assert_eq!(image(&look, &grant, &icons), Some(json!("star")));
        // The layer's own icon; a theme may take it away, and one that nobody has drawn is none.
        let (look, grant, icons, _) = case("", "point", "icon = \"tree\"");
        assert_eq!(image(&look, &grant, &icons), Some(json!("tree")));
        let (look, grant, icons, _) = case("icon = \"\"", "point", "icon = \"tree\"");
        assert_eq!(image(&look, &grant, &icons), None);
        let (look, grant, icons, _) = case("", "point", "icon = \"nope\"");
        assert_eq!(image(&look, &grant, &icons), None);
    }

    #[test]
    fn a_disc_grows_under_its_icon_and_only_then() {
        let radius = Ramp::Stops(vec![(12.0, 1.0), (16.0, 3.0), (19.0, 12.0)]);
        let (look, grant, icons, _) = case("icon = \"tree\"\nicon_zoom = 17", "point", "");
        let Ramp::Stops(stops) = disc(&look, &grant, &icons, radius.clone()) else { panic!() };
        assert!(stops.windows(2).all(|pair| pair[0].0 < pair[1].0), "{stops:?}");
        assert_eq!(stops[..2], [(12.0, 1.0), (16.0, 3.0)]);
        assert_eq!((stops[3], stops[4]), ((17.0, DISC), (19.0, 12.0)));
        let (none, grant, icons, _) = case("", "point", "");
        assert_eq!(disc(&none, &grant, &icons, radius.clone()), radius);
        let (look, grant, icons, _) = case("icon = \"tree\"", "point", "");
        let flat = disc(&look, &grant, &icons, Ramp::Flat(4.0));
        assert_eq!(flat, Ramp::Stops(vec![(16.5, 4.0), (17.0, DISC)]));
    }

    #[test]
    fn patterns_are_in_the_colours_of_the_codes() {
        let look = r##"by = "loai"
            color = "#ffffff"
            colors = { a = "#112233", b = "#445566" }
            patterns = { a = "hatch" }"##;
        let (look, grant, mut icons, city) = case(look, "polygon", "");
        assert_eq!(fill_pattern(&look, &grant, &city, &icons), None, "not drawn yet");
        for (pattern, color) in tiles(&look, &grant, &city).unwrap().all() {
            icons.tint(pattern, color).unwrap();
        }
        assert_eq!(
            fill_pattern(&look, &grant, &city, &icons),
            Some(json!([
                "match",
                ["to-string", ["get", "loai"]],
                "a",
                "pattern-hatch-112233",
                "b",
                "pattern-plain-445566",
                "pattern-plain-ffffff"
            ]))
        );
        let of = |code| pattern_of(&look, &grant, &city, &icons, code);
        assert_eq!(of(Some("a")).as_deref(), Some("pattern-hatch-112233"));
        assert_eq!((of(Some("b")), of(None)), (None, None));
        let (look, grant, _, city) = case("color = \"#fff\"", "polygon", "pattern = \"dots\"");
        assert_eq!(tiles(&look, &grant, &city).unwrap().all().collect::<Vec<_>>(), [("dots", "#fff")]);
        let (look, grant, _, city) = case("pattern = \"dots\"", "line", "");
        assert!(tiles(&look, &grant, &city).is_none());
    }

    #[test]
    fn every_icon_and_pattern_of_the_themes_is_drawn() {
        let city = Arc::new(StandardModel::load().unwrap());
        let policy = Policy::new(Arc::clone(&city));
        let themes = Themes::load().unwrap();
        let sprites = Sprites::open(std::path::Path::new("/nowhere"), &themes, &policy);
        for theme in themes.all() {
            for grant in policy.grants(&Principal::Anonymous, 1) {
                let look = theme.look(&grant.layer().name, grant.layer().geometry);
                assert!(icons(look, &grant).all(|icon| sprites.icons.has(icon)), "{}", grant.layer().name);
                let patterns = tiles(look, &grant, &city);
                let drawn = fill_pattern(look, &grant, &city, &sprites.icons);
                assert_eq!(patterns.is_some(), drawn.is_some(), "{} {}", theme.name, grant.layer().name);
            }
        }
    }
}
