//! Who sees what through SQL, whatever the form of the answer or of the error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::common;
use crate::common::OWNER;
use kho_access::Principal;
use kho_query::format::{self, Format};
use kho_query::{Limits, QueryEngine, QueryError};
use std::time::{Duration, Instant};

async fn bytes(
    engine: &QueryEngine,
    who: &Principal,
    sql: &str,
    format: Format,
) -> Result<Vec<u8>, QueryError> {
    let mut out = Vec::new();
    format::write(engine.sql(who, sql, None).await?, format, &mut out).await?;
    Ok(out)
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

const FORMATS: [Format; 5] = [Format::Table, Format::Json, Format::Csv, Format::Arrow, Format::Parquet];

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_is_in_no_answer_to_strangers() {
    let city = common::small().await;
    let engine = city.engine(Limits::public());
    for format in FORMATS {
        for table in ["land_parcel", "planning_zone", "admin_unit", "land_use_by_ward", "parcel_zone"] {
            let answer = bytes(&engine, &Principal::Anonymous, &format!("select * from {table}"), format)
                .await
                .unwrap();
            for secret in [OWNER, "chu_su_dung", "Trần Phú", "dia_chi", "056000000", "nội bộ", "dan_so"]
            {
                assert!(!has(&answer, secret), "{secret} in {table} as {format:?}");
            }
        }
    }
    // The same words are there for those who may see them, so that this test can fail.
    let all = bytes(&engine, &Principal::LocalCli, "select * from land_parcel", Format::Csv).await.unwrap();
    assert!(has(&all, OWNER) && has(&all, "Trần Phú"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_tell_nothing_of_the_machine_or_of_what_is_hidden() {
    let city = common::small().await;
    let engine = city.engine(Limits::public());
    let home = city.dir.path().to_str().unwrap().to_owned();
    for sql in [
        "select chu_su_dung from land_parcel",
        "select * from land_parcel where so_gcn = '1'",
        "select * from drain_pipe",
        "select * from '/etc/passwd'",
        "select so_to / 0 from land_parcel",
        "select ST_GeomFromText('nonsense') from land_parcel",
        "select ST_Nothing(geometry) from land_parcel",
        "select cast(ma_xa || 'x' as int) from land_parcel",
        "selec",
        "select * from land_parcel limit -1",
        "select ST_Transform(geometry, 'EPSG:1') from land_parcel",
    ] {
        let said = match bytes(&engine, &Principal::Anonymous, sql, Format::Json).await {
            Ok(_) => panic!("{sql} was answered"),
            Err(e) => {
                assert!(e.is_user(), "{sql}: {e:?}");
                e.to_string()
            }
        };
        for secret in [home.as_str(), ".parquet", "catalog.sqlite", ".rs:", "dia_chi", OWNER] {
            assert!(!said.contains(secret), "{sql}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_and_missing_columns_look_the_same() {
    let city = common::small().await;
    let engine = city.engine(Limits::public());
    let said = async |column: &str| {
        let sql = format!("select {column} from land_parcel");
        let e = engine.sql(&Principal::Anonymous, &sql, None).await.unwrap_err();
        e.to_string().replace(column, "X")
    };
    assert_eq!(said("chu_su_dung").await, said("never_was").await);
    assert_eq!(said("dia_chi").await, said("never_was").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold() {
    let city = common::small().await;
    let engine = city.engine(Limits { max_rows: Some(99), ..Limits::default() });
    let e = bytes(&engine, &Principal::LocalCli, "select * from land_parcel", Format::Csv).await.unwrap_err();
    assert!(matches!(e, QueryError::TooManyRows(99)), "{e:?}");
    assert!(
        bytes(&engine, &Principal::LocalCli, "select * from land_parcel limit 99", Format::Csv).await.is_ok()
    );

    let endless = "select count(*) from generate_series(1, 1000000000000)";
    let limits = Limits { timeout: Some(Duration::from_millis(300)), concurrency: 1, ..Limits::default() };
    let engine = city.engine(limits);
    let e = bytes(&engine, &Principal::LocalCli, endless, Format::Csv).await.unwrap_err();
    assert!(matches!(e, QueryError::Timeout(_)), "{e:?}");
    // The turn is given back once the work has stopped.
    let given_back = async {
        while bytes(&engine, &Principal::LocalCli, "select 1", Format::Csv).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), given_back).await.is_ok());

    // A join that computes for long between two yields is left behind, and nobody waits for it:
    // neither who asked, nor who drops the engine.
    let deaf = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b
                where a.value * 3 < b.value + a.value % 7";
    let limits = Limits { timeout: Some(Duration::from_millis(300)), ..Limits::default() };
    let engine = city.engine(limits);
    let asked = Instant::now();
    let e = bytes(&engine, &Principal::LocalCli, deaf, Format::Csv).await.unwrap_err();
    assert!(matches!(e, QueryError::Timeout(_)), "{e:?}");
    drop(engine);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());

    let engine = city.engine(Limits { memory_bytes: 1 << 20, spill_bytes: 1 << 20, ..Limits::default() });
    let greedy = "select array_agg(a.value) from generate_series(1, 3000000) a";
    let e = bytes(&engine, &Principal::LocalCli, greedy, Format::Csv).await.unwrap_err();
    assert!(matches!(e, QueryError::OutOfMemory(1)), "{e:?}");

    let engine = city.engine(Limits { max_sql_bytes: 100, ..Limits::default() });
    let long = format!("select 1 -- {}", "x".repeat(200));
    assert!(engine.sql(&Principal::LocalCli, &long, None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stops_with_its_reader_and_outlives_its_engine() {
    let city = common::small().await;
    let engine = city.engine(Limits { concurrency: 1, ..Limits::default() });
    let endless = "select value from generate_series(1, 1000000000000)";
    drop(engine.sql(&Principal::LocalCli, endless, None).await.unwrap());
    // There is one turn, so it has been given back.
    let next = engine.sql(&Principal::LocalCli, "select kho_id from land_parcel", None);
    let answer = tokio::time::timeout(Duration::from_secs(20), next).await.unwrap().unwrap();
    drop(engine);
    let batches = answer.collect().await.unwrap();
    assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_stay() {
    let city = common::small().await;
    let engine = city.engine(Limits::default());
    let before = engine.sql(&Principal::LocalCli, "select 1", None).await.unwrap().snapshot;
    let after = city.commit(vec![("land_parcel", common::parcels(3, 0.002))]).await;
    assert!(after > before);
    let count = async |at| {
        let answer =
            engine.sql(&Principal::LocalCli, "select count(*) n from land_parcel", at).await.unwrap();
        let batches = answer.collect().await.unwrap();
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(batches[0].column(0)).value(0)
    };
    assert_eq!(count(None).await, 9);
    assert_eq!(count(Some(before)).await, 100);
    let e =
        engine.sql(&Principal::LocalCli, "select count(*) from land_parcel", Some(999)).await.unwrap_err();
    assert!(matches!(e, QueryError::UnknownSnapshot(999)), "{e:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_tables_is_the_principals() {
    let city = common::small().await;
    let engine = city.engine(Limits::default());
    let names = async |who| -> Vec<String> {
        engine.tables(&who, None).await.unwrap().into_iter().map(|t| t.name).collect()
    };
    let public = names(Principal::Anonymous).await;
    assert_eq!(
        public,
        ["admin_unit", "land_parcel", "planning_zone", "land_use_by_ward", "parcel_zone", "zone_by_ward"]
    );
    let all = names(Principal::LocalCli).await;
    assert_eq!(all.len(), 8 + 6, "{all:?}");
}
