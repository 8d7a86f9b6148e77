//! MapLibre tiles: who gets them, and what the documents say of them.

use super::*;
use kho_access::{Policy, Principal};
use kho_tile::{BakeOptions, BakeStore, Encoding, Format, Representation, TileConfig, TileEngine};

const MVT: &str = "application/vnd.mapbox-vector-tile";
const MLT: &str = "application/vnd.maplibre-tile";

/// The path of a tile with parcels in it, behind the layer's name.
fn place() -> (u8, u32, u32) {
    let n = f64::from(1_u32 << 16);
    let (lon, lat) = (CORNER[0] + STEP, CORNER[1] + STEP);
    let x = ((lon + 180.0) / 360.0 * n) as u32;
    let y = ((1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n) as u32;
    (16, x, y)
}

fn holds(tile: &Answer, name: &str) -> bool {
    tile.body.windows(name.len()).any(|w| w == name.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_names_mlt_gets_it_and_nobody_else() {
    let served = Served::start().await;
    let (z, x, y) = place();
    let tile = format!("/tiles/land_parcel/{z}/{x}/{y}");
    let mvt = served.get(&tile).await;
    let mlt = served.ask(&tile, &[("accept", MLT)]).await;
    assert_eq!((mvt.header("content-type"), mlt.header("content-type")), (MVT, MLT));
    assert!(mlt.body != mvt.body && holds(&mlt, "land_parcel"));
    let both = format!("{MLT}, {MVT}");
    let rather = format!("{MVT};q=0.5, {MLT}");
    for (path, accept, kind) in [
        ("", "*/*", MVT),
        ("", both.as_str(), MVT),
        ("", rather.as_str(), MLT),
        ("?f=mlt", "*/*", MLT),
        ("?f=mvt", MLT, MVT),
        (".mlt", "*/*", MLT),
        (".mvt", MLT, MVT),
        (".pbf", "image/png", MVT),
        (".mlt?f=mvt", MLT, MVT),
    ] {
        let answer = served.ask(&format!("{tile}{path}"), &[("accept", accept)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path} {accept}: {}", answer.text());
        assert_eq!(answer.header("content-type"), kind, "{path} {accept}");
        assert_eq!(answer.header("vary"), "Accept, Accept-Encoding", "{path} {accept}");
        assert_eq!(answer.body, if kind == MLT { &mlt } else { &mvt }.body, "{path} {accept}");
    }
    let refused = served.ask(&tile, &[("accept", "image/png")]).await;
    assert_eq!(refused.status, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(served.get(&format!("{tile}?f=png")).await.status, StatusCode::BAD_REQUEST);
    let nothing = served.ask("/tiles/land_parcel/16/0/0", &[("accept", MLT)]).await;
    assert_eq!(nothing.status, StatusCode::NO_CONTENT);
    let pinned = served.get(&format!("{tile}.mlt?snapshot=1")).await;
    assert!(pinned.header("cache-control").contains("immutable") && pinned.body == mlt.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_and_encoding_has_a_strong_tag_of_its_own() {
    let served = Served::start().await;
    let (z, x, y) = place();
    for layers in ["land_parcel", "land_parcel,planning_zone"] {
        let tile = format!("/tiles/{layers}/{z}/{x}/{y}");
        let mut tags = std::collections::HashSet::new();
        for accept in [MVT, MLT] {
            for encoding in ["identity", "gzip", "br", "zstd"] {
                let asked = [("accept", accept), ("accept-encoding", encoding)];
                let answer = served.ask(&tile, &asked).await;
                assert_eq!(
                    answer.header("content-encoding"),
                    if encoding == "identity" { "" } else { encoding }
                );
                let tag = answer.header("etag").to_owned();
                assert!(tag.starts_with('"'), "{tag} is strong");
                let again = served.ask(&tile, &[asked[0], asked[1], ("if-none-match", &tag)]).await;
                assert_eq!(
                    (again.status, again.body.len()),
                    (StatusCode::NOT_MODIFIED, 0),
                    "{accept} {encoding}"
                );
                tags.insert(tag);
            }
        }
        assert_eq!(tags.len(), 8, "{tags:?}");
    }
    let part = |name: &str| format!("/tiles/{name}/{z}/{x}/{y}.mlt");
    let parts = [served.get(&part("land_parcel")).await.body, served.get(&part("planning_zone")).await.body];
    assert_eq!(served.get(&part("land_parcel,planning_zone")).await.body, parts.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn mlt_of_a_baked_tile_is_that_made_on_demand() {
    let served = Served::start().await;
    let grant = Policy::new(Arc::new(served.city.clone()));
    let grant = grant.grant(&Principal::Anonymous, "land_parcel", 1).unwrap();
    let engine = TileEngine::new(served.lake.clone(), TileConfig::default());
    let (z, x, y) = place();
    let store = BakeStore::in_city(served._dir.path());
    let changed = async |_: &_, _| None;
    store.bake(&engine, &grant, BakeOptions::default(), changed, &|_, _| {}).await.unwrap().unwrap();
    let wanted = Representation { format: Format::Mlt, encoding: Encoding::Plain };
    let wanted = engine.tile_as(&grant, z, x, y, wanted).await.unwrap();
    let tile = format!("/tiles/land_parcel/{z}/{x}/{y}");
    let gzip = ("accept-encoding", "gzip");
    let baked = served.ask(&tile, &[gzip]).await;
    let on_demand = engine.tile(&grant, z, x, y).await.unwrap();
    assert!(!baked.header("etag").contains(on_demand.etag.trim_matches('"')), "it is served from the bake");
    let plain = served.ask(&tile, &[("accept", MLT)]).await;
    assert_eq!((plain.body, plain.headers["etag"].to_str().unwrap()), (wanted.body, wanted.etag.as_str()));
    let packed = served.ask(&tile, &[("accept", MLT), gzip]).await;
    assert_eq!((packed.header("content-encoding"), packed.header("content-type")), ("gzip", MLT));
    let empty = served.ask("/tiles/land_parcel/16/0/0.mlt", &[gzip]).await;
    assert_eq!(empty.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_lead_to_mlt() {
    let served = Served::start().await;
    let tilejson = served.json("/tiles/land_parcel?f=mlt").await;
    assert_eq!(tilejson["encoding"], "mlt");
    assert_eq!(tilejson["tiles"][0], "http://city.example/tiles/land_parcel/{z}/{x}/{y}?f=mlt");
    let pinned = served.json("/tiles/land_parcel?f=mlt&snapshot=1").await;
    assert_eq!(pinned["tiles"][0], "http://city.example/tiles/land_parcel/{z}/{x}/{y}?snapshot=1&f=mlt");
    for path in ["/tiles/land_parcel", "/tiles/land_parcel?f=json", "/tiles/land_parcel?f=mvt"] {
        let plain = served.json(path).await;
        assert!(plain.get("encoding").is_none(), "{path}");
        assert_eq!(plain["tiles"][0], "http://city.example/tiles/land_parcel/{z}/{x}/{y}", "{path}");
    }
    let style = served.json("/styles/portal.json?tiles=mlt").await;
    let source = &style["sources"]["land_parcel"];
    assert_eq!(source["encoding"], "mlt");
    assert_eq!(source["url"], "http://city.example/tiles/land_parcel?f=mlt");
    assert!(served.json("/styles/portal.json").await["sources"]["land_parcel"].get("encoding").is_none());
    for wrong in ["/tiles/land_parcel?f=png", "/styles/portal.json?tiles=png"] {
        assert_eq!(served.get(wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tileset_links_to_mvt_first_and_to_mlt_second() {
    let served = Served::start().await;
    let (z, x, y) = place();
    for (tileset, and) in [
        ("/ogc/collections/land_parcel/tiles/WebMercatorQuad", "?"),
        ("/ogc/tiles/WebMercatorQuad?collections=land_parcel", "&"),
    ] {
        let document = served.json(tileset).await;
        let items: Vec<&Value> =
            document["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "item").collect();
        let kinds: Vec<_> = items.iter().map(|link| link["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, [MVT, MLT], "{tileset}");
        for (item, kind) in items.iter().zip(kinds) {
            assert_eq!(item["templated"], true);
            let path = item["href"].as_str().unwrap().strip_prefix("http://city.example").unwrap();
            assert_eq!(path.ends_with(&format!("{and}f=mlt")), kind == MLT, "{path}");
            let path = path
                .replace("{tileMatrix}", &z.to_string())
                .replace("{tileRow}", &y.to_string())
                .replace("{tileCol}", &x.to_string());
            let tile = served.get(&path).await;
            assert_eq!((tile.header("content-type"), holds(&tile, "land_parcel")), (kind, true), "{path}");
        }
    }
    let api = served.get("/ogc/api").await.json();
    let tile = &api["paths"]["/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"]["get"];
    let content = tile["responses"]["200"]["content"].as_object().unwrap();
    assert!(content.contains_key(MVT) && content.contains_key(MLT));
    // ArcGIS knows one format.
    let path = format!("/arcgis/rest/services/land_parcel/VectorTileServer/tile/{z}/{y}/{x}.pbf");
    assert_eq!(served.ask(&path, &[("accept", MLT)]).await.header("content-type"), MVT);
}
