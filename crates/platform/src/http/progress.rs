//! How far a month is: wards for everybody, units for whoever is signed in, and
//! the consolidated table for a shared sheet.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use metric::month::Month;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::described::{Kind, Refusals};
use super::office::{campaign, of_month, private};
use super::problem::Problem;
use super::session::signed;
use super::{Asked, blocking, month as parse_month, truth_of};
use crate::centre::Centre;
use crate::office::actor::Actor;
use crate::office::progress::{Progress, UnitsProgress, progress, units, units_csv};
use crate::office::reconcile::{Reconciled, reconcile};
use crate::office::secret;
use crate::office::unit_report::Sheet;
use crate::report;
use crate::statistics::month_table;
use crate::store::audit::Act;

pub(super) fn routes() -> Router<Arc<Centre>> {
    let month = "/api/v1/office/campaigns/{id}/months/{month}";
    Router::new()
        .route(&format!("{month}/units"), get(unit_lines))
        .route(&format!("{month}/reconciliation"), get(reconciled))
        .route(
            "/api/v1/office/campaigns/{id}/sheet",
            post(make_sheet).delete(end_sheet),
        )
        .route("/sheets/{file}", get(sheet))
        .layer(axum::middleware::map_response(private))
}

/// How far the wards are, where they will end, and the table of points.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/months/{month}/progress", tag = "campaigns",
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "One line for each ward", body = Progress), Refusals))]
pub(super) async fn wards(
    State(centre): State<Arc<Centre>>,
    Path((id, month)): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Progress>, Problem> {
    let synthetic = Asked::of(query)?.synthetic()?;
    let month = parse_month(&month)?;
    blocking(centre, move |centre| {
        let campaign = campaign(centre, &id)?;
        let sheet = Sheet {
            campaign: &campaign,
            month,
            synthetic,
        };
        Ok(Json(progress(centre, sheet)?))
    })
    .await
}

/// The duty of every unit, in sums.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/months/{month}/units", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "One line for each unit", body = UnitsProgress), Refusals))]
pub(super) async fn unit_lines(
    State(centre): State<Arc<Centre>>,
    Path(month): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<UnitsProgress>, Problem> {
    let work = |centre: &Centre, _: &Actor, sheet: Sheet<'_>| units(centre, sheet);
    Ok(Json(of_month(centre, &headers, month, query, work).await?))
}

#[derive(Serialize, ToSchema)]
pub(super) struct ReconciledList {
    counts: Vec<Reconciled>,
}

/// Official counts beside ours.
#[utoipa::path(get, path = "/api/v1/office/campaigns/{id}/months/{month}/reconciliation", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "One entry for each official count", body = ReconciledList), Refusals))]
pub(super) async fn reconciled(
    State(centre): State<Arc<Centre>>,
    Path(month): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<ReconciledList>, Problem> {
    let counts = of_month(centre, &headers, month, query, |centre, actor, sheet| {
        actor.may_read_report("")?;
        reconcile(centre, sheet)
    });
    let counts = counts.await?;
    Ok(Json(ReconciledList { counts }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct SheetLink {
    campaign: String,
    path: String,
}

/// A new address of the table for a shared sheet; those before end.
#[utoipa::path(post, path = "/api/v1/office/campaigns/{id}/sheet", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1")), responses(
    (status = 200, description = "The address, told this once", body = SheetLink), Refusals))]
pub(super) async fn make_sheet(
    State(centre): State<Arc<Centre>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<SheetLink>, Problem> {
    let link = signed(centre, &headers, move |centre, actor| {
        actor.may_administer()?;
        let path = secret::sheet_path(centre, &campaign(centre, &id)?, &actor.name)?;
        Ok(SheetLink { campaign: id, path })
    });
    Ok(Json(link.await?))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Ended {
    ended: usize,
}

/// Ends the addresses of the table.
#[utoipa::path(delete, path = "/api/v1/office/campaigns/{id}/sheet", tag = "office", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the campaign", example = "district-1")), responses(
    (status = 200, description = "How many there were", body = Ended), Refusals))]
pub(super) async fn end_sheet(
    State(centre): State<Arc<Centre>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Ended>, Problem> {
    let ended = signed(centre, &headers, move |centre, actor| {
        actor.may_administer()?;
        let act = Act {
            who: &actor.name,
            at: centre.now(),
        };
        centre.store().revoke_sheet_links(&id, act)
    });
    let ended = ended.await?;
    Ok(Json(Ended { ended }))
}

/// What a shared sheet asks for.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The month; the present one where none is named.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11")]
    month: Option<String>,
    /// `wards` (the default) or `units`.
    #[param(inline, schema_with = tables)]
    table: Option<String>,
    /// Of the synthetic tests.
    #[param(inline, schema_with = super::ask::truth)]
    synthetic: Option<String>,
}

/// The consolidated table, for a sheet that cannot sign in.
#[utoipa::path(get, path = "/sheets/{file}", tag = "office", params(("file" = String, Path, description = "The token of the address and `.csv`"), Wanted), responses(
    (status = 200, description = "The table", body = String, content_type = "text/csv"), Refusals))]
pub(super) async fn sheet(
    State(centre): State<Arc<Centre>>,
    Path(file): Path<String>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = query.map_err(|e| Problem::query_invalid(e.body_text()))?.0;
    let bytes = blocking(centre, move |centre| table(centre, &file, &wanted)).await?;
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((kind, bytes).into_response())
}

fn tables() -> utoipa::openapi::schema::Object {
    super::ask::one_of(&["wards", "units"])
}

fn table(centre: &Centre, file: &str, wanted: &Wanted) -> Result<Vec<u8>, Problem> {
    let token = file.strip_suffix(".csv").map(secret::hashed);
    let id = token
        .map(|token| centre.store().sheet_of(&token))
        .transpose()?
        .flatten();
    let id = id.ok_or_else(|| Problem::not_found("/sheets"))?;
    let campaign = campaign(centre, &id)?;
    let month = match wanted.month.as_deref() {
        Some(month) => parse_month(month)?,
        None => Month::of(centre.now()),
    };
    let sheet = Sheet {
        campaign: &campaign,
        month,
        synthetic: truth_of("synthetic", wanted.synthetic.as_deref())?,
    };
    match wanted.table.as_deref() {
        None | Some("wards") => {
            let areas = centre.areas();
            let table = month_table(
                centre.store(),
                &campaign,
                areas.areas(),
                month,
                sheet.synthetic,
            )?;
            Ok(report::csv::write(&table)?)
        }
        Some("units") => Ok(units_csv(centre, sheet)?),
        Some(other) => {
            let detail = format!("table is {other:?}, expected wards or units");
            Err(Problem::query_invalid(detail).field("table"))
        }
    }
}
