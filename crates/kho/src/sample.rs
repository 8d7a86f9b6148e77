//! `kho sample`.

use crate::context::{Context, grouped, shown};
use crate::progress;
use kho_sample::{SampleOptions, generate};
use std::path::Path;

pub fn run(context: &Context, dir: &Path, parcels: u64, seed: u64) -> anyhow::Result<()> {
    let bar = progress::bar(context.json, "sample".into(), "");
    let report = generate(dir, &SampleOptions { parcels, seed }, &|stage, done, total| {
        bar.set_message(stage.to_string());
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    context.answer(&serde_json::to_value(&report)?, || {
        let mut text = format!("A synthetic Nha Trang in {}: no real person, parcel or plan is in it.\n", shown(dir));
        for (layer, count) in &report.counts {
            text += &format!("  {layer:18} {:>12}\n", grouped(*count));
        }
        text + &format!("Next: kho init CITY --synthetic; kho --city CITY ingest --all {}", shown(dir))
    })
}
