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

/// `GET /api/v1/campaigns/{id}/months/{month}/progress[?synthetic=true]`.
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

/// `GET …/units`: the duty of every unit, in sums.
async fn unit_lines(
    State(centre): State<Arc<Centre>>,
    Path(month): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<UnitsProgress>, Problem> {
    let work = |centre: &Centre, _: &Actor, sheet: Sheet<'_>| units(centre, sheet);
    Ok(Json(of_month(centre, &headers, month, query, work).await?))
}

#[derive(Serialize)]
struct ReconciledList {
    counts: Vec<Reconciled>,
}

/// `GET …/reconciliation`: official counts beside ours.
async fn reconciled(
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

#[derive(Serialize)]
struct SheetLink {
    campaign: String,
    path: String,
}

/// `POST …/sheet`: a new address of the table; those before end.
async fn make_sheet(
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

#[derive(Serialize)]
struct Ended {
    ended: usize,
}

/// `DELETE …/sheet`: ends the addresses of the table.
async fn end_sheet(
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
#[derive(Deserialize)]
struct Wanted {
    /// The month; the present one where none is named.
    month: Option<String>,
    /// `wards` (the default) or `units`.
    table: Option<String>,
    /// Of the synthetic tests.
    synthetic: Option<String>,
}

/// `GET /sheets/{token}.csv[?month=…&table=units]`.
async fn sheet(
    State(centre): State<Arc<Centre>>,
    Path(file): Path<String>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = query.map_err(|e| Problem::query_invalid(e.body_text()))?.0;
    let bytes = blocking(centre, move |centre| table(centre, &file, &wanted)).await?;
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((kind, bytes).into_response())
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
        synthetic: truth_of(wanted.synthetic.as_deref())?,
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
