//! Archives that others keep, as sources: what they hold is what goes out, and nothing that happens to
//! their files is served as something else.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::support::Fallible;
use flate2::Compression as Level;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use kho_access::{Policy, Principal, SourceGrant};
use kho_layer::{City, SourceDef, StandardModel, Text, ZoomRange};
use kho_tile::{Encoding, Federation, SourceError, SourceLayerKind};
use pmtiles::{Compression, PmTilesWriter, TileCoord, TileType};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

/// A tile with one empty layer: MVT 2.1 by hand. Empty layers decode, and names tell tiles apart.
fn tile(name: &str) -> Vec<u8> {
    let mut layer = vec![0x0a, name.len() as u8];
    layer.extend(name.as_bytes());
    layer.extend([0x28, 0x80, 0x20, 0x78, 2]);
    let mut tile = vec![0x1a, layer.len() as u8];
    tile.extend(layer);
    tile
}

fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Level::default());
    out.write_all(raw).unwrap();
    out.finish().unwrap()
}

fn zlib(raw: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), Level::default());
    out.write_all(raw).unwrap();
    out.finish().unwrap()
}

fn pmtiles(path: &Path, tile_type: TileType, compression: Compression, tiles: &[(u8, u32, u32, Vec<u8>)]) {
    let writer = PmTilesWriter::new(tile_type)
        .precompressed(compression)
        .min_zoom(3)
        .max_zoom(6)
        .bounds(108.0, 11.0, 110.0, 13.0)
        .metadata(r#"{"vector_layers": [{"id": "nha", "fields": {"tang": "Number"}}]}"#);
    let mut writer = writer.create(File::create(path).unwrap()).unwrap();
    for (z, x, y, bytes) in tiles {
        writer.add_tile(TileCoord::new(*z, *x, *y).unwrap(), bytes).unwrap();
    }
    writer.finalize().unwrap();
}

/// Tiles by address as in URLs; rows are turned here.
async fn mbtiles(path: &Path, format: &str, tiles: &[(u8, u32, u32, Vec<u8>)]) -> Fallible {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut file = options.connect().await?;
    sqlx::raw_sql(
        "CREATE TABLE metadata (name text, value text);
         CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob);",
    )
    .execute(&mut file)
    .await?;
    let json = r#"{"vector_layers": [{"id": "cay", "fields": {}}]}"#;
    for (name, value) in [("format", format), ("bounds", "108, 11, 110, 13"), ("json", json)] {
        let row = sqlx::query("INSERT INTO metadata VALUES (?, ?)").bind(name).bind(value);
        row.execute(&mut file).await?;
    }
    for (z, x, y, bytes) in tiles {
        let row = sqlx::query("INSERT INTO tiles VALUES (?, ?, ?, ?)")
            .bind(i64::from(*z))
            .bind(i64::from(*x))
            .bind((1i64 << z) - 1 - i64::from(*y))
            .bind(bytes.clone());
        row.execute(&mut file).await?;
    }
    Ok(file.close().await?)
}

fn source(name: &str) -> SourceDef {
    SourceDef {
        name: name.into(),
        title: Text::new("Nền", "Base"),
        published: true,
        refresh_seconds: 30,
        cache_seconds: 0,
        max_tile_bytes: 10_000,
        zoom: None,
        postgres: None,
        pmtiles: None,
        mbtiles: None,
    }
}

fn federation(dir: &Path, sources: Vec<SourceDef>) -> Fallible<(Federation, Policy)> {
    let model = StandardModel::load()?;
    let mut config = model.config.clone();
    config.sources = sources;
    let city = Arc::new(City::new(config, Vec::new(), Vec::new())?);
    Ok((Federation::new(&city, dir, 1 << 20)?, Policy::new(city)))
}

fn grant(policy: &Policy, name: &str) -> SourceGrant {
    policy.source_grant(&Principal::Anonymous, name).unwrap()
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut raw).unwrap();
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pmtiles_archive_is_served_as_it_is() -> Fallible {
    let dir = tempfile::tempdir()?;
    let (one, two) = (gzip(&tile("one")), gzip(&tile("two")));
    pmtiles(
        &dir.path().join("nen.pmtiles"),
        TileType::Mvt,
        Compression::Gzip,
        &[(3, 6, 3, one.clone()), (6, 51, 29, two)],
    );
    let def = SourceDef { pmtiles: Some("nen.pmtiles".into()), ..source("nen") };
    let (federation, policy) = federation(dir.path(), vec![def])?;
    let grant = grant(&policy, "nen");
    // Not looked at yet: it is there, and does not answer.
    let early = federation.tile(&grant, "nen", (3, 6, 3), Encoding::Gzip, true).await;
    assert!(matches!(early, Err(SourceError::Down { .. })), "{early:?}");
    federation.look().await;
    let told = federation.describe(&grant, "nen")?;
    assert_eq!((told.kind, told.zooms), (SourceLayerKind::Pmtiles, (3, 6)));
    assert_eq!(told.bounds, Some([108.0, 11.0, 110.0, 13.0]));
    assert_eq!(told.vector_layers[0].fields["tang"], "Number");

    let zipped = federation.tile(&grant, "nen", (3, 6, 3), Encoding::Brotli, true).await?;
    assert_eq!((zipped.encoding, &zipped.body[..]), (Encoding::Gzip, &one[..]), "the very bytes");
    let plain = federation.tile(&grant, "nen", (3, 6, 3), Encoding::Plain, false).await?;
    assert_eq!((plain.encoding, &plain.body[..]), (Encoding::Plain, &tile("one")[..]));
    assert_ne!(plain.etag, zipped.etag);
    assert_eq!(federation.tile(&grant, "nen", (3, 6, 3), Encoding::Plain, false).await?, plain);
    let layers = fast_mvt::MvtReaderRef::new(&plain.body);
    assert!(layers.is_ok(), "another implementation reads it");
    // Nothing there, and outside of the zooms.
    for at in [(3, 0, 0), (2, 0, 0), (7, 0, 0), (3, 8, 0)] {
        assert!(federation.tile(&grant, "nen", at, Encoding::Gzip, true).await?.body.is_empty(), "{at:?}");
    }
    let missing = federation.tile(&grant, "nen.khac", (3, 6, 3), Encoding::Gzip, true).await;
    assert_eq!(missing, Err(SourceError::NoSuch("nen.khac".into())));
    let status = federation.status(&grant).unwrap();
    assert_eq!((status.problem, status.failures), (None, 1), "the early one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mbtiles_file_counts_rows_from_the_south() -> Fallible {
    let dir = tempfile::tempdir()?;
    let tiles = [
        (3, 6, 3, gzip(&tile("north"))),
        (3, 6, 4, gzip(&tile("south"))),
        (4, 0, 0, zlib(&tile("zlib"))),
        (5, 1, 1, tile("plain")),
        (5, 2, 2, vec![0x1a; 20_000]),
    ];
    mbtiles(&dir.path().join("cay.mbtiles"), "pbf", &tiles).await?;
    let zoom = Some(ZoomRange { min: 0, max: 5 });
    let def = SourceDef { mbtiles: Some("cay.mbtiles".into()), zoom, ..source("cay") };
    let (federation, policy) = federation(dir.path(), vec![def])?;
    let grant = grant(&policy, "cay");
    federation.look().await;
    let told = federation.describe(&grant, "cay")?;
    assert_eq!((told.kind, told.zooms), (SourceLayerKind::Mbtiles, (3, 5)), "looked up, and cut");
    assert_eq!(told.bounds, Some([108.0, 11.0, 110.0, 13.0]));
    assert_eq!(told.vector_layers[0].id, "cay");
    for (at, name) in [((3, 6, 3), "north"), ((3, 6, 4), "south"), ((4, 0, 0), "zlib"), ((5, 1, 1), "plain")]
    {
        let plain = federation.tile(&grant, "cay", at, Encoding::Plain, false).await?;
        assert_eq!(&plain.body[..], &tile(name)[..], "{name}");
        let zipped = federation.tile(&grant, "cay", at, Encoding::Gzip, true).await?;
        assert_eq!((zipped.encoding, unzip(&zipped.body)), (Encoding::Gzip, tile(name)), "{name}");
    }
    let big = federation.tile(&grant, "cay", (5, 2, 2), Encoding::Plain, false).await;
    assert!(matches!(big, Err(SourceError::TooBig { bound: 10_000, .. })), "{big:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_of_vector_tiles_is_a_problem_and_no_more() -> Fallible {
    let dir = tempfile::tempdir()?;
    pmtiles(&dir.path().join("anh.pmtiles"), TileType::Png, Compression::None, &[(3, 0, 0, vec![1, 2, 3])]);
    mbtiles(&dir.path().join("anh.mbtiles"), "png", &[(3, 0, 0, vec![1, 2, 3])]).await?;
    std::fs::write(dir.path().join("rac.pmtiles"), vec![7; 50_000])?;
    std::fs::write(dir.path().join("rac.mbtiles"), vec![7; 50_000])?;
    let of = |name: &str, pm: Option<&str>, mb: Option<&str>| SourceDef {
        pmtiles: pm.map(str::to_owned),
        mbtiles: mb.map(str::to_owned),
        ..source(name)
    };
    let sources = vec![
        of("a", Some("anh.pmtiles"), None),
        of("b", None, Some("anh.mbtiles")),
        of("c", Some("rac.pmtiles"), None),
        of("d", None, Some("rac.mbtiles")),
        of("e", Some("khong.pmtiles"), None),
        of("f", None, Some("khong.mbtiles")),
    ];
    let (federation, policy) = federation(dir.path(), sources)?;
    federation.look().await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        let grant = grant(&policy, name);
        assert!(federation.status(&grant).unwrap().problem.is_some(), "{name}");
        let answer = federation.tile(&grant, name, (3, 0, 0), Encoding::Plain, false).await;
        assert!(matches!(answer, Err(SourceError::Down { .. })), "{name}: {answer:?}");
    }
    assert!(!dir.path().join("khong.mbtiles").exists(), "looking makes no file");
    // It comes by itself when it is there.
    pmtiles(&dir.path().join("khong.pmtiles"), TileType::Mvt, Compression::None, &[(3, 0, 0, tile("here"))]);
    federation.look().await;
    let here = federation.tile(&grant(&policy, "e"), "e", (3, 0, 0), Encoding::Plain, false).await?;
    assert_eq!(&here.body[..], &tile("here")[..]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_is_another_archive() -> Fallible {
    let dir = tempfile::tempdir()?;
    let (pm, mb) = (dir.path().join("a.pmtiles"), dir.path().join("b.mbtiles"));
    let write = async |name: &str, pm: &Path, mb: &Path| {
        let tiles = [(3, 1, 1, gzip(&tile(name))), (3, 2, 2, gzip(&tile(name)))];
        pmtiles(pm, TileType::Mvt, Compression::Gzip, &tiles);
        mbtiles(mb, "pbf", &tiles).await.unwrap();
    };
    write("old", &pm, &mb).await;
    let sources = vec![
        SourceDef { pmtiles: Some("a.pmtiles".into()), ..source("a") },
        SourceDef { mbtiles: Some("b.mbtiles".into()), ..source("b") },
    ];
    let (federation, policy) = federation(dir.path(), sources)?;
    let ask =
        async |name: &str, at| federation.tile(&grant(&policy, name), name, at, Encoding::Plain, false).await;
    federation.look().await;
    for name in ["a", "b"] {
        assert_eq!(&ask(name, (3, 1, 1)).await?.body[..], &tile("old")[..]);
    }
    let (new_pm, new_mb) = (dir.path().join("new.pmtiles"), dir.path().join("new.mbtiles"));
    write("new", &new_pm, &new_mb).await;
    std::fs::rename(&new_pm, &pm)?;
    std::fs::rename(&new_mb, &mb)?;
    federation.look().await;
    for name in ["a", "b"] {
        assert_eq!(&ask(name, (3, 1, 1)).await?.body[..], &tile("new")[..], "{name}");
    }
    // Written over in place, under an open reader: refused until it has been looked at, and never a crash.
    std::fs::write(&pm, b"short")?;
    std::fs::write(&mb, b"short")?;
    for name in ["a", "b"] {
        // Another tile than the one that is cached.
        let answer = ask(name, (3, 2, 2)).await;
        assert!(matches!(answer, Err(SourceError::Changed { .. })), "{name}: {answer:?}");
    }
    federation.look().await;
    for name in ["a", "b"] {
        assert!(matches!(ask(name, (3, 1, 1)).await, Err(SourceError::Down { .. })), "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_one_tile_unless_their_layers_are_called_the_same() -> Fallible {
    let parts = |names: &[&str]| names.iter().map(|n| tile(n).into()).collect::<Vec<_>>();
    let joined = Federation::join(parts(&["a", "b"]), Encoding::Gzip).await?;
    assert_eq!(unzip(&joined.body), [tile("a"), tile("b")].concat());
    let same = Federation::join(parts(&["a", "a"]), Encoding::Plain).await;
    assert_eq!(same, Err(SourceError::SameLayer("a".into())));
    assert!(Federation::join(Vec::new(), Encoding::Gzip).await?.body.is_empty());
    Ok(())
}
