//! Signing in and out, invitations and accounts.
//!
//! The session's token is in a cookie that scripts cannot read and other
//! origins cannot send; what changes something has to be JSON, too.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::described::Refusals;
use super::problem::Problem;
use super::site::Arrival;
use super::{blocking, body};
use crate::centre::Centre;
use crate::office::account::{
    self, AccountLine, Invited, actor, invite, sign_in, signed_in, take_up,
};
use crate::office::actor::{Actor, Role};
use crate::office::secret;

/// Name of the cookie.
const COOKIE: &str = "ispeed_session";
/// Seconds that a browser keeps it: as long as a session lasts.
const SECONDS: u32 = 12 * 3600;
/// Passwords that are hashed at once; each takes 19 MiB and much of a core.
static HASHING: Semaphore = Semaphore::const_new(2);

pub(super) fn routes() -> Router<Arc<Centre>> {
    Router::new()
        .route("/api/v1/office/session", get(show).post(start).delete(end))
        .route("/api/v1/office/invitations", post(accept))
        .route("/api/v1/office/accounts", get(accounts).post(make))
        .route("/api/v1/office/accounts/{email}", delete(disable))
}

/// The token of a request's cookie.
fn token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = named.find(|(name, _)| *name == COOKIE)?;
    Some(token.to_owned())
}

/// Runs something for whoever is signed in.
pub(super) async fn signed<T: Send + 'static>(
    centre: Arc<Centre>,
    headers: &HeaderMap,
    work: impl FnOnce(&Centre, &Actor) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let token = token(headers);
    blocking(centre, move |centre| {
        let actor = signed_in(centre, token.as_deref())?;
        Ok(work(centre, &actor)?)
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    email: String,
    password: String,
}

/// Signs in: the answer sets the cookie `ispeed_session`.
#[utoipa::path(post, path = "/api/v1/office/session", tag = "office", request_body = Credentials, responses(
    (status = 200, description = "Who is signed in from now on", body = Actor), Refusals))]
pub(super) async fn start(
    State(centre): State<Arc<Centre>>,
    arrival: Option<Extension<Arrival>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Credentials { email, password } = body::json(&headers, body).await?;
    let turn = HASHING.acquire().await;
    let done = blocking(centre, move |centre| {
        let (token, account) = sign_in(centre, &email, &password)?;
        Ok((token, actor(account)?))
    });
    let (token, actor) = done.await?;
    drop(turn);
    let secure = arrival.is_some_and(|Extension(arrival)| arrival.secure);
    let mut response = Json(actor).into_response();
    set_cookie(&mut response, &token, SECONDS, secure);
    Ok(response)
}

fn set_cookie(response: &mut Response, token: &str, seconds: u32, secure: bool) {
    let secure = if secure { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/office/session", tag = "office", security(("session" = [])), responses(
    (status = 200, description = "Who is signed in", body = Actor), Refusals))]
pub(super) async fn show(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Json<Actor>, Problem> {
    Ok(Json(
        signed(centre, &headers, |_, actor| Ok(actor.clone())).await?,
    ))
}

/// Signs out; nothing happens where nobody is signed in.
#[utoipa::path(delete, path = "/api/v1/office/session", tag = "office", responses(
    (status = 204, description = "Nobody is signed in any more"), Refusals))]
pub(super) async fn end(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(token) = token(&headers) {
        let digest = secret::hashed(&token);
        blocking(centre, move |centre| {
            Ok(centre.store().end_session(&digest)?)
        })
        .await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0, false);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TakenUp {
    token: String,
    password: String,
}

/// Takes an invitation up with a password.
#[utoipa::path(post, path = "/api/v1/office/invitations", tag = "office", request_body = TakenUp, responses(
    (status = 204, description = "The account can sign in"), Refusals))]
pub(super) async fn accept(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let TakenUp { token, password } = body::json(&headers, body).await?;
    let turn = HASHING.acquire().await;
    blocking(centre, move |centre| {
        Ok(take_up(centre, &token, &password)?)
    })
    .await?;
    drop(turn);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAccount {
    email: String,
    name: String,
    role: Role,
    unit: Option<String>,
}

/// Invites somebody, or the one of this address again.
#[utoipa::path(post, path = "/api/v1/office/accounts", tag = "office", security(("session" = [])), request_body = NewAccount, responses(
    (status = 201, description = "The invitation; its token is told this once", body = Invited), Refusals))]
pub(super) async fn make(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let new: NewAccount = body::json(&headers, body).await?;
    let invited = signed(centre, &headers, move |centre, actor| {
        invite(
            centre,
            actor,
            (&new.email, &new.name),
            new.role,
            new.unit.as_deref(),
        )
    });
    Ok((StatusCode::CREATED, Json(invited.await?)))
}

#[derive(Serialize, ToSchema)]
pub(super) struct AccountList {
    accounts: Vec<AccountLine>,
}

/// The accounts.
#[utoipa::path(get, path = "/api/v1/office/accounts", tag = "office", security(("session" = [])), responses(
    (status = 200, description = "Every account, by address", body = AccountList), Refusals))]
pub(super) async fn accounts(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Json<AccountList>, Problem> {
    let accounts = signed(centre, &headers, account::accounts).await?;
    Ok(Json(AccountList { accounts }))
}

/// Disables an account and ends its sessions.
#[utoipa::path(delete, path = "/api/v1/office/accounts/{email}", tag = "office", security(("session" = [])),
    params(("email" = String, Path, description = "Address of the account")), responses(
    (status = 204, description = "It is disabled"), Refusals))]
pub(super) async fn disable(
    State(centre): State<Arc<Centre>>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    signed(centre, &headers, move |centre, actor| {
        account::disable(centre, actor, &email)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
