//! OGC API Features as a client walks through it.

use super::*;

fn link<'a>(document: &'a Value, rel: &str) -> Option<&'a str> {
    let links = document["links"].as_array()?;
    links.iter().find(|l| l["rel"] == rel)?["href"].as_str()?.strip_prefix("http://city.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_everything_from_the_landing_page() {
    let served = Served::start().await;
    let landing = served.json("/ogc").await;
    for rel in ["service-desc", "conformance", "data"] {
        assert_eq!(served.get(link(&landing, rel).unwrap()).await.status, StatusCode::OK, "{rel}");
    }
    let collections = served.json(link(&landing, "data").unwrap()).await;
    for collection in collections["collections"].as_array().unwrap() {
        let items = served.json(link(collection, "items").unwrap()).await;
        assert_eq!(items["type"], "FeatureCollection");
        assert_eq!(items["numberMatched"], items["numberReturned"]);
    }
    let conforms = served.json("/ogc/conformance").await["conformsTo"].to_string();
    assert!(conforms.contains("conf/core") && conforms.contains("conf/oas30"));
    let api = served.get("/ogc/api").await;
    assert!(api.header("content-type").starts_with("application/vnd.oai.openapi+json"));
    assert_eq!(api.json()["openapi"], "3.0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_meets_every_feature_once_even_when_a_delivery_lands_in_between() {
    let served = Served::start().await;
    for limit in [1, 5, 12, 100] {
        let mut next = Some(format!("/ogc/collections/land_parcel/items?limit={limit}"));
        let (mut seen, mut pages) = (Vec::new(), 0);
        while let Some(path) = next {
            let page = served.json(&path).await;
            assert_eq!(page["numberMatched"], 12);
            let features = page["features"].as_array().unwrap();
            assert_eq!(page["numberReturned"], features.len());
            seen.extend(features.iter().map(|f| f["id"].as_i64().unwrap()));
            next = link(&page, "next").map(str::to_owned);
            pages += 1;
            if limit == 5 && pages == 1 {
                served.commit(&[("land_parcel", parcels(2))]).await;
                served.commit(&[("land_parcel", parcels(12))]).await;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1000..1012).collect::<Vec<_>>(), "limit {limit}");
        assert_eq!(pages, 12_usize.div_ceil(limit));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_and_dates_filter() {
    let served = Served::start().await;
    let items = "/ogc/collections/land_parcel/items";
    let [x, y] = CORNER;
    let inside = |w: f64, s: f64, e: f64, n: f64| {
        format!("{items}?bbox={},{},{},{}", x + w * STEP, y + s * STEP, x + e * STEP, y + n * STEP)
    };
    let first = served.json(&inside(0.2, 0.2, 0.8, 0.8)).await;
    assert_eq!((first["numberMatched"].clone(), first["features"][0]["id"].clone()), (json!(1), json!(1000)));
    assert_eq!(served.json(&inside(0.2, 0.2, 1.8, 1.8)).await["numberReturned"], 4);
    assert_eq!(served.json(&inside(-5.0, -5.0, -1.0, -1.0)).await["numberReturned"], 0);
    // Page by page within a window: no total is known, and nothing is lost.
    let page = served.json(&format!("{}&limit=3", inside(0.2, 0.2, 1.8, 1.8))).await;
    assert!(page.get("numberMatched").is_none());
    assert_eq!(served.json(link(&page, "next").unwrap()).await["numberReturned"], 1);
    for (datetime, count) in [
        ("2020-01-01", 1),
        ("2026-01-01", 1),
        ("../2026-01-01", 2),
        ("2025-06-30/2025-07-01", 2),
        ("1970-01-01", 0),
    ] {
        let found = served.json(&format!("/ogc/collections/admin_unit/items?datetime={datetime}")).await;
        assert_eq!(found["numberReturned"], count, "{datetime}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn features_have_public_properties_in_their_types() {
    let served = Served::start().await;
    let feature = served.json("/ogc/collections/land_parcel/items/1004").await;
    assert_eq!(feature["id"], 1004);
    let properties = feature["properties"].as_object().unwrap();
    assert_eq!(
        (properties["so_thua"].clone(), properties["dien_tich"].to_string()),
        (json!(345), "104.0".to_owned())
    );
    assert_eq!(properties["valid_from"], "2025-07-01");
    assert!(!properties.contains_key("chu_su_dung") && !properties.contains_key("dia_chi"));
    assert_eq!(feature["geometry"]["type"], "Polygon");
    assert!(link(&feature, "collection").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_pages() {
    let served = Served::start().await;
    let browser =
        [("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("accept-language", "en-GB,en;q=0.9")];
    for path in [
        "/ogc",
        "/ogc/collections",
        "/ogc/collections/land_parcel",
        "/ogc/collections/land_parcel/items",
        "/ogc/collections/land_parcel/items/1000",
        "/ogc/api",
        "/ogc/conformance",
        "/ogc/tileMatrixSets",
        "/ogc/tileMatrixSets/WorldCRS84Quad",
        "/ogc/tiles",
        "/ogc/tiles/WebMercatorQuad",
        "/ogc/collections/land_parcel/tiles",
        "/ogc/collections/land_parcel/tiles/VN2000_9217",
    ] {
        let page = served.ask(path, &browser).await;
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.text().contains("<html lang=\"en\">"), "{path}");
        assert!(!page.text().contains("<script") && !page.text().contains(" style="), "{path}");
    }
    assert!(served.ask("/ogc?f=json", &browser).await.header("content-type").starts_with("application/json"));
}
