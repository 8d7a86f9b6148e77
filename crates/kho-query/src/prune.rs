//! Which files and row groups a spatial filter leaves.
//!
//! Sedona prunes inside its own GeoParquet opener, by column position in the file: that needs
//! every column of the file in the table, also those outside the grant, and comes after the
//! files have been dealt out to threads. Here the same filter is taken apart while the scan is
//! planned, against the catalog's bounding boxes and the footers that the lake has open.

use crate::QueryError;
use datafusion::logical_expr::Expr;
use kho_layer::GEOMETRY;
use parquet::basic::LogicalType;
use parquet::file::metadata::ParquetMetaData;
use sedona_expr::spatial_filter::{SpatialFilter, SpatialFilterFactory, TableGeoStatistics};
use sedona_expr::statistics::GeoStatistics;
use sedona_geometry::bounding_box::BoundingBox;
use std::collections::HashMap;

/// The spatial part of a scan's filters.
#[derive(Debug)]
pub(crate) struct Pruner(Vec<SpatialFilter>);

impl Pruner {
    /// Takes the conjuncts that Sedona understands; the rest is left to the filter above.
    pub(crate) fn new(filters: &[Expr]) -> Self {
        let factory = SpatialFilterFactory::default();
        let known = filters.iter().filter_map(|f| match factory.try_from_logical_expr(f) {
            Ok(SpatialFilter::Unknown) | Err(_) => None,
            Ok(filter) => Some(filter),
        });
        Self(known.collect())
    }

    /// Whether there is nothing to prune by.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether features within `bounds` (minx, miny, maxx, maxy, CRS84) may pass. Unknown bounds
    /// always may.
    pub(crate) fn may_match(&self, bounds: Option<[f64; 4]>) -> Result<bool, QueryError> {
        let Some([minx, miny, maxx, maxy]) = bounds.filter(|b| b.iter().all(|v| v.is_finite())) else {
            return Ok(true);
        };
        let bbox = BoundingBox::xy((minx, maxx), (miny, maxy));
        let statistics = GeoStatistics::unspecified().with_bbox(Some(bbox));
        let table = TableGeoStatistics::ByName(HashMap::from([(GEOMETRY.to_owned(), statistics)]));
        for filter in &self.0 {
            if !filter.evaluate(&table)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The bounding box of each row group, from the statistics of the native GEOMETRY column.
pub(crate) fn row_group_bounds(footer: &ParquetMetaData) -> Vec<Option<[f64; 4]>> {
    let column = footer.file_metadata().schema_descr().columns().iter().position(|c| {
        c.path().parts() == [GEOMETRY] && matches!(c.logical_type_ref(), Some(LogicalType::Geometry { .. }))
    });
    let bounds = |group: &parquet::file::metadata::RowGroupMetaData| {
        let bbox = group.column(column?).geo_statistics()?.bounding_box()?;
        Some([bbox.get_xmin(), bbox.get_ymin(), bbox.get_xmax(), bbox.get_ymax()])
    };
    footer.row_groups().iter().map(bounds).collect()
}
