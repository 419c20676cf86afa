//! Cloudflare's speed test module over HTTP.

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use metric::unit::Micros;
use wire::cloudflare::{bytes, server_timing, spec};

use super::{Asked, Body, bulk, discard, empty, query, text};
use crate::http::Problem;

/// Time the client may take for the site's own: what passes before the first
/// byte of an answer is given out.
fn timed(mut response: Response<Body>, took: Micros) -> Response<Body> {
    if let Ok(timing) = HeaderValue::from_str(&server_timing(took.0)) {
        let name = HeaderName::from_static("server-timing");
        response.headers_mut().insert(name, timing);
    }
    response
}

pub(super) fn down(asked: &Asked) -> Result<Response<Body>, Problem> {
    let began = net::now();
    let bytes = bytes(query(asked)).map_err(|e| Problem::malformed(&e.to_string()))?;
    let response = bulk(asked, spec::PROTOCOL, bytes)?;
    Ok(timed(
        response,
        Micros::from(net::now().duration_since(began)),
    ))
}

pub(super) async fn up(asked: Asked) -> Result<Response<Body>, Problem> {
    discard(asked, spec::PROTOCOL).await?;
    // The module takes the time to the first byte for the length of the
    // upload; nothing of that is the site's own.
    Ok(timed(empty(StatusCode::OK), Micros(0)))
}

pub(super) fn trace(asked: &Asked) -> Response<Body> {
    let (address, site) = (asked.peer.address, &asked.site.config().name);
    text("text/plain", format!("ip={address}\ncolo={site}\n"))
}
