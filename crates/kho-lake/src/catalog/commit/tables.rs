//! Tables and their columns come, change and go.

use super::super::Session;
use super::{Change, TableColumn};
use crate::error::LakeError;

impl Change<'_> {
    /// Makes a table.
    pub(super) async fn create(
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
    pub(super) async fn reshape(
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

    /// Ends a table, if it is there.
    pub(super) async fn drop_table(
        &mut self,
        session: &mut Session,
        schema: i64,
        name: &str,
    ) -> Result<(), LakeError> {
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
}

/// The table that has this name now.
pub(super) async fn find_table(
    session: &mut Session,
    schema: i64,
    name: &str,
) -> Result<Option<i64>, LakeError> {
    let rows = session
        .fetch(
            "SELECT table_id FROM ducklake_table
             WHERE schema_id = $1 AND table_name = $2 AND end_snapshot IS NULL",
            &[schema.into(), name.into()],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}
