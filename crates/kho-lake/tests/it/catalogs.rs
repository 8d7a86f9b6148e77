//! What must hold with either catalog: in SQLite, and in PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use crate::support::postgres::Postgres;
use crate::support::*;
use kho_access::Principal;
use kho_lake::{Lake, LakeError, ReadRequest};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    all(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql() {
    let cluster = Postgres::start();
    all(Some(&cluster)).await;
}

/// Runs each check on a city of its own.
async fn all(cluster: Option<&Postgres>) {
    let url = |name: &str| cluster.map(|c| c.database(name));
    exactly_one_lake(url("one")).await;
    a_layer_comes_back(url("back")).await;
    old_snapshots_stay(url("old")).await;
    layers_commit_together(url("together")).await;
    definitions_may_change(url("change")).await;
    commits_queue_up(url("queue")).await;
    a_failed_commit_leaves_the_old_snapshot(url("failed")).await;
}

struct Fresh {
    dir: TempDir,
    url: Option<String>,
    lake: Lake,
}

async fn fresh(url: Option<String>) -> Fresh {
    let dir = TempDir::new().unwrap();
    let lake = Lake::create(dir.path(), url.as_deref()).await.unwrap();
    Fresh { dir, url, lake }
}

async fn exactly_one_lake(url: Option<String>) {
    let dir = TempDir::new().unwrap();
    let opened = Lake::open(dir.path(), url.as_deref()).await;
    assert!(matches!(opened, Err(LakeError::NoLake(_))), "{opened:?}");
    let lake = Lake::create(dir.path(), url.as_deref()).await.unwrap();
    assert_eq!(lake.current().await.unwrap(), 0);
    assert!(lake.layers(0).await.unwrap().is_empty());
    let again = Lake::create(dir.path(), url.as_deref()).await;
    assert!(matches!(again, Err(LakeError::Exists(_))), "{again:?}");
    let none = lake.layers(1).await;
    assert!(matches!(none, Err(LakeError::NoSnapshot { asked: 1, newest: 0 })));
    let empty = lake.files(&grant(&Principal::LocalCli, "road", 0)).await;
    assert!(matches!(empty, Err(LakeError::NoData { .. })));
}

async fn a_layer_comes_back(url: Option<String>) {
    let city = fresh(url).await;
    let parcel = layer("land_parcel");
    let batches: Vec<_> = (0..5).map(|i| features(&parcel, 1 + i * 9_000, 9_000, i as u64)).collect();
    let id = replace(&city.lake, &parcel, &batches).await;
    // Another process sees the same.
    let lake = Lake::open(city.dir.path(), city.url.as_deref()).await.unwrap();
    assert_eq!((id, lake.current().await.unwrap()), (1, 1));
    let everything = ReadRequest { geometry: true, ..Default::default() };
    let grant = grant(&Principal::LocalCli, "land_parcel", id);
    let found = read(&lake, &grant, everything).await.unwrap();
    let all = arrow::compute::concat_batches(batches[0].schema_ref(), &batches).unwrap();
    assert_eq!(found.schema(), all.schema());
    assert_eq!(by_id(&found), all);

    let state = &lake.layers(id).await.unwrap()[0];
    assert_eq!((state.name.as_str(), state.feature_count), ("land_parcel", 45_000));
    assert_eq!((state.file_count, state.since_snapshot), (2, 1));
    assert_eq!(state.provenance, Some(provenance(45_000)));
    let bounds = state.bounds.unwrap();
    assert!(bounds[0] > 109.09 && bounds[3] < 12.41, "{bounds:?}");
    let snapshots = lake.snapshots().await.unwrap();
    assert_eq!(snapshots[1].layers, ["land_parcel"]);
    assert_eq!(snapshots[1].author.as_deref(), Some("test"));
    assert!((chrono::Utc::now() - snapshots[1].at).num_seconds().abs() < 600);
}

async fn old_snapshots_stay(url: Option<String>) {
    let city = fresh(url).await;
    let (road, water) = (layer("road"), layer("water_body"));
    let first = replace(&city.lake, &road, &[features(&road, 1, 700, 1)]).await;
    let between = replace(&city.lake, &water, &[features(&water, 1, 70, 2)]).await;
    let second = replace(&city.lake, &road, &[features(&road, 2_001, 300, 3)]).await;
    let none = replace(&city.lake, &road, &[]).await;
    for (snapshot, since, count) in
        [(first, first, 700), (between, first, 700), (second, second, 300), (none, none, 0)]
    {
        let grant = grant(&Principal::Anonymous, "road", snapshot);
        let files = city.lake.files(&grant).await.unwrap();
        assert_eq!((files.layer_since, files.feature_count), (since, count));
        let found = read(&city.lake, &grant, ReadRequest::default()).await.unwrap();
        assert_eq!(found.num_rows() as u64, count);
    }
    let early = city.lake.files(&grant(&Principal::Anonymous, "water_body", first)).await;
    assert!(matches!(early, Err(LakeError::NoData { .. })));
}

async fn layers_commit_together(url: Option<String>) {
    let city = fresh(url).await;
    let mut commit = city.lake.begin("test", "two layers");
    let mut written = Vec::new();
    for name in ["drain_node", "drain_pipe"] {
        let def = layer(name);
        let mut writer = commit.replace(&def).unwrap();
        writer.write(features(&def, 1, 100, 1)).unwrap();
        written.push(writer.finish(provenance(100)).unwrap());
    }
    let id = commit.finish(written).await.unwrap();
    assert_eq!(id, 1);
    let states = city.lake.layers(1).await.unwrap();
    assert!(states.iter().all(|s| s.since_snapshot == 1 && s.feature_count == 100));
    assert_eq!(states.len(), 2);

    // A layer of another commit, one twice, none: refused, and nothing is left of them.
    let road = layer("road");
    let written = |commit: &mut kho_lake::Commit| {
        let mut writer = commit.replace(&road).unwrap();
        writer.write(features(&road, 1, 10, 1)).unwrap();
        writer.finish(provenance(10)).unwrap()
    };
    let before = files_under(city.dir.path());
    let (mut one, mut other) = (city.lake.begin("a", "b"), city.lake.begin("a", "b"));
    let strays = vec![written(&mut one), written(&mut other)];
    for (commit, layers) in [(one, strays), (other, vec![])] {
        let refused = commit.finish(layers).await;
        assert!(matches!(refused, Err(LakeError::Commit(_))), "{refused:?}");
    }
    let mut twice = city.lake.begin("a", "b");
    let layers = vec![written(&mut twice), written(&mut twice)];
    assert!(matches!(twice.finish(layers).await, Err(LakeError::Commit(_))));
    assert_eq!(city.lake.current().await.unwrap(), 1);
    assert_eq!(files_under(city.dir.path()), before);
}

async fn definitions_may_change(url: Option<String>) {
    let city = fresh(url).await;
    let old = layer("land_parcel");
    let first = replace(&city.lake, &old, &[features(&old, 1, 50, 1)]).await;
    // One column goes, one comes, one changes its type, and nothing is restricted any more.
    let mut new = (*old).clone();
    new.columns.retain(|c| c.access != kho_layer::AccessClass::Restricted);
    let gone = new.columns.remove(new.columns.iter().position(|c| c.name == "dia_chi").unwrap());
    let mut come = gone.clone();
    come.name = "mat_tien".into();
    come.ty = kho_layer::ColumnType::Float;
    new.columns.insert(1, come);
    let i = new.columns.iter().position(|c| c.name == "so_to_cu").unwrap();
    new.columns[i].ty = kho_layer::ColumnType::Text;
    let second = replace(&city.lake, &new, &[features(&new, 1, 60, 2)]).await;
    let third = replace(&city.lake, &old, &[features(&old, 1, 70, 3)]).await;
    let request = || ReadRequest { geometry: true, ..Default::default() };
    for (def, snapshot, rows, seed) in [(&*old, first, 50, 1), (&new, second, 60, 2), (&*old, third, 70, 3)] {
        let found = read(&city.lake, &grant_of(def, snapshot), request()).await.unwrap();
        assert_eq!(by_id(&found), features(def, 1, rows, seed));
    }
    // Today's definition on yesterday's data: the columns that there are.
    let found = read(&city.lake, &grant_of(&new, first), request()).await.unwrap();
    assert!(found.column_by_name("mat_tien").is_none());
    assert!(found.column_by_name("dia_chi").is_none());
    assert_eq!(found.num_rows(), 50);
}

async fn commits_queue_up(url: Option<String>) {
    let city = fresh(url).await;
    let road = layer("road");
    let commits = (0..6).map(|i| {
        let (lake, road) = (city.lake.clone(), road.clone());
        tokio::spawn(async move { replace(&lake, &road, &[features(&road, 1, 10 + i, 1)]).await })
    });
    let mut ids = Vec::new();
    for commit in commits.collect::<Vec<_>>() {
        ids.push(commit.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    assert_eq!(city.lake.layers(6).await.unwrap()[0].file_count, 1);
}

async fn a_failed_commit_leaves_the_old_snapshot(url: Option<String>) {
    let city = fresh(url).await;
    let road = layer("road");
    replace(&city.lake, &road, &[features(&road, 1, 10, 1)]).await;
    let before = files_under(&city.dir.path().join("lake/data"));
    let mut commit = city.lake.begin("test", "no room for its files");
    let mut writer = commit.replace(&layer("water_body")).unwrap();
    writer.write(features(&layer("water_body"), 1, 10, 1)).unwrap();
    let written = writer.finish(provenance(10)).unwrap();
    let in_the_way = city.dir.path().join("lake/data/water_body");
    std::fs::write(&in_the_way, "a file where a folder has to be").unwrap();
    let failed = commit.finish(vec![written]).await;
    assert!(matches!(failed, Err(LakeError::Io { .. })), "{failed:?}");
    std::fs::remove_file(in_the_way).unwrap();
    assert_eq!(files_under(&city.dir.path().join("lake/data")), before);
    assert!(files_under(&city.dir.path().join("lake/staging")).is_empty());
    assert_eq!(city.lake.current().await.unwrap(), 1);
    let water = layer("water_body");
    assert_eq!(replace(&city.lake, &water, &[features(&water, 1, 10, 1)]).await, 2);
}
