//! GeoParquet, written here in its several dialects and read natively.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int32Array, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use gdal::vector::Geometry;
use kho_ingest::{IngestError, ReadOptions, Summary, infer_layer, read_source};
use kho_layer::{GeometryKind, LayerDef};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn lamp() -> LayerDef {
    let text = r#"
        name = "street_light"
        title = { vi = "Đèn" }
        theme = "lighting"
        geometry = "point"
        key = ["ma_den"]
        column = [
            { name = "ma_den", type = "text", title = { vi = "Mã" } },
            { name = "cong_suat", type = "integer", title = { vi = "Công suất" } },
        ]
    "#;
    LayerDef::parse(text, Path::new("street_light.toml")).unwrap()
}

/// Writes two lamps with this geometry column and this `geo` metadata.
fn write(dir: &Path, geo: Option<&str>, field: Field, geometry: ArrayRef) -> PathBuf {
    let path = dir.join("lamps.parquet");
    let schema = Arc::new(Schema::new(vec![
        Field::new("ma_den", DataType::Utf8, true),
        Field::new("cong_suat", DataType::Int32, true),
        field,
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["D1", "D2"])),
        Arc::new(Int32Array::from(vec![150, 70])),
        geometry,
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let metadata = geo.map(|geo| vec![KeyValue::new("geo".into(), geo.to_owned())]);
    let properties = WriterProperties::builder().set_key_value_metadata(metadata).build();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn wkb(points: [(f64, f64); 2]) -> ArrayRef {
    let wkb = points.map(|(x, y)| Geometry::from_wkt(&format!("POINT ({x} {y})")).unwrap().wkb().unwrap());
    Arc::new(BinaryArray::from_iter_values(wkb))
}

fn plain() -> Field {
    Field::new("geom", DataType::Binary, true)
}

fn read(path: &Path, crs: Option<&str>) -> Result<(Summary, RecordBatch), IngestError> {
    let mut batches = Vec::new();
    let opts = ReadOptions { crs: crs.map(Into::into), ..Default::default() };
    let summary = read_source(
        &path.to_string_lossy(),
        &opts,
        &lamp(),
        &mut |b| {
            batches.push(b);
            Ok(())
        },
        &|_, _| {},
    )?;
    Ok((summary, batches.remove(0)))
}

fn first_point(batch: &RecordBatch) -> (f64, f64) {
    let (x, y, _) = Geometry::from_wkb(batch.column(3).as_binary::<i32>().value(0)).unwrap().get_point(0);
    (x, y)
}

const DEGREES: [(f64, f64); 2] = [(109.1967, 12.2388), (109.2, 12.24)];
const METRES: [(f64, f64); 2] = [(602_805.660, 1_353_660.028), (602_900.0, 1_353_700.0)];

#[test]
fn wkb_is_crs84_unless_the_metadata_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let geo = r#"{"version":"1.1.0","primary_column":"geom","columns":{"geom":{"encoding":"WKB","geometry_types":["Point"]}}}"#;
    let path = write(dir.path(), Some(geo), plain(), wkb(DEGREES));
    let (summary, batch) = read(&path, None).unwrap();
    assert_eq!(summary.source.source_crs, "OGC:CRS84");
    assert_eq!(first_point(&batch), DEGREES[0]);
    assert_eq!(batch.column(2).as_primitive::<Int64Type>().value(0), 150);
    // null: the writer does not know.
    let unknown = geo.replace(r#""encoding""#, r#""crs":null,"encoding""#);
    let path = write(dir.path(), Some(&unknown), plain(), wkb(METRES));
    assert!(matches!(read(&path, None), Err(IngestError::NoCrs { .. })));
    let (summary, batch) = read(&path, Some("EPSG:9217")).unwrap();
    assert_eq!(summary.source.source_crs, "EPSG:9217");
    assert!((first_point(&batch).0 - 109.1967).abs() < 1e-8);
    // PROJJSON.
    let json = gdal::spatial_ref::SpatialRef::from_epsg(9217).unwrap().to_projjson().unwrap();
    let zone = geo.replace(r#""encoding""#, &format!(r#""crs":{json},"encoding""#));
    let path = write(dir.path(), Some(&zone), plain(), wkb(METRES));
    assert_eq!(read(&path, None).unwrap().0.source.source_crs, "EPSG:9217");
    // Polygons are not lamps.
    let areas = geo.replace(r#"["Point"]"#, r#"["Polygon"]"#);
    let path = write(dir.path(), Some(&areas), plain(), wkb(DEGREES));
    assert!(matches!(read(&path, None), Err(IngestError::GeometryMismatch { .. })));
}

#[test]
fn the_native_geometry_type_needs_no_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let field = |crs: &str| {
        plain().with_metadata(HashMap::from([
            ("ARROW:extension:name".into(), "geoarrow.wkb".into()),
            ("ARROW:extension:metadata".into(), crs.into()),
        ]))
    };
    let path = write(dir.path(), None, field("{}"), wkb(DEGREES));
    assert_eq!(read(&path, None).unwrap().0.source.source_crs, "OGC:CRS84");
    let path = write(dir.path(), None, field(r#"{"crs":"srid:9217"}"#), wkb(METRES));
    let (summary, batch) = read(&path, None).unwrap();
    assert_eq!(summary.source.source_crs, "EPSG:9217");
    assert!((first_point(&batch).1 - 12.2388).abs() < 1e-8);
    // A plain table is no layer.
    let path = write(dir.path(), None, plain(), wkb(DEGREES));
    assert!(matches!(read(&path, None), Err(IngestError::NoGeometry { .. })));
}

#[test]
fn geoarrow_points_are_read_and_unknown_encodings_refused() {
    let dir = tempfile::tempdir().unwrap();
    let xy = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Float64, false)),
            Arc::new(Float64Array::from(vec![DEGREES[0].0, DEGREES[1].0])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("y", DataType::Float64, false)),
            Arc::new(Float64Array::from(vec![DEGREES[0].1, DEGREES[1].1])) as ArrayRef,
        ),
    ]);
    let geo = r#"{"version":"1.1.0","primary_column":"geom","columns":{"geom":{"encoding":"point","geometry_types":["Point"]}}}"#;
    let field = Field::new("geom", xy.data_type().clone(), true);
    let path = write(dir.path(), Some(geo), field.clone(), Arc::new(xy.clone()));
    assert_eq!(first_point(&read(&path, None).unwrap().1), DEGREES[0]);
    let layer = infer_layer("lamp", &path.to_string_lossy(), &ReadOptions::default(), false).unwrap();
    assert_eq!((layer.geometry, layer.key), (GeometryKind::Point, vec!["ma_den".to_owned()]));
    let path = write(dir.path(), Some(&geo.replace(r#""point""#, r#""twkb""#)), field, Arc::new(xy));
    assert!(matches!(read(&path, None), Err(IngestError::Encoding { .. })));
}
