//! What a site tells whoever runs it: Prometheus text (exposition format
//! 0.0.4) on an address of its own. Nothing in it is about a person.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::site::Site;

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sessions: AtomicU64,
    pub(crate) receipts: AtomicU64,
    /// Requests that were refused, by reason.
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    /// Counts a request that was refused.
    pub(crate) fn refused(&self, why: &'static str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(why).or_default() += 1;
    }
}

/// Serves `GET /metrics` on `listener` for ever.
pub async fn serve_metrics(listener: TcpListener, site: Arc<Site>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&site, &request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // A reader that hangs is not waited for.
            let _ = tokio::time::timeout(Duration::from_secs(20), served).await;
        });
    }
}

fn answer<B>(site: &Site, request: &hyper::Request<B>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        let mut response = Response::new(Full::from("see /metrics\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let mut response = Response::new(Full::from(text(site)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Every figure, by name.
fn text(site: &Site) -> String {
    let (load, counters) = (site.load(), site.counters());
    let [sent, received] = site.meter().totals();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let figures: [(&str, &str, &str, u64); 8] = [
        (
            "sessions",
            "gauge",
            "sessions that run",
            load.sessions.into(),
        ),
        (
            "utilisation_percent",
            "gauge",
            "load of the line, per cent of its capacity",
            load.utilisation_percent.into(),
        ),
        (
            "sent_bits_per_second",
            "gauge",
            "payload sent, over two seconds",
            load.sent_bits_per_second,
        ),
        (
            "received_bits_per_second",
            "gauge",
            "payload received, over two seconds",
            load.received_bits_per_second,
        ),
        ("sent_bytes_total", "counter", "payload sent", sent),
        (
            "received_bytes_total",
            "counter",
            "payload received",
            received,
        ),
        (
            "sessions_total",
            "counter",
            "sessions opened",
            read(&counters.sessions),
        ),
        (
            "receipts_total",
            "counter",
            "receipts signed",
            read(&counters.receipts),
        ),
    ];
    let mut out = String::new();
    for (name, kind, help, value) in figures {
        head(&mut out, name, kind, help);
        let _ = writeln!(out, "ispeed_site_{name} {value}");
    }
    head(
        &mut out,
        "refused_total",
        "counter",
        "requests refused, by reason",
    );
    let refused = counters
        .refused
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    for (why, count) in &*refused {
        let _ = writeln!(out, "ispeed_site_refused_total{{reason=\"{why}\"}} {count}");
    }
    out
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP ispeed_site_{name} {help}");
    let _ = writeln!(out, "# TYPE ispeed_site_{name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::key::SiteKey;

    #[test]
    fn what_was_refused_stands_under_its_reason() {
        let config = crate::SiteConfig::default();
        let site = Site::new(config, SiteKey::from_seed(&[1; 32]), &[0; 65_536]);
        site.counters().refused("line_full");
        site.counters().refused("line_full");
        site.counters().refused("token_expired");
        let text = text(&site);
        let has = |line: &str| text.lines().any(|l| l == line);
        assert!(
            has("ispeed_site_refused_total{reason=\"line_full\"} 2"),
            "{text}"
        );
        assert!(has("ispeed_site_refused_total{reason=\"token_expired\"} 1"));
        assert!(has("ispeed_site_sessions 0"));
        assert!(has("# TYPE ispeed_site_sent_bytes_total counter"));
    }
}
