//! What lies on the disk, and what is read of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use crate::support::*;
use arrow::array::{Array, AsArray, RecordBatch};
use kho_access::Principal;
use kho_lake::{Lake, LakeError, ReadRequest, hilbert, intersects, row_group_bounds, wkb_bounds};
use parquet::basic::LogicalType;
use std::path::Path;
use tempfile::TempDir;

async fn parcels(dir: &Path, rows: usize) -> (Lake, RecordBatch) {
    let lake = Lake::create(dir, None).await.unwrap();
    let parcel = layer("land_parcel");
    let all = features(&parcel, 1, rows, 7);
    replace(&lake, &parcel, std::slice::from_ref(&all)).await;
    (lake, all)
}

fn with_geometry() -> ReadRequest {
    ReadRequest { geometry: true, ..Default::default() }
}

#[tokio::test]
async fn files_are_native_geometry_sorted_along_the_curve() {
    let dir = TempDir::new().unwrap();
    let (lake, all) = parcels(dir.path(), 40_000).await;
    let grant = grant(&Principal::LocalCli, "land_parcel", 1);
    let files = lake.files(&grant).await.unwrap();
    let footer = lake.footer(&files.files[0]).unwrap();
    let schema = footer.file_metadata().schema_descr();
    let last = schema.columns().last().unwrap();
    assert_eq!(last.logical_type_ref(), Some(&LogicalType::Geometry { crs: None }));
    assert_eq!(footer.num_row_groups(), 3);
    assert!(footer.column_index().is_some());
    let geo = footer.file_metadata().key_value_metadata().unwrap();
    let geo = geo.iter().find(|kv| kv.key == "geo").unwrap().value.as_ref().unwrap();
    assert!(geo.contains(r#""version":"2.0.0""#) && geo.contains(r#""Polygon""#), "{geo}");

    let groups = row_group_bounds(&footer);
    let found = read(&lake, &grant, with_geometry()).await.unwrap();
    assert_eq!(found.num_rows(), all.num_rows());
    let geometry = found.column_by_name("geometry").unwrap().as_binary::<i32>();
    let mut last = 0;
    for row in 0..found.num_rows() {
        let Some(b) = geometry.is_valid(row).then(|| wkb_bounds(geometry.value(row)).unwrap()) else {
            assert_eq!(row, found.num_rows() - 1, "what is nowhere comes last");
            continue;
        };
        assert!(intersects(&b, &groups[row / 16_384].unwrap()));
        let cell = |v: f64| ((v + 180.0) / 360.0 * 4_294_967_296.0) as u32;
        let key = hilbert(cell((b[0] + b[2]) / 2.0), cell((b[1] + b[3]) / 2.0));
        // the middle may round to the next cell, a centimetre on
        assert!(key >> 8 >= last >> 8);
        last = key;
    }
    let data = files_under(&dir.path().join("lake/data"));
    assert_eq!(files.files[0].path, data[0]);
    assert_eq!(files.files[0].bytes, std::fs::metadata(&data[0]).unwrap().len());
}

#[tokio::test]
async fn a_window_gives_what_a_full_read_would() {
    let dir = TempDir::new().unwrap();
    let (lake, all) = parcels(dir.path(), 60_000).await;
    let grant = grant(&Principal::LocalCli, "land_parcel", 1);
    let geometry = all.column_by_name("geometry").unwrap().as_binary::<i32>();
    let mut random = Random(3);
    for i in 0..25 {
        let (x, y) = (random.between(109.0, 109.3), random.between(12.0, 12.4));
        let window = [x, y, x + 0.001 * f64::from(i), y + 0.001 * f64::from(i)];
        let request = ReadRequest {
            window: Some(window),
            columns: Some(vec!["chu_su_dung".into(), "so_to".into()]),
            ..Default::default()
        };
        let mut found = ids(&read(&lake, &grant, request).await.unwrap());
        found.sort_unstable();
        let inside = |row: &i64| {
            let row = *row as usize - 1;
            geometry.is_valid(row) && intersects(&wkb_bounds(geometry.value(row)).unwrap(), &window)
        };
        let wanted: Vec<_> = (1..=60_000).filter(inside).collect();
        assert_eq!(found, wanted);
    }
    let limited = ReadRequest { limit: Some(10_000), ..Default::default() };
    assert_eq!(read(&lake, &grant, limited).await.unwrap().num_rows(), 10_000);
}

#[tokio::test]
async fn what_does_not_fit_in_memory_comes_out_the_same() {
    let parcel = layer("land_parcel");
    let mut found = Vec::new();
    for budget in [usize::MAX, 4 << 20, 1 << 20] {
        let dir = TempDir::new().unwrap();
        let lake = Lake::create(dir.path(), None).await.unwrap();
        let mut commit = lake.begin("test", "spill");
        let mut writer = commit.replace(&parcel).unwrap().with_budget(budget);
        for i in 0..40 {
            writer.write(features(&parcel, 1 + i * 1_000, 1_000, i as u64 % 17)).unwrap();
        }
        let runs = files_under(&dir.path().join("lake/staging")).len() - 1;
        assert_eq!(runs > 2, budget < usize::MAX, "{runs} runs");
        let written = writer.finish(provenance(40_000)).unwrap();
        assert_eq!(written.feature_count(), 40_000);
        commit.finish(vec![written]).await.unwrap();
        let grant = grant(&Principal::LocalCli, "land_parcel", 1);
        found.push(read(&lake, &grant, with_geometry()).await.unwrap());
        assert!(files_under(&dir.path().join("lake/staging")).is_empty());
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn dropped_commits_leave_nothing() {
    let dir = TempDir::new().unwrap();
    let (lake, _) = parcels(dir.path(), 10).await;
    let before = files_under(dir.path());
    let parcel = layer("land_parcel");
    let mut commit = lake.begin("test", "never");
    let mut writer = commit.replace(&parcel).unwrap().with_budget(1 << 20);
    writer.write(features(&parcel, 1, 5_000, 1)).unwrap();
    assert!(files_under(dir.path()).len() > before.len());
    let mut second = commit.replace(&layer("road")).unwrap();
    let wrong = second.write(features(&parcel, 1, 1, 1));
    assert!(matches!(wrong, Err(LakeError::Shape { .. })));
    let written = second.finish(provenance(0)).unwrap();
    drop((commit, writer));
    drop(written);
    assert_eq!(files_under(dir.path()), before);
}

#[tokio::test]
async fn restricted_values_are_in_the_restricted_folder_only() {
    let dir = TempDir::new().unwrap();
    let (lake, _) = parcels(dir.path(), 20_000).await;
    let cli = grant(&Principal::LocalCli, "land_parcel", 1);
    let files = lake.files(&cli).await.unwrap();
    let sibling = files.restricted.as_ref().unwrap();
    assert_eq!(sibling.schema.field(0).name(), "kho_id");

    // The main files do not have the columns at all.
    let hidden: Vec<_> = cli.restricted_columns().map(|c| c.name.clone()).collect();
    let footer = lake.footer(&files.files[0]).unwrap();
    let columns = footer.file_metadata().schema_descr().columns().to_vec();
    assert!(columns.iter().all(|c| !hidden.contains(&c.name().to_owned())));
    // The sibling's footer has no statistics of them, and nor has the catalog, in any of its files.
    let footer = lake.footer(&sibling.files[0]).unwrap();
    for group in footer.row_groups() {
        assert!(group.columns().iter().skip(1).all(|c| c.statistics().is_none()));
    }
    let bytes = std::fs::read(&sibling.files[0].path).unwrap();
    let tail = bytes.len() - sibling.files[0].footer_bytes as usize - 8;
    let name = "CANARY".as_bytes();
    assert!(!bytes[tail..].windows(name.len()).any(|w| w == name));
    for file in files_under(&dir.path().join("lake")) {
        if file.components().any(|c| c.as_os_str() == "restricted") {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(name.len()).any(|w| w == name), "{file:?}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir.path().join("lake/restricted")), 0o700);
        assert_eq!(mode(&sibling.files[0].path), 0o600);
    }

    // Who may not see them does not get them, however they are asked for.
    let anybody = grant(&Principal::Anonymous, "land_parcel", 1);
    let files = lake.files(&anybody).await.unwrap();
    assert!(files.restricted.is_none());
    let found = read(&lake, &anybody, with_geometry()).await.unwrap();
    assert!(hidden.iter().all(|name| found.column_by_name(name).is_none()));
    for name in [hidden[0].as_str(), "dia_chi", "nothing"] {
        let request = ReadRequest { columns: Some(vec![name.into()]), ..Default::default() };
        let refused = read(&lake, &anybody, request).await;
        assert!(matches!(refused, Err(LakeError::Access(_))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_moved_city_still_reads() {
    let dir = TempDir::new().unwrap();
    let old = dir.path().join("old");
    let (lake, all) = parcels(&old, 100).await;
    drop(lake);
    let new = dir.path().join("new");
    std::fs::rename(&old, &new).unwrap();
    let lake = Lake::open(&new, None).await.unwrap();
    let grant = grant(&Principal::LocalCli, "land_parcel", 1);
    let found = read(&lake, &grant, with_geometry()).await.unwrap();
    assert_eq!(by_id(&found), all);
}

#[tokio::test]
async fn a_swapped_sibling_shows_nobody_elses_names() {
    let dir = TempDir::new().unwrap();
    let lake = Lake::create(dir.path(), None).await.unwrap();
    let parcel = layer("land_parcel");
    replace(&lake, &parcel, &[features(&parcel, 1, 100, 1)]).await;
    replace(&lake, &parcel, &[features(&parcel, 101, 100, 2)]).await;
    let cli = |at| grant(&Principal::LocalCli, "land_parcel", at);
    let path = |files: kho_lake::LayerFiles| files.restricted.unwrap().files[0].path.clone();
    let one = path(lake.files(&cli(1)).await.unwrap());
    let two = path(lake.files(&cli(2)).await.unwrap());
    std::fs::copy(one, two).unwrap();
    let lake = Lake::open(dir.path(), None).await.unwrap();
    let found = read(&lake, &cli(2), ReadRequest::default()).await;
    assert!(matches!(found, Err(LakeError::Damaged(_))), "{found:?}");
    assert!(read(&lake, &cli(1), ReadRequest::default()).await.is_ok());
}
