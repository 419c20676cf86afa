//! The API of docs/api.md, called through the router.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::centre::Centre;
use crate::config::Config;
use crate::fixture::{OPERATORS, PREFIXES, at, draft, register, signed};
use crate::store::Store;

pub(super) struct Http {
    router: Router,
    centre: Arc<Centre>,
    clock: Arc<Mutex<Timestamp>>,
    _directory: tempfile::TempDir,
}

impl Http {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: directory.path().to_owned(),
            ..Config::default()
        };
        let clock = Arc::new(Mutex::new(at("2024-11-08T02:01:30Z")));
        let now = Arc::clone(&clock);
        let centre = Centre::open(config, move || *now.lock().unwrap()).unwrap();
        let centre = centre.with_chance(crate::fixture::chance());
        centre.import_operators(OPERATORS, PREFIXES).unwrap();
        register(centre.store());
        let centre = Arc::new(centre);
        Self {
            router: Arc::clone(&centre).router(),
            centre,
            clock,
            _directory: directory,
        }
    }

    /// Sets the centre's clock.
    pub(super) fn set(&self, now: &str) {
        *self.clock.lock().unwrap() = at(now);
    }

    pub(super) fn centre(&self) -> &Centre {
        &self.centre
    }

    /// A request with JSON, and whatever shows who asks.
    pub(super) async fn send(
        &self,
        (method, path): (&str, &str),
        who: Option<(&str, &str)>,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = who
            .into_iter()
            .fold(request, |r, (name, value)| r.header(name, value));
        let request = request.body(Body::from(body.to_string())).unwrap();
        read(self.call(request).await).await
    }

    pub(super) fn store(&self) -> &Store {
        self.centre.store()
    }

    pub(super) async fn call(&self, request: Request<Body>) -> Response {
        self.router.clone().call(request).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(
            self.call(Request::get(path).body(Body::empty()).unwrap())
                .await,
        )
        .await
    }

    pub(super) async fn post(&self, body: impl Into<Body>) -> Response {
        let request = Request::post("/api/v1/tests").header("content-type", "application/json");
        self.call(request.body(body.into()).unwrap()).await
    }
}

pub(super) async fn bytes(response: Response) -> Vec<u8> {
    let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
    body.to_vec()
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = bytes(response).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[track_caller]
pub(super) fn is_problem(answer: &(StatusCode, Value), status: u16, name: &str) {
    let (got, body) = answer;
    assert_eq!(body["type"], format!("urn:ispeed:problem:{name}"), "{body}");
    assert_eq!((got.as_u16(), &body["status"]), (status, &json!(status)));
    assert!(body["title"].is_string() && body["detail"].is_string());
}

#[tokio::test]
async fn a_test_is_created_once_and_answered_with_the_same_bytes() {
    let http = Http::new();
    let body = signed(draft(1));
    let first = http.post(body.clone()).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    assert_eq!(first.headers()["content-type"], "application/json");
    let first = bytes(first).await;
    let again = http.post(body).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(bytes(again).await, first);
    let path = "/api/v1/tests/00000000-0000-0000-0000-000000000001";
    let shown = http.call(Request::get(path).body(Body::empty()).unwrap());
    assert_eq!(bytes(shown.await).await, first);
    let (_, rejections) = http.get("/api/v1/rejections?month=2024-11").await;
    assert_eq!(rejections["rejections"], json!({"duplicate": 1}));
}

#[tokio::test]
async fn refusals_are_problems_with_field_why_and_remedy() {
    let http = Http::new();
    let mut forged = draft(1);
    forged.nonce = "x".into();
    let response = http.post(signed(forged)).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let answer = read(response).await;
    is_problem(&answer, 422, "receipt_invalid");
    assert_eq!(
        (&answer.1["field"], &answer.1["why"]),
        (&json!("nonce"), &json!("nonce"))
    );
    assert!(answer.1["remedy"].is_string());
    is_problem(&read(http.post("{").await).await, 400, "malformed_body");
    let large = read(http.post(vec![b' '; 10_000_000]).await).await;
    is_problem(&large, 413, "body_too_large");
    let plain = Request::post("/api/v1/tests").body(Body::from(signed(draft(1))));
    let answer = read(http.call(plain.unwrap()).await).await;
    is_problem(&answer, 415, "unsupported_media_type");
    let (_, rejections) = http.get("/api/v1/rejections?month=2024-11").await;
    let want = json!({"receipt_invalid": 1, "malformed_body": 1, "body_too_large": 1,
                      "unsupported_media_type": 1});
    assert_eq!(rejections["rejections"], want);
}

#[tokio::test]
async fn what_is_not_there_is_a_named_problem() {
    let http = Http::new();
    for (path, status, name) in [
        ("/api/v1/tests/1", 404, "unknown_test"),
        (
            "/api/v1/tests/00000000-0000-0000-0000-000000000009",
            404,
            "unknown_test",
        ),
        (
            "/api/v1/areas/99999/quota?month=2024-11",
            404,
            "unknown_area",
        ),
        (
            "/api/v1/areas/26734/quota?month=2025-07",
            404,
            "unknown_area",
        ),
        (
            "/api/v1/areas/26740/quota?month=2024-13",
            400,
            "month_invalid",
        ),
        ("/api/v1/areas/26740/figures", 400, "month_invalid"),
        (
            "/api/v1/areas?month=2024-11&campaign=x",
            404,
            "unknown_campaign",
        ),
        (
            "/api/v1/campaigns/x/months/2024-11",
            404,
            "unknown_campaign",
        ),
        (
            "/api/v1/campaigns/district-1/months/2024",
            400,
            "month_invalid",
        ),
        (
            "/api/v1/campaigns/x/months/2024-11/report.csv",
            404,
            "unknown_campaign",
        ),
        ("/api/v1/rejections?month=now", 400, "month_invalid"),
        (
            "/api/v1/rejections?month=2024-11&synthetic=1",
            400,
            "query_invalid",
        ),
        ("/api/v1/nothing", 404, "not_found"),
        ("/api", 404, "not_found"),
    ] {
        is_problem(&http.get(path).await, status, name);
    }
    let delete = Request::delete("/api/v1/tests")
        .body(Body::empty())
        .unwrap();
    is_problem(
        &read(http.call(delete).await).await,
        405,
        "method_not_allowed",
    );
}

#[tokio::test]
async fn the_areas_of_a_month_are_those_valid_then() {
    let http = Http::new();
    let (_, old) = http
        .get("/api/v1/areas?month=2024-11&campaign=district-1")
        .await;
    let (_, new) = http.get("/api/v1/areas?month=2025-07").await;
    let count = |list: &Value| list["areas"].as_array().unwrap().len();
    assert_eq!((count(&old), count(&new)), (10, 4));
    let ben_nghe = json!({"code": "26740", "valid_from": null, "valid_to": "2025-07-01",
        "name": "Bến Nghé", "full_name": "Phường Bến Nghé", "approximate": true});
    assert!(old["areas"].as_array().unwrap().contains(&ben_nghe));
}

#[tokio::test]
async fn a_test_reaches_quota_figures_and_campaign() {
    let http = Http::new();
    http.post(signed(draft(1))).await;
    let mut wifi = draft(2);
    wifi.context.network = Some(metric::submission::Network::Wifi);
    http.post(signed(wifi)).await;
    let (status, quota) = http.get("/api/v1/areas/26740/quota?month=2024-11").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(quota["area"]["code"], "26740");
    let want = json!({"quota": 300, "rule": "qualified", "counted": 1, "raw": 1,
        "qualified": 1, "devices": 1, "not_counted": {"not_mobile": 1}, "synthetic": false,
        "month": "2024-11"});
    for (member, value) in want.as_object().unwrap() {
        assert_eq!(quota[member], *value, "{member}");
    }
    let (_, figures) = http.get("/api/v1/areas/26740/figures?month=2024-11").await;
    assert_eq!(figures["edition"], metric::EDITION);
    let row = &figures["figures"][0];
    assert_eq!(
        (&row["operator"], &row["technology"]),
        (&json!("all"), &json!("mobile"))
    );
    assert_eq!(
        row["download_bits_per_second"],
        json!({"state": "withheld", "n": 1, "why": "too_few"})
    );
    let path = "/api/v1/campaigns/district-1/months/2024-11";
    let (_, month) = http.get(path).await;
    assert_eq!(month["rows"].as_array().unwrap().len(), 10);
    assert_eq!(month["total"]["counted"], 1);
    assert_eq!(month["total"]["areas"], 10);
    assert_eq!(month["approximate"], true);
    let (_, simulated) = http.get(&format!("{path}?synthetic=true")).await;
    assert_eq!(simulated["total"]["counted"], 0);
    let (_, campaigns) = http.get("/api/v1/campaigns").await;
    let want = json!({"campaigns": [{"id": "district-1", "name": "Quận 1", "quota": 300,
        "rule": "qualified", "months": ["2024-11"]}]});
    assert_eq!(campaigns, want);
}

#[tokio::test]
async fn reports_come_as_files() {
    let http = Http::new();
    let base = "/api/v1/campaigns/district-1/months/2024-11/report";
    for (ending, magic, kind) in [
        (
            "csv",
            b"\xef\xbb\xbfS".as_slice(),
            "text/csv; charset=utf-8",
        ),
        ("xlsx", b"PK\x03\x04", super::campaign::XLSX),
    ] {
        let path = format!("{base}.{ending}?synthetic=true");
        let response = http.call(Request::get(path).body(Body::empty()).unwrap());
        let response = response.await;
        assert_eq!(response.headers()["content-type"], kind);
        let name = format!("attachment; filename=\"district-1-2024-11-mo-phong.{ending}\"");
        assert_eq!(response.headers()["content-disposition"], name.as_str());
        assert!(bytes(response).await.starts_with(magic));
    }
}

#[tokio::test]
async fn the_centre_tells_its_operators_keys_and_health() {
    let http = Http::new();
    let (_, operators) = http.get("/api/v1/operators").await;
    let viettel = json!({"id": "viettel", "brand": "Viettel", "mobile": true});
    assert_eq!(operators["operators"][0], viettel);
    let (_, keys) = http.get("/api/v1/keys").await;
    assert_eq!(keys["keys"][0]["site"], "demo");
    assert_eq!(keys["keys"][0]["purpose"], "measurement");
    assert_eq!(keys["keys"][0]["valid_from"], "2024-01-01T00:00:00Z");
    assert_eq!(keys["keys"][0]["valid_to"], Value::Null);
    let (status, health) = http.get("/healthz").await;
    let want = json!({"status": "ok", "version": "0.1.0", "demonstration_areas": true});
    assert_eq!((status, health), (StatusCode::OK, want));
}

#[tokio::test]
async fn every_answer_protects_the_browser() {
    let http = Http::new();
    for path in [
        "/",
        "/p/26740",
        "/assets/missing.js",
        "/healthz",
        "/api/v1/nothing",
    ] {
        let response = http.call(Request::get(path).body(Body::empty()).unwrap());
        let headers = response.await.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["permissions-policy"], "geolocation=(self)");
        assert!(headers.contains_key("cache-control"));
    }
}

#[tokio::test]
async fn a_notice_that_is_refused_says_why() {
    let http = Http::new();
    let notice = |body: String| Request::post("/api/v1/sites/notices").body(Body::from(body));
    let answer = read(http.call(notice("{}".into()).unwrap()).await).await;
    is_problem(&answer, 400, "malformed_body");
    let golden = include_str!("../../../../testdata/roster/v1.json");
    let joined = http.call(notice(golden.replace("02:00:00", "02:00:01")).unwrap());
    is_problem(&read(joined.await).await, 401, "notice_unsigned");
    let joined = read(http.call(notice(golden.into()).unwrap()).await).await;
    assert_eq!(
        (joined.0, &joined.1["state"]),
        (StatusCode::OK, &json!("pending"))
    );
    let again = read(http.call(notice(golden.into()).unwrap()).await).await;
    is_problem(&again, 409, "notice_repeated");
    let long = http.call(notice(" ".repeat(17_000)).unwrap()).await;
    is_problem(&read(long).await, 413, "body_too_large");
}

#[tokio::test]
async fn without_sites_there_is_nobody_to_name() {
    let http = Http::new();
    let (status, body) = http.get("/api/v1/sites/nearest").await;
    assert_eq!((status, body), (StatusCode::OK, json!({"candidates": []})));
    assert_eq!(http.get("/api/v1/sites").await.1, json!({"sites": []}));
    let locate = Request::get("/v2/nearest/ndt/ndt7").body(Body::empty());
    let answer = http.call(locate.unwrap()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let (status, body) = http.get("/v2/nearest/ndt/ndt5").await;
    assert_eq!(
        (status.as_u16(), &body["error"]["status"]),
        (404, &json!(404))
    );
}
