//! Locate v2 of a site that stands alone: it names itself.

use hyper::{Response, StatusCode};
use wire::locate::{Candidate, Service, nearest};

use super::{Asked, Body, empty, host, is_secure, json};
use crate::http::Problem;

pub(super) fn answer(service: Service, asked: &Asked) -> Result<Response<Body>, Problem> {
    let here = Some(host(asked).to_owned());
    let (plain, secure) = if is_secure(asked) {
        (None, here)
    } else {
        (here, None)
    };
    let candidate = Candidate {
        machine: asked.site.config().name.clone(),
        plain,
        secure,
        ..Candidate::default()
    };
    let room: &[Candidate] = if asked.site.has_room() {
        &[candidate]
    } else {
        &[]
    };
    match nearest(service, room, asked.request.uri().query()) {
        Some(answer) => json(&answer),
        None => Ok(empty(StatusCode::NO_CONTENT)),
    }
}
