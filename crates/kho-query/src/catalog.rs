//! What may be named in a query: one principal's layers at one snapshot, and the views over them.

use crate::QueryError;
use crate::blocks::Blocks;
use crate::error::names;
use crate::statement;
use crate::table::LayerTable;
use crate::views::{VIEWS, View};
use async_trait::async_trait;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::TableReference;
use datafusion::sql::parser::Statement;
use kho_access::{Policy, Principal};
use kho_lake::{Lake, SnapshotId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The catalog and schema in which bare names are looked up. Nobody needs to write them.
pub(crate) const CATALOG: &str = "kho";
pub(crate) const SCHEMA: &str = "city";

/// One principal's view of the lake at one snapshot. Tables are opened when a query names them.
#[derive(Debug)]
pub(crate) struct Scope {
    pub lake: Lake,
    pub policy: Arc<Policy>,
    pub who: Principal,
    pub snapshot: SnapshotId,
    /// The session that views are planned with.
    template: Arc<SessionState>,
    blocks: Arc<Blocks>,
    /// The tables opened so far, so that a layer named twice is opened once.
    open: Mutex<HashMap<String, Arc<dyn TableProvider>>>,
}

impl Scope {
    pub(crate) fn new(
        lake: Lake,
        policy: Arc<Policy>,
        who: Principal,
        snapshot: SnapshotId,
        template: Arc<SessionState>,
        blocks: Arc<Blocks>,
    ) -> Arc<Self> {
        Arc::new(Self { lake, policy, who, snapshot, template, blocks, open: Mutex::default() })
    }

    /// A session in which this scope's tables, and nothing else, can be named.
    pub(crate) fn session(self: &Arc<Self>) -> Result<SessionState> {
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SCHEMA, Arc::new(ScopeSchema(Arc::clone(self))))?;
        let list = MemoryCatalogProviderList::new();
        list.register_catalog(CATALOG.into(), Arc::new(catalog));
        let mut state = (*self.template).clone();
        state.register_catalog_list(Arc::new(list));
        // Now is now, and functions find the session's options (the CRS engine) from here on.
        state.mark_start_execution();
        Ok(state)
    }

    /// The tables and views there are for this principal, by name.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if the lake cannot be read.
    pub(crate) async fn names(&self) -> Result<Vec<String>, QueryError> {
        let stored = self.lake.layers(self.snapshot).await?;
        let mut all: Vec<String> = self
            .policy
            .grants(&self.who, self.snapshot)
            .iter()
            .map(|g| g.layer().name.clone())
            .filter(|name| stored.iter().any(|s| s.name == *name))
            .collect();
        all.sort();
        for view in VIEWS {
            if self.layers_of(view).is_some_and(|needs| needs.iter().all(|n| all.contains(n))) {
                all.push(view.name.to_owned());
            }
        }
        Ok(all)
    }

    /// Refuses names that this principal cannot see, before planning starts, so that the
    /// message can list those that it can.
    pub(crate) async fn check_names(&self, references: &[TableReference]) -> Result<(), QueryError> {
        let Some(unknown) = references.iter().find(|r| !self.sees(r)) else {
            return Ok(());
        };
        Err(QueryError::UnknownTable {
            name: unknown.to_string(),
            known: names(self.names().await?.into_iter()),
        })
    }

    /// Opens what a query names, so that planning it need not ask the lake's catalog.
    pub(crate) async fn prepare(self: &Arc<Self>, references: &[TableReference]) -> Result<(), QueryError> {
        for reference in references {
            self.table(reference.table()).await?;
        }
        Ok(())
    }

    fn sees(&self, reference: &TableReference) -> bool {
        let TableReference::Bare { table } = reference else {
            return false;
        };
        if statement::TABLE_FUNCTIONS.contains(&table.as_ref()) {
            return true;
        }
        let granted = |layer: &str| self.policy.grant(&self.who, layer, self.snapshot).is_ok();
        match View::find(table) {
            Some(view) => self.layers_of(view).is_some_and(|needs| needs.iter().all(|n| granted(n))),
            None => granted(table),
        }
    }

    /// The layers a view reads, or nothing if it cannot be read at all.
    fn layers_of(&self, view: &View) -> Option<Vec<String>> {
        let statement = self.view_statement(view).ok()?;
        let references = self.template.resolve_table_references(&statement).ok()?;
        Some(references.iter().map(|r| r.table().to_owned()).collect())
    }

    fn view_statement(&self, view: &View) -> Result<Statement, QueryError> {
        statement::parse(&view.sql(self.policy.city().config.srid), false)
    }

    async fn layer(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let Ok(grant) = self.policy.grant(&self.who, name, self.snapshot) else {
            return Ok(None);
        };
        let files = self.lake.files(&grant).await?;
        Ok(Some(Arc::new(LayerTable::new(self.lake.clone(), Arc::clone(&self.blocks), &grant, files))))
    }

    /// Plans a view. Its layers are opened by the same scope, so a view shows nothing that the
    /// principal could not have asked for.
    async fn view(self: &Arc<Self>, view: &View) -> Result<Arc<dyn TableProvider>, QueryError> {
        let statement = self.view_statement(view)?;
        let plan: LogicalPlan = self.session()?.statement_to_plan(statement).await?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    /// The table or view of this name, if there is one for this principal.
    pub(crate) async fn table(
        self: &Arc<Self>,
        name: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        if let Some(table) = self.opened(name) {
            return Ok(Some(table));
        }
        let table = match View::find(name) {
            Some(view) => Some(self.view(view).await?),
            None => self.layer(name).await?,
        };
        if let Some(table) = &table {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.insert(name.to_owned(), Arc::clone(table));
        }
        Ok(table)
    }

    fn opened(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// The scope as DataFusion's schema. It needs the `Arc` itself, to plan views with.
#[derive(Debug)]
struct ScopeSchema(Arc<Scope>);

#[async_trait]
impl SchemaProvider for ScopeSchema {
    fn table_names(&self) -> Vec<String> {
        let scope = &self.0;
        let grants = scope.policy.grants(&scope.who, scope.snapshot);
        grants.iter().map(|g| g.layer().name.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(self.0.table(name).await?)
    }

    fn table_exist(&self, name: &str) -> bool {
        let scope = &self.0;
        View::find(name).is_some() || scope.policy.grant(&scope.who, name, scope.snapshot).is_ok()
    }
}
