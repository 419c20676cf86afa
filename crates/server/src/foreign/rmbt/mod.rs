//! RMBT: the control server's messages, and the connections that are upgraded
//! from HTTP or speak WebSocket.

mod connection;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json as object;
use uuid::Uuid;
use wire::rmbt::control::{
    DataCollector, Endpoint, MAX_MESSAGE_BYTES, Measured, Plain, Settings, SettingsAnswer,
    SettingsQuestion, TestAnswer, TestQuestion,
};
use wire::rmbt::spec;

use super::{Asked, Body, address, host, is_secure, json, place};
use crate::http::{self, Problem};
use crate::site::random;
use connection::Framing;

/// Whether a request is one for a measuring connection. Clients name no
/// subprotocol and ask at whatever path, so others have to be told apart.
pub(super) fn is_upgrade(request: &Request<Incoming>) -> bool {
    spec::PATHS.contains(&request.uri().path()) && framing(request).is_some()
}

/// How the connection that a request asks for is framed.
fn framing(request: &Request<Incoming>) -> Option<(Framing, Response<Body>)> {
    let upgrade = request.headers().get(UPGRADE)?.to_str().ok()?;
    let mut response = super::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if upgrade.trim().eq_ignore_ascii_case(spec::UPGRADE) {
        headers.insert(UPGRADE, HeaderValue::from_static(spec::UPGRADE));
        return Some((Framing::bare(), response));
    }
    if request.headers().contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return None;
    }
    let accept = http::accept(request, None)?;
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept.parse().ok()?);
    Some((Framing::websocket(), response))
}

/// Upgrades a connection; what is said on it follows the answer.
pub(super) fn upgrade(mut asked: Asked) -> Result<Response<Body>, Problem> {
    let (framing, response) = framing(&asked.request).ok_or_else(Problem::not_found)?;
    let place = place(&asked)?;
    let key = asked.site.rmbt_key()?;
    let upgraded = hyper::upgrade::on(&mut asked.request);
    let run = connection::run(asked.site, asked.peer, key, framing, upgraded, place);
    tokio::spawn(run);
    Ok(response)
}

/// Answers as the control server.
pub(super) async fn control(endpoint: Endpoint, asked: Asked) -> Result<Response<Body>, Problem> {
    if endpoint == Endpoint::DataCollector {
        return collector(&asked);
    }
    if asked.request.method() != Method::POST {
        return Err(Problem::method_not_allowed());
    }
    match endpoint {
        Endpoint::Settings => {
            let (_, question) = said::<SettingsQuestion>(asked).await?;
            let uuid = question.name(fresh()?);
            json(&SettingsAnswer {
                settings: [Settings { uuid }],
                error: vec![],
            })
        }
        Endpoint::Result => result(asked).await,
        Endpoint::TestRequest | Endpoint::DataCollector => test(asked).await,
    }
}

fn collector(asked: &Asked) -> Result<Response<Body>, Problem> {
    let agent = asked.request.headers().get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    json(&DataCollector {
        agent: agent.unwrap_or_default().into(),
        product: String::new(),
        version: String::new(),
    })
}

/// A test here, and its token.
async fn test(asked: Asked) -> Result<Response<Body>, Problem> {
    asked.site.refuse_more(asked.peer)?;
    let (secure, here) = (is_secure(&asked), address(&asked));
    let authority = host(&asked).to_owned();
    let (server, port) = host_and_port(&authority, if secure { 443 } else { 80 });
    let (asked, question) = said::<TestQuestion>(asked).await?;
    let Some(kind) = question.kind() else {
        return json(&Plain {
            error: vec![
                "client: this site measures by RMBThttp (an upgrade from HTTP) and RMBTws; \
                 bare RMBT has no port here"
                    .into(),
            ],
        });
    };
    let test_uuid = fresh()?;
    let longest = asked.site.config().max_subtest_seconds;
    json(&TestAnswer {
        test_uuid,
        test_token: asked.site.rmbt_key()?.issue(test_uuid, net::wall_clock()),
        test_server_address: server,
        test_server_port: port,
        test_server_encryption: secure,
        test_server_name: asked.site.config().name.clone(),
        test_server_type: kind.into(),
        test_duration: spec::TEST_SECONDS.min(longest),
        test_numthreads: spec::THREADS,
        test_numpings: spec::PINGS,
        test_wait: 0,
        result_url: format!("{here}{}result", &spec::CONTROL_PATH[1..]),
        client_remote_ip: asked.peer.address,
        provider: String::new(),
        error: vec![],
    })
}

/// What a client says it measured, kept beside what the site saw.
async fn result(asked: Asked) -> Result<Response<Body>, Problem> {
    let (asked, measured) = said::<Measured>(asked).await?;
    let read = asked.site.rmbt_key()?.read(&measured.test_token);
    let (test, started) = read.map_err(|e| Problem::malformed(&format!("test_token: {e}")))?;
    let line = object!({
        "test_uuid": test,
        "started_at": started,
        "site": asked.site.config().name,
        "measured": measured,
    });
    let day = started.strftime("%Y-%m-%d");
    asked
        .site
        .append(format!("rmbt/{day}.jsonl"), line.to_string());
    json(&Plain::default())
}

/// Reads a message; `Asked` comes back without its body.
async fn said<T: DeserializeOwned>(asked: Asked) -> Result<(Answerer, T), Problem> {
    let Asked {
        site,
        request,
        peer,
        ..
    } = asked;
    let body = Limited::new(request.into_body(), MAX_MESSAGE_BYTES);
    let body = tokio::time::timeout(spec::PATIENCE, body.collect()).await;
    let body = body.map_err(|_| Problem::malformed("a body that comes within 30 s"))?;
    let body: Bytes = body
        .map_err(|_| Problem::body_too_long(MAX_MESSAGE_BYTES as u64))?
        .to_bytes();
    let said = serde_json::from_slice(&body).map_err(|e| Problem::malformed(&e.to_string()))?;
    Ok((Answerer { site, peer }, said))
}

/// Who answers, once a body was read.
struct Answerer {
    site: Arc<crate::site::Site>,
    peer: crate::peer::Peer,
}

fn fresh() -> Result<Uuid, Problem> {
    let bytes = random()?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// `host[:port]` in two; an IPv6 address is in brackets and stays in them, as
/// clients put it into a URL.
fn host_and_port(authority: &str, default: u16) -> (String, u16) {
    let split = authority.rsplit_once(':');
    let split = split.filter(|(_, port)| !port.contains(']'));
    match split.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host.to_owned(), port),
        None => (authority.to_owned(), default),
    }
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn a_port_is_taken_off_its_host() {
        let check = |authority, host: &str, port| {
            assert_eq!(host_and_port(authority, 80), (host.to_owned(), port));
        };
        check("a.vn", "a.vn", 80);
        check("a.vn:8080", "a.vn", 8080);
        check("[2001:db8::1]:81", "[2001:db8::1]", 81);
        check("[2001:db8::1]", "[2001:db8::1]", 80);
    }
}
