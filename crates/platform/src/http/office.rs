//! The office over HTTP: reports of units, members, links, the audit trail. Who
//! may what stands in `office::actor`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use metric::month::Month;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::described::{Kind, Refusals};
use super::problem::Problem;
use super::session::signed;
use super::{Asked, body, month as parse_month};
use crate::centre::Centre;
use crate::office::actor::Actor;
use crate::office::member::{UnitMembers, of_unit};
use crate::office::unit_report::{Form, Sheet, Standings, Step, form, standings, step, unit_of};
use crate::office::{Refused, Why};
use crate::store::audit::{Audited, Trail};
use crate::store::campaign::Campaign;

pub(super) fn routes() -> Router<Arc<Centre>> {
    let month = "/api/v1/office/campaigns/{id}/months/{month}";
    Router::new()
        .route(&format!("{month}/reports"), get(reports))
        .route(&format!("{month}/reports/{{unit}}"), get(report).post(act))
        .route(&format!("{month}/members/{{unit}}"), get(members))
        .route("/api/v1/office/audit", get(audit))
        .layer(axum::middleware::map_response(private))
}

/// Nobody keeps what is only for who is signed in.
pub(super) async fn private(mut response: Response) -> Response {
    let value = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
    response
}

pub(super) fn campaign(centre: &Centre, id: &str) -> anyhow::Result<Campaign> {
    let found = centre.store().campaign(id)?;
    found.ok_or_else(|| {
        let what = format!("no campaign has the id {id:?}");
        let remedy = "ask /api/v1/campaigns for the campaigns";
        Refused::new((Why::Unknown, "unknown_campaign"), "campaign", what, remedy).into()
    })
}

/// Runs something about a campaign's month for whoever is signed in.
pub(super) async fn of_month<T: Send + 'static>(
    centre: Arc<Centre>,
    headers: &HeaderMap,
    (id, month): (String, String),
    query: Result<Query<Asked>, QueryRejection>,
    work: impl FnOnce(&Centre, &Actor, Sheet<'_>) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let synthetic = Asked::of(query)?.synthetic()?;
    let month: Month = parse_month(&month)?;
    signed(centre, headers, move |centre, actor| {
        let campaign = campaign(centre, &id)?;
        let sheet = Sheet {
            campaign: &campaign,
            month,
            synthetic,
        };
        work(centre, actor, sheet)
    })
    .await
}

/// Where the reports of all units stand; a coordinator sees the unit's own.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/months/{month}/reports", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "One line for each unit", body = Standings), Refusals))]
pub(super) async fn reports(
    State(centre): State<Arc<Centre>>,
    Path(month): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Standings>, Problem> {
    let found = of_month(centre, &headers, month, query, |centre, actor, sheet| {
        let mut found = standings(centre, sheet)?;
        found
            .units
            .retain(|line| actor.may_read_report(&line.unit).is_ok());
        Ok(found)
    });
    Ok(Json(found.await?))
}

type UnitPath = Path<(String, String, String)>;

/// The form of a unit's report.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/months/{month}/reports/{unit}", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe"), Kind), responses(
    (status = 200, description = "The form, with the figures of this moment", body = Form), Refusals))]
pub(super) async fn report(
    State(centre): State<Arc<Centre>>,
    Path((id, month, unit)): UnitPath,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Form>, Problem> {
    let work =
        move |centre: &Centre, actor: &Actor, sheet: Sheet<'_>| form(centre, actor, sheet, &unit);
    Ok(Json(
        of_month(centre, &headers, (id, month), query, work).await?,
    ))
}

/// Saves, submits, returns or accepts a unit's report.
#[utoipa::path(post, path = "/api/v1/office/campaigns/{id}/months/{month}/reports/{unit}", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe"), Kind), request_body = Step, responses(
    (status = 200, description = "The form as it is now", body = Form), Refusals))]
pub(super) async fn act(
    State(centre): State<Arc<Centre>>,
    Path((id, month, unit)): UnitPath,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Form>, Problem> {
    let wanted: Step = body::json(&headers, body).await?;
    let work = move |centre: &Centre, actor: &Actor, sheet: Sheet<'_>| {
        step(centre, actor, sheet, &unit, &wanted)
    };
    Ok(Json(
        of_month(centre, &headers, (id, month), query, work).await?,
    ))
}

/// The members of a unit: done or not by day, and totals.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/months/{month}/members/{unit}", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), ("unit" = String, Path, description = "Code of the unit", example = "q1-p-ben-nghe"), Kind), responses(
    (status = 200, description = "One line for each member", body = UnitMembers), Refusals))]
pub(super) async fn members(
    State(centre): State<Arc<Centre>>,
    Path((id, month, unit)): UnitPath,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<UnitMembers>, Problem> {
    let work = move |centre: &Centre, actor: &Actor, sheet: Sheet<'_>| {
        actor.may_see_members(&unit)?;
        let unit = unit_of(centre, sheet, &unit)?;
        of_unit(
            centre,
            sheet.campaign,
            &unit.code,
            sheet.month,
            sheet.synthetic,
        )
    };
    Ok(Json(
        of_month(centre, &headers, (id, month), query, work).await?,
    ))
}

/// Which part of the trail.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// By whom: a part of the address, or `console`.
    who: Option<String>,
    /// What was done: a part of the action's name.
    #[param(example = "roster")]
    action: Option<String>,
    /// To what: a part of the subject's name.
    subject: Option<String>,
    /// Entries older than the one of this number.
    #[param(value_type = Option<i64>, minimum = 1)]
    before: Option<String>,
}

/// A page of the trail.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditList {
    /// The entries, newest first.
    audit: Vec<Audited>,
    /// For the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

/// Entries of a page.
const PAGE: u32 = 50;

/// The audit trail, newest first.
#[utoipa::path(get, path = "/api/v1/office/audit", tag = "office", security(("session" = [])), params(Part), responses(
    (status = 200, description = "A page of the trail", body = AuditList), Refusals))]
pub(super) async fn audit(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Part>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<AuditList>, Problem> {
    let Query(part) = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
    let before = part.before.as_deref().map(number).transpose()?;
    let audit = signed(centre, &headers, move |centre, actor: &Actor| {
        actor.may_administer()?;
        let asked = Trail {
            who: part.who.as_deref(),
            action: part.action.as_deref(),
            subject: part.subject.as_deref(),
            before,
        };
        // One more than is told says whether there is another page.
        centre.store().audit_trail(asked, PAGE + 1)
    });
    let mut audit = audit.await?;
    let more = audit.len() > PAGE as usize;
    audit.truncate(PAGE as usize);
    let before = audit.last().map(|entry| entry.number).filter(|_| more);
    Ok(Json(AuditList { audit, before }))
}

fn number(text: &str) -> Result<i64, Problem> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| {
            let detail = format!("before is {text:?}, expected the number of an entry");
            Problem::query_invalid(detail).field("before")
        })
}
