//! MLT tiles out of a real lake hold what the MVT tiles hold: of one layer and of several, thinned, baked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::lines::{layers, of_mlt, of_mvt};
use crate::support::{CELL, CORNER, Fallible, Town, batch, line, parcels, plain, point, tile_at};
use flate2::read::GzDecoder;
use kho_access::Principal;
use kho_tile::{
    Archive, BakeOptions, BakeStore, Encoding, Format, Grid, Representation, TileConfig, TileEngine,
};
use std::io::Read;

const OFF: TileConfig = TileConfig { cache_bytes: 0, block_bytes: 64 << 20, max_tile_bytes: usize::MAX };
const ON: TileConfig = TileConfig { cache_bytes: 16 << 20, ..OFF };
const MLT: Representation = Representation { format: Format::Mlt, encoding: Encoding::Plain };

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    if !bytes.is_empty() {
        GzDecoder::new(bytes).read_to_end(&mut raw).unwrap();
    }
    raw
}

/// Parcels, a pipe along each of twenty rows, forty lamps.
async fn town() -> Fallible<(Town, i64)> {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let (lon, lat) = CORNER;
    let (parcel, pipe, light) =
        (town.layer("land_parcel")?, town.layer("drain_pipe")?, town.layer("street_light")?);
    town.put("land_parcel", parcels(&parcel, 60, 0)).await?;
    let row = |j: i32| [[lon, lat + CELL * f64::from(j)], [lon + CELL * 60.0, lat + CELL * f64::from(j + 1)]];
    let pipes: Vec<_> = (0..20).map(|j| Some(line(&row(j)))).collect();
    town.put("drain_pipe", std::iter::once(batch(&pipe, 1, 0, &pipes))).await?;
    let lamps: Vec<_> = (0..40).map(|i| Some(point([lon + CELL * f64::from(i), lat + CELL]))).collect();
    let snapshot = town.put("street_light", std::iter::once(batch(&light, 1, 0, &lamps))).await?;
    Ok((town, snapshot))
}

#[tokio::test]
async fn both_formats_hold_the_same_features() -> Fallible {
    let (town, snapshot) = town().await?;
    for config in [OFF, ON, TileConfig { max_tile_bytes: 9_000, ..ON }] {
        let engine = TileEngine::new(town.lake.clone(), config);
        let (mut features, mut left_out) = (0, 0);
        for name in ["land_parcel", "drain_pipe", "street_light"] {
            let grant = town.grant(&Principal::Anonymous, name, snapshot)?;
            for z in [13, 14, 16, 18] {
                let (x, y) = tile_at(z, CORNER.0 + CELL * 20.0, CORNER.1 + CELL);
                let mvt = engine.tile_as(&grant, z, x, y, Encoding::Plain).await?;
                let mlt = engine.tile_as(&grant, z, x, y, MLT).await?;
                assert_eq!(of_mlt(&mlt.body), of_mvt(&mvt.body), "{name} z{z}");
                assert_eq!((mlt.features, mlt.left_out), (mvt.features, mvt.left_out), "{name} z{z}");
                assert_eq!(mlt.raw_len, mlt.body.len());
                assert!(mlt.body.is_empty() || mlt.etag != mvt.etag);
                assert_eq!(engine.tile_as(&grant, z, x, y, MLT).await?, mlt, "the same again");
                let packed = Representation { encoding: Encoding::Gzip, ..MLT };
                let gzip = engine.tile_as(&grant, z, x, y, packed).await?;
                assert_eq!((unzip(&gzip.body), &gzip.etag), (mlt.body.to_vec(), &mlt.etag));
                features += mlt.features;
                left_out += mlt.left_out;
            }
        }
        assert!(features > 200, "{features}");
        assert_eq!(left_out > 0, config.max_tile_bytes == 9_000, "{left_out}");
    }
    Ok(())
}

#[tokio::test]
async fn a_composite_in_mlt_is_that_in_mvt() -> Fallible {
    let (town, snapshot) = town().await?;
    let grant = |name| town.grant(&Principal::Anonymous, name, snapshot);
    let (parcels, pipes, lamps) = (grant("land_parcel")?, grant("drain_pipe")?, grant("street_light")?);
    let all = [&parcels, &pipes, &lamps];
    // In the last, several layers leave something out, and it is said in one.
    for config in [OFF, ON, TileConfig { max_tile_bytes: 600, ..ON }] {
        let engine = TileEngine::new(town.lake.clone(), config);
        for (grid, z) in [(Grid::default(), 13), (Grid::default(), 16), (Grid::WorldCrs84Quad, 13)] {
            let around = grid.tiles(z, [CORNER.0, CORNER.1, CORNER.0 + CELL, CORNER.1 + CELL]).unwrap();
            let (x, y) = (around.min_column, around.min_row);
            for _ in 0..2 {
                let mvt = engine.composite(&all, grid, z, x, y, Encoding::Plain).await?;
                let mlt = engine.composite(&all, grid, z, x, y, MLT).await?;
                assert!(!mlt.body.is_empty() && mlt.etag != mvt.etag);
                assert_eq!(of_mlt(&mlt.body), of_mvt(&mvt.body), "{grid} z{z}");
                let mut names: Vec<_> = layers(&mlt.body).iter().map(|l| l.name().to_owned()).collect();
                names.sort_unstable();
                let many = names.len();
                names.dedup();
                assert_eq!(names.len(), many, "two layers of one name: {names:?}");
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mlt_is_made_from_baked_tiles_and_baked_by_itself() -> Fallible {
    let (town, snapshot) = town().await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let config = TileConfig { max_tile_bytes: 20_000, ..ON };
    let engine = TileEngine::new(town.lake.clone(), config);
    let store = BakeStore::in_city(town.dir.path());
    let options = BakeOptions { max_zoom: Some(16), ..BakeOptions::default() };
    store.bake(&engine, &grant, options, async |_, _| None, &|_, _| {}).await?.unwrap();
    let path = town.dir.path().join("parcels.pmtiles");
    let as_mlt = BakeOptions { format: Format::Mlt, ..options };
    let report = engine.bake(&grant, as_mlt, None, &path, &|_, _| {}).await?;
    let archive = Archive::open(&path).await?;
    assert_eq!((archive.format(), archive.tiles()), (Format::Mlt, report.tiles));
    let mut left_out = 0;
    for z in 13..=16 {
        let (x, y) = tile_at(z, CORNER.0 + CELL * 20.0, CORNER.1 + CELL * 20.0);
        let fresh = engine.tile_as(&grant, z, x, y, MLT).await?;
        let baked = store.tile(&engine, &grant, z, x, y).await?.unwrap();
        for _ in 0..2 {
            let made = engine.baked_as_mlt(baked.clone(), Encoding::Plain).await?;
            assert_eq!(made.body, fresh.body, "z{z}");
            assert_eq!((made.features, made.left_out), (fresh.features, fresh.left_out));
        }
        assert_eq!(unzip(&archive.tile(z, x, y)?.gzipped), fresh.body, "z{z}");
        left_out += fresh.left_out;
    }
    assert!(left_out > 0, "some tile is thinned");
    let nothing = store.tile(&engine, &grant, 16, 3, 3).await?.unwrap();
    assert!(engine.baked_as_mlt(nothing, Encoding::Gzip).await?.body.is_empty());

    // What is served is baked as MVT, and MBTiles has no name for MLT.
    let refused = store.bake(&engine, &grant, as_mlt, async |_, _| None, &|_, _| {}).await;
    assert!(refused.unwrap_err().to_string().contains("MVT"));
    let refused = archive.to_mbtiles(&town.dir.path().join("parcels.mbtiles")).await;
    assert!(refused.unwrap_err().to_string().contains("MLT"));
    Ok(())
}
