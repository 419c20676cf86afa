//! `LibreSpeed` and i-Speed's web contract over HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use wire::librespeed::message::{Address, ISpeedAddress, ISpeedServer, Server, Telemetry};
use wire::librespeed::{Endpoint, form, garbage_bytes, spec};

use super::{Asked, Body, address, bulk, discard, empty, host, json, query, text};
use crate::http::Problem;

pub(super) async fn answer(endpoint: Endpoint, asked: Asked) -> Result<Response<Body>, Problem> {
    match endpoint {
        Endpoint::Garbage => garbage(&asked),
        Endpoint::Empty => discard(asked, spec::PROTOCOL)
            .await
            .map(|_| empty(StatusCode::OK)),
        Endpoint::Address => json(&Address::of(asked.peer.address)),
        Endpoint::Servers => {
            // Without a scheme: clients then use that of their page or flag.
            let here = format!("//{}/", host(&asked));
            json(&[Server::ours(1, &asked.site.config().name, &here)])
        }
        Endpoint::ISpeedServers => {
            let name = &asked.site.config().name;
            json(&[ISpeedServer::ours(name, name, &address(&asked))])
        }
        Endpoint::ISpeedAddress => json(&ISpeedAddress {
            ip: asked.peer.address,
            isp: String::new(),
        }),
        Endpoint::Telemetry => telemetry(asked).await,
        Endpoint::ResultJson => json(&result(&asked)?),
        Endpoint::ResultImage => Ok(text("image/svg+xml", result(&asked)?.image())),
    }
}

fn garbage(asked: &Asked) -> Result<Response<Body>, Problem> {
    let mut response = bulk(asked, spec::PROTOCOL, garbage_bytes(query(asked)))?;
    let headers = response.headers_mut();
    for &(name, value) in spec::GARBAGE_HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Ok(response)
}

async fn telemetry(asked: Asked) -> Result<Response<Body>, Problem> {
    if asked.request.method() != Method::POST {
        return Err(Problem::method_not_allowed());
    }
    let (head, body) = asked.request.into_parts();
    let body = Limited::new(body, spec::MAX_FORM_BYTES).collect().await;
    let body: Bytes = body
        .map_err(|_| Problem::malformed("a form of at most 65536 bytes"))?
        .to_bytes();
    let media = head.headers.get(CONTENT_TYPE);
    let media = media.and_then(|m| m.to_str().ok()).unwrap_or_default();
    let fields = form::fields(media, &body).map_err(|e| Problem::malformed(&e.to_string()))?;
    let id = asked.site.results().keep(Telemetry::of_form(&fields))?;
    Ok(text("text/plain; charset=utf-8", Telemetry::reply(&id)))
}

fn result(asked: &Asked) -> Result<Telemetry, Problem> {
    let id = wire::query::value(query(asked), "id").unwrap_or_default();
    let found = asked.site.results().find(&id);
    found.ok_or_else(Problem::result_unknown)
}
