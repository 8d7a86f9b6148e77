//! What the catalog is asked.

use super::{Catalog, Dialect, SCHEMAS};
use crate::bounds::{Bounds, union};
use crate::error::LakeError;
use crate::model::{DataFile, LayerState, Provenance, Snapshot, SnapshotId};
use chrono::{DateTime, NaiveDateTime, Utc};
use std::path::Path;

/// A table at a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct TableAt {
    /// Name and DuckLake type of its columns, in order.
    pub columns: Vec<(String, String)>,
    pub files: Vec<DataFile>,
    pub since: SnapshotId,
}

/// A layer at a snapshot: its table and that of its restricted columns.
#[derive(Debug, Clone)]
pub(crate) struct LayerAt {
    pub main: TableAt,
    pub restricted: Option<TableAt>,
}

impl LayerAt {
    pub fn since(&self) -> SnapshotId {
        let restricted = self.restricted.as_ref().map_or(0, |t| t.since);
        self.main.since.max(restricted)
    }
}

impl TableAt {
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    pub fn bounds(&self) -> Option<Bounds> {
        self.files.iter().fold(None, |all, f| union(all, f.bounds))
    }
}

impl Catalog {
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>, LakeError> {
        let rows = self
            .fetch(
                "SELECT s.snapshot_id, CAST(s.snapshot_time AS VARCHAR), c.author, c.commit_message
                 FROM ducklake_snapshot s LEFT JOIN ducklake_snapshot_changes c
                   ON c.snapshot_id = s.snapshot_id ORDER BY s.snapshot_id",
                &[],
            )
            .await?;
        let mut snapshots = rows
            .iter()
            .map(|row| {
                Ok(Snapshot {
                    id: row.int(0)?,
                    at: time(&row.text(1)?)?,
                    author: row.opt_text(2)?,
                    message: row.opt_text(3)?,
                    layers: Vec::new(),
                })
            })
            .collect::<Result<Vec<_>, LakeError>>()?;
        let changed = self
            .fetch("SELECT snapshot_id, layer FROM kho_provenance ORDER BY snapshot_id, layer", &[])
            .await?;
        for row in &changed {
            let id = row.int(0)?;
            if let Ok(i) = snapshots.binary_search_by_key(&id, |s| s.id) {
                snapshots[i].layers.push(row.text(1)?);
            }
        }
        Ok(snapshots)
    }

    /// Refuses a snapshot that is not there.
    pub async fn require_snapshot(&self, id: SnapshotId) -> Result<(), LakeError> {
        let rows = self.fetch("SELECT 1 FROM ducklake_snapshot WHERE snapshot_id = $1", &[id.into()]).await?;
        if rows.is_empty() {
            return Err(LakeError::NoSnapshot { asked: id, newest: self.newest().await? });
        }
        Ok(())
    }

    /// The state of every layer at a snapshot, by name.
    pub async fn layers(&self, lake: &Path, at: SnapshotId) -> Result<Vec<LayerState>, LakeError> {
        self.require_snapshot(at).await?;
        let names = self
            .fetch(
                "SELECT table_name FROM ducklake_table WHERE schema_id = $1
                   AND begin_snapshot <= $2 AND (end_snapshot IS NULL OR end_snapshot > $2)
                 ORDER BY table_name",
                &[SCHEMAS[0].0.into(), at.into()],
            )
            .await?;
        let mut states = Vec::with_capacity(names.len());
        for row in &names {
            let name = row.text(0)?;
            let Some(layer) = self.layer(lake, &name, at).await? else {
                continue;
            };
            let files = || {
                let restricted = layer.restricted.iter().flat_map(|t| &t.files);
                layer.main.files.iter().chain(restricted)
            };
            states.push(LayerState {
                feature_count: layer.main.rows(),
                file_count: files().count() as u64,
                bytes: files().map(|f| f.bytes).sum(),
                bounds: layer.main.bounds(),
                since_snapshot: layer.since(),
                provenance: self.provenance(&name, layer.since()).await?,
                name,
            });
        }
        Ok(states)
    }

    async fn provenance(&self, layer: &str, since: SnapshotId) -> Result<Option<Provenance>, LakeError> {
        let rows = self
            .fetch(
                "SELECT provenance FROM kho_provenance WHERE layer = $1 AND snapshot_id = $2",
                &[layer.into(), since.into()],
            )
            .await?;
        rows.first().map(|row| Ok(serde_json::from_str(&row.text(0)?)?)).transpose()
    }

    /// A layer at a snapshot; `None` if it has no table then.
    pub async fn layer(&self, lake: &Path, name: &str, at: SnapshotId) -> Result<Option<LayerAt>, LakeError> {
        let [main, restricted] = SCHEMAS;
        Ok(match self.table(lake, main, name, at).await? {
            Some(table) => {
                Some(LayerAt { main: table, restricted: self.table(lake, restricted, name, at).await? })
            }
            None => None,
        })
    }

    async fn table(
        &self,
        lake: &Path,
        (schema, schema_name): (i64, &str),
        name: &str,
        at: SnapshotId,
    ) -> Result<Option<TableAt>, LakeError> {
        let found = self
            .fetch(
                "SELECT table_id FROM ducklake_table WHERE schema_id = $1 AND table_name = $2
                   AND begin_snapshot <= $3 AND (end_snapshot IS NULL OR end_snapshot > $3)",
                &[schema.into(), name.into(), at.into()],
            )
            .await?;
        let Some(row) = found.first() else {
            return Ok(None);
        };
        let id = row.int(0)?;
        let key = [id.into(), at.into()];
        let columns = self
            .fetch(
                "SELECT column_name, column_type FROM ducklake_column WHERE table_id = $1
                   AND begin_snapshot <= $2 AND (end_snapshot IS NULL OR end_snapshot > $2)
                   AND parent_column IS NULL ORDER BY column_order",
                &key,
            )
            .await?;
        let deleted = self
            .fetch(
                "SELECT 1 FROM ducklake_delete_file WHERE table_id = $1
                   AND begin_snapshot <= $2 AND (end_snapshot IS NULL OR end_snapshot > $2)",
                &key,
            )
            .await?;
        if !deleted.is_empty() {
            return Err(LakeError::Damaged(format!(
                "rows of {schema_name}.{name} were deleted by another program at snapshot {at}; ingest the layer again"
            )));
        }
        Ok(Some(TableAt {
            columns: columns
                .iter()
                .map(|row| Ok((row.text(0)?, row.text(1)?)))
                .collect::<Result<_, LakeError>>()?,
            files: self.data_files(lake, schema_name, name, id, at).await?,
            since: self.since(id, at).await?,
        }))
    }

    async fn data_files(
        &self,
        lake: &Path,
        schema: &str,
        name: &str,
        table: i64,
        at: SnapshotId,
    ) -> Result<Vec<DataFile>, LakeError> {
        let rows = self
            .fetch(
                "SELECT f.data_file_id, f.path, f.file_size_bytes, f.record_count, f.footer_size,
                        f.path_is_relative, s.extra_stats
                 FROM ducklake_data_file f
                 LEFT JOIN ducklake_column c ON c.table_id = f.table_id
                   AND c.column_name = 'geometry' AND c.begin_snapshot <= $2
                   AND (c.end_snapshot IS NULL OR c.end_snapshot > $2)
                 LEFT JOIN ducklake_file_column_stats s ON s.data_file_id = f.data_file_id
                   AND s.column_id = c.column_id
                 WHERE f.table_id = $1 AND f.begin_snapshot <= $2
                   AND (f.end_snapshot IS NULL OR f.end_snapshot > $2)
                 ORDER BY f.data_file_id",
                &[table.into(), at.into()],
            )
            .await?;
        let folder = match schema {
            "restricted" => lake.join("restricted"),
            _ => lake.join("data"),
        };
        rows.iter()
            .map(|row| {
                let path = row.text(1)?;
                // Another program may have put a file anywhere; kho follows its own only.
                if row.int(5)? == 0 || Path::new(&path).components().count() != 1 {
                    return Err(LakeError::Damaged(format!(
                        "file {path} of {schema}.{name} does not lie in its folder"
                    )));
                }
                Ok(DataFile {
                    id: row.int(0)?,
                    path: folder.join(name).join(path),
                    bytes: row.int(2)?.unsigned_abs(),
                    rows: row.int(3)?.unsigned_abs(),
                    footer_bytes: row.int(4)?.unsigned_abs(),
                    bounds: row.opt_text(6)?.and_then(|json| bbox(&json)),
                })
            })
            .collect()
    }

    async fn since(&self, table: i64, at: SnapshotId) -> Result<SnapshotId, LakeError> {
        let rows = self
            .fetch(
                "SELECT max(v) FROM (
                   SELECT begin_snapshot AS v FROM ducklake_table WHERE table_id = $1
                   UNION ALL SELECT begin_snapshot FROM ducklake_column WHERE table_id = $1
                   UNION ALL SELECT end_snapshot FROM ducklake_column WHERE table_id = $1
                   UNION ALL SELECT begin_snapshot FROM ducklake_data_file WHERE table_id = $1
                   UNION ALL SELECT end_snapshot FROM ducklake_data_file WHERE table_id = $1
                 ) AS changes WHERE v <= $2",
                &[table.into(), at.into()],
            )
            .await?;
        first(&rows)?.int(0)
    }

    /// A word for the catalog in traces.
    pub fn kind(&self) -> &'static str {
        match self.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgresql",
        }
    }
}

pub(super) fn first(rows: &[super::Row]) -> Result<&super::Row, LakeError> {
    rows.first().ok_or_else(|| LakeError::Damaged("the catalog has no snapshot".into()))
}

fn time(text: &str) -> Result<DateTime<Utc>, LakeError> {
    // DuckDB leaves the fraction's last zeros out, and PostgreSQL all of it when it is zero.
    NaiveDateTime::parse_from_str(text.trim_end_matches("+00"), "%Y-%m-%d %H:%M:%S%.f")
        .map(|t| t.and_utc())
        .map_err(|_| LakeError::Damaged(format!("{text:?} is not a time in UTC")))
}

/// The box in DuckDB's statistics of a geometry column.
fn bbox(json: &str) -> Option<Bounds> {
    let stats: serde_json::Value = serde_json::from_str(json).ok()?;
    let side = |name: &str| stats["bbox"][name].as_f64();
    Some([side("xmin")?, side("ymin")?, side("xmax")?, side("ymax")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_boxes_as_duckdb_writes_them() {
        for text in ["2026-11-21 09:40:08.22094+00", "2026-11-21 09:40:08+00"] {
            assert_eq!(time(text).unwrap().timestamp(), 1_795_254_008);
        }
        assert!(time("yesterday").is_err());
        let json = r#"{"bbox": {"xmin": 109.000000, "xmax": 109.499900, "ymin": 12.000000, "ymax": 12.499900, "zmin": null, "zmax": null, "mmin": null, "mmax": null}, "types": ["point"]}"#;
        assert_eq!(bbox(json), Some([109.0, 12.0, 109.4999, 12.4999]));
        assert_eq!(bbox(r#"{"bbox": {"xmin": null}}"#), None);
    }
}
