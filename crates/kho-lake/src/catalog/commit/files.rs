//! A table's files come and go, with the statistics by which readers leave them out.

use super::super::{Param, Session};
use super::{Change, TableColumn, TableWrite};
use crate::error::LakeError;
use crate::write::stats::{ColumnStats, merge};

impl Change<'_> {
    /// Ends all files of a table; whether it had any.
    pub(super) async fn end_files(&self, session: &mut Session, table: i64) -> Result<bool, LakeError> {
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

    /// Adds a table's new files, and what is known of their values.
    pub(super) async fn add_files(
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
