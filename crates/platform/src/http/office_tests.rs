//! The office over HTTP: signing in, the month's reports, and what is refused.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::tests::{Http, is_problem};
use crate::fixture::{draft, signed};
use crate::office::account::{invite, take_up};
use crate::office::actor::{Actor, Role};

pub(super) const PASSWORD: &str = "mưa rào tháng bảy";
pub(super) const OFFICE: &str = "vhtt@quan1.example.vn";
pub(super) const COORDINATOR: &str = "bennghe@quan1.example.vn";
pub(super) const READER: &str = "phong@quan1.example.vn";
pub(super) const MONTH: &str = "/api/v1/office/campaigns/district-1/months/2024-11";

/// Three accounts that have taken up their invitations.
pub(super) fn staffed() -> Http {
    let http = Http::new();
    for (email, role, unit) in [
        (OFFICE, Role::Office, None),
        (COORDINATOR, Role::Coordinator, Some("q1-p-ben-nghe")),
        (READER, Role::Reader, None),
    ] {
        let invited = invite(
            http.centre(),
            &Actor::console(),
            (email, "Số 1"),
            role,
            unit,
        );
        take_up(http.centre(), &invited.unwrap().token, PASSWORD).unwrap();
    }
    http
}

/// Signs in; the cookie to send from then on.
pub(super) async fn cookie(http: &Http, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let request =
        Request::post("/api/v1/office/session").header("content-type", "application/json");
    let response = http.call(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

pub(super) async fn ask(
    http: &Http,
    cookie: &str,
    method: &str,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    http.send((method, path), Some(("cookie", cookie)), &body)
        .await
}

#[tokio::test]
async fn an_account_signs_in_and_out() {
    let http = staffed();
    let cookie = cookie(&http, COORDINATOR).await;
    let (status, body) = ask(&http, &cookie, "GET", "/api/v1/office/session", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let want = json!({"name": COORDINATOR, "role": "coordinator", "unit": "q1-p-ben-nghe"});
    assert_eq!(body, want);
    http.set("2024-11-08T04:01:31Z");
    let idle = ask(&http, &cookie, "GET", "/api/v1/office/session", Value::Null).await;
    is_problem(&idle, 401, "signed_out");
    http.set("2024-11-08T02:01:30Z");
    let (status, _) = ask(
        &http,
        &cookie,
        "DELETE",
        "/api/v1/office/session",
        Value::Null,
    )
    .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    is_problem(
        &ask(&http, &cookie, "GET", "/api/v1/office/session", Value::Null).await,
        401,
        "signed_out",
    );
    is_problem(
        &ask(&http, "ispeed_session=x", "GET", MONTH_REPORTS, Value::Null).await,
        401,
        "signed_out",
    );
}

const MONTH_REPORTS: &str = "/api/v1/office/campaigns/district-1/months/2024-11/reports";

#[tokio::test]
async fn a_wrong_password_and_a_wrong_address_get_the_same_answer_and_then_a_lock() {
    let http = staffed();
    let sign_in = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        http.send(("POST", "/api/v1/office/session"), None, &body)
            .await
    };
    let nobody = sign_in("ai@quan1.example.vn", PASSWORD).await;
    is_problem(&nobody, 401, "sign_in_failed");
    assert_eq!(sign_in(OFFICE, "mưa rào tháng tám").await, nobody);
    for _ in 0..4 {
        sign_in(OFFICE, "x").await;
    }
    is_problem(&sign_in(OFFICE, PASSWORD).await, 429, "locked");
    http.set("2024-11-08T02:17:00Z");
    assert_eq!(sign_in(OFFICE, PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_invitation_is_taken_up_once_in_time_and_with_a_password_worth_the_name() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    let new = json!({"email": "Kho@Quan1.example.vn", "name": "Số 2", "role": "coordinator", "unit": "q1-p-cau-kho"});
    let (status, body) = ask(&http, &office, "POST", "/api/v1/office/accounts", new).await;
    assert_eq!(
        (status, &body["email"]),
        (StatusCode::CREATED, &json!("kho@quan1.example.vn"))
    );
    let token = body["token"].as_str().unwrap();
    let take_up = async |password: &str| {
        let body = json!({"token": token, "password": password});
        http.send(("POST", "/api/v1/office/invitations"), None, &body)
            .await
    };
    for weak in ["ngắn", "aaaaaaaaaaaa", "abababababab"] {
        is_problem(&take_up(weak).await, 422, "password_weak");
    }
    http.set("2024-11-16T02:01:30Z");
    is_problem(&take_up(PASSWORD).await, 404, "unknown_invitation");
    http.set("2024-11-09T02:01:30Z");
    assert_eq!(take_up(PASSWORD).await.0, StatusCode::NO_CONTENT);
    is_problem(&take_up(PASSWORD).await, 404, "unknown_invitation");
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_and_an_invited_one_signs_in_again() {
    let http = staffed();
    let (office, reader) = (cookie(&http, OFFICE).await, cookie(&http, READER).await);
    let path = format!("/api/v1/office/accounts/{READER}");
    let (status, _) = ask(&http, &office, "DELETE", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    is_problem(
        &ask(&http, &reader, "GET", MONTH_REPORTS, Value::Null).await,
        401,
        "signed_out",
    );
    let body = json!({"email": READER, "password": PASSWORD});
    is_problem(
        &http
            .send(("POST", "/api/v1/office/session"), None, &body)
            .await,
        401,
        "sign_in_failed",
    );
}

#[tokio::test]
async fn what_is_not_a_coordinators_is_refused() {
    let http = staffed();
    let (coordinator, reader) = (
        cookie(&http, COORDINATOR).await,
        cookie(&http, READER).await,
    );
    let other = format!("{MONTH}/reports/q1-p-da-kao");
    let save = json!({"step": "save", "after": 0, "written": {"remarks": "x"}});
    let accept = json!({"step": "accept", "after": 0});
    let own = format!("{MONTH}/reports/q1-p-ben-nghe");
    for (who, method, path, body) in [
        (&coordinator, "GET", other.clone(), Value::Null),
        (&coordinator, "POST", other.clone(), save.clone()),
        (&coordinator, "POST", own.clone(), accept.clone()),
        (
            &coordinator,
            "GET",
            format!("{MONTH}/members/q1-p-da-kao"),
            Value::Null,
        ),
        (
            &coordinator,
            "POST",
            "/api/v1/office/campaigns/district-1/links/q1-p-da-kao".to_owned(),
            Value::Null,
        ),
        (
            &coordinator,
            "GET",
            "/api/v1/office/audit".to_owned(),
            Value::Null,
        ),
        (
            &coordinator,
            "GET",
            "/api/v1/office/accounts".to_owned(),
            Value::Null,
        ),
        (
            &coordinator,
            "POST",
            "/api/v1/office/accounts".to_owned(),
            json!({"email": "a@b.vn", "name": "A", "role": "office", "unit": null}),
        ),
        (
            &coordinator,
            "DELETE",
            format!("/api/v1/office/accounts/{OFFICE}"),
            Value::Null,
        ),
        (&reader, "POST", own.clone(), save),
        (&reader, "POST", own.clone(), accept),
        (
            &reader,
            "GET",
            format!("{MONTH}/members/q1-p-ben-nghe"),
            Value::Null,
        ),
    ] {
        let answer = ask(&http, who, method, &path, body).await;
        is_problem(&answer, 403, "forbidden");
    }
    let (_, body) = ask(&http, &coordinator, "GET", MONTH_REPORTS, Value::Null).await;
    let units: Vec<_> = body["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| &u["unit"])
        .collect();
    assert_eq!(units, ["q1-p-ben-nghe"]);
    let (_, body) = ask(&http, &reader, "GET", MONTH_REPORTS, Value::Null).await;
    assert_eq!(body["units"].as_array().unwrap().len(), 32);
    let (status, _) = ask(
        &http,
        &coordinator,
        "GET",
        &format!("{MONTH}/members/q1-p-ben-nghe"),
        Value::Null,
    )
    .await;
    assert_eq!(status, StatusCode::OK);
}

const OWN: &str = "/api/v1/office/campaigns/district-1/months/2024-11/reports/q1-p-ben-nghe";

async fn form(http: &Http, cookie: &str) -> (StatusCode, Value) {
    ask(http, cookie, "GET", OWN, Value::Null).await
}

async fn step(http: &Http, cookie: &str, body: Value) -> (StatusCode, Value) {
    ask(http, cookie, "POST", OWN, body).await
}

#[tokio::test]
async fn a_report_is_prefilled_sent_returned_corrected_and_accepted() {
    let http = staffed();
    http.post(signed(draft(1))).await;
    let coordinator = cookie(&http, COORDINATOR).await;
    let (_, shown) = form(&http, &coordinator).await;
    let ward = &shown["figures"]["ward"];
    assert_eq!(
        (&ward["quota"], &ward["counted"], &ward["shortfall"]),
        (&json!(300), &json!(1), &json!(299))
    );
    assert_eq!(
        (&shown["last_day"], &shown["state"], &shown["late"]),
        (&json!("2024-12-09"), &Value::Null, &json!(false))
    );
    let written = json!({"remarks": "Đã phát thanh 3 lần", "announcements": 3});
    let submit = |after: u64| json!({"step": "submit", "after": after, "written": written});
    let early = step(&http, &coordinator, submit(0)).await;
    is_problem(&early, 422, "month_not_over");
    let save = json!({"step": "save", "after": 0, "written": written});
    assert_eq!(step(&http, &coordinator, save).await.1["state"], "draft");
    http.set("2024-12-05T02:00:00Z");
    let (coordinator, office) = (
        cookie(&http, COORDINATOR).await,
        cookie(&http, OFFICE).await,
    );
    is_problem(
        &step(&http, &coordinator, submit(0)).await,
        409,
        "report_changed",
    );
    let (_, form) = step(&http, &coordinator, submit(1)).await;
    assert_eq!(
        (&form["state"], &form["late"]),
        (&json!("submitted"), &json!(false))
    );
    is_problem(
        &step(&http, &coordinator, submit(2)).await,
        409,
        "report_state",
    );
    let mute = json!({"step": "return", "after": 2, "note": " "});
    is_problem(&step(&http, &office, mute).await, 422, "note_missing");
    let back = json!({"step": "return", "after": 2, "note": "Ghi rõ khó khăn"});
    step(&http, &office, back).await;
    http.set("2024-12-12T02:00:00Z");
    let (coordinator, office) = (
        cookie(&http, COORDINATOR).await,
        cookie(&http, OFFICE).await,
    );
    step(&http, &coordinator, submit(3)).await;
    let (status, form) = step(&http, &office, json!({"step": "accept", "after": 4})).await;
    assert_eq!(
        (status, &form["state"]),
        (StatusCode::OK, &json!("accepted"))
    );
    assert_eq!(form["late"], false, "it was in time, and corrected later");
    let history: Vec<_> = form["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["state"])
        .collect();
    assert_eq!(
        history,
        ["draft", "submitted", "returned", "submitted", "accepted"]
    );
    assert_eq!(form["history"][2]["note"], "Ghi rõ khó khăn");
    assert_eq!(form["history"][4]["who"], OFFICE);
    let subject = "/api/v1/office/audit?subject=district-1/2024-11/q1-p-ben-nghe";
    let (_, trail) = ask(&http, &office, "GET", subject, Value::Null).await;
    assert_eq!(trail["audit"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn who_has_not_reported_by_the_deadline_is_late() {
    let http = staffed();
    for (now, late) in [("2024-12-09T16:59:59Z", 0), ("2024-12-09T17:00:00Z", 32)] {
        http.set(now);
        let office = cookie(&http, OFFICE).await;
        let (_, list) = ask(&http, &office, "GET", MONTH_REPORTS, Value::Null).await;
        let units = list["units"].as_array().unwrap().iter();
        assert_eq!(units.filter(|unit| unit["late"] == true).count(), late);
    }
}

#[tokio::test]
async fn progress_tells_wards_to_everybody_and_units_to_accounts() {
    let http = staffed();
    for n in 1..=3 {
        http.post(signed(draft(n))).await;
    }
    let path = "/api/v1/campaigns/district-1/months/2024-11/progress";
    let (status, body) = http.get(path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let wards = body["wards"].as_array().unwrap();
    let ben_nghe = wards
        .iter()
        .find(|ward| ward["area"]["code"] == "26740")
        .unwrap();
    assert_eq!(
        (wards.len(), &ben_nghe["counted"], &ben_nghe["shortfall"]),
        (10, &json!(3), &json!(297))
    );
    assert!(ben_nghe["projection"]["needed_per_day"].as_f64().unwrap() > 10.0);
    assert_eq!(ben_nghe["networks"][0]["tests"], 3);
    assert_eq!(ben_nghe["wanted"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&body["league"][0]["code"], &body["league"][0]["points"]),
        (&json!("26740"), &json!(3))
    );
    is_problem(
        &http.get(&format!("{MONTH}/units")).await,
        401,
        "signed_out",
    );
    let reader = cookie(&http, READER).await;
    let (_, units) = ask(
        &http,
        &reader,
        "GET",
        &format!("{MONTH}/units"),
        Value::Null,
    )
    .await;
    assert_eq!(units["units"].as_array().unwrap().len(), 32);
    let (status, counts) = ask(
        &http,
        &reader,
        "GET",
        &format!("{MONTH}/reconciliation"),
        Value::Null,
    )
    .await;
    assert_eq!((status, &counts["counts"]), (StatusCode::OK, &json!([])));
}

#[tokio::test]
async fn many_tests_of_one_device_are_one_point() {
    let http = staffed();
    for (n, device) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        let minutes = i64::try_from(n).unwrap() * 20 - 90;
        let to = draft(1).receipt.started_at + jiff::SignedDuration::from_mins(minutes);
        let mut test = crate::fixture::moved(draft(n), to);
        test.context.device = format!("device-{device:04}");
        let status = http.post(signed(test)).await.status();
        assert_eq!(status, StatusCode::CREATED);
    }
    let path = "/api/v1/campaigns/district-1/months/2024-11/progress";
    let (_, body) = http.get(path).await;
    let first = &body["league"][0];
    assert_eq!(
        (&first["points"], &first["devices"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn a_shared_sheet_reads_the_table_by_its_address_alone() {
    let http = staffed();
    let (office, reader) = (cookie(&http, OFFICE).await, cookie(&http, READER).await);
    let path = "/api/v1/office/campaigns/district-1/sheet";
    is_problem(
        &ask(&http, &reader, "POST", path, Value::Null).await,
        403,
        "forbidden",
    );
    let (_, link) = ask(&http, &office, "POST", path, Value::Null).await;
    let sheet = link["path"].as_str().unwrap().to_owned();
    let read = async |path: &str| {
        let response = http
            .call(Request::get(path).body(Body::empty()).unwrap())
            .await;
        let status = response.status().as_u16();
        (
            status,
            String::from_utf8(super::tests::bytes(response).await).unwrap(),
        )
    };
    let (status, wards) = read(&sheet).await;
    assert_eq!((status, wards.lines().count()), (200, 12));
    assert!(wards.contains("Phường Bến Nghé"));
    let (_, units) = read(&format!("{sheet}?table=units&month=2024-11")).await;
    assert_eq!(units.lines().count(), 33);
    assert!(units.contains("q1-p-ben-nghe,\"Ủy ban nhân dân Phường Bến Nghé, Quận 1\",chưa lập,"));
    assert_eq!(read(&format!("{sheet}?table=people")).await.0, 400);
    assert_eq!(
        read(&format!("{sheet}?month=2030-01&table=units")).await.0,
        422
    );
    assert_eq!(read("/sheets/0000.csv").await.0, 404);
    ask(&http, &office, "DELETE", path, Value::Null).await;
    assert_eq!(read(&sheet).await.0, 404);
}

#[tokio::test]
async fn a_month_or_unit_that_has_no_report_is_named() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    let at = |month: &str, unit: &str| {
        format!("/api/v1/office/campaigns/district-1/months/{month}/reports/{unit}")
    };
    for (path, status, name, field) in [
        (at("2030-01", "q1-nv"), 422, "month_invalid", "month"),
        (at("2024-06", "q1-nv"), 422, "month_invalid", "month"),
        (at("2024-13", "q1-nv"), 400, "month_invalid", "month"),
        (at("2024-11", "q1-vhtt"), 404, "unknown_unit", "unit"),
        (at("2024-11", "q1-t-da-kao"), 404, "unknown_unit", "unit"),
        (
            at("2024-11", "q1-nv").replace("district-1", "x"),
            404,
            "unknown_campaign",
            "campaign",
        ),
    ] {
        let answer = ask(&http, &office, "GET", &path, Value::Null).await;
        is_problem(&answer, status, name);
        assert_eq!(answer.1["field"], field);
    }
}
