//! The tile cache under fire: many clients on one cold tile, and commits while a crowd reads.

use anyhow::Context as _;
use kho_e2e::{City, Server, get};
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

const CLIENTS: usize = 200;

/// A figure of /metrics.
fn metric(server: &Server, name: &str) -> anyhow::Result<u64> {
    let text = get(&format!("{}/metrics", server.url))?.text();
    let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ')).context(name.to_owned())?;
    Ok(line.parse::<f64>()? as u64)
}

/// The tiles of WebMercatorQuad at a zoom that hold points of a layer.
fn tiles_with(city: &City, layer: &str, z: u32) -> anyhow::Result<Vec<(u32, u32)>> {
    let n = f64::from(1u32 << z);
    let rows = city.sql(&format!(
        "SELECT ST_X(ST_Centroid(geometry)) AS x, ST_Y(ST_Centroid(geometry)) AS y FROM {layer}"
    ))?;
    let tiles: BTreeSet<(u32, u32)> = rows
        .iter()
        .map(|row| {
            let (lon, lat) = (row["x"].as_f64().unwrap_or_default(), row["y"].as_f64().unwrap_or_default());
            let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n;
            (((lon + 180.0) / 360.0 * n) as u32, y as u32)
        })
        .collect();
    Ok(tiles.into_iter().collect())
}

#[test]
fn two_hundred_clients_on_a_cold_tile_have_it_made_once() -> anyhow::Result<()> {
    let city = City::sample(5_000)?;
    let (x, y) = *tiles_with(&city, "land_parcel", 14)?.first().context("no parcels")?;
    let server = Server::start(&city, &[])?;
    let url = format!("{}/tiles/land_parcel/14/{x}/{y}", server.url);
    let before = metric(&server, "kho_tiles_made_total")?;
    let barrier = Barrier::new(CLIENTS);
    let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| -> anyhow::Result<_> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let reply = get(&url)?;
                    anyhow::ensure!(reply.status == 200, "{}", reply.text());
                    Ok(reply.body)
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().map_err(|_| anyhow::anyhow!("a client died"))?)
            .collect()
    })?;
    assert!(bodies.iter().all(|body| *body == bodies[0]) && !bodies[0].is_empty());
    assert_eq!(metric(&server, "kho_tiles_made_total")? - before, 1);
    Ok(())
}

/// An answer, and the snapshots that were current just before and just after.
struct Seen {
    path: String,
    between: (i64, i64),
    status: u16,
    body: Vec<u8>,
}

fn current(server: &Server) -> anyhow::Result<i64> {
    let id = get(&format!("{}/api/snapshot", server.url))?.json()?["id"].as_i64();
    id.context("no snapshot")
}

/// Departments deliver both layers together, again and again, while four readers fetch tiles of
/// each and of both. Every answer must be, byte for byte, that of one snapshot which was current
/// while it was asked for: neither older nor a mixture.
#[test]
fn commits_during_a_crawl_never_mix_snapshots() -> anyhow::Result<()> {
    let city = City::empty()?;
    let deliveries = [city.deliveries(1_000, 1)?, city.deliveries(1_000, 2)?];
    city.kho(&["ingest", "--all", &deliveries[0].to_string_lossy()])?;
    let mut places = tiles_with(&city, "street_light", 15)?;
    places.truncate(12);
    let server = Server::start(&city, &[])?;
    let done = AtomicBool::new(false);
    let read = &|reader: usize| -> anyhow::Result<Vec<Seen>> {
        let mut seen = Vec::new();
        let names = ["street_light", "drain_node", "street_light,drain_node", "land_parcel"];
        for turn in reader.. {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let ((x, y), name) = (places[turn % places.len()], names[turn % names.len()]);
            let path = format!("/tiles/{name}/15/{x}/{y}");
            let before = current(&server)?;
            let reply = get(&format!("{}{path}", server.url))?;
            let between = (before, current(&server)?);
            seen.push(Seen { path, between, status: reply.status, body: reply.body });
        }
        Ok(seen)
    };
    let seen: Vec<Seen> = std::thread::scope(|scope| -> anyhow::Result<Vec<Seen>> {
        let readers: Vec<_> = (0..4).map(|reader| scope.spawn(move || read(reader))).collect();
        let commits = (0..6).try_for_each(|turn| -> anyhow::Result<()> {
            let dir = deliveries[(turn + 1) % 2].to_string_lossy();
            // Every second one is baked, too: archives come and go under the readers.
            let bake: &[&str] = if turn % 2 == 0 { &["--bake"] } else { &[] };
            city.kho(&[&["ingest", "--all", &dir], bake].concat())?;
            Ok(())
        });
        done.store(true, Ordering::Relaxed);
        commits?;
        let mut all = Vec::new();
        for reader in readers {
            all.extend(reader.join().map_err(|_| anyhow::anyhow!("a reader died"))??);
        }
        Ok(all)
    })?;
    let spans: BTreeSet<(i64, i64)> = seen.iter().map(|s| s.between).collect();
    assert!(seen.len() > 100 && spans.len() > 5, "{} answers, {spans:?}", seen.len());
    let mut pinned = std::collections::HashMap::new();
    for Seen { path, between, status, body } in &seen {
        let mut one = false;
        for id in between.0..=between.1 {
            let url = format!("{}{path}?snapshot={id}", server.url);
            let known = match pinned.entry(url) {
                std::collections::hash_map::Entry::Occupied(e) => e.into_mut(),
                std::collections::hash_map::Entry::Vacant(e) => {
                    let reply = get(e.key())?;
                    e.insert((reply.status, reply.body))
                }
            };
            one |= known.0 == *status && known.1 == *body;
        }
        assert!(one, "{path} between {between:?}: {status}, {} bytes, of no snapshot", body.len());
    }
    Ok(())
}
