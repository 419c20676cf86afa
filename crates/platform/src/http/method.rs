//! The method about itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use metric::audit::Report;
use metric::edition::Edition;
use metric::month::Month;
use serde::Serialize;

use super::problem::Problem;
use super::{Asked, blocking};
use crate::centre::Centre;
use crate::method;
use crate::store::series::Which;

#[derive(Serialize)]
pub(super) struct Audited {
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<Month>,
    synthetic: bool,
    #[serde(flatten)]
    report: Report,
}

/// `GET /api/v1/method/audit[?month=…][&synthetic=true]`.
pub(super) async fn audit(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Audited>, Problem> {
    let asked = Asked::of(query)?;
    let month = asked.month.is_some().then(|| asked.month()).transpose()?;
    let synthetic = asked.synthetic()?;
    blocking(centre, move |centre| {
        let report = method::audit(centre.store(), Which { month, synthetic }, Edition::CURRENT)?;
        Ok(Json(Audited {
            month,
            synthetic,
            report,
        }))
    })
    .await
}
