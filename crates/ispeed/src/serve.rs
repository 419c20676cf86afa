//! `ispeed serve` and `ispeed site`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use metric::key::{Purpose, RegisteredKey};
use metric::prefix::Prefix;
use platform::Centre;
use platform::http::site::Arrival;
use server::{OverTls, Site};
use tokio::net::TcpListener;
use tower_service::Service as _;

use crate::centre::tell;
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::listen;
use crate::membership::{self, Membership};

/// Time between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_secs(10);
/// Incompressible bytes that downloads repeat.
const RANDOM_BYTES: usize = 256 * 1024;

pub(crate) async fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(args)?;
    if args.check {
        return print_config(&config);
    }
    let site = open_site(&config)?;
    tell_metrics(&config, &site).await?;
    let centre = Arc::new(open_centre(&config, &site)?);
    tokio::spawn(keep_house(Arc::clone(&centre)));
    tokio::spawn(crate::watch::watch(Arc::clone(&centre)));
    let own = Arc::clone(&site);
    site.leave_locate();
    centre.set_own_site(&config.site.name, move || own.has_room());
    let pages = centre.router();
    let proxies = config.site.proxies.clone();
    let fallback = move |mut request: Request<Incoming>, from: SocketAddr| {
        let mut pages = pages.clone();
        let address = server::client_address(from, request.headers(), &proxies);
        let secure = request.extensions().get::<OverTls>().is_some();
        let arrival = Arrival { address, secure };
        request.extensions_mut().insert(arrival);
        // All that the API learns of an address, to limit who asks too much.
        request.extensions_mut().insert(Prefix::of(address));
        async move {
            // A router always answers.
            pages
                .call(request)
                .await
                .unwrap_or_else(|never| match never {})
        }
    };
    listen::run(&config, site, fallback).await?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the store and tells it the site's key.
fn open_centre(config: &Config, site: &Site) -> anyhow::Result<Centre> {
    let centre = Centre::open(config.centre.clone(), net::wall_clock)?;
    let centre = centre.with_chance(crate::centre::chance);
    centre.register_key(&RegisteredKey {
        public_key: site.key().public(),
        site: site.config().name.clone(),
        purpose: Purpose::Measurement,
        valid_from: net::wall_clock(),
        valid_to: None,
    })?;
    Ok(centre)
}

/// Every so often: deletes positions whose time is over, and takes up tables
/// that a command has imported meanwhile.
async fn keep_house(centre: Arc<Centre>) {
    loop {
        let centre = Arc::clone(&centre);
        let kept = tokio::task::spawn_blocking(move || {
            centre.refresh()?;
            centre.expire_positions()
        });
        if let Ok(Err(error)) = kept.await {
            tracing::error!(%error, "Could not keep the store in order");
        }
        tokio::time::sleep(HOUSEKEEPING).await;
    }
}

pub(crate) async fn site(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let mut config = Config::read(args)?;
    if args.check {
        return print_config(&config);
    }
    let membership = Membership::read(&mut config)?;
    let site = open_site(&config)?;
    tell_metrics(&config, &site).await?;
    let served = listen::run(&config, Arc::clone(&site), not_here);
    tokio::select! {
        served = served => served?,
        () = membership::keep(membership.as_ref(), &site) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What a site alone answers to a path that is not its own.
async fn not_here(request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
    let (status, text) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, r#"{"status":"ok"}"#),
        _ => (
            StatusCode::NOT_FOUND,
            r#"{"type":"urn:ispeed:problem:not_found","title":"not found","status":404}"#,
        ),
    };
    let mut response = Response::new(Full::<Bytes>::from(text));
    *response.status_mut() = status;
    response
}

fn open_site(config: &Config) -> anyhow::Result<Arc<Site>> {
    let dir = &config.centre.data_dir;
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let key = server::load_or_create(&dir.join("site.key"))?;
    let mut random = vec![0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let site = Site::new(config.site.clone(), key, &random);
    Ok(Arc::new(site.keeping(dir)))
}

/// Answers Prometheus on an address of its own, where one is configured.
async fn tell_metrics(config: &Config, site: &Arc<Site>) -> anyhow::Result<()> {
    let Some(address) = config.site.metrics_listen else {
        return Ok(());
    };
    let listener = TcpListener::bind(address).await;
    let listener =
        listener.with_context(|| format!("listening on site.metrics_listen {address}"))?;
    tracing::info!(listen = %listener.local_addr()?, "Metrics are at /metrics");
    tokio::spawn(server::serve_metrics(listener, Arc::clone(site)));
    Ok(())
}

fn print_config(config: &Config) -> anyhow::Result<ExitCode> {
    tell(&toml::to_string(config)?)?;
    Ok(ExitCode::SUCCESS)
}
