//! OGC API Tiles, tiles of several layers, encodings, and ArcGIS's words for the same.

use super::*;

const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
const MVT: &str = "application/vnd.mapbox-vector-tile";

fn link<'a>(document: &'a Value, rel: &str) -> &'a str {
    let links = document["links"].as_array().unwrap();
    let found = links.iter().find(|l| l["rel"] == rel).unwrap_or_else(|| panic!("{rel}: {document}"));
    found["href"].as_str().unwrap().strip_prefix("http://city.example").unwrap()
}

/// The tiles at the last zoom of a tileset, as a client asks for them: by its template and limits.
async fn tiles_of(served: &Served, tileset: &Value) -> Vec<Answer> {
    let limits = tileset["tileMatrixSetLimits"].as_array().unwrap().last().unwrap();
    let number = |member: &str| limits[member].as_u64().unwrap();
    let mut tiles = Vec::new();
    for row in number("minTileRow")..=number("maxTileRow") {
        for column in number("minTileCol")..=number("maxTileCol") {
            let path = link(tileset, "item")
                .replace("{tileMatrix}", limits["tileMatrix"].as_str().unwrap())
                .replace("{tileRow}", &row.to_string())
                .replace("{tileCol}", &column.to_string());
            tiles.push(served.get(&path).await);
        }
    }
    tiles
}

fn holds(tile: &Answer, name: &str) -> bool {
    tile.body.windows(name.len()).any(|w| w == name.as_bytes())
}

/// The path of a tile with parcels in it, behind the layer's name.
fn place() -> (u32, u32, u32) {
    let n = f64::from(1_u32 << 16);
    let (lon, lat) = (CORNER[0] + STEP, CORNER[1] + STEP);
    let x = ((lon + 180.0) / 360.0 * n) as u32;
    let y = ((1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n) as u32;
    (16, x, y)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_walks_from_the_landing_page_to_tiles_in_every_grid() {
    let served = Served::start().await;
    let landing = served.json("/ogc").await;
    let schemes = served.json(link(&landing, "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes")).await;
    assert_eq!(schemes["tileMatrixSets"].as_array().unwrap().len(), 3);
    let parcels = served.json("/ogc/collections/land_parcel").await;
    for (of, whole) in [(&landing, true), (&parcels, false)] {
        let list = served.json(link(of, TILESETS)).await;
        let sets = list["tilesets"].as_array().unwrap();
        let titles: Vec<_> = sets.iter().map(|s| s["crs"].as_str().unwrap()).collect();
        assert_eq!(titles.len(), 3, "{titles:?}");
        for set in sets {
            assert_eq!(set["dataType"], "vector");
            let tileset = served.json(link(set, "self")).await;
            let scheme =
                served.json(link(&tileset, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme")).await;
            assert_eq!(scheme["crs"], tileset["crs"]);
            assert_eq!(scheme["uri"], tileset["tileMatrixSetURI"]);
            let tiles = tiles_of(&served, &tileset).await;
            assert!(
                tiles
                    .iter()
                    .all(|t| t.status.is_success() && (t.body.is_empty() || t.header("content-type") == MVT))
            );
            assert!(tiles.iter().any(|t| holds(t, "land_parcel")), "{tileset}");
            assert_eq!(tiles.iter().any(|t| holds(t, "drain_pipe")), whole, "{tileset}");
            let layers = tileset["layers"].as_array().unwrap();
            assert_eq!(layers.len(), if whole { 7 } else { 1 });
            let parcel = layers.iter().find(|l| l["id"] == "land_parcel").unwrap();
            assert_eq!(parcel["geometryDimension"], 2);
            let properties = parcel["propertiesSchema"]["properties"].as_object().unwrap();
            assert_eq!(properties["so_thua"]["type"], "integer");
            assert!(!properties.contains_key("chu_su_dung"));
        }
    }
    let conforms = served.json("/ogc/conformance").await["conformsTo"].to_string();
    for class in ["core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets", "mvt"] {
        assert!(conforms.contains(&format!("ogcapi-tiles-1/1.0/conf/{class}\"")), "{class}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tile_has_one_content_under_all_its_addresses() {
    let served = Served::start().await;
    let (z, x, y) = place();
    let own = served.get(&format!("/tiles/land_parcel/{z}/{x}/{y}")).await;
    assert!(own.status == StatusCode::OK && holds(&own, "land_parcel"));
    for path in [
        format!("/ogc/collections/land_parcel/tiles/WebMercatorQuad/{z}/{y}/{x}"),
        format!("/ogc/collections/land_parcel/tiles/WebMercatorQuad/{z}/{y}/{x}.mvt?f=mvt"),
        format!("/ogc/tiles/WebMercatorQuad/{z}/{y}/{x}?collections=land_parcel"),
        format!("/arcgis/rest/services/land_parcel/VectorTileServer/tile/{z}/{y}/{x}.pbf"),
    ] {
        let tile = served.get(&path).await;
        assert_eq!(
            (tile.status, &tile.body, tile.header("etag")),
            (own.status, &own.body, own.header("etag")),
            "{path}"
        );
    }
    // Row and column turned round are another place.
    let turned = served.get(&format!("/ogc/collections/land_parcel/tiles/WebMercatorQuad/{z}/{x}/{y}")).await;
    assert_eq!(turned.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_come_together_in_one_tile() {
    let served = Served::start().await;
    let (z, x, y) = place();
    let path = |names: &str| format!("/tiles/{names}/{z}/{x}/{y}");
    let parcel = served.get(&path("land_parcel")).await;
    let zone = served.get(&path("planning_zone")).await;
    let both = served.get(&path("land_parcel,planning_zone")).await;
    assert_eq!(both.body, [&parcel.body[..], &zone.body[..]].concat());
    assert!(both.header("etag").starts_with('"') && both.header("etag") != parcel.header("etag"));
    assert_eq!(served.get(&path("land_parcel,land_parcel")).await.body, parcel.body);
    let again =
        served.ask(&path("land_parcel,planning_zone"), &[("if-none-match", both.header("etag"))]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    // A commit to one of them changes the whole.
    served.commit(&[("land_parcel", parcels(3))]).await;
    let after = served.get(&path("land_parcel,planning_zone")).await;
    assert!(after.header("etag") != both.header("etag") && after.body.ends_with(&zone.body));
    let tilejson = served.json("/tiles/land_parcel,planning_zone").await;
    assert_eq!(tilejson["tiles"][0], "http://city.example/tiles/land_parcel,planning_zone/{z}/{x}/{y}");
    assert_eq!(tilejson["vector_layers"].as_array().unwrap().len(), 2);
    // The overviews included, of the layer that has the lower ones.
    assert_eq!(tilejson["minzoom"], 8);
    assert_eq!(served.get("/tiles/land_parcel,").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_encoding_has_a_tag_of_its_own() {
    let served = Served::start().await;
    let (z, x, y) = place();
    let path = format!("/tiles/land_parcel/{z}/{x}/{y}");
    let mut tags = std::collections::HashSet::new();
    for (accept, encoding) in [
        ("identity", ""),
        ("gzip", "gzip"),
        ("gzip, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.1, br;q=0.2, gzip;q=0.3", "gzip"),
    ] {
        let tile = served.ask(&path, &[("accept-encoding", accept)]).await;
        assert_eq!(tile.header("content-encoding"), encoding, "{accept}");
        assert!(tile.header("vary").contains("Accept-Encoding"));
        assert_eq!(tile.header("content-type"), MVT);
        let tag = tile.header("etag").to_owned();
        assert!(encoding.is_empty() || tag.ends_with(&format!("-{encoding}\"")), "{tag}");
        let again = served.ask(&path, &[("accept-encoding", accept), ("if-none-match", &tag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{accept}");
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn arcgis_finds_its_services_their_tiles_and_their_styles() {
    let served = Served::start().await;
    let services = served.json("/arcgis/rest/services?f=json").await;
    let names: Vec<_> =
        services["services"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 8);
    assert!(names.contains(&"portal") && names.contains(&"land_parcel") && !names.contains(&"road"));
    for name in ["portal", "land_parcel"] {
        let root = format!("/arcgis/rest/services/{name}/VectorTileServer");
        let service = served.json(&format!("{root}?f=json")).await;
        assert_eq!(service["tiles"], json!(["tile/{z}/{y}/{x}.pbf"]));
        assert_eq!(service["tileInfo"]["rows"], 512);
        assert_eq!(service["fullExtent"]["spatialReference"]["latestWkid"], 3857);
        assert!(service["fullExtent"]["xmin"].as_f64().unwrap() > 12_100_000.0);
        let style =
            served.json(&format!("{root}/{}/root.json", service["defaultStyles"].as_str().unwrap())).await;
        assert_eq!(style["version"], 8);
        let layers = style["layers"].as_array().unwrap();
        assert!(layers.iter().skip(1).all(|l| l["source"] == "esri"), "{style}");
        assert!(layers.iter().any(|l| l["source-layer"] == "land_parcel"));
        let (z, x, y) = place();
        let tile = style["sources"]["esri"]["tiles"][0].as_str().unwrap().replace("http://city.example", "");
        let tile =
            tile.replace("{z}", &z.to_string()).replace("{x}", &x.to_string()).replace("{y}", &y.to_string());
        assert!(holds(&served.get(&tile).await, "land_parcel"), "{tile}");
    }
    // A drain is hidden in the portal at first; a service of its own shows it.
    let drains = served.json("/arcgis/rest/services/drain_pipe/VectorTileServer/resources/styles").await;
    assert!(!drains["layers"].to_string().contains("\"visibility\""), "{drains}");
}
