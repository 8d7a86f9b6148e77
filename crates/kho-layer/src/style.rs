//! How a layer is drawn.

use crate::GeometryKind;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How a layer is drawn unless a theme says otherwise. Colours are CSS hex.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerStyle {
    /// Fill of polygons, stroke of lines, disc of points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Outline of polygons and discs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<String>,
    /// Stroke width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Disc radius in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// A column with a code list: the code's colour draws the feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The column that labels the feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The icon on a point's disc, along a line or in a polygon: the name of an SVG file in the city's
    /// `styles/icons`, or of one that ships with kho.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The pattern over a polygon's colour: `hatch` for `pattern-hatch.svg` in the same place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

impl LayerStyle {
    /// A style for a layer that nobody has designed: its hue comes from its name, so it is the
    /// same in every city and at every run; discs and lines are dark enough for a light map,
    /// areas light enough for what lies on them, with a dark outline.
    ///
    /// ```
    /// use kho_layer::{GeometryKind, LayerStyle};
    /// let style = LayerStyle::derived("cay_xanh", GeometryKind::Point);
    /// assert_eq!(style, LayerStyle::derived("cay_xanh", GeometryKind::Point));
    /// assert_ne!(style.color, LayerStyle::derived("bai_do_xe", GeometryKind::Point).color);
    /// ```
    pub fn derived(name: &str, geometry: GeometryKind) -> Self {
        let hue = (xxh3_64(name.as_bytes()) % 360) as f64;
        match geometry {
            GeometryKind::Point => Self {
                color: Some(hex(hue, 0.65, 0.42)),
                outline: Some("#ffffff".into()),
                radius: Some(4.0),
                ..Self::default()
            },
            GeometryKind::Line => {
                Self { color: Some(hex(hue, 0.60, 0.42)), width: Some(1.6), ..Self::default() }
            }
            GeometryKind::Polygon => Self {
                color: Some(hex(hue, 0.45, 0.75)),
                outline: Some(hex(hue, 0.45, 0.35)),
                width: Some(0.8),
                ..Self::default()
            },
        }
    }
}

/// A colour by hue (degrees), saturation and lightness (0 to 1), as CSS hex (CSS Color 4, § 7.1).
fn hex(hue: f64, saturation: f64, lightness: f64) -> String {
    let reach = saturation * lightness.min(1.0 - lightness);
    let [red, green, blue] = [0.0, 8.0, 4.0].map(|n: f64| {
        let k = (n + hue / 30.0) % 12.0;
        let value = lightness - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    });
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_those_of_css() {
        assert_eq!(hex(0.0, 1.0, 0.5), "#ff0000");
        assert_eq!(hex(120.0, 1.0, 0.5), "#00ff00");
        assert_eq!(hex(240.0, 1.0, 0.25), "#000080");
        assert_eq!(hex(77.0, 0.0, 1.0), "#ffffff");
    }

    #[test]
    fn areas_are_light_inside_and_dark_outside() {
        let lightness = |color: &Option<String>| -> u32 {
            let digits = color.as_deref().and_then(|c| c.strip_prefix('#'));
            let rgb = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).unwrap_or(0);
            (rgb >> 16) + ((rgb >> 8) & 255) + (rgb & 255)
        };
        for name in ["a", "cay_xanh", "parcels", "vi_pham_hanh_chinh"] {
            let area = LayerStyle::derived(name, GeometryKind::Polygon);
            assert!(lightness(&area.color) > 480 && lightness(&area.outline) < 330, "{area:?}");
            let disc = LayerStyle::derived(name, GeometryKind::Point);
            assert!((150..430).contains(&lightness(&disc.color)), "{disc:?}");
        }
    }
}
