//! A layer's map layers: fill, outline, line, circle, halo, icon, label.

use kho_access::Grant;
use kho_layer::{City, GeometryKind, OverviewRule};
use serde_json::{Map, Value, json};

use super::icons::Icons;
use super::marks;
use super::paint::{color, outline, ramp, width};
use super::theme::{Labels, Look, Ramp, Theme};

/// Widths and radii when neither theme nor layer says any.
const WIDTH: f64 = 1.5;
const RADIUS: f64 = 4.0;
const OUTLINE: f64 = 0.6;
/// The radius of what overview tiles keep as a point.
const KEPT: f64 = 1.0;

/// The label's part.
pub(super) const LABEL: &str = "label";

/// One map layer and the name of its part.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) layer: Value,
}

/// The parts of a layer, bottom to top.
pub(super) fn parts(theme: &Theme, grant: &Grant, city: &City, icons: &Icons) -> Vec<Part> {
    let look = theme.look(&grant.layer().name, grant.layer().geometry);
    let make = Maker { theme, look, grant, city, icons };
    let drawn = match grant.layer().geometry {
        GeometryKind::Polygon => make.polygon(),
        GeometryKind::Line => make.line(),
        GeometryKind::Point => make.point(),
    };
    drawn.into_iter().chain(make.label(&theme.text)).collect()
}

struct Maker<'a> {
    theme: &'a Theme,
    look: &'a Look,
    grant: &'a Grant,
    city: &'a City,
    icons: &'a Icons,
}

impl Maker<'_> {
    fn polygon(&self) -> Vec<Part> {
        let look = self.look;
        let fill = paint([
            ("fill-color", Some(color(look, self.grant, self.city))),
            ("fill-pattern", marks::fill_pattern(look, self.grant, self.city, self.icons)),
            ("fill-opacity", number(look.opacity.as_ref())),
            // The outline is a line of its own; the fill's own edge would show between neighbours.
            ("fill-antialias", Some(json!(outline(look, self.grant).is_none()))),
        ]);
        let mut parts = vec![self.part("fill", "fill", Map::new(), fill)];
        if let Some(outline) = outline(look, self.grant) {
            let paint = paint([
                ("line-color", Some(json!(outline))),
                ("line-width", number(look.outline_width.as_ref()).or(Some(json!(OUTLINE)))),
                ("line-opacity", number(look.outline_opacity.as_ref())),
                ("line-dasharray", look.dash.as_ref().map(|dash| json!(dash))),
            ]);
            let mut part = self.part("outline", "line", round(), paint);
            if self.overview(OverviewRule::Coalesce) {
                // Around what was merged it would say that there is one large parcel.
                part.layer["minzoom"] = json!(self.whole().max(self.first()));
            }
            parts.push(part);
        }
        parts.extend(self.kept());
        parts.extend(self.icon(None));
        parts
    }

    /// What overview tiles keep as a point because it is too small to be seen as it is.
    fn kept(&self) -> Option<Part> {
        let def = self.grant.layer();
        def.overview.as_ref().filter(|overview| overview.keep_as_point)?;
        let paint = paint([
            ("circle-color", Some(color(self.look, self.grant, self.city))),
            ("circle-radius", Some(json!(KEPT))),
            ("circle-opacity", number(self.look.opacity.as_ref())),
        ]);
        let mut part = self.part("kept", "circle", Map::new(), paint);
        part.layer["filter"] = json!(["==", ["geometry-type"], "Point"]);
        let ends = self.look.max_zoom.map_or(self.whole(), |max| max.min(self.whole()));
        part.layer["maxzoom"] = json!(ends);
        (self.first() < ends).then_some(part)
    }

    /// Whether the layer has overviews by a rule.
    fn overview(&self, rule: OverviewRule) -> bool {
        self.grant.layer().overview.as_ref().is_some_and(|overview| overview.rule == rule)
    }

    /// The first zoom that is drawn.
    fn first(&self) -> f64 {
        self.look.min_zoom.unwrap_or_else(|| f64::from(self.grant.layer().first_zoom()))
    }

    /// The first zoom at which every feature is there as itself.
    fn whole(&self) -> f64 {
        f64::from(self.grant.layer().zoom.min)
    }

    fn line(&self) -> Vec<Part> {
        let look = self.look;
        let mut parts = Vec::new();
        if let Some(halo) = &look.halo {
            let paint = paint([
                (
                    "line-color",
                    Some(
                        halo.color.as_ref().map_or_else(|| color(look, self.grant, self.city), |c| json!(c)),
                    ),
                ),
                ("line-opacity", number(halo.opacity.as_ref())),
                ("line-width", number(halo.width.as_ref()).or(Some(json!(3.0 * WIDTH)))),
                ("line-blur", halo.blur.map(|blur| json!(blur))),
            ]);
            parts.push(self.part("halo", "line", round(), paint));
        }
        if let Some(casing) = look.casing.as_ref().filter(|color| !color.is_empty()) {
            let wider = 2.0 * look.casing_width.unwrap_or(1.0);
            let paint = paint([
                ("line-color", Some(json!(casing))),
                ("line-width", Some(width(look, self.grant, self.city, WIDTH, wider))),
                ("line-opacity", number(look.opacity.as_ref())),
            ]);
            parts.push(self.part("casing", "line", round(), paint));
        }
        let paint = paint([
            ("line-color", Some(color(look, self.grant, self.city))),
            ("line-width", Some(width(look, self.grant, self.city, WIDTH, 0.0))),
            ("line-opacity", number(look.opacity.as_ref())),
            ("line-dasharray", look.dash.as_ref().map(|dash| json!(dash))),
            ("line-blur", look.blur.map(|blur| json!(blur))),
        ]);
        parts.push(self.part("line", "line", round(), paint));
        parts.extend(self.kept());
        parts.extend(self.icon(None));
        parts
    }

    fn point(&self) -> Vec<Part> {
        let look = self.look;
        let mut parts = Vec::new();
        if let Some(halo) = &look.halo {
            let paint = paint([
                (
                    "circle-color",
                    Some(
                        halo.color.as_ref().map_or_else(|| color(look, self.grant, self.city), |c| json!(c)),
                    ),
                ),
                ("circle-opacity", number(halo.opacity.as_ref())),
                ("circle-radius", number(halo.radius.as_ref()).or(Some(json!(2.0 * RADIUS)))),
                ("circle-blur", halo.blur.map(|blur| json!(blur))),
            ]);
            parts.push(self.part("halo", "circle", Map::new(), paint));
        }
        let ring = outline(look, self.grant);
        let usual = Ramp::Flat(self.grant.layer().style.radius.unwrap_or(RADIUS));
        let radius = marks::disc(look, self.grant, self.icons, look.radius.clone().unwrap_or(usual));
        let paint = paint([
            ("circle-color", Some(color(look, self.grant, self.city))),
            ("circle-radius", number(Some(&radius))),
            ("circle-opacity", number(look.opacity.as_ref())),
            ("circle-blur", look.blur.map(|blur| json!(blur))),
            ("circle-stroke-color", ring.map(|color| json!(color))),
            (
                "circle-stroke-width",
                ring.map(|_| number(look.outline_width.as_ref()).unwrap_or(json!(OUTLINE))),
            ),
            ("circle-stroke-opacity", ring.and(number(look.outline_opacity.as_ref()))),
        ]);
        parts.push(self.part("circle", "circle", Map::new(), paint));
        parts.extend(self.icon(Some(&radius)));
        parts
    }

    /// The icons, on discs of this radius if the layer has discs.
    fn icon(&self, radius: Option<&Ramp>) -> Option<Part> {
        let symbol = marks::symbol(self.theme, self.look, self.grant, self.city, self.icons, radius)?;
        let mut part = self.part("icon", "symbol", symbol.layout, symbol.paint);
        part.layer["minzoom"] = json!(symbol.zoom);
        Some(part)
    }

    fn label(&self, text: &Labels) -> Option<Part> {
        let look = self.look;
        let own = self.grant.layer().style.label.as_ref().map(|column| format!("{{{column}}}"));
        let field = look.label.clone().or(own).filter(|field| !field.is_empty())?;
        if !tokens(&field).all(|column| self.grant.allows(column)) {
            return None;
        }
        let mut layout = paint([
            ("text-field", Some(json!(field))),
            ("text-font", Some(json!(fonts(look, text)))),
            ("text-size", number(look.label_size.as_ref()).or(Some(json!(text.size)))),
            ("text-max-width", Some(json!(8))),
            ("text-padding", Some(json!(4))),
        ]);
        match self.grant.layer().geometry {
            GeometryKind::Line => layout.extend(paint([("symbol-placement", Some(json!("line")))])),
            GeometryKind::Point => {
                layout.extend(paint([
                    ("text-offset", Some(json!([0, 1.1]))),
                    ("text-anchor", Some(json!("top"))),
                ]));
            }
            GeometryKind::Polygon => {}
        }
        if look.label_caps {
            layout.extend(paint([
                ("text-transform", Some(json!("uppercase"))),
                ("text-letter-spacing", Some(json!(0.12))),
            ]));
        }
        let paint = paint([
            ("text-color", Some(json!(look.label_color.as_ref().unwrap_or(&text.color)))),
            ("text-halo-color", Some(json!(look.label_halo.as_ref().unwrap_or(&text.halo)))),
            ("text-halo-width", Some(json!(text.halo_width))),
        ]);
        let mut part = self.part(LABEL, "symbol", layout, paint);
        part.layer["minzoom"] = json!(look.label_zoom.unwrap_or(15.0).max(self.first()).max(self.whole()));
        Some(part)
    }

    fn part(
        &self,
        name: &'static str,
        kind: &str,
        mut layout: Map<String, Value>,
        paint: Map<String, Value>,
    ) -> Part {
        let def = self.grant.layer();
        if self.look.visible == Some(false) {
            layout.insert("visibility".into(), json!("none"));
        }
        let mut layer = json!({
            "id": format!("{}:{name}", def.name),
            "type": kind,
            "source": def.name,
            "source-layer": def.name,
            "minzoom": self.first(),
            "metadata": {"kho:layer": def.name, "kho:part": name},
            "layout": layout,
            "paint": paint,
        });
        if let Some(max) = self.look.max_zoom {
            layer["maxzoom"] = json!(max);
        }
        Part { name, layer }
    }
}

/// Properties that have a value.
fn paint<const N: usize>(properties: [(&str, Option<Value>); N]) -> Map<String, Value> {
    properties.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn number(value: Option<&Ramp>) -> Option<Value> {
    value.map(|value| ramp(value, |v| json!(v)))
}

fn round() -> Map<String, Value> {
    paint([("line-cap", Some(json!("round"))), ("line-join", Some(json!("round")))])
}

/// A label's font, and the theme's for clients that lack it. One that draws its labels itself reads
/// the weight from the first name and finds the family by the last.
fn fonts<'a>(look: &'a Look, text: &'a Labels) -> Vec<&'a str> {
    let own = look.label_font.as_ref().filter(|font| **font != text.font);
    own.into_iter().chain([&text.font]).map(String::as_str).collect()
}

/// The columns between braces.
fn tokens(field: &str) -> impl Iterator<Item = &str> {
    field.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}
