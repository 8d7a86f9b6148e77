//! Tiles agree feature by feature with PostGIS on the same data: ids, attributes, and geometry
//! within one grid unit, at five zooms. What that means exactly, and which exceptions there are,
//! is said and checked in `clients/tiles_agree.py`.

use anyhow::{Context, ensure};
use kho_e2e::{City, Postgres, Server, get, python, repo, run};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

const ZOOMS: std::ops::RangeInclusive<u32> = 13..=17;
const TILES_A_ZOOM: usize = 6;

#[test]
fn tiles_agree_with_postgis() -> anyhow::Result<()> {
    let city = City::sample(5_000)?;
    let postgres = Postgres::start()?;
    let server = Server::start(&city, &[("KHO_TILE_CACHE_BYTES", "0")])?;
    let dir = tempfile::tempdir()?;
    let layers = get(&format!("{}/api/layers", server.url))?.json()?;
    let mut pairs = 0;
    for name in ["land_parcel", "planning_zone", "drain_pipe", "drain_node", "street_light"] {
        let layer = layers.as_array().into_iter().flatten().find(|l| l["name"] == name).context("layer")?;
        let columns = load(&city, &postgres, name, layer)?;
        let least = layer["zoom"]["min"].as_u64().context("zoom")?;
        for (z, x, y) in tiles(&city, name)?.into_iter().filter(|t| u64::from(t.0) >= least) {
            let ours = get(&format!("{}/tiles/{name}/{z}/{x}/{y}", server.url))?;
            ensure!(
                ours.status == 200 || ours.status == 204,
                "{name}/{z}/{x}/{y}: {} {}",
                ours.status,
                ours.text()
            );
            // A few units more than the buffer: what is in the tile is for ST_AsMVTGeom to say.
            let around = format!(
                "WITH t AS (SELECT e, 4096 / (ST_XMax(e) - ST_XMin(e)) AS unit FROM ST_TileEnvelope({z},{x},{y}) AS e),
                 c AS (SELECT f.*, t.*, ST_Transform(geometry, 3857) AS plane
                       FROM {name} f, t WHERE geometry && ST_Transform(ST_Expand(e, 70 / unit), 4326))"
            );
            let tile = format!(
                "{around}, m AS (SELECT ST_AsMVTGeom(plane, e, 4096, 64, true) AS geom, {columns} FROM c)
                 SELECT encode(ST_AsMVT(m, '{name}', 4096, 'geom', 'kho_id'), 'hex') FROM m WHERE geom IS NOT NULL"
            );
            let exact = format!(
                "{around} SELECT kho_id || ' ' || encode(ST_AsBinary(
                     ST_Affine(plane, unit, 0, 0, -unit, -ST_XMin(e) * unit, ST_YMax(e) * unit)), 'hex') FROM c"
            );
            let stem = dir.path().join(format!("{name}-{z}-{x}-{y}"));
            std::fs::write(stem.with_extension("kho"), &ours.body)?;
            std::fs::write(stem.with_extension("pg"), hex(postgres.psql(&tile)?.trim())?)?;
            std::fs::write(stem.with_extension("exact"), postgres.psql(&exact)?)?;
            pairs += 1;
        }
    }
    let said = run(Command::new(python()).arg(repo().join("tests/clients/tiles_agree.py")).arg(dir.path()))?;
    println!("{said}");
    let report: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    ensure!(report["tiles"] == pairs, "{pairs} pairs, {report}");
    ensure!(report["features"].as_u64().unwrap_or(0) > 3_000, "too few features to mean anything: {report}");
    ensure!(report["differences"] == 0, "{report}");
    Ok(())
}

/// Copies the public columns of a layer into PostGIS; gives the list of columns.
fn load(city: &City, postgres: &Postgres, name: &str, layer: &Value) -> anyhow::Result<String> {
    let mut columns = vec!["kho_id".to_owned()];
    let mut ddl = vec!["kho_id bigint".to_owned()];
    for column in layer["columns"].as_array().into_iter().flatten() {
        let (name, ty) = (column["name"].as_str().context("name")?, column["type"].as_str().context("type")?);
        let ty = match ty {
            "integer" => "bigint",
            "float" => "double precision",
            "boolean" => "boolean",
            "date" => "date",
            _ => "text",
        };
        columns.push(name.to_owned());
        ddl.push(format!("{name} {ty}"));
    }
    let list = columns.join(", ");
    postgres.psql(&format!("CREATE TABLE {name} ({}, geometry geometry(Geometry, 4326))", ddl.join(", ")))?;
    let csv = run(city
        .command(&["query", &format!("SELECT {list}, geometry FROM {name}"), "--format", "csv"])
        .stderr(Stdio::null()))?;
    let mut child = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &postgres.url(), "-c"])
        .arg(format!("\\copy {name} ({list}, geometry) FROM STDIN WITH (FORMAT csv, HEADER true)"))
        .stdin(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("stdin")?.write_all(csv.as_bytes())?;
    ensure!(child.wait()?.success(), "psql could not load {name}");
    postgres.psql(&format!("CREATE INDEX ON {name} USING gist (geometry); ANALYZE {name}"))?;
    Ok(list)
}

/// Tiles in which there is something, spread over the layer.
fn tiles(city: &City, name: &str) -> anyhow::Result<Vec<(u32, u32, u32)>> {
    let rows = city.sql(&format!(
        "SELECT ST_X(ST_Centroid(geometry)) AS x, ST_Y(ST_Centroid(geometry)) AS y FROM {name} ORDER BY kho_id LIMIT {TILES_A_ZOOM}"
    ))?;
    let mut found = Vec::new();
    for z in ZOOMS {
        let n = f64::from(1 << z);
        for row in &rows {
            let (lon, lat) = (row["x"].as_f64().context("x")?, row["y"].as_f64().context("y")?);
            let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0;
            found.push((z, ((lon + 180.0) / 360.0 * n) as u32, (y * n) as u32));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    (0..text.len()).step_by(2).map(|i| Ok(u8::from_str_radix(&text[i..i + 2], 16)?)).collect()
}
