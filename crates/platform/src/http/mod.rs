//! The centre's HTTP API (`docs/api.md`) and the pages of the web application.
//!
//! The one place that knows status codes. Nothing here logs an address, a
//! position, a token or a body.

mod area;
mod ask;
mod body;
mod campaign;
mod chart;
mod compare;
mod compatible;
mod compress;
mod described;
mod directory;
mod document;
mod kept;
mod limit;
mod map;
mod member;
mod method;
mod office;
mod openapi;
pub mod problem;
mod problem_area;
mod progress;
mod push;
mod register;
mod roster;
mod session;
pub mod site;
mod submission;
mod web;

#[cfg(test)]
mod directory_tests;
#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod member_tests;
#[cfg(test)]
mod office_tests;
#[cfg(test)]
mod serving_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use metric::month::Month;
use serde::Deserialize;

use crate::centre::Centre;
use compress::Compressed;
use kept::Kept;
use limit::Limiter;
use problem::Problem;

/// Everything that the centre answers. A request that carries its
/// [`metric::prefix::Prefix`] as an extension is limited by it.
pub fn router(centre: Arc<Centre>) -> Router {
    let kept = (Arc::new(Kept::default()), Arc::clone(&centre));
    let limiter = Arc::new(Limiter::new(centre.config().api));
    let limited = (limiter, Arc::clone(&centre));
    let api = figures()
        .layer(from_fn_with_state(kept, kept::keep))
        .merge(
            Router::new()
                .route("/api/v1/tests", post(submission::submit))
                .route("/api/v1/tests/{id}", get(submission::show))
                .route("/api/v1/operators", get(register::operators))
                .route("/api/v1/problem-areas", get(problem_area::list))
                .route("/api/v1/problem-areas/{id}", get(problem_area::one))
                .route("/api/v1/problem-areas/{id}/{file}", get(problem_area::file))
                .route("/api/v1/keys", get(register::keys))
                .route("/api/v1/method/audit", get(method::audit))
                .route("/api/v1/rejections", get(register::rejections))
                .route("/api/v1/sites", get(site::list))
                .route("/api/v1/sites/nearest", get(site::nearest))
                .route("/api/v1/sites/notices", post(site::notice))
                .route("/v2/nearest/{*service}", get(site::locate))
                .route("/v2/priority/nearest/{*service}", get(site::locate))
                .merge(member::routes())
                .merge(session::routes())
                .merge(office::routes())
                .merge(progress::routes())
                .merge(directory::routes())
                .merge(roster::routes())
                .merge(push::routes())
                .merge(document::routes())
                .route("/api/v1/openapi.json", get(openapi::document))
                .route("/api/v1/", get(openapi::page)),
        )
        .layer(from_fn_with_state(limited, limit::limit));
    api.route("/healthz", get(register::health))
        .fallback(web::page)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(
            Arc::new(Compressed::default()),
            compress::compress,
        ))
        .layer(map_response(secure))
        .with_state(centre)
}

/// Questions about counts and figures, whose answers are kept.
fn figures() -> Router<Arc<Centre>> {
    Router::new()
        .route("/api/v1/areas", get(area::list))
        .route("/api/v1/areas/{code}/quota", get(area::quota))
        .route("/api/v1/areas/{code}/figures", get(area::figures))
        .route("/api/v1/areas/{code}/series", get(compare::series))
        .route("/api/v1/areas/{code}/charts/{kind}", get(chart::area))
        .route("/api/v1/charts/map.svg", get(chart::choropleth))
        .route("/api/v1/map", get(map::map))
        .route("/api/v1/compare", get(compare::compare))
        .route("/api/v1/campaigns", get(campaign::list))
        .route(
            "/api/v1/campaigns/{id}/months/{month}",
            get(campaign::month),
        )
        .route(
            "/api/v1/campaigns/{id}/months/{month}/progress",
            get(progress::wards),
        )
        .route(
            "/api/v1/campaigns/{id}/months/{month}/report.csv",
            get(campaign::csv),
        )
        .route(
            "/api/v1/campaigns/{id}/months/{month}/report.xlsx",
            get(campaign::xlsx),
        )
        .route(
            "/i-speed/{access}/overview-place-map",
            get(compatible::places),
        )
        .route(
            "/i-speed/{access}/overview-monthly-chart",
            get(compatible::months),
        )
        .route(
            "/i-speed/{access}/main-city-monthly-chart",
            get(compatible::cities),
        )
        .route(
            "/i-speed/{access}/isp-by-province-chart",
            get(compatible::operators),
        )
}

async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}

/// The query of every question about a month.
#[derive(Debug, Deserialize)]
struct Asked {
    /// The month, as `2024-11`; where it is in the path, this one is not read.
    month: Option<String>,
    /// Of the synthetic tests instead of the real ones.
    synthetic: Option<String>,
    /// Only the areas of this campaign.
    campaign: Option<String>,
}

impl Asked {
    fn of(query: Result<Query<Self>, QueryRejection>) -> Result<Self, Problem> {
        let query = query.map_err(|e| Problem::query_invalid(e.body_text()))?;
        Ok(query.0)
    }

    fn month(&self) -> Result<Month, Problem> {
        month(self.month.as_deref().unwrap_or_default())
    }

    fn synthetic(&self) -> Result<bool, Problem> {
        truth_of("synthetic", self.synthetic.as_deref())
    }
}

/// `true` or `false`, the latter where nothing is said.
fn truth_of(name: &str, text: Option<&str>) -> Result<bool, Problem> {
    let text = text.unwrap_or("false");
    let wrong = || format!("{name} is {text:?}, expected true or false");
    text.parse()
        .map_err(|_| Problem::query_invalid(wrong()).field(name))
}

fn month(text: &str) -> Result<Month, Problem> {
    text.parse().map_err(|_| Problem::month_invalid(text))
}

/// Runs what blocks on a thread where it may.
async fn blocking<T: Send + 'static>(
    centre: Arc<Centre>,
    work: impl FnOnce(&Centre) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(move || work(&centre)).await;
    done.unwrap_or_else(|stopped| Err(Problem::from(anyhow::Error::from(stopped))))
}

/// Adds the headers that keep a browser from being used against its owner; an
/// answer with a stricter or looser policy of its own keeps it.
async fn secure(mut response: Response) -> Response {
    for (name, value) in SECURITY {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Scripts, styles and workers come from here alone; measuring may connect to
/// other sites.
const SECURITY: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; connect-src 'self' http: https: ws: wss:; \
         img-src 'self' data: blob:; \
         worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("permissions-policy"),
        "geolocation=(self)",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];
