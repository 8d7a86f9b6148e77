//! Named places of a layer: addresses, alleys, streets, wards old and new, plans.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use geo::InteriorPoint;
use kho_lake::{Bounds, Lake, wkb_bounds};
use kho_layer::{GEOMETRY, KHO_ID, Text, fold};

use super::words::{Hit, Words};
use crate::data::catalogue::Published;
use crate::data::filter::{date, today};
use crate::data::geojson::{id, value};
use crate::data::rows::each;
use crate::data::shape;
use crate::http::problem::Problem;

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Address,
    Alley,
    Street,
    Ward,
    Plan,
}

impl Kind {
    /// In the words of the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Alley => "alley",
            Self::Street => "street",
            Self::Ward => "ward",
            Self::Plan => "plan",
        }
    }

    /// Who asks for a name without a number means the larger thing.
    pub(crate) fn size(self) -> f32 {
        match self {
            Self::Address => 0.0,
            Self::Alley => 0.005,
            Self::Plan => 0.01,
            Self::Street => 0.02,
            Self::Ward => 0.03,
        }
    }
}

/// A place: a feature, or several of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    /// The feature, or the first of several.
    pub(crate) id: i64,
    /// West, south, east, north.
    pub(crate) bounds: Bounds,
    /// A point of it.
    pub(crate) center: [f64; 2],
}

/// The places of a layer, by their words. Labels and places are kept here, so that a search reads no
/// file.
pub(crate) struct Gazetteer {
    words: Words,
    labels: String,
    /// Where each label ends.
    ends: Vec<u32>,
    /// English labels where they differ.
    english: HashMap<u32, String>,
    places: Vec<Place>,
}

/// The layers whose places have names.
pub(crate) const LAYERS: [&str; 4] = ["admin_unit", "road", "planning_project", "address_point"];

#[derive(Default)]
struct Builder {
    labels: String,
    ends: Vec<u32>,
    english: HashMap<u32, String>,
    places: Vec<Place>,
    groups: HashMap<(Kind, String), (String, Place)>,
}

impl Gazetteer {
    /// Reads the places of a layer; blocks.
    pub(crate) fn build(lake: &Lake, layer: &Published) -> Result<Self, Problem> {
        let mut builder = Builder::default();
        let columns = [
            KHO_ID,
            GEOMETRY,
            "dia_chi_day_du",
            "so_nha",
            "duong",
            "hem",
            "ten_phuong",
            "ten",
            "ma_ho_so",
            "valid_from",
            "valid_to",
        ];
        let name = layer.name().to_owned();
        each(lake, layer, &columns, |_, batch| {
            for row in 0..batch.num_rows() {
                builder.row(&name, batch, row);
            }
            Ok(())
        })?;
        Ok(builder.finish())
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.words.bytes()
            + self.labels.len()
            + self.ends.len() * (4 + size_of::<Place>())
            + self.english.values().map(|e| e.len() + 40).sum::<usize>()
    }

    /// The places that fit, the best first.
    pub(crate) fn find(&self, question: &str, limit: usize) -> Vec<Hit> {
        let mut hits = self.words.find(question, limit, |n| self.label(n));
        for hit in &mut hits {
            hit.score += self.place(hit.text).kind.size();
        }
        hits
    }

    /// A place of a hit.
    pub(crate) fn place(&self, number: u32) -> &Place {
        &self.places[number as usize]
    }

    /// Its name.
    pub(crate) fn label(&self, number: u32) -> &str {
        let at = number as usize;
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.labels[from as usize..self.ends[at] as usize]
    }

    /// Its name in both languages.
    pub(crate) fn text(&self, number: u32) -> Text {
        let vi = self.label(number);
        Text::new(vi, self.english.get(&number).map_or(vi, String::as_str))
    }
}

impl Builder {
    fn row(&mut self, layer: &str, batch: &RecordBatch, row: usize) {
        let text = |column: &str| {
            value(batch, column, row).as_str().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
        };
        let Some(place) = place(batch, row) else { return };
        match layer {
            "address_point" => {
                let street = text("duong");
                let whole = text("dia_chi_day_du").unwrap_or_else(|| {
                    ["so_nha", "duong", "ten_phuong"]
                        .into_iter()
                        .filter_map(text)
                        .collect::<Vec<_>>()
                        .join(" ")
                });
                self.push(&whole, None, place);
                if let Some(street) = street {
                    if let Some(alley) = text("hem") {
                        let named = fold(&alley);
                        let kind = ["hem", "kiet", "ngo", "ngach"].iter().any(|k| named.starts_with(k));
                        let label = if kind {
                            format!("{alley} {street}")
                        } else {
                            format!("Hẻm {alley} {street}")
                        };
                        self.group(Kind::Alley, label, place);
                    }
                    self.group(Kind::Street, street, place);
                }
            }
            "road" => {
                if let Some(name) = text("ten") {
                    self.group(Kind::Street, name, place);
                }
            }
            "admin_unit" => {
                let Some(name) = text("ten") else { return };
                let now = date(today()).map(|d| d.to_string());
                let ended = text("valid_to").filter(|to| Some(to) < now.as_ref());
                match ended {
                    Some(to) => self.push(
                        &format!("{name} (đến {})", day(&to)),
                        Some(format!("{name} (until {to})")),
                        Place { kind: Kind::Ward, ..place },
                    ),
                    None => self.push(&name, None, Place { kind: Kind::Ward, ..place }),
                }
            }
            _ => {
                if let Some(name) = text("ten") {
                    self.push(&name, None, Place { kind: Kind::Plan, ..place });
                }
            }
        }
    }

    fn push(&mut self, label: &str, english: Option<String>, place: Place) {
        // Past 4 GB of text further places are not found; no city has 80 million.
        let (Ok(number), Ok(end)) =
            (u32::try_from(self.ends.len()), u32::try_from(self.labels.len() + label.len()))
        else {
            return;
        };
        if label.is_empty() {
            return;
        }
        self.labels.push_str(label);
        self.ends.push(end);
        self.places.push(place);
        if let Some(english) = english {
            self.english.insert(number, english);
        }
    }

    /// Features of one name are one place.
    fn group(&mut self, kind: Kind, label: String, place: Place) {
        let group =
            self.groups.entry((kind, fold(&label))).or_insert_with(|| (label, Place { kind, ..place }));
        let (all, one) = (&mut group.1.bounds, place.bounds);
        *all = [all[0].min(one[0]), all[1].min(one[1]), all[2].max(one[2]), all[3].max(one[3])];
    }

    fn finish(mut self) -> Gazetteer {
        let mut groups: Vec<_> = std::mem::take(&mut self.groups).into_iter().collect();
        groups.sort_by(|a, b| a.0.1.cmp(&b.0.1));
        for (_, (label, place)) in groups {
            self.push(&label, None, place);
        }
        self.labels.shrink_to_fit();
        let mut all = Gazetteer {
            words: Words::default(),
            labels: self.labels,
            ends: self.ends,
            english: self.english,
            places: self.places,
        };
        let count = u32::try_from(all.ends.len()).unwrap_or(u32::MAX);
        all.words = Words::of((0..count).map(|n| all.label(n)));
        all
    }
}

/// Where a row is; `None` for a feature that is nowhere on the map.
fn place(batch: &RecordBatch, row: usize) -> Option<Place> {
    let shapes = batch.column_by_name(GEOMETRY)?.as_binary_opt::<i32>()?;
    if shapes.is_null(row) {
        return None;
    }
    let wkb = shapes.value(row);
    let bounds = wkb_bounds(wkb)?;
    let mut center = [(bounds[0] + bounds[2]) / 2.0, (bounds[1] + bounds[3]) / 2.0];
    if bounds[0] < bounds[2] || bounds[1] < bounds[3] {
        // The middle of the box of a bent thing may lie outside of it.
        let inside = shape::geometry(wkb).and_then(|g| g.interior_point());
        center = inside.map_or(center, |p| [p.x(), p.y()]);
    }
    Some(Place { kind: Kind::Address, id: id(batch, row)?, bounds, center })
}

/// 2025-06-30 as 30/06/2025.
fn day(iso: &str) -> String {
    iso.parse::<chrono::NaiveDate>().map_or_else(|_| iso.to_owned(), |d| d.format("%d/%m/%Y").to_string())
}
