//! Responsiveness (draft-ietf-ippm-responsiveness): HTTP/2 over TLS, on an
//! address of its own.
//!
//! The site's other TLS address speaks HTTP/1.1 alone: a browser would put the
//! parallel transfers of its tests on one HTTP/2 connection.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use net::transport::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use wire::responsiveness::{Config, spec};

use super::{Asked, Body, Link, Place, drain, empty, host, json, text};
use crate::http::Problem;
use crate::listen::{HEAD_TIMEOUT, accept};
use crate::site::Site;
use crate::tls::Tls;

/// Longest life of a connection; the draft's whole test takes 40 s.
const LONGEST: Duration = Duration::from_secs(60);
/// What may wait unsent below: a probe waits for it. About 5 ms of 100 Mbit/s.
const UNSENT_BYTES: u32 = 64 * 1024;
/// What may wait unsent in one stream.
const STREAM_UNSENT_BYTES: usize = 128 * 1024;
/// Window of an uploading stream, and of all of a connection's.
const WINDOW_BYTES: [u32; 2] = [8 << 20, 32 << 20];
/// Streams of a connection.
const STREAMS: u32 = 128;

/// Answers where the service is; `not_found` where there is none.
pub(super) fn config(asked: &Asked) -> Result<Response<Body>, Problem> {
    let port = asked.site.responsiveness().ok_or_else(Problem::not_found)?;
    json(&Config::of(without_port(host(asked)), port))
}

/// The host of an authority.
fn without_port(authority: &str) -> &str {
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    // An IPv6 address ends with its bracket.
    if authority.ends_with(']') {
        authority
    } else {
        host
    }
}

/// Serves the endpoints on `listener` for ever, HTTP/2 where the client wants it.
///
/// # Errors
///
/// The library's, before anything is served.
pub async fn serve_responsiveness(
    listener: TcpListener,
    tls: &Tls,
    site: Arc<Site>,
) -> io::Result<()> {
    let config = Arc::new(tls.server_config(&[b"h2", b"http/1.1"])?);
    accept(&listener, |tcp, _| {
        let (config, site) = (Arc::clone(&config), Arc::clone(&site));
        async move {
            if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, Transport::accept(tcp, config)).await {
                tune(stream.tcp(), &site);
                let _ = timeout(LONGEST, connection(stream, site)).await;
            }
        }
    })
    .await;
    Ok(())
}

fn tune(tcp: &TcpStream, site: &Site) {
    // Neither is to be had on every system.
    let _ = net::tcp::set_congestion(tcp, &site.config().congestion);
    let _ = net::tcp::set_notsent_lowat(tcp, UNSENT_BYTES);
}

async fn connection(stream: Transport, site: Arc<Site>) {
    let h2 = stream.alpn() == Some(b"h2");
    let service = service_fn(|request: Request<Incoming>| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(answer(&site, request).await) }
    });
    let io = TokioIo::new(stream);
    let served = if h2 {
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW_BYTES[0])
            .initial_connection_window_size(WINDOW_BYTES[1])
            .max_send_buf_size(STREAM_UNSENT_BYTES)
            .max_concurrent_streams(STREAMS)
            .serve_connection(io, service)
            .await
    } else {
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(io, service)
            .await
    };
    if let Err(error) = served {
        tracing::debug!(%error, "A connection ended early");
    }
}

async fn answer(site: &Arc<Site>, request: Request<Incoming>) -> Response<Body> {
    let get = [Method::GET, Method::HEAD].contains(request.method());
    let answer = match request.uri().path() {
        spec::CONFIG_PATH if get => at(site, &request),
        spec::SMALL_PATH if get => Ok(text("application/octet-stream", Bytes::from_static(b"x"))),
        spec::LARGE_PATH if get => large(site),
        spec::UPLOAD_PATH if request.method() == Method::POST => upload(site, request).await,
        spec::CONFIG_PATH | spec::SMALL_PATH | spec::LARGE_PATH | spec::UPLOAD_PATH => {
            Err(Problem::method_not_allowed())
        }
        _ => Err(Problem::not_found()),
    };
    let mut response = answer.unwrap_or_else(|problem| problem.response().map(Body::from));
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, never);
    response
}

fn at(site: &Site, request: &Request<Incoming>) -> Result<Response<Body>, Problem> {
    let port = site.responsiveness().ok_or_else(Problem::not_found)?;
    let named = request.headers().get(hyper::header::HOST);
    let named = named.and_then(|host| host.to_str().ok());
    let authority = request.uri().authority().map(|a| a.as_str()).or(named);
    json(&Config::of(
        without_port(authority.unwrap_or("localhost")),
        port,
    ))
}

fn large(site: &Site) -> Result<Response<Body>, Problem> {
    let media = HeaderValue::from_static("application/octet-stream");
    let mut response = Response::new(Body::bulk(
        site.random(),
        spec::LARGE_BYTES,
        place(site)?,
        None,
    ));
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, media);
    Ok(response)
}

async fn upload(site: &Site, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
    let _place = place(site)?;
    drain(
        &mut request.into_body(),
        site.config().max_subtest_bytes,
        drop,
    )
    .await?;
    Ok(empty(StatusCode::OK))
}

/// A place among the site's transfers. The life of the whole connection is
/// bounded, so nothing has to watch a single transfer.
fn place(site: &Site) -> Result<Place, Problem> {
    let permit = site.transfer();
    let permit = permit.ok_or_else(|| Problem::site_busy("sessions_full"))?;
    Ok(Place {
        _visit: None,
        link: Arc::new(Link::default()),
        _permit: permit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_without_its_port() {
        assert_eq!(without_port("do.example.vn:443"), "do.example.vn");
        assert_eq!(without_port("do.example.vn"), "do.example.vn");
        assert_eq!(without_port("[2001:db8::1]:443"), "[2001:db8::1]");
        assert_eq!(without_port("[2001:db8::1]"), "[2001:db8::1]");
    }
}
