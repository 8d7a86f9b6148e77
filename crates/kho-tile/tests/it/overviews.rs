//! Tiles below a layer's own zooms: by the rules of its file, the same on both sides of a seam, and
//! with every feature accounted for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::{CELL, CORNER, Fallible, Town, batch, line, outline, parcels, point, polygon, tile_at};
use fast_mvt::{MvtReaderRef, MvtTile, MvtValue};
use flate2::read::GzDecoder;
use geo::{Area, Geometry, MapCoords, MultiPolygon, Validation};
use kho_access::Principal;
use kho_tile::{Tile, TileConfig, TileEngine};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

const OFF: TileConfig = TileConfig { cache_bytes: 0, block_bytes: 64 << 20, max_tile_bytes: 500_000 };

fn decode(tile: &Tile) -> Fallible<MvtTile> {
    let mut raw = Vec::new();
    if !tile.body.is_empty() {
        GzDecoder::new(&tile.body[..]).read_to_end(&mut raw)?;
    }
    Ok(MvtReaderRef::new(&raw)?.to_tile()?)
}

/// A feature of an overview, in its tile's grid.
struct Seen {
    id: Option<u64>,
    attributes: BTreeMap<String, String>,
    areas: MultiPolygon<f64>,
    points: Vec<[f64; 2]>,
}

fn text(value: &MvtValue) -> String {
    match value {
        MvtValue::String(v) => v.clone(),
        MvtValue::UInt(v) => v.to_string(),
        other => format!("{other:?}"),
    }
}

/// The features of a layer in a tile.
fn seen(tile: &Tile, layer: &str) -> Fallible<Vec<Seen>> {
    let decoded = decode(tile)?;
    let features = decoded.layers.iter().filter(|l| l.name == layer).flat_map(|l| &l.features);
    Ok(features
        .map(|f| {
            let geometry = f.geometry.map_coords(|c| geo::Coord { x: f64::from(c.x), y: f64::from(c.y) });
            let mut one = Seen {
                id: f.id,
                attributes: f.properties.iter().map(|(k, v)| (k.clone(), text(v))).collect(),
                areas: MultiPolygon(vec![]),
                points: vec![],
            };
            match geometry {
                Geometry::Polygon(p) => one.areas.0.push(p),
                Geometry::MultiPolygon(m) => one.areas = m,
                Geometry::Point(p) => one.points.push([p.x(), p.y()]),
                Geometry::MultiPoint(m) => one.points.extend(m.iter().map(|p| [p.x(), p.y()])),
                Geometry::LineString(_) | Geometry::MultiLineString(_) => {}
                other => panic!("{other:?}"),
            }
            one
        })
        .collect())
}

/// What a tile says of itself in `kho:left_out`.
fn said(tile: &Tile) -> Fallible<BTreeMap<String, String>> {
    Ok(seen(tile, "kho:left_out")?.into_iter().next().map(|s| s.attributes).unwrap_or_default())
}

/// A place on the grid of a tile.
fn on_grid(z: u8, tile: (u32, u32), [lon, lat]: [f64; 2]) -> [f64; 2] {
    let n = f64::from(1u32 << z);
    let y = 0.5 - lat.to_radians().tan().asinh() / std::f64::consts::TAU;
    [((lon / 360.0 + 0.5) * n - f64::from(tile.0)) * 4096.0, (y * n - f64::from(tile.1)) * 4096.0]
}

/// The north-west corner of a tile, degrees.
fn corner_of(z: u8, (x, y): (u32, u32)) -> [f64; 2] {
    let n = f64::from(1u32 << z);
    let lat = ((0.5 - f64::from(y) / n) * std::f64::consts::TAU).sinh().atan().to_degrees();
    [f64::from(x) / n * 360.0 - 180.0, lat]
}

fn area(ring: &[[f64; 2]]) -> f64 {
    let next = ring.iter().skip(1).chain(ring.first());
    (ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0).abs()
}

/// The class that `support::batch` gives the parcel with an id: its land use, or none.
fn class(id: i64, column: usize) -> String {
    if (id + column as i64) % 7 == 0 {
        return String::new();
    }
    ["ODT", "ONT", "CLN", "TMD"][(id % 4) as usize].to_owned()
}

fn class_of(seen: &Seen) -> String {
    seen.attributes.get("loai_dat").cloned().unwrap_or_default()
}

#[tokio::test]
async fn parcels_of_a_class_become_one_area() -> Fallible {
    let side = 60;
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let column = layer.columns.iter().position(|c| c.name == "loai_dat").unwrap();
    let snapshot = town.put("land_parcel", parcels(&layer, side, 0)).await?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    for z in layer.first_zoom()..layer.zoom.min {
        let at = tile_at(z, CORNER.0 + CELL, CORNER.1 + CELL);
        let tile = engine.tile(&grant, z, at.0, at.1).await?;
        let (mut wanted, mut found) = (BTreeMap::<String, f64>::new(), BTreeMap::<String, f64>::new());
        for (i, j) in (0..side).flat_map(|j| (0..side).map(move |i| (i, j))) {
            let ring: Vec<_> = outline(i, j).into_iter().map(|p| on_grid(z, at, p)).collect();
            *wanted.entry(class(1 + j * side + i, column)).or_default() += area(&ring);
        }
        let features = seen(&tile, "land_parcel")?;
        assert_eq!(features.len(), tile.features);
        for one in &features {
            assert_eq!(one.id, None, "what was merged has no id");
            assert!(one.attributes.keys().all(|k| k == "loai_dat"), "{:?}", one.attributes);
            assert!(one.areas.is_valid(), "z{z} {:?}", one.areas.validation_errors());
            assert!(one.areas.0.is_empty() != one.points.is_empty());
            *found.entry(class_of(one)).or_default() += one.areas.unsigned_area();
        }
        // Every class is seen, as an area or as points, and every parcel is in one of these.
        assert!(found.keys().eq(wanted.keys()), "z{z}: {found:?}");
        assert_eq!((tile.merged, tile.left_out), ((side * side) as usize, 0), "z{z}");
        let says = said(&tile)?;
        assert_eq!(says.get("merged"), Some(&tile.merged.to_string()));
        assert_eq!(says.get("left_out").map(String::as_str), Some("0"));
        // A parcel is 55 square units at z13: nothing is too small there.
        if z == 13 {
            assert_eq!(features.len(), 5);
            for (class, wanted) in &wanted {
                assert!((found[class] / wanted - 1.0).abs() < 0.03, "{class}: {} of {wanted}", found[class]);
            }
            let (all, exact) = (found.values().sum::<f64>(), wanted.values().sum::<f64>());
            assert!((all / exact - 1.0).abs() < 0.005, "{all} of {exact}");
        }
        assert_eq!(engine.tile(&grant, z, at.0, at.1).await?, tile, "the same again");
    }
    let below = layer.first_zoom() - 1;
    let (x, y) = tile_at(below, CORNER.0 + CELL, CORNER.1 + CELL);
    assert!(engine.tile(&grant, below, x, y).await?.body.is_empty());
    Ok(())
}

/// How much of the line `x = at` each class covers.
fn along(features: &[Seen], at: f64) -> BTreeMap<String, f64> {
    let mut covered = BTreeMap::new();
    for one in features.iter().filter(|one| !one.areas.0.is_empty()) {
        let rings = one.areas.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
        let mut cuts: Vec<f64> = rings
            .flat_map(geo::LineString::lines)
            .filter(|e| (e.start.x <= at) != (e.end.x <= at))
            .map(|e| e.start.y + (at - e.start.x) * (e.end.y - e.start.y) / (e.end.x - e.start.x))
            .map(|y| y.clamp(0.0, 4096.0))
            .collect();
        cuts.sort_by(f64::total_cmp);
        let length: f64 = cuts.chunks_exact(2).map(|pair| pair[1] - pair[0]).sum();
        *covered.entry(class_of(one)).or_default() += length;
    }
    covered
}

#[tokio::test]
async fn areas_and_counts_agree_at_the_seams() -> Fallible {
    let side = 60;
    let town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    for z in [11, 13] {
        // The lattice lies around a corner where four tiles meet, a little aside so that no seam is hit
        // at its end.
        let (x, y) = tile_at(z, CORNER.0, CORNER.1);
        let corner = corner_of(z, (x, y));
        let (dx, dy) = (corner[0] - CORNER.0 - CELL * 29.7, corner[1] - CORNER.1 - CELL * 30.2);
        let rows = (0..side).map(|j| {
            let shifted = |i| outline(i, j).into_iter().map(|[a, b]| [a + dx, b + dy]).collect::<Vec<_>>();
            let shapes: Vec<_> = (0..side).map(|i| Some(polygon(&[shifted(i)]))).collect();
            batch(&layer, 1 + j * side, 0, &shapes)
        });
        let snapshot = town.put("land_parcel", rows).await?;
        let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
        let mut all = 0;
        for row in [y - 1, y] {
            let (west, east) =
                (engine.tile(&grant, z, x - 1, row).await?, engine.tile(&grant, z, x, row).await?);
            all += west.merged + west.left_out + east.merged + east.left_out;
            let (west, east) = (seen(&west, "land_parcel")?, seen(&east, "land_parcel")?);
            // On the seam, and in the buffers on both of its sides.
            for off in [-20.0, 0.0, 20.0] {
                let (a, b) = (along(&west, 4096.0 + off), along(&east, off));
                assert!(a.values().sum::<f64>() > 0.0);
                for class in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                    let [a, b] = [&a, &b].map(|m| m.get(class).copied().unwrap_or(0.0));
                    assert!((a - b).abs() <= 1.0, "z{z} row {row} at {off}: {class} {a} {b}");
                }
            }
            for one in west.iter().chain(&east) {
                assert!(
                    one.points.iter().all(|p| p.iter().all(|v| (0.0..4096.0).contains(v))),
                    "points in their own tile"
                );
            }
        }
        assert_eq!(all, (side * side) as usize, "z{z}: each parcel is counted in one tile");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_rule_leaves_out_is_counted() -> Fallible {
    let side = 100;
    let mut town = Town::new().await?;
    let layer = town.layer("land_parcel")?;
    let snapshot = town.put("land_parcel", parcels(&layer, side, 0)).await?;
    let at = |z| tile_at(z, CORNER.0 + CELL, CORNER.1 + CELL);
    let all = (side * side) as usize;
    // Too many bytes, and no points: whole areas are left out, the smallest first.
    town.alter("land_parcel", |layer| {
        if let Some(overview) = &mut layer.overview {
            overview.keep_as_point = false;
        }
    })?;
    let grant = town.grant(&Principal::Anonymous, "land_parcel", snapshot)?;
    let (x, y) = at(13);
    let whole = TileEngine::new(town.lake.clone(), OFF).tile(&grant, 13, x, y).await?;
    assert_eq!((whole.merged, whole.left_out), (all, 0));
    let bound = whole.body.len() / 2;
    let engine = TileEngine::new(town.lake.clone(), TileConfig { max_tile_bytes: bound, ..OFF });
    let tile = engine.tile(&grant, 13, x, y).await?;
    assert!(tile.body.len() <= bound && tile.body.len() > bound / 3, "{} of {bound}", tile.body.len());
    assert!(tile.left_out > 0 && tile.merged + tile.left_out == all, "{} {}", tile.merged, tile.left_out);
    assert_eq!(said(&tile)?.get("left_out"), Some(&tile.left_out.to_string()));
    let size = |tile: &Tile| -> Fallible<f64> {
        Ok(seen(tile, "land_parcel")?.iter().map(|one| one.areas.unsigned_area()).sum())
    };
    assert!(size(&tile)? < size(&whole)?);
    assert_eq!(engine.tile(&grant, 13, x, y).await?, tile, "the same again");
    // Too small to be seen: the lone parcels of a class, 14 square units each.
    let (x, y) = at(12);
    let tile = TileEngine::new(town.lake.clone(), OFF).tile(&grant, 12, x, y).await?;
    assert!(tile.merged + tile.left_out == all);
    Ok(())
}

#[tokio::test]
async fn points_are_counted_once_whichever_tile_shows_them() -> Fallible {
    let town = Town::new().await?;
    let layer = town.layer("address_point")?;
    let z = layer.zoom.min - 2;
    let (x, y) = tile_at(z, CORNER.0, CORNER.1);
    let corner = corner_of(z, (x, y));
    // 1600 points around a corner of tiles; some have no place.
    let side = 40;
    let step = 360.0 / f64::from(1u32 << z) / 40.0;
    let place = |n: i64| {
        // Close together around the corner, up to a cell apart at the ends.
        let off = |k: i64, aside: f64| (k as f64 - aside).powi(3) * 18.0 / 8000.0 * step;
        [corner[0] + off(n % side, 19.3), corner[1] + off(n / side, 20.4)]
    };
    let shapes: Vec<_> = (0..side * side).map(|n| (n % 11 != 5).then(|| point(place(n)))).collect();
    let drawn = shapes.iter().flatten().count();
    let snapshot = town.put("address_point", std::iter::once(batch(&layer, 1, 0, &shapes))).await?;
    let grant = town.grant(&Principal::Anonymous, "address_point", snapshot)?;
    let engine = TileEngine::new(town.lake.clone(), OFF);
    let (mut counted, mut singles, mut merged) = (0, 0, 0);
    let mut shown: BTreeMap<(i64, i64), BTreeSet<(String, Option<u64>)>> = BTreeMap::new();
    for (tx, ty) in [(x - 1, y - 1), (x, y - 1), (x - 1, y), (x, y)] {
        let tile = engine.tile(&grant, z, tx, ty).await?;
        merged += tile.merged;
        assert_eq!(tile.left_out, 0);
        for one in seen(&tile, "address_point")? {
            assert!(one.attributes.keys().eq(["point_count"]), "{:?}", one.attributes);
            let ([[px, py]], count) = (one.points.as_slice(), &one.attributes["point_count"]) else {
                panic!("one point")
            };
            assert_eq!(one.id.is_some(), count == "1", "a single point is itself");
            if (0.0..4096.0).contains(px) && (0.0..4096.0).contains(py) {
                counted += count.parse::<usize>()?;
                singles += usize::from(count == "1");
            }
            let world = (i64::from(tx) * 4096 + *px as i64, i64::from(ty) * 4096 + *py as i64);
            shown.entry(world).or_default().insert((count.clone(), one.id));
        }
    }
    assert_eq!((counted, merged + singles), (drawn, drawn));
    assert!(singles > 0 && merged > drawn / 2, "{singles} {merged}");
    assert!(shown.values().all(|told| told.len() == 1), "a cluster is the same in every tile that shows it");
    // In the buffer a tile shows what its neighbour shows there.
    let strip = async |tx: u32, low: f64, high: f64| -> Fallible<BTreeSet<_>> {
        let tile = engine.tile(&grant, z, tx, y).await?;
        let found = seen(&tile, "address_point")?;
        let found = found.into_iter().filter(|one| (low..high).contains(&one.points[0][0]));
        Ok(found.map(|one| (one.points[0][1] as i64, one.attributes)).collect())
    };
    let (ours, theirs) = (strip(x - 1, 4032.0, 4160.0).await?, strip(x, -64.0, 64.0).await?);
    assert!(!ours.is_empty() && ours == theirs, "{ours:?} {theirs:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_too_short_is_left_out_and_the_rest_is_itself() -> Fallible {
    let mut town = Town::new().await?;
    let layer = town.layer("drain_pipe")?;
    let z = layer.zoom.min - 1;
    let unit = 360.0 / f64::from(1u32 << z) / 4096.0;
    // From a unit to 40 units long.
    let way = |n: i64| {
        let (lon, lat) = (CORNER.0 + CELL * (n % 7) as f64, CORNER.1 + CELL * (n / 7) as f64);
        Some(line(&[[lon, lat], [lon + unit * n as f64, lat]]))
    };
    let shapes: Vec<_> = (1..=40).map(way).collect();
    let snapshot = town.put("drain_pipe", std::iter::once(batch(&layer, 1, 0, &shapes))).await?;
    let (x, y) = tile_at(z, CORNER.0, CORNER.1);
    let tile = async |town: &Town| -> Fallible<Tile> {
        let grant = town.grant(&Principal::Anonymous, "drain_pipe", snapshot)?;
        Ok(TileEngine::new(town.lake.clone(), OFF).tile(&grant, z, x, y).await?)
    };
    let one = tile(&town).await?;
    assert_eq!((one.features + one.left_out, one.merged), (40, 0));
    assert!((6..=8).contains(&one.left_out), "{}", one.left_out);
    let says = said(&one)?;
    assert_eq!((says.get("left_out"), says.get("merged")), (Some(&one.left_out.to_string()), None));
    let features = seen(&one, "drain_pipe")?;
    let ids: BTreeSet<_> = features.iter().filter_map(|f| f.id).collect();
    assert!(ids.len() == features.len() && ids.iter().all(|id| *id >= 7), "{ids:?}");
    let keys: BTreeSet<_> = features.iter().flat_map(|f| f.attributes.keys()).map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["chuc_nang", "duong_kinh"]));
    // Or they stay as points.
    town.alter("drain_pipe", |layer| {
        if let Some(overview) = &mut layer.overview {
            overview.keep_as_point = true;
        }
    })?;
    let all = tile(&town).await?;
    assert_eq!((all.features, all.left_out), (40, 0));
    let points = seen(&all, "drain_pipe")?.iter().filter(|f| !f.points.is_empty()).count();
    assert_eq!(points, one.left_out);
    Ok(())
}
