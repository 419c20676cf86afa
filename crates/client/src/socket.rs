//! A measuring connection: HTTP upgrade, then TCP, bare or under TLS, with our
//! own framing.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use net::transport::Transport;
use wire::native::spec;
use wire::websocket;

use crate::Error;
use crate::http::{Base, broken, read, whole, within};

/// What a measuring connection begins with.
pub(crate) struct Socket {
    pub(crate) stream: Transport,
    /// Bytes that came with the answer to the upgrade.
    pub(crate) early: Bytes,
}

/// Opens the measuring connection of a kind (`latency`, `download`, `upload`),
/// all of it within [`crate::http::PATIENCE`].
pub(crate) async fn open(base: &Base, kind: &str, token: &str) -> Result<Socket, Error> {
    within(Box::pin(upgraded(base, kind, token))).await?
}

async fn upgraded(base: &Base, kind: &str, token: &str) -> Result<Socket, Error> {
    let key = key()?;
    let path = format!("{}{kind}?token={token}", spec::MEASURE_PATH);
    let request = Request::get(path)
        .header(HOST, base.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, websocket::spec::VERSION)
        .header(SEC_WEBSOCKET_KEY, &key)
        .header(SEC_WEBSOCKET_PROTOCOL, spec::SUBPROTOCOL)
        .body(Full::<Bytes>::default())
        .map_err(std::io::Error::other)?;
    let mut sender = base.connect().await?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    if let Err(blocked) = check(&answer, &key) {
        return Err(refusal(answer).await.unwrap_or(blocked));
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(broken)?;
    let parts = upgraded
        .downcast::<TokioIo<Transport>>()
        .map_err(|_| Error::Blocked("the connection could not be taken over".into()))?;
    Ok(Socket {
        stream: parts.io.into_inner(),
        early: parts.read_buf,
    })
}

fn check<B>(answer: &Response<B>, key: &str) -> Result<(), Error> {
    let header = |name| answer.headers().get(name).and_then(|v| v.to_str().ok());
    let accepted = answer.status() == StatusCode::SWITCHING_PROTOCOLS
        && header(SEC_WEBSOCKET_ACCEPT) == Some(&websocket::accept_key(key))
        && header(SEC_WEBSOCKET_PROTOCOL) == Some(spec::SUBPROTOCOL);
    if accepted {
        return Ok(());
    }
    Err(Error::Blocked(format!(
        "the WebSocket upgrade was answered with {}",
        answer.status()
    )))
}

/// What the site itself says against it; `None` when something else answers.
async fn refusal(answer: Response<Incoming>) -> Option<Error> {
    let (head, body) = answer.into_parts();
    let body = whole(body).await.ok()?;
    let refused = read::<serde_json::Value>(head.status, &head.headers, &body);
    refused.err().filter(|e| !matches!(e, Error::Blocked(_)))
}

/// 16 random bytes in base64 (RFC 6455 §4.1).
fn key() -> Result<String, Error> {
    use base64::Engine as _;
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
}
