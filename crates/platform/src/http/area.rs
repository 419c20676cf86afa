//! Areas, their quota and their figures.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use metric::month::Month;
use serde::Serialize;

use super::described::{Kind, OfCampaign, OfMonth};
use super::problem::Problem;
use super::{Asked, blocking};
use crate::area::{Area, AreaIndex};
use crate::centre::Centre;
use crate::statistics;
use crate::table::{AreaSummary, FigureTable, QuotaTable};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AreaList {
    #[schema(value_type = String, example = "2024-11")]
    month: Month,
    areas: Vec<AreaSummary>,
}

/// `GET /api/v1/areas?month=…[&campaign=…]`.
#[utoipa::path(get, path = "/api/v1/areas", tag = "figures", params(OfMonth, OfCampaign), responses(
    (status = 200, description = "The areas valid in the month, by code", body = AreaList),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<AreaList>, Problem> {
    let asked = Asked::of(query)?;
    let month = asked.month()?;
    blocking(centre, move |centre| {
        let index = centre.areas();
        let mut areas = statistics::valid_in(index.areas(), month);
        if let Some(id) = &asked.campaign {
            let campaign = centre.store().campaign(id)?;
            let campaign = campaign.ok_or_else(|| Problem::unknown_campaign(id))?;
            areas.retain(|area| campaign.areas.contains(&area.key));
        }
        let areas = areas.into_iter().map(AreaSummary::from).collect();
        Ok(Json(AreaList { month, areas }))
    })
    .await
}

/// `GET /api/v1/areas/{code}/quota?month=…[&synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/areas/{code}/quota", tag = "figures", params(("code" = String, Path, description = "Code of the area", example = "26740"), OfMonth, Kind), responses(
    (status = 200, description = "Counts of the month", body = QuotaTable),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn quota(
    State(centre): State<Arc<Centre>>,
    Path(code): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<QuotaTable>, Problem> {
    let asked = Asked::of(query)?;
    let (month, synthetic) = (asked.month()?, asked.synthetic()?);
    blocking(centre, move |centre| {
        let index = centre.areas();
        let area = find(&index, &code, month)?;
        let table = statistics::quota(centre.store(), area, month, synthetic)?;
        Ok(Json(table))
    })
    .await
}

/// `GET /api/v1/areas/{code}/figures?month=…[&synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/areas/{code}/figures", tag = "figures", params(("code" = String, Path, description = "Code of the area", example = "26740"), OfMonth, Kind), responses(
    (status = 200, description = "Figures of the month", body = FigureTable),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn figures(
    State(centre): State<Arc<Centre>>,
    Path(code): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<FigureTable>, Problem> {
    let asked = Asked::of(query)?;
    let (month, synthetic) = (asked.month()?, asked.synthetic()?);
    blocking(centre, move |centre| {
        let index = centre.areas();
        let area = find(&index, &code, month)?;
        let table = statistics::figures(centre.store(), area, month, synthetic)?;
        Ok(Json(table))
    })
    .await
}

/// The area of a code in a month; where the code changed its meaning within the
/// month, the later one.
pub(super) fn find<'a>(
    index: &'a AreaIndex,
    code: &str,
    month: Month,
) -> Result<&'a Area, Problem> {
    let valid = statistics::valid_in(index.areas(), month);
    let found = valid.into_iter().rfind(|area| area.key.code == code);
    found.ok_or_else(|| Problem::unknown_area(code, month))
}
