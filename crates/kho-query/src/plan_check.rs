//! The second door: the plan reads our tables and nothing else, whatever the syntax tree looked
//! like.

use crate::QueryError;
use crate::table::LayerTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, TableScan};

/// Refuses a plan with a node that writes, configures, or reads anything but a granted layer.
pub(crate) fn check(plan: &LogicalPlan) -> Result<(), QueryError> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let Some(what) = forbidden(node) {
            found = Some(what);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match found {
        Some(what) => Err(QueryError::NotAQuery { what }),
        None => Ok(()),
    }
}

fn forbidden(node: &LogicalPlan) -> Option<String> {
    match node {
        LogicalPlan::TableScan(scan) => foreign(scan).then(|| format!("the table {}", scan.table_name)),
        LogicalPlan::Statement(_) => Some("a setting or transaction".into()),
        LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) => {
            Some("a statement that writes".into())
        }
        LogicalPlan::DescribeTable(_) => Some("DESCRIBE".into()),
        LogicalPlan::Extension(_) => Some("this kind of plan".into()),
        _ => None,
    }
}

/// A scan of neither a granted layer, nor a view over such, nor the rows of a table function
/// that the statement check let through.
fn foreign(scan: &TableScan) -> bool {
    let Ok(provider) = source_as_provider(&scan.source) else {
        // The working table of WITH RECURSIVE is planned without a provider of its own.
        return false;
    };
    !(provider.is::<LayerTable>()
        || provider.is::<datafusion::catalog::view::ViewTable>()
        || provider.is::<datafusion::catalog::cte_worktable::CteWorkTable>()
        || provider.is::<datafusion::functions_table::generate_series::GenerateSeriesTable>())
}
