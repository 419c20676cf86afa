//! The directory of organisations over HTTP: shown, taken in after a look, and
//! handed out as a list.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::civil::Date;
use metric::month::civil_date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::described::{ListBody, Refusals};
use super::problem::Problem;
use super::session::signed;
use super::{body, truth_of};
use crate::centre::Centre;
use crate::office::actor::{Actor, Role};
use crate::organisation::{Plan, on, to_csv, to_xlsx, under};
use crate::store::organisation::{Contact, Organisation};

pub(super) fn routes() -> Router<Arc<Centre>> {
    Router::new()
        .route("/api/v1/office/organisations", get(list).post(import))
        .route("/api/v1/office/organisations.csv", get(csv))
        .route("/api/v1/office/organisations.xlsx", get(xlsx))
        .layer(axum::middleware::map_response(super::office::private))
}

/// Which part of the directory.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// As it is on this day; today where none is named.
    #[param(format = Date, example = "2024-11-08")]
    at: Option<String>,
    /// Only the organisation of this code and those below it.
    under: Option<String>,
}

/// A part of the directory.
#[derive(Serialize, ToSchema)]
pub(super) struct Directory {
    /// The day.
    #[schema(value_type = String, format = Date)]
    day: Date,
    /// The organisations of that day, by code.
    organisations: Vec<Organisation>,
}

/// The directory of a day: a coordinator's holds the own unit and what is below
/// it, a reader's no contacts.
#[utoipa::path(get, path = "/api/v1/office/organisations", tag = "office", security(("session" = [])), params(Part), responses(
    (status = 200, description = "The organisations of the day", body = Directory), Refusals))]
pub(super) async fn list(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Part>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Directory>, Problem> {
    let Query(part) = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
    let at = part.at.as_deref().map(day).transpose()?;
    let found = signed(centre, &headers, move |centre, actor| {
        let day = at.unwrap_or_else(|| civil_date(centre.now()));
        let stored = centre.store().organisations()?;
        let organisations = seen(actor, &on(&stored, day), part.under.as_deref());
        Ok(Directory { day, organisations })
    });
    Ok(Json(found.await?))
}

fn day(text: &str) -> Result<Date, Problem> {
    text.parse().map_err(|_| {
        let detail = format!("at is {text:?}, expected a day as 2024-11-08");
        Problem::query_invalid(detail).field("at")
    })
}

/// What an actor sees of some organisations.
fn seen(actor: &Actor, all: &[&Organisation], root: Option<&str>) -> Vec<Organisation> {
    let mut there = match actor.role {
        Role::Coordinator => under(all, actor.unit.as_deref().unwrap_or_default()),
        Role::Office | Role::Reader => all.to_vec(),
    };
    if let Some(root) = root {
        let below = under(all, root);
        there.retain(|o| below.iter().any(|b| b.code == o.code));
    }
    let shown = |o: &Organisation| {
        let mut organisation = o.clone();
        if actor.role == Role::Reader {
            organisation.contact = Contact::default();
        }
        organisation
    };
    there.into_iter().map(shown).collect()
}

/// Whether a list is only looked at.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Confirmed {
    /// `true` takes the list where it holds no mistake; else nothing changes.
    #[param(inline, schema_with = super::ask::truth)]
    confirm: Option<String>,
}

impl Confirmed {
    pub(super) fn of(query: Result<Query<Self>, QueryRejection>) -> Result<bool, Problem> {
        let Query(asked) = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
        truth_of("confirm", asked.confirm.as_deref())
    }
}

/// What a list does to the directory, or would do.
#[derive(Serialize, ToSchema)]
pub(super) struct DirectoryImport {
    #[serde(flatten)]
    plan: Plan,
    /// Whether it was taken.
    imported: bool,
}

/// Takes a list of organisations, CSV or XLSX; without `confirm` it is only
/// looked at.
#[utoipa::path(post, path = "/api/v1/office/organisations", tag = "office", security(("session" = [])), params(Confirmed),
    request_body(content = ListBody, content_type = "text/csv", description = "The list, CSV or XLSX"), responses(
    (status = 200, description = "What it does or would do, and every mistake by row", body = DirectoryImport), Refusals))]
pub(super) async fn import(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Confirmed>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DirectoryImport>, Problem> {
    let confirm = Confirmed::of(query)?;
    signed(Arc::clone(&centre), &headers, |_, actor| {
        actor.may_administer()
    })
    .await?;
    let bytes = body::list(&headers, body).await?;
    let done = signed(centre, &headers, move |centre, actor| {
        actor.may_administer()?;
        let who = confirm.then_some(actor.name.as_str());
        let plan = centre.import_organisations(&bytes, who)?;
        let imported = confirm && plan.mistakes.is_empty();
        Ok(DirectoryImport { plan, imported })
    });
    Ok(Json(done.await?))
}

/// The whole directory as CSV that the import reads.
#[utoipa::path(get, path = "/api/v1/office/organisations.csv", tag = "office", security(("session" = [])), responses(
    (status = 200, description = "The directory", body = String, content_type = "text/csv"), Refusals))]
pub(super) async fn csv(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    export(centre, &headers, (CSV, "danh-ba.csv"), to_csv).await
}

/// The whole directory as a workbook that the import reads.
#[utoipa::path(get, path = "/api/v1/office/organisations.xlsx", tag = "office", security(("session" = [])), responses(
    (status = 200, description = "The directory", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), Refusals))]
pub(super) async fn xlsx(
    State(centre): State<Arc<Centre>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    export(centre, &headers, (XLSX, "danh-ba.xlsx"), to_xlsx).await
}

/// Media types of lists.
pub(super) const CSV: &str = "text/csv; charset=utf-8";
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

async fn export(
    centre: Arc<Centre>,
    headers: &HeaderMap,
    (kind, name): (&'static str, &'static str),
    write: fn(&[Organisation]) -> anyhow::Result<Vec<u8>>,
) -> Result<Response, Problem> {
    let bytes = signed(centre, headers, move |centre, actor| {
        actor.may_administer()?;
        write(&centre.store().organisations()?)
    });
    Ok(attached(kind, name, bytes.await?))
}

/// A file to keep.
pub(super) fn attached(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let about = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (about, bytes).into_response()
}
