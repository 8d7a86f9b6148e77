//! `kho bake` and `kho tiles stats`.

use crate::context::{Context, bytes, grouped};
use crate::progress::bar;
use kho_access::{Grant, Policy, Principal};
use kho_lake::{Area, Lake, LakeError};
use kho_layer::Composite;
use kho_tile::{
    Archive, BakeOptions, BakeReport, BakeStore, Format, Former, TileConfig, TileEngine, ZoomStats,
};
use std::path::{Path, PathBuf};

/// What is to be baked.
pub struct Bake {
    /// Layers and composites; all of both if none is named.
    pub names: Vec<String>,
    pub output: Option<PathBuf>,
    pub options: BakeOptions,
    pub snapshot: Option<i64>,
    /// Whether also the composites that hold one of the layers are baked.
    pub composites: bool,
}

/// What was made of each layer or composite; `None` if it was baked already.
type Reports = Vec<(String, Option<BakeReport>)>;

/// What was baked.
pub struct Baked {
    layers: Reports,
    composites: Reports,
}

impl Baked {
    /// For programs: `{"layers": […], "composites": […]}`.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({"layers": reports(&self.layers), "composites": reports(&self.composites)})
    }

    /// For people.
    pub fn text(&self) -> String {
        let all = self.layers.iter().chain(&self.composites);
        all.map(|(name, report)| line(name, report.as_ref())).collect::<Vec<_>>().join("\n")
    }
}

fn reports(all: &Reports) -> serde_json::Value {
    let each = all.iter().map(|(layer, report)| match report {
        Some(report) => serde_json::json!(report),
        None => serde_json::json!({"layer": layer, "up_to_date": true}),
    });
    each.collect()
}

pub fn run(context: &Context, bake: &Bake) -> anyhow::Result<()> {
    let baked = make(context, bake)?;
    context.answer(&baked.json(), || baked.text())
}

/// Bakes, and tells.
pub fn make(context: &Context, bake: &Bake) -> anyhow::Result<Baked> {
    let pmtiles = bake.output.as_ref().is_some_and(|path| path.extension().is_some_and(|e| e == "pmtiles"));
    anyhow::ensure!(
        bake.options.format == Format::Mvt || pmtiles,
        "MLT is written into PMTiles only: kho bake LAYER --format mlt --output FILE.pmtiles; \
         a server makes MLT from the baked MVT by itself"
    );
    let policy = context.policy()?;
    let lake = context.lake(policy.city())?;
    let engine = TileEngine::new(lake.clone(), TileConfig::default());
    let all = &policy.city().config.bake.composites;
    let named = |c: &&Composite| bake.names.contains(&c.name);
    context.wait(async {
        let layers: Vec<String> =
            bake.names.iter().filter(|name| all.iter().all(|c| c.name != **name)).cloned().collect();
        let mut baked = Baked { layers: Vec::new(), composites: Vec::new() };
        let grants = if layers.is_empty() && !bake.names.is_empty() {
            Vec::new()
        } else {
            grants(&policy, &lake, bake.snapshot, &layers).await?
        };
        for grant in &grants {
            let made = one(context, &lake, &engine, grant, bake).await?;
            baked.layers.push((grant.layer().name.clone(), made));
        }
        let touched = |c: &&Composite| {
            bake.composites && c.layers.iter().any(|l| grants.iter().any(|g| g.layer().name == *l))
        };
        for composite in all.iter().filter(|c| named(c) || touched(c)) {
            match members(&policy, &lake, bake.snapshot, composite).await {
                Ok(grants) => {
                    let made = several(context, &lake, &engine, composite, &grants, bake).await?;
                    baked.composites.push((composite.name.clone(), made));
                }
                Err(error) if named(&composite) => return Err(error),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(baked)
    })
}

/// The layers of a composite that have data, in its order. All of them must be published.
async fn members(
    policy: &Policy,
    lake: &Lake,
    snapshot: Option<i64>,
    composite: &Composite,
) -> anyhow::Result<Vec<Grant>> {
    let at = match snapshot {
        Some(at) => at,
        None => lake.current().await?,
    };
    let mut found = Vec::with_capacity(composite.layers.len());
    for name in &composite.layers {
        let grant = policy.grant(&Principal::Anonymous, name, at).map_err(|_| {
            anyhow::anyhow!(
                "the composite {} is not baked: its layer {name} is not published (published = true in layers/{name}.toml, or take it out in kho.toml)",
                composite.name
            )
        })?;
        match lake.files(&grant).await {
            Ok(_) => found.push(grant),
            Err(LakeError::NoData { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::ensure!(!found.is_empty(), "no layer of the composite {} has data yet", composite.name);
    Ok(found)
}

async fn several(
    context: &Context,
    lake: &Lake,
    engine: &TileEngine,
    composite: &Composite,
    grants: &[Grant],
    bake: &Bake,
) -> anyhow::Result<Option<BakeReport>> {
    anyhow::ensure!(
        bake.output.is_none(),
        "a composite is baked into the city only; --output writes one layer"
    );
    let bar = bar(context.json, composite.name.clone(), "tiles");
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let changed = async |grant: &Grant, since: i64| changed(lake, grant, since).await;
    let grants: Vec<&Grant> = grants.iter().collect();
    let store = BakeStore::in_city(&context.dir);
    let report =
        store.bake_composite(engine, &composite.name, &grants, bake.options, changed, &progress).await?;
    bar.finish_and_clear();
    Ok(report)
}

/// The published layers with data, or the named ones of them.
async fn grants(
    policy: &Policy,
    lake: &Lake,
    snapshot: Option<i64>,
    wanted: &[String],
) -> anyhow::Result<Vec<Grant>> {
    let at = match snapshot {
        Some(at) => at,
        None => lake.current().await?,
    };
    let all = policy.grants(&Principal::Anonymous, at);
    for name in wanted {
        anyhow::ensure!(
            all.iter().any(|g| g.layer().name == *name),
            "no published layer is called {name}: only what everybody may see is baked (published = true in layers/{name}.toml)"
        );
    }
    let mut found = Vec::with_capacity(all.len());
    for grant in all {
        let name = &grant.layer().name;
        if !wanted.is_empty() && !wanted.contains(name) {
            continue;
        }
        match lake.files(&grant).await {
            Ok(_) => found.push(grant),
            Err(LakeError::NoData { .. }) if wanted.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::ensure!(!found.is_empty(), "no published layer has data yet: kho ingest brings it in");
    Ok(found)
}

async fn one(
    context: &Context,
    lake: &Lake,
    engine: &TileEngine,
    grant: &Grant,
    bake: &Bake,
) -> anyhow::Result<Option<BakeReport>> {
    let bar = bar(context.json, grant.layer().name.clone(), "tiles");
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let changed = async |grant: &Grant, since: i64| changed(lake, grant, since).await;
    let report = match &bake.output {
        Some(path) => {
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            anyhow::ensure!(
                ["pmtiles", "mbtiles"].contains(&kind),
                "{} ends neither in .pmtiles nor in .mbtiles, which are what can be written",
                path.display()
            );
            anyhow::ensure!(
                bake.names.len() == 1,
                "one archive holds one layer: kho bake LAYER --output {}",
                path.display()
            );
            let former = match former(path).await {
                Some((archive, since)) if !bake.options.full => {
                    changed(grant, since).await.map(|changed| Former { archive, changed })
                }
                _ => None,
            };
            if kind == "mbtiles" {
                // By way of an archive: one way to make tiles, two to keep them.
                let archive = path.with_extension("mbtiles.pmtiles");
                let report = engine.bake(grant, bake.options, None, &archive, &progress).await?;
                let written = Archive::open(&archive).await?.to_mbtiles(path).await;
                std::fs::remove_file(&archive)?;
                Some(BakeReport { bytes: written?, ..report })
            } else {
                Some(engine.bake(grant, bake.options, former, path, &progress).await?)
            }
        }
        None => {
            let store = BakeStore::in_city(&context.dir);
            store.bake(engine, grant, bake.options, changed, &progress).await?
        }
    };
    bar.finish_and_clear();
    Ok(report)
}

/// The bake that an archive holds now, if kho made it.
async fn former(path: &Path) -> Option<(Archive, i64)> {
    let archive = Archive::open(path).await.ok()?;
    let since = archive.since()?;
    Some((archive, since))
}

/// Where a layer has changed since a snapshot; `None` if that is not known or everywhere.
async fn changed(lake: &Lake, grant: &Grant, since: i64) -> Option<Vec<[f64; 4]>> {
    match lake.changes_since(grant, since).await.ok()?.area {
        Area::Boxes(boxes) => Some(boxes),
        Area::Everywhere => None,
    }
}

fn line(layer: &str, report: Option<&BakeReport>) -> String {
    let Some(report) = report else {
        return format!("{layer:20} is baked already");
    };
    format!(
        "{layer:20} {:>9} tiles, {} made, {:>10}, {:.1} s",
        grouped(report.tiles),
        grouped(report.made),
        bytes(report.bytes),
        report.seconds
    )
}

pub fn stats(context: &Context, layers: &[String]) -> anyhow::Result<()> {
    let policy = context.policy()?;
    let lake = context.lake(policy.city())?;
    let engine = TileEngine::new(lake.clone(), TileConfig::default());
    let store = BakeStore::in_city(&context.dir);
    let found = context.wait(async {
        let mut found: Vec<(String, Option<Vec<ZoomStats>>)> = Vec::new();
        for grant in grants(&policy, &lake, None, layers).await? {
            let archive = store.archive(&engine, &grant).await?;
            let stats = archive.and_then(|archive| archive.stats());
            found.push((grant.layer().name.clone(), stats));
        }
        for composite in policy.city().config.bake.composites.iter().filter(|_| layers.is_empty()) {
            let Ok(grants) = members(&policy, &lake, None, composite).await else { continue };
            let grants: Vec<&Grant> = grants.iter().collect();
            let archive = store.composite(&engine, &composite.name, &grants).await?;
            found.push((composite.name.clone(), archive.and_then(|archive| archive.stats())));
        }
        Ok::<_, anyhow::Error>(found)
    })?;
    anyhow::ensure!(
        found.iter().any(|(_, stats)| stats.is_some()),
        "nothing is baked at the current snapshot: kho bake does it"
    );
    let json: Vec<_> = found
        .iter()
        .map(|(layer, stats)| serde_json::json!({"layer": layer, "baked": stats.is_some(), "zooms": stats}))
        .collect();
    context.answer(&serde_json::json!({ "layers": json }), || table(&found))
}

fn table(found: &[(String, Option<Vec<ZoomStats>>)]) -> String {
    let mut text = format!(
        "{:20} {:>4} {:>9} {:>12} {:>10} {:>10} {:>9} {:>9} {:>11}\n",
        "layer", "zoom", "tiles", "bytes", "mean", "largest", "left out", "merged", "slowest"
    );
    for (layer, zooms) in found {
        let Some(zooms) = zooms else {
            text += &format!("{layer:20} not baked\n");
            continue;
        };
        for z in zooms {
            let [left_out, merged] = [z.left_out_share(), z.merged_share()].map(|share| 100.0 * share);
            text += &format!(
                "{layer:20} {:>4} {:>9} {:>12} {:>10} {:>10} {left_out:>7.2} % {merged:>7.2} % {:>8.1} ms\n",
                z.zoom,
                grouped(z.tiles),
                bytes(z.bytes),
                bytes(z.bytes / z.tiles.max(1)),
                bytes(z.largest_bytes),
                z.slowest_micros as f64 / 1e3,
            );
        }
    }
    text
}

/// The options of a bake from the command line.
pub fn options(
    min_zoom: Option<u8>,
    max_zoom: Option<u8>,
    level: Option<u32>,
    format: Format,
    full: bool,
) -> anyhow::Result<BakeOptions> {
    let standard = BakeOptions::default();
    if let Some(level) = level {
        anyhow::ensure!((1..=12).contains(&level), "gzip levels go from 1 to 12, not {level}");
    }
    let gzip_level = level.unwrap_or(standard.gzip_level);
    Ok(BakeOptions { min_zoom, max_zoom, gzip_level, format, full })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        assert_eq!(options(None, Some(14), Some(1), Format::Mvt, false).unwrap().gzip_level, 1);
        assert!(options(None, None, Some(13), Format::Mvt, false).is_err());
    }
}
