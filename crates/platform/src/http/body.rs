//! Bodies of requests that change something: JSON, announced as JSON. A page of
//! another origin cannot send that without being asked first.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Longest body, bytes.
const MOST: usize = 64 * 1024;

/// Reads a body.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let detail = format!("Content-Type is {kind:?}, expected application/json");
        return Err(Problem::malformed(detail, None));
    }
    let bytes = to_bytes(body, MOST).await;
    let bytes = bytes.map_err(|_| {
        let detail = format!("the body is longer than {MOST} bytes, or was cut short");
        Problem::malformed(detail, None)
    })?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        Problem::malformed(error.inner().to_string(), (path != ".").then_some(path))
    })
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}
