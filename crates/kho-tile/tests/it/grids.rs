//! Tiles in every grid and every encoding, and of several layers.

use crate::support::{CELL, CORNER, Fallible, Town, batch, line, parcels, point, tile_at};
use fast_mvt::{MvtReaderRef, MvtTile};
use flate2::read::GzDecoder;
use geo::Geometry;
use kho_access::Principal;
use kho_tile::{Encoding, Grid, Tile, TileConfig, TileEngine, Vn2000Grid};
use std::collections::HashSet;
use std::io::Read;

const OFF: TileConfig = TileConfig { cache_bytes: 0, block_bytes: 64 << 20, max_tile_bytes: usize::MAX };
const ON: TileConfig = TileConfig { cache_bytes: 16 << 20, ..OFF };

fn decode(tile: &Tile) -> Fallible<MvtTile> {
    Ok(MvtReaderRef::new(&unpacked(tile, Encoding::Gzip)?)?.to_tile()?)
}

fn unpacked(tile: &Tile, encoding: Encoding) -> Fallible<Vec<u8>> {
    let mut raw = Vec::new();
    if tile.body.is_empty() {
        return Ok(raw);
    }
    match encoding {
        Encoding::Plain => raw.extend_from_slice(&tile.body),
        Encoding::Gzip => {
            GzDecoder::new(&tile.body[..]).read_to_end(&mut raw)?;
        }
        Encoding::Brotli => {
            brotli::Decompressor::new(&tile.body[..], 4096).read_to_end(&mut raw)?;
        }
        Encoding::Zstd => raw = zstd::stream::decode_all(&tile.body[..])?,
    }
    Ok(raw)
}

const ENCODINGS: [Encoding; 4] = [Encoding::Plain, Encoding::Gzip, Encoding::Brotli, Encoding::Zstd];

#[tokio::test]
async fn every_encoding_holds_the_same_bytes() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, 120, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    for config in [OFF, TileConfig { max_tile_bytes: 40_000, ..ON }] {
        let engine = TileEngine::new(town.lake.clone(), config);
        for z in [13, 16] {
            let (x, y) = tile_at(z, CORNER.0 + CELL * 60.0, CORNER.1 + CELL * 60.0);
            let plain = engine.tile_as(&grant, z, x, y, Encoding::Plain).await?;
            assert!(plain.features > 0);
            for encoding in ENCODINGS {
                let tile = engine.tile_as(&grant, z, x, y, encoding).await?;
                assert_eq!(unpacked(&tile, encoding)?, plain.body, "z{z} {encoding:?}");
                assert_eq!(
                    (&tile.etag, tile.left_out, tile.features),
                    (&plain.etag, plain.left_out, plain.features)
                );
                assert!(encoding == Encoding::Plain || tile.body.len() < plain.body.len(), "{encoding:?}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_composite_is_its_layers_one_after_the_other() -> Fallible {
    let town = Town::new().await?;
    let (lon, lat) = CORNER;
    let (parcel, light) = (town.layer("land_parcel")?, town.layer("street_light")?);
    town.put("land_parcel", parcels(&parcel, 100, 0)).await?;
    let shapes: Vec<_> = (0..40).map(|i| Some(point([lon + CELL * f64::from(i), lat + CELL]))).collect();
    let snapshot = town.put("street_light", std::iter::once(batch(&light, 1, 0, &shapes))).await?;
    let grants = ["land_parcel", "street_light", "water_body"]
        .map(|name| town.grant(&Principal::Anonymous, name, snapshot));
    let [plots, lights, water] = grants;
    let (plots, lights, water) = (plots?, lights?, water?);
    let all = [&plots, &lights, &water];
    for config in [OFF, ON] {
        let engine = TileEngine::new(town.lake.clone(), config);
        let (x, y) = tile_at(15, lon + CELL * 20.0, lat + CELL * 20.0);
        let mut wanted = Vec::new();
        for grant in all {
            wanted.extend(
                engine.tile_on(grant, Grid::default(), 15, x, y, Encoding::Plain).await?.body.to_vec(),
            );
        }
        for encoding in ENCODINGS {
            for _ in 0..2 {
                let tile = engine.composite(&all, Grid::default(), 15, x, y, encoding).await?;
                assert_eq!(unpacked(&tile, encoding)?, wanted, "{encoding:?}");
                assert!(tile.features > 40);
            }
        }
        let tile = MvtReaderRef::new(&wanted)?.to_tile()?;
        let names: Vec<_> = tile.layers.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["land_parcel", "street_light"]);
        // The tag names all parts: without one of them it is another.
        let both = engine.composite(&all, Grid::default(), 15, x, y, Encoding::Gzip).await?.etag;
        let swapped =
            engine.composite(&[&lights, &plots], Grid::default(), 15, x, y, Encoding::Gzip).await?.etag;
        let one = engine.composite(&[&lights], Grid::default(), 15, x, y, Encoding::Gzip).await?;
        assert!(both != swapped && both != one.etag);
        assert_eq!(one, engine.tile(&lights, 15, x, y).await?);
        assert_eq!(engine.composite(&all, Grid::default(), 15, 3, 3, Encoding::Gzip).await?.body.len(), 0);
        assert!(engine.composite(&[], Grid::default(), 15, 1 << 15, 0, Encoding::Gzip).await.is_err());
    }
    // Two layers that leave something out say so in one layer, as no two may have one name.
    let engine = TileEngine::new(town.lake.clone(), TileConfig { max_tile_bytes: 600, ..OFF });
    let (x, y) = tile_at(13, lon + CELL * 20.0, lat + CELL * 20.0);
    let tile = engine.composite(&all, Grid::default(), 13, x, y, Encoding::Gzip).await?;
    let decoded = decode(&tile)?;
    let names: Vec<_> = decoded.layers.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names.iter().filter(|n| **n == "kho:left_out").count(), 1, "{names:?}");
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    Ok(())
}

/// The place of a point in world coordinates of a grid's CRS, read back from its tile.
async fn place_of(engine: &TileEngine, grant: &kho_access::Grant, grid: Grid, z: u8) -> Fallible<[f64; 2]> {
    let range = grid.tiles(z, [CORNER.0, CORNER.1, CORNER.0, CORNER.1]).ok_or("a zoom")?;
    let cell = grid.matrix(z).ok_or("a zoom")?.cell_size;
    for x in range.min_column..=range.max_column {
        for y in range.min_row..=range.max_row {
            let tile = engine.tile_on(grant, grid, z, x, y, Encoding::Gzip).await?;
            if tile.features == 0 {
                continue;
            }
            let decoded = decode(&tile)?;
            for feature in decoded.layers.iter().flat_map(|l| &l.features) {
                let Geometry::Point(p) = &feature.geometry else { continue };
                // Not one that only lies in the buffer.
                if !(0..4096).contains(&p.x()) || !(0..4096).contains(&p.y()) {
                    continue;
                }
                let at =
                    |tile: u32, inside: i32| (f64::from(tile) + f64::from(inside) / 4096.0) * 256.0 * cell;
                let [west, north] = grid.origin();
                return Ok([west + at(x, p.x()), north - at(y, p.y())]);
            }
        }
    }
    Err(format!("nothing in {grid}").into())
}

#[tokio::test]
async fn a_point_is_in_its_place_in_every_grid() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("street_light")?;
    let shapes = [Some(point([CORNER.0, CORNER.1]))];
    let snapshot = town.put("street_light", std::iter::once(batch(&layer, 1, 0, &shapes))).await?;
    let grant = town.grant(&Principal::Anonymous, "street_light", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), ON);
    let zone = Grid::Vn2000(Vn2000Grid::of(9217).ok_or("no zone")?);
    let plane = kho_crs::Zone::of(9217).ok_or("no zone")?.plane();
    let radius = kho_crs::EQUATORIAL_RADIUS;
    let mercator = [CORNER.0.to_radians() * radius, CORNER.1.to_radians().tan().asinh() * radius];
    for (grid, wanted) in [
        (Grid::WebMercatorQuad, mercator),
        (Grid::WorldCrs84Quad, [CORNER.0, CORNER.1]),
        (zone, plane.project(CORNER.0, CORNER.1).ok_or("no place")?),
    ] {
        for z in [grid.zooms(layer.tile_zooms()).0, grid.max_zoom()] {
            let found = place_of(&engine, &grant, grid, z).await?;
            // Half a grid unit, of which sixteen are a pixel, and the lattice of the square.
            let unit = grid.matrix(z).ok_or("a zoom")?.cell_size / 16.0;
            let lattice = grid.matrix(0).ok_or("a zoom")?.cell_size * 1024.0 / 4_294_967_296.0;
            let off = found.iter().zip(wanted).map(|(f, w)| (f - w).abs()).fold(0.0, f64::max);
            assert!(off <= unit / 2.0 + lattice, "{grid} z{z}: {found:?}, not {wanted:?}");
        }
        // Below the layer's first zoom there is nothing.
        let first = grid.zooms(layer.tile_zooms()).0;
        let range = grid.tiles(first - 1, [CORNER.0, CORNER.1, CORNER.0, CORNER.1]).ok_or("a zoom")?;
        let below =
            engine.tile_on(&grant, grid, first - 1, range.min_column, range.min_row, Encoding::Gzip).await?;
        assert_eq!(below.features, 0, "{grid}");
    }
    // Geometry is kept for each grid, attributes once.
    assert_eq!(engine.stats().await.blocks_decoded, 4);
    Ok(())
}

#[tokio::test]
async fn what_leaves_a_zone_is_not_drawn_in_it() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("drain_pipe")?;
    let (lon, lat) = CORNER;
    let shapes =
        [Some(line(&[[lon, lat], [150.0, lat]])), Some(line(&[[lon, lat], [lon + CELL, lat + CELL]]))];
    let snapshot = town.put("drain_pipe", std::iter::once(batch(&layer, 1, 0, &shapes))).await?;
    let grant = town.grant(&Principal::Anonymous, "drain_pipe", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    let zone = Grid::Vn2000(Vn2000Grid::of(9217).ok_or("no zone")?);
    for (grid, z, ids) in [(Grid::WebMercatorQuad, 17, vec![1u64, 2]), (zone, 13, vec![2])] {
        let range = grid.tiles(z, [lon, lat, lon + CELL, lat + CELL]).ok_or("a zoom")?;
        let tile = engine.tile_on(&grant, grid, z, range.min_column, range.max_row, Encoding::Gzip).await?;
        let decoded = decode(&tile)?;
        let mut found: Vec<u64> =
            decoded.layers.iter().flat_map(|l| &l.features).filter_map(|f| f.id).collect();
        found.sort_unstable();
        assert_eq!(found, ids, "{grid}");
    }
    Ok(())
}
