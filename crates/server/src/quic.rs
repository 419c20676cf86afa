//! Latency probes of browsers: WebTransport datagrams over HTTP/3.
//!
//! A session of ours is one `CONNECT` with its token in the path; every
//! datagram that belongs to it comes back as it is, so nothing is ever
//! amplified (draft-ietf-webtrans-http3, RFC 9297).

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use h3::ext::Protocol;
use h3::server::RequestStream;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, StatusCode};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use tokio::time::{sleep_until, timeout};
use wire::native::spec;

use crate::http::{Problem, query};
use crate::measure::{Kind, Stream};
use crate::peer::Peer;
use crate::session::Session;
use crate::site::Site;
use crate::tls::Tls;

/// How long a client may take until its session stands.
const SETUP: Duration = Duration::from_secs(10);
/// A connection that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(15);
/// Streams of a kind that a client may have open.
const STREAMS: u32 = 8;
/// Datagrams that may wait to be read or sent, bytes.
const WAITING_BYTES: usize = 16 * 1024;
/// Time between two datagrams that are answered for long, …
const PACE: Duration = Duration::from_millis(5);
/// … and how far a client may be ahead of it.
const BURST: Duration = Duration::from_millis(500);

/// Serves WebTransport on `socket` for ever.
///
/// # Errors
///
/// The system's or the library's, before anything is served.
pub async fn serve_quic(socket: UdpSocket, tls: &Tls, site: Arc<Site>) -> io::Result<()> {
    let endpoint = endpoint(socket, tls)?;
    while let Some(incoming) = endpoint.accept().await {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            if let Ok(Ok(quic)) = timeout(SETUP, incoming).await {
                connection(quic, site).await;
            }
        });
    }
    Ok(())
}

fn endpoint(socket: UdpSocket, tls: &Tls) -> io::Result<Endpoint> {
    let crypto = QuicServerConfig::try_from(tls.server_config(&[b"h3"])?);
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto.map_err(io::Error::other)?));
    let mut limits = TransportConfig::default();
    limits
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS))
        .max_idle_timeout(Some(
            IdleTimeout::try_from(SILENCE).map_err(io::Error::other)?,
        ))
        .stream_receive_window(VarInt::from_u32(64 * 1024))
        .datagram_receive_buffer_size(Some(WAITING_BYTES))
        .datagram_send_buffer_size(WAITING_BYTES);
    config.transport_config(Arc::new(limits));
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)
}

/// Where a request is answered.
type Answer = RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// Speaks HTTP/3 until the session is over, or none has come.
async fn connection(quic: quinn::Connection, site: Arc<Site>) {
    let built = h3::server::builder()
        .enable_webtransport(true)
        .enable_extended_connect(true)
        .enable_datagram(true)
        .max_webtransport_sessions(1)
        .build(h3_quinn::Connection::new(quic.clone()))
        .await;
    let Ok(mut http) = built else { return };
    let setup = tokio::time::sleep(SETUP);
    let mut setup = std::pin::pin!(setup);
    let mut taken = false;
    loop {
        let next = tokio::select! {
            next = http.accept() => next,
            () = &mut setup, if !taken => return,
        };
        let Ok(Some(next)) = next else { return };
        let Ok((request, answer)) = next.resolve_request().await else {
            continue;
        };
        // One session to a connection; its datagrams need no telling apart.
        let reserved = if taken {
            Err(Problem::subtest_taken())
        } else {
            reserve(&site, &request, &quic)
        };
        match reserved {
            Ok(stream) => {
                taken = true;
                tokio::spawn(probes(quic.clone(), answer, stream));
            }
            Err(problem) => drop(tokio::spawn(refuse(answer, problem))),
        }
    }
}

/// The place of a latency connection, for a request that may have one.
fn reserve(
    site: &Site,
    request: &Request<()>,
    quic: &quinn::Connection,
) -> Result<Stream, Problem> {
    let path = request.uri().path().strip_prefix(spec::MEASURE_PATH);
    let latency = path.and_then(Kind::of_path) == Some(Kind::Latency);
    let protocol = request.extensions().get::<Protocol>();
    if request.method() != Method::CONNECT || protocol != Some(&Protocol::WEB_TRANSPORT) {
        return Err(Problem::upgrade_required());
    }
    if !latency {
        return Err(Problem::not_found());
    }
    let peer = Peer {
        address: quic.remote_address().ip().to_canonical(),
        proxied: false,
    };
    let token = query(request.uri().query(), "token").unwrap_or_default();
    let session = site.session(token, peer)?;
    Stream::reserve(Kind::Latency, session).ok_or_else(Problem::subtest_taken)
}

async fn refuse(mut answer: Answer, problem: Problem) {
    let (head, body) = problem.response().into_parts();
    let body = Full::collect(body).await.map(|body| body.to_bytes());
    let _ = answer.send_response(Response::from_parts(head, ())).await;
    let _ = answer.send_data(body.unwrap_or_default()).await;
    let _ = answer.finish().await;
}

/// Answers datagrams until the client, the session or its time ends.
async fn probes(quic: quinn::Connection, mut answer: Answer, stream: Stream) {
    let accepted = Response::builder()
        .status(StatusCode::OK)
        // What browsers of 2023 wait for.
        .header("sec-webtransport-http3-draft", "draft02")
        .body(());
    let session = stream.session();
    let deadline = session.started + session.claims.caps.session_us.duration();
    if let Ok(accepted) = accepted
        && answer.send_response(accepted).await.is_ok()
    {
        let id = answer.id().into_inner();
        tokio::select! {
            () = echo(&quic, id, session) => {}
            () = until_closed(&mut answer) => {}
            _ = session.ended() => {}
            () = sleep_until(deadline.into()) => {}
        }
    }
    quic.close(VarInt::from_u32(0x100), b""); // H3_NO_ERROR
}

async fn echo(quic: &quinn::Connection, stream_id: u64, session: &Session) {
    let mut pace = Pace::default();
    while let Ok(datagram) = quic.read_datagram().await {
        if is_probe(&datagram, stream_id) && pace.admits(net::now()) {
            // A queue that is full drops the oldest, as a router would.
            if quic.send_datagram(datagram).is_ok() {
                session.echoed();
            }
        }
    }
}

/// The client ends its session by ending the stream; what it says before is
/// capsules that mean nothing to us.
async fn until_closed(answer: &mut Answer) {
    while let Ok(Some(_)) = answer.recv_data().await {}
}

/// Whether a datagram is a probe of the session on that stream: a quarter of
/// the stream's id (RFC 9297 §2.1), then 1 to 64 bytes.
fn is_probe(datagram: &Bytes, stream_id: u64) -> bool {
    let mut rest = datagram.clone();
    let quarter = variable(&mut rest);
    let length = rest.len() as u64;
    quarter == Some(stream_id / 4) && (1..=spec::MAX_PROBE_BYTES).contains(&length)
}

/// A variable-length integer (RFC 9000 §16).
fn variable(bytes: &mut Bytes) -> Option<u64> {
    let first = *bytes.first()?;
    let length = 1 << (first >> 6);
    if bytes.len() < length {
        return None;
    }
    let value = bytes[..length]
        .iter()
        .fold(0, |v, b| v << 8 | u64::from(*b));
    bytes.advance(length);
    Some(value & (u64::MAX >> (64 - 8 * length + 2)))
}

/// Lets one datagram through per [`PACE`], up to [`BURST`] ahead of time.
#[derive(Debug, Default)]
struct Pace(Option<Instant>);

impl Pace {
    fn admits(&mut self, now: Instant) -> bool {
        let due = self.0.map_or(now, |due| due.max(now));
        let admitted = due.duration_since(now) < BURST;
        if admitted {
            self.0 = Some(due + PACE);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_short_and_of_its_session() {
        let check = |bytes: &[u8], stream| is_probe(&Bytes::copy_from_slice(bytes), stream);
        assert!(check(&[0, 7], 0));
        assert!(check(&[1, 7, 7, 7, 7], 4));
        assert!(check(&[0x40, 100, 7], 400), "two bytes of id");
        assert!(!check(&[1, 7], 0), "another session's");
        assert!(!check(&[0], 0), "nothing in it");
        assert!(!check(&[], 0));
        assert!(!check(&[0xc0, 0, 0], 0), "cut off");
        assert!(check(&[&[0], &[1; 64][..]].concat(), 0));
        assert!(!check(&[&[0], &[1; 65][..]].concat(), 0));
    }

    #[test]
    fn integers_of_every_length() {
        // RFC 9000 §A.1.
        let cases: [(&[u8], u64); 4] = [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ];
        for (bytes, want) in cases {
            assert_eq!(variable(&mut Bytes::from_static(bytes)), Some(want));
        }
    }

    #[test]
    fn a_flood_is_thinned_to_the_pace() {
        let (mut pace, start) = (Pace::default(), net::now());
        let second = (0..10_000_u32).map(|i| start + Duration::from_micros(100) * i);
        let admitted = second.filter(|now| pace.admits(*now)).count();
        assert!((295..=305).contains(&admitted), "{admitted}");
    }
}
