//! Commits, told as they land.

use super::*;
use axum::body::BodyDataStream;
use futures::StreamExt;
use std::time::Duration;

struct Listening(BodyDataStream);

impl Listening {
    async fn to(served: &Served, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::builder().uri(path).header("accept-encoding", "gzip");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = served.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Self(response.into_body().into_data_stream())
    }

    /// The next event's name, id and data.
    async fn next(&mut self) -> (String, Option<i64>, Value) {
        let bytes = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.unwrap();
        let text = String::from_utf8(bytes.unwrap().unwrap().to_vec()).unwrap();
        let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(str::to_owned);
        (
            field("event: ").unwrap(),
            field("id: ").map(|id| id.parse().unwrap()),
            serde_json::from_str(&field("data: ").unwrap()).unwrap(),
        )
    }
}

/// The twelve parcels, with one value of the first one changed.
fn edited(column: &str, value: Value) -> Vec<(Value, Geometry<f64>)> {
    let mut rows = parcels(12);
    rows[0].0[column] = value;
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_told_with_what_everybody_may_see_of_it() {
    let served = Served::start().await;
    let mut listening = Listening::to(&served, "/events", &[]).await;
    assert_eq!(listening.next().await, ("snapshot".into(), Some(1), json!({"snapshot": 1})));

    // One public value.
    let at = served.commit(&[("land_parcel", edited("so_thua", json!(7)))]).await;
    let (name, id, data) = listening.next().await;
    assert_eq!((name.as_str(), id, &data["snapshot"]), ("commit", Some(at), &json!(at)));
    let layer = &data["layers"][0];
    assert_eq!((&layer["name"], &layer["changed"]), (&json!("land_parcel"), &json!(1)));
    let bounds: Vec<f64> = serde_json::from_value(layer["boxes"][0].clone()).unwrap();
    assert!(bounds[0] <= CORNER[0] && bounds[2] >= CORNER[0] + STEP && bounds[2] < CORNER[0] + 1.9 * STEP);
    assert_eq!(data["layers"].as_array().unwrap().len(), 1);

    // A restricted value, an internal one, and a layer that is not published: that there was a
    // commit, and nothing else.
    let with = |column: &str| {
        let mut rows = edited("so_thua", json!(7));
        rows[1].0[column] = json!("another");
        rows
    };
    served.commit(&[("land_parcel", with("chu_su_dung"))]).await;
    assert_eq!(listening.next().await.2["layers"], json!([]));
    served.commit(&[("land_parcel", with("dia_chi"))]).await;
    assert_eq!(listening.next().await.2["layers"], json!([]));
    let road = first().into_iter().find(|(name, _)| *name == "road").unwrap();
    let at = served.commit(&[road]).await;
    assert_eq!(listening.next().await, ("commit".into(), Some(at), json!({"snapshot": at, "layers": []})));

    // Who comes back hears what was missed, in one event.
    for (path, headers) in [("/events", &[("last-event-id", "1")][..]), ("/events?since=1", &[][..])] {
        let mut back = Listening::to(&served, path, headers).await;
        assert_eq!(back.next().await, ("snapshot".into(), None, json!({"snapshot": at})));
        let (_, id, data) = back.next().await;
        assert_eq!((id, &data["layers"][0]["changed"]), (Some(at), &json!(1)));
    }
    // Nonsense is not held against anybody.
    for id in ["x", "999", "-4"] {
        let mut back = Listening::to(&served, "/events", &[("last-event-id", id)]).await;
        assert_eq!(back.next().await, ("snapshot".into(), Some(at), json!({"snapshot": at})));
    }
    assert_eq!(served.get("/events?since=x").await.status, StatusCode::BAD_REQUEST);
}
