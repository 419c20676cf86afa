//! Reminders on a member's own device: the centre's key, and subscribing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;

use super::described::Refusals;
use super::member::own;
use super::problem::Problem;
use super::{blocking, body};
use crate::centre::Centre;
use crate::office::member::{Export, export};
use crate::office::push::{signing, subscribe};
use crate::push::Subscription;
use crate::store::member::Purpose;

pub(super) fn routes() -> Router<Arc<Centre>> {
    Router::new()
        .route("/api/v1/push/key", get(key))
        .route("/api/v1/members/me/push", post(take))
}

/// What a browser subscribes with, and what is agreed to by it.
#[derive(Serialize, ToSchema)]
pub(super) struct PushKey {
    /// `applicationServerKey`: a public key of P-256, base64url.
    key: String,
    /// What is agreed to, in Vietnamese.
    text: &'static str,
}

/// The key that browsers subscribe with; there is none where the centre sends
/// no reminders to devices.
#[utoipa::path(get, path = "/api/v1/push/key", tag = "members", responses(
    (status = 200, description = "The key", body = PushKey), Refusals))]
pub(super) async fn key(State(centre): State<Arc<Centre>>) -> Result<Json<PushKey>, Problem> {
    blocking(centre, |centre| {
        let (_, key) = signing(centre)?;
        Ok(Json(PushKey {
            key: key.public(),
            text: Purpose::ReminderPush.text(),
        }))
    })
    .await
}

/// Subscribes a member's device, which is the consent to be reminded by it;
/// taking the consent back forgets it.
#[utoipa::path(post, path = "/api/v1/members/me/push", tag = "members", security(("member" = [])), request_body = Subscription, responses(
    (status = 200, description = "Everything, as it is now", body = Export), Refusals))]
pub(super) async fn take(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Export>, Problem> {
    let to: Subscription = body::json(&headers, body).await?;
    let done = own(centre, &headers, move |centre, member| {
        subscribe(centre, &member, &to)?;
        export(centre, member)
    });
    Ok(Json(done.await?))
}
