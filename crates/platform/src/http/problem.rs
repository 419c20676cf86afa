//! The one error of the HTTP edge: a problem (RFC 9457), made by named functions.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metric::month::Month;
use serde::Serialize;

use crate::collect::Failure;
use crate::collect::refused::{Problem as Refusal, Refused};
use crate::office::{Refused as Wish, Why};
use crate::site::Refused as Notice;

/// What went wrong, for a program to tell apart and a person to read.
#[derive(Clone, Debug)]
pub struct Problem(Box<Members>);

#[derive(Clone, Debug, Serialize)]
struct Members {
    /// `urn:ispeed:problem:<name>`.
    r#type: String,
    /// The kind of problem.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// This problem.
    detail: String,
    /// The member at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Which check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

impl Problem {
    /// A submission that is not stored.
    pub fn refused(refused: &Refused) -> Self {
        let (status, title, remedy) = kind(refused.problem);
        let detail = refused.detail.clone();
        let mut problem = Self::new(status, refused.problem.name(), title, detail);
        problem.0.field.clone_from(&refused.field);
        problem.0.why = refused.why;
        problem.remedy(remedy)
    }

    /// No test of this id.
    pub fn unknown_test(id: &str) -> Self {
        let detail = format!("no test {id:?} is stored here");
        Self::not_there("unknown_test", "Unknown test", detail)
    }

    /// No area of this code in this month.
    pub fn unknown_area(code: &str, month: Month) -> Self {
        let detail = format!("no area has the code {code:?} in {month}");
        Self::not_there("unknown_area", "Unknown area", detail)
            .remedy("ask /api/v1/areas?month=… for the areas of a month")
    }

    /// No campaign of this id.
    pub fn unknown_campaign(id: &str) -> Self {
        let detail = format!("no campaign has the id {id:?}");
        Self::not_there("unknown_campaign", "Unknown campaign", detail)
            .remedy("ask /api/v1/campaigns for the campaigns")
    }

    /// No problem area of this id, or of too few tests to be public.
    pub fn unknown_problem_area(id: &str) -> Self {
        let detail = format!("no problem area that is public has the id {id:?}");
        Self::not_there("unknown_problem_area", "Unknown problem area", detail)
            .remedy("ask /api/v1/problem-areas for the problem areas")
    }

    /// No such address.
    pub fn not_found(path: &str) -> Self {
        let detail = format!("nothing is at {path}");
        Self::not_there("not_found", "Not found", detail)
    }

    /// Not a month.
    pub fn month_invalid(text: &str) -> Self {
        let detail = format!("month is {text:?}, expected YYYY-MM");
        let status = StatusCode::BAD_REQUEST;
        Self::new(status, "month_invalid", "Invalid month", detail)
            .field("month")
            .remedy("write the month as 2024-11")
    }

    /// Not a whole query.
    pub fn query_invalid(detail: String) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "query_invalid",
            "Invalid query",
            detail,
        )
    }

    /// A notice of a site that changes nothing.
    pub fn notice(refused: Notice) -> Self {
        let detail = refused.to_string();
        let (status, name, title, remedy) = match refused {
            Notice::Centre(error) => return Self::from(error),
            Notice::Malformed { field, .. } => {
                let mut problem = Self::new(
                    StatusCode::BAD_REQUEST,
                    "malformed_body",
                    "Malformed body",
                    detail,
                );
                problem.0.field = field;
                return problem.remedy("send the JSON that docs/protocol/roster-v1.md describes");
            }
            Notice::Signature => (
                StatusCode::UNAUTHORIZED,
                "notice_unsigned",
                "Not signed",
                "sign the canonical JSON with the key that public_key names",
            ),
            Notice::Clock { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "clock_skewed",
                "Skewed clock",
                "set the site's clock, for example by NTP",
            ),
            Notice::Repeated(_) => (
                StatusCode::CONFLICT,
                "notice_repeated",
                "Repeated notice",
                "sign a new notice",
            ),
            Notice::Unknown => (
                StatusCode::NOT_FOUND,
                "site_unknown",
                "Unknown site",
                "join first: ispeed site join",
            ),
            Notice::Taken(_) => (
                StatusCode::CONFLICT,
                "name_taken",
                "Name or key taken",
                "choose another name, or join with the key of this site",
            ),
            Notice::Crowded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "roster_full",
                "Too many wait",
                "ask the operator of the centre, then try again",
            ),
        };
        Self::new(status, name, title, detail).remedy(remedy)
    }

    /// A notice that is longer than any is.
    pub fn notice_too_large() -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        let detail = "a notice has at most 16 KiB".into();
        Self::new(status, "body_too_large", "Body too large", detail)
    }

    /// A wish that the office does not grant.
    pub fn wish(refused: &Wish) -> Self {
        let (status, title) = match refused.why {
            Why::Unknown => (StatusCode::NOT_FOUND, "Unknown"),
            Why::Conflict => (StatusCode::CONFLICT, "Conflict"),
            Why::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Why::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, "Wrong value"),
            Why::SignedOut => (StatusCode::UNAUTHORIZED, "Not signed in"),
            Why::TooOften => (StatusCode::TOO_MANY_REQUESTS, "Tried too often"),
        };
        let problem = Self::new(status, refused.name, title, refused.what.clone());
        problem.field(refused.field).remedy(refused.remedy)
    }

    /// Not the JSON that is asked for.
    pub fn malformed(detail: String, field: Option<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        let mut problem = Self::new(status, "malformed_body", "Malformed body", detail);
        problem.0.field = field;
        problem
            .remedy("send the JSON that docs/api.md describes, as Content-Type: application/json")
    }

    /// A network asks too much.
    pub fn too_many_requests(seconds: u64) -> Self {
        let detail = format!("this network asks too much; ask again in {seconds} s");
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_requests", "Too many requests", detail)
            .remedy("wait as long as Retry-After says, and use ETag and Cache-Control")
    }

    /// The address exists, the method does not.
    pub fn method_not_allowed() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let detail = "this address does not take this method".into();
        Self::new(status, "method_not_allowed", "Method not allowed", detail)
    }

    /// Names the member at fault.
    pub fn field(mut self, field: &str) -> Self {
        self.0.field = Some(field.to_owned());
        self
    }

    fn remedy(mut self, remedy: &'static str) -> Self {
        self.0.remedy = Some(remedy);
        self
    }

    fn not_there(name: &str, title: &'static str, detail: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, name, title, detail)
    }

    fn new(status: StatusCode, name: &str, title: &'static str, detail: String) -> Self {
        Self(Box::new(Members {
            r#type: format!("urn:ispeed:problem:{name}"),
            title,
            status: status.as_u16(),
            detail,
            field: None,
            why: None,
            remedy: None,
        }))
    }
}

/// The centre is at fault: the log says how, the answer does not.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast::<Wish>() {
            Ok(refused) => return Self::wish(&refused),
            Err(error) => error,
        };
        tracing::error!(error = format!("{error:#}"), "Failed to answer a request");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let detail = "the centre failed; it has been logged".into();
        Self::new(status, "internal", "Internal error", detail)
            .remedy("try again later; nothing was lost that was answered 201")
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => Self::refused(&refused),
            Failure::Centre(error) => Self::from(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.0)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Status, title and remedy of a refusal.
const fn kind(refusal: Refusal) -> (StatusCode, &'static str, &'static str) {
    match refusal {
        Refusal::BodyTooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "Body too large",
            "send one test at a time",
        ),
        Refusal::UnsupportedMediaType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type",
            "send JSON with Content-Type: application/json",
        ),
        Refusal::MalformedBody => (
            StatusCode::BAD_REQUEST,
            "Malformed body",
            "send the JSON that docs/api.md describes",
        ),
        Refusal::VersionUnsupported => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Unsupported version",
            "send version \"1\", or ask the centre to update",
        ),
        Refusal::ReceiptInvalid => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid receipt",
            "send the receipt unchanged, soon after the test; otherwise measure again",
        ),
        Refusal::PositionImpossible => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Impossible position",
            "send the test again without position",
        ),
        Refusal::ClockSkewed => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Skewed clock",
            "date the test by the site's server_time",
        ),
        Refusal::ContextInvalid => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid context",
            "correct the member, or leave it out where it is optional",
        ),
        Refusal::Duplicate => (StatusCode::OK, "Known test", "nothing is to be done"),
    }
}
