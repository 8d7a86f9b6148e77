//! The plans of a snapshot in memory: zones, projects and planned roads, found by their boxes.
//!
//! A city has thousands of zones and asks about them all day, so they are kept as they lie in the lake
//! (Arrow, CRS84) with a tree over their boxes, under the snapshots that last changed them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type};
use kho_lake::{Bounds, SnapshotId, wkb_bounds};
use kho_layer::{GEOMETRY, LayerDef};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::app::App;
use crate::data::at::At;
use crate::data::catalogue::Published;
use crate::data::filter::Day;
use crate::data::rows::each;
use crate::http::problem::Problem;

/// The layers that plans are made of, in the order of [`Plans`].
pub(super) const LAYERS: [&str; 3] = ["planning_zone", "planning_project", "planning_road"];
/// Degrees that a metre is at most, north of the equator up to 24°: to widen boxes by widths.
const DEGREES_A_METRE: f64 = 1.0 / 100_000.0;

/// The snapshots that last changed the layers; `None` for one without data.
pub(crate) type Version = [Option<SnapshotId>; 3];

/// All plans at one version.
pub(crate) struct Plans {
    /// Planned plots.
    pub(super) zones: Option<Features>,
    /// Extents of plans with their decisions.
    pub(super) projects: Option<Features>,
    /// Centre lines of planned roads.
    pub(super) roads: Option<Features>,
}

impl Plans {
    /// The plans at a snapshot, from the cache or read now.
    pub(super) async fn at(app: &App, at: &At) -> Result<Arc<Self>, Problem> {
        let layers = LAYERS.map(|name| at.catalogue.layer(name).cloned());
        let version: Version = [0, 1, 2].map(|i: usize| layers[i].as_ref().map(|l| l.files.layer_since));
        let lake = app.lake.clone();
        let read = async move {
            let read = move || {
                let [zones, projects, roads] =
                    layers.map(|layer| layer.map(|layer| Features::read(&lake, &layer)).transpose());
                Ok::<_, Problem>(Arc::new(Self { zones: zones?, projects: projects?, roads: roads? }))
            };
            tokio::task::spawn_blocking(read).await?
        };
        Ok(app.caches.plans.try_get_with(version, read).await?)
    }
}

/// The features of a layer.
pub(super) struct Features {
    batches: Vec<RecordBatch>,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, (u32, u32)>>,
    valid: [Option<String>; 2],
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Feature<'a> {
    /// The batch it is in.
    pub(super) batch: &'a RecordBatch,
    /// Its row there.
    pub(super) row: usize,
}

impl Features {
    fn read(lake: &kho_lake::Lake, layer: &Published) -> Result<Self, Problem> {
        let names: Vec<&str> = layer.files.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let mut batches = Vec::new();
        each(lake, layer, &names, |_, batch| {
            batches.push(batch.clone());
            Ok(())
        })?;
        Self::of(batches, layer.def())
    }

    /// The features of batches of a layer.
    pub(super) fn of(batches: Vec<RecordBatch>, def: &LayerDef) -> Result<Self, Problem> {
        let mut boxes = Vec::new();
        for (at, batch) in batches.iter().enumerate() {
            let shapes = batch.column_by_name(GEOMETRY).and_then(|c| c.as_binary_opt::<i32>());
            for row in 0..batch.num_rows() {
                let shape = shapes.filter(|s| !s.is_null(row)).and_then(|s| wkb_bounds(s.value(row)));
                if let Some([west, south, east, north]) = shape {
                    // A road is as wide as it says.
                    let wide = reach(batch, row) * DEGREES_A_METRE;
                    let corners = ([west - wide, south - wide], [east + wide, north + wide]);
                    let at = (number(at)?, number(row)?);
                    boxes.push(GeomWithData::new(Rectangle::from_corners(corners.0, corners.1), at));
                }
            }
        }
        let valid = [def.valid_from.clone(), def.valid_to.clone()];
        Ok(Self { batches, tree: RTree::bulk_load(boxes), valid })
    }

    /// Those whose boxes meet a window (CRS84) and that are valid on a day, in the layer's order.
    pub(super) fn around(&self, window: &Bounds, day: Day) -> Vec<Feature<'_>> {
        let [west, south, east, north] = *window;
        let window = AABB::from_corners([west, south], [east, north]);
        let mut found: Vec<(u32, u32)> =
            self.tree.locate_in_envelope_intersecting(&window).map(|f| f.data).collect();
        found.sort_unstable();
        found
            .into_iter()
            .filter_map(|(batch, row)| {
                Some(Feature { batch: self.batches.get(batch as usize)?, row: row as usize })
            })
            .filter(|feature| self.is_valid(feature, day))
            .collect()
    }

    fn is_valid(&self, feature: &Feature<'_>, day: Day) -> bool {
        let date = |name: &Option<String>| feature.date(name.as_deref()?);
        date(&self.valid[0]).is_none_or(|first| first <= day)
            && date(&self.valid[1]).is_none_or(|last| last >= day)
    }
}

impl<'a> Feature<'a> {
    /// The geometry, WKB.
    pub(super) fn shape(&self) -> Option<&'a [u8]> {
        let shapes = self.batch.column_by_name(GEOMETRY)?.as_binary_opt::<i32>()?;
        (!shapes.is_null(self.row)).then(|| shapes.value(self.row))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        let texts = self.batch.column_by_name(column)?.as_string_opt::<i32>()?;
        (!texts.is_null(self.row)).then(|| texts.value(self.row).trim().to_owned()).filter(|t| !t.is_empty())
    }

    /// A number of either kind.
    pub(super) fn number(&self, column: &str) -> Option<f64> {
        number_of(self.batch, self.row, column)
    }

    /// A date.
    pub(super) fn date(&self, column: &str) -> Option<Day> {
        let dates = self.batch.column_by_name(column)?;
        let dates = (dates.data_type() == &DataType::Date32).then(|| dates.as_primitive::<Date32Type>())?;
        (!dates.is_null(self.row)).then(|| dates.value(self.row))
    }
}

fn number_of(batch: &RecordBatch, row: usize, column: &str) -> Option<f64> {
    let array = batch.column_by_name(column)?;
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().value(row)),
        DataType::Int64 => Some(array.as_primitive::<arrow::datatypes::Int64Type>().value(row) as f64),
        _ => None,
    }
    .filter(|v| v.is_finite())
}

/// How far from its centre line a planned road has a say: half its right of way, and the setback.
fn reach(batch: &RecordBatch, row: usize) -> f64 {
    let width = |column| number_of(batch, row, column).filter(|w| *w > 0.0).unwrap_or_default();
    width("lo_gioi") / 2.0 + width("khoang_lui")
}

fn number(n: usize) -> Result<u32, Problem> {
    u32::try_from(n).map_err(|_| Problem::fault("a layer with more rows than an index holds"))
}
