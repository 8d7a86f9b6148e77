//! Counting the rows of a spatial semi join.
//!
//! `SELECT count(*) … WHERE [NOT] EXISTS (… ST_Intersects …)` wants no column of the join, and
//! then SpatialJoinExec (sedona 0.5) says how many pairs it met instead of how many rows it keeps,
//! for EXISTS and NOT EXISTS alike. Sedona forked the code from DataFusion before this was fixed
//! there: <https://github.com/apache/datafusion/issues/20669>.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use sedona_spatial_join::SpatialJoinExec;
use std::sync::Arc;

/// Keeps one column in such joins, and drops it above them.
#[derive(Debug)]
pub(crate) struct CountSemiJoins;

impl PhysicalOptimizerRule for CountSemiJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(plan.transform_up(keep_a_column)?.data)
    }

    fn name(&self) -> &str {
        "count_semi_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn keep_a_column(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let one = match node.downcast_ref::<SpatialJoinExec>() {
        Some(join) if miscounts(join) => join.with_projection(None)?.with_projection(Some(vec![0]))?,
        _ => return Ok(Transformed::no(node)),
    };
    let none = ProjectionExec::try_new(Vec::<ProjectionExpr>::new(), Arc::new(one))?;
    Ok(Transformed::yes(Arc::new(none)))
}

fn miscounts(join: &SpatialJoinExec) -> bool {
    matches!(join.join_type, JoinType::RightSemi | JoinType::RightAnti) && join.schema().fields().is_empty()
}
