//! `ST_Extent(geometry)` → geometry, an aggregate: the bounding box of all, as a polygon; of a point
//! alone a point, of what lies along one axis a line; NULL if there is nothing.
//!
//! PostGIS gives a `box2d`, a type that is not here; this is what it becomes when cast to geometry.
//! Sedona has the computation under the name of ST_Envelope_Agg.

use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use sedona_expr::aggregate_udf::SedonaAggregateUDF;
use sedona_expr::function_set::FunctionSet;

pub(super) fn udaf(functions: &FunctionSet) -> Option<SedonaAggregateUDF> {
    let envelope = functions.aggregate_udf("st_envelope_agg")?;
    let extent = SedonaAggregateUDF::from_impl("st_extent", envelope.kernels().to_vec());
    Some(extent.with_order_sensitivity(AggregateOrderSensitivity::Insensitive))
}
