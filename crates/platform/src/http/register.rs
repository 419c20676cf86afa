//! What is public about the centre itself: operators, keys, refusals, health.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::Timestamp;
use metric::key::{Purpose, RegisteredKey};
use metric::month::Month;
use serde::Serialize;

use super::described::{Kind, OfMonth};
use super::problem::Problem;
use super::{Asked, blocking};
use crate::centre::Centre;
use crate::operator::Operator;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct OperatorList {
    operators: Vec<OperatorLine>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct OperatorLine {
    id: String,
    brand: String,
    mobile: bool,
}

impl From<&Operator> for OperatorLine {
    fn from(operator: &Operator) -> Self {
        Self {
            id: operator.id.clone(),
            brand: operator.brand.clone(),
            mobile: operator.mobile,
        }
    }
}

/// `GET /api/v1/operators`.
#[utoipa::path(get, path = "/api/v1/operators", tag = "centre", params(), responses(
    (status = 200, description = "The operators", body = OperatorList),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn operators(State(centre): State<Arc<Centre>>) -> Json<OperatorList> {
    let table = centre.operators();
    let operators = table.operators().iter().map(OperatorLine::from).collect();
    Json(OperatorList { operators })
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct KeyList {
    keys: Vec<KeyLine>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct KeyLine {
    key_id: String,
    public_key: String,
    site: String,
    #[schema(value_type = String, example = "measurement")]
    purpose: Purpose,
    #[schema(value_type = String, format = DateTime)]
    valid_from: Timestamp,
    #[schema(value_type = Option<String>, required = true, format = DateTime)]
    valid_to: Option<Timestamp>,
}

impl From<RegisteredKey> for KeyLine {
    fn from(key: RegisteredKey) -> Self {
        Self {
            key_id: key.public_key.id(),
            public_key: key.public_key.to_string(),
            site: key.site,
            purpose: key.purpose,
            valid_from: key.valid_from,
            valid_to: key.valid_to,
        }
    }
}

/// `GET /api/v1/keys`.
#[utoipa::path(get, path = "/api/v1/keys", tag = "centre", params(), responses(
    (status = 200, description = "The keys of sites", body = KeyList),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn keys(State(centre): State<Arc<Centre>>) -> Result<Json<KeyList>, Problem> {
    let keys = blocking(centre, |centre| Ok(centre.store().keys()?)).await?;
    let keys = keys.into_iter().map(KeyLine::from).collect();
    Ok(Json(KeyList { keys }))
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Rejections {
    #[schema(value_type = String, example = "2024-11")]
    month: Month,
    synthetic: bool,
    rejections: BTreeMap<String, u64>,
}

/// `GET /api/v1/rejections?month=…[&synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/rejections", tag = "centre", params(OfMonth, Kind), responses(
    (status = 200, description = "Refused submissions by reason", body = Rejections),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn rejections(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Rejections>, Problem> {
    let asked = Asked::of(query)?;
    let (month, synthetic) = (asked.month()?, asked.synthetic()?);
    blocking(centre, move |centre| {
        Ok(Json(Rejections {
            month,
            synthetic,
            rejections: centre.store().rejections(month, synthetic)?,
        }))
    })
    .await
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    status: &'static str,
    version: &'static str,
    demonstration_areas: bool,
}

/// `GET /healthz`: fails when the store cannot be read.
#[utoipa::path(get, path = "/healthz", tag = "centre", params(), responses(
    (status = 200, description = "The centre works", body = Health),
    (status = 304, description = "What If-None-Match names is still so"),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 404, description = "No such area, campaign or test", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn health(State(centre): State<Arc<Centre>>) -> Result<Json<Health>, Problem> {
    blocking(centre, |centre| {
        centre.store().keys()?;
        let index = centre.areas();
        Ok(Json(Health {
            status: "ok",
            version: env!("CARGO_PKG_VERSION"),
            demonstration_areas: index.areas().iter().any(|area| area.approximate),
        }))
    })
    .await
}
