//! Which files and row groups the filters of a scan leave, and which rows of those.
//!
//! Sedona prunes inside its own GeoParquet opener, by column position in the file: that needs
//! every column of the file in the table, also those outside the grant. Here the same filter is
//! taken apart while the scan is planned, against the catalog's bounding boxes and the footers
//! that the lake has open, and once more row by row against the boxes in
//! [`Blocks`](crate::blocks::Blocks).

use crate::QueryError;
use crate::blocks::{Box32, OpenFile};
use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicate;
use kho_layer::GEOMETRY;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use sedona_expr::spatial_filter::{SpatialFilter, SpatialFilterFactory, TableGeoStatistics};
use sedona_expr::statistics::GeoStatistics;
use sedona_geometry::bounding_box::BoundingBox;
use sedona_geometry::interval::IntervalTrait;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The filters of a scan, taken apart. All of it only ever leaves out what cannot match: the
/// filter itself is evaluated above the scan.
#[derive(Debug, Default)]
pub(crate) struct Pruner {
    spatial: Vec<SpatialFilter>,
    /// Within which box a matching geometry must lie or reach.
    pub window: Option<[f64; 4]>,
    /// The conjuncts without a geometry in them, over the whole table.
    pub plain: Option<Arc<dyn PhysicalExpr>>,
    ranges: Option<PruningPredicate>,
}

impl Pruner {
    /// Takes what is understood of `filters` over a table with this schema.
    pub(crate) fn new(state: &dyn Session, schema: &SchemaRef, filters: &[Expr]) -> Self {
        let factory = SpatialFilterFactory::default();
        let (with, without): (Vec<&Expr>, Vec<&Expr>) =
            filters.iter().partition(|f| f.column_refs().iter().any(|c| c.name == GEOMETRY));
        let spatial: Vec<SpatialFilter> = with
            .into_iter()
            .filter_map(|f| factory.try_from_logical_expr(f).ok())
            .filter(|f| !matches!(f, SpatialFilter::Unknown))
            .collect();
        let window = window(&spatial);
        let plain = plain(state, schema, without);
        let ranges =
            plain.as_ref().and_then(|p| PruningPredicate::try_new(Arc::clone(p), Arc::clone(schema)).ok());
        Self { spatial, window, plain, ranges: ranges.filter(|r| !r.always_true()) }
    }

    /// Whether features within `bounds` (minx, miny, maxx, maxy, CRS84) may pass. Unknown bounds
    /// always may.
    pub(crate) fn may_match(&self, bounds: Option<[f64; 4]>) -> Result<bool, QueryError> {
        let Some([minx, miny, maxx, maxy]) = bounds.filter(|b| b.iter().all(|v| v.is_finite())) else {
            return Ok(true);
        };
        if self.spatial.is_empty() {
            return Ok(true);
        }
        let bbox = BoundingBox::xy((minx, maxx), (miny, maxy));
        let statistics = GeoStatistics::unspecified().with_bbox(Some(bbox));
        let table = TableGeoStatistics::ByName(HashMap::from([(GEOMETRY.to_owned(), statistics)]));
        for filter in &self.spatial {
            if !filter.evaluate(&table)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// For each row group of `file`, whether its minima and maxima leave it in.
    pub(crate) fn by_ranges(&self, file: &OpenFile) -> Vec<bool> {
        let all = || vec![true; file.groups().len()];
        match &self.ranges {
            None => all(),
            // Statistics that cannot be read prune nothing.
            Some(ranges) => ranges.prune(&GroupStatistics(file)).unwrap_or_else(|_| all()),
        }
    }
}

/// Whether a box reaches into a window.
pub(crate) fn reaches(b: &Box32, w: &[f64; 4]) -> bool {
    // NaN compares false: no geometry, no match.
    f64::from(b[0]) <= w[2] && f64::from(b[2]) >= w[0] && f64::from(b[1]) <= w[3] && f64::from(b[3]) >= w[1]
}

/// The box that all spatial conjuncts together ask for.
fn window(filters: &[SpatialFilter]) -> Option<[f64; 4]> {
    let mut out = [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY];
    for filter in filters {
        let bbox = filter.filter_bbox(GEOMETRY);
        let (x, y) = (bbox.x(), bbox.y());
        // Geometry is planar, so an x interval that wraps around is one that is not understood.
        if x.is_empty() || y.is_empty() || x.lo() > x.hi() {
            continue;
        }
        out = [out[0].max(x.lo()), out[1].max(y.lo()), out[2].min(x.hi()), out[3].min(y.hi())];
    }
    out.iter().any(|v| v.is_finite()).then_some(out)
}

fn plain(state: &dyn Session, schema: &SchemaRef, filters: Vec<&Expr>) -> Option<Arc<dyn PhysicalExpr>> {
    let schema = DFSchema::try_from(Arc::clone(schema)).ok()?;
    let usable = filters.into_iter().filter(|f| !f.is_volatile()).cloned();
    state.create_physical_expr(conjunction(usable)?, &schema).ok()
}

struct GroupStatistics<'a>(&'a OpenFile);

impl GroupStatistics<'_> {
    fn of(&self, column: &Column) -> Option<StatisticsConverter<'_>> {
        let parquet = self.0.reader().parquet_schema();
        StatisticsConverter::try_new(&column.name, self.0.schema(), parquet).ok()
    }
}

impl PruningStatistics for GroupStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column)?.row_group_mins(self.0.groups()).ok()
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column)?.row_group_maxes(self.0.groups()).ok()
    }

    fn num_containers(&self) -> usize {
        self.0.groups().len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        Some(Arc::new(self.of(column)?.row_group_null_counts(self.0.groups()).ok()?))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.0.groups().iter().map(|g| u64::try_from(g.num_rows()).ok());
        Some(Arc::new(rows.collect::<arrow::array::UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
