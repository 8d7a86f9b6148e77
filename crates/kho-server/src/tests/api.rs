//! What the pages ask.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_city_and_its_layers_are_told() {
    let served = Served::start().await;
    let city = served.json("/api/city").await;
    assert!(city["name"]["vi"].is_string() && city["srid"].is_number() && city.get("catalog").is_none());
    let layers = served.json("/api/layers").await;
    let layers = layers.as_array().unwrap();
    let parcel = layers.iter().find(|l| l["name"] == "land_parcel").unwrap();
    assert_eq!((parcel["feature_count"].clone(), parcel["since_snapshot"].clone()), (json!(12), json!(1)));
    let empty = layers.iter().find(|l| l["name"] == "street_light").unwrap();
    assert_eq!((empty["feature_count"].clone(), empty["bounds"].clone()), (json!(0), Value::Null));
    assert!(layers.iter().all(|l| l["name"] != "road"));
    assert!(served.json("/api/codes/land_use").await["entries"].as_array().unwrap().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_is_explained_in_words() {
    let served = Served::start().await;
    let feature = served.json("/api/layers/land_parcel/features/1000").await;
    let labels = &feature["labels"];
    assert_eq!(labels["dien_tich"]["value"], json!({"vi": "100 m²", "en": "100 m²"}));
    assert_eq!(labels["valid_from"]["value"]["vi"], "01/07/2025");
    assert_ne!(labels["loai_dat"]["value"]["vi"], "ODT");
    assert_eq!(labels["valid_to"]["value"], Value::Null);
    assert!(labels.get("chu_su_dung").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn parcels_and_addresses_are_found() {
    let served = Served::start().await;
    let find = async |q: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
        served.json(&format!("/api/search?{query}")).await["results"].as_array().unwrap().clone()
    };
    for q in
        ["tờ 12 thửa 345", "to 12 thua 345", "12/345", "12-345", "12 345", "thửa 345 tờ 12 phường Nha Trang"]
    {
        let found = find(q).await;
        assert_eq!(found.len(), 1, "{q}: {found:?}");
        assert_eq!((found[0]["kind"].clone(), found[0]["id"].clone()), (json!("parcel"), json!(1004)), "{q}");
        assert_eq!(found[0]["label"]["vi"], "Thửa 345, tờ 12, Phường Nha Trang");
        assert_eq!(found[0]["bbox"].as_array().unwrap().len(), 4);
    }
    assert_eq!(find("tờ 3 thửa 5").await[0]["kind"], "former_parcel");
    assert_eq!(find("tờ 12 thửa 345 phường Vĩnh Hải").await.len(), 0);
    let found = find("12 tran phu").await;
    assert_eq!((found.len(), found[0]["id"].clone()), (1, json!(71)));
    assert_eq!(find("trần phú").await.len(), 2);
    assert_eq!(find("12/3/4a").await[0]["id"], 70);
    assert!(find("").await.is_empty() && find("CANARY").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_under_a_parcel_are_listed_with_their_shares() {
    let served = Served::start().await;
    let report = served.json("/api/parcels/1000/planning").await;
    assert_eq!(
        (report["no_planning_found"].clone(), report["projects"].as_array().unwrap().len()),
        (json!(false), 1)
    );
    let project = &report["projects"][0];
    assert_eq!((project["code"].clone(), project["level"].clone()), (json!("56QPK2025014"), json!("QPK")));
    let zones = project["zones"].as_array().unwrap();
    // The zone of 2001 is no longer valid.
    assert_eq!(zones.iter().map(|z| z["id"].as_i64().unwrap()).collect::<Vec<_>>(), [41, 40]);
    assert!((zones[0]["share"].as_f64().unwrap() - 0.75).abs() < 1e-3);
    let area = report["area_m2"].as_f64().unwrap();
    assert!((area - 120.3).abs() < 1.0, "{area}");
    assert!(report["notice"]["vi"].is_string() && report["data_date"].is_string());
    assert_eq!(report["parcel"]["so_thua"], 341);
    assert_eq!(served.get("/api/parcels/1/planning").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn wards_of_today_are_counted() {
    let served = Served::start().await;
    let answer = served.json("/api/indicators/wards").await;
    let wards = answer["wards"].as_array().unwrap();
    assert_eq!(wards.len(), 1, "only what is valid today: {answer}");
    assert_eq!(wards[0]["name"], "Phường Nha Trang");
    assert_eq!(wards[0]["counts"], json!({"land_parcel": 12, "drain_node": 3, "address_point": 2}));
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_are_traced_and_checked() {
    let served = Served::start().await;
    let trace = async |query: &str| served.json(&format!("/api/networks/drainage/trace?{query}")).await;
    let down = trace("from=50&direction=downstream").await;
    assert_eq!((down["nodes"].clone(), down["edges"].clone()), (json!([50, 51, 52]), json!([60, 61])));
    assert_eq!(down["ends"][0]["role"], "outfall");
    assert_eq!(down["features"]["features"].as_array().unwrap().len(), 5);
    assert_eq!(trace("from=52&direction=upstream").await["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(trace("from=61&direction=connected").await["edges"].as_array().unwrap().len(), 2);
    let findings = served.json("/api/networks/drainage/findings").await;
    let kinds: Vec<_> = findings["findings"].as_array().unwrap().iter().map(|f| f["kind"].clone()).collect();
    assert!(kinds.contains(&json!("adverse_slope")), "{kinds:?}");
    // Nothing was ever brought into the lighting layers.
    assert_eq!(served.get("/api/networks/lighting/trace?from=1").await.status, StatusCode::NOT_FOUND);
}
