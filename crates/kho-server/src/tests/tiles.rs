//! Tiles, their descriptions and their validators.

use super::*;

/// A tile with parcels in it.
fn address() -> String {
    let n = f64::from(1_u32 << 16);
    let (lon, lat) = (CORNER[0] + STEP, CORNER[1] + STEP);
    let x = ((lon + 180.0) / 360.0 * n) as u32;
    let y = ((1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n) as u32;
    format!("/tiles/land_parcel/16/{x}/{y}")
}

#[tokio::test(flavor = "multi_thread")]
async fn tilejson_names_public_fields_and_absolute_addresses() {
    let served = Served::start().await;
    let answer = served
        .ask("/tiles/land_parcel", &[("x-forwarded-proto", "https"), ("x-forwarded-host", "gis.example.vn")])
        .await
        .json();
    assert_eq!(answer["tilejson"], "3.0.0");
    assert_eq!(answer["tiles"][0], "https://gis.example.vn/tiles/land_parcel/{z}/{x}/{y}");
    let fields = answer["vector_layers"][0]["fields"].as_object().unwrap();
    assert!(fields.contains_key("so_thua") && !fields.contains_key("chu_su_dung"));
    let bounds: Vec<f64> = answer["bounds"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!((bounds[0] - CORNER[0]).abs() < 1e-9 && bounds[2] > bounds[0]);
    let pinned = served.json("/tiles/land_parcel?snapshot=1").await;
    assert_eq!(pinned["tiles"][0], "http://city.example/tiles/land_parcel/{z}/{x}/{y}?snapshot=1");
    assert_eq!(served.json("/tiles").await["layers"].as_array().unwrap().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_has_a_strong_tag_for_each_encoding() {
    let served = Served::start().await;
    let tile = address();
    let (plain, gzip) = (served.get(&tile).await, served.ask(&tile, &[("accept-encoding", "gzip")]).await);
    assert_eq!(plain.status, StatusCode::OK);
    assert_eq!(plain.header("content-type"), "application/vnd.mapbox-vector-tile");
    assert_eq!((plain.header("content-encoding"), gzip.header("content-encoding")), ("", "gzip"));
    assert!(gzip.body.starts_with(&[0x1f, 0x8b]));
    assert!(plain.header("vary").contains("Accept-Encoding"));
    assert_eq!(plain.header("cache-control"), "no-cache");
    let tag = plain.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag != gzip.header("etag"));
    for (asked, status) in [
        (tag.as_str(), 304),
        ("*", 304),
        (&format!("\"x\", W/{tag}"), 304),
        ("\"x\"", 200),
        (gzip.header("etag"), 200),
    ] {
        let again = served.ask(&tile, &[("if-none-match", asked)]).await;
        assert_eq!(again.status.as_u16(), status, "{asked}");
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.body.is_empty(), status == 304);
    }
    let head = served.send("HEAD", &tile, &[]).await;
    assert_eq!((head.status, head.header("etag"), head.body.len()), (StatusCode::OK, tag.as_str(), 0));
    assert_eq!(served.get(&format!("{tile}.mvt")).await.body, plain.body);
    let pinned = served.get(&format!("{tile}?snapshot=1")).await;
    assert!(pinned.header("cache-control").contains("immutable"));
    assert_eq!(pinned.body, plain.body);
    // What a document says depends on more than the snapshot: on the layer files, the program, the day.
    for path in ["/styles/portal.json", "/tiles/land_parcel", "/api/parcels/1000/planning", "/api/layers"] {
        let document = served.get(&format!("{path}?snapshot=1")).await;
        assert_eq!(
            (document.status, document.header("cache-control")),
            (StatusCode::OK, "no-cache"),
            "{path}"
        );
    }
    assert_eq!(served.get("/tiles/land_parcel/16/0/0").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_snapshot_changes_the_tile_and_leaves_the_pinned_one() {
    let served = Served::start().await;
    let tile = address();
    let before = served.get(&tile).await;
    let snapshot = served.commit(&[("land_parcel", parcels(3))]).await;
    // At once: whoever knows of the commit must not be answered from before it.
    let after = served.get(&tile).await;
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!(served.get(&format!("{tile}?snapshot=1")).await.body, before.body);
    assert_eq!(served.json("/api/snapshot").await["id"], snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn styles_draw_published_layers_only() {
    let served = Served::start().await;
    let style = served.json("/styles/portal.json").await;
    assert_eq!(style["sources"]["land_parcel"]["url"], "http://city.example/tiles/land_parcel");
    assert!(style["sources"].get("road").is_none());
    let legend = style["metadata"]["kho:legend"].as_array().unwrap();
    let parcel = legend.iter().find(|l| l["layer"] == "land_parcel").unwrap();
    assert!(parcel["entries"].as_array().unwrap().len() > 3, "{parcel}");
    assert!(style["layers"].as_array().unwrap().iter().all(|l| l["source"] != "road"));
}

async fn bake(served: &Served) {
    let snapshot = served.lake.current().await.unwrap();
    let policy = kho_access::Policy::new(Arc::new(served.city.clone()));
    let grant = policy.grant(&kho_access::Principal::Anonymous, "land_parcel", snapshot).unwrap();
    let engine = kho_tile::TileEngine::new(served.lake.clone(), kho_tile::TileConfig::default());
    let store = kho_tile::BakeStore::in_city(served._dir.path());
    let never = async |_: &kho_access::Grant, _: i64| None;
    store.bake(&engine, &grant, kho_tile::BakeOptions::default(), never, &|_, _| {}).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bake_is_a_file_to_read_in_ranges() -> Result<(), Box<dyn std::error::Error>> {
    let served = Served::start().await;
    bake(&served).await;
    let path = "/tiles/land_parcel.pmtiles";
    let whole = served.ask(path, &[("accept-encoding", "gzip")]).await;
    assert_eq!((whole.status, whole.header("accept-ranges")), (StatusCode::OK, "bytes"));
    assert_eq!(whole.header("content-encoding"), "", "it is compressed inside");
    assert!(whole.body.starts_with(b"PMTiles\x03"));
    let (length, tag) = (whole.body.len(), whole.header("etag").to_owned());
    let part = served.ask(path, &[("range", "bytes=7-20"), ("if-range", &tag)]).await;
    assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &whole.body[7..=20]));
    assert_eq!(part.header("content-range"), format!("bytes 7-20/{length}"));
    let end = served.ask(path, &[("range", "bytes=-16")]).await;
    assert_eq!(end.body[..], whole.body[length - 16..]);
    let past = served.ask(path, &[("range", "bytes=999999999-")]).await;
    assert_eq!(past.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(past.header("content-range"), format!("bytes */{length}"));
    assert_eq!(served.ask(path, &[("if-none-match", &tag)]).await.status, StatusCode::NOT_MODIFIED);
    let head = served.send("HEAD", path, &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    // What is not baked says so; what is not published is not there.
    let missing = served.get("/tiles/planning_zone.pmtiles").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text().contains("kho bake"), "{}", missing.text());
    assert!(served.get("/tiles/road.pmtiles").await.text().contains("No layer is called road"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_name_published_layers_only() {
    let served = Served::start().await;
    bake(&served).await;
    served.get(&address()).await;
    let text = served.get("/metrics").await.text();
    assert!(text.contains("kho_layer_tiles_made_total{layer=\"land_parcel\",zoom=\"16\"} 1\n"), "{text}");
    assert!(text.contains("kho_baked_tiles{layer=\"land_parcel\",zoom=\"16\"}"), "{text}");
    assert!(!text.contains("layer=\"road\""));
}

/// The composite of the standard model holds the roads, which this city does not publish.
#[tokio::test(flavor = "multi_thread")]
async fn a_composite_with_a_hidden_layer_is_not_there() {
    let served = Served::start().await;
    let list = served.json("/tiles").await;
    assert_eq!(list["composites"], json!([]));
    for path in ["/tiles/base", "/tiles/base/12/0/0", "/tiles/base.pmtiles"] {
        let answer = served.get(path).await;
        assert_eq!(
            (answer.status, answer.json()["detail"].clone()),
            (StatusCode::NOT_FOUND, json!("No layer is called base."))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_has_a_name_of_its_own() {
    let composite = "\n[[bake.composite]]\nname = \"land\"\nlayers = [\"planning_zone\", \"land_parcel\"]\n";
    let served = Served::with(composite).await;
    let described = served.json("/tiles/land").await;
    assert_eq!(described["tiles"][0], "http://city.example/tiles/land/{z}/{x}/{y}");
    let ids: Vec<_> = described["vector_layers"].as_array().unwrap().iter().map(|l| &l["id"]).collect();
    assert_eq!(ids, ["planning_zone", "land_parcel"]);
    let tile = address();
    let own = served.get(&tile.replace("land_parcel", "land")).await;
    let both = served.get(&tile.replace("land_parcel", "planning_zone,land_parcel")).await;
    assert_eq!((own.status, &own.body), (StatusCode::OK, &both.body));
    assert_eq!(
        served.json("/tiles").await["composites"][0]["layers"],
        json!(["planning_zone", "land_parcel"])
    );
}
