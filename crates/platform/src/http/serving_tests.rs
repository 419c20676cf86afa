//! How answers are kept, tagged and limited, and what the new questions give.

use std::io::Read as _;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use metric::prefix::Prefix;
use serde_json::{Value, json};

use super::tests::{Http, bytes, is_problem};
use crate::fixture::{draft, signed};

const FIGURES: &str = "/api/v1/areas/26740/figures?month=2024-11";

async fn measured(tests: u128) -> Http {
    let http = Http::new();
    for n in 1..=tests {
        assert_eq!(
            http.post(signed(draft(n))).await.status(),
            StatusCode::CREATED
        );
    }
    http
}

#[tokio::test]
async fn who_has_the_answer_already_is_told_so_until_it_changes() {
    let http = measured(1).await;
    let first = http
        .call(Request::get(FIGURES).body(Body::empty()).unwrap())
        .await;
    let tag = first.headers()["etag"].clone();
    assert_eq!(first.headers()["cache-control"], "public, no-cache");
    let ask = || {
        let request = Request::get(FIGURES).header("if-none-match", tag.clone());
        http.call(request.body(Body::empty()).unwrap())
    };
    let again = ask().await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"], tag);
    assert!(bytes(again).await.is_empty());
    http.post(signed(draft(2))).await;
    let changed = ask().await;
    assert_eq!(changed.status(), StatusCode::OK);
    let body: Value = serde_json::from_slice(&bytes(changed).await).unwrap();
    assert_eq!(body["figures"][0]["tests"], 2);
}

#[tokio::test]
async fn who_accepts_gzip_gets_the_same_answer_in_fewer_bytes() {
    let http = measured(1).await;
    let map = |accepted: &str| {
        let request = Request::get("/api/v1/map?month=2024-11").header("accept-encoding", accepted);
        http.call(request.body(Body::empty()).unwrap())
    };
    let plain = map("identity").await;
    let tag = plain.headers()["etag"].clone();
    assert_eq!(plain.headers()["vary"], "accept-encoding");
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = bytes(plain).await;
    // The second comes from what is remembered.
    for _ in 0..2 {
        let packed = map("br;q=1.0, gzip;q=0.8").await;
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let weak = packed.headers()["etag"].clone();
        assert_eq!(
            weak.to_str().unwrap(),
            format!("W/{}", tag.to_str().unwrap())
        );
        let packed = bytes(packed).await;
        assert!(2 * packed.len() < plain.len());
        let mut unpacked = vec![];
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain);
        let request = Request::get("/api/v1/map?month=2024-11").header("if-none-match", weak);
        let again = http.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn a_network_that_asks_too_much_waits_and_may_still_submit() {
    let http = Http::new();
    let network: Prefix = "203.0.113.0/24".parse().unwrap();
    let ask = || {
        let mut request = Request::get("/api/v1/operators")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(network);
        http.call(request)
    };
    for _ in 0..500 {
        assert_eq!(ask().await.status(), StatusCode::OK);
    }
    let refused = ask().await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    let mut request = Request::post("/api/v1/tests")
        .header("content-type", "application/json")
        .body(Body::from(signed(draft(1))))
        .unwrap();
    request.extensions_mut().insert(network);
    assert_eq!(http.call(request).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn series_comparison_and_map_give_the_figures_of_the_month() {
    let http = measured(31).await;
    let (_, figures) = http.get(FIGURES).await;
    let all = &figures["figures"][0];
    assert_eq!(all["download_bits_per_second"]["state"], "published");
    let (_, series) = http
        .get("/api/v1/areas/26740/series?from=2024-10&to=2024-11")
        .await;
    assert_eq!(series["points"][1]["figures"], *all);
    assert_eq!(series["points"][0]["figures"], Value::Null);
    let (_, compared) = http.get("/api/v1/compare?month=2024-11").await;
    assert_eq!(
        (
            &compared["rows"][0]["figures"],
            &compared["rows"][0]["tier"]
        ),
        (all, &json!(1))
    );
    let (_, operators) = http.get("/api/v1/compare?month=2024-11&code=26740").await;
    assert_eq!(operators["rows"][0]["figures"]["operator"], "viettel");
    let (_, map) = http.get("/api/v1/map?month=2024-11").await;
    let features = map["features"].as_array().unwrap();
    assert_eq!(features.len(), 10);
    let ours = features
        .iter()
        .find(|f| f["properties"]["code"] == "26740")
        .unwrap();
    assert_eq!(ours["properties"]["figures"], *all);
    let ring = ours["geometry"]["coordinates"][0][0].as_array().unwrap();
    assert!(ring.len() >= 4 && ring.first() == ring.last());
}

#[tokio::test]
async fn drawings_are_svg_and_withheld_where_figures_are() {
    let http = measured(3).await;
    for kind in ["distribution", "operators", "hours", "quota"] {
        let path = format!("/api/v1/areas/26740/charts/{kind}.svg?month=2024-11&size=phone");
        let answer = http
            .call(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.headers()["content-type"], "image/svg+xml", "{kind}");
        let text = String::from_utf8(bytes(answer).await).unwrap();
        assert!(
            text.starts_with("<svg") && text.contains("Bến Nghé"),
            "{kind}"
        );
        if kind == "distribution" {
            assert!(text.contains("chưa đủ mẫu"));
        }
    }
    for (path, status, name) in [
        (
            "/api/v1/areas/26740/charts/pie.svg?month=2024-11",
            404,
            "not_found",
        ),
        (
            "/api/v1/areas/1/charts/quota.svg?month=2024-11",
            404,
            "unknown_area",
        ),
        (
            "/api/v1/areas/26740/charts/quota.svg?month=2024-11&size=huge",
            400,
            "query_invalid",
        ),
        (
            "/api/v1/areas/26740/series?from=2024-12&to=2024-11",
            400,
            "query_invalid",
        ),
        (
            "/api/v1/compare?month=2024-11&metric=smell",
            400,
            "query_invalid",
        ),
        (
            "/api/v1/compare?month=2024-11&technology=6g",
            400,
            "query_invalid",
        ),
        (
            "/i-speed/pigeon/overview-place-map?year=2024&month=11",
            404,
            "not_found",
        ),
        (
            "/i-speed/mobile/overview-place-map?year=x&month=11",
            400,
            "query_invalid",
        ),
    ] {
        is_problem(&http.get(path).await, status, name);
    }
}

#[tokio::test]
async fn the_addresses_of_i_speed_have_its_shape() {
    let http = measured(31).await;
    let (_, places) = http
        .get("/i-speed/mobile/overview-place-map?year=2024&month=11&isp=ALL&cityId=-1")
        .await;
    assert_eq!(
        (&places[0]["code"], &places[0]["download"]),
        (&json!("79"), &json!(48.0))
    );
    let (_, wards) = http
        .get("/i-speed/mobile/overview-place-map?year=2024&month=11&cityId=79")
        .await;
    let wards = wards.as_array().unwrap();
    let ward = wards.iter().find(|ward| ward["code"] == "26740").unwrap();
    assert_eq!(
        (&ward["upload"], &ward["state"]),
        (&json!(20.0), &json!("published"))
    );
    let empty = wards.iter().find(|ward| ward["code"] == "26743").unwrap();
    assert_eq!(
        (&empty["download"], &empty["state"]),
        (&json!(0.0), &json!("withheld"))
    );
    let (_, chart) = http
        .get("/i-speed/mobile/overview-monthly-chart?year=2024&month=11")
        .await;
    assert_eq!(chart["categories"][11], "11/2024");
    assert_eq!(chart["series"].as_array().unwrap().len(), 4);
    assert_eq!(
        (
            &chart["series"][0]["data"][11],
            &chart["series"][3]["data"][11]
        ),
        (&json!(48.0), &json!(31))
    );
    let (_, cities) = http
        .get("/i-speed/mobile/main-city-monthly-chart?year=2024&month=11")
        .await;
    assert_eq!(cities["series"].as_array().unwrap().len(), 5);
    assert_eq!(cities["series"][3]["data"][11], 48.0);
    let (_, operators) = http
        .get("/i-speed/mobile/isp-by-province-chart?year=2024&month=11&cityId=79")
        .await;
    assert_eq!(
        operators["VIETTEL_MedianMonthlyChart"]["series"][0]["data"][11],
        48.0
    );
    let (_, fixed) = http
        .get("/i-speed/ftth/overview-place-map?year=2024&month=11")
        .await;
    assert_eq!(fixed[0]["samples"], 0);
}
