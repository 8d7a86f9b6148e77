//! The session that every query starts from: built once, cloned for each.
//!
//! This follows `SedonaContext` (sedona 0.5), rule by rule and function set by function set,
//! and leaves out what opens the house: URL tables, configuration from the environment, object
//! stores, table factories, COPY, GDAL rasters.

use crate::catalog::{CATALOG, SCHEMA};
use crate::semi_join::CountSemiJoins;
use crate::{Limits, QueryError, crs_default, exact_predicates, functions, projection, window};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use sedona_common::SedonaOptions;
use sedona_expr::function_set::FunctionSet;
use sedona_query_planner::optimizer::{
    register_sedona_analyzer_rules, register_spatial_join_logical_optimizer,
    register_vendored_optimizer_rules,
};
use sedona_query_planner::query_planner::SedonaQueryPlanner;
use std::sync::Arc;

/// What all queries of an engine share outside memory: the spill files.
pub(crate) fn runtime(limits: &Limits) -> Result<RuntimeEnv, QueryError> {
    let mode = match &limits.spill_dir {
        None => DiskManagerMode::OsTmpDirectory,
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(QueryError::internal)?;
            DiskManagerMode::Directories(vec![dir.clone()])
        }
    };
    let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(limits.spill_bytes);
    let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(disk).build()?;
    // The default registry opens the whole file system, and our scans need no object store.
    runtime.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    Ok(runtime)
}

/// Builds the session.
pub(crate) fn template(limits: &Limits, runtime: RuntimeEnv) -> Result<SessionState> {
    let planner =
        SedonaQueryPlanner::new().with_spatial_join_physical_planner(Arc::new(exact_predicates::JoinPlanner));
    let mut builder = SessionStateBuilder::new()
        .with_default_features()
        .with_runtime_env(Arc::new(runtime))
        .with_config(config(limits));
    // DataFusion #22620, see https://github.com/apache/sedona-db/issues/1232.
    builder = register_vendored_optimizer_rules(builder)?;
    builder = register_sedona_analyzer_rules(builder)?;
    builder = register_spatial_join_logical_optimizer(builder)?;
    builder = builder.with_physical_optimizer_rule(Arc::new(CountSemiJoins));
    builder = builder.with_query_planner(Arc::new(planner));
    // Nothing is read but through our own tables: no formats, no CREATE EXTERNAL TABLE.
    let mut state = builder.with_file_formats(Vec::new()).with_table_factories(Default::default()).build();

    let functions = spatial_functions()?;
    for udf in functions.scalar_udfs() {
        state.register_udf(Arc::new(udf.clone().into()))?;
    }
    for udf in functions.aggregate_udfs() {
        state.register_udaf(Arc::new(udf.clone().into()))?;
    }
    for udf in functions::window_functions() {
        state.register_udwf(Arc::new(udf))?;
    }
    Ok(state)
}

fn config(limits: &Limits) -> SessionConfig {
    let partitions = limits.target_partitions();
    let mut sedona = SedonaOptions::default();
    sedona.runtime = sedona.runtime.with_crs_engine(projection::crs_engine());
    // As SedonaContext does: a spilled batch may take a twentieth of a thread's share, but not
    // so little that batches become crumbs.
    sedona.spatial_join.spilled_batch_in_memory_size_threshold =
        (limits.memory_bytes / partitions / 20).max(10 << 20);

    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_option_extension(sedona);
    let options = config.options_mut();
    // Physical scalar subqueries drop Arrow field metadata, and with it the geometry type:
    // https://github.com/apache/datafusion/issues/24933.
    options.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    config
}

/// All spatial functions: Sedona's own, and the kernels of GEOS, georust and TG on top, in
/// SedonaContext's order, because the last kernel that fits is the one that runs; then ours.
fn spatial_functions() -> Result<FunctionSet> {
    let mut functions = sedona_functions::register::default_function_set();
    let kernels = sedona_geos::register::scalar_kernels()
        .into_iter()
        .chain(sedona_geo::register::scalar_kernels())
        .chain(
            sedona_tg::register::scalar_kernels().into_iter().filter(|(f, _)| exact_predicates::trusts_tg(f)),
        );
    for (name, kernels) in kernels {
        functions.add_scalar_udf_impl(name, kernels)?;
    }
    for udf in sedona_geos::register::aggregate_udfs() {
        functions.insert_aggregate_udf(udf);
    }
    for udf in sedona_geo::register::aggregate_udfs() {
        functions.insert_aggregate_udf(udf);
    }
    functions::apply(&mut functions);
    crs_default::apply(&mut functions);
    window::apply(&mut functions);
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_session_costs_little() -> Result<(), QueryError> {
        let limits = Limits::default();
        let template = template(&limits, runtime(&limits)?)?;
        let start = Instant::now();
        let copies: Vec<_> = (0..20).map(|_| template.clone()).collect();
        let each = start.elapsed() / 20;
        assert_eq!(copies.len(), 20);
        // Generous, for a busy machine: a copy must not build the functions anew.
        assert!(each.as_millis() < 20, "{each:?}");
        Ok(())
    }

    #[test]
    fn the_file_system_is_not_an_object_store() -> Result<(), QueryError> {
        let runtime = runtime(&Limits::default())?;
        assert!(runtime.object_store(ObjectStoreUrl::local_filesystem()).is_err());
        Ok(())
    }
}
