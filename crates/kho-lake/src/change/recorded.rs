//! What the catalog keeps of a commit's changes in one layer: `changes` in the provenance.
//!
//! ```json
//! {"added": 1, "removed": 0, "changed": 2, "boxes": [[109.1, 12.2, 109.2, 12.3]],
//!  "public": {"changed": 1, "boxes": [[109.1, 12.2, 109.2, 12.3]]},
//!  "restricted": 0, "shapes": ["…", "…", "…"]}
//! ```

use super::digest::{INTERNAL, PUBLIC, place};
use super::{Area, Change};
use crate::bounds::Bounds;
use kho_access::Grant;
use kho_layer::{ColumnType, LayerDef};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The changes of one commit in one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub added: u64,
    pub removed: u64,
    /// Features changed in a column that is not restricted, or in the geometry.
    pub changed: u64,
    /// Where any of these were and are; `None` for everywhere.
    pub boxes: Option<Vec<Bounds>>,
    /// The same of public columns and the geometry alone, where it is not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Part>,
    /// Features changed in nothing but restricted columns.
    #[serde(default)]
    pub restricted: u64,
    /// [`shapes`] of the layer as it was written, in hexadecimal.
    pub shapes: [String; 3],
    /// Whether the version before had other columns; of no use once committed.
    #[serde(skip)]
    pub reshaped: bool,
}

/// Features changed, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub changed: u64,
    pub boxes: Option<Vec<Bounds>>,
}

impl Recorded {
    /// Where the main table changed, which holds the public and the internal columns and the
    /// geometry: all that can be in a tile, whatever the columns' classes have become since.
    pub fn open_area(&self) -> Area {
        area(self.boxes.as_ref())
    }

    /// What a grant sees of it. Public columns were told from others when the change was made; if
    /// the layer's file has come to say otherwise since then, anything may have changed for this
    /// grant.
    pub fn seen(&self, grant: &Grant) -> Change {
        let now = shapes(grant.layer()).map(hex);
        let change = |changed: u64, boxes: Option<&Vec<Bounds>>, same: bool| Change {
            added: self.added,
            removed: self.removed,
            changed: if same { changed } else { 0 },
            area: if same { area(boxes) } else { Area::Everywhere },
        };
        match grant.class() {
            "public" => {
                let (changed, boxes) = match &self.public {
                    Some(part) => (part.changed, &part.boxes),
                    None => (self.changed, &self.boxes),
                };
                change(changed, boxes.as_ref(), self.shapes[PUBLIC] == now[PUBLIC])
            }
            "internal" => {
                let same = self.shapes[..=INTERNAL] == now[..=INTERNAL];
                change(self.changed, self.boxes.as_ref(), same)
            }
            // The catalog does not say where restricted values changed.
            _ => {
                let boxes = self.boxes.as_ref().filter(|_| self.restricted == 0);
                change(self.changed + self.restricted, boxes, true)
            }
        }
    }
}

fn area(boxes: Option<&Vec<Bounds>>) -> Area {
    boxes.map_or(Area::Everywhere, |boxes| Area::Boxes(boxes.clone()))
}

/// Hashes of the names and types of a layer's public, internal and restricted columns, in order.
pub(crate) fn shapes(layer: &LayerDef) -> [u64; 3] {
    let mut texts = <[String; 3]>::default();
    for column in &layer.columns {
        let ty = match column.ty {
            ColumnType::Text => "text",
            ColumnType::Integer => "integer",
            ColumnType::Float => "float",
            ColumnType::Boolean => "boolean",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
        };
        let text = &mut texts[place(column.access)];
        for part in [column.name.as_str(), "\u{1f}", ty, "\n"] {
            text.push_str(part);
        }
    }
    texts.map(|text| xxh3_64(text.as_bytes()))
}

/// JSON's numbers do not hold 64 bits in every reader.
pub(crate) fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kho_access::{Policy, Principal};
    use kho_layer::{AccessClass, StandardModel};
    use std::sync::Arc;

    #[test]
    fn a_grant_sees_its_columns_changes_only() {
        let model = StandardModel::load().unwrap();
        let layer = Arc::clone(model.layer("land_parcel").unwrap());
        let policy = Policy::new(Arc::new(model));
        let [all, public] = [Principal::LocalCli, Principal::Anonymous]
            .map(|who| policy.grant(&who, "land_parcel", 1).unwrap());
        let b = [109.0, 12.0, 109.1, 12.1];
        let mut recorded = Recorded {
            added: 0,
            removed: 0,
            changed: 3,
            boxes: Some(vec![b]),
            public: Some(Part { changed: 0, boxes: Some(vec![]) }),
            restricted: 0,
            shapes: shapes(&layer).map(hex),
            reshaped: false,
        };
        assert!(recorded.seen(&public).is_none());
        let wide = recorded.seen(&all);
        assert_eq!((wide.changed, &wide.area), (3, &Area::Boxes(vec![b])));
        recorded.restricted = 5;
        assert!(recorded.seen(&public).is_none());
        let wide = recorded.seen(&all);
        assert_eq!((wide.changed, wide.area), (8, Area::Everywhere));
        // What was public then is not what is public now.
        recorded.shapes[PUBLIC] = hex(1);
        assert_eq!(recorded.seen(&public).area, Area::Everywhere);

        let json = serde_json::to_string(&recorded).unwrap();
        assert_eq!(serde_json::from_str::<Recorded>(&json).unwrap(), recorded);
    }

    #[test]
    fn a_column_that_is_opened_changes_two_shapes() {
        let model = StandardModel::load().unwrap();
        let mut layer = (**model.layer("land_parcel").unwrap()).clone();
        let before = shapes(&layer);
        let column = layer.columns.iter_mut().find(|c| c.access == AccessClass::Internal).unwrap();
        column.access = AccessClass::Public;
        let after = shapes(&layer);
        assert!(before[0] != after[0] && before[1] != after[1] && before[2] == after[2]);
    }
}
