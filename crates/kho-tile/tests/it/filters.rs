//! Tiles with a filter hold the features that pass, and nobody else's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::{CELL, CORNER, Fallible, Town, parcels, plain, tile_at};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use fast_mvt::MvtReaderRef;
use futures::TryStreamExt;
use kho_access::{Grant, Principal};
use kho_filter::{Filter, FilterError, Language};
use kho_lake::ReadRequest;
use kho_tile::{Drawing, Encoding, FabricConfig, Grid, Tile, TileConfig, TileEngine, TileError};
use std::collections::BTreeSet;

const ON: TileConfig =
    TileConfig { cache_bytes: 16 << 20, block_bytes: 64 << 20, max_tile_bytes: usize::MAX };
const ALONE: FabricConfig = FabricConfig { points: 0, bytes: 1 << 20 };
/// Parcels to a side; all of them in one tile of zoom 13.
const SIDE: i64 = 150;

fn filter(text: &str, grant: &Grant) -> Filter {
    Filter::parse(text, Language::Text, grant).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn ids(tile: &Tile) -> Fallible<BTreeSet<u64>> {
    if tile.body.is_empty() {
        return Ok(BTreeSet::new());
    }
    let decoded = MvtReaderRef::new(&tile.body)?.to_tile()?;
    Ok(decoded.layers[0].features.iter().filter_map(|f| f.id).collect())
}

/// The ids that pass, as the lake's own reader hands the rows out.
async fn wanted(town: &Town, grant: &Grant, filter: &Filter) -> Fallible<BTreeSet<u64>> {
    let columns = grant.open_columns().map(|c| c.name.clone()).collect();
    let request = ReadRequest { columns: Some(columns), geometry: true, ..ReadRequest::default() };
    let batches: Vec<_> = town.lake.read(grant, request).await?.try_collect().await?;
    let mut ids = BTreeSet::new();
    for batch in &batches {
        let all = batch.column_by_name("kho_id").unwrap().as_primitive::<Int64Type>();
        let keep = filter.matches(batch)?;
        ids.extend(
            all.values().iter().zip(keep.values().iter()).filter(|(_, keep)| *keep).map(|(id, _)| *id as u64),
        );
    }
    Ok(ids)
}

fn middle(z: u8) -> (u32, u32) {
    tile_at(z, CORNER.0 + CELL * SIDE as f64 / 2.0, CORNER.1 + CELL * SIDE as f64 / 2.0)
}

fn filters() -> Vec<String> {
    let (x, y) = CORNER;
    let window = [x + CELL * 20.3, y + CELL * 20.3, x + CELL * 60.7, y + CELL * 90.7]
        .map(|v| v.to_string())
        .join(", ");
    vec![
        "loai_dat = 'ODT'".into(),
        "loai_dat IN ('ODT', 'CLN') AND dien_tich > 100".into(),
        "NOT (dien_tich > 100)".into(),
        "dien_tich IS NULL".into(),
        "so_to >= 5 AND so_to < 9".into(),
        "ACCENTI(CASEI(loai_dat)) LIKE 'o%'".into(),
        "kho_id = 77".into(),
        "valid_from > DATE('2020-01-01')".into(),
        "T_INTERSECTS(INTERVAL(valid_from, valid_to), DATE('2020-06-01'))".into(),
        format!("S_INTERSECTS(geometry, BBOX({window}))"),
        format!("S_WITHIN(geometry, BBOX({window})) AND loai_dat <> 'ODT'"),
        "so_to = 999999".into(),
    ]
}

#[tokio::test]
async fn a_filtered_tile_holds_exactly_what_passes() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, SIDE, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    // As a fabric, and parcel by parcel; in the common grid and in another.
    let fabric = TileEngine::new(town.lake.clone(), ON);
    let alone = TileEngine::with_fabrics(town.lake.clone(), ON, Drawing::default(), ALONE);
    let (mut some, mut none) = (0, 0);
    for text in filters() {
        let filter = filter(&text, &grant);
        let wanted = wanted(&town, &grant, &filter).await?;
        for engine in [&fabric, &alone] {
            for z in [14, 16] {
                let (x, y) = middle(z);
                let draw =
                    |filter| engine.filtered(&grant, filter, Grid::default(), z, x, y, Encoding::Plain);
                let (whole, part) = (ids(&draw(None).await?)?, draw(Some(&filter)).await?);
                assert!(whole.len() > 100);
                let expected: BTreeSet<u64> = whole.intersection(&wanted).copied().collect();
                assert_eq!(ids(&part)?, expected, "{text} z{z}");
                assert_eq!(part.features, expected.len());
                if expected.is_empty() { none += 1 } else { some += 1 }
            }
        }
        let grid = Grid::WorldCrs84Quad;
        let place =
            grid.tiles(15, [CORNER.0, CORNER.1, CORNER.0 + CELL, CORNER.1 + CELL]).ok_or("no tile")?;
        let draw = |filter| {
            alone.filtered(&grant, filter, grid, 15, place.min_column, place.min_row, Encoding::Plain)
        };
        let expected: BTreeSet<u64> = ids(&draw(None).await?)?.intersection(&wanted).copied().collect();
        assert_eq!(ids(&draw(Some(&filter)).await?)?, expected, "{text}");
    }
    assert!(some > 20 && none > 0, "{some} {none}");
    Ok(())
}

/// What stays is drawn as it is in the whole tile: the borders of a fabric do not move.
#[tokio::test]
async fn a_filter_leaves_out_and_moves_nothing() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, SIDE, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), ON);
    let odt = filter("loai_dat = 'ODT'", &grant);
    for z in [13, 15] {
        let (x, y) = middle(z);
        // The filtered one first, so that what it builds is what the whole one is drawn from.
        let part = engine.filtered(&grant, Some(&odt), Grid::default(), z, x, y, Encoding::Plain).await?;
        let whole = engine.tile_on(&grant, Grid::default(), z, x, y, Encoding::Plain).await?;
        let [part, whole] =
            [MvtReaderRef::new(&part.body)?.to_tile()?, MvtReaderRef::new(&whole.body)?.to_tile()?];
        assert!(part.layers[0].features.len() * 3 < whole.layers[0].features.len());
        for feature in &part.layers[0].features {
            let same =
                whole.layers[0].features.iter().find(|f| f.id == feature.id).ok_or("not in the whole")?;
            assert_eq!(same.geometry, feature.geometry, "z{z}");
        }
    }
    let fresh = TileEngine::new(town.lake.clone(), ON);
    let (x, y) = middle(13);
    assert_eq!(fresh.tile(&grant, 13, x, y).await?, engine.tile(&grant, 13, x, y).await?);
    Ok(())
}

#[tokio::test]
async fn two_filters_and_two_grants_share_nothing() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, SIDE, 0)).await?;
    let public = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let local = town.grant(&Principal::LocalCli, "land_parcel", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), ON);
    let (x, y) = middle(16);
    let draw = async |grant: &Grant, text: &str| -> Fallible<(Tile, bool)> {
        let filter = filter(text, grant);
        let hits = engine.stats().await.tile_hits;
        let tile = engine.filtered(grant, Some(&filter), Grid::default(), 16, x, y, Encoding::Plain).await?;
        Ok((tile, engine.stats().await.tile_hits > hits))
    };
    let (odt, first) = draw(&public, "loai_dat = 'ODT'").await?;
    let (cln, second) = draw(&public, "loai_dat = 'CLN'").await?;
    let (internal, third) = draw(&local, "loai_dat = 'ODT'").await?;
    assert!(!first && !second && !third, "nothing was there before");
    assert!(ids(&odt)?.is_disjoint(&ids(&cln)?));
    assert_eq!(ids(&odt)?, ids(&internal)?);
    let has = |tile: &Tile, word: &str| tile.body.windows(word.len()).any(|w| w == word.as_bytes());
    assert!(has(&internal, "dia_chi") && !has(&odt, "dia_chi"));
    // The same question once more, however it is spelled, is a hit.
    let (again, hit) = draw(&public, "\"loai_dat\"='ODT'").await?;
    assert!(hit);
    assert_eq!(again, odt);
    // A filter made for one grant is not answered for another.
    let made = filter("loai_dat = 'ODT'", &public);
    let other = engine.filtered(&local, Some(&made), Grid::default(), 16, x, y, Encoding::Plain).await;
    assert!(matches!(other, Err(TileError::Filter(FilterError::OtherGrant { .. }))));
    Ok(())
}

/// Who may see restricted columns elsewhere may not see in a tile for whom they say what.
#[tokio::test]
async fn no_tile_tells_of_a_restricted_column() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 20, 0)).await?;
    let local = town.grant(&Principal::LocalCli, "land_parcel", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), ON);
    let made = filter("chu_su_dung IS NOT NULL", &local);
    let (x, y) = tile_at(16, CORNER.0 + CELL, CORNER.1 + CELL);
    let told = engine.filtered(&local, Some(&made), Grid::default(), 16, x, y, Encoding::Plain).await;
    assert!(matches!(&told, Err(TileError::Filter(FilterError::Access(_)))), "{told:?}");
    assert!(told.is_err_and(|e| e.is_user_error()));
    Ok(())
}

#[tokio::test]
async fn a_commit_is_seen_through_a_filter() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let engine = TileEngine::new(town.lake.clone(), ON);
    let (x, y) = tile_at(14, CORNER.0 + CELL * 10.0, CORNER.1 + CELL * 10.0);
    let mut tiles = Vec::new();
    for edition in [0, 1] {
        let snapshot = town.put("land_parcel", parcels(&layer, 20, edition)).await?;
        let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
        let few = filter("so_to = 5", &grant);
        let tile = engine.filtered(&grant, Some(&few), Grid::default(), 14, x, y, Encoding::Plain).await?;
        let expected = wanted(&town, &grant, &few).await?;
        assert!(!expected.is_empty());
        assert_eq!(ids(&tile)?, expected);
        tiles.push(tile);
    }
    assert_ne!(tiles[0].etag, tiles[1].etag);
    Ok(())
}
