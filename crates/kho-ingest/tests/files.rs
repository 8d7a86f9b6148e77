//! Real small files in the formats deliveries come in, written by GDAL here and read back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Float64Type, Int64Type};
use gdal::DriverManager;
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Feature, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use kho_ingest::{IngestError, ReadOptions, Summary, infer_layer, read_source, read_sources};
use kho_layer::{GeometryKind, LayerDef, arrow_schema};
use std::path::Path;

/// A parcel layer with every type of column.
fn parcel() -> LayerDef {
    let text = r#"
        name = "land_parcel"
        title = { vi = "Thửa đất" }
        theme = "land"
        geometry = "polygon"
        key = ["ma_xa", "so_to", "so_thua"]
        column = [
            { name = "ma_xa", type = "text", title = { vi = "Mã xã" }, required = true },
            { name = "so_to", type = "integer", title = { vi = "Số tờ" }, required = true, aliases = ["soHieuToBanDo"] },
            { name = "so_thua", type = "integer", title = { vi = "Số thửa" }, required = true },
            { name = "dien_tich_phap_ly", type = "float", title = { vi = "Diện tích" } },
            { name = "chu_su_dung", type = "text", title = { vi = "Chủ" }, access = "restricted" },
            { name = "valid_from", type = "date", title = { vi = "Từ" } },
        ]
    "#;
    LayerDef::parse(text, Path::new("land_parcel.toml")).unwrap()
}

fn square(east: f64, north: f64) -> String {
    let (e, n) = (east + 10.0, north + 20.0);
    // Clockwise, as shapefiles like it.
    format!("POLYGON (({east} {north}, {east} {n}, {e} {n}, {e} {north}, {east} {north}))")
}

type Row = (&'static str, i32, i32, Option<f64>, &'static str, &'static str, String);

fn rows() -> Vec<Row> {
    let at = |i: f64| square(602_800.0 + i * 10.0, 1_353_660.0);
    vec![
        ("22366", 12, 1, Some(200.5), "Trần Thị Ánh", "2024-11-01", at(0.0)),
        ("22366", 12, 2, None, "", "2025-07-01", at(1.0)),
        ("22366", 12, 2, Some(0.25), "Đỗ Văn Đức", "2025-07-01", at(2.0)),
    ]
}

/// Writes rows with a driver; the names of the columns may differ from format to format.
fn write(path: &Path, driver: &str, srs: Option<&SpatialRef>, rows: &[Row], names: [&str; 6]) {
    let utf8: Option<&[&str]> = (driver == "ESRI Shapefile").then_some(&["ENCODING=UTF-8"]);
    let driver = DriverManager::get_driver_by_name(driver).unwrap();
    let mut dataset = driver.create_vector_only(path).unwrap();
    let layer = dataset
        .create_layer(LayerOptions {
            name: "parcels",
            srs,
            ty: OGRwkbGeometryType::wkbPolygon,
            options: utf8,
        })
        .unwrap();
    layer
        .create_defn_fields(&[
            (names[0], OGRFieldType::OFTString),
            (names[1], OGRFieldType::OFTInteger),
            (names[2], OGRFieldType::OFTInteger64),
            (names[3], OGRFieldType::OFTReal),
            (names[4], OGRFieldType::OFTString),
            (names[5], OGRFieldType::OFTDate),
        ])
        .unwrap();
    for row in rows {
        let mut feature = Feature::new(layer.defn()).unwrap();
        feature.set_field_string(0, row.0).unwrap();
        feature.set_field_integer(1, row.1).unwrap();
        feature.set_field_integer64(2, row.2.into()).unwrap();
        if let Some(area) = row.3 {
            feature.set_field_double(3, area).unwrap();
        }
        if !row.4.is_empty() {
            feature.set_field_string(4, row.4).unwrap();
        }
        feature.set_field_string(5, row.5).unwrap();
        if !row.6.is_empty() {
            feature.set_geometry(Geometry::from_wkt(&row.6).unwrap()).unwrap();
        }
        feature.create(&layer).unwrap();
    }
    dataset.close().unwrap();
}

const NAMES: [&str; 6] = ["ma_xa", "so_to", "so_thua", "dien_tich_phap_ly", "chu_su_dung", "valid_from"];
const SHORT: [&str; 6] = ["MA_XA", "SO_TO", "SO_THUA", "DIEN_TICH_", "CHU_SU_DUN", "VALID_FROM"];

fn zone() -> SpatialRef {
    SpatialRef::from_epsg(9217).unwrap()
}

fn read_as(
    layer: &LayerDef,
    path: &Path,
    opts: &ReadOptions,
) -> Result<(Summary, Vec<RecordBatch>), IngestError> {
    let mut batches = Vec::new();
    let summary = read_source(
        &path.to_string_lossy(),
        opts,
        layer,
        &mut |batch| {
            batches.push(batch);
            Ok(())
        },
        &|_, _| {},
    )?;
    Ok((summary, batches))
}

fn read(path: &Path, crs: Option<&str>) -> Result<(Summary, Vec<RecordBatch>), IngestError> {
    read_as(&parcel(), path, &ReadOptions { crs: crs.map(Into::into), ..Default::default() })
}

/// What every format must give.
fn expect_the_rows(summary: &Summary, batches: &[RecordBatch]) {
    assert_eq!(summary.source.source_crs, "EPSG:9217");
    assert_eq!((summary.source.features_read, summary.features_written), (3, 3));
    assert_eq!(summary.quarantined_total(), 0);
    assert_eq!(summary.source.sha256.len(), 64);
    let batch = &batches[0];
    assert_eq!(batch.schema(), arrow_schema(&parcel()));
    let ids = batch.column(0).as_primitive::<Int64Type>();
    assert_ne!(ids.value(1), ids.value(2), "two features with one key have two ids");
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "22366");
    assert_eq!(batch.column(2).as_primitive::<Int64Type>().value(0), 12);
    assert_eq!(batch.column(3).as_primitive::<Int64Type>().value(2), 2);
    let area = batch.column(4).as_primitive::<Float64Type>();
    assert_eq!((area.value(0), area.is_null(1), area.value(2)), (200.5, true, 0.25));
    let owner = batch.column(5).as_string::<i32>();
    assert_eq!((owner.value(0), owner.is_null(1), owner.value(2)), ("Trần Thị Ánh", true, "Đỗ Văn Đức"));
    assert_eq!(batch.column(6).as_primitive::<Date32Type>().value(0), 20_028);
    let wkb = batch.column(7).as_binary::<i32>().value(0);
    let geometry = Geometry::from_wkb(wkb).unwrap();
    // Little endian, 2D; a FileGDB makes multi-polygons of all polygons.
    assert!(matches!(wkb[..5], [1, 3 | 6, 0, 0, 0]));
    let polygon = if wkb[1] == 6 { (*geometry.get_geometry(0)).clone() } else { geometry };
    let ring = polygon.get_geometry(0);
    let (x, y, _) = ring.get_point(0);
    assert!((x - 109.1967).abs() < 1e-3 && (y - 12.2388).abs() < 1e-3, "{x} {y}");
    let twice: f64 = (0..ring.point_count() as i32 - 1)
        .map(|i| (ring.get_point(i), ring.get_point(i + 1)))
        .map(|(a, b)| (a.0 - x) * (b.1 - y) - (b.0 - x) * (a.1 - y))
        .sum();
    assert!(twice > 0.0, "counter-clockwise");
}

#[test]
fn geopackage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parcels.gpkg");
    write(&path, "GPKG", Some(&zone()), &rows(), NAMES);
    let (summary, batches) = read(&path, None).unwrap();
    expect_the_rows(&summary, &batches);
    assert!(summary.warnings.iter().any(|w| w.contains("1 features have the same ma_xa, so_to, so_thua")));
    // Twice in one layer: the same keys, other ids.
    let (mut ids, name) = (std::collections::HashSet::new(), path.to_string_lossy().into_owned());
    let both = read_sources(
        &[name.clone(), name],
        &ReadOptions::default(),
        &parcel(),
        &mut |batch| {
            ids.extend(batch.column(0).as_primitive::<Int64Type>().values().to_vec());
            Ok(())
        },
        &|_, _| {},
    );
    assert_eq!((both.unwrap().len(), ids.len()), (2, 6));
    let (again, second) = read(&path, None).unwrap();
    assert_eq!((summary, batches), (again, second), "the same file gives the same batches");
}

#[test]
fn shapefile_with_short_names_and_vietnamese_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parcels.shp");
    write(&path, "ESRI Shapefile", Some(&zone()), &rows(), SHORT);
    let (summary, batches) = read(&path, None).unwrap();
    expect_the_rows(&summary, &batches);
    let dbf = std::fs::metadata(path.with_extension("dbf")).unwrap().len();
    assert!(summary.source.bytes > dbf, "the fingerprint covers all of its files");
    // Without the .cpg the bytes are taken as they are, not as Latin-1.
    std::fs::remove_file(path.with_extension("cpg")).unwrap();
    let (_, batches) = read(&path, None).unwrap();
    assert_eq!(batches[0].column(5).as_string::<i32>().value(2), "Đỗ Văn Đức");
}

#[test]
fn file_geodatabase() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parcels.gdb");
    write(&path, "OpenFileGDB", Some(&zone()), &rows(), NAMES);
    let (summary, batches) = read(&path, None).unwrap();
    expect_the_rows(&summary, &batches);
    assert_eq!(summary.source.name, "parcels.gdb");
}

#[test]
fn topojson_never_says_its_crs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.topojson");
    let text = r#"{"type":"Topology","arcs":[[[109.1,12.2],[109.2,12.2],[109.2,12.3],[109.1,12.2]]],"objects":{"a":{"type":"GeometryCollection","geometries":[
        {"type":"Polygon","arcs":[[0]],"properties":{"ma_xa":"22366","so_to":1,"so_thua":2}}]}}}"#;
    std::fs::write(&path, text).unwrap();
    let said = read(&path, None).unwrap_err().to_string();
    assert!(said.contains("TopoJSON never does"), "{said}");
    assert_eq!(read(&path, Some("EPSG:4326")).unwrap().0.features_written, 1);
}

#[test]
fn of_several_layers_one_must_be_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gpkg");
    write(&path, "GPKG", Some(&zone()), &rows(), NAMES);
    let mut dataset = gdal::Dataset::open_ex(
        &path,
        gdal::DatasetOptions {
            open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE | gdal::GdalOpenFlags::GDAL_OF_VECTOR,
            ..Default::default()
        },
    )
    .unwrap();
    dataset
        .create_layer(LayerOptions {
            name: "other",
            srs: Some(&zone()),
            ty: OGRwkbGeometryType::wkbPoint,
            options: None,
        })
        .unwrap();
    dataset.close().unwrap();
    let said = read(&path, None).unwrap_err().to_string();
    assert!(said.contains("--source-layer: parcels, other"), "{said}");
    let opts = ReadOptions { source_layer: Some("parcels".into()), ..Default::default() };
    let (summary, batches) = read_as(&parcel(), &path, &opts).unwrap();
    expect_the_rows(&summary, &batches);
}

#[test]
fn geojson_is_crs84_unless_it_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.geojson");
    let feature = r#"{"type":"Feature","properties":{"ma_xa":"22366","soHieuToBanDo":12.0,"so_thua":"7","dien_tich_phap_ly":"1.234,5","valid_from":"1/7/2025","la":true},
        "geometry":{"type":"Polygon","coordinates":[[[109.1,12.2],[109.2,12.2],[109.2,12.3],[109.1,12.2]]]}}"#;
    std::fs::write(&path, format!(r#"{{"type":"FeatureCollection","features":[{feature}]}}"#)).unwrap();
    let (summary, batches) = read(&path, None).unwrap();
    assert_eq!(summary.source.source_crs, "EPSG:4326");
    assert_eq!(summary.unmapped, ["la"]);
    let batch = &batches[0];
    assert_eq!(batch.column(2).as_primitive::<Int64Type>().value(0), 12);
    assert_eq!(batch.column(3).as_primitive::<Int64Type>().value(0), 7);
    assert_eq!(batch.column(4).as_primitive::<Float64Type>().value(0), 1234.5);
    assert_eq!(batch.column(6).as_primitive::<Date32Type>().value(0), 20_270);
    assert!(batch.column(5).is_null(0));
}

#[test]
fn csv_with_coordinates_needs_a_crs() {
    let layer = LayerDef::parse(
        r#"
        name = "light"
        title = { vi = "Đèn" }
        theme = "lighting"
        geometry = "point"
        key = ["ma_den"]
        column = [{ name = "ma_den", type = "text", title = { vi = "Mã" } }, { name = "do_cao", type = "float", title = { vi = "Cao" } }]
        "#,
        Path::new("light.toml"),
    )
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lights.csv");
    std::fs::write(
        &path,
        "Mã Đèn;Độ cao;easting;northing\nD1;8,5;602805.660;1353660.028\nD2;?;602815;1353660\n",
    )
    .unwrap();
    let said = read_as(&layer, &path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(said.contains("--crs EPSG:n"), "{said}");
    let opts = ReadOptions { crs: Some("EPSG:9217".into()), ..Default::default() };
    let (summary, batches) = read_as(&layer, &path, &opts).unwrap();
    assert_eq!(summary.features_written, 2);
    assert_eq!(batches[0].column(1).as_string::<i32>().value(0), "D1");
    assert_eq!(batches[0].column(2).as_primitive::<Float64Type>().value(0), 8.5);
    assert!(
        summary.warnings.iter().any(|w| w.starts_with("do_cao: 1 values left empty")),
        "{:?}",
        summary.warnings
    );
    // x and y the way Vietnamese survey tables mean them.
    std::fs::write(&path, "ma_den,do_cao,x,y\nD1,8.5,1353660.028,602805.660\n").unwrap();
    assert!(matches!(read_as(&layer, &path, &opts), Err(IngestError::SwappedAxes { .. })));
    std::fs::write(&path, "ma_den,do_cao,lon,lat\nD1,8.5,12.2388,109.1967\n").unwrap();
    let degrees = ReadOptions { crs: Some("EPSG:4326".into()), ..Default::default() };
    assert!(matches!(read_as(&layer, &path, &degrees), Err(IngestError::SwappedAxes { .. })));
    // Of two pairs of columns one is taken, not one column of each; it is not left out.
    std::fs::write(&path, "ma_den,x,Kinh độ,y,Vĩ độ\nD1,602805.660,109.1967,1353660.028,12.2388\n").unwrap();
    let (summary, batches) = read_as(&layer, &path, &degrees).unwrap();
    assert_eq!(summary.unmapped, ["x", "y"]);
    let point = Geometry::from_wkb(batches[0].column(3).as_binary::<i32>().value(0)).unwrap();
    assert_eq!(point.get_point(0), (109.1967, 12.2388, 0.0));
    std::fs::write(&path, "ma_den,do_cao\nD1,8.5\n").unwrap();
    assert!(matches!(read_as(&layer, &path, &degrees), Err(IngestError::NoGeometry { .. })));
    std::fs::write(&path, "ma_den,wkt\nD1,POINT (109.1967 12.2388)\n").unwrap();
    let (summary, _) = read_as(&layer, &path, &degrees).unwrap();
    assert_eq!((summary.features_written, summary.unmapped.len()), (1, 0));
    // A header in a legacy encoding is refused, whatever the rows hold.
    std::fs::write(&path, b"ma_den,M\xe0u,lon,lat\nD1,a,109.1967,12.2388\n").unwrap();
    let said = read_as(&layer, &path, &degrees).unwrap_err().to_string();
    assert!(said.contains("UTF-8"), "{said}");
}

#[test]
fn a_source_without_features_is_refused_unless_others_have_some() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.geojson");
    std::fs::write(&empty, r#"{"type":"FeatureCollection","features":[]}"#).unwrap();
    assert!(matches!(read(&empty, None), Err(IngestError::NoFeatures { .. })));
    let drafted = infer_layer("x", &empty.to_string_lossy(), &ReadOptions::default(), false);
    assert!(matches!(drafted, Err(IngestError::NoFeatures { .. })));
    // Whether the format keeps columns without features makes no difference.
    let typed = dir.path().join("empty.gpkg");
    write(&typed, "GPKG", Some(&zone()), &[], NAMES);
    assert!(matches!(read(&typed, None), Err(IngestError::NoFeatures { .. })));
    let full = dir.path().join("full.gpkg");
    write(&full, "GPKG", Some(&zone()), &rows(), NAMES);
    let paths = [full, empty].map(|p| p.to_string_lossy().into_owned());
    let both = read_sources(&paths, &ReadOptions::default(), &parcel(), &mut |_| Ok(()), &|_, _| {}).unwrap();
    assert_eq!((both[0].features_written, both[1].features_written), (3, 0));
    assert!(both[1].warnings.iter().any(|w| w.contains("no features")), "{:?}", both[1].warnings);
}

#[test]
fn bad_features_are_set_aside_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.geojson");
    let feature = |properties: &str, geometry: &str| {
        format!(r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{geometry}}}"#)
    };
    let polygon = |rings: &str| format!(r#"{{"type":"Polygon","coordinates":[{rings}]}}"#);
    let key = r#""ma_xa":"22366","so_to":"1","so_thua":"1","chu_su_dung":"CANARY""#;
    let good = "[[109,12],[110,12],[110,13],[109,13],[109,12]]";
    let features = [
        feature(key, &polygon(good)),
        feature(key, "null"),
        feature(key, r#"{"type":"Point","coordinates":[109,12]}"#),
        feature(key, &polygon("[[109,12],[110,13],[110,12],[109,13],[109,12]]")),
        feature(key, &polygon("[[109,12],[209,12],[110,13],[109,12]]")),
        // A spike: repaired. An unclosed ring: closed.
        feature(
            key,
            &polygon("[[109,12],[110,12],[110,13],[109.5,13],[109.5,13.5],[109.5,13],[109,13],[109,12]]"),
        ),
        feature(key, &polygon("[[109,12],[110,12],[110,13],[109,13]]")),
        feature(r#""ma_xa":"22366","so_to":"CANARY","so_thua":"1""#, &polygon(good)),
        feature(r#""ma_xa":"","so_to":"1","so_thua":"1""#, &polygon(good)),
    ];
    std::fs::write(&path, format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",")))
        .unwrap();
    let aside = dir.path().join("aside/bad.geojsonl");
    let opts = ReadOptions { quarantine: Some(aside.clone()), ..Default::default() };
    let (summary, batches) = read_as(&parcel(), &path, &opts).unwrap();
    let reasons: Vec<(&str, u64)> = summary.quarantined.iter().map(|(r, n)| (r.as_str(), *n)).collect();
    assert_eq!(
        reasons,
        [
            ("borders cross, and repairing them would change the area by 1 % or more", 1),
            ("coordinates out of range", 1),
            ("ma_xa: no value", 1),
            ("no geometry", 1),
            ("not a polygon", 1),
            ("so_to: not a whole number", 1),
        ]
    );
    assert_eq!((summary.features_written, summary.repaired), (3, 2));
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    assert!(!format!("{summary:?}").contains("CANARY"), "no value of a feature is in the summary");
    let lines = std::fs::read_to_string(&aside).unwrap();
    let places: Vec<serde_json::Value> =
        lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["kho"].clone()).collect();
    let numbers: Vec<u64> = places.iter().map(|p| p["feature"].as_u64().unwrap()).collect();
    assert!(places.iter().all(|p| Some(p["source"].as_str().unwrap()) == path.file_name().unwrap().to_str()));
    assert_eq!(numbers, [2, 3, 4, 5, 8, 9]);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_layer_may_allow_features_without_geometry() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("register.geojson");
    let polygon = |rings: &str| format!(r#"{{"type":"Polygon","coordinates":{rings}}}"#);
    let feature = |so: u8, geometry: &str| {
        format!(r#"{{"type":"Feature","properties":{{"so":{so}}},"geometry":{geometry}}}"#)
    };
    let square = polygon("[[[109,12],[110,12],[110,13],[109,13],[109,12]]]");
    let mut features = vec![feature(1, &square), feature(2, "null"), feature(3, &polygon("[]"))];
    let save = |features: &[String]| {
        let all = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
        std::fs::write(&path, all).unwrap();
    };
    save(&features);
    let draft =
        |path: &Path| infer_layer("x", &path.to_string_lossy(), &ReadOptions::default(), false).unwrap();
    let layer = draft(&path);
    assert!(layer.geometry_optional);
    // A crossing border is still no border.
    features.push(feature(4, &polygon("[[[109,12],[110,13],[110,12],[109,13],[109,12]]]")));
    save(&features);
    let (summary, batches) = read_as(&layer, &path, &ReadOptions::default()).unwrap();
    assert_eq!((summary.features_written, summary.quarantined.values().sum::<u64>()), (3, 1));
    assert!(summary.warnings.iter().any(|w| w.starts_with("2 features have no geometry")));
    let geometry = batches[0].columns().last().unwrap();
    assert_eq!((0..3).map(|r| geometry.is_null(r)).collect::<Vec<_>>(), [false, true, true]);
    // A layer allows it only where the delivery that it is drafted from needs it.
    save(&features[..1]);
    let strict = draft(&path);
    assert!(!strict.geometry_optional);
    save(&features[..3]);
    assert_eq!(read_as(&strict, &path, &ReadOptions::default()).unwrap().0.quarantined["no geometry"], 2);
}

#[test]
fn bad_sources_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    assert!(matches!(read(&at("none.gpkg"), None), Err(IngestError::Missing { .. })));
    std::fs::write(at("noise.gpkg"), "noise").unwrap();
    assert!(matches!(read(&at("noise.gpkg"), None), Err(IngestError::Unreadable { .. })));
    write(&at("plain.gpkg"), "GPKG", None, &rows(), NAMES);
    assert!(matches!(read(&at("plain.gpkg"), None), Err(IngestError::NoCrs { .. })));
    assert!(read(&at("plain.gpkg"), Some("EPSG:9217")).is_ok());
    let said = read(&at("plain.gpkg"), Some("EPSG:6958")).unwrap_err().to_string();
    assert!(said.contains("EPSG:5898"), "{said}");
    assert!(matches!(read(&at("plain.gpkg"), Some("EPSG:4326")), Err(IngestError::OutsideCrs { .. })));
    write(&at("names.gpkg"), "GPKG", Some(&zone()), &rows(), ["a", "b", "c", "d", "e", "f"]);
    let said = read(&at("names.gpkg"), None).unwrap_err().to_string();
    assert!(said.contains("ma_xa, so_to, so_thua") && said.contains("a, b, c, d, e, f"), "{said}");
    let mut lines = parcel();
    lines.geometry = GeometryKind::Line;
    write(&at("a.gpkg"), "GPKG", Some(&zone()), &rows(), NAMES);
    let said = read_as(&lines, &at("a.gpkg"), &ReadOptions::default()).unwrap_err();
    assert!(matches!(said, IngestError::GeometryMismatch { .. }), "{said}");
    let wrong = ReadOptions { source_layer: Some("x".into()), ..Default::default() };
    let said = read_as(&parcel(), &at("a.gpkg"), &wrong).unwrap_err().to_string();
    assert!(said.contains("it has: parcels"), "{said}");
}

#[test]
fn a_failing_sink_stops_the_reading() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many.gpkg");
    let many: Vec<Row> = (0..500)
        .map(|i| {
            ("22366", 1, i, None, "", "2025-07-01", square(602_800.0 + f64::from(i) * 10.0, 1_353_660.0))
        })
        .collect();
    write(&path, "GPKG", Some(&zone()), &many, NAMES);
    let opts = ReadOptions { batch_rows: 10, ..Default::default() };
    let mut taken = 0;
    let out = read_source(
        &path.to_string_lossy(),
        &opts,
        &parcel(),
        &mut |_| {
            taken += 1;
            if taken == 3 { Err(IngestError::sink(std::io::Error::other("disk full"))) } else { Ok(()) }
        },
        &|_, _| {},
    );
    assert!(matches!(out, Err(IngestError::Sink(_))));
    // Many small batches arrive in the order of the file.
    let (_, batches) = read_as(&parcel(), &path, &opts).unwrap();
    let numbers: Vec<i64> =
        batches.iter().flat_map(|b| b.column(3).as_primitive::<Int64Type>().values().to_vec()).collect();
    assert_eq!(numbers, (0..500).collect::<Vec<i64>>());
}

#[test]
fn a_layer_is_drafted_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("den.csv");
    std::fs::write(&path, "Mã đèn,Công suất,Cao,Ngày lắp,Bật,Ghi chú,lon,lat\n007,150,\"8,5\",01/11/2024,có,a,109.1,12.2\n008,70,9,1/7/2025,không,,109.2,12.3\n").unwrap();
    let layer = infer_layer("den", &path.to_string_lossy(), &ReadOptions::default(), true).unwrap();
    let columns: Vec<String> = layer.columns.iter().map(|c| format!("{}:{:?}", c.name, c.ty)).collect();
    assert_eq!(
        columns,
        [
            "ma_den:Text",
            "cong_suat:Integer",
            "cao:Float",
            "ngay_lap:Date",
            "bat:Boolean",
            "ghi_chu:Text",
            "lon:Float",
            "lat:Float"
        ]
    );
    assert_eq!(layer.geometry, GeometryKind::Point);
    assert!(layer.style.color.is_some(), "it is not drawn grey");
    assert_eq!(layer.key, ["ma_den"]);
    assert!(layer.published);
    let opts = ReadOptions { crs: Some("EPSG:4326".into()), ..Default::default() };
    let (summary, _) = read_as(&layer, &path, &opts).unwrap();
    assert_eq!((summary.features_written, summary.warnings.len(), summary.unmapped.len()), (2, 0, 0));
    let closed = infer_layer("den", &path.to_string_lossy(), &ReadOptions::default(), false).unwrap();
    assert!(!closed.published && closed.columns.iter().all(|c| c.access == kho_layer::AccessClass::Internal));
}
