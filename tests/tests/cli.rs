//! The command line as its users meet it.

use kho_e2e::{City, Server, get, kho, run};

#[test]
fn init_writes_a_city_and_keeps_what_is_there() -> anyhow::Result<()> {
    let city = City::empty()?;
    let layers = city.kho(&["layers"])?;
    assert_eq!(layers["layers"].as_array().map(Vec::len), Some(12));
    assert!(layers["layers"][0]["title"]["vi"].is_string());

    let path = city.dir().join("layers/road.toml");
    let edited = std::fs::read_to_string(&path)?.replace("published = true", "published = false");
    std::fs::write(&path, &edited)?;
    run(kho().arg("init").arg(city.dir()))?;
    assert_eq!(std::fs::read_to_string(&path)?, edited, "init keeps files that are there");
    Ok(())
}

#[test]
fn a_layer_outside_the_model_gets_in() -> anyhow::Result<()> {
    let city = City::empty()?;
    let file = city.dir().join("cay.geojson");
    std::fs::write(
        &file,
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{"ma":"C1","Loài cây":"Bàng","cao":4.5},"geometry":{"type":"Point","coordinates":[109.19,12.25]}},
        {"type":"Feature","properties":{"ma":"C2","Loài cây":"Phượng","cao":6},"geometry":{"type":"Point","coordinates":[109.20,12.26]}}]}"#,
    )?;
    let file = file.to_string_lossy().into_owned();
    city.kho(&["layer", "new", "tree", &file])?;
    let done = city.kho(&["ingest", "tree", &file])?;
    assert_eq!(done["layers"][0]["features_written"], 2);
    assert_eq!(done["layers"][0]["sources"][0]["sha256"].as_str().map(str::len), Some(64));
    let rows = city.sql("SELECT loai_cay FROM tree ORDER BY cao")?;
    assert_eq!(rows[0]["loai_cay"], "Bàng");
    let text = std::fs::read_to_string(city.dir().join("layers/tree.toml"))?;
    assert!(text.contains("internal") && !text.contains("published = true"), "closed until opened: {text}");
    let again = city.refused(&["layer", "new", "tree", &file])?;
    assert!(again.contains("there already"), "{again}");
    Ok(())
}

/// A register may know of more than has been drawn: such a delivery becomes a layer that keeps all
/// of it, in SQL and as features, with nothing on the map for what has no place.
#[test]
fn what_is_not_drawn_yet_is_kept() -> anyhow::Result<()> {
    let city = City::empty()?;
    let file = city.dir().join("thua.geojson");
    std::fs::write(
        &file,
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{"so":1},"geometry":{"type":"Polygon","coordinates":[[[109.19,12.24],[109.2,12.24],[109.2,12.25],[109.19,12.25],[109.19,12.24]]]}},
        {"type":"Feature","properties":{"so":2},"geometry":null},
        {"type":"Feature","properties":{"so":3},"geometry":{"type":"Polygon","coordinates":[]}}]}"#,
    )?;
    let file = file.to_string_lossy().into_owned();
    city.kho(&["layer", "new", "plot", &file, "--public"])?;
    let done = city.kho(&["ingest", "plot", &file])?;
    assert_eq!(done["layers"][0]["features_written"], 3);
    assert!(done.to_string().contains("2 features have no geometry"), "{done}");
    let rows =
        city.sql("SELECT count(*) AS n, count(geometry) AS drawn, count(DISTINCT kho_id) AS ids FROM plot")?;
    assert_eq!((&rows[0]["n"], &rows[0]["drawn"], &rows[0]["ids"]), (&3.into(), &1.into(), &3.into()));
    let inside = city.sql(
        "SELECT count(*) AS n FROM plot WHERE ST_Intersects(geometry, ST_GeomFromText('POINT (109.195 12.245)'))",
    )?;
    assert_eq!(inside[0]["n"], 1);

    let server = Server::start(&city, &[])?;
    let items = get(&format!("{}/ogc/collections/plot/items", server.url))?.json()?;
    assert_eq!(items["numberMatched"], 3);
    let features = items["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(features.iter().filter(|f| f["geometry"].is_null()).count(), 2, "{items}");
    let near = get(&format!("{}/ogc/collections/plot/items?bbox=109,12,110,13", server.url))?.json()?;
    assert_eq!(near["numberMatched"], 1);
    let tile = get(&format!("{}/tiles/plot/0/0/0", server.url))?;
    assert!(matches!(tile.status, 200 | 204), "{}", tile.status);
    Ok(())
}

#[test]
fn bad_sources_are_refused_with_what_to_do() -> anyhow::Result<()> {
    let city = City::empty()?;
    let said = city.refused(&["ingest", "nope", "x.gpkg"])?;
    assert!(said.contains("no layer is called nope") && said.contains("land_parcel"), "{said}");

    let said = city.refused(&["ingest", "road", "missing.gpkg"])?;
    assert!(said.contains("missing.gpkg"), "{said}");

    // TopoJSON never says its CRS.
    let topo = city.dir().join("road.topojson");
    std::fs::write(
        &topo,
        r#"{"type":"Topology","objects":{"r":{"type":"GeometryCollection","geometries":[{"type":"LineString","arcs":[0],"properties":{"ma_duong":"D1"}}]}},"arcs":[[[109.1,12.2],[109.2,12.3]]]}"#,
    )?;
    let topo = topo.to_string_lossy().into_owned();
    let said = city.refused(&["ingest", "road", &topo])?;
    assert!(said.contains("--crs"), "{said}");
    let done = city.kho(&["ingest", "road", &topo, "--crs", "EPSG:4326"])?;
    assert_eq!(done["layers"][0]["features_written"], 1);

    let said = city.refused(&["ingest", "road", &topo, "--crs", "EPSG:6957"])?;
    assert!(said.contains("6957") && said.contains("deprecated"), "{said}");

    let broken = city.dir().join("broken.gpkg");
    std::fs::write(&broken, b"SQLite format 3\0 but not really")?;
    let said = city.refused(&["ingest", "road", &broken.to_string_lossy()])?;
    assert!(said.contains("broken.gpkg"), "{said}");

    // Nothing that was refused left a snapshot behind.
    assert_eq!(city.sql("SELECT count(*) AS n FROM road")?[0]["n"], 1);
    Ok(())
}

#[test]
fn bad_features_are_quarantined_and_counted() -> anyhow::Result<()> {
    let city = City::empty()?;
    let file = city.dir().join("zones.geojson");
    std::fs::write(
        &file,
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{"ma_doi_tuong":"A","ma_ho_so":"56QHC0000001"},"geometry":{"type":"Polygon","coordinates":[[[109.1,12.2],[109.2,12.2],[109.2,12.3],[109.1,12.3],[109.1,12.2]]]}},
        {"type":"Feature","properties":{"ma_doi_tuong":"B","ma_ho_so":"56QHC0000001"},"geometry":null},
        {"type":"Feature","properties":{"ma_doi_tuong":null,"ma_ho_so":"56QHC0000001"},"geometry":{"type":"Polygon","coordinates":[[[109.1,12.2],[109.2,12.2],[109.2,12.3],[109.1,12.3],[109.1,12.2]]]}}]}"#,
    )?;
    let done = city.kho(&["ingest", "planning_zone", &file.to_string_lossy()])?;
    let layer = &done["layers"][0];
    assert_eq!(layer["features_written"], 1);
    let quarantined: u64 =
        layer["quarantined"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    assert_eq!(quarantined, 2, "{layer}");
    let path = layer["quarantine_file"].as_str().unwrap_or_default();
    assert_eq!(std::fs::read_to_string(path)?.lines().count(), 2);
    Ok(())
}

#[test]
fn layers_of_one_call_commit_together_or_not_at_all() -> anyhow::Result<()> {
    let city = City::empty()?;
    let deliveries = city.deliveries(1_000, 3)?;
    let before = city.kho(&["snapshots"])?;
    let manifest = deliveries.join("manifest.toml");
    let good = std::fs::read_to_string(&manifest)?;
    std::fs::write(&manifest, format!("{good}\n[[delivery]]\nlayer = \"water_body\"\nsource = \"no-such-file.gpkg\"\ncrs = \"EPSG:4326\"\n").replace("layer = \"water_body\"\nsource = \"water", "layer = \"water_body\"\nsource = \"no-"))?;
    city.refused(&["ingest", "--all", &deliveries.to_string_lossy()])?;
    assert_eq!(city.kho(&["snapshots"])?, before, "a failed call commits nothing");

    std::fs::write(&manifest, good)?;
    let done = city.kho(&["ingest", "--all", &deliveries.to_string_lossy()])?;
    let snapshots = city.kho(&["snapshots"])?;
    let list = snapshots["snapshots"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(list.len(), before["snapshots"].as_array().map_or(0, Vec::len) + 1, "one call, one snapshot");
    assert_eq!(list.last().map(|s| &s["id"]), Some(&done["snapshot"]));
    assert_eq!(city.sql("SELECT count(*) AS n FROM land_parcel")?[0]["n"], 1_000);
    Ok(())
}

#[test]
fn older_snapshots_answer_as_they_were() -> anyhow::Result<()> {
    let city = City::empty()?;
    let first = city.deliveries(1_000, 1)?;
    let second = city.deliveries(1_500, 1)?;
    let one = city.kho(&["ingest", "--all", &first.to_string_lossy()])?["snapshot"].to_string();
    city.kho(&["ingest", "--all", &second.to_string_lossy()])?;
    let count = |at: &[&str]| -> anyhow::Result<serde_json::Value> {
        let mut args = vec!["query", "SELECT count(*) AS n FROM land_parcel"];
        args.extend(at);
        Ok(city.kho(&args)?[0]["n"].clone())
    };
    assert_eq!(count(&["--snapshot", &one])?, 1_000);
    assert_eq!(count(&[])?, 1_500);
    Ok(())
}
