//! The rules that hold for every address.

use super::*;

/// Every address of the server, with something to find.
const ADDRESSES: [&str; 56] = [
    "/",
    "/ioc",
    "/tiles",
    "/tiles/land_parcel",
    "/tiles/land_parcel/16/52643/30502",
    "/tiles/land_parcel/16/52643/30502?filter=so_thua%20%3C%20345",
    "/tiles/land_parcel,address_point",
    "/tiles/land_parcel,address_point/16/52643/30502",
    "/styles",
    "/styles/portal.json",
    "/styles/ioc.json",
    "/styles/infrastructure.json",
    "/styles/sprites/kho.json",
    "/styles/sprites/kho@2x.png",
    "/styles/icons/lamp.svg",
    "/fonts",
    "/fonts/Be%20Vietnam%20Pro/7680-7935.pbf",
    "/ogc",
    "/ogc/",
    "/ogc/conformance",
    "/ogc/api",
    "/ogc/collections",
    "/ogc/collections/land_parcel",
    "/ogc/collections/land_parcel/items",
    "/ogc/collections/land_parcel/items/1000",
    "/ogc/collections/land_parcel/items?filter=so_thua%20%3C%20345",
    "/ogc/collections/land_parcel/queryables",
    "/ogc/collections/address_point/items",
    "/ogc/plain.css",
    "/ogc/tileMatrixSets",
    "/ogc/tileMatrixSets/VN2000_9217",
    "/ogc/tiles",
    "/ogc/tiles/WebMercatorQuad",
    "/ogc/tiles/WebMercatorQuad/16/30502/52643",
    "/ogc/collections/land_parcel/tiles",
    "/ogc/collections/land_parcel/tiles/WorldCRS84Quad",
    "/ogc/collections/land_parcel/tiles/WebMercatorQuad/16/30502/52643",
    "/arcgis/rest/services",
    "/arcgis/rest/services/portal/VectorTileServer",
    "/arcgis/rest/services/land_parcel/VectorTileServer/tile/16/30502/52643.pbf",
    "/arcgis/rest/services/portal/VectorTileServer/resources/styles/root.json",
    "/arcgis/rest/services/portal/VectorTileServer/resources/sprites/sprite.json",
    "/arcgis/rest/services/land_parcel/VectorTileServer/resources/sprites/sprite@2x.png",
    "/arcgis/rest/services/portal/VectorTileServer/resources/fonts/Be%20Vietnam%20Pro/0-255.pbf",
    "/api/city",
    "/api/snapshot",
    "/api/layers",
    "/api/codes",
    "/api/codes/land_use",
    "/api/layers/land_parcel/features/1000",
    "/api/layers/address_point/features/70",
    "/api/search?q=12/345",
    "/api/parcels/1000/planning",
    "/planning/answer?parcel=1000",
    "/planning/page.css",
    "/api/networks/drainage/trace?from=50",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_holds_what_is_not_public() {
    let served = Served::start().await;
    for address in ADDRESSES {
        for accept in ["application/json", "text/html", "*/*", "application/vnd.maplibre-tile"] {
            let answer = served.ask(address, &[("accept", accept)]).await;
            assert!(
                answer.status.is_success() || answer.status == StatusCode::NOT_ACCEPTABLE,
                "{address} {accept}: {}",
                answer.text()
            );
            let text = answer.text();
            for secret in [CANARY, "chu_su_dung", "dien_thoai", "kho.toml", "catalog.sqlite", ".parquet"] {
                assert!(!text.contains(secret), "{address}: {secret}");
            }
            let road = text.contains("\"road\"") || text.contains("/road");
            assert!(
                !road || address.starts_with("/styles"),
                "{address} tells of an unpublished layer: {text}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpublished_layer_does_not_exist() {
    let served = Served::start().await;
    for template in [
        "/tiles/X",
        "/tiles/X/3/0/0",
        "/tiles/land_parcel,X",
        "/tiles/land_parcel,X/3/0/0",
        "/ogc/collections/X/tiles",
        "/ogc/collections/X/tiles/WebMercatorQuad",
        "/ogc/collections/X/tiles/WebMercatorQuad/0/0/0",
        "/ogc/tiles?collections=X",
        "/ogc/tiles/WebMercatorQuad/0/0/0?collections=land_parcel,X",
        "/arcgis/rest/services/X/VectorTileServer",
        "/arcgis/rest/services/X/VectorTileServer/tile/0/0/0.pbf",
        "/arcgis/rest/services/X/VectorTileServer/resources/sprites/sprite.json",
        "/arcgis/rest/services/X/VectorTileServer/resources/fonts/Be%20Vietnam%20Pro/0-255.pbf",
        "/ogc/collections/X",
        "/ogc/collections/X/items",
        "/ogc/collections/X/items?filter=kho_id=1",
        "/ogc/collections/X/queryables",
        "/tiles/X/3/0/0?filter=kho_id=1",
        "/api/layers/X/features/80",
    ] {
        let [hidden, missing] = ["road", "nope"].map(|name| template.replace('X', name));
        let (hidden, missing) = (served.get(&hidden).await, served.get(&missing).await);
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{template}");
        assert_eq!(hidden.text().replace("road", "nope"), missing.text(), "{template}");
    }
    // A list that only hidden columns use is hidden with them.
    assert_eq!(served.get("/api/codes/road_class").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem() {
    let served = Served::start().await;
    for (method, path, status) in [
        ("GET", "/nope", 404),
        ("POST", "/ogc", 405),
        ("DELETE", "/tiles", 405),
        ("GET", "/tiles/land_parcel/3/9/9", 400),
        ("GET", "/tiles/land_parcel/0/0/0?snapshot=99", 404),
        ("GET", "/tiles/land_parcel/0/0/0?snapshot=x", 400),
        ("GET", "/assets/nope.js", 404),
        ("GET", "/styles/nope.json", 404),
        ("GET", "/styles/sprites/nope.json", 404),
        ("GET", "/styles/sprites/kho@4x.png", 404),
        ("GET", "/styles/icons/nope.svg", 404),
        ("GET", "/fonts/Nope/0-255.pbf", 404),
        ("GET", "/fonts/Be%20Vietnam%20Pro/0-256.pbf", 404),
        ("GET", "/fonts/a,b,c,d,e,f,g,h,i/0-255.pbf", 400),
        ("GET", "/fonts/%ff/0-255.pbf", 400),
        ("GET", "/api/codes/nope", 404),
        ("GET", "/ogc/collections/land_parcel/items?bbox=1,2,x,4", 400),
        ("GET", "/ogc/collections/land_parcel/items?unknown=1", 400),
        ("GET", "/ogc/collections/land_parcel/items?limit=0", 400),
        ("GET", "/ogc/collections/land_parcel/items?next=1-2", 400),
        ("GET", "/ogc/collections/land_parcel/items?next=1-99999-0", 400),
        ("GET", "/ogc/collections/land_parcel/items/nope", 404),
        ("GET", "/ogc/collections/land_parcel/items/1", 404),
        ("GET", "/ogc?f=xml", 400),
        ("GET", "/ogc/tileMatrixSets/nope", 404),
        ("GET", "/ogc/tiles/nope", 404),
        ("GET", "/ogc/tiles/nope/0/0/0", 404),
        ("GET", "/ogc/tiles/WebMercatorQuad/0/1/0", 404),
        ("GET", "/ogc/tiles/WebMercatorQuad/23/0/0", 404),
        ("GET", "/ogc/tiles/WebMercatorQuad/x/0/0", 404),
        ("GET", "/ogc/tiles/WebMercatorQuad/0/0/0?f=png", 400),
        ("GET", "/ogc/tiles/WebMercatorQuad/0/0/0?unknown=1", 400),
        ("GET", "/ogc/collections/land_parcel/tiles/WorldCRS84Quad/0/0/2", 404),
        ("GET", "/arcgis/rest/services?f=html", 400),
        ("GET", "/arcgis/rest/services/portal/VectorTileServer/tile/0/1/0.pbf", 404),
        ("GET", "/api/layers/land_parcel/features/x", 400),
        ("GET", "/api/networks/water/trace?from=1", 404),
        ("GET", "/api/networks/drainage/trace", 400),
        ("GET", "/api/networks/drainage/trace?from=50&direction=up", 400),
        ("GET", "/api/networks/drainage/trace?from=1", 404),
        ("GET", "/tiles/%ff/0/0/0", 400),
    ] {
        let answer = served.send(method, path, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.json()["status"], status, "{path}");
        if status == 405 {
            assert!(answer.header("allow").contains("GET"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_guarded() {
    let served = Served::start().await;
    for path in ["/", "/ogc", "/nope", "/tiles/land_parcel"] {
        let answer = served.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("referrer-policy").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_name_routes_and_nothing_that_was_asked() {
    let served = Served::start().await;
    served.get("/api/search?q=secret-words").await;
    assert_eq!(served.json("/health").await["status"], "ok");
    let text = served.get("/metrics").await.text();
    assert!(text.contains("route=\"/api/search\""), "{text}");
    assert!(text.contains("kho_tiles_made_total"));
    assert!(!text.contains("secret"));
}
