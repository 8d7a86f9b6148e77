//! The one transaction that makes a snapshot.

use super::query::first;
use super::{Catalog, Param, SCHEMAS, Session, now};
use crate::error::LakeError;
use crate::model::SnapshotId;
use crate::write::stats::{ColumnStats, merge};

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
            change.replace(&mut session, main, &layer.name, &layer.main).await?;
            match &layer.restricted {
                Some(table) => {
                    change.replace(&mut session, restricted, &layer.name, table).await?;
                }
                None => change.drop_table(&mut session, restricted.0, &layer.name).await?,
            }
            session
                .execute(
                    "INSERT INTO kho_provenance VALUES ($1, $2, $3)",
                    &[change.id.into(), layer.name.as_str().into(), layer.provenance.as_str().into()],
                )
                .await?;
        }
        let id = change.finish(&mut session, last.int(1)?, info).await?;
        session.commit().await?;
        Ok(id)
    }
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

    async fn create(
        &mut self,
        session: &mut Session,
        schema: i64,
        schema_name: &str,
        name: &str,
        columns: &[TableColumn],
    ) -> Result<i64, LakeError> {
        let id = self.next_catalog_id;
        self.next_catalog_id += 1;
        let uuid = self.catalog.dialect().cast("$2", "uuid");
        session
            .execute(
                &format!("INSERT INTO ducklake_table VALUES ($1, {uuid}, $3, NULL, $4, $5, $6, TRUE)"),
                &[
                    id.into(),
                    uuid::Uuid::now_v7().to_string().as_str().into(),
                    self.id.into(),
                    schema.into(),
                    name.into(),
                    format!("{name}/").as_str().into(),
                ],
            )
            .await?;
        for (order, column) in (1..).zip(columns) {
            self.add_column(session, id, order, column).await?;
        }
        self.made.push(format!(r#"created_table:"{schema_name}"."{name}""#));
        self.reshaped.push(id);
        Ok(id)
    }

    async fn add_column(
        &self,
        session: &mut Session,
        table: i64,
        order: i64,
        column: &TableColumn,
    ) -> Result<(), LakeError> {
        session
            .execute(
                "INSERT INTO ducklake_column VALUES
                 ($1, $2, NULL, $3, $4, $5, $6, NULL, 'NULL', $7, NULL, 'literal', 'duckdb')",
                &[
                    column.id.into(),
                    self.id.into(),
                    table.into(),
                    order.into(),
                    column.name.as_str().into(),
                    column.ty.as_str().into(),
                    column.nullable.into(),
                ],
            )
            .await?;
        Ok(())
    }

    /// Gives a table the columns of the layer's definition, if it has others. All its files are
    /// replaced in the same snapshot, so no file has to be read under two definitions.
    async fn reshape(
        &mut self,
        session: &mut Session,
        table: i64,
        wanted: &[TableColumn],
    ) -> Result<(), LakeError> {
        let rows = session
            .fetch(
                "SELECT column_id, column_name, column_type, nulls_allowed, column_order
                 FROM ducklake_column WHERE table_id = $1 AND end_snapshot IS NULL",
                &[table.into()],
            )
            .await?;
        let mut present = Vec::with_capacity(rows.len());
        for row in &rows {
            let column = TableColumn {
                id: row.int(0)?,
                name: row.text(1)?,
                ty: row.text(2)?,
                nullable: row.int(3)? != 0,
            };
            present.push((row.int(4)?, column));
        }
        let wanted: Vec<_> = (1..).zip(wanted.iter().cloned()).collect();
        let mut changed = false;
        for (_, column) in present.iter().filter(|c| !wanted.contains(c)) {
            changed = true;
            session
                .execute(
                    "UPDATE ducklake_column SET end_snapshot = $1
                     WHERE table_id = $2 AND column_id = $3 AND end_snapshot IS NULL",
                    &[self.id.into(), table.into(), column.id.into()],
                )
                .await?;
        }
        for (order, column) in wanted.iter().filter(|c| !present.contains(c)) {
            changed = true;
            self.add_column(session, table, *order, column).await?;
        }
        if changed {
            self.made.push(format!("altered_table:{table}"));
            self.reshaped.push(table);
        }
        Ok(())
    }

    /// Ends all files of a table; whether it had any.
    async fn end_files(&self, session: &mut Session, table: i64) -> Result<bool, LakeError> {
        let mut ended = 0;
        for kind in ["data", "delete"] {
            ended += session
                .execute(
                    &format!(
                        "UPDATE ducklake_{kind}_file SET end_snapshot = $1
                         WHERE table_id = $2 AND end_snapshot IS NULL"
                    ),
                    &[self.id.into(), table.into()],
                )
                .await?;
        }
        Ok(ended > 0)
    }

    /// Ends a table, if it is there.
    async fn drop_table(&mut self, session: &mut Session, schema: i64, name: &str) -> Result<(), LakeError> {
        let Some(id) = find_table(session, schema, name).await? else {
            return Ok(());
        };
        self.end_files(session, id).await?;
        for kind in ["column", "table"] {
            session
                .execute(
                    &format!(
                        "UPDATE ducklake_{kind} SET end_snapshot = $1
                         WHERE table_id = $2 AND end_snapshot IS NULL"
                    ),
                    &[self.id.into(), id.into()],
                )
                .await?;
        }
        self.made.push(format!("dropped_table:{id}"));
        self.reshaped.push(id);
        Ok(())
    }

    async fn add_files(
        &mut self,
        session: &mut Session,
        table: i64,
        write: &TableWrite,
    ) -> Result<(), LakeError> {
        let known = session
            .fetch("SELECT next_row_id FROM ducklake_table_stats WHERE table_id = $1", &[table.into()])
            .await?;
        let mut row_id = known.first().map_or(Ok(0), |row| row.int(0))?;
        for file in &write.files {
            let id = self.next_file_id;
            self.next_file_id += 1;
            session
                .execute(
                    "INSERT INTO ducklake_data_file VALUES
                     ($1, $2, $3, NULL, NULL, $4, TRUE, 'parquet', $5, $6, $7, $8, NULL, NULL, NULL, NULL)",
                    &[
                        id.into(),
                        table.into(),
                        self.id.into(),
                        file.name.as_str().into(),
                        int(file.rows),
                        int(file.bytes),
                        int(file.footer_bytes),
                        row_id.into(),
                    ],
                )
                .await?;
            row_id = row_id.saturating_add_unsigned(file.rows);
            for (column, stats) in write.columns.iter().zip(&file.stats) {
                add_file_stats(session, id, table, column, stats).await?;
            }
        }
        let rows = write.files.iter().map(|f| f.rows).sum();
        let bytes = write.files.iter().map(|f| f.bytes).sum();
        let params = [table.into(), int(rows), row_id.into(), int(bytes)];
        let sql = if known.is_empty() {
            "INSERT INTO ducklake_table_stats VALUES ($1, $2, $3, $4)"
        } else {
            "UPDATE ducklake_table_stats SET record_count = $2, next_row_id = $3,
             file_size_bytes = $4 WHERE table_id = $1"
        };
        session.execute(sql, &params).await?;
        for (i, column) in write.columns.iter().enumerate() {
            let new = write.files.iter().filter_map(|f| f.stats.get(i));
            self.widen_table_stats(session, table, column, new.cloned()).await?;
        }
        Ok(())
    }

    /// A table's statistics cover all its snapshots, as a reader of an old one has no others: they
    /// only ever widen.
    async fn widen_table_stats(
        &self,
        session: &mut Session,
        table: i64,
        column: &TableColumn,
        new: impl Iterator<Item = ColumnStats>,
    ) -> Result<(), LakeError> {
        let key = [table.into(), column.id.into()];
        let rows = session
            .fetch(
                "SELECT contains_null, contains_nan, min_value, max_value, extra_stats
                 FROM ducklake_table_column_stats WHERE table_id = $1 AND column_id = $2",
                &key,
            )
            .await?;
        let old = rows.first().map(ColumnStats::from_table_row).transpose()?;
        let Some(stats) = old.into_iter().chain(new).reduce(|a, b| merge(&column.ty, a, b)) else {
            return Ok(());
        };
        let params = [
            table.into(),
            column.id.into(),
            Param::OptBool(stats.nulls.map(|n| n > 0)),
            Param::OptBool(stats.nan),
            Param::OptText(stats.min.clone()),
            Param::OptText(stats.max.clone()),
            Param::OptText(stats.extra()),
        ];
        let sql = if rows.is_empty() {
            "INSERT INTO ducklake_table_column_stats VALUES ($1, $2, $3, $4, $5, $6, $7)"
        } else {
            "UPDATE ducklake_table_column_stats SET contains_null = $3, contains_nan = $4,
             min_value = $5, max_value = $6, extra_stats = $7
             WHERE table_id = $1 AND column_id = $2"
        };
        session.execute(sql, &params).await?;
        Ok(())
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

async fn find_table(session: &mut Session, schema: i64, name: &str) -> Result<Option<i64>, LakeError> {
    let rows = session
        .fetch(
            "SELECT table_id FROM ducklake_table
             WHERE schema_id = $1 AND table_name = $2 AND end_snapshot IS NULL",
            &[schema.into(), name.into()],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}

async fn add_file_stats(
    session: &mut Session,
    file: i64,
    table: i64,
    column: &TableColumn,
    stats: &ColumnStats,
) -> Result<(), LakeError> {
    session
        .execute(
            "INSERT INTO ducklake_file_column_stats VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                file.into(),
                table.into(),
                column.id.into(),
                int(stats.bytes),
                Param::OptInt(stats.values.map(|v| v as i64)),
                Param::OptInt(stats.nulls.map(|v| v as i64)),
                Param::OptText(stats.min.clone()),
                Param::OptText(stats.max.clone()),
                Param::OptBool(stats.nan),
                Param::OptText(stats.extra()),
            ],
        )
        .await?;
    Ok(())
}

/// Counts and sizes never reach 2⁶³.
fn int(count: u64) -> Param {
    Param::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
