//! kho and PostGIS over the same parcels: the same features, and how long each takes.
//!
//! Needs a PostGIS database to write to, so it runs only when asked:
//! `KHO_TILE_POSTGIS=postgresql://… cargo test --workspace --test it postgis -- --ignored --nocapture`.
//! `KHO_TILE_SIDE=1000` for a million parcels; `KHO_TILE_PAIRS=DIR` keeps the tiles of both as
//! `NAME.kho` and `NAME.pg` for other comparisons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use crate::support::{CELL, CORNER, Fallible, Town, parcels, tile_at};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use fast_mvt::{MvtFeature, MvtReaderRef, MvtValue};
use flate2::read::GzDecoder;
use geo::{Area, BooleanOps, Geometry, MapCoords, MultiPolygon};
use kho_access::{Grant, Principal};
use kho_tile::{TileConfig, TileEngine};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const TILES_A_ZOOM: usize = 12;

fn psql(url: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url]);
    command
}

fn run(url: &str, sql: &str) -> Fallible<String> {
    let mut child = psql(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("stdin")?;
    let sql = sql.to_owned();
    let feed = std::thread::spawn(move || stdin.write_all(sql.as_bytes()));
    let out = child.wait_with_output()?;
    feed.join().map_err(|_| "psql")??;
    if !out.status.success() {
        return Err("psql failed".into());
    }
    Ok(String::from_utf8(out.stdout)?)
}

/// Copies what the grant opens into PostGIS; gives the list of columns.
fn load(url: &str, grant: &Grant, batches: impl Iterator<Item = Fallible<RecordBatch>>) -> Fallible<String> {
    let columns: Vec<&str> = grant.columns().map(|c| c.name.as_str()).collect();
    let mut sql =
        String::from("DROP TABLE IF EXISTS kho_tile_test; CREATE TABLE kho_tile_test (kho_id bigint");
    let mut child = None;
    for batch in batches {
        let batch = batch?;
        if child.is_none() {
            for name in &columns {
                let ty = match batch.column_by_name(name).ok_or("column")?.data_type() {
                    DataType::Int64 => "bigint",
                    DataType::Float64 => "double precision",
                    DataType::Date32 => "date",
                    DataType::Boolean => "boolean",
                    _ => "text",
                };
                sql += &format!(", {name} {ty}");
            }
            run(url, &format!("SET client_min_messages = error; {sql}, geom geometry(Geometry, 4326));"))?;
            let copy = format!(
                "\\copy kho_tile_test (kho_id, {}, geom) FROM STDIN WITH (FORMAT csv)",
                columns.join(", ")
            );
            child = Some(psql(url).args(["-c", &copy]).stdin(Stdio::piped()).spawn()?);
        }
        let options = FormatOptions::new();
        let cells: Vec<_> = std::iter::once("kho_id")
            .chain(columns.iter().copied())
            .map(|name| ArrayFormatter::try_new(batch.column_by_name(name).unwrap(), &options))
            .collect::<Result<_, _>>()?;
        let shapes = batch.column_by_name("geometry").ok_or("geometry")?.as_binary::<i32>();
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for cell in &cells {
                text += &format!("{},", cell.value(row));
            }
            shapes.value(row).iter().for_each(|b| text += &format!("{b:02X}"));
            text.push('\n');
            assert!(shapes.is_valid(row));
        }
        child.as_mut().and_then(|c| c.stdin.as_mut()).ok_or("stdin")?.write_all(text.as_bytes())?;
    }
    let mut child = child.ok_or("no batches")?;
    drop(child.stdin.take());
    assert!(child.wait()?.success());
    run(
        url,
        "ALTER TABLE kho_tile_test ALTER geom TYPE geometry(Geometry, 3857) USING ST_Transform(geom, 3857);
         CREATE INDEX kho_tile_test_geom ON kho_tile_test USING gist (geom);
         CLUSTER kho_tile_test USING kho_tile_test_geom; ANALYZE kho_tile_test;",
    )?;
    Ok(columns.join(", "))
}

fn sql_of(columns: &str, (z, x, y): (u8, u32, u32)) -> String {
    format!(
        "WITH m AS (SELECT ST_AsMVTGeom(geom, ST_TileEnvelope({z},{x},{y}), 4096, 64, true) AS geom, kho_id, {columns}
           FROM kho_tile_test WHERE geom && ST_TileEnvelope({z},{x},{y}, margin => 64.0/4096))
         SELECT ST_AsMVT(m, 'land_parcel', 4096, 'geom', 'kho_id') FROM m WHERE geom IS NOT NULL;\n"
    )
}

fn features(raw: &[u8]) -> Fallible<BTreeMap<u64, MvtFeature>> {
    let tile = MvtReaderRef::new(raw)?.to_tile()?;
    Ok(tile.layers.into_iter().flat_map(|l| l.features).filter_map(|f| Some((f.id?, f))).collect())
}

fn polygons(geometry: &Geometry<i32>) -> MultiPolygon<f64> {
    match geometry.map_coords(|c| geo::Coord { x: f64::from(c.x), y: f64::from(c.y) }) {
        Geometry::Polygon(p) => MultiPolygon(vec![p]),
        Geometry::MultiPolygon(m) => m,
        _ => MultiPolygon(vec![]),
    }
}

fn properties(f: &MvtFeature) -> BTreeMap<&str, String> {
    let text = |v: &MvtValue| match v {
        MvtValue::Double(v) => format!("{}", v.to_bits()),
        other => format!("{other:?}"),
    };
    f.properties.iter().map(|(k, v)| (k.as_str(), text(v))).collect()
}

/// How two tiles differ, in words.
fn differences(ours: &[u8], theirs: &[u8]) -> Fallible<(usize, Vec<String>)> {
    let (ours, theirs) = (features(ours)?, features(theirs)?);
    let mut found = Vec::new();
    for (id, a) in &ours {
        let Some(b) = theirs.get(id) else {
            if !is_sliver(a) {
                found.push(format!("{id} only in kho: {:?}", a.geometry));
            }
            continue;
        };
        if properties(a) != properties(b) {
            found.push(format!("{id}: {:?} is not {:?}", properties(a), properties(b)));
        }
        let (pa, pb) = (polygons(&a.geometry), polygons(&b.geometry));
        let length: f64 = pb.iter().flat_map(|p| p.exterior().lines()).map(|l| l.dx().hypot(l.dy())).sum();
        let moved = pa.xor(&pb).unsigned_area();
        if moved > length {
            found.push(format!("{id}: {moved:.1} square units along {length:.1} differ: {pa:?} {pb:?}"));
        }
    }
    let missing = theirs.iter().filter(|(id, b)| !ours.contains_key(*id) && !is_sliver(b));
    found.extend(missing.map(|(id, b)| format!("{id} only in PostGIS: {:?}", b.geometry)));
    Ok((ours.len(), found))
}

/// Whether a feature is no more than the rounding of an edge: the last unit of a parcel that
/// reaches into the buffer, which one program's cut keeps and the other's drops.
fn is_sliver(f: &MvtFeature) -> bool {
    let p = polygons(&f.geometry);
    let length: f64 = p.iter().flat_map(|p| p.exterior().lines()).map(|l| l.dx().hypot(l.dy())).sum();
    p.unsigned_area() <= length
}

fn unhex(text: &str) -> Fallible<Vec<u8>> {
    let digits = text.trim().trim_start_matches("\\x");
    (0..digits.len()).step_by(2).map(|i| Ok(u8::from_str_radix(&digits[i..i + 2], 16)?)).collect()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[test]
#[ignore = "needs KHO_TILE_POSTGIS"]
fn the_same_features_and_faster() -> Fallible {
    let url = std::env::var("KHO_TILE_POSTGIS")?;
    let side: i64 = std::env::var("KHO_TILE_SIDE").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    let pairs = std::env::var_os("KHO_TILE_PAIRS");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let town = runtime.block_on(Town::new())?;
    let layer = town.layer("land_parcel")?;
    let start = Instant::now();
    let snapshot = runtime.block_on(town.put("land_parcel", parcels(&layer, side, 5)))?;
    println!("{} parcels into the lake: {:.1} s", side * side, start.elapsed().as_secs_f64());
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let columns = load(&url, &grant, parcels(&layer, side, 5))?;
    let config = TileConfig { cache_bytes: 0, block_bytes: 4 << 30, max_tile_bytes: usize::MAX };
    let engine = TileEngine::new(town.lake.clone(), config);
    let mut all_found = Vec::new();
    for z in 14..=17u8 {
        let mut tiles: Vec<(u8, u32, u32)> = (0..TILES_A_ZOOM as i64)
            .map(|n| {
                let at = |k: i64| CELL * side as f64 * (((n * k) % 97) as f64 / 97.0 * 0.9 + 0.05);
                let (x, y) = tile_at(z, CORNER.0 + at(31), CORNER.1 + at(17));
                (z, x, y)
            })
            .collect();
        tiles.sort_unstable();
        tiles.dedup();
        // The features, once; this warms both, too.
        let mut count = 0;
        let (mut raw_bytes, mut gz_bytes) = (0, 0);
        for &tile in &tiles {
            let made = runtime.block_on(engine.tile(&grant, z, tile.1, tile.2))?;
            let mut ours = Vec::new();
            GzDecoder::new(&made.body[..]).read_to_end(&mut ours)?;
            raw_bytes += made.raw_len;
            gz_bytes += made.body.len();
            let theirs = unhex(&run(&url, &sql_of(&columns, tile))?)?;
            let (n, found) = differences(&ours, &theirs)?;
            count += n;
            all_found.extend(found.into_iter().map(|f| format!("z{z}/{}/{} {f}", tile.1, tile.2)));
            if let Some(dir) = &pairs {
                let stem = Path::new(dir).join(format!("{z}-{}-{}", tile.1, tile.2));
                std::fs::write(stem.with_extension("kho"), &ours)?;
                std::fs::write(stem.with_extension("pg"), &theirs)?;
            }
        }
        let sql: String = std::iter::once("SET max_parallel_workers_per_gather = 0;\n".to_owned())
            .chain(tiles.iter().map(|&t| sql_of(&columns, t)))
            .collect();
        let (mut ours, mut theirs) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for &(z, x, y) in &tiles {
                runtime.block_on(engine.tile(&grant, z, x, y))?;
            }
            ours.push(start.elapsed());
            let start = Instant::now();
            run(&url, &sql)?;
            theirs.push(start.elapsed());
        }
        let (ours, theirs) = (median(ours) * 1e6 / count as f64, median(theirs) * 1e6 / count as f64);
        println!(
            "z{z}: {} tiles, {count} features: kho {ours:.2} µs, PostGIS {theirs:.2} µs a feature, ratio {:.3}; {:.0} bytes a feature, {:.0} compressed",
            tiles.len(),
            ours / theirs,
            raw_bytes as f64 / count as f64,
            gz_bytes as f64 / count as f64,
        );
    }
    println!("{:?}", runtime.block_on(engine.stats()));
    assert!(
        all_found.is_empty(),
        "{} differences: {:#?}",
        all_found.len(),
        &all_found[..all_found.len().min(5)]
    );
    Ok(())
}
