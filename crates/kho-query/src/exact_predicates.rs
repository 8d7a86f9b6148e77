//! Which library answers a spatial predicate.
//!
//! SedonaDB asks TG first, for its speed. But TG (as of sedona-tg 0.5) refuses to say whether a
//! geometry with parts that touch or cross contains another, which fails the query: any
//! multipolygon of neighbours, any street in pieces. And it is known to be wrong for the insides of
//! collections (<https://github.com/apache/sedona-db/issues/1035>,
//! <https://github.com/tidwall/tg/pull/32>). So TG keeps what it answers right, intersection and
//! equality, and GEOS has the rest, in expressions and in joins.

use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_plan::ExecutionPlan;
use sedona_common::option::{ExecutionMode, SpatialJoinOptions, SpatialLibrary};
use sedona_expr::statistics::GeoStatistics;
use sedona_query_planner::spatial_join_physical_planner::{PlanSpatialJoinArgs, SpatialJoinPhysicalPlanner};
use sedona_query_planner::spatial_predicate::{SpatialPredicate, SpatialRelationType};
use sedona_spatial_join::SpatialJoinExec;
use sedona_spatial_join::index::SpatialIndexBuilder;
use sedona_spatial_join::index::spatial_index_builder::SpatialJoinBuildMetrics;
use sedona_spatial_join::join_provider::{DefaultSpatialJoinProvider, SpatialJoinProvider};
use sedona_spatial_join::operand_evaluator::EvaluatedGeometryArrayFactory;
use sedona_spatial_join::physical_planner::{
    is_spatial_predicate_supported, repartition_probe_side, should_swap_join_order,
};
use std::sync::Arc;

/// Whether TG's kernel of a function stands before that of GEOS.
pub(crate) fn trusts_tg(function: &str) -> bool {
    matches!(function, "st_intersects" | "st_disjoint" | "st_equals")
}

/// `DefaultSpatialJoinPhysicalPlanner` (sedona-spatial-join 0.5), step by step, with our provider.
#[derive(Debug)]
pub(crate) struct JoinPlanner;

impl SpatialJoinPhysicalPlanner for JoinPlanner {
    fn plan_spatial_join(&self, args: &PlanSpatialJoinArgs<'_>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (left, right, on) = (args.physical_left, args.physical_right, args.spatial_predicate);
        if !is_spatial_predicate_supported(on, &left.schema(), &right.schema())? {
            return Ok(None);
        }
        let swap = !matches!(on, SpatialPredicate::KNearestNeighbors(_))
            && args.join_type.supports_swap()
            && should_swap_join_order(args.join_options, left.as_ref(), right.as_ref())?;
        let (left, right) = (Arc::clone(left), Arc::clone(right));
        let (left, right) = if args.join_options.repartition_probe_side {
            repartition_probe_side(left, right, on, swap)?
        } else {
            (left, right)
        };
        let join = SpatialJoinExec::try_new(
            left,
            right,
            on.clone(),
            args.remainder.cloned(),
            args.join_type,
            None,
            args.join_options,
        )?
        .with_spatial_join_provider(Arc::new(Provider(DefaultSpatialJoinProvider)));
        if swap { join.swap_inputs().map(Some) } else { Ok(Some(Arc::new(join))) }
    }
}

#[derive(Debug)]
struct Provider(DefaultSpatialJoinProvider);

/// The options with the library that is right about `predicate`.
fn options_for(predicate: &SpatialPredicate, options: &SpatialJoinOptions) -> SpatialJoinOptions {
    let mut options = options.clone();
    if let SpatialPredicate::Relation(relation) = predicate
        && !matches!(relation.relation_type, SpatialRelationType::Intersects | SpatialRelationType::Equals)
    {
        options.spatial_library = SpatialLibrary::Geos;
        // With the probe side prepared, sedona-spatial-join 0.5 asks GEOS whether that lies within the
        // build side where it means the reverse (refine/geos.rs, `evaluate_prepare_probe`).
        if matches!(relation.relation_type, SpatialRelationType::Within | SpatialRelationType::CoveredBy) {
            options.execution_mode = ExecutionMode::PrepareNone;
        }
    }
    options
}

impl SpatialJoinProvider for Provider {
    fn try_new_spatial_index_builder(
        &self,
        schema: SchemaRef,
        predicate: SpatialPredicate,
        options: SpatialJoinOptions,
        join_type: JoinType,
        probe_threads: usize,
        metrics: SpatialJoinBuildMetrics,
    ) -> Result<Box<dyn SpatialIndexBuilder>> {
        let options = options_for(&predicate, &options);
        self.0.try_new_spatial_index_builder(schema, predicate, options, join_type, probe_threads, metrics)
    }

    fn estimate_extra_memory_usage(
        &self,
        statistics: &GeoStatistics,
        predicate: &SpatialPredicate,
        options: &SpatialJoinOptions,
    ) -> usize {
        self.0.estimate_extra_memory_usage(statistics, predicate, &options_for(predicate, options))
    }

    fn evaluated_array_factory(&self) -> Arc<dyn EvaluatedGeometryArrayFactory> {
        self.0.evaluated_array_factory()
    }
}
