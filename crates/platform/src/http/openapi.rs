//! The API described: as OpenAPI for programs, as a plain page for people.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::{
    area, campaign, chart, compare, compatible, directory, map, member, office, problem_area,
    progress, push, register, roster, session, submission,
};

/// The description, made from the handlers themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ispeed",
        description = "Counts, figures and their drawings. Times are RFC 3339 UTC; every number carries its unit in its name; a member that is absent is not known or not measured, and zero is a measured zero. Fields and addresses are added, never renamed.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        submission::submit,
        submission::show,
        area::list,
        area::quota,
        area::figures,
        compare::series,
        compare::compare,
        map::map,
        problem_area::list,
        problem_area::one,
        problem_area::file,
        chart::area,
        chart::choropleth,
        campaign::list,
        campaign::month,
        campaign::csv,
        campaign::xlsx,
        register::operators,
        register::keys,
        register::rejections,
        register::health,
        compatible::places,
        compatible::months,
        compatible::cities,
        compatible::operators,
        progress::wards,
        progress::unit_lines,
        progress::reconciled,
        progress::make_sheet,
        progress::end_sheet,
        progress::sheet,
        session::start,
        session::show,
        session::end,
        session::accept,
        session::accounts,
        session::make,
        session::disable,
        office::reports,
        office::report,
        office::act,
        office::members,
        office::audit,
        directory::list,
        directory::import,
        directory::csv,
        directory::xlsx,
        roster::due,
        roster::import,
        roster::export,
        roster::link,
        roster::end,
        roster::qr,
        member::link,
        member::join,
        member::show,
        member::erase,
        member::agree,
        member::opt_out,
        push::key,
        push::take,
    ),
    modifiers(&Signing),
    components(schemas(ProblemSchema)),
    tags(
        (name = "figures", description = "Counts and figures of areas"),
        (name = "problem areas", description = "Where an operator is slow"),
        (name = "charts", description = "The same as SVG"),
        (name = "campaigns", description = "Months of campaigns, and reports"),
        (name = "tests", description = "Submitting a test, and asking for one"),
        (name = "centre", description = "What is public about the centre itself"),
        (name = "office", description = "Accounts, directory, members and reports, for who is signed in"),
        (name = "members", description = "Joining a unit, and one's own rights"),
        (name = "i-Speed", description = "The addresses and the shape of i-Speed's statistics"),
    )
)]
struct Description;

/// How one shows who one is: accounts by a cookie, members by a token.
struct Signing;

impl Modify for Signing {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let about = "Set by POST /api/v1/office/session; HttpOnly, SameSite=Strict";
        let cookie = ApiKeyValue::with_description("ispeed_session", about);
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        let member = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("session", session);
        components.add_security_scheme("member", member);
        for (path, item) in &mut openapi.paths.paths {
            name(path, item);
        }
    }
}

/// Names the operations of a path after it, because handlers of different
/// modules have the same names.
fn name(path: &str, item: &mut PathItem) {
    let words = path.trim_start_matches("/api/v1");
    let words = words.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let words = words.join("_");
    for (method, operation) in [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
    ] {
        if let Some(operation) = operation {
            operation.operation_id = Some(format!("{method}_{words}"));
        }
    }
}

/// An error (RFC 9457); the names stand in docs/api.md.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemSchema {
    /// `urn:ispeed:problem:<name>`.
    #[schema(pattern = "^urn:ispeed:problem:")]
    r#type: String,
    /// The kind of problem.
    title: String,
    /// The status of the answer.
    status: u16,
    /// This problem.
    detail: String,
    /// The member at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Which check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// A test, and whether it counts; the members stand in docs/api.md.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = Test)]
pub(super) struct TestSchema {
    /// Its id.
    test_id: String,
    /// `accepted`, `limited`, `excluded` or `incomplete`.
    state: String,
    /// Every reason against it.
    reasons: Vec<String>,
    /// What it counts for.
    counts_for: Vec<String>,
    /// Edition of the methodology.
    edition: u16,
    /// Whether it was made by a simulation.
    synthetic: bool,
    /// When it was made.
    measured_at: String,
    /// When the centre received it.
    received_at: String,
    /// Technology.
    technology: String,
    /// Site that signed the receipt.
    site: String,
}

/// `GET /api/v1/openapi.json`.
pub(super) async fn document() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let text = Description::openapi().to_json().unwrap_or_default();
    (kind, text).into_response()
}

/// `GET /api/v1/`: the same for people, without a script.
pub(super) async fn page() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, written()).into_response()
}

fn written() -> String {
    let document = serde_json::to_value(Description::openapi()).unwrap_or_default();
    let mut page = String::from(HEAD);
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    for (path, methods) in &paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            section(&mut page, path, method, operation);
        }
    }
    page + "</main></html>\n"
}

const HEAD: &str = "<!doctype html><html lang=\"vi\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>API của ispeed</title>\
    <main><h1>API của ispeed, phiên bản 1</h1><p>Mô tả cho máy đọc: \
    <a href=\"/api/v1/openapi.json\">OpenAPI</a>. Đơn vị nằm trong tên trường; trường vắng mặt là \
    không biết hoặc không đo, số 0 là số 0 đã đo.</p>";

fn section(page: &mut String, path: &str, method: &str, operation: &Value) {
    let summary = text(operation, "summary");
    let _ = write!(
        page,
        "<h2><code>{} {}</code></h2><p lang=\"en\">{}</p>",
        method.to_uppercase(),
        escaped(path),
        escaped(summary)
    );
    let parameters = operation["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<ul lang=\"en\">");
        for parameter in &parameters {
            let (name, about) = (text(parameter, "name"), text(parameter, "description"));
            let _ = write!(
                page,
                "<li><code>{}</code> – {}</li>",
                escaped(name),
                escaped(about)
            );
        }
        page.push_str("</ul>");
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_the_page_is_described_with_its_errors() {
        let document = serde_json::to_value(Description::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 50, "{}", paths.len());
        let operations = paths
            .values()
            .flat_map(|methods| methods.as_object().unwrap().values());
        let ids: Vec<_> = operations
            .map(|o| o["operationId"].as_str().unwrap())
            .collect();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{ids:?}");
        for (path, methods) in paths {
            for operation in methods.as_object().unwrap().values() {
                if path.starts_with("/api/v1/office/") {
                    assert!(operation["responses"]["403"].is_object(), "{path}");
                }
                assert!(operation["responses"]["400"].is_object(), "{path}");
                assert!(operation["summary"].is_string(), "{path}");
            }
            assert!(written().contains(&escaped(path)), "{path}");
        }
    }
}
