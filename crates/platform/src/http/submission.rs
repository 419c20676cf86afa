//! Submitting a test, and asking for one.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use uuid::Uuid;

use super::blocking;
use super::problem::Problem;
use crate::centre::Centre;
use crate::collect::refused::Refused;
use crate::collect::{Failure, MAX_BODY_BYTES, refuse_unread};
use crate::store::test::Appended;

/// `POST /api/v1/tests`.
#[utoipa::path(post, path = "/api/v1/tests", tag = "tests", request_body(content = super::described::SubmissionSchema, description = "A submission: docs/api.md", content_type = "application/json"), responses(
    (status = 201, description = "Verified and stored", body = super::openapi::TestSchema),
    (status = 200, description = "Stored before; the same answer as then", body = super::openapi::TestSchema),
    (status = 400, description = "Not the JSON of a submission", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 413, description = "More than 256 KiB", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 415, description = "Not announced as JSON", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 422, description = "Refused", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn submit(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if !is_json(&headers) {
        return Err(unread(centre, Refused::unsupported_media_type()).await);
    }
    let body = match read(body).await {
        Ok(Some(body)) => body,
        Ok(None) => return Err(unread(centre, Refused::body_too_large()).await),
        Err(_) => return Err(unread(centre, Refused::cut_short()).await),
    };
    let outcome = blocking(centre, move |centre| Ok(centre.collect(&body))).await?;
    match outcome {
        Ok(Appended::New(body)) => Ok(json(StatusCode::CREATED, body)),
        Ok(Appended::Known(body)) => Ok(json(StatusCode::OK, body)),
        Err(failure) => Err(logged(failure).into()),
    }
}

/// `GET /api/v1/tests/{id}`.
#[utoipa::path(get, path = "/api/v1/tests/{id}", tag = "tests", params(("id" = String, Path, description = "Id of the test, a UUID")), responses(
    (status = 200, description = "The test, and whether it counts", body = super::openapi::TestSchema),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(centre): State<Arc<Centre>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let body = blocking(centre, move |centre| {
        let known = id
            .parse::<Uuid>()
            .ok()
            .map(|id| centre.store().test_body(id));
        let body = known.transpose()?.flatten();
        body.ok_or_else(|| Problem::unknown_test(&id))
    });
    Ok(json(StatusCode::OK, body.await?))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The body; `None` when it is too large. What is too large is read to its end
/// and dropped, within reason, because a sender who is cut off sees no answer.
async fn read(mut body: Body) -> Result<Option<Bytes>, axum::Error> {
    let (mut kept, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        seen += data.len();
        if seen <= MAX_BODY_BYTES {
            kept.extend_from_slice(&data);
        } else if seen > MAX_DROPPED_BYTES {
            break;
        }
    }
    Ok((seen <= MAX_BODY_BYTES).then(|| kept.into()))
}

const MAX_DROPPED_BYTES: usize = 16 * 1024 * 1024;

async fn unread(centre: Arc<Centre>, refused: Refused) -> Problem {
    let problem = Problem::refused(&refused);
    let counted = blocking(centre, move |centre| {
        refuse_unread(centre.store(), centre.now(), &refused)?;
        Ok(())
    });
    counted.await.err().unwrap_or(problem)
}

fn logged(failure: Failure) -> Failure {
    if let Failure::Refused(refused) = &failure {
        tracing::info!(
            test.refused = refused.problem.name(),
            test.why = refused.why,
            "Refused a test: {}",
            refused.problem.name()
        );
    }
    failure
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
