//! Accepts connections and shares them between the site and a fallback.

use std::convert::Infallible;
use std::error::Error;
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
use tokio::net::{TcpListener, TcpStream};

use crate::foreign::{self, Asked, Route};
use crate::http;
use crate::link::Link;
use crate::peer::Peer;
use crate::site::Site;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `site` on `listener` for ever; what is not the site's path goes to
/// `fallback` with the address of the peer.
pub async fn serve<F, R, B>(listener: TcpListener, site: Arc<Site>, fallback: F)
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(connection(
                    stream,
                    peer,
                    Arc::clone(&site),
                    fallback.clone(),
                ));
            }
            Err(error) => {
                // Out of descriptors, most likely: give the others time to end.
                tracing::warn!(%error, "Could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection<F, R, B>(stream: TcpStream, peer: SocketAddr, site: Arc<Site>, fallback: F)
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if stream.set_nodelay(true).is_err() {
        return; // The peer has gone already.
    }
    let link = Arc::new(Link::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (site, link, fallback) = (Arc::clone(&site), Arc::clone(&link), fallback.clone());
        async move {
            let who = Peer::of(peer, request.headers(), &site.config().proxies);
            let path = request.uri().path();
            let response = if http::serves(path) {
                let response = http::handle(site, request, who).await;
                response.map(|full| Either::Left(full.into()))
            } else if let Some(route) = Route::of_path(path) {
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
