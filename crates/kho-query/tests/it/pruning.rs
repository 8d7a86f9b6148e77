//! A window query must not read the city.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::common;
use crate::common::TestCity;
use arrow::array::AsArray;
use kho_access::Principal;
use kho_query::{Limits, QueryEngine};

/// The text of EXPLAIN ANALYZE.
async fn analyze(engine: &QueryEngine, sql: &str) -> String {
    let sql = format!("explain analyze {sql}");
    let batches = engine.sql(&Principal::LocalCli, &sql, None).await.unwrap().collect().await.unwrap();
    let column = batches[0].column_by_name("plan").unwrap();
    column.as_string::<i32>().value(0).to_owned()
}

/// The rows in the row groups that the scan of `layer` goes through.
fn rows_read(plan: &str, layer: &str) -> u64 {
    let scan = plan.lines().find(|l| l.contains(&format!("LayerScanExec: layer={layer},")));
    let rows = scan
        .and_then(|s| s.split(", rows=").nth(1))
        .unwrap_or_else(|| panic!("no scan of {layer} in {plan}"));
    rows.split([',', ' ']).next().unwrap().parse().unwrap()
}

/// 90 000 parcels: several row groups.
async fn city() -> TestCity {
    let city = TestCity::new(&["land_parcel"]).await;
    city.commit(vec![("land_parcel", common::parcels(300, 0.0005))]).await;
    city
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_outside_the_window_are_not_read() {
    let city = city().await;
    let engine = city.engine(Limits::default());
    let window = "ST_Intersects(geometry, ST_MakeEnvelope(109.10001, 12.20001, 109.1009, 12.2009))";
    let all = analyze(&engine, "select sum(dien_tich) from land_parcel").await;
    assert_eq!(rows_read(&all, "land_parcel"), 90_000, "{all}");
    for form in [
        window.to_owned(),
        "ST_Within(geometry, ST_MakeEnvelope(109.09, 12.19, 109.1009, 12.2009))".into(),
        "ST_Contains(ST_MakeEnvelope(109.09, 12.19, 109.1009, 12.2009), geometry)".into(),
        "ST_Intersects(ST_Point(109.1001, 12.2001), geometry)".into(),
        "ST_DWithin(geometry, ST_Point(109.1001, 12.2001), 0.0001)".into(),
        "ST_Distance(geometry, ST_Point(109.1001, 12.2001)) < 0.0001".into(),
        format!("{window} and so_to < 3"),
        format!("{window} or ST_Intersects(geometry, ST_Point(109.1001, 12.2001))"),
        "ST_Intersects(geometry, ST_SetSRID(ST_GeomFromText('POINT(109.1001 12.2001)'), 4326))".into(),
    ] {
        let sql = format!("select count(*), sum(dien_tich) from land_parcel where {form}");
        let plan = analyze(&engine, &sql).await;
        let read = rows_read(&plan, "land_parcel");
        assert!(read > 0 && read < 45_000, "{read} rows read for {form}\n{plan}");
    }
    // Pruning must not lose what a filter that says more than a window would keep.
    let or =
        analyze(&engine, &format!("select sum(dien_tich) from land_parcel where {window} or so_to = 300"))
            .await;
    assert_eq!(rows_read(&or, "land_parcel"), 90_000, "{or}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_when_nothing_can_match() {
    let city = city().await;
    let engine = city.engine(Limits::default());
    let plan = analyze(
        &engine,
        "select count(*), sum(dien_tich) from land_parcel where ST_Intersects(geometry, ST_MakeEnvelope(0, 0, 1, 1))",
    )
    .await;
    assert_eq!(rows_read(&plan, "land_parcel"), 0, "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_columns_prune_too() {
    let city = city().await;
    let engine = city.engine(Limits::default());
    let plan =
        analyze(&engine, "select count(geometry) from land_parcel where dien_tich < 105 and so_to < 4").await;
    assert!(rows_read(&plan, "land_parcel") < 90_000, "{plan}");
    let plan = analyze(&engine, "select count(geometry) from land_parcel where so_to > 1000").await;
    assert_eq!(rows_read(&plan, "land_parcel"), 0, "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_reads_nothing() {
    let city = city().await;
    let engine = city.engine(Limits::default());
    let plan = analyze(&engine, "select count(*) from land_parcel").await;
    assert!(!plan.contains("LayerScanExec"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_restricted_sibling_is_read_only_when_asked_for() {
    let city = city().await;
    let engine = city.engine(Limits::default());
    let open = analyze(&engine, "select max(dia_chi), sum(dien_tich) from land_parcel").await;
    assert!(!open.contains("restricted"), "{open}");
    let closed = analyze(&engine, "select max(chu_su_dung), sum(dien_tich) from land_parcel").await;
    assert!(closed.contains("layer=land_parcel.restricted,"), "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spatial_joins_are_spatial() {
    let city = common::small().await;
    let engine = city.engine(Limits::default());
    let plan = analyze(
        &engine,
        "select count(*) from land_parcel p join planning_zone z on ST_Intersects(p.geometry, z.geometry)",
    )
    .await;
    assert!(plan.contains("SpatialJoinExec"), "{plan}");
    // The measures of a view that nobody asks for are not computed.
    let plan = analyze(&engine, "select ma_doi_tuong, count(*) from parcel_zone group by 1").await;
    assert!(!plan.to_lowercase().contains("st_intersection"), "{plan}");
}
