//! A restricted or internal value reaches nobody over HTTP. The sample gives every personal column
//! values that begin with a canary; no response may hold it.

use kho_e2e::{City, Server, get, get_with};
use std::collections::BTreeSet;
use std::io::Read as _;

/// What every personal value of the sample begins with.
const CANARY: &str = "KHONGCOTHAT";

#[test]
fn no_response_holds_a_restricted_value() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    // The canary is really there: a test that looks for nothing finds nothing.
    let rows =
        city.sql("SELECT chu_su_dung, so_gcn FROM land_parcel WHERE chu_su_dung IS NOT NULL LIMIT 1")?;
    assert!(rows[0]["chu_su_dung"].as_str().is_some_and(|v| v.contains(CANARY)), "{rows:?}");

    let server = Server::start(&city, &[])?;
    let mut todo: Vec<String> = [
        "/",
        "/ioc",
        "/ogc",
        "/ogc/conformance",
        "/ogc/collections",
        "/ogc/api",
        "/tiles",
        "/api/layers",
        "/api/city",
        "/api/snapshot",
        "/api/indicators/wards",
        "/styles/portal.json",
        "/styles/ioc.json",
        "/styles/infrastructure.json",
        "/health",
        "/metrics",
        "/no-such-page",
        "/api/search?q=KHONGCOTHAT",
        "/api/search?q=1/1",
        "/ogc/collections/land_parcel/items?limit=1000",
        "/ogc/collections/land_parcel/items?chu_su_dung=KHONGCOTHAT",
        "/ogc/collections/address_point/items?limit=1000",
        "/ogc/collections/land_parcel/items?bbox=1,2,3,x",
        "/tiles/land_parcel/99/0/0",
        "/tiles/nope/1/0/0",
        "/api/codes/nope",
        "/api/codes/land_use",
    ]
    .iter()
    .map(|s| (*s).to_owned())
    .collect();
    for layer in city.kho(&["layers"])?["layers"].as_array().into_iter().flatten() {
        let name = layer["name"].as_str().unwrap_or_default();
        todo.push(format!("/tiles/{name}"));
        todo.push(format!("/ogc/collections/{name}"));
        todo.push(format!("/ogc/collections/{name}/items?limit=1000"));
        todo.push(format!("/ogc/collections/{name}/items?f=html&limit=100"));
    }
    let ids = city.sql("SELECT kho_id, ST_X(ST_Centroid(geometry)) AS x, ST_Y(ST_Centroid(geometry)) AS y FROM land_parcel LIMIT 20")?;
    for row in &ids {
        let id = &row["kho_id"];
        todo.push(format!("/api/layers/land_parcel/features/{id}"));
        todo.push(format!("/api/parcels/{id}/planning"));
        todo.push(format!("/ogc/collections/land_parcel/items/{id}"));
        let (x, y) = (row["x"].as_f64().unwrap_or_default(), row["y"].as_f64().unwrap_or_default());
        for z in 13..=16 {
            let (tx, ty) = tile_of(x, y, z);
            todo.push(format!("/tiles/land_parcel/{z}/{tx}/{ty}"));
            todo.push(format!("/tiles/address_point/{z}/{tx}/{ty}"));
        }
    }
    // Links in what comes back are followed, once each.
    let mut seen = BTreeSet::new();
    let mut tiles_with_features = 0;
    while let Some(path) = todo.pop() {
        if !seen.insert(path.clone()) || seen.len() > 600 {
            continue;
        }
        let reply = get(&format!("{}{path}", server.url))?;
        assert!(reply.status < 500, "{path}: {} {}", reply.status, reply.text());
        let text = reply.text();
        if path.contains("?q=KHONGCOTHAT") || path.contains("=KHONGCOTHAT") {
            // The question may be named, never a value.
            assert!(!text.contains("KHONGCOTHAT-"), "{path}");
        } else {
            assert!(!text.contains(CANARY), "{path}");
        }
        for (name, value) in &reply.headers {
            assert!(!value.contains(CANARY), "{path}: {name}");
        }
        if path.starts_with("/tiles/") && reply.status == 200 {
            tiles_with_features += 1;
        }
        for part in text.split('"').filter(|p| p.starts_with(&server.url)) {
            let link = part[server.url.len()..].to_owned();
            if !link.contains('{') {
                todo.push(link);
            }
        }
    }
    assert!(tiles_with_features >= 10, "{tiles_with_features}");
    // Compressed answers too: what a decoder sees is what the plain answer holds.
    let (x, y) = (ids[0]["x"].as_f64().unwrap_or_default(), ids[0]["y"].as_f64().unwrap_or_default());
    let (tx, ty) = tile_of(x, y, 15);
    let url = format!("{}/tiles/land_parcel/15/{tx}/{ty}", server.url);
    let zipped = get_with(&url, &[("accept-encoding", "gzip")])?;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(&zipped.body[..]).read_to_end(&mut unzipped)?;
    assert_eq!(unzipped, get(&url)?.body);
    println!("{} addresses visited", seen.len());
    Ok(())
}

#[test]
fn the_open_part_of_the_lake_can_be_given_away() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    // The sample marks one internal column too (meter numbers, -CT-): the catalog keeps statistics
    // of internal columns, and of restricted ones none.
    let catalog =
        String::from_utf8_lossy(&std::fs::read(city.dir().join("lake/catalog.sqlite"))?).into_owned();
    for (at, _) in catalog.match_indices(CANARY) {
        let word: String = catalog[at..].chars().take(CANARY.len() + 4).collect();
        assert_eq!(word, format!("{CANARY}-CT-"), "the catalog holds a value of a restricted column");
    }
    let data = files(&city.dir().join("lake/data"))?;
    assert!(!data.is_empty());
    for path in data {
        let bytes = std::fs::read(&path)?;
        for column in ["chu_su_dung", "so_giay_to", "so_gcn", "nguoi_dai_dien", "dien_thoai"] {
            assert!(!contains(&bytes, column), "{} has a column {column}", path.display());
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(city.dir().join("lake/restricted"))?.permissions().mode();
        assert_eq!(mode & 0o077, 0, "lake/restricted is its owner's alone");
    }
    Ok(())
}

#[test]
fn what_is_not_published_does_not_exist() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let path = city.dir().join("layers/drain_pipe.toml");
    let closed = std::fs::read_to_string(&path)?.replace("published = true", "published = false");
    std::fs::write(&path, closed)?;
    let server = Server::start(&city, &[])?;
    for path in [
        "/tiles/drain_pipe",
        "/tiles/drain_pipe/14/13163/7631",
        "/ogc/collections/drain_pipe",
        "/ogc/collections/drain_pipe/items",
        "/api/layers/drain_pipe/features/1",
    ] {
        let hidden = get(&format!("{}{path}", server.url))?;
        let missing = get(&format!("{}{}", server.url, path.replace("drain_pipe", "no_such")))?;
        assert_eq!(hidden.status, 404, "{path}");
        assert_eq!(
            hidden.text().replace("drain_pipe", "no_such"),
            missing.text(),
            "hidden and missing look the same: {path}"
        );
    }
    for path in ["/api/layers", "/ogc/collections", "/styles/infrastructure.json", "/tiles", "/ogc/api"] {
        assert!(!get(&format!("{}{path}", server.url))?.text().contains("drain_pipe"), "{path}");
    }
    Ok(())
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|w| w == word.as_bytes())
}

fn files(dir: &std::path::Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn tile_of(lon: f64, lat: f64, z: u32) -> (u32, u32) {
    let n = f64::from(1 << z);
    let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0;
    (((lon + 180.0) / 360.0 * n) as u32, (y * n) as u32)
}
