//! The forms of an answer.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;
use arrow::ipc::reader::StreamReader;
use kho_access::Principal;
use kho_query::format::{self, Format};
use kho_query::{Limits, QueryEngine};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::LogicalType;

const SQL: &str = "select so_thua, loai_dat, valid_from, valid_to, geometry from land_parcel where so_to = 1 and so_thua <= 2 order by 1";

async fn bytes(engine: &QueryEngine, sql: &str, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    format::write(engine.sql(&Principal::LocalCli, sql, None).await.unwrap(), format, &mut out)
        .await
        .unwrap();
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn text() {
    let city = common::small().await;
    let engine = city.engine(Limits::default());
    let as_text = async |sql: &str, format| String::from_utf8(bytes(&engine, sql, format).await).unwrap();
    insta::assert_snapshot!("table", as_text(SQL, Format::Table).await);
    insta::assert_snapshot!("csv", as_text(SQL, Format::Csv).await);
    let json = as_text(SQL, Format::Json).await;
    insta::assert_snapshot!("json", json);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows[0]["geometry"]["coordinates"][0][1][0], 109.102);
    assert!(rows[0]["valid_to"].is_null());

    let none = "select so_thua, geometry from land_parcel where so_to = 999";
    assert_eq!(as_text(none, Format::Json).await, "[]\n");
    assert_eq!(as_text(none, Format::Csv).await, "so_thua,geometry\n");
    assert!(as_text(none, Format::Table).await.ends_with("\n0 rows\n"));
    // Values with everything that could break a line.
    let odd = r#"select 'a"b,c' || chr(10) || 'd' as x"#;
    assert_eq!(as_text(odd, Format::Csv).await, "x\n\"a\"\"b,c\nd\"\n");
    let odd: serde_json::Value = serde_json::from_str(&as_text(odd, Format::Json).await).unwrap();
    assert_eq!(odd[0]["x"], "a\"b,c\nd");
}

#[tokio::test(flavor = "multi_thread")]
async fn arrow_keeps_the_geometry_type() {
    let city = common::small().await;
    let engine = city.engine(Limits::default());
    let bytes = bytes(&engine, SQL, Format::Arrow).await;
    let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let field = reader.schema().field_with_name("geometry").unwrap().clone();
    assert_eq!(field.metadata()["ARROW:extension:name"], "geoarrow.wkb");
    assert!(field.metadata()["ARROW:extension:metadata"].contains("OGC:CRS84"), "{field:?}");
    assert_eq!(reader.map(|b| b.unwrap().num_rows()).sum::<usize>(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_is_geoparquet_old_and_new() {
    let city = common::small().await;
    let engine = city.engine(Limits::default());
    let bytes = bytes::Bytes::from(bytes(&engine, SQL, Format::Parquet).await);
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let metadata = builder.metadata().file_metadata();
    let geometry = metadata.schema_descr().columns().last().unwrap().clone();
    assert!(matches!(geometry.logical_type_ref(), Some(LogicalType::Geometry { .. })), "{geometry:?}");
    let geo = metadata.key_value_metadata().unwrap().iter().find(|kv| kv.key == "geo").unwrap();
    let geo: serde_json::Value = serde_json::from_str(geo.value.as_ref().unwrap()).unwrap();
    assert_eq!(geo["primary_column"], "geometry");
    assert!(geo["columns"]["geometry"].get("crs").is_none(), "left out is CRS84");
    assert_eq!(builder.build().unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>(), 2);
}
