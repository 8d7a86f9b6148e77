//! What a tile costs when it is in no cache: microseconds a feature, block cache warm.
//!
//! `cargo bench -p kho-tile`; `KHO_BENCH_SIDE=1000` for a million parcels (the default is 400 × 400).
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kho_access::Principal;
use kho_tile::{TileConfig, TileEngine};
use support::{CELL, CORNER, Town, parcels, tile_at};

fn tiles(c: &mut Criterion) {
    let side: i64 = std::env::var("KHO_BENCH_SIDE").ok().and_then(|s| s.parse().ok()).unwrap_or(400);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (town, snapshot) = runtime.block_on(async {
        let town = Town::new().await.unwrap();
        let layer = town.layer("land_parcel").unwrap();
        let snapshot = town.put("land_parcel", parcels(&layer, side, 0)).await.unwrap();
        (town, snapshot)
    });
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot).unwrap();
    let config = TileConfig { cache_bytes: 0, block_bytes: 4 << 30, max_tile_bytes: usize::MAX };
    let engine = TileEngine::new(town.lake.clone(), config);
    let mut group = c.benchmark_group("tile");
    group.sample_size(10);
    for z in 14..=17u8 {
        let middle = CELL * side as f64 / 2.0;
        let (x, y) = tile_at(z, CORNER.0 + middle, CORNER.1 + middle);
        let features = runtime.block_on(engine.tile(&grant, z, x, y)).unwrap().features;
        group.throughput(Throughput::Elements(features as u64));
        group.bench_function(format!("z{z}"), |b| {
            b.iter(|| runtime.block_on(engine.tile(&grant, z, x, y)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, tiles);
criterion_main!(benches);
