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

use super::problem::Problem;
use super::site::Arrival;
use super::{blocking, body};
use crate::centre::Centre;
use crate::office::account::{Invited, actor, invite, sign_in, signed_in, take_up};
use crate::office::actor::{Actor, Role};
use crate::office::secret;
use crate::store::account::Account;
use crate::store::audit::Act;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

/// `POST /api/v1/office/session`.
async fn start(
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

/// `GET /api/v1/office/session`: who is signed in.
async fn show(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Json<Actor>, Problem> {
    Ok(Json(
        signed(centre, &headers, |_, actor| Ok(actor.clone())).await?,
    ))
}

/// `DELETE /api/v1/office/session`.
async fn end(State(centre): State<Arc<Centre>>, headers: HeaderMap) -> Result<Response, Problem> {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenUp {
    token: String,
    password: String,
}

/// `POST /api/v1/office/invitations`: takes one up with a password.
async fn accept(
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    email: String,
    name: String,
    role: Role,
    unit: Option<String>,
}

/// `POST /api/v1/office/accounts`: invites somebody.
async fn make(
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

#[derive(Serialize)]
struct AccountList {
    accounts: Vec<Account>,
}

/// `GET /api/v1/office/accounts`.
async fn accounts(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Json<AccountList>, Problem> {
    let accounts = signed(centre, &headers, |centre, actor| {
        actor.may_administer()?;
        centre.store().accounts()
    });
    let accounts = accounts.await?;
    Ok(Json(AccountList { accounts }))
}

/// `DELETE /api/v1/office/accounts/{email}`: disables it.
async fn disable(
    State(centre): State<Arc<Centre>>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let found = signed(centre, &headers, move |centre, actor| {
        actor.may_administer()?;
        let act = Act {
            who: &actor.name,
            at: centre.now(),
        };
        centre.store().disable_account(&email.to_lowercase(), act)
    });
    Ok(if found.await? {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    })
}
