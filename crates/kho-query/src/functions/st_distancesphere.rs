//! `ST_DistanceSphere(geometry, geometry[, radius])` → metres.
//!
//! The least distance of two geometries in degrees of longitude and latitude, along great circles of
//! a sphere of WGS 84's mean radius, (2a + b)/3 = 6 371 008.771 m, or of `radius`. Edges are arcs of
//! great circles; polygons must be smaller than a hemisphere. NULL if one is empty. A latitude beyond
//! ±90 is an error (longitude comes first); PostGIS moves it to ±90 and says so.

use super::kernel::{Gives, Kind, Row, RowKernel, Value, udf as make_udf};
use super::shape::Geometry;
use super::sphere::OnSphere;
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use sedona_expr::scalar_udf::SedonaScalarUDF;

const NAME: &str = "ST_DistanceSphere";

/// WGS 84's mean radius as PostGIS has it.
const RADIUS: f64 = (2.0 * 6_378_137.0 + 6_356_752.314_245_179) / 3.0;

/// Pairs of edges that one distance may compare: some seconds.
const MOST_PAIRS: usize = 100_000_000;

pub(super) fn udf() -> SedonaScalarUDF {
    use Kind::{Geometry, Number};
    make_udf(
        "st_distancesphere",
        vec![RowKernel::new(&[Geometry, Geometry, Number], Gives::Number, distance).requires(2)],
    )
}

fn distance(row: &Row<'_>) -> Result<Option<Value>> {
    let radius = if row.len() > 2 { row.finite(2, NAME, "the radius")? } else { RADIUS };
    let (a, b) = (on_sphere(&row.geometry(0)?)?, on_sphere(&row.geometry(1)?)?);
    if a.is_empty() || b.is_empty() {
        return Ok(None);
    }
    if a.size().saturating_mul(b.size()) > MOST_PAIRS {
        return exec_err!("{NAME}: the geometries have too many points; simplify them first");
    }
    Ok(Some(Value::Number(a.angle(&b) * radius)))
}

fn on_sphere(geometry: &Geometry) -> Result<OnSphere> {
    OnSphere::new(geometry).map_err(|(x, y)| {
        DataFusionError::Execution(format!(
            "{NAME}: {x} {y} is not a longitude and a latitude; transform to CRS84 (longitude first)"
        ))
    })
}
