//! A layer's definition: the content of one `layers/NAME.toml`.

use crate::{AccessClass, Column, LayerError, LayerStyle, Overview, Text, is_name};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What kind of geometry a layer holds. Single and multi parts may mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeometryKind {
    /// Point or MultiPoint.
    Point,
    /// LineString or MultiLineString.
    Line,
    /// Polygon or MultiPolygon.
    Polygon,
}

/// The zooms at which a layer's features are drawn each as itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoomRange {
    /// The first of them. Below it tiles are empty, or made by the layer's [`Overview`].
    pub min: u8,
    /// The last zoom that is made; clients overzoom past it.
    pub max: u8,
}

impl Default for ZoomRange {
    fn default() -> Self {
        Self { min: 0, max: 16 }
    }
}

/// A layer's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerDef {
    /// The name in SQL, URLs and tiles.
    pub name: String,
    /// The name for people.
    pub title: Text,
    /// One sentence: what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// The branch of the layer tree: `boundary`, `land`, `planning`, `drainage`, `lighting`,
    /// `base`, `address`, or a department's own.
    pub theme: String,
    /// The kind of geometry.
    pub geometry: GeometryKind,
    /// Whether a feature may come without a geometry: a register's entry that nobody has drawn
    /// yet. Otherwise such a feature is set aside when data comes in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub geometry_optional: bool,
    /// The columns whose values name a feature. Not trusted to be unique; empty means none.
    #[serde(default)]
    pub key: Vec<String>,
    /// Whether everybody may see its public columns.
    #[serde(default)]
    pub published: bool,
    /// Whether its polygons share borders and must go on doing so at every zoom.
    #[serde(default)]
    pub fabric: bool,
    /// The column with the first day of a feature's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// The column with the last day of a feature's validity (null: still valid).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// The zooms at which its features are drawn each as itself.
    #[serde(default)]
    pub zoom: ZoomRange,
    /// What the zooms below those show; if not said, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<Overview>,
    /// How it is drawn.
    #[serde(default)]
    pub style: LayerStyle,
    /// Its columns, in order, without `kho_id` and `geometry`, which every layer has.
    #[serde(default, rename = "column")]
    pub columns: Vec<Column>,
}

impl LayerDef {
    /// Reads and checks a definition.
    ///
    /// # Errors
    /// [`LayerError::Toml`] with line and column, or [`LayerError::Definition`]. `origin` is the
    /// file's name, for the message.
    pub fn parse(text: &str, origin: &std::path::Path) -> Result<Self, LayerError> {
        let def: Self = toml::from_str(text)
            .map_err(|e| LayerError::Toml { path: origin.to_owned(), message: e.to_string() })?;
        def.check()?;
        Ok(def)
    }

    /// Whether the definition holds together.
    ///
    /// # Errors
    /// [`LayerError::Definition`] with the first contradiction.
    pub fn check(&self) -> Result<(), LayerError> {
        let wrong = |message: String| Err(LayerError::Definition { layer: self.name.clone(), message });
        if !is_name(&self.name) {
            return wrong("a layer name is a lower-case letter, then letters a-z, digits and _".into());
        }
        if self.zoom.min > self.zoom.max || self.zoom.max > 22 {
            return wrong(format!("zoom {}..{} is not a range within 0..22", self.zoom.min, self.zoom.max));
        }
        let mut seen = HashSet::new();
        for column in &self.columns {
            if !is_name(&column.name) || ["kho_id", "geometry"].contains(&column.name.as_str()) {
                return wrong(format!(
                    "column name {:?} is not usable: a lower-case letter, then letters a-z, digits and _; kho_id and geometry are taken",
                    column.name
                ));
            }
            if !seen.insert(column.name.as_str()) {
                return wrong(format!("column {} is there twice", column.name));
            }
        }
        let named = self
            .key
            .iter()
            .chain(&self.valid_from)
            .chain(&self.valid_to)
            .chain(&self.style.by)
            .chain(&self.style.label);
        for name in named {
            match self.column(name) {
                None => return wrong(format!("{name} is not one of its columns")),
                Some(c) if c.access == AccessClass::Restricted => {
                    return wrong(format!(
                        "{name} is restricted, so it can be neither key, validity, style nor label"
                    ));
                }
                Some(_) => {}
            }
        }
        match self.overview.as_ref().map_or(Ok(()), |overview| overview.check(self)) {
            Err(message) => wrong(message),
            Ok(()) => Ok(()),
        }
    }

    /// The first zoom with tiles, those of its overview included.
    pub fn first_zoom(&self) -> u8 {
        self.overview.as_ref().map_or(self.zoom.min, |overview| overview.from)
    }

    /// The zooms with tiles, those of its overview included.
    pub fn tile_zooms(&self) -> ZoomRange {
        ZoomRange { min: self.first_zoom(), max: self.zoom.max }
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The columns of one access class, in order.
    pub fn columns_of(&self, class: AccessClass) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |c| c.access == class)
    }

    /// Whether any column is restricted, so that the layer has a sibling table.
    pub fn has_restricted(&self) -> bool {
        self.columns_of(AccessClass::Restricted).next().is_some()
    }

    /// The definition as the TOML that [`LayerDef::parse`] reads.
    ///
    /// # Errors
    /// [`LayerError::Definition`] if it cannot be written, which no valid definition causes.
    pub fn to_toml(&self) -> Result<String, LayerError> {
        toml::to_string_pretty(self)
            .map_err(|e| LayerError::Definition { layer: self.name.clone(), message: e.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const TREE: &str = r#"
        name = "tree"
        title = { vi = "Cây xanh" }
        theme = "park"
        geometry = "point"
        key = ["ma"]
        [[column]]
        name = "ma"
        type = "text"
        title = { vi = "Mã cây" }
    "#;

    #[test]
    fn a_silent_column_is_internal() -> Result<(), LayerError> {
        let def = LayerDef::parse(TREE, Path::new("tree.toml"))?;
        assert_eq!(def.columns[0].access, AccessClass::Internal);
        assert!(!def.published);
        let again = LayerDef::parse(&def.to_toml()?, Path::new("tree.toml"))?;
        assert_eq!(again, def);
        Ok(())
    }

    #[test]
    fn contradictions_are_named() {
        let key = TREE.replace("key = [\"ma\"]", "key = [\"so\"]");
        let said = LayerDef::parse(&key, Path::new("x")).map_err(|e| e.to_string());
        assert_eq!(said, Err("layer tree: so is not one of its columns".into()));
        let restricted = format!("{TREE}\naccess = \"restricted\"");
        let said = LayerDef::parse(&restricted, Path::new("x")).map_err(|e| e.to_string());
        assert!(said.is_err_and(|m| m.contains("restricted")));
    }
}
