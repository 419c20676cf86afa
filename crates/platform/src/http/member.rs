//! Members: the page behind a unit's link, joining, and one's own rights.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::described::Refusals;
use super::problem::Problem;
use super::{blocking, body};
use crate::centre::Centre;
use crate::office::member::{
    Export, Invitation, Welcome, Wish, enrol, export, invitation, push_alone,
};
use crate::office::{Refused, Why, secret};
use crate::store::audit::Act;
use crate::store::member::{Member, Purpose};

pub(super) fn routes() -> Router<Arc<Centre>> {
    Router::new()
        .route("/api/v1/units/{code}", get(link))
        .route("/api/v1/members", post(join))
        .route("/api/v1/members/me", get(show).delete(erase))
        .route("/api/v1/members/me/consents", post(agree))
        .route("/api/v1/members/opt-out/{code}", post(opt_out))
        .route("/opt-out/{code}", get(opt_out_page))
}

/// What a unit's link asks for.
#[utoipa::path(get, path = "/api/v1/units/{code}", tag = "members", params(("code" = String, Path, description = "Code in the link")), responses(
    (status = 200, description = "The unit, and what is to be agreed to", body = Invitation), Refusals))]
pub(super) async fn link(
    State(centre): State<Arc<Centre>>,
    Path(code): Path<String>,
) -> Result<Json<Invitation>, Problem> {
    blocking(centre, move |centre| Ok(Json(invitation(centre, &code)?))).await
}

/// Joins, by a unit's code or a personal one.
#[utoipa::path(post, path = "/api/v1/members", tag = "members", request_body = Wish, responses(
    (status = 201, description = "The new member; the token is told this once", body = Welcome), Refusals))]
pub(super) async fn join(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Welcome>), Problem> {
    let wish: Wish = body::json(&headers, body).await?;
    let welcome = blocking(centre, move |centre| Ok(enrol(centre, &wish)?)).await?;
    Ok((StatusCode::CREATED, Json(welcome)))
}

/// Runs something for the member who shows its token.
pub(super) async fn own<T: Send + 'static>(
    centre: Arc<Centre>,
    headers: &HeaderMap,
    work: impl FnOnce(&Centre, Member) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let token = body::bearer(headers).map(secret::hashed);
    blocking(centre, move |centre| {
        let member = token.map(|token| centre.store().member_of_token(&token));
        let member = member.transpose()?.flatten().ok_or_else(stranger)?;
        Ok(work(centre, member)?)
    })
    .await
}

fn stranger() -> anyhow::Error {
    let name = (Why::SignedOut, "unknown_member");
    let what = "no member has this token, or no longer";
    let remedy = "send Authorization: Bearer with the token of the enrolment";
    Refused::new(name, "authorization", what, remedy).into()
}

/// Everything that is known of oneself.
#[utoipa::path(get, path = "/api/v1/members/me", tag = "members", security(("member" = [])), responses(
    (status = 200, description = "Everything", body = Export), Refusals))]
pub(super) async fn show(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Json<Export>, Problem> {
    Ok(Json(own(centre, &headers, export).await?))
}

/// Erases oneself; the sums of the unit stay.
#[utoipa::path(delete, path = "/api/v1/members/me", tag = "members", security(("member" = [])), responses(
    (status = 204, description = "Erased"), Refusals))]
pub(super) async fn erase(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    own(centre, &headers, |centre, member| {
        let act = Act {
            who: "member",
            at: centre.now(),
        };
        centre.store().erase_member(&member.member_id, act)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is agreed to, or taken back.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Agreement {
    purpose: Purpose,
    given: bool,
}

/// Agrees to a purpose, or takes it back.
#[utoipa::path(post, path = "/api/v1/members/me/consents", tag = "members", security(("member" = [])), request_body = Agreement, responses(
    (status = 200, description = "Everything, as it is now", body = Export), Refusals))]
pub(super) async fn agree(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Export>, Problem> {
    let Agreement { purpose, given } = body::json(&headers, body).await?;
    let done = own(centre, &headers, move |centre, member| {
        if given && purpose == Purpose::ReminderPush {
            return Err(push_alone("purpose").into());
        }
        centre
            .store()
            .set_consent(&member.member_id, purpose, given, centre.now())?;
        export(centre, member)
    });
    Ok(Json(done.await?))
}

/// Ends reminders; also what mail programs send by themselves (RFC 8058).
#[utoipa::path(post, path = "/api/v1/members/opt-out/{code}", tag = "members", params(("code" = String, Path, description = "Code in the e-mail")), responses(
    (status = 200, description = "No reminder follows", body = String, content_type = "text/html"),
    (status = 400, description = "The path is not UTF-8", body = String, content_type = "text/plain"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "The link no longer holds", body = String, content_type = "text/html")))]
pub(super) async fn opt_out(
    State(centre): State<Arc<Centre>>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let known = blocking(centre, move |centre| {
        Ok(centre.store().opt_out(&code, centre.now())?)
    });
    let status = if known.await? {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    let text = match status {
        StatusCode::OK => "Bạn sẽ không nhận thư nhắc nữa.",
        _ => "Liên kết không còn hiệu lực.",
    };
    Ok((status, Html(page(&format!("<p>{text}</p>")))).into_response())
}

/// `GET /opt-out/{code}`: a button, because programs follow links by themselves.
async fn opt_out_page(Path(code): Path<String>) -> Response {
    if !secret::is_code(&code) {
        return Problem::not_found("/opt-out").into_response();
    }
    let form = format!(
        "<p>Ngừng nhận thư điện tử nhắc đo?</p>\
         <form method=\"post\" action=\"/api/v1/members/opt-out/{code}\">\
         <button>Ngừng nhận</button></form>"
    );
    ([(header::CACHE_CONTROL, "no-store")], Html(page(&form))).into_response()
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"vi\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Thư nhắc đo</title><main><h1>Thư nhắc đo</h1>{body}</main></html>\n"
    )
}
