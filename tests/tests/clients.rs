//! Clients that other people wrote read what kho serves and keeps.

use anyhow::Context;
use kho_e2e::{City, Server, get, python, repo, run};
use serde_json::Value;
use std::process::Command;

/// GDAL's OAPIF driver pages through a whole collection.
#[test]
fn gdal_reads_a_collection_completely() -> anyhow::Result<()> {
    let city = City::sample(3_000)?;
    let server = Server::start(&city, &[])?;
    for (layer, least) in [("land_parcel", 3_000), ("street_light", 1), ("drain_pipe", 1), ("admin_unit", 4)]
    {
        let rows = city.sql(&format!("SELECT count(*) AS n, count(DISTINCT kho_id) AS ids FROM {layer}"))?;
        let want = rows[0]["n"].as_u64().context("count")?;
        assert!(want >= least, "{layer}: {want}");
        let out = city.dir().join(format!("{layer}.fgb"));
        run(Command::new("ogr2ogr")
            .args(["-f", "FlatGeobuf"])
            .arg(&out)
            .arg(format!("OAPIF:{}/ogc", server.url))
            .arg(layer)
            .args(["-oo", "PAGE_SIZE=700"]))?;
        let info = run(Command::new("ogrinfo").args(["-ro", "-so", "-al"]).arg(&out))?;
        assert!(info.contains(&format!("Feature Count: {want}")), "{layer}: {want} wanted\n{info}");
    }
    // A window answers what the window holds: counted by Sedona on one side, GDAL on the other.
    let b =
        &get(&format!("{}/ogc/collections/land_parcel", server.url))?.json()?["extent"]["spatial"]["bbox"][0];
    let f = |i: usize| b[i].as_f64().unwrap_or_default();
    let window = [f(0), f(1), (f(0) + f(2)) / 2.0, (f(1) + f(3)) / 2.0].map(|v| v.to_string());
    let info = run(Command::new("ogrinfo")
        .args(["-ro", "-so", "-spat", &window[0], &window[1], &window[2], &window[3]])
        .arg(format!("OAPIF:{}/ogc", server.url))
        .arg("land_parcel"))?;
    let inside = city.sql(&format!(
        "SELECT count(*) AS n FROM land_parcel WHERE ST_Intersects(geometry, ST_GeomFromText('POLYGON(({0} {1},{2} {1},{2} {3},{0} {3},{0} {1}))', 4326))",
        window[0], window[1], window[2], window[3]
    ))?[0]["n"]
        .clone();
    assert!(info.contains(&format!("Feature Count: {inside}")), "{inside} wanted\n{info}");
    Ok(())
}

/// GDAL's OGCAPI driver finds a collection's tiles by their links, and every parcel in them.
#[test]
fn gdal_reads_tiles_by_their_links() -> anyhow::Result<()> {
    let city = City::sample(3_000)?;
    let server = Server::start(&city, &[])?;
    let collection = format!("{}/ogc/collections/land_parcel", server.url);
    let out = run(Command::new(python())
        .arg(repo().join("tests/clients/ogcapi_tiles.py"))
        .arg(format!("OGCAPI:{collection}")))?;
    let read: Value = serde_json::from_str(&out).context(out)?;
    // Zooms 10 (the overviews) to 16 of WebMercatorQuad are 9 to 15 of WorldCRS84Quad, which the driver
    // likes best.
    let zooms: Vec<String> = (9..=15).map(|z| format!("Zoom level {z}")).collect();
    assert_eq!(read["layers"], serde_json::json!(zooms), "{read}");
    let ids = city.sql("SELECT count(DISTINCT kho_id) AS ids FROM land_parcel")?[0]["ids"].clone();
    assert_eq!(read["ids"], ids);
    let bbox = &get(&collection)?.json()?["extent"]["spatial"]["bbox"][0];
    for i in 0..4 {
        let (found, wanted) = (read["bounds"][i].as_f64(), bbox[i].as_f64());
        let off = found.zip(wanted).map(|(f, w)| (f - w).abs()).context("bounds")?;
        // A grid unit of the last zoom.
        assert!(off < 360.0 / 65_536.0 / 4096.0, "{read} {bbox}");
    }
    Ok(())
}

/// DuckDB attaches the lake with no kho running, and reads every snapshot back.
#[test]
fn duckdb_reads_every_snapshot() -> anyhow::Result<()> {
    let city = City::empty()?;
    for (parcels, seed) in [(1_000, 1), (1_400, 2), (800, 3)] {
        let dir = city.deliveries(parcels, seed)?;
        city.kho(&["ingest", "--all", &dir.to_string_lossy()])?;
    }
    // The city has moved since: paths in the catalog are relative.
    let moved = tempfile::tempdir()?;
    let lake = moved.path().join("lake");
    run(Command::new("cp").arg("-r").arg(city.dir().join("lake")).arg(&lake))?;
    let out = run(Command::new(python())
        .arg(repo().join("tests/clients/duckdb_read.py"))
        .arg(lake.join("catalog.sqlite"))
        .arg(lake.join("data"))
        .arg(moved.path().join("geometries")))?;
    let read: Value = serde_json::from_str(&out).context(out)?;

    let snapshots = city.kho(&["snapshots"])?;
    let (mut compared, mut geometries) = (0, 0);
    for snapshot in snapshots["snapshots"].as_array().into_iter().flatten() {
        let id = snapshot["id"].to_string();
        for layer in city.kho(&["layers", "--snapshot", &id])?["layers"].as_array().into_iter().flatten() {
            let name = layer["name"].as_str().context("name")?;
            if layer["feature_count"] == 0 {
                continue;
            }
            let duck = &read[&id][format!("main.{name}")];
            assert_eq!(duck["count"], layer["feature_count"], "snapshot {id}, {name}: {duck}");
            assert_eq!(duck["geometries"], duck["count"], "snapshot {id}, {name}");
            assert_eq!(duck["ids"], duck["count"], "snapshot {id}, {name}: ids are unique");
            // Every geometry, byte by byte: what kho's engine reads and what DuckDB does.
            let sql = format!(
                "SELECT kho_id, encode(ST_AsBinary(geometry), 'hex') AS wkb FROM {name} ORDER BY kho_id"
            );
            let ours = run(&mut city.command(&["query", &sql, "--snapshot", &id, "--format", "csv"]))?;
            let path = moved.path().join("geometries").join(&id).join(format!("{name}.csv"));
            let theirs = std::fs::read_to_string(&path).context(format!("{}", path.display()))?;
            let other = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
            assert_eq!(other, None, "snapshot {id}, {name}: kho and DuckDB");
            assert_eq!(ours.lines().count(), theirs.lines().count(), "snapshot {id}, {name}");
            assert_eq!(Some(ours.lines().count() as u64 - 1), layer["feature_count"].as_u64());
            geometries += ours.lines().count() - 1;
            compared += 1;
        }
        if read[&id]["main.land_parcel"]["count"].as_u64().unwrap_or(0) > 0 {
            assert_eq!(
                read[&id]["restricted.land_parcel"]["count"], read[&id]["main.land_parcel"]["count"],
                "snapshot {id}"
            );
        }
    }
    assert!(compared >= 30, "{compared}");
    assert!(geometries > 3_200, "{geometries}: more than the parcels");
    Ok(())
}

/// Chromium renders the pages with no console error and no request off loopback.
#[test]
fn chromium_renders_the_pages() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let shots = tempfile::tempdir()?;
    let said = run(Command::new("node")
        .arg(repo().join("tests/clients/pages.mjs"))
        .arg(&server.url)
        .arg(shots.path())
        .current_dir(repo().join("web")))?;
    println!("{said}");
    Ok(())
}

/// Every style is valid by the specification's own validator.
#[test]
fn styles_are_valid() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let arcgis =
        |service: &str| format!("arcgis/rest/services/{service}/VectorTileServer/resources/styles/root.json");
    for style in [
        "styles/portal.json".to_owned(),
        "styles/portal.json?tiles=mlt".to_owned(),
        "styles/ioc.json".to_owned(),
        "styles/infrastructure.json".to_owned(),
        arcgis("portal"),
        arcgis("drain_pipe"),
    ] {
        let path = city.dir().join(style.replace('/', "-"));
        std::fs::write(&path, get(&format!("{}/{style}", server.url))?.body)?;
        run(Command::new(repo().join("web/node_modules/.bin/gl-style-validate")).arg(&path))
            .context(style)?;
    }
    Ok(())
}

/// Every tile decodes in two independent decoders to the same, and is valid: commands, winding, GEOS. As MLT
/// it decodes in MapLibre's decoder to the same again.
#[test]
fn every_tile_is_valid() -> anyhow::Result<()> {
    let city = City::sample(2_000)?;
    let server = Server::start(&city, &[])?;
    let said = run(Command::new(python())
        .arg(repo().join("tests/clients/tiles_valid.py"))
        .arg(&server.url)
        .args(["land_parcel", "planning_zone", "admin_unit", "drain_pipe", "street_light"])
        .args(["--zooms", "8-16", "--most", "200", "--jobs", "2", "--mlt"]))?;
    let report: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    println!("{report:#}");
    assert_eq!(report["faults"], 0, "{report:#}");
    for (layer, zooms) in report["layers"].as_object().into_iter().flatten() {
        for (zoom, row) in zooms.as_object().into_iter().flatten() {
            assert_eq!(row["mlt_tiles"], row["tiles"], "{layer} z{zoom}: {row}");
        }
    }
    // From z14 on nothing is left out.
    for zoom in ["14", "15", "16"] {
        assert_eq!(report["layers"]["land_parcel"][zoom]["ids"], 2_000, "z{zoom}: {report:#}");
    }
    Ok(())
}

/// No gap, no overlap and no sliver between neighbours of a fabric, at any zoom.
#[test]
fn fabrics_fit_in_their_tiles() -> anyhow::Result<()> {
    let city = City::sample(2_000)?;
    let server = Server::start(&city, &[])?;
    let said = run(Command::new(python())
        .arg(repo().join("tests/clients/fabric.py"))
        .arg(&server.url)
        .args(["admin_unit", "planning_zone", "land_parcel", "--by", "ma_ho_so"])
        .args(["--zooms", "8-16", "--most", "64", "--strict"]))?;
    let report: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    println!("{report:#}");
    for layer in ["admin_unit", "planning_zone", "land_parcel"] {
        let compared = report["layers"][layer]["compared"].as_u64().unwrap_or(0);
        assert!(compared > 0, "{layer}: {report:#}");
    }
    Ok(())
}
