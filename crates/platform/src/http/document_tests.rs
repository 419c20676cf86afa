//! Documents and kits over HTTP: who gets which, and what is refused.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};

use super::office_tests::{COORDINATOR, MONTH, OFFICE, READER, cookie, staffed};
use super::tests::Http;

/// Status, type and bytes of an answer.
async fn get(http: &Http, cookie: &str, path: &str) -> (StatusCode, String, Vec<u8>) {
    let request = Request::get(format!("{MONTH}/{path}")).header("cookie", cookie);
    let response = http.call(request.body(Body::empty()).unwrap()).await;
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    let framed = response.status() == StatusCode::OK;
    assert_eq!(policy == "frame-ancestors 'self'", framed, "{policy}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, kind, bytes.to_vec())
}

async fn refusal(http: &Http, cookie: &str, path: &str) -> (u16, String) {
    let (status, kind, bytes) = get(http, cookie, path).await;
    assert_eq!(kind, "application/problem+json", "{path}");
    let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let name = body["type"].as_str().unwrap().rsplit(':').next().unwrap();
    let field = body["field"].as_str().unwrap_or_default();
    (status.as_u16(), format!("{name} {field}").trim().to_owned())
}

#[tokio::test]
async fn the_office_gets_every_document_in_every_form() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    for (file, kind, begins) in [
        ("letter.pdf", "application/pdf", &b"%PDF"[..]),
        ("launch.pdf", "application/pdf", b"%PDF"),
        (
            "report.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            b"PK",
        ),
        (
            "report.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            b"PK",
        ),
    ] {
        let (status, found, bytes) = get(&http, &office, &format!("documents/{file}")).await;
        assert_eq!((status, found.as_str()), (StatusCode::OK, kind), "{file}");
        assert!(bytes.starts_with(begins), "{file}");
    }
    let bulletin = "units/q1-p-ben-nghe/documents/bulletin.pdf";
    assert_eq!(get(&http, &office, bulletin).await.0, StatusCode::OK);
}

/// The words of a DOCX.
fn words(bytes: Vec<u8>) -> String {
    use std::io::Read as _;
    let mut file = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    let mut part = file.by_name("word/document.xml").unwrap();
    part.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn fields_that_are_given_stand_in_the_document_and_others_come_from_the_directory() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    let path = "documents/letter.docx?number=4125/UBND-VHTT&date=2024-12-06&signer=Nguy%E1%BB%85n%20A&title=";
    let (_, _, bytes) = get(&http, &office, path).await;
    let text = words(bytes);
    for said in [
        "4125/UBND-VHTT",
        "ngày 06 tháng 12 năm 2024",
        "Nguyễn A",
        "CHỦ TỊCH",
        "ỦY BAN NHÂN DÂN QUẬN 1",
    ] {
        assert!(text.contains(said), "{said}");
    }
    let (_, _, bytes) = get(&http, &office, "units/q1-p-ben-nghe/documents/report.docx").await;
    let text = words(bytes);
    assert!(text.contains("ỦY BAN NHÂN DÂN PHƯỜNG BẾN NGHÉ") && text.contains("Bến Nghé, ngày"));
}

#[tokio::test]
async fn a_coordinator_gets_the_documents_of_the_own_unit_alone() {
    let http = staffed();
    let own = cookie(&http, COORDINATOR).await;
    for file in ["documents/report.pdf", "documents/bulletin.pdf"] {
        let path = format!("units/q1-p-ben-nghe/{file}");
        assert_eq!(get(&http, &own, &path).await.0, StatusCode::OK, "{path}");
    }
    for path in [
        "documents/letter.pdf",
        "units/q1-p-da-kao/documents/report.pdf",
        "kit/poster.pdf?link=https://do.example.vn",
        "units/q1-p-da-kao/kit/qr.svg?link=https://do.example.vn",
    ] {
        let (status, name) = refusal(&http, &own, path).await;
        assert_eq!(
            (status, name.starts_with("forbidden")),
            (403, true),
            "{path}"
        );
    }
    let reader = cookie(&http, READER).await;
    let (status, _) = refusal(&http, &reader, "documents/letter.pdf").await;
    assert_eq!(status, 403);
    let nobody = refusal(&http, "ispeed_session=x", "documents/letter.pdf").await;
    assert_eq!(nobody.0, 401);
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_named_by_its_field() {
    let http = staffed();
    let office = cookie(&http, OFFICE).await;
    for (path, status, name) in [
        (
            "documents/letter.pdf?number=4125UBND",
            422,
            "document_field number",
        ),
        (
            "documents/letter.pdf?date=06/12/2024",
            422,
            "document_field date",
        ),
        ("documents/letter.odt", 404, "unknown_file file"),
        ("documents/bulletin.pdf", 404, "unknown_file file"),
        (
            "units/q1-nv/documents/report.pdf",
            422,
            "unit_without_ward unit",
        ),
        ("units/q9/documents/report.pdf", 404, "unknown_unit unit"),
        (
            "units/q1-p-ben-nghe/kit/poster.pdf",
            422,
            "document_field document",
        ),
        (
            "units/q1-p-ben-nghe/kit/flag.png?link=https://a.vn",
            404,
            "unknown_file file",
        ),
    ] {
        let found = refusal(&http, &office, path).await;
        assert_eq!(found, (status, name.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_kit_is_of_the_ward_and_leads_to_the_link() {
    let http = staffed();
    let own = cookie(&http, COORDINATOR).await;
    let link = "link=https://do.example.vn/areas/26740";
    let of = |file: &str| format!("units/q1-p-ben-nghe/kit/{file}?{link}");
    let (status, kind, text) = get(&http, &own, &of("zalo.txt")).await;
    assert_eq!(
        (status, kind.as_str()),
        (StatusCode::OK, "text/plain; charset=utf-8")
    );
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Phường Bến Nghé") && text.contains("https://do.example.vn/areas/26740"));
    for (file, begins) in [
        ("qr.svg", &b"<svg"[..]),
        ("post.png", b"\x89PNG"),
        ("poster.pdf", b"%PDF"),
    ] {
        let (status, _, bytes) = get(&http, &own, &of(file)).await;
        assert!(
            status == StatusCode::OK && bytes.starts_with(begins),
            "{file}"
        );
    }
}
