//! A department's PostGIS in the city's catalogue: what is open is served, what is closed is not, a change
//! of the schema is seen, and a database that stops takes nothing with it.

use anyhow::{Context, bail, ensure};
use kho_e2e::{City, Postgres, Reply, Server, get, get_with, python, repo, run};
use serde_json::Value;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// What every value begins with that nobody may see.
const CANARY: &str = "KHONGCOTHAT";
/// In the address, where nothing but the connection may read it.
const PASSWORD: &str = "matkhau7391";
/// A table's name as departments like them, and as an address.
const ODD: (&str, &str) = (r#"nhà ""máy"" 'x'; --"#, "nh%C3%A0%20%22m%C3%A1y%22%20%27x%27%3B%20--");

fn department(postgres: &Postgres) -> anyhow::Result<()> {
    let odd = ODD.0;
    let shape = "ST_SetSRID(ST_MakeLine(ST_Point(109.190, 12.240), ST_Point(109.200, 12.250)), 4326)";
    postgres.psql(&format!(
        r#"CREATE SCHEMA gt; CREATE SCHEMA kin;
           CREATE TABLE gt.duong (gid integer PRIMARY KEY, ten text, chu text, rong numeric, geom geometry(LineString, 32649));
           INSERT INTO gt.duong VALUES (7, 'Trần Phú', '{CANARY}-1', 12.5, ST_Transform({shape}, 32649));
           CREATE INDEX ON gt.duong USING gist (geom); ANALYZE gt.duong;
           CREATE TABLE gt."{odd}" (ma text, geog geography(LineString, 4326));
           INSERT INTO gt."{odd}" VALUES ('{CANARY}-2', {shape}::geography);
           CREATE TABLE gt.khong_srid (geom geometry);
           CREATE TABLE kin.vung (ten text, geom geometry(LineString, 4326));
           INSERT INTO kin.vung VALUES ('{CANARY}-3', {shape});
           CREATE FUNCTION gt.khung(z integer, x integer, y integer, query json) RETURNS bytea LANGUAGE sql STABLE AS $$
               SELECT ST_AsMVT(t, 'khung', 4096, 'geom') FROM (
                   SELECT ST_AsMVTGeom(ST_TileEnvelope(z, x, y), ST_TileEnvelope(z, x, y)) AS geom, z AS zoom) AS t $$;
           CREATE FUNCTION gt.hong(z integer, x integer, y integer) RETURNS bytea LANGUAGE plpgsql AS $$
               BEGIN RAISE EXCEPTION '{CANARY}-4'; END $$;
           CREATE FUNCTION gt.ghi(z integer, x integer, y integer) RETURNS bytea LANGUAGE plpgsql AS $$
               BEGIN INSERT INTO gt.duong (gid) VALUES (z); RETURN ''::bytea; END $$;
           CREATE FUNCTION gt.cham(z integer, x integer, y integer) RETURNS bytea LANGUAGE plpgsql AS $$
               BEGIN PERFORM pg_sleep(30); RETURN ''::bytea; END $$;
           CREATE FUNCTION gt.to_qua(z integer, x integer, y integer) RETURNS bytea LANGUAGE sql AS $$
               SELECT convert_to(repeat('x', 2000000), 'UTF8') $$;
           CREATE FUNCTION gt.kin(z integer, x integer, y integer) RETURNS bytea LANGUAGE sql AS $$
               SELECT convert_to('{CANARY}-5', 'UTF8') $$;"#
    ))?;
    Ok(())
}

fn open(city: &City) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(city.dir().join("kho.toml"))?;
    file.write_all(
        br#"
[[source]]
name = "gt"
title = { vi = "S\u1edf X\u00e2y d\u1ef1ng", en = "Department of Construction" }
published = true
refresh_seconds = 1
max_tile_bytes = 1000000
[source.postgres]
url_env = "KHO_TEST_GT"
schemas = ["gt"]
functions = ["khung", "hong", "ghi", "cham", "to_qua", "khong_co"]
columns = { duong = ["ten", "rong", "moi"] }
timeout_seconds = 2

[[source]]
name = "kin"
title = { vi = "K\u00edn", en = "Closed" }
[source.postgres]
url_env = "KHO_TEST_GT"
schemas = ["kin"]
columns = { vung = ["ten"] }

[[source]]
name = "mat"
title = { vi = "M\u1ea5t", en = "Missing" }
published = true
pmtiles = "khong.pmtiles"
"#,
    )?;
    Ok(())
}

fn tile_of(lon: f64, lat: f64, z: u32) -> String {
    let n = f64::from(1 << z);
    let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0;
    format!("{z}/{}/{}", ((lon + 180.0) / 360.0 * n) as u32, (y * n) as u32)
}

/// A tile as an independent decoder reads it.
fn decoded(reply: &Reply) -> anyhow::Result<Value> {
    ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&reply.body)?;
    let said = run(Command::new(python()).arg(repo().join("tests/clients/tile_json.py")).arg(file.path()))?;
    serde_json::from_str(&said).context(said)
}

fn until(what: &str, done: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if done()? {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("it did not come to this: {what}")
}

fn problem(reply: &Reply, status: u16, code: &str) -> anyhow::Result<()> {
    ensure!(reply.status == status, "{status} wanted: {} {}", reply.status, reply.text());
    ensure!(reply.header("content-type") == Some("application/problem+json"), "{:?}", reply.headers);
    ensure!(reply.json()?["code"] == code, "{}", reply.text());
    ensure!(!reply.text().contains(CANARY) && !reply.text().contains(PASSWORD), "{}", reply.text());
    Ok(())
}

#[test]
fn a_departments_postgis_is_in_the_catalogue() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let postgres = Postgres::start()?;
    department(&postgres)?;
    open(&city)?;
    let address = postgres.url().replace("kho@", &format!("kho:{PASSWORD}@"));
    let server = Server::start(&city, &[("KHO_TEST_GT", address.as_str())])?;
    let ask = |path: &str| get(&format!("{}{path}", server.url));

    // The catalogue: what is published, and nothing of what is not.
    let list = ask("/tiles")?.json()?;
    let names: Vec<&str> =
        list["layers"].as_array().into_iter().flatten().filter_map(|l| l["layer"].as_str()).collect();
    for name in ["gt.duong", "gt.khung", "land_parcel"] {
        ensure!(names.contains(&name), "{name} is missing: {names:?}");
    }
    ensure!(
        !names.iter().any(|n| n.starts_with("kin") || *n == "gt.kin" || *n == "gt.khong_srid"),
        "{names:?}"
    );
    let odd = list["layers"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|l| l["source"] == "gt" && l["layer"].as_str().is_some_and(|n| n.contains("máy")));
    let odd = odd.context("the odd table is missing")?["tilejson"].as_str().context("tilejson")?.to_owned();
    ensure!(odd == format!("{}/tiles/gt.{}", server.url, ODD.1), "{odd}");

    // A table: only what is open, at every zoom, and the id.
    let told = ask("/tiles/gt.duong")?.json()?;
    let fields = told["vector_layers"][0]["fields"].as_object().context("fields")?;
    ensure!(fields.keys().collect::<Vec<_>>() == ["rong", "ten"] && fields["rong"] == "Number", "{fields:?}");
    ensure!((told["bounds"][0].as_f64().context("bounds")? - 109.19).abs() < 0.01, "{told}");
    for z in [0, 5, 7, 14, 18] {
        let reply = ask(&format!("/tiles/gt.duong/{}", tile_of(109.1951, 12.2451, z)))?;
        ensure!(!contains(&reply.body, CANARY), "a closed column at zoom {z}");
        if z == 0 && reply.status == 204 {
            // A kilometre of road is less than a pixel of the world.
            continue;
        }
        let tile = decoded(&reply).with_context(|| format!("zoom {z}"))?;
        let feature = &tile["gt.duong"]["features"][0];
        ensure!(feature["id"] == 7 && feature["properties"]["ten"] == "Trần Phú", "{tile}");
        ensure!(feature["properties"]["rong"] == 12.5, "{tile}");
        ensure!(feature["properties"].as_object().is_some_and(|p| p.len() == 2), "{tile}");
    }
    let here = tile_of(109.1951, 12.2451, 14);
    ensure!(
        ask(&format!("/tiles/gt.duong/{}", tile_of(-60.0, -10.0, 14)))?.status == 204,
        "far away is nothing"
    );
    ensure!(ask("/tiles/gt.duong/23/0/0")?.status == 400);
    let odd = decoded(&get(&format!("{odd}/{here}"))?)?;
    let (_, layer) = odd.as_object().and_then(|o| o.iter().next()).context("a layer")?;
    ensure!(layer["features"][0]["properties"] == serde_json::json!({}), "no column of it is open: {odd}");

    // Validators and encodings as for layers.
    let url = format!("{}/tiles/gt.duong/{here}", server.url);
    let (plain, zipped) = (get(&url)?, get_with(&url, &[("accept-encoding", "gzip")])?);
    ensure!(
        zipped.header("content-encoding") == Some("gzip") && plain.header("etag") != zipped.header("etag")
    );
    let tag = plain.header("etag").context("etag")?;
    ensure!(get_with(&url, &[("if-none-match", tag)])?.status == 304);
    ensure!(plain.header("cache-control") == Some("no-cache"), "{:?}", plain.headers);

    // A function, and layers of the lake beside it in one tile.
    let tile = decoded(&ask(&format!("/tiles/gt.khung/{here}"))?)?;
    ensure!(tile["khung"]["features"][0]["properties"]["zoom"] == 14, "{tile}");
    let row = &city.sql(
        "SELECT ST_X(ST_Centroid(geometry)) AS x, ST_Y(ST_Centroid(geometry)) AS y FROM land_parcel LIMIT 1",
    )?[0];
    let there = tile_of(row["x"].as_f64().context("x")?, row["y"].as_f64().context("y")?, 16);
    let tile = decoded(&ask(&format!("/tiles/land_parcel,gt.khung/{there}"))?)?;
    ensure!(tile["land_parcel"]["features"].as_array().is_some_and(|f| !f.is_empty()), "{tile}");
    ensure!(tile["khung"]["features"].as_array().is_some_and(|f| f.len() == 1), "{tile}");
    let told = ask("/tiles/land_parcel,gt.duong")?.json()?;
    ensure!(told["vector_layers"].as_array().is_some_and(|l| l.len() == 2), "{told}");
    ensure!(ask(&format!("/tiles/gt.duong/{here}?snapshot=1"))?.status == 400, "it has no snapshots");

    // What fails says so, and says nothing else.
    problem(&ask(&format!("/tiles/gt.hong/{here}"))?, 502, "source_failed")?;
    problem(&ask(&format!("/tiles/gt.ghi/{here}"))?, 502, "source_failed")?;
    problem(&ask(&format!("/tiles/gt.cham/{here}"))?, 503, "busy")?;
    problem(&ask(&format!("/tiles/gt.to_qua/{here}"))?, 422, "tile_too_big")?;
    problem(&ask("/tiles/mat/3/0/0")?, 503, "source_down")?;
    ensure!(postgres.psql("SELECT count(*) FROM gt.duong")?.trim() == "1", "a function could write");

    // Closed and missing look the same.
    for path in ["/tiles/NAME", "/tiles/NAME/14/1/1", "/tiles/land_parcel,NAME/14/1/1"] {
        let missing = ask(&path.replace("NAME", "khong_co"))?;
        problem(&missing, 404, "not_found")?;
        for closed in ["kin.vung", "kin", "gt.kin", "gt.khong_co", "gt"] {
            let reply = ask(&path.replace("NAME", closed))?;
            ensure!(reply.status == 404, "{closed}: {} {}", reply.status, reply.text());
            ensure!(reply.text().replace(closed, "khong_co") == missing.text(), "{closed}: {}", reply.text());
        }
    }

    // A new column and a new table.
    ensure!(!fields.contains_key("moi"));
    postgres.psql("ALTER TABLE gt.duong ADD COLUMN moi text DEFAULT 'mới'")?;
    until("the new column is told of", || {
        Ok(ask("/tiles/gt.duong")?.json()?["vector_layers"][0]["fields"]["moi"] == "String")
    })?;
    let tile = decoded(&ask(&format!("/tiles/gt.duong/{here}"))?)?;
    ensure!(tile["gt.duong"]["features"][0]["properties"]["moi"] == "mới", "{tile}");
    postgres.psql("CREATE TABLE gt.cau (id bigint PRIMARY KEY, geom geometry(Point, 4326)); INSERT INTO gt.cau VALUES (3, ST_SetSRID(ST_Point(109.1951, 12.2451), 4326))")?;
    until("the new table is there", || Ok(ask("/tiles/gt.cau")?.status == 200))?;
    let tile = decoded(&ask(&format!("/tiles/gt.cau/{here}"))?)?;
    ensure!(tile["gt.cau"]["features"][0]["id"] == 3, "{tile}");
    postgres.psql("DROP TABLE gt.cau")?;
    until("the dropped table is gone", || Ok(ask("/tiles/gt.cau")?.status == 404))?;

    // The operator's view, in which nothing of the address is.
    let said = run(city.command(&["sources", "--json"]).env("KHO_TEST_GT", &address))?;
    ensure!(!said.contains(PASSWORD) && !said.contains("127.0.0.1"), "{said}");
    let said: Value = serde_json::from_str(&said)?;
    let source = |name: &str| said["sources"].as_array().into_iter().flatten().find(|s| s["name"] == name);
    let gt = source("gt").context("gt")?;
    ensure!(gt["problem"].is_null() && gt["published"] == true, "{gt}");
    let notes = gt["notes"].to_string();
    ensure!(notes.contains("khong_srid") && notes.contains("khong_co"), "{notes}");
    ensure!(source("kin").context("kin")?["published"] == false);
    ensure!(source("mat").context("mat")?["problem"].is_string());
    let unset = city.kho(&["sources"])?.to_string();
    ensure!(unset.contains("KHO_TEST_GT") && unset.contains("not set"), "{unset}");

    // The database stops: its tiles are refused, and everything else goes on.
    postgres.stop()?;
    until("the source is down", || Ok(ask(&format!("/tiles/gt.duong/{here}"))?.status == 503))?;
    problem(&ask(&format!("/tiles/gt.duong/{here}"))?, 503, "source_down")?;
    problem(&ask("/tiles/gt.duong")?, 503, "source_down")?;
    let health = ask("/health")?;
    ensure!(health.status == 200 && !health.text().contains("\"kin\""), "{}", health.text());
    let sources = health.json()?["sources"].clone();
    ensure!(
        sources.as_array().into_iter().flatten().any(|s| s["name"] == "gt" && s["status"] == "down"),
        "{sources}"
    );
    ensure!(ask(&format!("/tiles/land_parcel/{there}"))?.status == 200);
    ensure!(ask("/tiles")?.text().contains("gt.duong"), "it is still listed");
    let metrics = ask("/metrics")?.text();
    ensure!(
        metrics.contains("kho_source_up{source=\"gt\"} 0") && !metrics.contains("source=\"kin\""),
        "{metrics}"
    );

    // It comes back by itself.
    postgres.resume()?;
    until("the source is back", || Ok(ask(&format!("/tiles/gt.duong/{here}"))?.status == 200))?;
    Ok(())
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|w| w == word.as_bytes())
}
