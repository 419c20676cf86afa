//! Clients of other projects: their paths, answered as they expect.
//!
//! Each protocol's numbers and messages are in `wire`; here is what moves the
//! bytes. All of them may be called from any page, so every answer carries CORS.

mod body;
mod cloudflare;
mod librespeed;
mod locate;
mod msak;
mod ndt7;
mod ookla;
mod openspeedtest;
mod responsiveness;
mod results;
mod rmbt;
mod running;
mod streaming;
mod test;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, HOST,
    HeaderValue, PRAGMA,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use metric::prefix::Prefix;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use wire::locate::Service;
use wire::native::spec::MAX_STREAMS;
use wire::{
    cloudflare as cf, librespeed as ls, msak as ms, ndt7 as ndt, ookla as ok, openspeedtest as ost,
    responsiveness as nq, rmbt as rm,
};

pub(crate) use body::Body;
pub use responsiveness::serve_responsiveness;
pub(crate) use results::Results;
pub(crate) use running::Running;
use running::{Transfer, Which};

use crate::http::Problem;
use crate::link::Link;
use crate::listen::OverTls;
use crate::networks::Visit;
use crate::peer::Peer;
use crate::session::Direction;
use crate::site::Site;

/// A protocol's path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    LibreSpeed(ls::Endpoint),
    Ookla(ok::Endpoint),
    Ndt7(Direction),
    Msak(Direction),
    Rmbt,
    RmbtControl(rm::control::Endpoint),
    Locate(Service),
    CloudflareDown,
    CloudflareUp,
    CloudflareTrace,
    OpenSpeedTestDown,
    OpenSpeedTestUp,
    Responsiveness,
}

impl Route {
    /// The protocol that a request belongs to.
    pub(crate) fn of(request: &Request<Incoming>) -> Option<Self> {
        if rmbt::is_upgrade(request) {
            return Some(Self::Rmbt);
        }
        Self::of_path(request.uri().path())
    }

    /// The protocol that a path belongs to.
    fn of_path(path: &str) -> Option<Self> {
        match path {
            ndt::spec::DOWNLOAD_PATH => Some(Self::Ndt7(Direction::Download)),
            ndt::spec::UPLOAD_PATH => Some(Self::Ndt7(Direction::Upload)),
            ms::spec::DOWNLOAD_PATH => Some(Self::Msak(Direction::Download)),
            ms::spec::UPLOAD_PATH => Some(Self::Msak(Direction::Upload)),
            cf::spec::DOWN_PATH => Some(Self::CloudflareDown),
            cf::spec::UP_PATH => Some(Self::CloudflareUp),
            cf::spec::TRACE_PATH => Some(Self::CloudflareTrace),
            ost::spec::DOWNLOAD_PATH => Some(Self::OpenSpeedTestDown),
            ost::spec::UPLOAD_PATH => Some(Self::OpenSpeedTestUp),
            nq::spec::CONFIG_PATH => Some(Self::Responsiveness),
            _ => Service::of_path(path)
                .map(Self::Locate)
                .or_else(|| rm::control::Endpoint::of_path(path).map(Self::RmbtControl))
                .or_else(|| ok::Endpoint::of_path(path).map(Self::Ookla))
                .or_else(|| ls::Endpoint::of_path(path).map(Self::LibreSpeed)),
        }
    }
}

impl Route {
    /// Whether a site answers for it.
    pub(crate) fn is_of(&self, site: &Site) -> bool {
        site.locates() || !matches!(self, Self::Locate(_))
    }
}

/// A request, and what is known of who sent it.
pub(crate) struct Asked {
    pub(crate) site: Arc<Site>,
    pub(crate) request: Request<Incoming>,
    pub(crate) peer: Peer,
    pub(crate) link: Arc<Link>,
}

/// Answers one request.
pub(crate) async fn handle(route: Route, asked: Asked) -> Response<Body> {
    let here = Arc::clone(&asked.site);
    let answer = if asked.request.method() == Method::OPTIONS {
        Ok(empty(StatusCode::NO_CONTENT))
    } else {
        match route {
            Route::LibreSpeed(endpoint) => librespeed::answer(endpoint, asked).await,
            Route::Ookla(endpoint) => ookla::answer(endpoint, asked).await,
            Route::Locate(service) => locate::answer(service, &asked),
            Route::Ndt7(direction) => ndt7::answer(direction, asked),
            Route::Msak(direction) => msak::answer(direction, asked),
            Route::Rmbt => rmbt::upgrade(asked),
            Route::RmbtControl(endpoint) => rmbt::control(endpoint, asked).await,
            Route::CloudflareDown => cloudflare::down(&asked),
            Route::CloudflareUp => cloudflare::up(asked).await,
            Route::CloudflareTrace => Ok(cloudflare::trace(&asked)),
            Route::OpenSpeedTestDown => openspeedtest::down(&asked),
            Route::OpenSpeedTestUp => openspeedtest::up(asked).await,
            Route::Responsiveness => responsiveness::config(&asked),
        }
    };
    let mut response = answer.unwrap_or_else(|problem| {
        here.counters().refused(problem.reason());
        problem.response().map(Body::from)
    });
    allow_everyone(response.headers_mut());
    match route {
        Route::Ndt7(_) | Route::Msak(_) => streaming::closing(response),
        _ => response,
    }
}

/// CORS, and nothing kept on the way.
fn allow_everyone(headers: &mut HeaderMap) {
    let all = HeaderValue::from_static("*");
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, all.clone());
    // Without it a page of another origin sees no timing of our answers.
    headers.insert("timing-allow-origin", all);
    let methods = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let named = HeaderValue::from_static("Authorization, Content-Encoding, Content-Type");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, named);
    let exposed = HeaderValue::from_static("Server-Timing");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    let never = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(never));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn text(media: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

fn json(value: &impl Serialize) -> Result<Response<Body>, Problem> {
    let json = serde_json::to_vec(value).map_err(|_| Problem::internal())?;
    Ok(text("application/json; charset=utf-8", json))
}

/// `bytes` of what cannot be compressed.
fn bulk(asked: &Asked, protocol: &'static str, bytes: u64) -> Result<Response<Body>, Problem> {
    let bytes = bytes.min(asked.site.config().max_subtest_bytes);
    let place = place(asked)?;
    let transfer = (bytes > 0).then(|| transfer(asked, protocol, Direction::Download));
    let body = Body::bulk(asked.site.random(), bytes, place, transfer);
    let mut response = Response::new(body);
    let media = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, media);
    Ok(response)
}

fn transfer(asked: &Asked, protocol: &'static str, direction: Direction) -> Transfer {
    let which = Which::nameless(protocol, asked.peer);
    Running::transfer(&asked.site, which, direction, &asked.link)
}

/// Takes a body and forgets it; returns its length.
async fn discard(asked: Asked, protocol: &'static str) -> Result<u64, Problem> {
    let _place = place(&asked)?;
    let most = asked.site.config().max_subtest_bytes;
    let Asked {
        site,
        request,
        peer,
        link,
    } = asked;
    let mut transfer = None;
    // A request without a body is a ping, and no part of an upload.
    drain(&mut request.into_body(), most, |bytes| {
        let which = Which::nameless(protocol, peer);
        let begin = || Running::transfer(&site, which, Direction::Upload, &link);
        transfer.get_or_insert_with(begin).moved(bytes);
    })
    .await
}

/// Reads a body to its end and tells `moved` of every piece; returns its length.
async fn drain(body: &mut Incoming, most: u64, mut moved: impl FnMut(u64)) -> Result<u64, Problem> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        // A client that breaks off does not read our answer either.
        let frame = frame.map_err(|_| Problem::malformed("the body broke off"))?;
        let piece = frame.data_ref().map_or(0, Bytes::len) as u64;
        moved(piece);
        bytes += piece;
        if bytes > most {
            return Err(Problem::body_too_long(most));
        }
    }
    Ok(bytes)
}

/// A transfer's place among those that a site runs at a time, and among those
/// of its network; its connection ends when the time of the transfer is over.
#[derive(Debug)]
pub(crate) struct Place {
    link: Arc<Link>,
    _permit: OwnedSemaphorePermit,
    /// Absent where the client's network is not known.
    _visit: Option<Visit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.link.is_done();
    }
}

fn place(asked: &Asked) -> Result<Place, Problem> {
    let site = &asked.site;
    site.refuse_more(asked.peer)?;
    let permit = site.transfer();
    let permit = permit.ok_or_else(|| Problem::site_busy("sessions_full"))?;
    let sessions = site.config().max_prefix_sessions;
    let most = if asked.peer.address.is_loopback() {
        usize::MAX
    } else {
        sessions.saturating_mul(MAX_STREAMS)
    };
    let network = Prefix::of(asked.peer.address);
    let visit = site.networks().enter(network, most, net::wall_clock());
    let visit = visit.ok_or_else(|| Problem::prefix_busy("prefix_sessions", 30))?;
    let seconds = site.config().max_subtest_seconds;
    asked.link.is_to_end_within(seconds);
    Ok(Place {
        link: Arc::clone(&asked.link),
        _permit: permit,
        _visit: Some(visit),
    })
}

/// Where this site is, as the client called it, with the last slash.
fn address(asked: &Asked) -> String {
    let scheme = if is_secure(asked) { "https" } else { "http" };
    format!("{scheme}://{}/", host(asked))
}

/// Whether the client speaks TLS, to the site or to a proxy of ours.
fn is_secure(asked: &Asked) -> bool {
    let tls = asked.request.extensions().get::<OverTls>().is_some();
    let forwarded = asked.request.headers().get("x-forwarded-proto");
    tls || asked.peer.proxied && forwarded.is_some_and(|proto| proto == "https")
}

fn host(asked: &Asked) -> &str {
    let named = asked.request.headers().get(HOST);
    let named = named.and_then(|host| host.to_str().ok());
    let host = asked.request.uri().authority().map(|a| a.as_str());
    host.or(named).unwrap_or("localhost")
}

fn query(asked: &Asked) -> &str {
    asked.request.uri().query().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_one_protocol_or_to_the_pages() {
        assert_eq!(Route::of_path("/__down"), Some(Route::CloudflareDown));
        assert_eq!(
            Route::of_path("/backend/empty.php"),
            Some(Route::LibreSpeed(ls::Endpoint::Empty))
        );
        for path in ["/", "/api/v1/session", "/measure/v1/download", "/healthz"] {
            assert_eq!(Route::of_path(path), None, "{path}");
        }
    }
}
