//! What PostGIS has and Sedona lacks, one file a function.
//!
//! The semantics are PostGIS's, checked against it by `tests/tests/postgis.rs`; where they differ,
//! the function's file and `docs/sql.md` say so and why. Coordinates are x before y (longitude
//! before latitude), in the units of the geometry's CRS; results keep the CRS of what they are made
//! of, and geometries of two CRSs are an error, as everywhere in Sedona.
//!
//! Functions that return sets in PostGIS return a list here, to be unnested: a list of structs with
//! the field `geom`, because `unnest` drops the metadata of a plain list's items, and with it the
//! geometry type (<https://github.com/apache/datafusion/issues/21982> is of that family). How long
//! such lists may be is bounded (`kernel::MOST_PIECES`).

mod grid;
mod kernel;
mod mvt;
mod shape;
mod sphere;
mod st_asmvt;
mod st_asmvtgeom;
mod st_clipbybox2d;
mod st_clusterdbscan;
mod st_collectionextract;
mod st_distancesphere;
mod st_expand;
mod st_extent;
mod st_geomfromgeojson;
mod st_hexagongrid;
mod st_hilbert;
mod st_multi;
mod st_snaptogrid;
mod st_squaregrid;
mod st_subdivide;
mod st_tileenvelope;
mod st_union_agg;
mod topology;

use datafusion::logical_expr::WindowUDF;
use sedona_expr::function_set::FunctionSet;

/// Adds the scalar and aggregate functions to Sedona's.
pub(crate) fn apply(functions: &mut FunctionSet) {
    for udf in [
        st_asmvtgeom::udf(),
        st_clipbybox2d::udf(),
        st_collectionextract::udf(),
        st_distancesphere::udf(),
        st_expand::udf(),
        st_geomfromgeojson::udf(),
        st_hexagongrid::udf(),
        st_hilbert::udf(),
        st_multi::udf(),
        st_snaptogrid::udf(),
        st_squaregrid::udf(),
        st_subdivide::udf(),
        st_tileenvelope::udf(),
    ] {
        functions.insert_scalar_udf(udf);
    }
    if let Some(udaf) = st_extent::udaf(functions) {
        functions.insert_aggregate_udf(udaf);
    }
    functions.insert_aggregate_udf(st_union_agg::udaf());
    functions.insert_aggregate_udf(st_asmvt::udaf());
}

/// The window functions, which Sedona's set has no place for.
pub(crate) fn window_functions() -> Vec<WindowUDF> {
    vec![st_clusterdbscan::udwf()]
}
