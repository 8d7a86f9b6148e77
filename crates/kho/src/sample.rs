//! `kho sample`.

use crate::context::{Context, grouped, shown};
use crate::progress;
use kho_sample::{SampleOptions, Stage, generate};
use std::path::Path;

pub fn run(context: &Context, dir: &Path, parcels: u64, seed: u64) -> anyhow::Result<()> {
    let bar = progress::bar(context.json, "sample".into(), "");
    let report = generate(dir, &SampleOptions { parcels, seed }, &|stage, done, total| {
        bar.set_message(match stage {
            Stage::Ground => "land, water, streets",
            Stage::Parcels => "parcels",
            Stage::Networks => "networks, plans, units",
            Stage::Closing => "closing the files",
        });
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let files: Vec<_> = report
        .files
        .iter()
        .map(|f| serde_json::json!({ "layer": f.layer, "file": f.file, "features": f.features }))
        .collect();
    context.answer(
        &serde_json::json!({ "manifest": report.manifest, "synthetic": true, "files": files }),
        || {
            let mut text = format!(
                "A synthetic Nha Trang in {}: no real person, parcel or plan is in it.\n",
                shown(dir)
            );
            for f in &report.files {
                text += &format!("  {:18} {:>12}  {}\n", f.layer, grouped(f.features), f.file);
            }
            text + &format!("Next: kho init CITY --synthetic; kho --city CITY ingest --all {}", shown(dir))
        },
    )
}
