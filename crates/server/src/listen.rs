//! Accepts connections and shares them between the site and a fallback.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use net::transport::Transport;
use tokio::net::{TcpListener, TcpStream};

use crate::foreign::{self, Asked, Route};
use crate::http;
use crate::link::Link;
use crate::peer::Peer;
use crate::site::Site;
use crate::tls::Tls;

/// How long a client may take to send the head of a request.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Marks a request that came over TLS.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

/// Serves `site` on `listener` for ever; what is not the site's path goes to
/// `fallback` with the address of the peer.
pub async fn serve<F, R, B>(listener: TcpListener, site: Arc<Site>, fallback: F)
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    accept(&listener, |stream, peer| {
        connection(
            Transport::plain(stream),
            peer,
            Arc::clone(&site),
            fallback.clone(),
        )
    })
    .await;
}

/// The same over TLS: HTTP/1.1 alone, because measuring connections are
/// upgraded, and because a browser would put the parallel transfers of a test
/// on one HTTP/2 connection.
///
/// # Errors
///
/// The library's, before anything is served.
pub async fn serve_tls<F, R, B>(
    listener: TcpListener,
    tls: &Tls,
    site: Arc<Site>,
    fallback: F,
) -> io::Result<()>
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let config = Arc::new(tls.server_config(&[b"http/1.1"])?);
    accept(&listener, |stream, peer| {
        let (config, site, fallback) = (Arc::clone(&config), Arc::clone(&site), fallback.clone());
        async move {
            let handshake = Transport::accept(stream, config);
            match tokio::time::timeout(HEAD_TIMEOUT, handshake).await {
                Ok(Ok(stream)) => connection(stream, peer, site, fallback).await,
                Ok(Err(error)) => tracing::debug!(%error, "A TLS handshake failed"),
                Err(_) => tracing::debug!("A TLS handshake took too long"),
            }
        }
    })
    .await;
    Ok(())
}

/// Accepts connections for ever, each to a task of its own.
pub(crate) async fn accept<R>(listener: &TcpListener, serve: impl Fn(TcpStream, SocketAddr) -> R)
where
    R: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            // A peer that has gone already cannot be set to send at once.
            Ok((stream, peer)) if stream.set_nodelay(true).is_ok() => {
                tokio::spawn(serve(stream, peer));
            }
            Ok(_) => {}
            Err(error) => {
                // Out of descriptors, most likely: give the others time to end.
                tracing::warn!(%error, "Could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection<F, R, B>(stream: Transport, peer: SocketAddr, site: Arc<Site>, fallback: F)
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let link = Arc::new(Link::at(stream.tcp().local_addr().ok()));
    let secure = stream.is_tls();
    let service = service_fn(|mut request: Request<Incoming>| {
        if secure {
            request.extensions_mut().insert(OverTls);
        }

        let (site, link, fallback) = (Arc::clone(&site), Arc::clone(&link), fallback.clone());
        async move {
            let who = Peer::of(peer, request.headers(), &site.config().proxies);
            let path = request.uri().path();
            let response = if http::serves(path) {
                let response = http::handle(site, request, who).await;
                response.map(|full| Either::Left(full.into()))
            } else if let Some(route) = Route::of(&request).filter(|route| route.is_of(&site)) {
                let asked = Asked {
                    site,
                    request,
                    peer: who,
                    link,
                };
                foreign::handle(route, asked).await.map(Either::Left)
            } else {
                fallback(request, peer).await.map(Either::Right)
            };
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::debug!(%error, "A connection ended early");
        },
        () = link.expired() => tracing::debug!("A transfer took too long"),
    }
}
