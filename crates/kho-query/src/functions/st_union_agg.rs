//! `ST_Union_Agg(geometry)` → geometry, an aggregate: PostGIS's ST_Union of a set.
//!
//! Points, lines, polygons and mixtures: polygons are dissolved, lines noded where they meet, points on
//! either left out. NULLs are skipped; of nothing but NULL it is NULL, and of nothing but empty
//! geometries the empty one of the highest type. Mixtures give a collection.
//!
//! Sedona's own gives NULL for lines and points (<https://github.com/apache/sedona-db/issues/1093>).
//! This one gathers what it is given, because GEOS's unary union of all at once (a cascade along an
//! R-tree) is far faster than adding one after the other, and counts it as the query's memory.

use super::kernel::read;
use super::shape::{Basic, Geometry, Shape, XY, is_empty, to_wkb};
use super::topology::{collection, failed, from_geos};
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use geos::Geom;
use sedona_expr::aggregate_udf::{SedonaAccumulator, SedonaAggregateUDF};
use sedona_expr::item_crs::ItemCrsSedonaAccumulator;
use sedona_schema::datatypes::{SedonaType, WKB_GEOMETRY};
use sedona_schema::matchers::ArgMatcher;
use std::sync::Arc;

const NAME: &str = "ST_Union_Agg";

pub(super) fn udaf() -> SedonaAggregateUDF {
    SedonaAggregateUDF::from_impl("st_union_agg", ItemCrsSedonaAccumulator::wrap_impl(Union))
        .with_order_sensitivity(AggregateOrderSensitivity::Insensitive)
}

#[derive(Debug)]
struct Union;

impl SedonaAccumulator for Union {
    fn return_type(&self, args: &[SedonaType]) -> Result<Option<SedonaType>> {
        ArgMatcher::new(vec![ArgMatcher::is_geometry()], WKB_GEOMETRY).match_args(args)
    }

    fn accumulator(&self, _args: &[SedonaType], _output: &SedonaType) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Gathered::default()))
    }

    fn state_fields(&self, _args: &[SedonaType]) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(WKB_GEOMETRY.to_storage_field("union", true)?)])
    }
}

/// What has been given so far, as WKB: GEOS's own geometries are bound to their thread.
#[derive(Debug, Default)]
struct Gathered {
    all: Vec<Vec<u8>>,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(array) = values.first() else {
            return internal_err!("{NAME} got no array");
        };
        let array = cast(array, &DataType::Binary)?;
        for wkb in array.as_binary::<i32>().iter().flatten() {
            self.bytes += wkb.len();
            self.all.push(wkb.to_vec());
        }
        Ok(())
    }

    /// The union. Kept in place of what it was made of, so that asking again costs nothing.
    fn union(&mut self) -> Result<Option<Vec<u8>>> {
        let geometries = self.all.iter().map(|wkb| read(wkb)).collect::<Result<Vec<_>>>()?;
        let Some(made) = union(geometries)? else {
            return Ok(None);
        };
        let wkb = to_wkb(&made);
        self.bytes = wkb.len();
        self.all = vec![wkb.clone()];
        Ok(Some(wkb))
    }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(self.union()?))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.all.capacity() * size_of::<Vec<u8>>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(self.union()?)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(states)
    }
}

fn union(geometries: Vec<Geometry>) -> Result<Option<Geometry>> {
    let Some(highest) = geometries.iter().map(rank).max() else {
        return Ok(None);
    };
    let full: Vec<Geometry> = geometries.into_iter().filter(|g| !is_empty(g)).collect();
    if full.is_empty() {
        return Ok(Some(empty(highest)));
    }
    let made = collection(full, NAME)?.unary_union().map_err(|e| failed(NAME, &e))?;
    from_geos(&made, NAME).map(Some)
}

/// The type's number in WKB, by which PostGIS picks the type of an empty union.
fn rank(geometry: &Geometry) -> u8 {
    match &geometry.shape {
        Shape::Point(_) => 1,
        Shape::Line(_) => 2,
        Shape::Polygon(_) => 3,
        Shape::MultiPoint(_) => 4,
        Shape::MultiLine(_) => 5,
        Shape::MultiPolygon(_) => 6,
        Shape::Collection(_) => 7,
    }
}

fn empty(rank: u8) -> Geometry {
    match rank {
        1 => Basic::Point.empty(XY),
        2 => Basic::Line.empty(XY),
        3 => Basic::Polygon.empty(XY),
        4 => Basic::Point.multi(XY, Vec::new()),
        5 => Basic::Line.multi(XY, Vec::new()),
        6 => Basic::Polygon.multi(XY, Vec::new()),
        _ => Geometry { dims: XY, shape: Shape::Collection(Vec::new()) },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::shape::{basic, parts};
    use super::*;

    fn point(x: f64, y: f64) -> Geometry {
        Geometry { dims: XY, shape: Shape::Point(vec![x, y]) }
    }

    fn line(c: &[f64]) -> Geometry {
        Geometry { dims: XY, shape: Shape::Line(c.to_vec()) }
    }

    #[test]
    fn points_and_lines_are_not_lost() {
        let two = union(vec![point(0., 0.), point(1., 1.), point(0., 0.)]).unwrap().unwrap();
        assert_eq!(parts(&two).map(<[_]>::len), Some(2));
        let cross = union(vec![line(&[0., 0., 2., 2.]), line(&[0., 2., 2., 0.])]).unwrap().unwrap();
        assert_eq!(parts(&cross).map(<[_]>::len), Some(4), "noded where they cross");
        let covered = union(vec![line(&[0., 0., 2., 2.]), point(1., 1.)]).unwrap().unwrap();
        assert_eq!(basic(&covered), Some(Basic::Line));
    }

    #[test]
    fn nothing_is_null_and_empty_is_empty() {
        assert_eq!(union(Vec::new()).unwrap(), None);
        let empty = union(vec![Basic::Point.empty(XY), Basic::Polygon.empty(XY)]).unwrap().unwrap();
        assert_eq!(empty, Basic::Polygon.empty(XY));
    }

    #[test]
    fn states_merge_to_the_same() {
        let square = |x: f64| {
            let ring = vec![x, 0., x + 1., 0., x + 1., 1., x, 1., x, 0.];
            to_wkb(&Geometry { dims: XY, shape: Shape::Polygon(vec![ring]) })
        };
        let array = |items: &[Vec<u8>]| -> ArrayRef {
            Arc::new(items.iter().map(|i| Some(i.as_slice())).collect::<arrow::array::BinaryArray>())
        };
        let (mut a, mut b, mut whole) = (Gathered::default(), Gathered::default(), Gathered::default());
        a.update_batch(&[array(&[square(0.), square(1.)])]).unwrap();
        b.update_batch(&[array(&[square(2.), square(5.)])]).unwrap();
        whole.update_batch(&[array(&[square(0.), square(1.), square(2.), square(5.)])]).unwrap();
        let state = b.state().unwrap().remove(0).to_array().unwrap();
        a.merge_batch(&[state]).unwrap();
        let area = |v: ScalarValue| {
            let ScalarValue::Binary(Some(wkb)) = v else { return 0.0 };
            geos::Geometry::new_from_wkb(&wkb).and_then(|g| g.area()).unwrap()
        };
        assert_eq!(area(a.evaluate().unwrap()), 4.0);
        assert_eq!(area(whole.evaluate().unwrap()), 4.0);
    }
}
