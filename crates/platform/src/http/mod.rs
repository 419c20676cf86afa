//! The centre's HTTP API (`docs/api.md`) and the pages of the web application.
//!
//! The one place that knows status codes. Nothing here logs an address, a
//! position, a token or a body.

mod area;
mod campaign;
mod method;
pub mod problem;
mod register;
pub mod site;
mod submission;
mod web;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use metric::month::Month;
use serde::Deserialize;

use crate::centre::Centre;
use problem::Problem;

/// Everything that the centre answers.
pub fn router(centre: Arc<Centre>) -> Router {
    Router::new()
        .route("/api/v1/tests", post(submission::submit))
        .route("/api/v1/tests/{id}", get(submission::show))
        .route("/api/v1/areas", get(area::list))
        .route("/api/v1/areas/{code}/quota", get(area::quota))
        .route("/api/v1/areas/{code}/figures", get(area::figures))
        .route("/api/v1/campaigns", get(campaign::list))
        .route(
            "/api/v1/campaigns/{id}/months/{month}",
            get(campaign::month),
        )
        .route(
            "/api/v1/campaigns/{id}/months/{month}/report.csv",
            get(campaign::csv),
        )
        .route(
            "/api/v1/campaigns/{id}/months/{month}/report.xlsx",
            get(campaign::xlsx),
        )
        .route("/api/v1/operators", get(register::operators))
        .route("/api/v1/keys", get(register::keys))
        .route("/api/v1/method/audit", get(method::audit))
        .route("/api/v1/rejections", get(register::rejections))
        .route("/api/v1/sites", get(site::list))
        .route("/api/v1/sites/nearest", get(site::nearest))
        .route("/api/v1/sites/notices", post(site::notice))
        .route("/v2/nearest/{*service}", get(site::locate))
        .route("/v2/priority/nearest/{*service}", get(site::locate))
        .route("/healthz", get(register::health))
        .fallback(web::page)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(map_response(secure))
        .with_state(centre)
}

async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}

/// The query of every question about a month.
#[derive(Debug, Deserialize)]
struct Asked {
    month: Option<String>,
    synthetic: Option<String>,
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
        let synthetic = self.synthetic.as_deref().unwrap_or("false");
        let wrong = || format!("synthetic is {synthetic:?}, expected true or false");
        synthetic
            .parse()
            .map_err(|_| Problem::query_invalid(wrong()).field("synthetic"))
    }
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

/// Adds the headers that keep a browser from being used against its owner.
async fn secure(mut response: Response) -> Response {
    for (name, value) in SECURITY {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
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
