//! Baking with the real binary, under a running server.

use kho_e2e::{City, Reply, Server, get, get_with, python, repo, run};
use std::io::Read as _;
use std::time::{Duration, Instant};

fn unzipped(reply: &Reply) -> anyhow::Result<Vec<u8>> {
    let mut raw = Vec::new();
    match reply.header("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut raw).map(drop)?,
        other => {
            anyhow::ensure!(other.is_none(), "{other:?}");
            raw.clone_from(&reply.body);
        }
    }
    Ok(raw)
}

#[test]
fn a_running_server_takes_up_what_is_baked() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let ask = |etag: Option<&str>, gzip: bool| -> anyhow::Result<Reply> {
        let mut headers = vec![("accept-encoding", if gzip { "gzip" } else { "identity" })];
        headers.extend(etag.map(|tag| ("if-none-match", tag)));
        get_with(&format!("{}/tiles/planning_zone/12/3290/1907", server.url), &headers)
    };
    let fresh = ask(None, true)?;
    anyhow::ensure!(fresh.status == 200 && !fresh.body.is_empty(), "{}: is the city there?", fresh.status);
    let none = city.refused(&["tiles", "stats"])?;
    assert!(none.contains("kho bake"), "{none}");

    let done = city.kho(&["bake"])?;
    let layers = done["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(layers.len() > 5 && layers.iter().all(|l| l["tiles"].as_u64() > Some(0)), "{done}");
    let again = city.kho(&["bake", "land_parcel"])?;
    assert_eq!(again["layers"][0]["up_to_date"], true);

    // A server that runs finds it within seconds; the tile is the same.
    let tag = fresh.header("etag").map(str::to_owned);
    let start = Instant::now();
    let baked = loop {
        let reply = ask(None, true)?;
        if reply.header("etag").map(str::to_owned) != tag {
            break reply;
        }
        anyhow::ensure!(start.elapsed() < Duration::from_secs(30), "the bake is not taken up");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(unzipped(&baked)? == unzipped(&fresh)?, "the same tile");
    assert_eq!(ask(baked.header("etag"), true)?.status, 304);
    assert!(ask(None, false)?.body == unzipped(&fresh)?, "without gzip it is made on demand");

    let stats = city.kho(&["tiles", "stats", "planning_zone"])?;
    let zooms = stats["layers"][0]["zooms"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(zooms.iter().any(|z| z["zoom"] == 12 && z["largest_bytes"].as_u64() > Some(100)), "{stats}");

    // Another snapshot is never answered with the bake of this one.
    let more = city.deliveries(1_500, 7)?;
    city.kho(&["ingest", "--all", &more.to_string_lossy()])?;
    let later = ask(None, true)?;
    assert!(unzipped(&later)? != unzipped(&fresh)?);
    let made = city.kho(&["bake", "planning_zone"])?;
    assert!(made["layers"][0]["made"].as_u64() > Some(0), "{made}");
    assert!(unzipped(&ask(None, true)?)? == unzipped(&later)?);
    Ok(())
}

#[test]
fn bakes_of_what_is_not_published_are_refused() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let path = city.dir().join("layers/street_light.toml");
    let closed = std::fs::read_to_string(&path)?.replace("published = true", "published = false");
    std::fs::write(&path, closed)?;
    let said = city.refused(&["bake", "street_light"])?;
    assert!(said.contains("street_light") && said.contains("published"), "{said}");
    let target = city.dir().join("lamps.zip");
    let said = city.refused(&["bake", "land_parcel", "--output", &target.to_string_lossy()])?;
    assert!(said.contains(".pmtiles"), "{said}");
    let target = city.dir().join("parcels.pmtiles");
    let done =
        city.kho(&["bake", "land_parcel", "--max-zoom", "15", "--output", &target.to_string_lossy()])?;
    assert_eq!(
        done["layers"][0]["zooms"].as_array().and_then(|z| z.last()).map(|z| z["zoom"].clone()),
        Some(15.into())
    );
    assert!(std::fs::read(&target)?.starts_with(b"PMTiles\x03"));

    // In MLT, which PMTiles knows as type 6; not into the city, and not as MBTiles, which have no name for it.
    let mlt = city.dir().join("parcels-mlt.pmtiles");
    fn baked<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["bake", "land_parcel", "--max-zoom", "15", "--format", "mlt"][..], more].concat()
    }
    let written = city.kho(&baked(&["--output", &mlt.to_string_lossy()]))?;
    assert_eq!(written["layers"][0]["tiles"], done["layers"][0]["tiles"]);
    assert_eq!((std::fs::read(&target)?[99], std::fs::read(&mlt)?[99]), (1, 6));
    for more in [&[][..], &["--output", "parcels.mbtiles"]] {
        let said = city.refused(&baked(more))?;
        assert!(said.contains("--output FILE.pmtiles"), "{said}");
    }

    // The same as MBTiles, for GDAL and whoever else reads those.
    let boxed = city.dir().join("parcels.mbtiles");
    city.kho(&["bake", "land_parcel", "--max-zoom", "15", "--output", &boxed.to_string_lossy()])?;
    let seen = run(std::process::Command::new("ogrinfo")
        .args(["-ro", "-so", "-al", "-oo", "ZOOM_LEVEL=15"])
        .arg(&boxed))?;
    assert!(seen.contains("Layer name: land_parcel") && seen.contains("so_thua"), "{seen}");
    let left: Vec<_> = std::fs::read_dir(city.dir())?.flatten().map(|e| e.file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().contains(".part")), "{left:?}");
    Ok(())
}

/// An archive that was renewed after an edit holds what a full bake does, as another reader reads it.
#[test]
fn a_renewed_archive_is_as_good_as_a_new_one() -> anyhow::Result<()> {
    let city = City::empty()?;
    let file = city.dir().join("cay.geojson");
    let write = |grown: usize| -> anyhow::Result<()> {
        let trees = (0..1_600).map(|n| {
            let (lon, lat) = (109.1 + 0.004 * (n % 40) as f64, 12.1 + 0.004 * (n / 40) as f64);
            let height = if n == grown { 12 } else { 4 };
            serde_json::json!({"type": "Feature", "properties": {"ma": format!("C{n}"), "cao": height},
                               "geometry": {"type": "Point", "coordinates": [lon, lat]}})
        });
        let all = serde_json::json!({"type": "FeatureCollection", "features": trees.collect::<Vec<_>>()});
        Ok(std::fs::write(&file, all.to_string())?)
    };
    write(0)?;
    let source = file.to_string_lossy().into_owned();
    city.kho(&["layer", "new", "tree", &source, "--public"])?;
    city.kho(&["ingest", "tree", &source])?;
    let target = city.dir().join("tree.pmtiles").to_string_lossy().into_owned();
    let bake = |target: &str, full: bool| {
        let mut args = vec!["bake", "tree", "--min-zoom", "10", "--max-zoom", "16", "--output", target];
        args.extend(full.then_some("--full"));
        city.kho(&args)
    };
    let first = bake(&target, false)?;
    assert_eq!(first["layers"][0]["made"], first["layers"][0]["tiles"]);
    for grown in [700, 701, 30] {
        write(grown)?;
        city.kho(&["ingest", "tree", &source])?;
        let renewed = bake(&target, false)?;
        let made = renewed["layers"][0]["made"].as_u64().unwrap_or_default();
        let tiles = renewed["layers"][0]["tiles"].as_u64().unwrap_or_default();
        assert!(made > 0 && made * 4 < tiles, "{made} of {tiles} made");
        let whole = city.dir().join("whole.pmtiles").to_string_lossy().into_owned();
        let fresh = bake(&whole, true)?;
        assert_eq!(fresh["layers"][0]["made"], fresh["layers"][0]["tiles"]);
        let mut reader = std::process::Command::new(python());
        reader.arg(repo().join("tests/clients/pmtiles_read.py")).args([&target, &whole]);
        let said: serde_json::Value = serde_json::from_str(&run(&mut reader)?)?;
        assert_eq!((&said["version"], &said["tiles"]), (&3.into(), &tiles.into()), "{said}");
        assert_eq!(said["layers"], serde_json::json!(["tree"]));
        assert_eq!(said["differing"], serde_json::json!([]), "after {grown}");
    }
    Ok(())
}

#[test]
fn composites_and_archives_are_served() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let file = format!("{}/tiles/base.pmtiles", server.url);
    let none = get(&file)?;
    assert_eq!(none.status, 404);
    assert!(none.text().contains("kho bake"), "{}", none.text());
    let done = city.kho(&["bake", "base"])?;
    assert_eq!(done["composites"][0]["layer"], "base");
    assert_eq!(done["layers"].as_array().map(Vec::len), Some(0));
    let again = city.kho(&["bake", "base"])?;
    assert_eq!(again["composites"][0]["up_to_date"], true);
    let full = city.kho(&["bake", "base", "--full"])?;
    assert_eq!(full["composites"][0]["made"], done["composites"][0]["tiles"]);

    // In ranges, as the readers of PMTiles ask.
    std::thread::sleep(Duration::from_millis(2_500));
    let head = get_with(&file, &[("range", "bytes=0-16383")])?;
    assert_eq!(head.status, 206);
    assert_eq!(head.header("content-type"), Some("application/vnd.pmtiles"));
    assert!(head.body.starts_with(b"PMTiles\x03") && head.body.len() == 16_384);
    let whole = get_with(&file, &[("accept-encoding", "gzip")])?;
    assert_eq!((whole.status, whole.header("content-encoding")), (200, None));
    assert_eq!(whole.header("etag"), head.header("etag"));
    assert_eq!(head.header("content-range"), Some(format!("bytes 0-16383/{}", whole.body.len()).as_str()));
    let copy = city.dir().join("copy.pmtiles");
    std::fs::write(&copy, &whole.body)?;
    let said = run(std::process::Command::new(python())
        .arg(repo().join("tests/clients/pmtiles_read.py"))
        .arg(&copy))?;
    let said: serde_json::Value = serde_json::from_str(&said)?;
    assert_eq!(said["layers"], serde_json::json!(["water_body", "admin_unit", "road"]));

    // By its own name and by the names of its layers it is the same tile.
    let ask = |layers: &str, gzip: bool| {
        let coding = if gzip { "gzip" } else { "identity" };
        get_with(&format!("{}/tiles/{layers}/12/3290/1907", server.url), &[("accept-encoding", coding)])
    };
    let named = ask("base", true)?;
    let listed = ask("water_body,admin_unit,road", true)?;
    assert_eq!((named.status, &named.body), (200, &listed.body));
    assert_eq!(named.header("etag"), listed.header("etag"));
    assert!(unzipped(&named)? == ask("base", false)?.body, "as it is made on demand");
    assert_ne!(ask("road,water_body,admin_unit", true)?.body, named.body, "another order is another tile");

    let figures = get(&format!("{}/metrics", server.url))?.text();
    assert!(figures.contains("kho_baked_tiles{layer=\"base\",zoom=\"12\"}"), "{figures}");
    Ok(())
}
