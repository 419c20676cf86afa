//! Problem areas, as far as they may be public.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use metric::figure::FLOOR_DEVICE_DAYS;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{ask, blocking, truth_of};
use crate::centre::Centre;
use crate::statistics::problem::{self, ProblemArea};

/// What is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Kind {
    /// Of the synthetic tests instead of the real ones.
    #[param(inline, schema_with = ask::truth)]
    synthetic: Option<String>,
}

/// The problem areas of every month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ProblemAreas {
    /// Those with enough device-days to be published, by id.
    problem_areas: Vec<Line>,
    /// How many are known and have too few.
    withheld: usize,
}

/// One of them. Times of day stay at the centre: they are of few people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Line {
    /// Id, for life.
    problem_id: String,
    /// Operator.
    operator: String,
    /// Technology.
    technology: String,
    /// `opened`, `handed_over`, `answered`, `re_measured` or `closed`.
    state: String,
    /// H3 cells, hexadecimal, ascending.
    cells: Vec<String>,
    /// Middle of the cells: latitude and longitude, degrees.
    centre: [f64; 2],
    /// Months in which it was found, ascending.
    months: Vec<String>,
    /// Download below which a device-day is slow, bit/s.
    limit_bits_per_second: u64,
    /// Median download in the month in which it was found last, bit/s.
    median_bits_per_second: u64,
    /// Tests then.
    tests: u64,
    /// Device-days then.
    device_days: u64,
    /// Slow device-days then.
    below: u64,
}

impl From<ProblemArea> for Line {
    fn from(area: ProblemArea) -> Self {
        Self {
            problem_id: area.problem_id,
            operator: area.operator,
            technology: area.technology,
            state: area.state.code().into(),
            cells: area.cells,
            centre: area.centre,
            months: area.months.iter().map(ToString::to_string).collect(),
            limit_bits_per_second: area.limit_bits_per_second,
            median_bits_per_second: area.median_bits_per_second,
            tests: area.evidence.tests,
            device_days: area.evidence.device_days,
            below: area.evidence.below,
        }
    }
}

/// `GET /api/v1/problem-areas[?synthetic=true]`.
#[utoipa::path(get, path = "/api/v1/problem-areas", tag = "figures", params(Kind), responses(
    (status = 200, description = "The problem areas, and how many are withheld", body = ProblemAreas),
    (status = 400, description = "A parameter is wrong", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    (status = 429, description = "Too many requests from this network", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(centre): State<Arc<Centre>>,
    query: Result<Query<Kind>, QueryRejection>,
) -> Result<Json<ProblemAreas>, Problem> {
    let query = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
    let synthetic = truth_of(query.synthetic.as_deref())?;
    blocking(centre, move |centre| {
        let areas = problem::list(centre.store(), synthetic)?;
        let (enough, few): (Vec<_>, Vec<_>) = areas
            .into_iter()
            .partition(|area| area.evidence.device_days >= FLOOR_DEVICE_DAYS);
        Ok(Json(ProblemAreas {
            problem_areas: enough.into_iter().map(Line::from).collect(),
            withheld: few.len(),
        }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use metric::problem::Evidence;
    use serde_json::json;

    use super::super::tests::{Http, is_problem};
    use super::*;
    use crate::statistics::problem::State as Step;
    use crate::store::problem::{EventRow, ProblemRow};

    fn area(id: &str, device_days: u64) -> ProblemArea {
        ProblemArea {
            problem_id: id.into(),
            operator: "viettel".into(),
            technology: "4g".into(),
            state: Step::Opened,
            cells: vec!["8965b566883ffff".into()],
            months: vec!["2024-11".parse().unwrap()],
            limit_bits_per_second: 5_000_000,
            evidence: Evidence {
                tests: device_days,
                devices: 9,
                device_days,
                below: 20,
                slow_devices: 7,
                slow_minutes: vec![480, 1200],
            },
            median_bits_per_second: 4_100_000,
            centre: [10.78, 106.7],
        }
    }

    fn keep(http: &Http, area: &ProblemArea) {
        let body = serde_json::to_string(area).unwrap();
        let row = ProblemRow {
            problem_id: area.problem_id.clone(),
            synthetic: false,
            operator: area.operator.clone(),
            technology: area.technology.clone(),
            state: area.state.code().into(),
            body,
        };
        let event = EventRow {
            at: "2024-12-01T00:00:00Z".parse().unwrap(),
            event: "opened".into(),
            note: String::new(),
            body: "{}".into(),
        };
        http.store().write_problem(&row, &event).unwrap();
    }

    #[tokio::test]
    async fn an_area_of_few_is_counted_and_not_told() {
        let http = Http::new();
        keep(&http, &area("many", FLOOR_DEVICE_DAYS));
        keep(&http, &area("few", FLOOR_DEVICE_DAYS - 1));
        let (status, body) = http.get("/api/v1/problem-areas").await;
        assert_eq!((status, &body["withheld"]), (StatusCode::OK, &json!(1)));
        let told = body["problem_areas"].as_array().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["problem_id"], "many");
        assert_eq!(told[0]["below"], 20);
        assert!(told[0].get("slow_minutes").is_none());
        let (_, synthetic) = http.get("/api/v1/problem-areas?synthetic=true").await;
        assert_eq!(synthetic, json!({"problem_areas": [], "withheld": 0}));
        let wrong = http.get("/api/v1/problem-areas?synthetic=2").await;
        is_problem(&wrong, 400, "query_invalid");
    }
}
