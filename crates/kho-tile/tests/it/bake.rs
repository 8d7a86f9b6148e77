//! Baked tiles are the tiles that are made on demand, and only what changed is baked again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::{CELL, CORNER, Fallible, Town, batch, outline, parcels, plain, point, polygon, tile_at};
use flate2::read::GzDecoder;
use kho_access::{Grant, Principal};
use kho_lake::Area;
use kho_layer::LayerDef;
use kho_tile::{
    Archive, BakeOptions, BakeReport, BakeStore, Drawing, Encoding, FabricConfig, Grid, TileConfig,
    TileEngine,
};
use std::io::Read;

const OFF: TileConfig = TileConfig { cache_bytes: 0, block_bytes: 64 << 20, max_tile_bytes: 60_000 };
const SIDE: i64 = 90;

fn options() -> BakeOptions {
    BakeOptions { min_zoom: None, max_zoom: Some(16), ..BakeOptions::default() }
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    if !bytes.is_empty() {
        GzDecoder::new(bytes).read_to_end(&mut raw).unwrap();
    }
    raw
}

/// Every tile around the parcels, and one ring of tiles beyond.
fn around(z: u8, wide: f64) -> Vec<(u32, u32)> {
    let (x0, y1) = tile_at(z, CORNER.0, CORNER.1);
    let side = CELL * SIDE as f64 * wide;
    let (x1, y0) = tile_at(z, CORNER.0 + side, CORNER.1 + side);
    (y0 - 1..=y1 + 1).flat_map(|y| (x0 - 1..=x1 + 1).map(move |x| (x, y))).collect()
}

async fn same(engine: &TileEngine, grant: &Grant, archive: &Archive) -> Fallible<u64> {
    same_in(engine, grant, archive, 1.0).await
}

async fn same_in(engine: &TileEngine, grant: &Grant, archive: &Archive, wide: f64) -> Fallible<u64> {
    let mut full = 0;
    for z in grant.layer().first_zoom()..=16 {
        for (x, y) in around(z, wide) {
            let fresh = engine.tile_as(grant, z, x, y, Encoding::Plain).await?;
            let baked = archive.tile(z, x, y)?;
            assert!(unzip(&baked.gzipped) == fresh.body, "{z}/{x}/{y} differs");
            full += u64::from(!fresh.body.is_empty());
        }
    }
    assert_eq!(archive.tiles(), full, "no tile too few, none too many");
    Ok(full)
}

async fn changed(town: &Town, grant: &Grant, since: i64) -> Option<Vec<[f64; 4]>> {
    match town.lake.changes_since(grant, since).await.unwrap().area {
        Area::Boxes(boxes) => Some(boxes),
        Area::Everywhere => None,
    }
}

async fn bake(store: &BakeStore, town: &Town, engine: &TileEngine, grant: &Grant) -> Option<BakeReport> {
    bake_as(store, town, engine, grant, options()).await
}

async fn bake_as(
    store: &BakeStore,
    town: &Town,
    engine: &TileEngine,
    grant: &Grant,
    options: BakeOptions,
) -> Option<BakeReport> {
    let changed = async |grant: &Grant, since: i64| changed(town, grant, since).await;
    store.bake(engine, grant, options, changed, &|_, _| {}).await.unwrap()
}

/// Drawn parcel by parcel, as a whole city is.
fn alone(town: &Town) -> TileEngine {
    let alone = FabricConfig { points: 0, bytes: 1 << 20 };
    TileEngine::with_fabrics(town.lake.clone(), OFF, Drawing::default(), alone)
}

/// The parcels, with those of one row changed.
fn edited(
    layer: &LayerDef,
    row: i64,
    edition: i64,
) -> impl Iterator<Item = Fallible<arrow::array::RecordBatch>> + '_ {
    parcels(layer, SIDE, 0).enumerate().map(move |(j, old)| {
        if j as i64 != row || edition == 0 {
            return old;
        }
        let shapes: Vec<_> = (0..SIDE).map(|i| Some(polygon(&[outline(i, row)]))).collect();
        batch(layer, 1 + row * SIDE, edition, &shapes)
    })
}

fn files(town: &Town) -> Vec<std::path::PathBuf> {
    let mut all: Vec<_> =
        std::fs::read_dir(town.dir.path().join("tiles")).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_baked_is_what_is_made_on_demand() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let engine = alone(&town);
    let store = BakeStore::in_city(town.dir.path());
    let one = town.put("land_parcel", edited(&layer, 2, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", one)?;
    let (x, y) = tile_at(16, CORNER.0 + CELL * 5.0, CORNER.1 + CELL * 5.0);
    assert!(store.tile(&engine, &grant, 16, x, y).await?.is_none(), "nothing is baked yet");

    let first = bake(&store, &town, &engine, &grant).await.unwrap();
    let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.unwrap();
    assert_eq!(same(&engine, &grant, &archive).await?, first.tiles);
    assert_eq!((first.made, first.since), (first.tiles, one));
    assert!(first.zooms.iter().any(|z| z.left_out > 0), "some tile is thinned: {:?}", first.zooms);
    assert_eq!(archive.stats(), Some(first.zooms.clone()));
    assert!(bake(&store, &town, &engine, &grant).await.is_none(), "it is there already");

    // An edit: the old bake is not taken for the new version, and only what is under it is made.
    let two = town.put("land_parcel", edited(&layer, 2, 1)).await?;
    let later = town.grant(&Principal::Anonymous, "land_parcel", two)?;
    let fresh = BakeStore::in_city(town.dir.path());
    assert!(fresh.tile(&engine, &later, 16, x, y).await?.is_none());
    let again = bake(&store, &town, &engine, &later).await.unwrap();
    assert!(again.made > 0 && again.made * 2 < again.tiles, "{} of {} made", again.made, again.tiles);
    let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &later).await?.unwrap();
    same(&engine, &later, &archive).await?;

    // The version before stays for those who still read it; the one before that goes.
    assert_eq!(files(&town).len(), 2);
    let three = town.put("land_parcel", parcels(&layer, SIDE, 5)).await?;
    let last = town.grant(&Principal::Anonymous, "land_parcel", three)?;
    let whole = bake(&store, &town, &engine, &last).await.unwrap();
    assert_eq!((whole.made, files(&town).len()), (whole.tiles, 2), "where everything changed, all is made");
    Ok(())
}

/// A change to a small fabric may move a vertex anywhere where it is thinned: these zooms are baked again,
/// and of the others what has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_fabric_is_baked_whole_where_it_is_thinned() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    let store = BakeStore::in_city(town.dir.path());
    for edition in 0..2 {
        let rows = parcels(&layer, SIDE, 0).enumerate().map(|(j, old)| match j {
            2 => {
                let shapes: Vec<_> = (0..SIDE).map(|i| Some(polygon(&[outline(i, 2)]))).collect();
                batch(&layer, 1 + 2 * SIDE, edition, &shapes)
            }
            _ => old,
        });
        let snapshot = town.put("land_parcel", rows).await?;
        let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
        let report = bake(&store, &town, &engine, &grant).await.unwrap();
        let thinned: u64 = report.zooms.iter().filter(|z| z.zoom < 14).map(|z| z.tiles).sum();
        assert!(thinned > 0);
        if edition == 0 {
            assert_eq!(report.made, report.tiles);
        } else {
            assert!(report.made >= thinned && report.made < report.tiles, "{report:?}");
        }
        let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.unwrap();
        same(&engine, &grant, &archive).await?;
    }
    Ok(())
}

/// Overviews are baked too: a change makes the tiles anew whose cells it is in, and another rule all.
#[tokio::test(flavor = "multi_thread")]
async fn overviews_are_baked_by_their_rule() -> Fallible {
    let mut town = Town::new().await?;
    let layer = town.layer("address_point")?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    let store = BakeStore::in_city(town.dir.path());
    // Eight times as wide as the parcels: more tiles than one point is in.
    let place = |n: i64| [n % SIDE, n / SIDE].map(|k| 8.0 * CELL * k as f64);
    let place = |n: i64| [CORNER.0 + place(n)[0], CORNER.1 + place(n)[1]];
    let mut last = None;
    for edition in 0..2 {
        let shapes = (0..SIDE * SIDE).filter(|n| edition == 0 || n % SIDE != 3 || n / SIDE != 3);
        let shapes: Vec<_> = shapes.map(|n| Some(point(place(n)))).collect();
        // The first edition's ids for what stays: one point less, and no other change.
        let rows = batch(&layer, 1, 0, &shapes[..3 * SIDE as usize + 3]);
        let rest = batch(
            &layer,
            if edition == 0 { 3 * SIDE + 4 } else { 3 * SIDE + 5 },
            0,
            &shapes[3 * SIDE as usize + 3..],
        );
        let snapshot = town.put("address_point", [rows, rest].into_iter()).await?;
        let grant = town.grant(&Principal::Anonymous, "address_point", snapshot)?;
        let report = bake(&store, &town, &engine, &grant).await.unwrap();
        assert_eq!(report.zooms.first().map(|z| z.zoom), Some(grant.layer().first_zoom()));
        assert!(report.zooms[0].merged > 1000, "{:?}", report.zooms[0]);
        assert_eq!(report.made < report.tiles, edition == 1, "{} of {} made", report.made, report.tiles);
        let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.unwrap();
        same_in(&engine, &grant, &archive, 8.0).await?;
        last = Some(snapshot);
    }
    // Another rule is another bake, and what was baked by the old one is not answered any more.
    town.alter("address_point", |layer| {
        if let Some(overview) = &mut layer.overview {
            overview.cell = Some(512);
        }
    })?;
    let grant = town.grant(&Principal::Anonymous, "address_point", last.unwrap())?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    assert!(BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.is_none());
    let report = bake(&store, &town, &engine, &grant).await.unwrap();
    assert_eq!(report.made, report.tiles);
    let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.unwrap();
    same_in(&engine, &grant, &archive, 8.0).await?;
    Ok(())
}

#[tokio::test]
async fn only_what_everybody_may_see_is_baked() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 5, 0)).await?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    let store = BakeStore::in_city(town.dir.path());
    let open = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    bake(&store, &town, &engine, &open).await.unwrap();
    let closed = town.grant(&Principal::LocalCli, "land_parcel", snapshot)?;
    let (x, y) = tile_at(16, CORNER.0, CORNER.1);
    assert!(store.tile(&engine, &open, 16, x, y).await?.is_some());
    assert!(store.tile(&engine, &closed, 16, x, y).await?.is_none(), "another grant gets its own tiles");
    let refused = store.bake(&engine, &closed, options(), async |_: &Grant, _: i64| None, &|_, _| {}).await;
    assert!(refused.unwrap_err().to_string().contains("everybody"));
    Ok(())
}

#[tokio::test]
async fn what_is_no_archive_is_refused() -> Fallible {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("a.pmtiles");
    std::fs::write(
        &path,
        b"PMTiles, but not really, and long enough to have a header of its own, were it one of those",
    )?;
    let said = Archive::open(&path).await.unwrap_err().to_string();
    assert!(said.contains("a.pmtiles"), "{said}");
    Ok(())
}

/// Many edits, one after the other: each bake is right, its figures are those of a full one, and what
/// no tile uses any more is cleared away before it is a burden.
#[tokio::test(flavor = "multi_thread")]
async fn edits_do_not_pile_up() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let engine = alone(&town);
    let (mut grown, mut cleared) = (0, 0);
    let mut before = 0;
    for edition in 0..8 {
        let snapshot = town.put("land_parcel", edited(&layer, edition * 11, edition)).await?;
        let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
        // A process of its own each time.
        let store = BakeStore::in_city(town.dir.path());
        // Only high zooms: an edit is a small part of them.
        let high = BakeOptions { min_zoom: Some(19), max_zoom: Some(20), ..options() };
        let report = bake_as(&store, &town, &engine, &grant, high).await.unwrap();
        assert_eq!(report.made == report.tiles, edition == 0, "{edition}: {} made", report.made);
        let archive = store.archive(&engine, &grant).await?.unwrap();
        for z in 19..=20 {
            for (x, y) in around(z, 1.0) {
                let fresh = engine.tile_as(&grant, z, x, y, Encoding::Plain).await?;
                assert!(
                    unzip(&archive.tile(z, x, y)?.gzipped) == fresh.body,
                    "{edition}: {z}/{x}/{y} differs"
                );
            }
        }
        assert!(archive.unused_bytes() * 4 <= archive.file().len() as u64, "{edition}");
        grown += u64::from(archive.unused_bytes() > before);
        cleared += u64::from(archive.unused_bytes() < before);
        before = archive.unused_bytes();

        // All but times and what was made now.
        let full = town.dir.path().join("full.pmtiles");
        let whole = engine.bake(&grant, BakeOptions { full: true, ..high }, None, &full, &|_, _| {}).await?;
        for (a, b) in report.zooms.iter().zip(&whole.zooms) {
            assert_eq!(
                (a.zoom, a.tiles, a.features, a.left_out, a.bytes, a.largest_bytes),
                (b.zoom, b.tiles, b.features, b.left_out, b.bytes, b.largest_bytes)
            );
        }
        // Another reader finds the same tiles.
        let current = format!("land_parcel.{snapshot}.");
        let named = |p: &std::path::PathBuf| p.file_name().unwrap().to_string_lossy().starts_with(&current);
        let path = files(&town).into_iter().find(named).unwrap();
        let theirs = pmtiles::AsyncPmTilesReader::new_with_path(&path).await?;
        assert_eq!(
            theirs.get_header().n_addressed_tiles().map(std::num::NonZeroU64::get),
            Some(report.tiles)
        );
        for (x, y) in around(20, 1.0) {
            let tile = theirs.get_tile(pmtiles::TileCoord::new(20, x, y)?).await?.unwrap_or_default();
            assert!(tile == archive.tile(20, x, y)?.gzipped, "{edition}: 20/{x}/{y}");
        }
    }
    assert!(grown > 0 && cleared > 0, "{grown} grew, {cleared} were cleared");
    Ok(())
}

#[tokio::test]
async fn another_manner_is_another_bake() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 20, 0)).await?;
    let engine = alone(&town);
    let store = BakeStore::in_city(town.dir.path());
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    assert!(bake(&store, &town, &engine, &grant).await.is_some());
    assert!(bake(&store, &town, &engine, &grant).await.is_none(), "it is there");
    for other in [
        BakeOptions { gzip_level: 6, ..options() },
        BakeOptions { max_zoom: Some(15), ..options() },
        BakeOptions { full: true, max_zoom: Some(15), ..options() },
    ] {
        let again = bake_as(&store, &town, &engine, &grant, other).await.unwrap();
        assert_eq!((again.made, files(&town).len()), (again.tiles, 1), "{other:?}");
    }
    // A server whose tiles are drawn otherwise does not answer with it.
    let wide = Drawing { buffer: 128, ..Drawing::default() };
    let other = TileEngine::with_drawing(town.lake.clone(), OFF, wide);
    assert!(BakeStore::in_city(town.dir.path()).archive(&other, &grant).await?.is_none());
    assert!(BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_replaced_archive_is_read_anew() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 20, 0)).await?;
    let engine = alone(&town);
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let (baker, server) = (BakeStore::in_city(town.dir.path()), BakeStore::in_city(town.dir.path()));
    bake(&baker, &town, &engine, &grant).await.unwrap();
    let first = server.archive(&engine, &grant).await?.unwrap();
    let smaller = BakeOptions { max_zoom: Some(14), ..options() };
    bake_as(&baker, &town, &engine, &grant, smaller).await.unwrap();
    assert_eq!(first.zooms().1, 16);
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(server.archive(&engine, &grant).await?.unwrap().zooms().1, 14);
    let (x, y) = tile_at(16, CORNER.0 + CELL * 5.0, CORNER.1 + CELL * 5.0);
    assert!(!first.tile(16, x, y)?.gzipped.is_empty(), "who holds the old one reads on");
    assert!(server.tile(&engine, &grant, 16, x, y).await?.is_none());
    Ok(())
}

/// What a power cut may leave: never answered with, and made anew by the next bake.
#[tokio::test]
async fn a_torn_archive_is_not_used() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 20, 0)).await?;
    let engine = alone(&town);
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let (x, y) = tile_at(16, CORNER.0 + CELL * 5.0, CORNER.1 + CELL * 5.0);
    let store = || BakeStore::in_city(town.dir.path());
    bake(&store(), &town, &engine, &grant).await.unwrap();
    let path = files(&town).pop().unwrap();
    let whole = std::fs::read(&path)?;
    let hole = |from: usize, length: usize| {
        let mut torn = whole.clone();
        torn[from..from + length].fill(0);
        torn
    };
    let cut = [
        Vec::new(),
        whole[..100].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        whole[..whole.len() / 2].to_vec(),
        hole(130, 20),
        hole(whole.len() - 300, 100),
        hole(0, 16_384),
    ];
    for torn in cut {
        std::fs::write(&path, &torn)?;
        assert!(Archive::open(&path).await.is_err(), "{} bytes", torn.len());
        assert!(store().tile(&engine, &grant, 16, x, y).await?.is_none());
        let again = bake(&store(), &town, &engine, &grant).await.unwrap();
        assert_eq!(again.made, again.tiles);
        same_small(&engine, &grant, &store()).await?;
    }
    // A hole among the tiles is found when the tile is read; then nothing of the archive is believed.
    std::fs::write(&path, hole(16_384, 64))?;
    let reader = store();
    let archive = reader.archive(&engine, &grant).await?.unwrap();
    let (z, first) = (archive.zooms().0, tile_at(archive.zooms().0, CORNER.0 + CELL, CORNER.1 + CELL));
    assert!(archive.tile(z, first.0, first.1).is_err());
    assert!(reader.tile(&engine, &grant, z, first.0, first.1).await?.is_none());
    assert!(reader.archive(&engine, &grant).await?.is_none());
    let full = BakeOptions { full: true, ..options() };
    bake_as(&store(), &town, &engine, &grant, full).await.unwrap();
    same_small(&engine, &grant, &store()).await?;

    // And what a killed one leaves beside it goes with the next.
    let part = town.dir.path().join("tiles/land_parcel.1.00.pmtiles.999999.part");
    std::fs::File::create(&part)?
        .set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60))?;
    assert!(bake(&store(), &town, &engine, &grant).await.is_none());
    assert!(!part.exists());
    Ok(())
}

async fn same_small(engine: &TileEngine, grant: &Grant, store: &BakeStore) -> Fallible {
    let archive = store.archive(engine, grant).await?.ok_or("it is not there")?;
    let (x, y) = tile_at(16, CORNER.0 + CELL * 5.0, CORNER.1 + CELL * 5.0);
    let fresh = engine.tile_as(grant, 16, x, y, Encoding::Plain).await?;
    assert!(!fresh.body.is_empty() && unzip(&archive.tile(16, x, y)?.gzipped) == fresh.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_is_baked_as_it_is_made() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    town.alter("street_light", plain)?;
    let parcel = town.layer("land_parcel")?;
    let lamp = town.layer("street_light")?;
    let engine = alone(&town);
    let lamps = |edition: i64| {
        let shapes: Vec<_> =
            (0..40).map(|i| Some(point([CORNER.0 + CELL * i as f64, CORNER.1 + CELL * 3.5]))).collect();
        // Were all of them to change, it would be everywhere.
        [batch(&lamp, 500_000, 0, &shapes[..36]), batch(&lamp, 500_036, edition, &shapes[36..])].into_iter()
    };
    town.put("land_parcel", edited(&parcel, 2, 0)).await?;
    let mut snapshot = town.put("street_light", lamps(0)).await?;
    for edition in 0..3 {
        match edition {
            1 => snapshot = town.put("land_parcel", edited(&parcel, 2, 1)).await?,
            2 => snapshot = town.put("street_light", lamps(1)).await?,
            _ => {}
        }
        let grants = [
            town.grant(&Principal::Anonymous, "land_parcel", snapshot)?,
            town.grant(&Principal::Anonymous, "street_light", snapshot)?,
        ];
        let grants = [&grants[0], &grants[1]];
        let store = BakeStore::in_city(town.dir.path());
        let bake = async || {
            let changed = async |grant: &Grant, since: i64| changed(&town, grant, since).await;
            store.bake_composite(&engine, "base", &grants, options(), changed, &|_, _| {}).await
        };
        let report = bake().await?.unwrap();
        assert_eq!(report.layer, "base");
        assert_eq!(
            report.made == report.tiles,
            edition == 0,
            "{edition}: {} of {}",
            report.made,
            report.tiles
        );
        assert!(bake().await?.is_none(), "it is there");
        let archive = store.composite(&engine, "base", &grants).await?.unwrap();
        let mut full = 0;
        for z in archive.zooms().0..=16 {
            for (x, y) in around(z, 1.0) {
                let fresh = engine.composite(&grants, Grid::default(), z, x, y, Encoding::Plain).await?;
                let baked = store.composite_tile(&engine, "base", &grants, z, x, y).await?.unwrap();
                assert!(unzip(&baked.gzipped) == fresh.body, "{edition}: {z}/{x}/{y} differs");
                full += u64::from(!fresh.body.is_empty());
            }
        }
        assert_eq!(archive.tiles(), full);
        assert!(store.composite(&engine, "base", &grants[..1]).await?.is_none(), "other layers are another");
        let closed = town.grant(&Principal::LocalCli, "land_parcel", snapshot)?;
        assert!(store.composite(&engine, "base", &[&closed, grants[1]]).await?.is_none());
        let never = async |_: &Grant, _: i64| None;
        let mixed = [&closed, grants[1]];
        let refused = store.bake_composite(&engine, "base", &mixed, options(), never, &|_, _| {}).await;
        assert!(refused.unwrap_err().to_string().contains("everybody"));
    }
    Ok(())
}
