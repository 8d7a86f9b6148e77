//! What a commit changed: told by feature, by area, and to each grant what it may know.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use crate::support::*;
use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch, StringArray};
use kho_access::Principal;
use kho_lake::{Area, Change, Lake, SnapshotId};
use std::sync::Arc;
use tempfile::TempDir;

const PARCEL: &str = "land_parcel";
/// Where the test puts what it moves: away from all other features.
const FAR: (f64, f64) = (109.8, 12.8);

fn with(batch: &RecordBatch, column: &str, values: ArrayRef) -> RecordBatch {
    let at = batch.schema().index_of(column).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[at] = values;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// The same features, one of them with another text.
fn text(batch: &RecordBatch, column: &str, row: usize) -> RecordBatch {
    let old = batch.column_by_name(column).unwrap().as_string::<i32>();
    let new = old.iter().enumerate().map(|(i, v)| if i == row { Some("another") } else { v });
    with(batch, column, Arc::new(new.collect::<StringArray>()))
}

/// The same features, one of them elsewhere.
fn moved(batch: &RecordBatch, row: usize) -> RecordBatch {
    let old = batch.column_by_name("geometry").unwrap().as_binary::<i32>();
    let there = square(FAR.0, FAR.1, 0.0002);
    let new = old.iter().enumerate().map(|(i, v)| if i == row { Some(there.as_slice()) } else { v });
    with(batch, "geometry", Arc::new(BinaryArray::from_iter(new)))
}

fn bounds(batch: &RecordBatch, row: usize) -> kho_lake::Bounds {
    kho_lake::wkb_bounds(batch.column_by_name("geometry").unwrap().as_binary::<i32>().value(row)).unwrap()
}

async fn fresh() -> (TempDir, Lake, RecordBatch) {
    let dir = TempDir::new().unwrap();
    let lake = Lake::create(dir.path(), None).await.unwrap();
    let parcel = layer(PARCEL);
    let all = features(&parcel, 1, 1_000, 5);
    replace(&lake, &parcel, std::slice::from_ref(&all)).await;
    (dir, lake, all)
}

async fn seen(lake: &Lake, who: &Principal, at: SnapshotId, from: SnapshotId) -> Change {
    lake.changes_since(&grant(who, PARCEL, at), from).await.unwrap()
}

fn boxes(change: &Change) -> &[kho_lake::Bounds] {
    match &change.area {
        Area::Boxes(boxes) => boxes,
        Area::Everywhere => unreachable!("a few features are not everywhere"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_change_is_told_to_who_may_know_it() {
    let (dir, lake, all) = fresh().await;
    let parcel = layer(PARCEL);
    let (cli, anybody) = (Principal::LocalCli, Principal::Anonymous);

    // The same delivery once more, in another order: nothing.
    let (front, back) = (all.slice(0, 400), all.slice(400, 600));
    let at = replace(&lake, &parcel, &[back, front]).await;
    for who in [&cli, &anybody] {
        assert!(seen(&lake, who, at, at - 1).await.is_none());
    }

    // A restricted value: how many, and not where. Nobody else sees anything.
    let owners = text(&all, "chu_su_dung", 3);
    let at = replace(&lake, &parcel, std::slice::from_ref(&owners)).await;
    let change = seen(&lake, &cli, at, at - 1).await;
    assert_eq!((change.changed, &change.area), (1, &Area::Everywhere));
    assert!(seen(&lake, &anybody, at, at - 1).await.is_none());
    assert_eq!(lake.history(&grant(&anybody, PARCEL, at)).await.unwrap()[0], (at, Area::NOWHERE));

    // An internal value: a change of what tiles are made of, and none for anybody.
    let addresses = text(&owners, "dia_chi", 4);
    let at = replace(&lake, &parcel, std::slice::from_ref(&addresses)).await;
    let change = seen(&lake, &cli, at, at - 1).await;
    assert_eq!((change.added, change.removed, change.changed), (0, 0, 1));
    assert!(change.area.meets(&bounds(&all, 4)) && boxes(&change).len() == 1);
    assert!(seen(&lake, &anybody, at, at - 1).await.is_none());
    let history = lake.history(&grant(&anybody, PARCEL, at)).await.unwrap();
    assert!(history[0].1.meets(&bounds(&all, 4)) && history[0].1 != Area::Everywhere);

    // A public value, then a geometry, with its old and its new place.
    let uses = text(&addresses, "loai_dat", 5);
    let at = replace(&lake, &parcel, std::slice::from_ref(&uses)).await;
    for who in [&cli, &anybody] {
        let change = seen(&lake, who, at, at - 1).await;
        assert_eq!((change.added, change.removed, change.changed), (0, 0, 1));
        let ([b], c) = (boxes(&change), bounds(&all, 5)) else { unreachable!("one box") };
        assert!(b[0] <= c[0] && b[1] <= c[1] && b[2] >= c[2] && b[3] >= c[3]);
        assert!(b[2] - b[0] < 0.0003 && b[3] - b[1] < 0.0003, "{b:?}");
    }
    let shapes = moved(&uses, 6);
    let at = replace(&lake, &parcel, std::slice::from_ref(&shapes)).await;
    let change = seen(&lake, &anybody, at, at - 1).await;
    assert_eq!((change.changed, boxes(&change).len()), (1, 2));
    assert!(change.area.meets(&bounds(&all, 6)) && change.area.meets(&[FAR.0, FAR.1, FAR.0, FAR.1]));

    // Three go, two come.
    let more = features(&parcel, 5_001, 2, 9);
    let at = replace(&lake, &parcel, &[shapes.slice(3, 997), more]).await;
    let change = seen(&lake, &anybody, at, at - 1).await;
    assert_eq!((change.added, change.removed, change.changed), (2, 3, 0));

    // All of it at once, and back.
    let all_of_it = seen(&lake, &anybody, at, 1).await;
    assert_eq!((all_of_it.added, all_of_it.removed, all_of_it.changed), (2, 3, 2));
    assert!(all_of_it.area.meets(&bounds(&all, 5)) && boxes(&all_of_it).len() <= 256);
    let back = seen(&lake, &anybody, 1, at).await;
    assert_eq!((back.added, back.removed, &back.area), (3, 2, &all_of_it.area));
    assert!(seen(&lake, &anybody, at, at).await.is_none());
    // And from before there was anything.
    assert_eq!(seen(&lake, &anybody, at, 0).await.area, Area::Everywhere);

    let history = lake.history(&grant(&anybody, PARCEL, at)).await.unwrap();
    let ids: Vec<_> = history.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=at).rev().collect::<Vec<_>>());
    assert_eq!(history.last().unwrap().1, Area::Everywhere);
    // Of another process too.
    let other = Lake::open(dir.path(), None).await.unwrap();
    assert_eq!(other.history(&grant(&anybody, PARCEL, at)).await.unwrap(), history);
}

#[tokio::test]
async fn what_changes_most_of_a_layer_is_everywhere() {
    let (_dir, lake, _) = fresh().await;
    let parcel = layer(PARCEL);
    let at = replace(&lake, &parcel, &[features(&parcel, 1, 1_000, 6)]).await;
    let change = seen(&lake, &Principal::Anonymous, at, at - 1).await;
    assert_eq!(change.area, Area::Everywhere);
    assert!(change.changed > 900 && change.added + change.removed == 0);
    let none = replace(&lake, &parcel, &[]).await;
    let change = seen(&lake, &Principal::Anonymous, none, at).await;
    assert_eq!((change.removed, change.area), (1_000, Area::Everywhere));
    let again = replace(&lake, &parcel, &[features(&parcel, 1, 1_000, 6)]).await;
    let change = seen(&lake, &Principal::Anonymous, again, none).await;
    assert_eq!((change.added, change.area), (1_000, Area::Everywhere));
}

#[tokio::test]
async fn other_columns_are_a_change_of_who_sees_them() {
    let (_dir, lake, all) = fresh().await;
    let old = layer(PARCEL);
    let mut new = (*old).clone();
    let gone = new.columns.iter().position(|c| c.name == "dia_chi").unwrap();
    new.columns.remove(gone);
    let columns: Vec<_> =
        (0..all.num_columns()).filter(|i| all.schema().field(*i).name() != "dia_chi").collect();
    let fewer = all.project(&columns).unwrap();
    let fewer = RecordBatch::try_new(kho_layer::arrow_schema(&new), fewer.columns().to_vec()).unwrap();
    let at = replace(&lake, &new, &[fewer]).await;
    // An internal column went: tiles may have had it, anybody has not.
    assert_eq!(lake.history(&grant_of(&new, at)).await.unwrap()[0], (at, Area::Everywhere));
    assert!(seen(&lake, &Principal::Anonymous, at, at - 1).await.is_none());
    let at = replace(&lake, &old, std::slice::from_ref(&all)).await;
    assert_eq!(seen(&lake, &Principal::LocalCli, at, at - 1).await.area, Area::Everywhere);
}

#[tokio::test]
async fn a_digest_comes_and_goes_with_its_files() {
    let (dir, lake, all) = fresh().await;
    let parcel = layer(PARCEL);
    let folder = dir.path().join("lake/digests");
    let digests = files_under(&folder);
    let data = files_under(&dir.path().join("lake/data"));
    assert_eq!((digests.len(), data.len()), (1, 1));
    assert_eq!(digests[0].file_stem(), data[0].file_stem());
    assert_eq!(std::fs::metadata(&digests[0]).unwrap().len(), 48 * 1_001);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&digests[0])), (0o700, 0o600));
    }

    // A commit that fails takes its digest with it.
    let mut commit = lake.begin("test", "no room");
    let road = layer("road");
    let mut writer = commit.replace(&road).unwrap();
    writer.write(features(&road, 1, 10, 1)).unwrap();
    let written = writer.finish(provenance(10)).unwrap();
    let in_the_way = folder.join("road");
    std::fs::write(&in_the_way, "a file where a folder has to be").unwrap();
    assert!(commit.finish(vec![written]).await.is_err());
    std::fs::remove_file(in_the_way).unwrap();
    assert_eq!(files_under(&folder), digests);
    assert_eq!(files_under(&dir.path().join("lake/data")), data);
    assert!(files_under(&dir.path().join("lake/staging")).is_empty());

    // Lost, or another version's: nothing is known of the next change, and all goes on.
    std::fs::write(&digests[0], "x").unwrap();
    let broken = replace(&lake, &parcel, std::slice::from_ref(&all)).await;
    assert_eq!(seen(&lake, &Principal::Anonymous, broken, broken - 1).await.area, Area::Everywhere);
    let newest = files_under(&folder).into_iter().find(|f| *f != digests[0]).unwrap();
    std::fs::remove_file(newest).unwrap();
    let lost = replace(&lake, &parcel, std::slice::from_ref(&all)).await;
    assert_eq!(seen(&lake, &Principal::Anonymous, lost, broken).await.area, Area::Everywhere);
    let found = replace(&lake, &parcel, std::slice::from_ref(&all)).await;
    assert!(seen(&lake, &Principal::Anonymous, found, lost).await.is_none());
}

#[tokio::test]
async fn features_in_one_place_keep_their_order_however_they_are_delivered() {
    let road = layer("road");
    let one_place = |ids: [i64; 2]| {
        let batches = ids.map(|first| {
            let batch = features(&road, first, 300, 1);
            let there = BinaryArray::from_iter((0..300).map(|_| Some(square(109.2, 12.2, 0.001))));
            with(&batch, "geometry", Arc::new(there))
        });
        batches.to_vec()
    };
    let mut found = Vec::new();
    for (order, budget) in [([1, 301], usize::MAX), ([301, 1], usize::MAX), ([301, 1], 1)] {
        let dir = TempDir::new().unwrap();
        let lake = Lake::create(dir.path(), None).await.unwrap();
        let mut commit = lake.begin("test", "order");
        let mut writer = commit.replace(&road).unwrap().with_budget(budget);
        for batch in one_place(order) {
            writer.write(batch).unwrap();
        }
        let written = writer.finish(provenance(600)).unwrap();
        commit.finish(vec![written]).await.unwrap();
        let grant = grant(&Principal::LocalCli, "road", 1);
        found.push(ids(&read(&lake, &grant, kho_lake::ReadRequest::default()).await.unwrap()));
    }
    assert_eq!(found[0], (1..=600).collect::<Vec<_>>());
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}
