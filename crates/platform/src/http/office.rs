//! The office over HTTP: reports of units, members, links, the audit trail. Who
//! may what stands in `office::actor`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use metric::month::Month;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::session::signed;
use super::{Asked, body, month as parse_month};
use crate::centre::Centre;
use crate::office::actor::Actor;
use crate::office::member::{UnitMembers, of_unit, unit_link};
use crate::office::unit_report::{Form, Sheet, Standings, Step, form, standings, step, unit_of};
use crate::office::{Refused, Why};
use crate::store::audit::Audited;
use crate::store::campaign::Campaign;

pub(super) fn routes() -> Router<Arc<Centre>> {
    let month = "/api/v1/office/campaigns/{id}/months/{month}";
    Router::new()
        .route(&format!("{month}/reports"), get(reports))
        .route(&format!("{month}/reports/{{unit}}"), get(report).post(act))
        .route(&format!("{month}/members/{{unit}}"), get(members))
        .route("/api/v1/office/campaigns/{id}/links/{unit}", post(link))
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

/// `GET …/reports`: where the reports of all units stand; a coordinator sees
/// the unit's own.
async fn reports(
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

/// `GET …/reports/{unit}`.
async fn report(
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

/// `POST …/reports/{unit}`: saves, submits, returns or accepts it.
async fn act(
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

/// `GET …/members/{unit}`: done or not by day, and totals.
async fn members(
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

#[derive(Serialize)]
struct Link {
    unit: String,
    code: String,
    path: String,
}

/// `POST …/links/{unit}`: the link by which members join; made where there is
/// none.
async fn link(
    State(centre): State<Arc<Centre>>,
    Path((id, unit)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let done = signed(centre, &headers, move |centre, actor| {
        actor.may_see_members(&unit)?;
        let campaign = campaign(centre, &id)?;
        let code = unit_link(centre, &campaign, &unit, &actor.name)?;
        let path = format!("/j/{code}");
        Ok(Link { unit, code, path })
    });
    Ok((StatusCode::OK, Json(done.await?)).into_response())
}

#[derive(Deserialize)]
struct Trail {
    subject: Option<String>,
}

#[derive(Serialize)]
struct AuditList {
    audit: Vec<Audited>,
}

/// Entries of the trail that are told at once.
const MOST: u32 = 200;

/// `GET /api/v1/office/audit[?subject=…]`.
async fn audit(
    State(centre): State<Arc<Centre>>,
    Query(trail): Query<Trail>,
    headers: HeaderMap,
) -> Result<Json<AuditList>, Problem> {
    let audit = signed(centre, &headers, move |centre, actor: &Actor| {
        actor.may_administer()?;
        centre.store().audit_trail(trail.subject.as_deref(), MOST)
    });
    let audit = audit.await?;
    Ok(Json(AuditList { audit }))
}
