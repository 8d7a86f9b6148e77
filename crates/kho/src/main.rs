//! kho: the spatial data warehouse of a city, as one program.

mod args;
mod bake;
mod context;
mod ingest;
mod init;
mod list;
mod manifest;
mod network;
mod progress;
mod query;
mod sample;
mod serve;
mod sources;

use args::{Cli, Command, LayerCommand, TilesCommand};
use clap::Parser;
use context::Context;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose);
    let json = cli.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            if json {
                let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
                eprintln!("{}", serde_json::json!({ "error": error.to_string(), "causes": causes }));
            } else {
                eprintln!("kho: {}", chain(&error));
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.city, cli.json)?;
    match cli.command {
        Command::Init { dir, catalog, synthetic } => {
            init::init(&context, &dir, catalog.as_deref(), synthetic)
        }
        Command::Layer(LayerCommand::New { name, source, crs, source_layer, public }) => {
            init::new_layer(&context, &name, &source, crs, source_layer, public)
        }
        Command::Sample { dir, parcels, seed } => sample::run(&context, &dir, parcels, seed),
        Command::Ingest { layer, sources, all, crs, source_layer, by, bake } => {
            let plan = match (all, layer) {
                (Some(dir), _) => manifest::read(&dir)?,
                (None, Some(layer)) => vec![ingest::Delivery { layer, sources, crs, source_layer }],
                (None, None) => anyhow::bail!("name a layer and its sources, or --all DIR"),
            };
            ingest::run(&context, plan, by, bake)
        }
        Command::Layers { snapshot } => list::layers(&context, snapshot),
        Command::Snapshots => list::snapshots(&context),
        Command::Sources => sources::run(&context),
        Command::Query { sql, format, snapshot, repeat } => {
            query::run(&context, &sql, format, snapshot, repeat)
        }
        Command::Bake { layers, output, format, min_zoom, max_zoom, level, snapshot, full } => {
            let options = bake::options(min_zoom, max_zoom, level, format.into(), full)?;
            // All, or just what is named.
            let composites = layers.is_empty();
            bake::run(&context, &bake::Bake { names: layers, output, options, snapshot, composites })
        }
        Command::Tiles(TilesCommand::Stats { layers }) => bake::stats(&context, &layers),
        Command::Network(command) => network::run(&context, command),
        Command::Serve { listen, public_url, tile_cache_bytes, block_cache_bytes } => {
            serve::run(&context, &listen, public_url, tile_cache_bytes, block_cache_bytes)
        }
    }
}

fn start_log(verbose: u8) {
    let level = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        // martin-core logs what databases say, and their messages quote rows; kho says it in its own words.
        tracing_subscriber::EnvFilter::new(format!(
            "warn,martin_core=off,kho={level},kho_server={level},kho_lake={level},kho_ingest={level}"
        ))
    });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// The causes of an error as one line, without those that only repeat the one before.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// `kho query … | head` is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
