//! Spatial predicates: the box first, the geometry only where that does not decide.

use super::column;
use crate::FilterError;
use crate::shape::{Shape, at_rest, relate as holds};
use crate::tree::{Place, Relation};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::DataType;
use geo::{PreparedGeometry, Relate};
use geo_types::Geometry;
use kho_layer::{GEOMETRY, intersects, wkb_bounds};

/// What is empty, or cannot be read, has no place: unknown.
pub(super) fn relate(
    relation: Relation,
    left: &Place,
    right: &Place,
    batch: &RecordBatch,
) -> Result<BooleanArray, FilterError> {
    let geometries = column(batch, GEOMETRY, &DataType::Binary)?;
    let geometries = geometries.as_binary::<i32>();
    Ok(match (left, right) {
        (Place::Column, Place::Literal(shape)) => with_literal(relation, geometries.iter(), shape),
        // As `relation` is to the row's geometry, so is its counterpart to the literal.
        (Place::Literal(shape), Place::Column) => with_literal(relation.turned(), geometries.iter(), shape),
        (Place::Column, Place::Column) => {
            let own = |wkb: &[u8]| at_rest(wkb).map(|g| holds(relation, &g, &g));
            geometries.iter().map(|wkb| own(wkb?)).collect()
        }
        (Place::Literal(a), Place::Literal(b)) => {
            let known = holds(relation, a.geometry(), b.geometry());
            BooleanArray::from(vec![known; batch.num_rows()])
        }
    })
}

fn with_literal<'a>(
    relation: Relation,
    rows: impl Iterator<Item = Option<&'a [u8]>>,
    shape: &Shape,
) -> BooleanArray {
    let bounds = shape.bounds();
    // Its topology is worked out once, and only if a row comes near.
    let mut prepared: Option<PreparedGeometry<'_, &Geometry<f64>, f64>> = None;
    rows.map(|wkb| {
        let wkb = wkb?;
        if !intersects(&wkb_bounds(wkb)?, &bounds) {
            return Some(relation == Relation::Disjoint);
        }
        let row = at_rest(wkb)?;
        if matches!(relation, Relation::Intersects | Relation::Disjoint) {
            return Some(holds(relation, &row, shape.geometry()));
        }
        // The literal comes first here.
        let matrix = prepared.get_or_insert_with(|| PreparedGeometry::from(shape.geometry())).relate(&row);
        Some(match relation.turned() {
            Relation::Equals => matrix.is_equal_topo(),
            Relation::Touches => matrix.is_touches(),
            Relation::Crosses => matrix.is_crosses(),
            Relation::Within => matrix.is_within(),
            Relation::Contains => matrix.is_contains(),
            Relation::Overlaps => matrix.is_overlaps(),
            Relation::Intersects => matrix.is_intersects(),
            Relation::Disjoint => matrix.is_disjoint(),
        })
    })
    .collect()
}
