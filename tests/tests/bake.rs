//! Baking with the real binary, under a running server.

use kho_e2e::{City, Reply, Server, get_with, run};
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
