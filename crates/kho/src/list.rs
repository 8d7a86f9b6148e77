//! `kho layers` and `kho snapshots`.

use crate::context::{Context, LOCAL, bytes, grouped};
use kho_access::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn layers(context: &Context, snapshot: Option<i64>) -> anyhow::Result<()> {
    let city = Arc::new(context.city()?);
    let lake = context.lake(&city)?;
    let (at, states) = context.wait(async {
        let at = match snapshot {
            Some(at) => at,
            None => lake.current().await?,
        };
        Ok::<_, kho_lake::LakeError>((at, lake.layers(at).await?))
    })?;
    let states: BTreeMap<_, _> = states.into_iter().map(|s| (s.name.clone(), s)).collect();
    let grants = Policy::new(Arc::clone(&city)).grants(&LOCAL, at);
    let rows: Vec<_> = grants
        .iter()
        .map(|grant| {
            let layer = grant.layer();
            let state = states.get(&layer.name);
            serde_json::json!({
                "name": layer.name,
                "title": layer.title,
                "theme": layer.theme,
                "geometry": layer.geometry,
                "published": layer.published,
                "feature_count": state.map_or(0, |s| s.feature_count),
                "file_count": state.map_or(0, |s| s.file_count),
                "bytes": state.map_or(0, |s| s.bytes),
                "since_snapshot": state.map(|s| s.since_snapshot),
                "provenance": state.and_then(|s| s.provenance.as_ref()),
            })
        })
        .collect();
    context.answer(&serde_json::json!({ "snapshot": at, "layers": rows }), || {
        let mut text = format!(
            "{:20} {:>12} {:>12} {:>9}  {:9}  {}\n",
            "layer", "features", "bytes", "snapshot", "published", "title"
        );
        for grant in &grants {
            let layer = grant.layer();
            let state = states.get(&layer.name);
            text += &format!(
                "{:20} {:>12} {:>12} {:>9}  {:9}  {} / {}\n",
                layer.name,
                state.map_or_else(|| "-".into(), |s| grouped(s.feature_count)),
                state.map_or_else(|| "-".into(), |s| bytes(s.bytes)),
                state.map_or_else(|| "-".into(), |s| s.since_snapshot.to_string()),
                if layer.published { "yes" } else { "no" },
                layer.title.vi,
                layer.title.get("en"),
            );
        }
        text + &format!("snapshot {at}")
    })
}

pub fn snapshots(context: &Context) -> anyhow::Result<()> {
    let city = context.city()?;
    let lake = context.lake(&city)?;
    let snapshots = context.wait(lake.snapshots())?;
    context.answer(&serde_json::json!({ "snapshots": snapshots }), || {
        let mut text = format!("{:>4}  {:20}  {:12}  {}\n", "id", "time (UTC)", "by", "what");
        for s in &snapshots {
            text += &format!(
                "{:>4}  {:20}  {:12}  {}\n",
                s.id,
                s.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                s.author.as_deref().unwrap_or("-"),
                s.message.as_deref().unwrap_or("-")
            );
        }
        text
    })
}
