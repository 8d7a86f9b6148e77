//! Baked tiles are the tiles that are made on demand, and only what changed is baked again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::{CELL, CORNER, Fallible, Town, batch, outline, parcels, polygon, tile_at};
use flate2::read::GzDecoder;
use kho_access::{Grant, Principal};
use kho_lake::Area;
use kho_tile::{
    Archive, BakeOptions, BakeReport, BakeStore, Drawing, Encoding, FabricConfig, TileConfig, TileEngine,
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
fn around(z: u8) -> Vec<(u32, u32)> {
    let (x0, y1) = tile_at(z, CORNER.0, CORNER.1);
    let (x1, y0) = tile_at(z, CORNER.0 + CELL * SIDE as f64, CORNER.1 + CELL * SIDE as f64);
    (y0 - 1..=y1 + 1).flat_map(|y| (x0 - 1..=x1 + 1).map(move |x| (x, y))).collect()
}

async fn same(engine: &TileEngine, grant: &Grant, archive: &Archive) -> Fallible<u64> {
    let mut full = 0;
    for z in grant.layer().zoom.min..=16 {
        for (x, y) in around(z) {
            let fresh = engine.tile_as(grant, z, x, y, Encoding::Plain).await?;
            let baked = archive.tile(z, x, y).await?;
            assert!(unzip(&baked.gzipped) == fresh.body, "{z}/{x}/{y} differs");
            full += u64::from(!fresh.body.is_empty());
        }
    }
    assert_eq!(archive.tiles(), full, "no tile too few, none too many");
    Ok(full)
}

async fn bake(store: &BakeStore, town: &Town, engine: &TileEngine, grant: &Grant) -> Option<BakeReport> {
    let changed = async |since: i64| match town.lake.changes_since(grant, since).await.unwrap().area {
        Area::Boxes(boxes) => Some(boxes),
        Area::Everywhere => None,
    };
    store.bake(engine, grant, options(), changed, &|_, _| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_baked_is_what_is_made_on_demand() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    // Woven tile by tile at every zoom, as a whole city is.
    let alone = FabricConfig { points: 0, bytes: 1 << 20 };
    let engine = TileEngine::with_fabrics(town.lake.clone(), OFF, Drawing::default(), alone);
    let store = BakeStore::in_city(town.dir.path());
    let edited = |edition: i64| {
        let layer = &layer;
        parcels(layer, SIDE, 0).enumerate().map(move |(j, old)| {
            if j != 2 || edition == 0 {
                return old;
            }
            let shapes: Vec<_> = (0..SIDE).map(|i| Some(polygon(&[outline(i, 2)]))).collect();
            batch(layer, 1 + 2 * SIDE, edition, &shapes)
        })
    };
    let one = town.put("land_parcel", edited(0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", one)?;
    let (x, y) = tile_at(16, CORNER.0 + CELL * 5.0, CORNER.1 + CELL * 5.0);
    assert!(store.tile(&engine, &grant, 16, x, y).await?.is_none(), "nothing is baked yet");

    let first = bake(&store, &town, &engine, &grant).await.unwrap();
    let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &grant).await?.unwrap();
    assert_eq!(same(&engine, &grant, &archive).await?, first.tiles);
    assert_eq!((first.made, first.since), (first.tiles, one));
    assert!(first.zooms.iter().any(|z| z.left_out > 0), "some tile is thinned: {:?}", first.zooms);
    assert_eq!(archive.stats().await?, Some(first.zooms.clone()));
    assert!(bake(&store, &town, &engine, &grant).await.is_none(), "it is there already");

    // An edit: the old bake is not taken for the new version, and only what is under it is made.
    let two = town.put("land_parcel", edited(1)).await?;
    let later = town.grant(&Principal::Anonymous, "land_parcel", two)?;
    let fresh = BakeStore::in_city(town.dir.path());
    assert!(fresh.tile(&engine, &later, 16, x, y).await?.is_none());
    let again = bake(&store, &town, &engine, &later).await.unwrap();
    assert!(again.made > 0 && again.made * 2 < again.tiles, "{} of {} made", again.made, again.tiles);
    let archive = BakeStore::in_city(town.dir.path()).archive(&engine, &later).await?.unwrap();
    same(&engine, &later, &archive).await?;

    // The version before stays for those who still read it; the one before that goes.
    let files = || std::fs::read_dir(town.dir.path().join("tiles")).unwrap().count();
    assert_eq!(files(), 2);
    let three = town.put("land_parcel", parcels(&layer, SIDE, 5)).await?;
    let last = town.grant(&Principal::Anonymous, "land_parcel", three)?;
    let whole = bake(&store, &town, &engine, &last).await.unwrap();
    assert_eq!((whole.made, files()), (whole.tiles, 2), "where everything changed, all is made");
    Ok(())
}

/// A change to a small fabric may move a vertex anywhere where it is thinned: these zooms are baked again,
/// and of the others what has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_fabric_is_baked_whole_where_it_is_thinned() -> Fallible {
    let town = Town::new().await?;
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
    let refused = store.bake(&engine, &closed, options(), async |_| None, &|_, _| {}).await;
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
