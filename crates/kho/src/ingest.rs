//! `kho ingest`: delivered files → one snapshot.

use crate::bake::{self, Bake, Baked};
use crate::context::{Context, bytes, grouped, shown};
use crate::progress;
use anyhow::Context as _;
use kho_ingest::{IngestError, ReadOptions, Summary};
use kho_lake::{Commit, Provenance, SourceFile, WrittenLayer};
use kho_layer::LayerDef;
use kho_tile::BakeOptions;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Batches of this size keep both cores busy and memory low.
const BATCH_ROWS: usize = 16_384;

/// The files of one layer.
#[derive(Debug)]
pub struct Delivery {
    pub layer: String,
    pub sources: Vec<String>,
    pub crs: Option<String>,
    pub source_layer: Option<String>,
}

/// What became of one delivery.
#[derive(Debug, Serialize)]
struct Outcome {
    layer: String,
    features_written: u64,
    repaired: u64,
    quarantined: BTreeMap<String, u64>,
    quarantine_file: Option<PathBuf>,
    warnings: Vec<String>,
    unmapped_columns: Vec<String>,
    seconds: f64,
    sources: Vec<SourceFile>,
}

/// The sums over the sources of one layer.
#[derive(Debug, Default)]
struct Total {
    features_written: u64,
    repaired: u64,
    quarantined: BTreeMap<String, u64>,
    warnings: Vec<String>,
    unmapped: Vec<String>,
}

impl Total {
    /// Adds what came of one source; of `several`, a warning says which it is about.
    fn add(&mut self, one: Summary, several: bool) {
        self.features_written += one.features_written;
        self.repaired += one.repaired;
        for (reason, count) in one.quarantined {
            *self.quarantined.entry(reason).or_default() += count;
        }
        let name = one.source.name;
        let warnings = one.warnings.into_iter();
        self.warnings.extend(warnings.map(|w| if several { format!("{name}: {w}") } else { w }));
        for column in one.unmapped {
            if !self.unmapped.contains(&column) {
                self.unmapped.push(column);
            }
        }
    }
}

pub fn run(context: &Context, plan: Vec<Delivery>, by: Option<String>, bake: bool) -> anyhow::Result<()> {
    let city = context.city()?;
    // Every name is checked before the first file is opened: a typo in the last line of a
    // manifest should not cost the time of all the others.
    let mut deliveries = Vec::new();
    for delivery in plan {
        deliveries.push((Arc::clone(city.require(&delivery.layer)?), delivery));
    }
    let lake = context.lake(&city)?;
    let author = by.unwrap_or_else(login_name);
    let names: Vec<&str> = deliveries.iter().map(|(l, _)| l.name.as_str()).collect();
    let mut commit = lake.begin(&author, &format!("ingest {}", names.join(", ")));

    let start = Instant::now();
    let mut written = Vec::new();
    let mut outcomes = Vec::new();
    for (layer, delivery) in &deliveries {
        let (done, outcome) = one_layer(context, &mut commit, layer, delivery, &author)
            .with_context(|| format!("layer {}", layer.name))?;
        written.push(done);
        outcomes.push(outcome);
    }
    let snapshot = context.wait(commit.finish(written))?;
    let seconds = start.elapsed();
    let baked = if bake { baked(context, &deliveries, snapshot)? } else { None };
    let mut json =
        serde_json::json!({ "snapshot": snapshot, "seconds": seconds.as_secs_f64(), "layers": outcomes });
    if let Some(baked) = &baked {
        let mut done = baked.json();
        json["baked"] = done["layers"].take();
        json["baked_composites"] = done["composites"].take();
    }
    context.answer(&json, || {
        let tiles = baked.iter().map(Baked::text);
        std::iter::once(report(snapshot, seconds, &outcomes)).chain(tiles).collect::<Vec<_>>().join("\n")
    })
}

/// Bakes those of the layers that everybody may see.
fn baked(
    context: &Context,
    deliveries: &[(Arc<LayerDef>, Delivery)],
    snapshot: i64,
) -> anyhow::Result<Option<Baked>> {
    let published = deliveries.iter().filter(|(layer, _)| layer.published);
    let layers: Vec<String> = published.map(|(layer, _)| layer.name.clone()).collect();
    if layers.is_empty() {
        return Ok(None);
    }
    let options = BakeOptions::default();
    let wanted = Bake { names: layers, output: None, options, snapshot: Some(snapshot), composites: true };
    bake::make(context, &wanted)
        .map(Some)
        .context(format!("the layers are in snapshot {snapshot}, but their tiles could not be baked"))
}

fn one_layer(
    context: &Context,
    commit: &mut Commit,
    layer: &Arc<LayerDef>,
    delivery: &Delivery,
    author: &str,
) -> anyhow::Result<(WrittenLayer, Outcome)> {
    let start = Instant::now();
    let mut writer = commit.replace(layer)?;
    let bar = progress::bar(context.json, layer.name.clone(), "features");
    let quarantine = quarantine_path(&context.dir, &layer.name);
    let options = ReadOptions {
        crs: delivery.crs.clone(),
        source_layer: delivery.source_layer.clone(),
        quarantine: Some(quarantine.clone()),
        batch_rows: BATCH_ROWS,
    };
    let mut total = Total::default();
    let mut sources = Vec::new();
    let read = kho_ingest::read_sources(
        &delivery.sources,
        &options,
        layer,
        &mut |batch| writer.write(batch).map_err(IngestError::sink),
        &|done, of| {
            if let Some(of) = of {
                bar.set_length(of);
            }
            bar.set_position(done);
        },
    )
    .map_err(|error| {
        let error = anyhow::Error::from(error);
        if quarantine.exists() {
            error.context(format!("features that cannot be used are in {}", shown(&quarantine)))
        } else {
            error
        }
    })?;
    for one in read {
        sources.push(SourceFile {
            name: one.source.name.clone(),
            sha256: one.source.sha256.clone(),
            bytes: one.source.bytes,
            source_crs: one.source.source_crs.clone(),
            features_read: one.source.features_read,
        });
        total.add(one, delivery.sources.len() > 1);
    }
    bar.set_message(format!("{} → lake", layer.name));
    let provenance = Provenance {
        sources: sources.clone(),
        features_written: total.features_written,
        quarantined: total.quarantined.values().sum(),
        repaired: total.repaired,
        author: author.to_owned(),
        at: chrono::Utc::now(),
    };
    let done = writer.finish(provenance)?;
    bar.finish_and_clear();
    let outcome = Outcome {
        layer: layer.name.clone(),
        features_written: total.features_written,
        repaired: total.repaired,
        quarantine_file: (!total.quarantined.is_empty()).then_some(quarantine),
        quarantined: total.quarantined,
        warnings: total.warnings,
        unmapped_columns: total.unmapped,
        seconds: start.elapsed().as_secs_f64(),
        sources,
    };
    Ok((done, outcome))
}

/// Bad features go back to who can mend them: a file for each layer and second, readable by the
/// city's own user only.
fn quarantine_path(city: &Path, layer: &str) -> PathBuf {
    let now = chrono::Utc::now().format("%Y%m%dT%H%M%S");
    city.join("quarantine").join(format!("{layer}-{now}.geojsonl"))
}

fn login_name() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|v| std::env::var(v).ok().filter(|n| !n.is_empty()))
        .unwrap_or_else(|| "kho".into())
}

fn report(snapshot: i64, took: Duration, outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for o in outcomes {
        let read: u64 = o.sources.iter().map(|s| s.features_read).sum();
        let size: u64 = o.sources.iter().map(|s| s.bytes).sum();
        text += &format!(
            "{}: {} of {} features from {} in {:.1} s\n",
            o.layer,
            grouped(o.features_written),
            grouped(read),
            bytes(size),
            o.seconds
        );
        if o.repaired > 0 {
            text += &format!("  {} repaired\n", grouped(o.repaired));
        }
        for (reason, count) in &o.quarantined {
            text += &format!("  {} quarantined: {reason}\n", grouped(*count));
        }
        if let Some(path) = &o.quarantine_file {
            text += &format!("  they are in {}, ready to mend\n", shown(path));
        }
        if !o.unmapped_columns.is_empty() {
            text += &format!(
                "  columns of the source that the layer does not have, left out: {}\n",
                o.unmapped_columns.join(", ")
            );
        }
        for warning in &o.warnings {
            text += &format!("  warning: {warning}\n");
        }
    }
    text += &format!("snapshot {snapshot} in {:.1} s", took.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_a_layer_are_summed_and_told_apart() {
        let summary = |name: &str, unmapped: &str| Summary {
            source: kho_ingest::SourceFile {
                name: name.into(),
                sha256: String::new(),
                bytes: 1,
                source_crs: "EPSG:9217".into(),
                features_read: 3,
            },
            features_written: 2,
            repaired: 1,
            quarantined: BTreeMap::from([("no geometry".into(), 1)]),
            warnings: vec!["the source has no features".into()],
            unmapped: vec!["OBJECTID".into(), unmapped.into()],
        };
        let mut total = Total::default();
        total.add(summary("a.gpkg", "x"), true);
        total.add(summary("b.gpkg", "y"), true);
        assert_eq!((total.features_written, total.repaired, total.quarantined["no geometry"]), (4, 2, 2));
        assert_eq!(total.unmapped, ["OBJECTID", "x", "y"]);
        assert_eq!(total.warnings[1], "b.gpkg: the source has no features");
    }
}
