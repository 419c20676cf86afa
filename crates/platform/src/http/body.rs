//! Bodies of requests that change something: JSON, announced as JSON. A page of
//! another origin cannot send that without being asked first.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Longest body, bytes.
const MOST: usize = 64 * 1024;
/// Longest list, bytes: what `sheet` reads.
const MOST_OF_LIST: usize = 16 * 1024 * 1024;
/// What a list may be announced as. A page of another origin cannot send these
/// either without being asked first.
const LISTS: [&str; 3] = [
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
];

/// Reads a body.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    expect(headers, &["application/json"])?;
    let bytes = whole(body, MOST).await?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        Problem::malformed(error.inner().to_string(), (path != ".").then_some(path))
    })
}

/// Reads a list, CSV or XLSX.
pub(super) async fn list(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    expect(headers, &LISTS)?;
    whole(body, MOST_OF_LIST).await
}

fn expect(headers: &HeaderMap, kinds: &[&str]) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if kinds
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    let expected = kinds.join(", ");
    let detail = format!("Content-Type is {kind:?}, expected {expected}");
    Err(Problem::malformed(detail, None))
}

async fn whole(body: Body, most: usize) -> Result<Vec<u8>, Problem> {
    let bytes = to_bytes(body, most).await.map_err(|_| {
        let detail = format!("the body is longer than {most} bytes, or was cut short");
        Problem::malformed(detail, None)
    })?;
    Ok(bytes.to_vec())
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}
