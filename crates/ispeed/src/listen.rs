//! The addresses that a configuration names, and what is served on each.

use std::error::Error;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use server::udp::Reflectors;
use server::{Site, Tls, TlsConfig};
use tokio::net::TcpListener;

use crate::config::Config;

/// Serves on every address of the configuration, for ever.
pub(crate) async fn run<F, R, B>(
    config: &Config,
    site: Arc<Site>,
    fallback: F,
) -> anyhow::Result<()>
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let tls = Tls::open(&config.tls, &config.centre.data_dir)?;
    // They end with this function.
    let _reflectors = reflect(&site, config.listen.ip())?;
    let plain = listen(config.listen, "http").await?;
    let plain = server::serve(plain, Arc::clone(&site), fallback.clone());
    let (Some(tls), Some(address)) = (tls, config.tls.listen) else {
        plain.await;
        return Ok(());
    };
    let listener = listen(address, "https").await?;
    let local = listener.local_addr()?;
    let quic = UdpSocket::bind(local);
    let quic = quic.with_context(|| format!("listening on {local} for QUIC (UDP)"))?;
    site.announce_webtransport(local.port(), &tls);
    let responsive = responsiveness(&config.tls, &tls, &site).await?;
    let quic = server::serve_quic(quic, &tls, Arc::clone(&site));
    let secure = server::serve_tls(listener, &tls, Arc::clone(&site), fallback);
    tokio::select! {
        () = plain => {}
        () = tls.keep_fresh(&site) => {}
        served = secure => served?,
        served = quic => served?,
        served = responsive => served?,
    }
    Ok(())
}

/// The responsiveness endpoints, where they are wanted.
async fn responsiveness<'a>(
    config: &TlsConfig,
    tls: &'a Tls,
    site: &Arc<Site>,
) -> anyhow::Result<impl Future<Output = std::io::Result<()>> + use<'a>> {
    let listener = match config.responsiveness_listen {
        Some(address) => Some(listen(address, "responsiveness").await?),
        None => None,
    };
    if let Some(listener) = &listener {
        site.announce_responsiveness(listener.local_addr()?.port());
    }
    let site = Arc::clone(site);
    Ok(async move {
        match listener {
            Some(listener) => server::serve_responsiveness(listener, tls, site).await,
            None => std::future::pending().await,
        }
    })
}

/// Starts the reflectors by UDP; their lines come before that of HTTP, which
/// says that all is up.
#[expect(clippy::print_stdout, reason = "people and scripts read these lines")]
fn reflect(site: &Arc<Site>, http: IpAddr) -> anyhow::Result<Reflectors> {
    let reflectors = Reflectors::start(site, http)?;
    for (name, at) in [("stamp", reflectors.stamp()), ("irtt", reflectors.irtt())] {
        if let Some(at) = at {
            println!("{name}: udp {at}");
        }
    }
    Ok(reflectors)
}

#[expect(clippy::print_stdout, reason = "people and scripts wait for this line")]
async fn listen(address: SocketAddr, scheme: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| {
        let flag = match scheme {
            "http" => "--listen",
            "https" => "--tls-listen",
            _ => "--responsiveness-listen",
        };
        format!("listening on {address}: is something else there? Try {flag} 127.0.0.1:0")
    })?;
    println!("ispeed: {scheme}://{}", listener.local_addr()?);
    Ok(listener)
}
