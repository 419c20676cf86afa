//! Lists over HTTP: the directory and rosters, looked at, taken, refused; the
//! trail, accounts, links and calendar.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::office_tests::{COORDINATOR, OFFICE, READER, ask, cookie, staffed};
use super::tests::{Http, bytes, is_problem};

const DIRECTORY: &str = "/api/v1/office/organisations";
const CAMPAIGN: &str = "/api/v1/office/campaigns/district-1";

/// Sends a list as a page does.
async fn send(http: &Http, cookie: &str, path: &str, list: &[u8]) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header("content-type", "text/csv")
        .header("cookie", cookie);
    let response = http
        .call(request.body(Body::from(list.to_vec())).unwrap())
        .await;
    let status = response.status();
    let body = bytes(response).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn download(http: &Http, cookie: &str, path: &str) -> (u16, Vec<u8>) {
    let request = Request::get(path).header("cookie", cookie);
    let response = http.call(request.body(Body::empty()).unwrap()).await;
    (response.status().as_u16(), bytes(response).await)
}

async fn get(http: &Http, cookie: &str, path: &str) -> (StatusCode, Value) {
    ask(http, cookie, "GET", path, Value::Null).await
}

fn codes(body: &Value) -> Vec<&str> {
    let all = body["organisations"].as_array().unwrap().iter();
    all.map(|o| o["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_directory_is_looked_at_corrected_and_taken() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    let wrong =
        "Mã,Loại,Tên,Trực thuộc\nq1-moi,Trường học,Trường THCS Mới,q1\nq1-sai,Rạp phim,,q9\n";
    let (status, seen) = send(
        &http,
        &office,
        &format!("{DIRECTORY}?confirm=true"),
        wrong.as_bytes(),
    )
    .await;
    assert_eq!((status, &seen["imported"]), (StatusCode::OK, &json!(false)));
    let fields: Vec<_> = seen["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["row"].as_u64().unwrap(), m["field"].as_str().unwrap()))
        .collect();
    assert_eq!(fields, [(3, "kind"), (3, "name")], "{seen}");
    let right = "Mã,Loại,Tên,Trực thuộc\nq1-moi,Trường học,Trường THCS Mới,q1\n";
    let (_, looked) = send(&http, &office, DIRECTORY, right.as_bytes()).await;
    assert_eq!(
        (&looked["added"][0]["code"], &looked["imported"]),
        (&json!("q1-moi"), &json!(false))
    );
    let (_, list) = get(&http, &office, DIRECTORY).await;
    assert!(!codes(&list).contains(&"q1-moi"), "only looked at");
    let (_, taken) = send(
        &http,
        &office,
        &format!("{DIRECTORY}?confirm=true"),
        right.as_bytes(),
    )
    .await;
    assert_eq!(taken["imported"], true);
    let (_, list) = get(&http, &office, DIRECTORY).await;
    assert!(codes(&list).contains(&"q1-moi"));
    let (_, trail) = get(
        &http,
        &office,
        "/api/v1/office/audit?who=vhtt&action=organisation",
    )
    .await;
    assert_eq!(trail["audit"].as_array().unwrap().len(), 1, "{trail}");
    for format in ["csv", "xlsx"] {
        let (status, list) = download(&http, &office, &format!("{DIRECTORY}.{format}")).await;
        assert_eq!(status, 200);
        let (_, again) = send(&http, &office, DIRECTORY, &list).await;
        assert_eq!(
            (&again["added"], &again["changed"], &again["mistakes"]),
            (&json!([]), &json!([]), &json!([])),
            "{format}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_list_is_refused_with_its_reason() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    for list in [
        &b"PK\x03\x04 no workbook"[..],
        b"xin chao",
        b"",
        b"\xff\xfe\x00",
    ] {
        for path in [DIRECTORY.to_owned(), format!("{CAMPAIGN}/roster")] {
            let answer = send(&http, &office, &path, list).await;
            is_problem(&answer, 422, "list_unreadable");
            assert_eq!(answer.1["field"], "file");
        }
    }
    let json = ask(&http, &office, "POST", DIRECTORY, Value::Null).await;
    is_problem(&json, 400, "malformed_body");
    let maybe = send(&http, &office, &format!("{DIRECTORY}?confirm=maybe"), b"").await;
    is_problem(&maybe, 400, "query_invalid");
}

#[tokio::test]
async fn a_coordinator_sees_and_changes_the_own_unit_alone() {
    let http = staffed();
    let (office, own) = (
        cookie(&http, OFFICE).await,
        cookie(&http, COORDINATOR).await,
    );
    let reader = cookie(&http, READER).await;
    let roster = format!("{CAMPAIGN}/roster?confirm=true");
    let list = "Mã đơn vị,Mã thành viên,Họ và tên\nq1-p-da-kao,001,Số 1\n";
    let (_, put) = send(&http, &office, &roster, list.as_bytes()).await;
    assert_eq!((&put["imported"], &put["added"]), (&json!(true), &json!(1)));
    // Whether the line is known in the other unit is not told.
    let both = format!("{list}q1-p-ben-nghe,001,Số 2\n");
    let (_, seen) = send(&http, &own, &roster, both.as_bytes()).await;
    assert_eq!(
        (&seen["added"], &seen["unchanged"], &seen["imported"]),
        (&json!(1), &json!(0), &json!(false))
    );
    assert_eq!(seen["mistakes"][0]["row"], 2);
    assert_eq!(seen["mistakes"].as_array().unwrap().len(), 1);
    let mine = "Mã đơn vị,Mã thành viên,Họ và tên\nq1-p-ben-nghe,001,Số 2\n";
    let (_, taken) = send(&http, &own, &roster, mine.as_bytes()).await;
    assert_eq!(taken["imported"], true);
    let refused = send(&http, &reader, &roster, mine.as_bytes()).await;
    is_problem(&refused, 403, "forbidden");
    let refused = send(&http, &own, DIRECTORY, b"").await;
    is_problem(&refused, 403, "forbidden");
    let nobody = send(&http, "a=b", DIRECTORY, b"").await;
    is_problem(&nobody, 401, "signed_out");
    for (method, path) in [
        ("GET", format!("{CAMPAIGN}/roster/q1-p-da-kao/csv")),
        ("DELETE", format!("{CAMPAIGN}/links/q1-p-da-kao")),
        (
            "GET",
            format!("{CAMPAIGN}/links/q1-p-da-kao/qr.svg?origin=https://do.example.vn"),
        ),
        ("GET", format!("{DIRECTORY}.csv")),
        ("GET", format!("{DIRECTORY}.xlsx")),
    ] {
        let answer = ask(&http, &own, method, &path, Value::Null).await;
        is_problem(&answer, 403, "forbidden");
    }
    let (_, csv) = download(&http, &own, &format!("{CAMPAIGN}/roster/q1-p-ben-nghe/csv")).await;
    assert!(String::from_utf8(csv).unwrap().contains("Số 2"));
    let (_, list) = get(&http, &own, DIRECTORY).await;
    assert!(codes(&list).contains(&"q1-p-ben-nghe") && !codes(&list).contains(&"q1-p-da-kao"));
    let (_, none) = get(&http, &own, &format!("{DIRECTORY}?under=q1-p-da-kao")).await;
    assert_eq!(codes(&none), [""; 0]);
    let (_, calendar) = get(&http, &own, &format!("{CAMPAIGN}/calendar")).await;
    assert_eq!(calendar["months"][0]["units"], 1);
}

#[tokio::test]
async fn a_reader_sees_the_directory_without_contacts() {
    let http = staffed();
    let (office, reader) = (cookie(&http, OFFICE).await, cookie(&http, READER).await);
    let list = "Mã,Loại,Tên,Thư điện tử\nq1-moi,Trường học,Trường Mới,moi@quan1.example.vn\n";
    send(
        &http,
        &office,
        &format!("{DIRECTORY}?confirm=true"),
        list.as_bytes(),
    )
    .await;
    let path = format!("{DIRECTORY}?under=q1-moi&at=2024-11-08");
    let (_, seen) = get(&http, &office, &path).await;
    assert_eq!(
        seen["organisations"][0]["contact"]["email"],
        "moi@quan1.example.vn"
    );
    let (_, seen) = get(&http, &reader, &path).await;
    assert_eq!(seen["organisations"][0]["contact"], json!({}));
    let wrong = get(&http, &reader, &format!("{DIRECTORY}?at=8/11")).await;
    is_problem(&wrong, 400, "query_invalid");
}

#[tokio::test]
async fn the_trail_is_told_by_pages_newest_first() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    for n in 0..60 {
        let new = json!({"email": format!("a{n}@quan1.example.vn"), "name": "A", "role": "reader"});
        ask(&http, &office, "POST", "/api/v1/office/accounts", new).await;
    }
    let path = "/api/v1/office/audit?action=account.invite&who=vhtt";
    let (_, first) = get(&http, &office, path).await;
    assert_eq!(first["audit"].as_array().unwrap().len(), 50);
    assert_eq!(first["audit"][0]["subject"], "a59@quan1.example.vn");
    let older = format!("{path}&before={}", first["before"]);
    let (_, second) = get(&http, &office, &older).await;
    assert_eq!(second["audit"].as_array().unwrap().len(), 10);
    assert_eq!(second["audit"][0]["subject"], "a9@quan1.example.vn");
    assert!(second["before"].is_null(), "the last page");
    let wrong = get(&http, &office, "/api/v1/office/audit?before=x").await;
    is_problem(&wrong, 400, "query_invalid");
}

#[tokio::test]
async fn an_account_is_listed_with_its_state_and_never_ends_itself() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    let accounts = "/api/v1/office/accounts";
    let new = json!({"email": "moi@quan1.example.vn", "name": "Mới", "role": "reader"});
    ask(&http, &office, "POST", accounts, new).await;
    let reader = format!("{accounts}/{READER}");
    ask(&http, &office, "DELETE", &reader, Value::Null).await;
    let (_, list) = get(&http, &office, accounts).await;
    let states: Vec<_> = list["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["email"].as_str().unwrap(), a["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            (COORDINATOR, "enabled"),
            ("moi@quan1.example.vn", "invited"),
            (READER, "disabled"),
            (OFFICE, "enabled")
        ]
    );
    let again = ask(&http, &office, "DELETE", &reader, Value::Null).await;
    is_problem(&again, 404, "unknown_account");
    let new = json!({"email": OFFICE, "name": "A", "role": "reader"});
    is_problem(
        &ask(&http, &office, "POST", accounts, new).await,
        409,
        "own_account",
    );
    let own = format!("{accounts}/{OFFICE}");
    is_problem(
        &ask(&http, &office, "DELETE", &own, Value::Null).await,
        409,
        "own_account",
    );
}

#[tokio::test]
async fn a_units_link_is_made_drawn_and_ended() {
    let http = staffed();
    let own = cookie(&http, COORDINATOR).await;
    let link = format!("{CAMPAIGN}/links/q1-p-ben-nghe");
    let qr = format!("{link}/qr.svg?origin=https://do.example.vn");
    is_problem(&get(&http, &own, &qr).await, 404, "unknown_code");
    let (_, made) = ask(&http, &own, "POST", &link, Value::Null).await;
    let (status, svg) = download(&http, &own, &qr).await;
    assert_eq!(status, 200);
    let wanted = format!("https://do.example.vn{}", made["path"].as_str().unwrap());
    let drawn = crate::kit::Qr::of(&wanted, crate::kit::Level::Medium, None).unwrap();
    assert_eq!(String::from_utf8(svg).unwrap(), drawn.svg());
    let odd = get(
        &http,
        &own,
        &format!("{link}/qr.svg?origin=javascript:alert(1)"),
    )
    .await;
    is_problem(&odd, 422, "query_invalid");
    let (status, _) = ask(&http, &own, "DELETE", &link, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    is_problem(&get(&http, &own, &qr).await, 404, "unknown_code");
}

#[tokio::test]
async fn the_calendar_tells_deadlines_reminders_and_who_is_late() {
    let http = staffed();
    http.set("2024-12-12T02:00:00Z");
    let reader = cookie(&http, READER).await;
    let (_, calendar) = get(&http, &reader, &format!("{CAMPAIGN}/calendar")).await;
    assert_eq!(
        (&calendar["deadline_day"], &calendar["today"]),
        (&json!(10), &json!("2024-12-12"))
    );
    let months: Vec<_> = calendar["months"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["month"].as_str().unwrap())
        .collect();
    assert_eq!(
        months,
        [
            "2024-12", "2024-11", "2024-10", "2024-09", "2024-08", "2024-07"
        ]
    );
    let november = &calendar["months"][1];
    assert_eq!(november["last_day"], "2024-12-09");
    assert_eq!(
        november["reminders"],
        json!(["2024-12-06", "2024-12-08", "2024-12-10"])
    );
    assert_eq!(
        (&november["units"], &november["reported"]),
        (&json!(32), &json!(0))
    );
    assert_eq!(november["late"].as_array().unwrap().len(), 32);
    assert_eq!(calendar["months"][0]["late"], json!([]));
}
