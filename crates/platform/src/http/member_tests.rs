//! Members over HTTP: joining, the daily duty, taking it back, going.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::tests::{Http, bytes, is_problem};
use crate::fixture::{ACT, at, draft, moved, signed};
use crate::office::actor::Actor;
use crate::office::member::{of_unit, unit_link};
use crate::office::roster;
use crate::store::audit::Trail;
use crate::store::campaign::Campaign;
use crate::store::member::UnitDuty;

const UNIT: &str = "q1-p-ben-nghe";

fn campaign(http: &Http) -> Campaign {
    http.store().campaign("district-1").unwrap().unwrap()
}

fn link(http: &Http) -> String {
    unit_link(http.centre(), &campaign(http), UNIT, "test").unwrap()
}

fn duty(http: &Http) -> UnitDuty {
    let month = "2024-11".parse().unwrap();
    http.store()
        .unit_duty("district-1", UNIT, month, 1, false)
        .unwrap()
}

/// Joins with the device of `draft(1)` before it measures; returns the header
/// that shows who it is.
async fn joined(http: &Http) -> String {
    http.set("2024-11-08T01:00:00Z");
    let wish = json!({"code": link(http), "device": "device-0001", "consents": ["duty"]});
    let (status, body) = http.send(("POST", "/api/v1/members"), None, &wish).await;
    assert_eq!(
        (status, &body["number"]),
        (StatusCode::CREATED, &json!(1)),
        "{body}"
    );
    http.set("2024-11-08T02:01:30Z");
    format!("Bearer {}", body["token"].as_str().unwrap())
}

async fn me(http: &Http, token: &str) -> (StatusCode, Value) {
    let who = Some(("authorization", token));
    http.send(("GET", "/api/v1/members/me"), who, &Value::Null)
        .await
}

#[tokio::test]
async fn a_link_says_what_it_asks_for_before_anybody_agrees() {
    let http = Http::new();
    let code = link(&http);
    assert_eq!(link(&http), code, "a unit has one link");
    let (status, body) = http.get(&format!("/api/v1/units/{code}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["unit"], "Ủy ban nhân dân Phường Bến Nghé, Quận 1");
    assert_eq!(body["purposes"].as_array().unwrap().len(), 2);
    http.store()
        .revoke_unit_codes("district-1", UNIT, ACT)
        .unwrap();
    is_problem(
        &http.get(&format!("/api/v1/units/{code}")).await,
        404,
        "unknown_code",
    );
    assert_ne!(link(&http), code);
}

#[tokio::test]
async fn the_duty_is_counted_for_the_day_and_says_nothing_else() {
    let http = Http::new();
    let token = joined(&http).await;
    assert_eq!(
        http.post(signed(draft(1))).await.status(),
        StatusCode::CREATED
    );
    // Wherever it is made: by Wi-Fi and without a position it is done, too.
    let mut elsewhere = moved(draft(2), at("2024-11-08T02:01:00Z"));
    elsewhere.context.device = "device-0001".into();
    elsewhere.context.position = None;
    elsewhere.context.network = Some(metric::submission::Network::Wifi);
    http.set("2024-11-08T02:05:00Z");
    assert_eq!(
        http.post(signed(elsewhere)).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        http.post(signed(draft(3))).await.status(),
        StatusCode::CREATED,
        "a stranger's"
    );
    let want = UnitDuty {
        members: 1,
        active: 1,
        member_days: 1,
        tests: 2,
    };
    assert_eq!(duty(&http), want);
    let (_, body) = me(&http, &token).await;
    assert_eq!(body["days"], json!([["2024-11-08", 2]]));
    assert_eq!(body["device"], "device-0001");
    let seen = of_unit(
        http.centre(),
        &campaign(&http),
        UNIT,
        "2024-11".parse().unwrap(),
        false,
    );
    let seen = serde_json::to_string(&seen.unwrap()).unwrap();
    for secret in [
        "device-0001",
        "10.77",
        "latitude",
        "bits",
        "02:0",
        "T02",
        "area",
    ] {
        assert!(!seen.contains(secret), "{secret}: {seen}");
    }
    assert!(seen.contains("\"done\":[\"2024-11-08\"]"), "{seen}");
}

#[tokio::test]
async fn what_is_taken_back_counts_no_longer_and_what_was_stays() {
    let http = Http::new();
    let token = joined(&http).await;
    http.post(signed(draft(1))).await;
    let who = Some(("authorization", token.as_str()));
    let path = ("POST", "/api/v1/members/me/consents");
    let (status, body) = http
        .send(path, who, &json!({"purpose": "duty", "given": false}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["consents"][0]["withdrawn_at"], "2024-11-08T02:01:30Z");
    let mut later = moved(draft(2), at("2024-11-08T02:02:00Z"));
    later.context.device = "device-0001".into();
    http.set("2024-11-08T02:05:00Z");
    http.post(signed(later)).await;
    assert_eq!((duty(&http).tests, duty(&http).members), (1, 0));
    let (_, body) = http
        .send(path, who, &json!({"purpose": "duty", "given": true}))
        .await;
    assert_eq!(body["consents"].as_array().unwrap().len(), 2);
    let (status, body) = http
        .send(path, who, &json!({"purpose": "all", "given": true}))
        .await;
    assert_eq!((status.as_u16(), &body["field"]), (400, &json!("purpose")));
}

#[tokio::test]
async fn erasing_leaves_counts_and_removes_the_person() {
    let http = Http::new();
    let token = joined(&http).await;
    http.post(signed(draft(1))).await;
    let before = duty(&http);
    let who = Some(("authorization", token.as_str()));
    let (status, _) = http
        .send(("DELETE", "/api/v1/members/me"), who, &Value::Null)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(duty(&http), before);
    is_problem(&me(&http, &token).await, 401, "unknown_member");
    assert!(http.store().all_members("district-1").unwrap().is_empty());
    let trail = http.store().audit_trail(Trail::default(), 100).unwrap();
    assert!(trail.iter().any(|entry| entry.action == "member.erase"));
    assert!(
        !serde_json::to_string(&trail)
            .unwrap()
            .contains("device-0001")
    );
    let quota = http.get("/api/v1/areas/26740/quota?month=2024-11").await;
    assert_eq!(
        quota.1["counted"], 1,
        "the test itself is not the person's alone"
    );
    // A newcomer gets a number that nobody had.
    let wish = json!({"code": link(&http), "device": "device-0009", "consents": ["duty"]});
    let (_, body) = http.send(("POST", "/api/v1/members"), None, &wish).await;
    assert_eq!(body["number"], 2);
}

#[tokio::test]
async fn a_wish_that_is_wrong_names_its_field() {
    let http = Http::new();
    joined(&http).await;
    let known = link(&http);
    let code = known.as_str();
    let other = "0000000000000000";
    for (code, device, consents, email, status, name, field) in [
        (
            "x",
            "device-0002",
            json!(["duty"]),
            None,
            404,
            "unknown_code",
            "code",
        ),
        (
            other,
            "device-0002",
            json!(["duty"]),
            None,
            404,
            "unknown_code",
            "code",
        ),
        (
            code,
            "dev",
            json!(["duty"]),
            None,
            422,
            "malformed_body",
            "device",
        ),
        (
            code,
            "device-0002",
            json!([]),
            None,
            422,
            "consent_missing",
            "consents",
        ),
        (
            code,
            "device-0001",
            json!(["duty"]),
            None,
            409,
            "already_member",
            "device",
        ),
        (
            code,
            "device-0002",
            json!(["duty"]),
            Some("a@b.vn"),
            422,
            "consent_missing",
            "email",
        ),
        (
            code,
            "device-0002",
            json!(["duty", "reminder_email"]),
            Some("a@"),
            422,
            "malformed_body",
            "email",
        ),
    ] {
        let wish = json!({"code": code, "device": device, "consents": consents, "email": email});
        let answer = http.send(("POST", "/api/v1/members"), None, &wish).await;
        is_problem(&answer, status, name);
        assert_eq!(answer.1["field"], field);
    }
}

#[tokio::test]
async fn a_form_of_another_page_enrols_nobody() {
    let http = Http::new();
    let plain = Request::post("/api/v1/members").body(Body::from("{}"));
    let answer = http.call(plain.unwrap()).await;
    assert_eq!(
        answer.status(),
        StatusCode::BAD_REQUEST,
        "only JSON, so no form of another page"
    );
}

#[tokio::test]
async fn a_roster_brings_members_whose_personal_link_is_used_once() {
    let http = Http::new();
    let (centre, campaign) = (http.centre(), campaign(&http));
    let list = "Mã đơn vị,Mã thành viên,Họ và tên,Thư điện tử\n\
                q1-p-ben-nghe,001,,\nq1-p-ben-nghe,002,,b@quan1.example.vn\nq1-nv,001,,\n";
    let plan =
        roster::import(centre, &Actor::console(), &campaign, list.as_bytes(), false).unwrap();
    assert_eq!((plan.added, plan.mistakes.len()), (3, 0));
    assert!(
        http.store().all_members("district-1").unwrap().is_empty(),
        "only looked at"
    );
    roster::import(centre, &Actor::console(), &campaign, list.as_bytes(), true).unwrap();
    let again =
        roster::import(centre, &Actor::console(), &campaign, list.as_bytes(), true).unwrap();
    assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 3));
    let members = http.store().members("district-1", UNIT).unwrap();
    let code = members[1].personal_code.clone().unwrap();
    let month = "2024-11".parse().unwrap();
    let path = || {
        let seen = of_unit(centre, &campaign, UNIT, month, false).unwrap();
        seen.members[1].path.clone()
    };
    assert_eq!(path(), Some(format!("/j/{code}")));
    let wish = |device: &str| json!({"code": code, "device": device, "consents": ["duty", "reminder_email"]});
    let (status, body) = http
        .send(("POST", "/api/v1/members"), None, &wish("device-0001"))
        .await;
    assert_eq!((status, &body["number"]), (StatusCode::CREATED, &json!(2)));
    let again = http
        .send(("POST", "/api/v1/members"), None, &wish("device-0002"))
        .await;
    is_problem(&again, 404, "unknown_code");
    assert_eq!(path(), None, "a link that is used is told no more");
    let back = roster::to_csv(&http.store().all_members("district-1").unwrap()).unwrap();
    let plan = roster::import(centre, &Actor::console(), &campaign, &back, false).unwrap();
    assert_eq!((plan.unchanged, plan.mistakes.len()), (3, 0));
}

#[tokio::test]
async fn a_roster_with_mistakes_changes_nothing() {
    let http = Http::new();
    let list = "Mã đơn vị,Mã thành viên,Họ và tên,Thư điện tử\n\
                q1-p-ben-nghe,001,,\nq1-p-ben-nghe,001,,\nq9,002,,\nq1-nv,,,\nq1-nv,004,,khong\n";
    let plan = roster::import(
        http.centre(),
        &Actor::console(),
        &campaign(&http),
        list.as_bytes(),
        true,
    );
    let said: Vec<_> = plan
        .unwrap()
        .mistakes
        .iter()
        .map(|m| (m.row, m.field.clone()))
        .collect();
    let want = [
        (3, "staff_code"),
        (4, "unit"),
        (5, "staff_code"),
        (6, "email"),
    ];
    assert_eq!(said, want.map(|(row, field)| (row, field.to_owned())));
    assert!(http.store().all_members("district-1").unwrap().is_empty());
}

#[tokio::test]
async fn an_e_mail_can_be_ended_by_whoever_has_it() {
    let http = Http::new();
    http.set("2024-11-08T01:00:00Z");
    let wish = json!({"code": link(&http), "device": "device-0001", "email": "a@quan1.example.vn",
                      "consents": ["duty", "reminder_email"]});
    http.send(("POST", "/api/v1/members"), None, &wish).await;
    let member = http.store().all_members("district-1").unwrap().remove(0);
    let page = Request::get(format!("/opt-out/{}", member.opt_out)).body(Body::empty());
    let page = bytes(http.call(page.unwrap()).await).await;
    assert!(
        String::from_utf8(page)
            .unwrap()
            .contains("<form method=\"post\"")
    );
    let path = format!("/api/v1/members/opt-out/{}", member.opt_out);
    let click = Request::post(path).body(Body::from("List-Unsubscribe=One-Click"));
    assert_eq!(http.call(click.unwrap()).await.status(), StatusCode::OK);
    let consents = http.store().consents(&member.member_id).unwrap();
    let open: Vec<_> = consents
        .iter()
        .filter(|c| c.withdrawn_at.is_none())
        .collect();
    assert_eq!((open.len(), open[0].purpose.as_str()), (1, "duty"));
}
