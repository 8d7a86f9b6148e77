//! A theme: the content of one file in styles/, whose README.md describes the format.

use std::collections::BTreeMap;

use kho_layer::{GeometryKind, Text};
use serde::Deserialize;

use crate::error::ServerError;

/// The themes that ship with kho.
const FILES: [(&str, &str); 3] = [
    ("portal", include_str!("../../../../styles/portal.toml")),
    ("ioc", include_str!("../../../../styles/ioc.toml")),
    ("infrastructure", include_str!("../../../../styles/infrastructure.toml")),
];

/// All themes.
pub(crate) struct Themes(Vec<Theme>);

impl Themes {
    pub(crate) fn load() -> Result<Self, ServerError> {
        let parse = |(name, text): (&'static str, &str)| {
            let theme: Theme =
                toml::from_str(text).map_err(|e| ServerError::Theme { name, message: e.to_string() })?;
            if theme.name != name {
                return Err(ServerError::Theme { name, message: format!("it calls itself {}", theme.name) });
            }
            Ok(theme)
        };
        FILES.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Theme> {
        self.0.iter().find(|theme| theme.name == name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Theme> {
        self.0.iter()
    }
}

/// One theme.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Theme {
    pub(crate) name: String,
    pub(crate) title: Text,
    #[serde(default)]
    pub(crate) dark: bool,
    /// Bottom to top: `NAME` or `NAME:PART`.
    pub(crate) order: Vec<String>,
    pub(crate) background: Background,
    pub(crate) text: Labels,
    #[serde(default)]
    pub(crate) defaults: Defaults,
    #[serde(default)]
    pub(crate) layer: BTreeMap<String, Look>,
    /// Passed on unchanged.
    #[serde(default)]
    pub(crate) view: Vec<serde_json::Value>,
}

impl Theme {
    /// How a layer looks: its own section, else the one for its kind of geometry.
    pub(crate) fn look(&self, layer: &str, kind: GeometryKind) -> &Look {
        self.layer.get(layer).unwrap_or(match kind {
            GeometryKind::Polygon => &self.defaults.polygon,
            GeometryKind::Line => &self.defaults.line,
            GeometryKind::Point => &self.defaults.point,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Background {
    pub(crate) color: String,
}

/// How labels look unless a layer says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Labels {
    pub(crate) color: String,
    pub(crate) halo: String,
    pub(crate) halo_width: f64,
    pub(crate) size: f64,
    /// The font of labels; every client falls back to it.
    #[serde(default = "font")]
    pub(crate) font: String,
}

fn font() -> String {
    "Be Vietnam Pro".to_owned()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    #[serde(default)]
    pub(crate) polygon: Look,
    #[serde(default)]
    pub(crate) line: Look,
    #[serde(default)]
    pub(crate) point: Look,
}

/// A number, or one that changes with the zoom.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Ramp {
    Flat(f64),
    /// Zoom and value, by rising zoom.
    Stops(Vec<(f64, f64)>),
}

/// A section `[layer.NAME]`; the keys are described in styles/README.md.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    pub(crate) visible: Option<bool>,
    pub(crate) min_zoom: Option<f64>,
    pub(crate) max_zoom: Option<f64>,
    pub(crate) color: Option<String>,
    pub(crate) by: Option<String>,
    #[serde(default)]
    pub(crate) colors: BTreeMap<String, String>,
    pub(crate) opacity: Option<Ramp>,
    pub(crate) outline: Option<String>,
    pub(crate) outline_width: Option<Ramp>,
    pub(crate) outline_opacity: Option<Ramp>,
    pub(crate) width: Option<Ramp>,
    pub(crate) width_by: Option<WidthBy>,
    pub(crate) width_metres: Option<WidthMetres>,
    pub(crate) casing: Option<String>,
    pub(crate) casing_width: Option<f64>,
    pub(crate) dash: Option<Vec<f64>>,
    pub(crate) radius: Option<Ramp>,
    pub(crate) blur: Option<f64>,
    pub(crate) halo: Option<Halo>,
    pub(crate) icon: Option<String>,
    pub(crate) icon_by: Option<IconBy>,
    pub(crate) icon_color: Option<String>,
    pub(crate) icon_size: Option<Ramp>,
    pub(crate) icon_zoom: Option<f64>,
    pub(crate) pattern: Option<String>,
    /// By code; wins over `pattern`.
    #[serde(default)]
    pub(crate) patterns: BTreeMap<String, String>,
    pub(crate) label: Option<String>,
    pub(crate) label_font: Option<String>,
    pub(crate) label_zoom: Option<f64>,
    pub(crate) label_size: Option<Ramp>,
    pub(crate) label_color: Option<String>,
    pub(crate) label_halo: Option<String>,
    #[serde(default)]
    pub(crate) label_caps: bool,
}

/// Widths multiplied by what a column says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WidthBy {
    pub(crate) column: String,
    pub(crate) factor: BTreeMap<String, f64>,
}

/// Icons by what a column says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IconBy {
    pub(crate) column: String,
    pub(crate) icon: BTreeMap<String, String>,
}

/// Widths in metres on the ground from some zoom on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WidthMetres {
    pub(crate) column: String,
    pub(crate) from_zoom: f64,
}

/// A soft second mark below.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Halo {
    pub(crate) color: Option<String>,
    pub(crate) opacity: Option<Ramp>,
    pub(crate) radius: Option<Ramp>,
    pub(crate) width: Option<Ramp>,
    pub(crate) blur: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_themes_that_ship_are_readable() {
        let themes = Themes::load().unwrap();
        assert_eq!(themes.all().count(), 3);
        assert!(themes.get("ioc").unwrap().dark);
        let parcel = themes.get("portal").unwrap().look("land_parcel", GeometryKind::Polygon);
        assert_eq!(parcel.by.as_deref(), Some("loai_dat"));
    }
}
