//! A unit's roster and link over HTTP, and the calendar of its reports.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::described::{Kind, ListBody, Refusals};
use super::directory::{CSV, Confirmed, XLSX, attached};
use super::office::campaign;
use super::problem::Problem;
use super::session::signed;
use super::{Asked, body};
use crate::centre::Centre;
use crate::kit::{Level, Qr};
use crate::office::calendar::{Calendar, calendar};
use crate::office::member::unit_link;
use crate::office::roster::{self, Plan};
use crate::office::{Refused, Why};
use crate::store::audit::Act;

pub(super) fn routes() -> Router<Arc<Centre>> {
    let campaign = "/api/v1/office/campaigns/{id}";
    Router::new()
        .route(&format!("{campaign}/calendar"), get(due))
        .route(&format!("{campaign}/roster"), post(import))
        .route(
            &format!("{campaign}/roster/{{unit}}/{{format}}"),
            get(export),
        )
        .route(
            &format!("{campaign}/links/{{unit}}"),
            post(link).delete(end),
        )
        .route(&format!("{campaign}/links/{{unit}}/qr.svg"), get(qr))
        .layer(axum::middleware::map_response(super::office::private))
}

/// When the reports of each month are due, who has reported and who is late; a
/// coordinator sees the own unit alone.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/calendar", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), Kind), responses(
    (status = 200, description = "The months, newest first", body = Calendar), Refusals))]
pub(super) async fn due(
    State(centre): State<Arc<Centre>>,
    Path(id): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Calendar>, Problem> {
    let synthetic = Asked::of(query)?.synthetic()?;
    let found = signed(centre, &headers, move |centre, actor| {
        calendar(centre, actor, &campaign(centre, &id)?, synthetic)
    });
    Ok(Json(found.await?))
}

/// What a roster does, or would do.
#[derive(Serialize, ToSchema)]
pub(super) struct RosterImport {
    #[serde(flatten)]
    plan: Plan,
    /// Whether it was taken.
    imported: bool,
}

/// Takes a roster, CSV or XLSX; without `confirm` it is only looked at. A
/// coordinator's holds the own unit alone.
#[utoipa::path(post, path = "/api/v1/office/campaigns/{id}/roster", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), Confirmed),
    request_body(content = ListBody, content_type = "text/csv", description = "The roster, CSV or XLSX"), responses(
    (status = 200, description = "What it does or would do, and every mistake by row", body = RosterImport), Refusals))]
pub(super) async fn import(
    State(centre): State<Arc<Centre>>,
    Path(id): Path<String>,
    query: Result<Query<Confirmed>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RosterImport>, Problem> {
    let confirm = Confirmed::of(query)?;
    // Who is nobody sends no megabytes.
    signed(Arc::clone(&centre), &headers, |_, _| Ok(())).await?;
    let bytes = body::list(&headers, body).await?;
    let done = signed(centre, &headers, move |centre, actor| {
        let campaign = campaign(centre, &id)?;
        let plan = roster::import(centre, actor, &campaign, &bytes, confirm)?;
        let imported = confirm && plan.mistakes.is_empty();
        Ok(RosterImport { plan, imported })
    });
    Ok(Json(done.await?))
}

/// The roster of a unit as a list that the import reads.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/roster/{unit}/{format}", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"),
        ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe"),
        ("format" = String, Path, description = "`csv` or `xlsx`", example = "csv")), responses(
    (status = 200, description = "The roster", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))), Refusals))]
pub(super) async fn export(
    State(centre): State<Arc<Centre>>,
    Path((id, unit, format)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let write = match format.as_str() {
        "csv" => roster::to_csv,
        "xlsx" => roster::to_xlsx,
        other => return Err(Problem::not_found(&format!("…/roster/{unit}/{other}"))),
    };
    let name = format!("thanh-vien.{format}");
    let kind = if format == "csv" { CSV } else { XLSX };
    let bytes = signed(centre, &headers, move |centre, actor| {
        actor.may_see_members(&unit)?;
        let campaign = campaign(centre, &id)?;
        write(&centre.store().members(&campaign.id, &unit)?)
    });
    Ok(attached(kind, &name, bytes.await?))
}

/// A unit's link.
#[derive(Serialize, ToSchema)]
pub(super) struct Link {
    /// Code of the unit.
    unit: String,
    /// Code in the link.
    code: String,
    /// Path of the link.
    path: String,
}

/// The link by which members of a unit join; made where there is none.
#[utoipa::path(post, path = "/api/v1/office/campaigns/{id}/links/{unit}", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"),
        ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe")), responses(
    (status = 200, description = "The link", body = Link), Refusals))]
pub(super) async fn link(
    State(centre): State<Arc<Centre>>,
    Path((id, unit)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Link>, Problem> {
    let done = signed(centre, &headers, move |centre, actor| {
        actor.may_see_members(&unit)?;
        let campaign = campaign(centre, &id)?;
        let code = unit_link(centre, &campaign, &unit, &actor.name)?;
        let path = format!("/j/{code}");
        Ok(Link { unit, code, path })
    });
    Ok(Json(done.await?))
}

/// Ends the link of a unit; its members stay.
#[utoipa::path(delete, path = "/api/v1/office/campaigns/{id}/links/{unit}", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"),
        ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe")), responses(
    (status = 204, description = "Nobody joins by it any more"), Refusals))]
pub(super) async fn end(
    State(centre): State<Arc<Centre>>,
    Path((id, unit)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    signed(centre, &headers, move |centre, actor| {
        actor.may_see_members(&unit)?;
        let campaign = campaign(centre, &id)?;
        let act = Act {
            who: &actor.name,
            at: centre.now(),
        };
        centre.store().revoke_unit_codes(&campaign.id, &unit, act)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a code leads.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Origin {
    /// Where the centre's pages are.
    #[param(example = "https://do.example.vn")]
    origin: String,
}

/// The link of a unit as a QR code; there has to be one.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/links/{unit}/qr.svg", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"),
        ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe"), Origin), responses(
    (status = 200, description = "The code", body = String, content_type = "image/svg+xml"), Refusals))]
pub(super) async fn qr(
    State(centre): State<Arc<Centre>>,
    Path((id, unit)): Path<(String, String)>,
    query: Result<Query<Origin>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(Origin { origin }) = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
    let svg = signed(centre, &headers, move |centre, actor| {
        actor.may_see_members(&unit)?;
        let campaign = campaign(centre, &id)?;
        let code = centre.store().code_of_unit(&campaign.id, &unit)?;
        let code = code.ok_or_else(|| no_link(&unit))?;
        let link = format!("{}/j/{code}", origin.trim_end_matches('/'));
        let drawn = Qr::of(&link, Level::Medium, None).map_err(|error| no_origin(&error))?;
        Ok(drawn.svg())
    });
    let kind = [(header::CONTENT_TYPE, "image/svg+xml")];
    Ok((kind, svg.await?).into_response())
}

fn no_link(unit: &str) -> Refused {
    let what = format!("{unit:?} has no link that enrols");
    Refused::new(
        (Why::Unknown, "unknown_code"),
        "unit",
        what,
        "make one by POST",
    )
}

fn no_origin(error: &anyhow::Error) -> Refused {
    let remedy = "write it as https://do.example.vn";
    let what = error.to_string();
    Refused::new((Why::Wrong, "query_invalid"), "origin", what, remedy)
}
