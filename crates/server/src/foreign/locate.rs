//! Locate v2 of a site that stands alone: it names itself.

use hyper::{Response, StatusCode};
use wire::locate::{Candidate, Question, Service, nearest};

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
    let question = Question {
        service,
        query: asked.request.uri().query(),
        mid: &crate::site::random_hex()?,
    };
    match nearest(&question, room) {
        Some(answer) => json(&answer),
        None => Ok(empty(StatusCode::NO_CONTENT)),
    }
}
