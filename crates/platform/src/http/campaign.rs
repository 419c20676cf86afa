//! Campaigns, their months, and the reports.

use std::sync::Arc;

use anyhow::Result as Anyhow;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use metric::month::Month;
use serde::Serialize;

use super::described::Kind;
use super::problem::Problem;
use super::{Asked, blocking, month as parse_month};
use crate::centre::Centre;
use crate::report;
use crate::statistics;
use crate::store::campaign::Campaign;
use crate::table::{MonthTable, Rule};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CampaignList {
    campaigns: Vec<CampaignLine>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct CampaignLine {
    id: String,
    name: String,
    quota: u64,
    rule: Rule,
    months: Vec<String>,
}

impl CampaignLine {
    fn of(centre: &Centre, campaign: Campaign) -> Anyhow<Self> {
        Ok(Self {
            months: centre.store().campaign_months(&campaign.id)?,
            id: campaign.id,
            name: campaign.name,
            quota: campaign.quota_tests,
            rule: campaign.rule,
        })
    }
}

/// `GET /api/v1/campaigns`.
#[utoipa::path(get, path = "/api/v1/campaigns", tag = "campaigns", params(), responses(
    (status = 200, description = "The campaigns, with their months", body = CampaignList),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn list(State(centre): State<Arc<Centre>>) -> Result<Json<CampaignList>, Problem> {
    blocking(centre, |centre| {
        let campaigns = centre.store().campaigns()?.into_iter();
        let lines = campaigns.map(|campaign| CampaignLine::of(centre, campaign));
        let campaigns = lines.collect::<Anyhow<_>>()?;
        Ok(Json(CampaignList { campaigns }))
    })
    .await
}

/// `GET /api/v1/campaigns/{id}/months/{month}[?synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/months/{month}", tag = "campaigns", params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "The month, a row for each area", body = MonthTable),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn month(
    State(centre): State<Arc<Centre>>,
    Path((id, month)): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<MonthTable>, Problem> {
    let synthetic = Asked::of(query)?.synthetic()?;
    let month = parse_month(&month)?;
    let table = blocking(centre, move |centre| table(centre, &id, month, synthetic));
    Ok(Json(table.await?))
}

/// `…/report.csv[?synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/months/{month}/report.csv", tag = "campaigns", params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "The month as CSV", content_type = "text/csv", body = String),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn csv(
    centre: State<Arc<Centre>>,
    path: Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    report(centre, path, query, "csv", CSV, report::csv::write).await
}

/// `…/report.xlsx[?synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/months/{month}/report.xlsx", tag = "campaigns", params(("id" = String, Path, description = "Id of the campaign", example = "district-1"), ("month" = String, Path, description = "The month", pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11"), Kind), responses(
    (status = 200, description = "The month as a workbook", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = Vec<u8>),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn xlsx(
    centre: State<Arc<Centre>>,
    path: Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    report(centre, path, query, "xlsx", XLSX, report::xlsx::write).await
}

/// The month's table as a file that `write` makes.
async fn report(
    State(centre): State<Arc<Centre>>,
    Path((id, month)): Path<(String, String)>,
    query: Result<Query<Asked>, QueryRejection>,
    ending: &'static str,
    content_type: &'static str,
    write: fn(&MonthTable) -> anyhow::Result<Vec<u8>>,
) -> Result<Response, Problem> {
    let synthetic = Asked::of(query)?.synthetic()?;
    let month = parse_month(&month)?;
    blocking(centre, move |centre| {
        let table = table(centre, &id, month, synthetic)?;
        Ok(file(&table, ending, content_type, write(&table)?))
    })
    .await
}

const CSV: &str = "text/csv; charset=utf-8";
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn table(centre: &Centre, id: &str, month: Month, synthetic: bool) -> Result<MonthTable, Problem> {
    let campaign = centre.store().campaign(id)?;
    let campaign = campaign.ok_or_else(|| Problem::unknown_campaign(id))?;
    let index = centre.areas();
    let areas = index.areas();
    let table = statistics::month_table(centre.store(), &campaign, areas, month, synthetic)?;
    Ok(table)
}

fn file(table: &MonthTable, ending: &str, kind: &'static str, bytes: Vec<u8>) -> Response {
    let (id, month) = (&table.campaign, table.month);
    let mark = if table.synthetic { "-mo-phong" } else { "" };
    let name = format!("attachment; filename=\"{id}-{month}{mark}.{ending}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    (headers, bytes).into_response()
}
