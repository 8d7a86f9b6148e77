//! What is planned on a plot.

use axum::http::StatusCode;
use serde_json::json;

use super::Served;

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plot_is_found_by_number_place_and_address() {
    let served = Served::start().await;
    let parcel = async |query: &str| {
        let answer = served.json(&format!("/planning/answer?{query}")).await;
        assert_eq!(answer["count"], 1, "{query}");
        answer["answers"][0]["parcel"]["id"].clone()
    };
    // The first parcel: 1 block wide, its corner at 109.19, 12.24.
    for query in [
        "parcel=1000",
        "parcel=12/341",
        "parcel=22366/12/341",
        "point=109.19005,12.24005",
        "point=12.24005,109.19005",
    ] {
        assert_eq!(parcel(query).await, 1000, "{query}");
    }
    let words = format!("parcel={}", encoded("tờ 12, thửa 341 phường Nha Trang"));
    assert_eq!(parcel(&words).await, 1000);
    // The former number of the second.
    assert_eq!(parcel("parcel=3/2").await, 1001);
    // The corner of four parcels: all of them are meant.
    let four = served.json(&format!("/planning/answer?address={}", encoded("12 Tran Phu"))).await;
    assert_eq!(four["count"], 4);
    for (query, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("parcel=1000&point=109.19005,12.24005", StatusCode::BAD_REQUEST),
        ("parcel=abc", StatusCode::BAD_REQUEST),
        ("point=1,2", StatusCode::BAD_REQUEST),
        ("parcel=1000&as_of=yesterday", StatusCode::BAD_REQUEST),
        ("parcel=1000&nope=1", StatusCode::BAD_REQUEST),
        ("parcel=1000&lang=fr", StatusCode::BAD_REQUEST),
        ("parcel=77/77", StatusCode::NOT_FOUND),
        ("parcel=5", StatusCode::NOT_FOUND),
        ("point=109.5,12.5", StatusCode::NOT_FOUND),
        ("address=nowhere", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(served.get(&format!("/planning/answer?{query}")).await.status, status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_adds_up_and_its_code_is_confirmed() {
    let served = Served::start().await;
    let document = served.json("/planning/answer?parcel=1000").await;
    let answer = &document["answers"][0];
    let plan = &answer["plans"][0];
    assert_eq!((plan["code"].clone(), plan["level_title"].is_object()), (json!("56QPK2025014"), true));
    let number = |v: &serde_json::Value| v.as_f64().unwrap();
    let zones = plan["zones"].as_array().unwrap();
    assert_eq!(zones.iter().map(|z| z["id"].as_i64().unwrap()).collect::<Vec<_>>(), [41, 40]);
    let sum: f64 = zones.iter().map(|z| number(&z["area_m2"])).sum();
    assert!((sum - number(&answer["area_m2"])).abs() <= 0.2, "{answer}");
    assert_eq!(answer["land_use_against_plan"]["planned"][0]["function"], "CX");
    let unknown: Vec<&str> =
        answer["unknown"].as_array().unwrap().iter().map(|u| u["code"].as_str().unwrap()).collect();
    assert_eq!(unknown, ["no_data", "no_indicators", "area_differs"], "{answer}");

    let code = answer["code"].as_str().unwrap();
    assert_eq!(answer["verify"], format!("http://city.example/planning/verify/{code}"));
    let told = served.json(&format!("/planning/verify/{code}")).await;
    assert_eq!((told["confirmed"].clone(), &told["answer"]), (json!(true), answer));
    // Another parcel, another day, another digest: no.
    let parts: Vec<&str> = code.split('.').collect();
    for altered in [
        format!("{}.1001.{}.{}", parts[0], parts[2], parts[3]),
        format!("{}.{}.20250101.{}", parts[0], parts[1], parts[3]),
        format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], "0".repeat(32)),
    ] {
        let told = served.json(&format!("/planning/verify/{altered}")).await;
        assert_eq!((told["confirmed"].clone(), told["answer"].is_null()), (json!(false), true), "{altered}");
    }
    assert_eq!(served.get("/planning/verify/abc").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        served.get(&format!("/planning/verify/999.{}", &code[2..])).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_those_of_the_day() {
    let served = Served::start().await;
    let then = served.json("/planning/answer?parcel=1000&as_of=2005-06-01").await;
    let answer = &then["answers"][0];
    assert_eq!(answer["day"], "2005-06-01");
    assert_eq!(answer["plans"][0]["zones"].as_array().unwrap().len(), 1);
    assert_eq!(answer["plans"][0]["zones"][0]["id"], 42);
    let codes: Vec<&str> =
        answer["unknown"].as_array().unwrap().iter().map(|u| u["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"parcel_not_valid") && codes.contains(&"no_decision"), "{codes:?}");
    let never = served.json("/planning/answer?parcel=1000&as_of=2015-06-01").await;
    assert_eq!(never["answers"][0]["unknown"][2]["code"], "no_plan", "{never}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sheet_can_be_read_and_printed() {
    let served = Served::start().await;
    for (lang, wanted) in [("vi", "Mã kiểm tra:"), ("en", "Code to check it by:")] {
        let page = served.get(&format!("/planning/answer?parcel=1000&f=html&lang={lang}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let html = page.text();
        assert!(
            html.contains(wanted) && html.contains("/planning/verify/") && html.contains("1204/QĐ-UBND"),
            "{html}"
        );
        assert!(
            html.contains(&format!("lang=\"{lang}\""))
                && !html.contains("style=\"")
                && !html.contains("<script")
        );
    }
    let css = served.get("/planning/page.css").await;
    assert_eq!((css.status, css.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
}
