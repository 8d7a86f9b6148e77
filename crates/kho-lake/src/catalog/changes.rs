//! Which commits changed a layer, and what each of them did.

use super::{Catalog, SCHEMAS, Session};
use crate::change::Recorded;
use crate::error::LakeError;
use crate::model::SnapshotId;
use std::collections::HashMap;

/// Which of a layer's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// The one that has all but the restricted columns.
    Main,
    /// That and its restricted sibling.
    Both,
}

/// The part of a provenance that is read here.
#[derive(Debug, serde::Deserialize)]
struct Envelope {
    changes: Option<Recorded>,
}

impl Catalog {
    /// The commits after one snapshot up to another that changed a layer, the newest first, `limit`
    /// at most. What is not known of a commit (an older kho, another program) is `None`.
    pub async fn commits(
        &self,
        layer: &str,
        tables: Tables,
        after: SnapshotId,
        upto: SnapshotId,
        limit: i64,
    ) -> Result<Vec<(SnapshotId, Option<Recorded>)>, LakeError> {
        let last = match tables {
            Tables::Main => SCHEMAS[0].0,
            Tables::Both => SCHEMAS[1].0,
        };
        // By name, not by table: a table that was dropped and made anew is the same layer.
        let rows = self
            .fetch(
                "SELECT DISTINCT c.v FROM (
                   SELECT table_id, begin_snapshot AS v FROM ducklake_table
                   UNION ALL SELECT table_id, end_snapshot FROM ducklake_table
                   UNION ALL SELECT table_id, begin_snapshot FROM ducklake_column
                   UNION ALL SELECT table_id, end_snapshot FROM ducklake_column
                   UNION ALL SELECT table_id, begin_snapshot FROM ducklake_data_file
                   UNION ALL SELECT table_id, end_snapshot FROM ducklake_data_file
                   UNION ALL SELECT table_id, begin_snapshot FROM ducklake_delete_file
                   UNION ALL SELECT table_id, end_snapshot FROM ducklake_delete_file
                 ) AS c JOIN ducklake_table t ON t.table_id = c.table_id
                 WHERE t.table_name = $1 AND t.schema_id <= $2 AND c.v > $3 AND c.v <= $4
                 ORDER BY c.v DESC LIMIT $5",
                &[layer.into(), last.into(), after.into(), upto.into(), limit.into()],
            )
            .await?;
        let told = self
            .fetch(
                "SELECT snapshot_id, provenance FROM kho_provenance
                 WHERE layer = $1 AND snapshot_id > $2 AND snapshot_id <= $3",
                &[layer.into(), after.into(), upto.into()],
            )
            .await?;
        let mut known = HashMap::with_capacity(told.len());
        for row in &told {
            // What cannot be understood is not known, and everything may have changed.
            if let Ok(Envelope { changes: Some(changes) }) = serde_json::from_str(&row.text(1)?) {
                known.insert(row.int(0)?, changes);
            }
        }
        rows.iter()
            .map(|row| {
                let id = row.int(0)?;
                Ok((id, known.remove(&id)))
            })
            .collect()
    }
}

/// The names of a layer's data files as they are now, main table first; `None` if another program
/// has deleted rows of them.
pub(super) async fn live_files(session: &mut Session, layer: &str) -> Result<Option<Vec<String>>, LakeError> {
    let schemas = SCHEMAS[1].0;
    let deleted = session
        .fetch(
            "SELECT 1 FROM ducklake_delete_file d JOIN ducklake_table t ON t.table_id = d.table_id
             WHERE t.table_name = $1 AND t.schema_id <= $2 AND d.end_snapshot IS NULL LIMIT 1",
            &[layer.into(), schemas.into()],
        )
        .await?;
    if !deleted.is_empty() {
        return Ok(None);
    }
    let rows = session
        .fetch(
            "SELECT f.path FROM ducklake_data_file f JOIN ducklake_table t ON t.table_id = f.table_id
             WHERE t.table_name = $1 AND t.schema_id <= $2
               AND t.end_snapshot IS NULL AND f.end_snapshot IS NULL
             ORDER BY t.schema_id, f.data_file_id",
            &[layer.into(), schemas.into()],
        )
        .await?;
    rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>().map(Some)
}
