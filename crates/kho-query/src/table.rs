//! A granted layer as a table.

use crate::blocks::Blocks;
use crate::scan::Part;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{NullEquality, Statistics, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, JoinType, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use kho_access::Grant;
use kho_lake::{Lake, LayerFiles};
use kho_layer::{GEOMETRY, KHO_ID};
use std::sync::Arc;

/// A layer under a [`Grant`]: `kho_id`, the granted columns in the layer's order, `geometry`.
///
/// Restricted columns lie in a sibling table. A scan reads it, and pays for the join on
/// `kho_id`, only when one of them is asked for; the join keeps every feature of the layer, so
/// that asking for one more column never changes a count.
#[derive(Debug)]
pub(crate) struct LayerTable {
    lake: Lake,
    blocks: Arc<Blocks>,
    schema: SchemaRef,
    main: Part,
    restricted: Option<Part>,
}

impl LayerTable {
    /// The table of `files`, which must be those of `grant`.
    pub(crate) fn new(lake: Lake, blocks: Arc<Blocks>, grant: &Grant, files: LayerFiles) -> Self {
        let part = |files: LayerFiles, suffix: &str| Part {
            name: format!("{}{suffix}", grant.layer().name),
            schema: files.schema,
            rows: files.feature_count,
            files: files.files,
        };
        let mut files = files;
        let restricted = files.restricted.take().map(|f| part(*f, ".restricted"));
        let main = part(files, "");
        let schema = match &restricted {
            None => Arc::clone(&main.schema),
            Some(restricted) => whole(grant, &main.schema, &restricted.schema),
        };
        Self { lake, blocks, schema, main, restricted }
    }

    /// Whether a column lies in the sibling.
    fn is_restricted(&self, name: &str) -> bool {
        self.main.schema.index_of(name).is_err()
    }

    /// Plans the join of the two siblings and puts the columns in the order asked for.
    fn join(
        &self,
        restricted: &Part,
        state: &dyn Session,
        wanted: &[usize],
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let names: Vec<&str> = wanted.iter().map(|i| self.schema.field(*i).name().as_str()).collect();
        let columns_of = |part: &Part| -> Result<Vec<usize>> {
            let others = names.iter().filter(|n| **n != KHO_ID && part.schema.index_of(n).is_ok());
            std::iter::once(&KHO_ID).chain(others).map(|n| Ok(part.schema.index_of(n)?)).collect()
        };
        let (main_columns, restricted_columns) = (columns_of(&self.main)?, columns_of(restricted)?);
        let build = restricted.scan(&self.lake, &self.blocks, state, restricted_columns, &[], None)?;
        let probe = self.main.scan(&self.lake, &self.blocks, state, main_columns, filters, None)?;
        let key = |plan: &Arc<dyn ExecutionPlan>| -> Result<PhysicalExprRef> {
            Ok(Arc::new(Column::new_with_schema(KHO_ID, &plan.schema())?))
        };
        let on = vec![(key(&build)?, key(&probe)?)];
        let build_width = build.schema().fields().len();
        // Right: every feature of the layer stays, with nulls where the sibling has no row.
        let join: Arc<dyn ExecutionPlan> = Arc::new(HashJoinExec::try_new(
            build,
            probe,
            on,
            None,
            &JoinType::Right,
            None,
            PartitionMode::Auto,
            NullEquality::NullEqualsNothing,
            false,
        )?);
        let joined = join.schema();
        let mut exprs = Vec::with_capacity(names.len());
        for name in names {
            // kho_id is there twice; the main table's is the one that is never null.
            let position = joined
                .fields()
                .iter()
                .enumerate()
                .position(|(i, f)| f.name() == name && (name != KHO_ID || i >= build_width));
            let Some(position) = position else {
                return internal_err!("column {name} is lost in the join");
            };
            exprs
                .push(ProjectionExpr { expr: Arc::new(Column::new(name, position)), alias: name.to_owned() });
        }
        Ok(Arc::new(ProjectionExec::try_new(exprs, join)?))
    }
}

/// The whole layer's schema: the columns of both siblings in the layer's order.
fn whole(grant: &Grant, main: &Schema, restricted: &Schema) -> SchemaRef {
    let names = std::iter::once(KHO_ID)
        .chain(grant.columns().map(|c| c.name.as_str()))
        .chain(std::iter::once(GEOMETRY));
    let field = |name| main.field_with_name(name).or_else(|_| restricted.field_with_name(name)).ok().cloned();
    Arc::new(Schema::new(names.filter_map(field).collect::<Vec<_>>()))
}

#[async_trait]
impl TableProvider for LayerTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Inexact: files and row groups are pruned, rows are filtered above. A filter on a
        // restricted column cannot prune anything.
        let support = |f: &&Expr| {
            if f.column_refs().iter().any(|c| self.is_restricted(&c.name)) {
                TableProviderFilterPushDown::Unsupported
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut statistics = self.main.statistics();
        statistics.column_statistics = Statistics::unknown_column(&self.schema);
        Some(statistics)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.schema.fields().len()).collect();
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let name = |i: &usize| self.schema.field(*i).name();
        match &self.restricted {
            Some(restricted) if wanted.iter().any(|i| self.is_restricted(name(i))) => {
                self.join(restricted, state, &wanted, filters)
            }
            _ => {
                let columns = wanted.iter().map(|i| Ok(self.main.schema.index_of(name(i))?));
                let columns = columns.collect::<Result<_>>()?;
                // With filters above, the first rows read need not be the first that pass.
                let limit = limit.filter(|_| filters.is_empty());
                self.main.scan(&self.lake, &self.blocks, state, columns, filters, limit)
            }
        }
    }
}
