//! The paths of the site, and its problems (RFC 9457).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CACHE_CONTROL,
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use uuid::Uuid;
use wire::native::message::SessionRequest;
use wire::native::{spec, token};
use wire::websocket;

use crate::measure::{self, Kind};
use crate::peer::Peer;
use crate::site::Site;
use crate::tls::Challenges;

/// Longest body of a session request.
const MAX_BODY_BYTES: usize = 4096;

/// How long a client may take to send one.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the site answers for a path.
pub(crate) fn serves(path: &str) -> bool {
    path == spec::SESSION_PATH
        || path.starts_with(spec::MEASURE_PATH)
        || path.starts_with(Challenges::PATH)
        || receipt_path(path).is_some()
}

/// The test id in `/api/v1/session/{test_id}/receipt`.
fn receipt_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(spec::SESSION_PATH)?.strip_prefix('/')?;
    rest.strip_suffix("/receipt")
}

/// Answers one request.
pub(crate) async fn handle(
    site: Arc<Site>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let here = Arc::clone(&site);
    let answer = if request.method() == Method::OPTIONS || path == spec::PING_PATH {
        Ok(empty(StatusCode::NO_CONTENT))
    } else if let Some(token) = path.strip_prefix(Challenges::PATH) {
        challenge(&site, token)
    } else if let Some(kind) = path.strip_prefix(spec::MEASURE_PATH) {
        upgrade(site, request, kind, peer)
    } else if request.method() != Method::POST {
        Err(Problem::method_not_allowed())
    } else if let Some(test_id) = receipt_path(&path) {
        receipt(&site, &request, test_id).await
    } else {
        session(&site, request, peer).await
    };
    let mut response = answer.unwrap_or_else(|problem| {
        here.counters().refused(problem.reason());
        problem.response()
    });
    for (name, value) in ANYONE {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// What an authority wants to see before it issues a certificate.
fn challenge(site: &Site, token: &str) -> Result<Response<Full<Bytes>>, Problem> {
    let answer = site.challenges().answer(token);
    let answer = answer.ok_or_else(Problem::not_found)?;
    let mut response = Response::new(Full::new(answer.into()));
    let media = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, media);
    Ok(response)
}

/// A page of the centre, or of anyone, may measure against this site (Fetch
/// standard, CORS protocol).
const ANYONE: [(HeaderName, &str); 5] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"),
    (ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After"),
    (ACCESS_CONTROL_MAX_AGE, "600"),
];

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

async fn session(
    site: &Site,
    request: Request<Incoming>,
    peer: Peer,
) -> Result<Response<Full<Bytes>>, Problem> {
    let saves_data = saves_data(request.headers());
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect();
    let body = tokio::time::timeout(BODY_TIMEOUT, body).await;
    let body = body.map_err(|_| Problem::malformed("a body that comes within 10 s"))?;
    let body = body.map_err(|_| Problem::malformed("a body of at most 4096 bytes"))?;
    let body = body.to_bytes();
    let mut asked = if body.is_empty() {
        SessionRequest::default()
    } else {
        serde_json::from_slice(&body).map_err(|e| Problem::malformed(&e.to_string()))?
    };
    asked.metered |= saves_data;
    let reply = site.open(&asked, peer)?;
    let reply = serde_json::to_vec(&reply).map_err(|_| Problem::internal())?;
    Ok(json_response(StatusCode::CREATED, reply))
}

/// Whether the browser says `Save-Data: on` (WICG Save Data API, §4), which it
/// does when the person asked it to save data.
fn saves_data(headers: &HeaderMap) -> bool {
    let value = headers.get("save-data").and_then(|v| v.to_str().ok());
    value.is_some_and(|value| {
        value
            .split([',', ';'])
            .any(|part| part.trim().eq_ignore_ascii_case("on"))
    })
}

async fn receipt(
    site: &Site,
    request: &Request<Incoming>,
    test_id: &str,
) -> Result<Response<Full<Bytes>>, Problem> {
    let test_id: Uuid = test_id.parse().map_err(|_| Problem::session_unknown())?;
    let token = request.headers().get(AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let session = site.session_of(token.unwrap_or_default(), test_id)?;
    let receipt = session.receipt(site.key()).await;
    let receipt = receipt.map_err(|_| Problem::internal())?;
    site.counters().receipts.fetch_add(1, Ordering::Relaxed);
    tracing::info!(test.id = %test_id, "Signed a receipt");
    Ok(json_response(StatusCode::OK, receipt))
}

/// Checks a measuring request, and hands its connection to [`measure`] after
/// the answer has gone out.
fn upgrade(
    site: Arc<Site>,
    mut request: Request<Incoming>,
    kind: &str,
    peer: Peer,
) -> Result<Response<Full<Bytes>>, Problem> {
    let kind = Kind::of_path(kind).ok_or_else(Problem::not_found)?;
    let accept = accept(&request, Some(spec::SUBPROTOCOL)).ok_or_else(Problem::upgrade_required)?;
    let token = query(request.uri().query(), "token").unwrap_or_default();
    let session = site.session(token, peer)?;
    let stream = measure::Stream::reserve(kind, session).ok_or_else(Problem::subtest_taken)?;
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(measure::run(site, stream, upgraded));
    switching(&accept, spec::SUBPROTOCOL)
}

/// The answer after which a connection speaks a subprotocol of WebSocket.
pub(crate) fn switching(
    accept: &str,
    subprotocol: &'static str,
) -> Result<Response<Full<Bytes>>, Problem> {
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .header(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    response
        .body(Full::default())
        .map_err(|_| Problem::internal())
}

/// The accept key, when the request is a WebSocket upgrade, to a subprotocol
/// where one is given.
pub(crate) fn accept(request: &Request<Incoming>, subprotocol: Option<&str>) -> Option<String> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let has = |name, wanted: &str| {
        header(name).is_some_and(|value: &str| {
            value
                .split(',')
                .any(|v| v.trim().eq_ignore_ascii_case(wanted))
        })
    };
    let upgrades = request.method() == Method::GET
        && has(CONNECTION, "upgrade")
        && has(UPGRADE, "websocket")
        && header(SEC_WEBSOCKET_VERSION) == Some(websocket::spec::VERSION)
        && subprotocol.is_none_or(|wanted| has(SEC_WEBSOCKET_PROTOCOL, wanted));
    let key = header(SEC_WEBSOCKET_KEY).filter(|_| upgrades)?;
    Some(websocket::accept_key(key))
}

/// A value of a query; our values need no decoding.
pub(crate) fn query<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn json_response(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A named problem. Only this type knows status codes.
#[derive(Debug)]
pub(crate) struct Problem {
    name: &'static str,
    status: StatusCode,
    detail: String,
    remedy: &'static str,
    /// Which of several causes.
    why: Option<&'static str>,
    /// Seconds after which it may be tried again.
    retry_after: Option<u32>,
}

impl Problem {
    fn new(name: &'static str, status: StatusCode, detail: &str, remedy: &'static str) -> Self {
        Self {
            name,
            status,
            detail: detail.into(),
            remedy,
            why: None,
            retry_after: None,
        }
    }

    /// What it is counted under.
    pub(crate) fn reason(&self) -> &'static str {
        self.why.unwrap_or(self.name)
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(
            "malformed_body",
            StatusCode::BAD_REQUEST,
            detail,
            "send the JSON of the protocol, section 1",
        )
    }

    pub(crate) fn mode_unsupported(mode: &str) -> Self {
        let detail = format!("mode: {mode:?} is not known here");
        Self::new(
            "mode_unsupported",
            StatusCode::UNPROCESSABLE_ENTITY,
            &detail,
            "use full, accurate or saver",
        )
    }

    pub(crate) fn token(why: token::Refused) -> Self {
        let name = match why {
            token::Refused::Invalid => "token_invalid",
            token::Refused::Expired => "token_expired",
        };
        Self::new(
            name,
            StatusCode::UNAUTHORIZED,
            &why.to_string(),
            "ask for a new session",
        )
    }

    pub(crate) fn prefix_mismatch() -> Self {
        Self::new(
            "prefix_mismatch",
            StatusCode::FORBIDDEN,
            "the connection comes from another network than the session",
            "ask for a new session from this network",
        )
    }

    pub(crate) fn session_unknown() -> Self {
        Self::new(
            "session_unknown",
            StatusCode::NOT_FOUND,
            "no such session here",
            "ask for a new session",
        )
    }

    pub(crate) fn subtest_taken() -> Self {
        Self::new(
            "subtest_taken",
            StatusCode::CONFLICT,
            "this direction has been run, or the session has ended",
            "ask for a new session",
        )
    }

    pub(crate) fn upgrade_required() -> Self {
        Self::new(
            "upgrade_required",
            StatusCode::UPGRADE_REQUIRED,
            "this path speaks WebSocket with the subprotocol ispeed.v1",
            "connect with a WebSocket",
        )
    }

    pub(crate) fn site_busy(why: &'static str) -> Self {
        let mut problem = Self::new(
            "site_busy",
            StatusCode::SERVICE_UNAVAILABLE,
            "the site carries as much as it can",
            "try again, or another site",
        );
        (problem.why, problem.retry_after) = (Some(why), Some(10));
        problem
    }

    /// The client's network has had its share.
    pub(crate) fn prefix_busy(why: &'static str, retry_after: u32) -> Self {
        let mut problem = Self::new(
            "prefix_busy",
            StatusCode::TOO_MANY_REQUESTS,
            "this network has as many tests here as it may",
            "try again later, or another site",
        );
        (problem.why, problem.retry_after) = (Some(why), Some(retry_after));
        problem
    }

    pub(crate) fn body_too_long(most: u64) -> Self {
        Self::new(
            "body_too_long",
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("a body of more than {most} bytes"),
            "send less at a time",
        )
    }

    pub(crate) fn subprotocol_unsupported(wanted: &str) -> Self {
        Self::new(
            "subprotocol_unsupported",
            StatusCode::BAD_REQUEST,
            &format!("Sec-WebSocket-Protocol: this path speaks {wanted} alone"),
            "connect with that subprotocol and version 13",
        )
    }

    pub(crate) fn query_refused(detail: &str) -> Self {
        Self::new(
            "query_refused",
            StatusCode::BAD_REQUEST,
            detail,
            "correct or leave out that parameter",
        )
    }

    pub(crate) fn result_unknown() -> Self {
        Self::new(
            "result_unknown",
            StatusCode::NOT_FOUND,
            "id: no such result here, or no more",
            "measure again",
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            "not_found",
            StatusCode::NOT_FOUND,
            "no such path",
            "see the protocol, section 2",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            "method_not_allowed",
            StatusCode::METHOD_NOT_ALLOWED,
            "this path takes POST",
            "use POST",
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            "internal",
            StatusCode::INTERNAL_SERVER_ERROR,
            "the site failed",
            "try again",
        )
    }

    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let mut body = json!({
            "type": format!("urn:ispeed:problem:{}", self.name),
            "title": self.name.replace('_', " "),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "remedy": self.remedy,
        });
        if let Some(why) = self.why {
            body["why"] = json!(why);
        }
        let mut response = json_response(self.status, body.to_string());
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_site() {
        assert!(serves("/api/v1/session"));
        assert!(serves("/api/v1/session/0192e6a1/receipt"));
        assert!(serves("/measure/v1/download"));
        assert!(serves("/.well-known/acme-challenge/x"));
        assert!(!serves("/api/v1/tests"));
        assert!(!serves("/api/v1/sessions"));
        assert!(!serves("/"));
    }

    #[test]
    fn a_browser_that_saves_data_says_so() {
        let says = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("save-data", value.parse().expect("a header"));
            saves_data(&headers)
        };
        assert!(says("on") && says("On") && says("on; x=1"));
        assert!(!says("off") && !says("") && !saves_data(&HeaderMap::new()));
    }

    #[test]
    fn a_query_value_is_found_by_its_whole_name() {
        assert_eq!(
            query(Some("stoken=a&token=b.c-d_e"), "token"),
            Some("b.c-d_e")
        );
        assert_eq!(query(Some("token"), "token"), None);
        assert_eq!(query(None, "token"), None);
    }
}
