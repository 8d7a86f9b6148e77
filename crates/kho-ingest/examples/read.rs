//! Reads a delivery and says what came of it: `read FILE [--crs EPSG:n] [--source-layer NAME]
//! [--layer layers/NAME.toml]`. Without `--layer` the definition is inferred and printed.
#![allow(clippy::print_stdout, reason = "an example for the terminal")]

use kho_ingest::{ReadOptions, infer_layer, read_source};
use kho_layer::LayerDef;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: read FILE [--crs EPSG:n] [--source-layer NAME] [--layer FILE]")?;
    let mut opts = ReadOptions::default();
    let mut layer = None;
    while let (Some(flag), value) = (args.next(), args.next()) {
        match flag.as_str() {
            "--crs" => opts.crs = value,
            "--source-layer" => opts.source_layer = value,
            "--quarantine" => opts.quarantine = value.map(Into::into),
            "--layer" => layer = value,
            _ => return Err(format!("{flag}: unknown").into()),
        }
    }
    let start = Instant::now();
    let layer = match layer {
        Some(file) => LayerDef::parse(&std::fs::read_to_string(&file)?, file.as_ref())?,
        None => {
            let layer = infer_layer("draft", &path, &opts, false)?;
            println!("{}inferred in {:?}\n", layer.to_toml()?, start.elapsed());
            layer
        }
    };
    let start = Instant::now();
    let mut bytes = 0;
    let mut batches = 0;
    let summary = read_source(
        &path,
        &opts,
        &layer,
        &mut |batch| {
            bytes += batch.get_array_memory_size();
            batches += 1;
            Ok(())
        },
        &|_, _| {},
    )?;
    println!("{summary:#?}\n{batches} batches, {} MB, {:?}", bytes >> 20, start.elapsed());
    Ok(())
}
