//! `OpenSpeedTest` over HTTP.

use hyper::{Method, Response, StatusCode};
use wire::openspeedtest::spec;

use super::{Asked, Body, bulk, discard, empty};
use crate::http::Problem;

pub(super) fn down(asked: &Asked) -> Result<Response<Body>, Problem> {
    match *asked.request.method() {
        Method::GET => bulk(asked, spec::PROTOCOL, spec::DOWNLOAD_BYTES),
        _ => Ok(empty(StatusCode::OK)),
    }
}

pub(super) async fn up(asked: Asked) -> Result<Response<Body>, Problem> {
    discard(asked, spec::PROTOCOL)
        .await
        .map(|_| empty(StatusCode::OK))
}
