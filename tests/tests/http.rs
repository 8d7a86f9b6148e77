//! HTTP as its specifications want it: validators, negotiation, errors, shutdown.

use kho_e2e::{City, Server, get, get_with};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn the_server_keeps_the_rules_of_http() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let url = |path: &str| format!("{}{path}", server.url);

    // A tile with features, found through its TileJSON.
    let tilejson = get(&url("/tiles/land_parcel"))?.json()?;
    assert_eq!(tilejson["tilejson"], "3.0.0");
    let fields = tilejson["vector_layers"][0]["fields"].as_object().cloned().unwrap_or_default();
    assert!(fields.contains_key("so_thua") && !fields.contains_key("chu_su_dung"), "{fields:?}");
    let row = &city.sql(
        "SELECT ST_X(ST_Centroid(geometry)) AS x, ST_Y(ST_Centroid(geometry)) AS y FROM land_parcel LIMIT 1",
    )?[0];
    let n = f64::from(1 << 16);
    let (lon, lat) = (row["x"].as_f64().unwrap_or_default(), row["y"].as_f64().unwrap_or_default());
    let x = ((lon + 180.0) / 360.0 * n) as u32;
    let y = ((1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n) as u32;
    let template = tilejson["tiles"][0].as_str().unwrap_or_default();
    let tile = template.replace("{z}", "16").replace("{x}", &x.to_string()).replace("{y}", &y.to_string());

    let plain = get(&tile)?;
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("content-type"), Some("application/vnd.mapbox-vector-tile"));
    assert_eq!(plain.header("content-encoding"), None);
    let zipped = get_with(&tile, &[("accept-encoding", "gzip")])?;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.starts_with(&[0x1f, 0x8b]) && zipped.body.len() < plain.body.len());
    assert!(zipped.header("vary").is_some_and(|v| v.to_lowercase().contains("accept-encoding")));
    let tag = plain.header("etag").unwrap_or_default().to_owned();
    assert!(tag.starts_with('"'), "a strong validator: {tag}");
    assert_ne!(Some(tag.as_str()), zipped.header("etag"), "other bytes, other strong validator");
    for (field, status) in [(tag.as_str(), 304), ("\"x\", *", 304), ("*", 304), ("\"x\"", 200)] {
        let again = get_with(&tile, &[("if-none-match", field)])?;
        assert_eq!(again.status, status, "{field}");
        assert_eq!(again.body.is_empty(), status == 304);
        assert_eq!(again.header("etag"), Some(tag.as_str()));
    }

    // A versioned address never changes; an unversioned one is asked about.
    assert!(plain.header("cache-control").is_some_and(|c| c.contains("no-cache")), "{:?}", plain.headers);
    let id = get(&url("/api/snapshot"))?.json()?["id"].clone();
    let versioned = get(&url(&format!("/tiles/land_parcel/16/{x}/{y}?snapshot={id}")))?;
    assert!(versioned.header("cache-control").is_some_and(|c| c.contains("immutable")));
    assert_eq!(versioned.body, plain.body);

    // Errors are problems that a person can read.
    for (path, status) in [
        ("/nope", 404),
        ("/tiles/nope/1/0/0", 404),
        ("/tiles/land_parcel/3/9/9", 400),
        ("/tiles/land_parcel/a/b/c", 400),
        ("/ogc/collections/nope", 404),
        ("/ogc/collections/land_parcel/items?bbox=1,2,x,4", 400),
        ("/ogc/collections/land_parcel/items?limit=-1", 400),
        ("/ogc/collections/land_parcel/items?unknown=1", 400),
        ("/tiles/land_parcel/16/0/0?snapshot=999999", 404),
        ("/api/layers/land_parcel/features/xyz", 400),
    ] {
        let reply = get(&url(path))?;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = reply.json()?;
        assert_eq!(problem["status"], status, "{path}");
        assert!(problem["title"].as_str().is_some_and(|t| !t.is_empty()), "{path}");
    }

    let health = get(&url("/health"))?;
    assert_eq!(health.status, 200);
    let metrics = get(&url("/metrics"))?.text();
    assert!(metrics.contains("# TYPE") && metrics.lines().count() > 10, "{metrics}");

    let status = server.interrupt()?;
    assert!(status.success(), "Ctrl-C is a clean end: {status}");
    Ok(())
}

#[test]
fn a_running_server_sees_a_new_snapshot() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let ask =
        |path: &str| -> anyhow::Result<serde_json::Value> { get(&format!("{}{path}", server.url))?.json() };
    let before = ask("/api/snapshot")?["id"].clone();
    let counted = ask("/ogc/collections/land_parcel/items?limit=1")?["numberMatched"].clone();
    assert_eq!(counted, 1_000);
    let more = city.deliveries(1_200, 1)?;
    city.kho(&["ingest", "--all", &more.to_string_lossy()])?;
    assert_ne!(ask("/api/snapshot")?["id"], before);
    assert_eq!(ask("/ogc/collections/land_parcel/items?limit=1")?["numberMatched"], 1_200);
    let wards = ask("/api/indicators/wards")?;
    let parcels: u64 = wards["wards"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|w| w["counts"]["land_parcel"].as_u64())
        .sum();
    assert_eq!(parcels, 1_200, "every parcel is counted in one ward: {wards}");
    Ok(())
}

/// A listener at /events, on a connection of its own.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn to(server: &Server, path: &str, fields: &str) -> anyhow::Result<Self> {
        let host = server.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n{fields}\r\n")?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The next event: its name, its id and its data. The lines of HTTP around it are passed over.
    fn next(&mut self) -> anyhow::Result<(String, Option<String>, Value)> {
        let (mut name, mut id) = (String::new(), None);
        loop {
            let mut line = String::new();
            anyhow::ensure!(self.0.read_line(&mut line)? > 0, "the stream has ended");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.to_owned());
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Ok((name, id, serde_json::from_str(text)?));
            }
        }
    }
}

#[test]
fn a_listener_hears_of_a_commit_and_does_not_hold_up_the_end() -> anyhow::Result<()> {
    let city = City::sample(1_000)?;
    let server = Server::start(&city, &[])?;
    let now = get(&format!("{}/api/snapshot", server.url))?.json()?["id"].clone();
    let mut listener = Listener::to(&server, "/events", "")?;
    assert_eq!(listener.next()?, ("snapshot".to_owned(), Some(now.to_string()), json!({"snapshot": now})));

    // The same deliveries once more: a commit that changes nothing.
    let same = city.dir().join("deliveries-1000-1");
    city.kho(&["ingest", "--all", &same.to_string_lossy()])?;
    let (name, id, data) = listener.next()?;
    assert_eq!((name.as_str(), &data["layers"]), ("commit", &json!([])));
    assert_eq!(id, Some(data["snapshot"].to_string()));

    let more = city.deliveries(1_200, 1)?;
    city.kho(&["ingest", "--all", &more.to_string_lossy()])?;
    let (_, last, data) = listener.next()?;
    let parcels = |data: &Value| -> Option<Value> {
        data["layers"].as_array()?.iter().find(|layer| layer["name"] == "land_parcel").cloned()
    };
    let told = parcels(&data).ok_or_else(|| anyhow::anyhow!("no parcels in {data}"))?;
    let n = |key: &str| told[key].as_i64().unwrap_or_default();
    assert_eq!(n("added") - n("removed"), 200, "{told}");

    // Somebody who had gone hears of it too.
    let field = format!("Last-Event-ID: {}\r\n", id.unwrap_or_default());
    let mut back = Listener::to(&server, "/events", &field)?;
    assert_eq!(back.next()?.0, "snapshot");
    let (_, id, again) = back.next()?;
    assert_eq!((id, parcels(&again)), (last, Some(told)));

    let start = Instant::now();
    let status = server.interrupt()?;
    assert!(status.success() && start.elapsed() < Duration::from_secs(5), "{status}, {:?}", start.elapsed());
    assert!(listener.next().is_err(), "the stream has ended");
    Ok(())
}
