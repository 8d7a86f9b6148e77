//! What a layer shows at the zooms below its own.

use crate::{AccessClass, ColumnType, GeometryKind, LayerDef};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// The attribute of an overview point that says how many features it stands for.
pub const POINT_COUNT: &str = "point_count";

/// What becomes of a layer's features in overview tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverviewRule {
    /// Each feature stays itself, with fewer attributes; the smallest are left out.
    DropSmallest,
    /// Polygons whose overview columns have the same values become one.
    Coalesce,
    /// Points in one cell whose overview columns have the same values become one, with their number
    /// (the attribute [`POINT_COUNT`]).
    Cluster,
}

/// How the tiles below a layer's own zooms are made: the table `[overview]` of its file.
///
/// ```
/// use kho_layer::{LayerDef, OverviewRule};
/// let def = LayerDef::parse(r#"
///     name = "plot"
///     title = { vi = "Lô đất" }
///     theme = "land"
///     geometry = "polygon"
///     zoom = { min = 14, max = 16 }
///     overview = { from = 10, rule = "coalesce", columns = ["loai"], keep_as_point = true }
///     [[column]]
///     name = "loai"
///     type = "text"
///     title = { vi = "Loại" }
/// "#, "plot.toml".as_ref())?;
/// assert_eq!((def.first_zoom(), def.zoom.min), (10, 14));
/// assert_eq!(def.overview.as_ref().map(|o| o.rule), Some(OverviewRule::Coalesce));
/// # Ok::<(), kho_layer::LayerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// The first zoom with tiles. From `zoom.min` on every feature is drawn as itself.
    pub from: u8,
    /// What becomes of the features.
    pub rule: OverviewRule,
    /// The columns that overview tiles carry, and whose values make the classes that are merged or
    /// counted together. If not said: the column that colours the layer (`style.by`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// What is too small to be seen and left out, on the tile's grid (4096 units a side, 16 to a
    /// CSS pixel of a tile drawn 256 pixels wide): square units for polygons, units of the longer
    /// side for lines. If not said: 16 square units, 8 units. 0 keeps all that the grid can show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
    /// The side of a cell in grid units, a power of two from 16 to 1024. The cells are one lattice
    /// for all tiles of a zoom. If not said: 256 for points that are clustered, 64 for
    /// `keep_as_point`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<u32>,
    /// Whether what is too small to be seen stays as a point: a feature of its own under
    /// `drop_smallest`, a class that has features in a cell but no area there under `coalesce`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_as_point: bool,
    /// Zooms at which values of `style.by` begin, for classes that are not worth seeing from the
    /// first zoom on (`{ hem = 13 }`); other values begin at `from`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub begins: BTreeMap<String, u8>,
}

/// The sides that a cell may have: powers of two that divide a tile, so that no cell lies in two.
const CELLS: std::ops::RangeInclusive<u32> = 16..=1024;

impl Overview {
    /// An overview by a rule, all else as usual.
    pub fn new(from: u8, rule: OverviewRule) -> Self {
        Self {
            from,
            rule,
            columns: None,
            least: None,
            cell: None,
            keep_as_point: false,
            begins: BTreeMap::new(),
        }
    }

    /// The columns that overview tiles of the layer carry.
    pub fn columns<'a>(&'a self, layer: &'a LayerDef) -> impl Iterator<Item = &'a str> {
        let usual = layer.style.by.iter().filter(|_| self.columns.is_none());
        self.columns.iter().flatten().chain(usual).map(String::as_str)
    }

    /// [`Overview::least`], or what is usual.
    pub fn least_of(&self, geometry: GeometryKind) -> u32 {
        self.least.unwrap_or(match geometry {
            GeometryKind::Point => 0,
            GeometryKind::Line => 8,
            GeometryKind::Polygon => 16,
        })
    }

    /// [`Overview::cell`], or what is usual.
    pub fn cell_side(&self) -> u32 {
        self.cell.unwrap_or(if self.rule == OverviewRule::Cluster { 256 } else { 64 })
    }

    /// Whether the table fits the layer; else what is wrong and what would be right.
    pub(crate) fn check(&self, layer: &LayerDef) -> Result<(), String> {
        use {GeometryKind as G, OverviewRule as R};
        if self.from >= layer.zoom.min {
            return Err(format!(
                "overview.from is {}, but overviews are for the zooms below zoom.min, which is {}",
                self.from, layer.zoom.min
            ));
        }
        match (self.rule, layer.geometry) {
            (R::Cluster, G::Line | G::Polygon) => {
                return Err("the rule cluster is for points: coalesce is for polygons, drop_smallest for lines and polygons".into());
            }
            (R::Coalesce, G::Point | G::Line) => {
                return Err(
                    "the rule coalesce is for polygons: cluster is for points, drop_smallest for lines"
                        .into(),
                );
            }
            (R::DropSmallest, G::Point) => {
                return Err("no point is smaller than another: the rule for points is cluster".into());
            }
            _ => {}
        }
        if layer.geometry == G::Point && (self.least.is_some() || self.keep_as_point) {
            return Err("overview.least and overview.keep_as_point are for lines and polygons".into());
        }
        if let Some(cell) = self.cell {
            if !(cell.is_power_of_two() && CELLS.contains(&cell)) {
                return Err(format!("overview.cell is {cell}, not a power of two from 16 to 1024"));
            }
            if self.rule == R::DropSmallest || (self.rule == R::Coalesce && !self.keep_as_point) {
                return Err(
                    "overview.cell is for the rule cluster, and for coalesce with keep_as_point".into()
                );
            }
        }
        self.check_columns(layer)
    }

    fn check_columns(&self, layer: &LayerDef) -> Result<(), String> {
        let mut seen = HashSet::new();
        for name in self.columns(layer) {
            match layer.column(name) {
                None => {
                    return Err(format!("overview.columns names {name}, which is not one of its columns"));
                }
                Some(c) if c.access == AccessClass::Restricted => {
                    return Err(format!("{name} is restricted, so it cannot be in overview.columns"));
                }
                Some(_) if !seen.insert(name) => return Err(format!("overview.columns names {name} twice")),
                Some(_) => {}
            }
        }
        if self.rule == OverviewRule::Cluster && seen.contains(POINT_COUNT) {
            return Err(format!(
                "{POINT_COUNT} is what a cluster calls the number of its points: it cannot be in overview.columns"
            ));
        }
        if let Some(by) = layer.style.by.as_deref().filter(|by| !seen.contains(by)) {
            return Err(format!(
                "style.by is {by}, so overview.columns must name it: overview tiles are coloured by it too"
            ));
        }
        if self.begins.is_empty() {
            return Ok(());
        }
        let by = layer.style.by.as_deref().and_then(|by| layer.column(by));
        if by.is_none_or(|by| by.ty != ColumnType::Text) {
            return Err("overview.begins is by the values of style.by, which must be a column of text".into());
        }
        match self.begins.iter().find(|(_, zoom)| **zoom < self.from || **zoom > layer.zoom.min) {
            Some((value, zoom)) => Err(format!(
                "overview.begins has {value} at {zoom}, which is not within {} (overview.from) and {} (zoom.min)",
                self.from, layer.zoom.min
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn said(geometry: &str, style: &str, overview: &str) -> Option<String> {
        let text = format!(
            r#"
            name = "plot"
            title = {{ vi = "Lô" }}
            theme = "land"
            geometry = "{geometry}"
            zoom = {{ min = 14, max = 16 }}
            style = {{ {style} }}
            overview = {{ {overview} }}
            [[column]]
            name = "loai"
            type = "text"
            title = {{ vi = "Loại" }}
            [[column]]
            name = "so"
            type = "integer"
            title = {{ vi = "Số" }}
            [[column]]
            name = "chu"
            type = "text"
            title = {{ vi = "Chủ" }}
            access = "restricted"
            "#
        );
        LayerDef::parse(&text, Path::new("plot.toml")).err().map(|e| e.to_string())
    }

    #[test]
    fn what_holds_together() -> Result<(), crate::LayerError> {
        for (geometry, style, overview) in [
            ("polygon", "", r#"from = 10, rule = "coalesce""#),
            (
                "polygon",
                r#"by = "loai""#,
                r#"from = 0, rule = "coalesce", least = 0, keep_as_point = true, cell = 32"#,
            ),
            ("polygon", "", r#"from = 10, rule = "drop_smallest", columns = ["so"], keep_as_point = true"#),
            ("line", r#"by = "loai""#, r#"from = 10, rule = "drop_smallest", begins = { a = 10, b = 14 }"#),
            (
                "point",
                r#"by = "loai""#,
                r#"from = 13, rule = "cluster", columns = ["loai", "so"], cell = 1024"#,
            ),
        ] {
            assert_eq!(said(geometry, style, overview), None, "{overview}");
        }
        let mut def = LayerDef::clone(crate::StandardModel::load()?.require("land_parcel")?);
        let again = LayerDef::parse(&def.to_toml()?, Path::new("x"))?;
        assert_eq!(again, def);
        let overview = def.overview.as_ref().map(|o| o.columns(&def).collect::<Vec<_>>());
        assert_eq!(overview, Some(vec!["loai_dat"]));
        assert!(def.first_zoom() < def.zoom.min && def.tile_zooms().max == def.zoom.max);
        def.overview = None;
        assert_eq!((def.first_zoom(), def.tile_zooms()), (def.zoom.min, def.zoom));
        Ok(())
    }

    #[test]
    fn contradictions_are_named() {
        for (geometry, style, overview, word) in [
            ("polygon", "", r#"from = 14, rule = "coalesce""#, "zoom.min"),
            ("polygon", "", r#"from = 10, rule = "cluster""#, "is for points"),
            ("line", "", r#"from = 10, rule = "coalesce""#, "is for polygons"),
            ("point", "", r#"from = 10, rule = "drop_smallest""#, "cluster"),
            ("point", "", r#"from = 10, rule = "cluster", keep_as_point = true"#, "keep_as_point"),
            ("point", "", r#"from = 10, rule = "cluster", least = 3"#, "least"),
            ("point", "", r#"from = 10, rule = "cluster", cell = 100"#, "power of two"),
            ("point", "", r#"from = 10, rule = "cluster", cell = 8"#, "from 16 to 1024"),
            ("polygon", "", r#"from = 10, rule = "coalesce", cell = 64"#, "overview.cell"),
            ("polygon", "", r#"from = 10, rule = "coalesce", columns = ["la"]"#, "not one of its columns"),
            ("polygon", "", r#"from = 10, rule = "coalesce", columns = ["chu"]"#, "restricted"),
            ("polygon", "", r#"from = 10, rule = "coalesce", columns = ["so", "so"]"#, "twice"),
            ("polygon", r#"by = "loai""#, r#"from = 10, rule = "coalesce", columns = ["so"]"#, "style.by"),
            ("line", "", r#"from = 10, rule = "drop_smallest", begins = { a = 12 }"#, "style.by"),
            ("line", r#"by = "so""#, r#"from = 10, rule = "drop_smallest", begins = { a = 12 }"#, "text"),
            (
                "line",
                r#"by = "loai""#,
                r#"from = 10, rule = "drop_smallest", begins = { a = 9 }"#,
                "overview.from",
            ),
            ("polygon", "", r#"from = 10, rule = "merge""#, "coalesce"),
            ("polygon", "", r#"from = 10, rule = "coalesce", size = 3"#, "size"),
        ] {
            let said = said(geometry, style, overview);
            assert!(said.as_deref().is_some_and(|m| m.contains(word)), "{overview}: {said:?}");
        }
    }
}
