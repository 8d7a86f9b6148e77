//! The one transaction that makes a snapshot.

mod files;
mod tables;

use super::changes::live_files;
use super::query::first;
use super::{Catalog, SCHEMAS, Session, now};
use crate::change::{Compared, Recorded};
use crate::error::LakeError;
use crate::model::SnapshotId;
use crate::write::stats::ColumnStats;
use tables::find_table;

/// Who commits what, and why.
#[derive(Debug, Clone)]
pub(crate) struct CommitInfo {
    pub author: String,
    pub message: String,
}

/// A layer's new contents.
#[derive(Debug, Clone)]
pub(crate) struct LayerWrite {
    pub name: String,
    pub main: TableWrite,
    pub restricted: Option<TableWrite>,
    pub provenance: String,
    /// How it differs from the version that it was compared with.
    pub compared: Option<Compared>,
}

/// A table's new contents.
#[derive(Debug, Clone)]
pub(crate) struct TableWrite {
    pub columns: Vec<TableColumn>,
    pub files: Vec<NewFile>,
}

/// A column as the catalog keeps it. Its id is the Parquet field id in every file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub id: i64,
    pub name: String,
    pub ty: String,
    pub nullable: bool,
}

/// A file that has been written and synced, and lies under its final name.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    pub footer_bytes: u64,
    /// As many as the table's columns.
    pub stats: Vec<ColumnStats>,
}

impl Catalog {
    /// Makes a snapshot in which the layers have their new contents. Commits queue up: each sees
    /// the one before, and as a layer is replaced whole, none can undo half of another.
    pub async fn commit(&self, info: &CommitInfo, layers: &[LayerWrite]) -> Result<SnapshotId, LakeError> {
        let mut session = self.begin().await?;
        session.lock().await?;
        let rows = session
            .fetch(
                "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id
                 FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1",
                &[],
            )
            .await?;
        let last = first(&rows)?;
        let mut change = Change {
            catalog: self,
            id: last.int(0)? + 1,
            next_catalog_id: last.int(2)?,
            next_file_id: last.int(3)?,
            made: Vec::new(),
            reshaped: Vec::new(),
        };
        for layer in layers {
            let [main, restricted] = SCHEMAS;
            let before = live_files(&mut session, &layer.name).await?;
            let reshaped = change.reshaped.len();
            change.replace(&mut session, main, &layer.name, &layer.main).await?;
            match &layer.restricted {
                Some(table) => {
                    change.replace(&mut session, restricted, &layer.name, table).await?;
                }
                None => change.drop_table(&mut session, restricted.0, &layer.name).await?,
            }
            let reshaped = change.reshaped.len() > reshaped;
            let provenance = provenance(layer, before.as_deref(), reshaped)?;
            session
                .execute(
                    "INSERT INTO kho_provenance VALUES ($1, $2, $3)",
                    &[change.id.into(), layer.name.as_str().into(), provenance.as_str().into()],
                )
                .await?;
        }
        let id = change.finish(&mut session, last.int(1)?, info).await?;
        session.commit().await?;
        Ok(id)
    }
}

/// A layer's provenance with what its new contents change, if that is known: the layer must still
/// be the version that they were compared with, and must not have other columns without its
/// definition saying so, for then another program has been at them.
fn provenance(layer: &LayerWrite, before: Option<&[String]>, reshaped: bool) -> Result<String, LakeError> {
    let holds = |c: &&Compared| before == Some(c.files.as_slice()) && (c.changes.reshaped || !reshaped);
    let changes: Option<&Recorded> = layer.compared.as_ref().filter(holds).map(|c| &c.changes);
    let Some(changes) = changes else {
        return Ok(layer.provenance.clone());
    };
    let mut value: serde_json::Value = serde_json::from_str(&layer.provenance)?;
    if let Some(members) = value.as_object_mut() {
        members.insert("changes".to_owned(), serde_json::to_value(changes)?);
    }
    Ok(serde_json::to_string(&value)?)
}

/// The changes of one snapshot, while it is made.
struct Change<'a> {
    catalog: &'a Catalog,
    id: SnapshotId,
    next_catalog_id: i64,
    next_file_id: i64,
    /// DuckLake's list of changes.
    made: Vec<String>,
    /// The tables that were made or got other columns.
    reshaped: Vec<i64>,
}

impl Change<'_> {
    /// Gives a table its new contents, and makes it if it is not there.
    async fn replace(
        &mut self,
        session: &mut Session,
        (schema, schema_name): (i64, &str),
        name: &str,
        table: &TableWrite,
    ) -> Result<(), LakeError> {
        let id = match find_table(session, schema, name).await? {
            Some(id) => {
                self.reshape(session, id, &table.columns).await?;
                if self.end_files(session, id).await? {
                    self.made.push(format!("deleted_from_table:{id}"));
                }
                id
            }
            None => self.create(session, schema, schema_name, name, &table.columns).await?,
        };
        if !table.files.is_empty() {
            self.made.push(format!("inserted_into_table:{id}"));
        }
        self.add_files(session, id, table).await
    }

    async fn finish(
        self,
        session: &mut Session,
        schema_version: i64,
        info: &CommitInfo,
    ) -> Result<SnapshotId, LakeError> {
        let schema_version = schema_version + i64::from(!self.reshaped.is_empty());
        for table in &self.reshaped {
            session
                .execute(
                    "INSERT INTO ducklake_schema_versions VALUES ($1, $2, $3)",
                    &[self.id.into(), schema_version.into(), (*table).into()],
                )
                .await?;
        }
        let time = self.catalog.dialect().cast("$2", "timestamptz");
        session
            .execute(
                &format!("INSERT INTO ducklake_snapshot VALUES ($1, {time}, $3, $4, $5)"),
                &[
                    self.id.into(),
                    now().as_str().into(),
                    schema_version.into(),
                    self.next_catalog_id.into(),
                    self.next_file_id.into(),
                ],
            )
            .await?;
        session
            .execute(
                "INSERT INTO ducklake_snapshot_changes VALUES ($1, $2, $3, $4, NULL)",
                &[
                    self.id.into(),
                    self.made.join(",").as_str().into(),
                    info.author.as_str().into(),
                    info.message.as_str().into(),
                ],
            )
            .await?;
        Ok(self.id)
    }
}
