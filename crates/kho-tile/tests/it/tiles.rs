//! Tiles out of a real lake, read back by a decoder that kho did not write.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::{
    CELL, CORNER, Fallible, Town, batch, halves, line, outline, parcels, plain, point, polygon, rim, tile_at,
};
use fast_mvt::{MvtReaderRef, MvtTile, MvtValue};
use flate2::read::GzDecoder;
use geo::{Area, Geometry, MapCoords, MultiPolygon, Validation};
use kho_access::Principal;
use kho_tile::{Drawing, Encoding, FabricConfig, Tile, TileConfig, TileEngine, TileError};
use std::collections::HashSet;
use std::io::Read;

const OFF: TileConfig = TileConfig { cache_bytes: 0, block_bytes: 64 << 20, max_tile_bytes: usize::MAX };
/// No layer is small enough to be thinned as a whole.
const ALONE: FabricConfig = FabricConfig { points: 0, bytes: 1 << 20 };
const ON: TileConfig = TileConfig { cache_bytes: 16 << 20, ..OFF };

fn raw(tile: &Tile) -> Fallible<Vec<u8>> {
    let mut raw = Vec::new();
    if !tile.body.is_empty() {
        GzDecoder::new(&tile.body[..]).read_to_end(&mut raw)?;
    }
    assert_eq!(raw.len(), tile.raw_len);
    Ok(raw)
}

fn decode(tile: &Tile) -> Fallible<MvtTile> {
    Ok(MvtReaderRef::new(&raw(tile)?)?.to_tile()?)
}

fn polygons(geometry: &geo::Geometry<i32>) -> MultiPolygon<f64> {
    match geometry.map_coords(|c| geo::Coord { x: f64::from(c.x), y: f64::from(c.y) }) {
        Geometry::Polygon(p) => MultiPolygon(vec![p]),
        Geometry::MultiPolygon(m) => m,
        other => panic!("{other:?} is no polygon"),
    }
}

#[tokio::test]
async fn parcels_come_back_whole() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 120, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    let open: HashSet<&str> = grant.columns().map(|c| c.name.as_str()).collect();
    let middle = (CORNER.0 + CELL * 60.0, CORNER.1 + CELL * 60.0);
    for z in 14..=18 {
        let (x, y) = tile_at(z, middle.0, middle.1);
        let tile = engine.tile(&grant, z, x, y).await?;
        let decoded = decode(&tile)?;
        let [layer] = decoded.layers.as_slice() else { panic!("one layer") };
        assert_eq!((layer.name.as_str(), layer.extent.get()), ("land_parcel", 4096));
        assert_eq!(layer.features.len(), tile.features);
        assert!(tile.features > 20, "z{z}: {}", tile.features);
        let ids: HashSet<u64> = layer.features.iter().filter_map(|f| f.id).collect();
        assert_eq!(ids.len(), tile.features);
        let mut covered = 0.0;
        for feature in &layer.features {
            let m = polygons(&feature.geometry);
            assert!(m.is_valid(), "z{z} {:?}", m.validation_errors());
            covered += m.unsigned_area();
            assert!(feature.properties.iter().all(|(k, _)| open.contains(k.as_str())));
        }
        if z >= 16 {
            // Inside the lattice the parcels fill the tile and its buffer, each place once.
            let side = f64::from(4096 + 2 * 64);
            assert!((covered / (side * side) - 1.0).abs() < 2e-3, "z{z}: {}", covered / (side * side));
        }
    }
    Ok(())
}

#[tokio::test]
async fn values_keep_their_types() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 12, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let (x, y) = tile_at(16, CORNER.0 + CELL * 6.0, CORNER.1 + CELL * 6.0);
    let tile = TileEngine::new(town.lake.clone(), OFF).tile(&grant, 16, x, y).await?;
    let decoded = decode(&tile)?;
    let (mut negative, mut dates, mut doubles) = (0, 0, 0);
    for (name, value) in decoded.layers[0].features.iter().flat_map(|f| &f.properties) {
        match (name.as_str(), value) {
            ("valid_from" | "valid_to", MvtValue::String(day)) => {
                assert!(day.len() == 10 && day.starts_with("20"), "{day}");
                dates += 1;
            }
            ("ma_xa" | "loai_dat", MvtValue::String(_)) => {}
            ("so_to" | "so_thua" | "so_to_cu" | "so_thua_cu", MvtValue::UInt(_)) => {}
            ("so_to" | "so_thua" | "so_to_cu" | "so_thua_cu", MvtValue::SInt(v)) => {
                assert!(*v < 0);
                negative += 1;
            }
            ("dien_tich" | "dien_tich_phap_ly", MvtValue::Double(_)) => doubles += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(negative > 0 && dates > 100 && doubles > 100);
    Ok(())
}

#[tokio::test]
async fn a_grant_sees_its_columns_only() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 30, 0)).await?;
    let (x, y) = tile_at(15, CORNER.0 + CELL * 10.0, CORNER.1 + CELL * 10.0);
    let engine = TileEngine::new(town.lake.clone(), ON);
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    // The wider grant first, so that a cache that mixed them up would show.
    let all =
        raw(&engine.tile(&town.grant(&Principal::LocalCli, "land_parcel", snapshot)?, 15, x, y).await?)?;
    let public =
        raw(&engine.tile(&town.grant(&Principal::Anonymous, "land_parcel", snapshot)?, 15, x, y).await?)?;
    assert!(has(&all, "dia_chi-0-") && has(&all, "ODT"));
    assert!(has(&public, "ODT"));
    for hidden in ["dia_chi", "chu_su_dung", "so_giay_to", "so_gcn", "ghi_chu"] {
        assert!(!has(&public, hidden), "{hidden}");
    }
    for restricted in ["chu_su_dung", "so_giay_to", "so_gcn", "ghi_chu"] {
        assert!(!has(&all, restricted), "{restricted} has no business in a tile");
    }
    Ok(())
}

#[tokio::test]
async fn a_commit_makes_new_tiles_of_its_layer_and_of_no_other() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let road = town.layer("road")?;
    let (x, y) = tile_at(15, CORNER.0 + CELL * 10.0, CORNER.1 + CELL * 10.0);
    let engine = TileEngine::new(town.lake.clone(), ON);
    let grant = |s| town.grant(&Principal::Anonymous, "land_parcel", s);

    let one = town.put("land_parcel", parcels(&layer, 20, 0)).await?;
    let first = engine.tile(&grant(one)?, 15, x, y).await?;
    let roads = line(&[[CORNER.0, CORNER.1], [CORNER.0 + 0.01, CORNER.1 + 0.01]]);
    let two = town.put("road", std::iter::once(batch(&road, 1, 0, &[Some(roads)]))).await?;
    let made = engine.stats().await.tiles_made;
    assert_eq!(engine.tile(&grant(two)?, 15, x, y).await?, first);
    assert_eq!(engine.stats().await.tiles_made, made, "another layer's commit must not cool this one");

    let three = town.put("land_parcel", parcels(&layer, 20, 1)).await?;
    let second = engine.tile(&grant(three)?, 15, x, y).await?;
    assert_ne!(second.etag, first.etag);
    // And back in time.
    assert_eq!(engine.tile(&grant(one)?, 15, x, y).await?, first);
    // Another engine, another day: the same tag.
    let again = TileEngine::new(town.lake.clone(), OFF).tile(&grant(three)?, 15, x, y).await?;
    assert_eq!(again, second);
    assert!(again.etag.starts_with('"') && again.etag.ends_with('"') && again.etag.len() == 34);
    Ok(())
}

#[tokio::test]
async fn an_edit_cools_the_tiles_above_it_and_no_others() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let side = 120;
    // The values of one row of parcels change, near the south.
    let edited = |edition: i64| {
        let layer = &layer;
        parcels(layer, side, 0).enumerate().map(move |(j, old)| {
            if j != 2 {
                return old;
            }
            let shapes: Vec<_> = (0..side).map(|i| Some(polygon(&[outline(i, 2)]))).collect();
            batch(layer, 1 + 2 * side, edition, &shapes)
        })
    };
    let over = |config| TileEngine::with_drawing(town.lake.clone(), config, Drawing::default());
    let engine = over(ON);
    let tile = async |snapshot: i64, row: f64| -> Fallible<(Tile, bool)> {
        let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
        let (x, y) = tile_at(17, CORNER.0 + CELL * 60.0, CORNER.1 + CELL * row);
        let hits = engine.stats().await.tile_hits;
        let tile = engine.tile(&grant, 17, x, y).await?;
        assert!(tile.features > 30);
        // Whether it was there or made anew, it is the tile of this snapshot.
        assert_eq!(over(OFF).tile(&grant, 17, x, y).await?, tile);
        Ok((tile, engine.stats().await.tile_hits > hits))
    };
    let one = town.put("land_parcel", edited(0)).await?;
    let (near, far) = (tile(one, 2.0).await?.0, tile(one, 110.0).await?.0);
    let two = town.put("land_parcel", edited(1)).await?;
    let (near_then, warm) = tile(two, 2.0).await?;
    assert!(!warm && near_then.etag != near.etag);
    assert_eq!(tile(two, 110.0).await?, (far.clone(), true));
    // The same delivery once more changes nothing; and going back finds what was there.
    let three = town.put("land_parcel", edited(1)).await?;
    assert_eq!(tile(three, 2.0).await?, (near_then, true));
    assert_eq!(tile(one, 2.0).await?, (near, true));
    // A whole new edition.
    let four = town.put("land_parcel", parcels(&layer, side, 2)).await?;
    let (far_then, warm) = tile(four, 110.0).await?;
    assert!(!warm && far_then.etag != far.etag);
    Ok(())
}

#[tokio::test]
async fn a_tile_is_the_same_in_every_encoding() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 120, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    // A bound that thins the tile of z13: what is left out must not depend on the encoding either.
    for config in [OFF, ON, TileConfig { max_tile_bytes: 40_000, ..ON }] {
        let engine = TileEngine::new(town.lake.clone(), config);
        for z in [13, 16] {
            let (x, y) = tile_at(z, CORNER.0 + CELL * 60.0, CORNER.1 + CELL * 60.0);
            for _ in 0..2 {
                let plain = engine.tile_as(&grant, z, x, y, Encoding::Plain).await?;
                let gzip = engine.tile_as(&grant, z, x, y, Encoding::Gzip).await?;
                assert_eq!(raw(&gzip)?, plain.body, "z{z}");
                assert_eq!(
                    (&plain.etag, plain.left_out, plain.raw_len),
                    (&gzip.etag, gzip.left_out, gzip.raw_len)
                );
                assert!(
                    plain.features > 0
                        && (plain.left_out > 0) == (z == 13 && config.max_tile_bytes == 40_000)
                );
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_who_ask_at_once_wait_for_one() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 100, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let (x, y) = tile_at(14, CORNER.0 + CELL * 50.0, CORNER.1 + CELL * 50.0);
    let engine = TileEngine::new(town.lake.clone(), ON);
    let asked = (0..200).map(|_| {
        let (engine, grant) = (engine.clone(), grant.clone());
        tokio::spawn(async move { engine.tile(&grant, 14, x, y).await })
    });
    let mut tags = HashSet::new();
    for answer in futures::future::join_all(asked).await {
        tags.insert(answer??.etag);
    }
    let stats = engine.stats().await;
    assert_eq!((tags.len(), stats.tiles_made, stats.tile_cache_entries), (1, 1, 1));
    assert_eq!(stats.blocks_decoded, stats.block_cache_entries);
    assert!(stats.block_cache_bytes > 0 && stats.tile_cache_bytes > 0);
    Ok(())
}

#[tokio::test]
async fn empty_and_impossible_tiles() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let engine = TileEngine::new(town.lake.clone(), ON);
    let before = town.lake.current().await?;
    let (x, y) = tile_at(15, CORNER.0 + CELL, CORNER.1 + CELL);
    // No data yet.
    let none = engine.tile(&town.grant(&Principal::Anonymous, "land_parcel", before)?, 15, x, y).await?;
    assert_eq!((none.features, none.body.len(), none.raw_len), (0, 0, 0));
    let snapshot = town.put("land_parcel", parcels(&layer, 10, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    assert!(engine.tile(&grant, 15, x, y).await?.features > 0);
    // Elsewhere, and below the first zoom.
    assert_eq!(engine.tile(&grant, 15, 3, 3).await?.features, 0);
    let (x, y) = tile_at(5, CORNER.0, CORNER.1);
    assert_eq!(engine.tile(&grant, 5, x, y).await?.features, 0);
    let wrong = engine.tile(&grant, 3, 8, 0).await;
    assert!(matches!(&wrong, Err(e @ TileError::NoSuchTile { .. }) if e.is_user_error()));
    Ok(())
}

#[tokio::test]
async fn every_kind_of_geometry() -> Fallible {
    let town = Town::new().await?;
    let (lon, lat) = CORNER;
    let lights = town.layer("street_light")?;
    let shapes = [Some(point([lon, lat])), None, Some(vec![9, 9]), Some(point([lon + CELL, lat]))];
    town.put("street_light", std::iter::once(batch(&lights, 1, 0, &shapes))).await?;
    let pipes = town.layer("drain_pipe")?;
    // A long way around, out of the tile and back.
    let (w, h) = (CELL * 100.0, CELL * 200.0);
    let way = line(&[[lon, lat], [lon, lat + h], [lon + w, lat + h], [lon + w, lat]]);
    town.put("drain_pipe", std::iter::once(batch(&pipes, 1, 0, &[Some(way)]))).await?;
    let water = town.layer("water_body")?;
    let square = |x: f64, y: f64, s: f64| vec![[x, y], [x + s, y], [x + s, y + s], [x, y + s]];
    let lake = polygon(&[square(lon - 1.0, lat - 1.0, 2.0), square(lon, lat, CELL)]);
    let snapshot = town.put("water_body", std::iter::once(batch(&water, 1, 0, &[Some(lake)]))).await?;

    let engine = TileEngine::new(town.lake.clone(), OFF);
    let (x, y) = tile_at(17, lon, lat);
    let of = async |name: &str| -> Fallible<MvtTile> {
        let grant = town.grant(&Principal::Anonymous, name, snapshot)?;
        decode(&engine.tile(&grant, 17, x, y).await?)
    };
    let lights = of("street_light").await?;
    let ids: Vec<_> = lights.layers[0].features.iter().map(|f| f.id).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(matches!(lights.layers[0].features[0].geometry, Geometry::Point(_)));
    let pipes = of("drain_pipe").await?;
    assert!(!pipes.layers[0].features.is_empty());
    let water = of("water_body").await?;
    let m = polygons(&water.layers[0].features[0].geometry);
    assert!(m.is_valid() && m.0.len() == 1 && m.0[0].interiors().len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_tile_that_is_too_big_says_what_it_left_out() -> Fallible {
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 100, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let small = TileConfig { max_tile_bytes: 40_000, ..OFF };
    let engine = TileEngine::new(town.lake.clone(), small);
    let (x, y) = tile_at(13, CORNER.0 + CELL * 50.0, CORNER.1 + CELL * 50.0);
    let tile = engine.tile(&grant, 13, x, y).await?;
    assert!(tile.body.len() <= 40_000 && tile.body.len() > 20_000, "{}", tile.body.len());
    assert!(tile.features > 100 && tile.left_out > 1000);
    let decoded = decode(&tile)?;
    let [_, said] = decoded.layers.as_slice() else { panic!("two layers") };
    assert_eq!(said.name, "kho:left_out");
    let says = |(name, value): &(String, MvtValue)| {
        name == "left_out" && matches!(value, MvtValue::UInt(n) if *n == tile.left_out as u64)
    };
    assert!(said.features[0].properties.iter().any(says));
    // The same again, and nothing is left out where everything must be there.
    assert_eq!(engine.tile(&grant, 13, x, y).await?, tile);
    let (x, y) = tile_at(14, CORNER.0 + CELL * 50.0, CORNER.1 + CELL * 50.0);
    assert_eq!(engine.tile(&grant, 14, x, y).await?.left_out, 0);
    Ok(())
}

#[tokio::test]
async fn a_parcel_across_tiles_is_in_all_of_them() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    // Around a corner where four tiles of zoom 18 meet.
    let n = f64::from(1u32 << 18);
    let (x, y) = tile_at(18, CORNER.0, CORNER.1);
    let lon = f64::from(x) / n * 360.0 - 180.0;
    let lat = ((0.5 - f64::from(y) / n) * std::f64::consts::TAU).sinh().atan().to_degrees();
    let ring = vec![
        [lon - CELL, lat - CELL],
        [lon + CELL, lat - CELL],
        [lon + CELL, lat + CELL],
        [lon - CELL, lat + CELL],
    ];
    let shapes = [Some(polygon(&[ring])), Some(polygon(&[outline(50, 50)]))];
    let snapshot = town.put("land_parcel", std::iter::once(batch(&layer, 1, 0, &shapes))).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    for (x, y) in [(x - 1, y - 1), (x, y - 1), (x - 1, y), (x, y)] {
        let tile = decode(&engine.tile(&grant, 18, x, y).await?)?;
        let ids: Vec<_> = tile.layers[0].features.iter().filter_map(|f| f.id).collect();
        assert_eq!(ids, [1]);
    }
    Ok(())
}

/// Twice the area of a ring in a tile's own square. Where an edge leaves the square there is a point of the
/// grid, so it is a whole number.
fn inside2(ring: &geo::LineString<i32>) -> i64 {
    let mut points: Vec<[i64; 2]> = ring.0.iter().skip(1).map(|c| [c.x.into(), c.y.into()]).collect();
    for (axis, line, sign) in [(0, 0, 1), (0, 4096, -1), (1, 0, 1), (1, 4096, -1)] {
        let mut kept = Vec::new();
        for (n, &b) in points.iter().enumerate() {
            let a = points[(n + points.len() - 1) % points.len()];
            let (from, to) = ((a[axis] - line) * sign, (b[axis] - line) * sign);
            if (from < 0) != (to < 0) && from != 0 && to != 0 {
                let (rise, run) = ((line - a[axis]) * (b[1 - axis] - a[1 - axis]), b[axis] - a[axis]);
                let mut p = [line; 2];
                p[1 - axis] = a[1 - axis] + rise / run;
                // Far from the square the buffer's own sides are cut, which only must not reach into it.
                assert!(rise % run == 0 || !(0..4096).contains(&p[1 - axis]), "no vertex on a side");
                kept.push(p);
            }
            if to >= 0 {
                kept.push(b);
            }
        }
        points = kept;
    }
    let around = points.iter().zip(points.iter().cycle().skip(1));
    around.map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum()
}

/// However large the layer: what is a partition at rest is one in each tile, T-junctions and all.
#[tokio::test]
async fn the_tiles_of_a_large_fabric_fit() -> Fallible {
    const PARTS: i64 = 60;
    let mut town = Town::new().await?;
    town.alter("land_parcel", plain)?;
    let layer = town.layer("land_parcel")?;
    let cells = (0..PARTS * PARTS).map(|n| (n % PARTS, n / PARTS));
    let mut shapes = Vec::new();
    for (i, j) in cells {
        match halves(i, j).filter(|_| (i + j) % 3 == 0) {
            Some(two) => shapes.extend(two.map(|half| Some(polygon(&[half])))),
            None => shapes.push(Some(polygon(&[outline(i, j)]))),
        }
    }
    // And all that lies around.
    let (w, s, far) = (CORNER.0 - 0.2, CORNER.1 - 0.2, 0.4);
    let sea = vec![[w, s], [w + far, s], [w + far, s + far], [w, s + far]];
    shapes.push(Some(polygon(&[sea, rim(PARTS)])));
    assert!(shapes.len() as i64 > PARTS * PARTS + 200);
    let snapshot = town.put("land_parcel", std::iter::once(batch(&layer, 1, 0, &shapes))).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    for fabrics in [ALONE, FabricConfig::default()] {
        let engine = TileEngine::with_fabrics(town.lake.clone(), OFF, Drawing::default(), fabrics);
        for z in 13..=18 {
            let (x, y) = tile_at(z, CORNER.0 + CELL * 30.0, CORNER.1 + CELL * 30.0);
            for (x, y) in [(x, y), (x + 1, y), (x, y - 1)] {
                let decoded = decode(&engine.tile(&grant, z, x, y).await?)?;
                let mut covered = 0;
                for feature in &decoded.layers[0].features {
                    let m = polygons(&feature.geometry);
                    assert!(m.is_valid(), "z{z} {:?}", m.validation_errors());
                    let parts = match &feature.geometry {
                        Geometry::Polygon(p) => vec![p],
                        Geometry::MultiPolygon(m) => m.0.iter().collect(),
                        other => panic!("{other:?} is no polygon"),
                    };
                    for part in parts {
                        let holes: i64 = part.interiors().iter().map(|r| inside2(r).abs()).sum();
                        covered += inside2(part.exterior()).abs() - holes;
                    }
                }
                assert_eq!(covered, 2 * 4096 * 4096, "{z}/{x}/{y}");
            }
        }
    }
    Ok(())
}
