//! Loading a network from the lake, through the door.

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use kho_access::Grant;
use kho_lake::{Lake, ReadRequest};

use crate::error::NetworkError;
use crate::model::{Kind, Network};

/// The columns that a network reads, of both layers together: those outside the grant are left
/// out, and what needs them is not checked.
const COLUMNS: &[&str] = &[
    "ma_nut",
    "loai",
    "cao_do_nap",
    "cao_do_day",
    "ma_tuyen",
    "nut_dau",
    "nut_cuoi",
    "duong_kinh",
    "rong",
    "cao",
    "cao_do_dau",
    "cao_do_cuoi",
    "ma_tu",
    "cong_suat_kw",
    "so_lo",
    "ma_den",
    "lo",
    "cong_suat",
];

impl Network {
    /// Builds the network of the grants' snapshot. `nodes` and `edges` are grants for the layers
    /// of [`Kind::layers`], in that order.
    ///
    /// # Errors
    /// When the lake cannot be read, or a column that the joins need is missing or not granted.
    pub async fn load(kind: Kind, lake: &Lake, nodes: &Grant, edges: &Grant) -> Result<Self, NetworkError> {
        let (nodes, edges) = futures::try_join!(read(lake, nodes), read(lake, edges))?;
        tracing::debug!(
            kind = kind.name(),
            nodes = nodes.iter().map(RecordBatch::num_rows).sum::<usize>(),
            edges = edges.iter().map(RecordBatch::num_rows).sum::<usize>(),
            "building network"
        );
        Network::build(kind, &nodes, &edges)
    }
}

async fn read(lake: &Lake, grant: &Grant) -> Result<Vec<RecordBatch>, NetworkError> {
    let columns =
        grant.columns().map(|c| c.name.clone()).filter(|name| COLUMNS.contains(&name.as_str())).collect();
    let request = ReadRequest { window: None, columns: Some(columns), geometry: true, limit: None };
    Ok(lake.read(grant, request).await?.try_collect().await?)
}
