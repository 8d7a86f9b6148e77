//! Filters in CQL2, over features and tiles.

use super::*;

const ITEMS: &str = "/ogc/collections/land_parcel/items";

/// A query string.
fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn items(filter: &str) -> String {
    format!("{ITEMS}?{}", query(&[("filter", filter)]))
}

fn ids(page: &Value) -> Vec<i64> {
    let mut ids: Vec<i64> =
        page["features"].as_array().unwrap().iter().map(|f| f["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// A tile with all parcels in it, and its WorldWebMercatorQuad address in OGC's order.
fn tile() -> (String, String) {
    let n = f64::from(1_u32 << 15);
    let (lon, lat) = (CORNER[0] + STEP, CORNER[1] + STEP);
    let x = ((lon + 180.0) / 360.0 * n) as u32;
    let y = ((1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0 * n) as u32;
    (
        format!("/tiles/land_parcel/15/{x}/{y}"),
        format!("/ogc/collections/land_parcel/tiles/WebMercatorQuad/15/{y}/{x}"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_filtered_in_both_languages() {
    let served = Served::start().await;
    let [x, y] = CORNER;
    let bbox =
        [x + 0.2 * STEP, y + 0.2 * STEP, x + 1.8 * STEP, y + 1.8 * STEP].map(|v| v.to_string()).join(",");
    for (filter, wanted) in [
        ("so_thua = 345", vec![1004]),
        ("so_thua BETWEEN 343 AND 344 OR kho_id = 1011", vec![1002, 1003, 1011]),
        ("dien_tich >= 110.0", vec![1010, 1011]),
        ("loai_dat = 'ODT' AND so_thua_cu IN (1, 3)", vec![1000, 1002]),
        ("CASEI(loai_dat) LIKE 'od_' AND so_thua < 342", vec![1000]),
        ("valid_from < DATE('2025-07-01')", vec![]),
        ("valid_to IS NOT NULL", vec![]),
        ("T_INTERSECTS(INTERVAL(valid_from, valid_to), DATE('2026-01-01')) AND so_thua_cu = 2", vec![1001]),
        (&format!("S_INTERSECTS(geometry, BBOX({bbox}))"), vec![1000, 1001, 1004, 1005]),
        (&format!("S_INTERSECTS(geometry, BBOX({bbox})) AND so_thua > 344"), vec![1004, 1005]),
    ] {
        let page = served.json(&items(filter)).await;
        assert_eq!(ids(&page), wanted, "{filter}");
        assert_eq!(page["numberMatched"], wanted.len(), "{filter}");
        assert_eq!(page["numberReturned"], wanted.len(), "{filter}");
    }
    let filter = r#"{"op": "=", "args": [{"property": "so_thua"}, 345]}"#;
    let page =
        served.json(&format!("{ITEMS}?{}", query(&[("filter", filter), ("filter-lang", "cql2-json")]))).await;
    assert_eq!(ids(&page), [1004]);
    // Together with the older parameters.
    let both = query(&[("filter", "so_thua > 341"), ("bbox", &bbox), ("datetime", "2026-01-01")]);
    assert_eq!(ids(&served.json(&format!("{ITEMS}?{both}")).await), [1001, 1004, 1005]);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_compared_with_and_without_their_marks() {
    let served = Served::start().await;
    let items =
        |filter: &str| format!("/ogc/collections/address_point/items?{}", query(&[("filter", filter)]));
    for (filter, count) in [
        ("dia_chi_day_du LIKE '12 Trần Phú%'", 1),
        ("dia_chi_day_du LIKE '%tran phu%'", 0),
        ("ACCENTI(CASEI(dia_chi_day_du)) LIKE '%tran phu%'", 2),
        ("CASEI(dia_chi_day_du) LIKE CASEI('%TRẦN PHÚ%')", 2),
        ("ACCENTI('Đường') = 'Duong'", 2),
        ("CASEI('Đ') = 'đ'", 2),
    ] {
        assert_eq!(served.json(&items(filter)).await["numberReturned"], count, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_keep_the_filter() {
    let served = Served::start().await;
    let mut next = Some(format!("{}&limit=2", items("so_thua > 344")));
    let (mut seen, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = served.json(&path).await;
        // Not known before all is read, unless all is on the first page.
        assert!(page.get("numberMatched").is_none());
        seen.extend(ids(&page));
        let links = page["links"].as_array().unwrap();
        let link = links.iter().find(|l| l["rel"] == "next").map(|l| l["href"].as_str().unwrap().to_owned());
        next = link.map(|href| href.trim_start_matches("http://city.example").to_owned());
        pages += 1;
    }
    seen.sort_unstable();
    assert_eq!(seen, (1004..1012).collect::<Vec<_>>());
    assert_eq!(pages, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_no_oracle() {
    let served = Served::start().await;
    let (tile, ogc) = tile();
    for base in [ITEMS, &tile, &ogc, "/tiles/land_parcel"] {
        let ask = async |name: &str| {
            let path = format!("{base}?{}", query(&[("filter", &format!("{name} = '{CANARY}'"))]));
            let answer = served.get(&path).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
            answer.text().replace(name, "X")
        };
        let missing = ask("nope").await;
        assert!(missing.contains("has no column X"), "{missing}");
        assert_eq!(ask("chu_su_dung").await, missing, "restricted");
        assert_eq!(ask("dia_chi").await, missing, "internal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_are_filtered() {
    let served = Served::start().await;
    let (tile, ogc) = tile();
    let whole = served.get(&tile).await;
    let few = query(&[("filter", "so_thua < 343")]);
    let part = served.get(&format!("{tile}?{few}")).await;
    assert_eq!((whole.status, part.status), (StatusCode::OK, StatusCode::OK));
    assert!(part.body.len() * 2 < whole.body.len(), "{} of {}", part.body.len(), whole.body.len());
    assert_ne!(part.header("etag"), whole.header("etag"));
    assert_eq!(part.header("cache-control"), "no-cache");
    let again = served.ask(&format!("{tile}?{few}"), &[("if-none-match", part.header("etag"))]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(served.get(&format!("{ogc}?{few}")).await.body, part.body);
    let dataset = ogc.replace("/collections/land_parcel", "");
    assert_eq!(served.get(&format!("{dataset}?collections=land_parcel&{few}")).await.body, part.body);
    let pinned = served.get(&format!("{tile}?snapshot=1&{few}")).await;
    assert!(pinned.header("cache-control").contains("immutable"));
    let json = query(&[
        ("filter", r#"{"op":"<","args":[{"property":"so_thua"},343]}"#),
        ("filter-lang", "cql2-json"),
    ]);
    assert_eq!(served.get(&format!("{tile}?{json}")).await.body, part.body);
    let all = query(&[("filter", "so_thua > 0")]);
    assert_eq!(served.get(&format!("{tile}?{all}")).await.header("etag"), whole.header("etag"));
    let none = query(&[("filter", "so_thua < 0")]);
    assert_eq!(served.get(&format!("{tile}?{none}")).await.status, StatusCode::NO_CONTENT);
    // Parcels are valid from 2025-07-01 on.
    assert_eq!(served.get(&format!("{tile}?as_of=2025-07-01")).await.header("etag"), whole.header("etag"));
    assert_eq!(served.get(&format!("{tile}?as_of=2025-06-30")).await.status, StatusCode::NO_CONTENT);
    for both in [&few, &json] {
        assert_eq!(served.get(&format!("{ogc}?as_of=2026-01-01&{both}")).await.body, part.body);
        assert_eq!(
            served.get(&format!("{ogc}?as_of=2020-01-01&{both}")).await.status,
            StatusCode::NO_CONTENT
        );
    }
    assert_eq!(served.get(&format!("{tile}?as_of=soon")).await.status, StatusCode::BAD_REQUEST);
    // Of several layers whose columns would be meant is not known.
    let two = tile.replace("land_parcel", "land_parcel,address_point");
    assert_eq!(served.get(&format!("{two}?{few}")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(served.get(&format!("{dataset}?{few}")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn tilejson_carries_the_filter_on() {
    let served = Served::start().await;
    let text = "loai_dat = 'ODT' AND so_thua < 343";
    let filter = query(&[("filter", text)]);
    let document = served.json(&format!("/tiles/land_parcel?{filter}")).await;
    let address = document["tiles"][0].as_str().unwrap();
    assert_eq!(address, format!("http://city.example/tiles/land_parcel/{{z}}/{{x}}/{{y}}?{filter}"));
    let pinned = served.json(&format!("/tiles/land_parcel?snapshot=1&{filter}")).await;
    assert!(pinned["tiles"][0].as_str().unwrap().ends_with(&format!("?snapshot=1&{filter}")));
    // It draws what it promises.
    let (tile, _) = tile();
    let [z, x, y] = tile
        .rsplitn(4, '/')
        .take(3)
        .collect::<Vec<_>>()
        .try_into()
        .map(|[y, x, z]: [&str; 3]| [z, x, y])
        .unwrap();
    let path =
        address.replace("http://city.example", "").replace("{z}", z).replace("{x}", x).replace("{y}", y);
    assert_eq!(served.get(&path).await.body, served.get(&format!("{tile}?{filter}")).await.body);
    let refused = served.get(&format!("/tiles/land_parcel?{}", query(&[("filter", "nope = 1")]))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn queryables_are_what_can_be_asked_about() {
    let served = Served::start().await;
    let collection = served.json("/ogc/collections/land_parcel").await;
    let links = collection["links"].as_array().unwrap();
    let link =
        links.iter().find(|l| l["rel"] == "http://www.opengis.net/def/rel/ogc/1.0/queryables").unwrap();
    let path = link["href"].as_str().unwrap().trim_start_matches("http://city.example").to_owned();
    let answer = served.get(&path).await;
    assert!(answer.header("content-type").starts_with("application/schema+json"));
    let schema = answer.json();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties["geometry"]["format"], "geometry-polygon-or-multipolygon");
    assert_eq!(properties["valid_from"]["format"], "date");
    assert!(!properties.contains_key("chu_su_dung") && !properties.contains_key("dia_chi"));
    for name in properties.keys() {
        served.json(&items(&format!("{name} IS NULL"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn geometries_may_come_in_the_citys_own_plane() {
    let served = Served::start().await;
    let srid = served.city.config.srid;
    let plane = kho_crs::Zone::of(srid).unwrap().plane();
    let [east, north] = plane.project(CORNER[0] + 0.5 * STEP, CORNER[1] + 0.5 * STEP).unwrap();
    let filter = format!("S_INTERSECTS(geometry, POINT({east} {north}))");
    let crs = format!("http://www.opengis.net/def/crs/EPSG/0/{srid}");
    let page = served.json(&format!("{ITEMS}?{}", query(&[("filter", &filter), ("filter-crs", &crs)]))).await;
    assert_eq!(ids(&page), [1000]);
    assert_eq!(served.json(&items(&filter)).await["numberReturned"], 0, "these are no degrees");
    let other = query(&[("filter", &filter), ("filter-crs", "http://www.opengis.net/def/crs/EPSG/0/32648")]);
    assert_eq!(served.get(&format!("{ITEMS}?{other}")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_filters_are_the_askers_fault() {
    let served = Served::start().await;
    let deep = format!("{}so_thua = 1{}", "(".repeat(100), ")".repeat(100));
    let (tile, _) = tile();
    for base in [ITEMS, &tile] {
        for filter in [
            "so_thua =",
            "so_thua = 'a",
            "((so_thua = 1)",
            "so_thua",
            "so_thua = 'x'",
            "a\0 = 1",
            &deep,
            "1 / 0 = 1",
        ] {
            let answer = served.get(&format!("{base}?{}", query(&[("filter", filter)]))).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{filter}: {}", answer.text());
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        for pair in [("filter-lang", "cql-text"), ("filter-crs", "EPSG:4326")] {
            let path = format!("{base}?{}", query(&[("filter", "so_thua = 1"), pair]));
            assert_eq!(served.get(&path).await.status, StatusCode::BAD_REQUEST, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_says_that_it_filters() {
    let served = Served::start().await;
    let conforms = served.json("/ogc/conformance").await["conformsTo"].to_string();
    for class in [
        "ogcapi-features-3/1.0/conf/filter",
        "ogcapi-features-3/1.0/conf/features-filter",
        "ogcapi-features-3/1.0/conf/queryables",
        "cql2/1.0/conf/cql2-text",
        "cql2/1.0/conf/cql2-json",
        "cql2/1.0/conf/basic-cql2",
        "cql2/1.0/conf/accent-insensitive-comparison",
        "cql2/1.0/conf/spatial-functions",
        "cql2/1.0/conf/temporal-functions",
    ] {
        assert!(conforms.contains(&format!("{class}\"")), "{class}");
    }
    // No layer has columns of lists.
    assert!(!conforms.contains("array-functions"));
    let api = served.json("/ogc/api").await;
    let named = |path: &str| api["paths"][path]["get"]["parameters"].to_string();
    for path in [
        "/collections/{collectionId}/items",
        "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
        "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
    ] {
        for parameter in ["filter", "filter-lang", "filter-crs"] {
            assert!(named(path).contains(&format!("parameters/{parameter}\"")), "{path}: {parameter}");
        }
    }
}
