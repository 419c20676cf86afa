//! Answers in gzip (RFC 9110 §8.4.1.3) for who accepts it: what a phone loads
//! over the air is a third or a quarter.
//!
//! An answer with a tag is known by it and compressed once, whoever asks; the
//! tag becomes a weak one, because the bytes are others (RFC 9110 §8.8.1).

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller answers fit a packet anyway; larger ones are not held twice.
const LEAST: u64 = 1_024;
const MOST: u64 = 64 * 1024 * 1024;
/// Compressed bytes that are remembered; beyond, everything is forgotten.
const MOST_REMEMBERED: usize = 64 * 1024 * 1024;

/// Compressed answers by their tags.
#[derive(Debug, Default)]
pub(super) struct Compressed(Mutex<HashMap<HeaderValue, Bytes>>);

impl Compressed {
    fn find(&self, tag: &HeaderValue) -> Option<Bytes> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(tag).cloned()
    }

    fn remember(&self, tag: HeaderValue, bytes: Bytes) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.values().map(Bytes::len).sum::<usize>() + bytes.len() > MOST_REMEMBERED {
            known.clear();
        }
        known.insert(tag, bytes);
    }
}

/// Compresses what is worth it.
pub(super) async fn compress(
    State(known): State<Arc<Compressed>>,
    request: Request,
    next: Next,
) -> Response {
    let wanted = request.method() == Method::GET && accepts(request.headers());
    let mut response = next.run(request).await;
    if !is_text(response.headers()) || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let vary = HeaderValue::from_static("accept-encoding");
    response.headers_mut().append(header::VARY, vary);
    let size = response.body().size_hint().exact().unwrap_or(0);
    if wanted && (LEAST..=MOST).contains(&size) {
        encoded(&known, response).await
    } else {
        response
    }
}

async fn encoded(known: &Compressed, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let tag = parts.headers.get(header::ETAG).cloned();
    let found = tag.as_ref().and_then(|tag| known.find(tag));
    let bytes = if let Some(bytes) = found {
        bytes
    } else {
        // Its size is known and below the limit, so this cannot fail but by a body that breaks off.
        let Ok(plain) = to_bytes(body, usize::MAX).await else {
            return Response::from_parts(parts, Body::empty());
        };
        let Some(bytes) = gzip(plain.clone()).await else {
            return Response::from_parts(parts, Body::from(plain));
        };
        if let Some(tag) = tag.clone() {
            known.remember(tag, bytes.clone());
        }
        bytes
    };
    let headers = &mut parts.headers;
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(weak) = tag.and_then(|tag| weak(&tag)) {
        headers.insert(header::ETAG, weak);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Compresses beside the reactor: megabytes take tens of milliseconds.
async fn gzip(plain: Bytes) -> Option<Bytes> {
    let work = move || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&plain).ok()?;
        encoder.finish().ok().map(Bytes::from)
    };
    tokio::task::spawn_blocking(work).await.ok().flatten()
}

fn weak(tag: &HeaderValue) -> Option<HeaderValue> {
    let tag = tag.to_str().ok()?;
    let already = tag.starts_with("W/");
    HeaderValue::try_from(if already {
        tag.into()
    } else {
        format!("W/{tag}")
    })
    .ok()
}

/// Whether gzip is named, and not with a weight of nothing.
fn accepts(asked: &HeaderMap) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).into_iter();
    let words = values.filter_map(|value| value.to_str().ok());
    words.flat_map(|value| value.split(',')).any(|word| {
        let (name, weight) = word.split_once(';').unwrap_or((word, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight: f32| weight > 0.0)
    })
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let ends = ["json", "xml", "javascript", "wasm"];
    kind.starts_with("text/") || ends.iter().any(|end| kind.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
        accepts(&headers)
    }

    #[test]
    fn gzip_is_given_to_who_asks_for_it() {
        assert!(asks("gzip") && asks("br, GZIP;q=0.5") && asks("gzip;q=1.0, identity"));
        assert!(!asks("br") && !asks("gzip;q=0") && !asks("") && !asks("gzip;q=x"));
        assert!(!accepts(&HeaderMap::new()));
    }

    #[test]
    fn what_is_compressed_already_is_left_alone() {
        let is = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            is_text(&headers)
        };
        assert!(
            is("application/geo+json") && is("text/html; charset=utf-8") && is("image/svg+xml")
        );
        assert!(!is("image/png") && !is("font/woff2") && !is("application/pdf"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = Compressed::default();
        let large = Bytes::from(vec![0; MOST_REMEMBERED / 2]);
        for tag in ["\"a\"", "\"b\"", "\"c\""] {
            known.remember(HeaderValue::from_static(tag), large.clone());
        }
        assert!(known.find(&HeaderValue::from_static("\"c\"")).is_some());
        assert_eq!(known.find(&HeaderValue::from_static("\"a\"")), None);
    }
}
