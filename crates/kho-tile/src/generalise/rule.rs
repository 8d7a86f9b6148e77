//! A layer's overview rule, made ready for a grant.

use crate::mvt::{NULL, ValueDictionary, ValueMap};
use kho_layer::{LayerDef, OverviewRule, POINT_COUNT};
use std::fmt::Write as _;
use xxhash_rust::xxh3::xxh3_64;

/// The table `[overview]` of a layer, as far as a grant opens its columns.
#[derive(Debug)]
pub(crate) struct Rule {
    /// What becomes of the features.
    pub kind: OverviewRule,
    /// The first zoom (WebMercatorQuad's) at which every feature is drawn as itself.
    pub below: u8,
    /// Where the columns stand among the grant's.
    pub columns: Vec<usize>,
    /// The names of the attributes in the tile.
    pub keys: Vec<String>,
    /// The least square units or units of length that are seen.
    pub least: u32,
    /// The side of a cell, a power of two.
    pub cell: u32,
    /// Whether what is too small stays as a point.
    pub keep_as_point: bool,
    /// All of it, hashed: what a bake is told apart by.
    pub id: u64,
    /// Where the column stands whose values begin at zooms of their own.
    by: usize,
    /// Hashes of these values as they stand in blocks, and their zooms.
    begins: Vec<(u64, u8)>,
}

impl Rule {
    /// The rule of a layer, of which a grant opens the columns `open`, in this order. `None` if the
    /// layer has no overview.
    pub fn of(layer: &LayerDef, open: &[String]) -> Option<Self> {
        let overview = layer.overview.as_ref()?;
        let at = |name: &str| open.iter().position(|o| o == name);
        let columns: Vec<usize> = overview.columns(layer).filter_map(at).collect();
        let mut keys: Vec<String> = columns.iter().filter_map(|&at| open.get(at).cloned()).collect();
        if overview.rule == OverviewRule::Cluster {
            keys.push(POINT_COUNT.to_owned());
        }
        // A grant that does not open the column is not told by what begins when.
        let by = layer.style.by.as_deref().and_then(at);
        let begins = overview.begins.iter().filter(|_| by.is_some());
        let begins = begins.map(|(value, &zoom)| (hash_of(value), zoom)).collect();
        let mut all = String::new();
        // Writing to a string cannot fail.
        let _ = write!(all, "{overview:?}/{}/{:?}/{keys:?}", layer.zoom.min, layer.style.by);
        Some(Self {
            kind: overview.rule,
            below: layer.zoom.min,
            columns,
            keys,
            least: overview.least_of(layer.geometry),
            cell: overview.cell_side(),
            keep_as_point: overview.keep_as_point,
            id: xxh3_64(all.as_bytes()),
            by: by.unwrap_or(0),
            begins,
        })
    }

    /// What must be looked for around a tile that keeps `buffer` grid units around it: as far as the
    /// cells reach that lie in them.
    pub fn reach(layer: &LayerDef, zoom: u8, buffer: u32) -> u32 {
        match &layer.overview {
            Some(o) if o.rule == OverviewRule::Cluster && zoom < layer.zoom.min => {
                buffer.next_multiple_of(o.cell_side())
            }
            _ => buffer,
        }
    }

    /// Whether a tile needs all its features before any of them can be drawn.
    pub fn gathers(&self) -> bool {
        self.kind != OverviewRule::DropSmallest
    }

    /// Whether a feature with these values (codes, one for each column that the grant opens) is worth
    /// seeing at a zoom.
    #[inline]
    pub fn has_begun(&self, codes: &[u32], values: &ValueDictionary, zoom: u8) -> bool {
        if self.begins.is_empty() {
            return true;
        }
        let Some(&code) = codes.get(self.by).filter(|code| **code != NULL) else { return true };
        let hash = values.hash(code);
        self.begins.iter().all(|&(value, from)| value != hash || zoom >= from)
    }
}

/// The hash under which a text stands in a dictionary.
fn hash_of(text: &str) -> u64 {
    let mut values = ValueMap::default();
    let code = values.text(text);
    values.dictionary().hash(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kho_layer::StandardModel;

    fn open(layer: &LayerDef) -> Vec<String> {
        layer.columns.iter().map(|c| c.name.clone()).collect()
    }

    #[test]
    fn a_rule_has_no_column_that_the_grant_does_not_open() {
        let model = StandardModel::load().unwrap();
        let zone = model.layer("planning_zone").unwrap();
        let all = Rule::of(zone, &open(zone)).unwrap();
        assert_eq!(all.keys, ["ma_ho_so", "chuc_nang", "valid_from", "valid_to"]);
        let few = Rule::of(zone, &["chuc_nang".into(), "ky_hieu".into()]).unwrap();
        assert_eq!((few.keys, few.columns), (vec!["chuc_nang".to_owned()], vec![0]));
        assert_ne!(few.id, all.id);
        let none = Rule::of(zone, &[]).unwrap();
        assert!(none.keys.is_empty());
        assert!(Rule::of(model.layer("admin_unit").unwrap(), &[]).is_none());
    }

    #[test]
    fn cells_are_gathered_whole() {
        let model = StandardModel::load().unwrap();
        let lamp = model.layer("street_light").unwrap();
        assert_eq!(Rule::reach(lamp, lamp.zoom.min - 1, 64), 256);
        assert_eq!(Rule::reach(lamp, lamp.zoom.min - 1, 0), 0);
        assert_eq!(Rule::reach(lamp, lamp.zoom.min, 64), 64);
        assert_eq!(Rule::reach(model.layer("land_parcel").unwrap(), 10, 64), 64);
    }

    #[test]
    fn classes_begin_at_their_zooms() {
        let model = StandardModel::load().unwrap();
        let road = model.layer("road").unwrap();
        let rule = Rule::of(road, &open(road)).unwrap();
        let at = road.columns.iter().position(|c| c.name == "loai").unwrap();
        let mut values = ValueMap::default();
        let codes = ["quoc_lo", "hem", "unheard_of"].map(|v| values.text(v));
        let begun = |code: u32, zoom: u8| {
            let mut row = vec![NULL; road.columns.len()];
            row[at] = code;
            rule.has_begun(&row, values.dictionary(), zoom)
        };
        assert!(begun(codes[0], 8) && begun(codes[2], 8) && begun(NULL, 8));
        assert!(!begun(codes[1], 8) && !begun(codes[1], 12) && begun(codes[1], 13));
    }
}
