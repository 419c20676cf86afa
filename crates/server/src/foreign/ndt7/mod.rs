//! ndt7 over a bare connection, bare or under TLS.

mod download;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Response;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use metric::prefix::Prefix;
use metric::receipt::Stop;
use metric::unit::Micros;
use net::transport::Transport;
use serde_json::Value;
use tokio::time::Instant;
use wire::ndt7::archive::{self, Record};
use wire::ndt7::message::{AppInfo, ConnectionInfo, Measurement, client_measurement};
use wire::ndt7::request::{NameValue, Request};
use wire::ndt7::tcp_info::{BbrInfo, TcpInfo};
use wire::ndt7::{interval, spec};
use wire::websocket::encode::{close_payload, frame};
use wire::websocket::{self, Opcode};

use super::test::Test;
use super::{Asked, Body, Place, place, query};
use crate::http::{self, Problem};
use crate::measure::{Read, last_words, look, take_over, try_read};
use crate::peer::Peer;
use crate::session::{Direction, Subtest};
use crate::site::{Site, random};

/// Text that may wait for a client that does not read.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// Checks a request; the subtest runs after the answer has gone out.
pub(super) fn answer(direction: Direction, mut asked: Asked) -> Result<Response<Body>, Problem> {
    let refused = || Problem::subprotocol_unsupported(spec::SUBPROTOCOL);
    // Compared exactly, as the reference server does: a list is refused.
    let subprotocol = asked.request.headers().get(SEC_WEBSOCKET_PROTOCOL);
    if subprotocol != Some(&HeaderValue::from_static(spec::SUBPROTOCOL)) {
        return Err(refused());
    }
    let accept = http::accept(&asked.request, spec::SUBPROTOCOL).ok_or_else(refused)?;
    let request = Request::of_query(query(&asked));
    let request = request.map_err(|e| Problem::query_refused(&e.to_string()))?;
    let place = place(&asked)?;
    let upgraded = hyper::upgrade::on(&mut asked.request);
    tokio::spawn(run(
        direction, asked.site, asked.peer, request, upgraded, place,
    ));
    http::switching(&accept, spec::SUBPROTOCOL).map(|response| response.map(Body::from))
}

/// The reference server closes a connection that asked wrongly.
pub(super) fn closing(mut response: Response<Body>) -> Response<Body> {
    if response.status().is_client_error() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

async fn run(
    direction: Direction,
    site: Arc<Site>,
    peer: Peer,
    request: Request,
    upgraded: OnUpgrade,
    _place: Place,
) {
    let Some((mut socket, early)) = take_over(upgraded).await else {
        return;
    };
    let Some(mut run) = Run::begin(direction, &site, peer, &request, &socket) else {
        return;
    };
    let why = match direction {
        Direction::Download => download::run(&mut run, &mut socket, &early).await,
        Direction::Upload => upload::run(&mut run, &mut socket, &early).await,
    };
    run.end(&mut socket, why).await;
}

/// One subtest while it runs.
struct Run<'a> {
    site: &'a Site,
    peer: Peer,
    direction: Direction,
    subtest: Subtest,
    /// Its line in the recorder.
    stream: usize,
    request: &'a Request,
    ends: ConnectionInfo,
    server: SocketAddr,
    told: Vec<Measurement>,
    heard: Vec<Value>,
    /// Frames to be written where no message is half written.
    waiting: Vec<u8>,
    next: Instant,
}

impl<'a> Run<'a> {
    /// `None` when the connection has gone already.
    fn begin(
        direction: Direction,
        site: &'a Site,
        peer: Peer,
        request: &'a Request,
        socket: &Transport,
    ) -> Option<Self> {
        if direction == Direction::Download {
            crate::measure::prepare(socket, site);
        }
        let (server, client) = (
            socket.tcp().local_addr().ok()?,
            socket.tcp().peer_addr().ok()?,
        );
        let number = u64::from_ne_bytes(random().ok()?);
        let subtest = Subtest::begin(direction, &site.caps(None));
        let congestion = net::tcp::congestion(socket.tcp());
        let base = look(peer.proxied, socket, direction);
        let stream = subtest.recorder().join(Micros(0), congestion, base)?;
        let client = SocketAddr::new(peer.address, client.port());
        Some(Self {
            site,
            peer,
            direction,
            subtest,
            stream,
            request,
            ends: ConnectionInfo {
                client: client.to_string(),
                server: server.to_string(),
                uuid: archive::uuid(&site.config().name, site.started_at(), number),
                start_time: net::wall_clock(),
            },
            server,
            told: vec![],
            heard: vec![],
            waiting: vec![],
            next: Instant::from_std(net::now()),
        })
    }

    fn after(&self, span: Micros) -> Instant {
        Instant::from_std(self.subtest.began + span.duration())
    }

    /// Looks at everything, queues a measurement and a ping, and draws the
    /// time of the next. The bytes that the client has acknowledged come back.
    fn measure(&mut self, socket: &Transport, bytes: u64) -> Option<u64> {
        let measurement = self.look(socket, bytes);
        let acked = measurement.tcp_info.map(|tcp| tcp.bytes_acked);
        if let Ok(text) = serde_json::to_vec(&measurement) {
            self.waiting.extend(frame(Opcode::Text, &text, None));
        }
        let sent_at = net::wall_clock().as_nanosecond().to_string();
        self.waiting
            .extend(frame(Opcode::Ping, sent_at.as_bytes(), None));
        self.told.push(measurement);
        let drawn = random().map_or(0, u32::from_ne_bytes);
        self.next = Instant::from_std(net::now() + interval(drawn).duration());
        acked.and_then(|acked| u64::try_from(acked).ok())
    }

    fn look(&self, socket: &Transport, bytes: u64) -> Measurement {
        let elapsed_time = signed(self.subtest.elapsed().0);
        // Behind a proxy the kernel's account is about the proxy.
        let tcp = socket.tcp();
        let raw = net::tcp::account(tcp).filter(|_| !self.peer.proxied);
        let bbr = net::tcp::congestion(tcp).is_some_and(|name| name == "bbr");
        let raw_bbr = net::tcp::congestion_account(tcp).filter(|_| bbr && !self.peer.proxied);
        Measurement {
            app_info: Some(AppInfo {
                elapsed_time,
                num_bytes: signed(bytes),
            }),
            connection_info: Some(self.ends.clone()),
            bbr_info: raw_bbr.and_then(|raw| {
                let info = BbrInfo::decode(&raw)?;
                Some(BbrInfo {
                    elapsed_time,
                    ..info
                })
            }),
            tcp_info: raw.and_then(|raw| {
                let info = TcpInfo::decode(&raw)?;
                Some(TcpInfo {
                    elapsed_time,
                    ..info
                })
            }),
        }
    }

    fn sample(&self, socket: &Transport) {
        if let Some(sample) = look(self.peer.proxied, socket, self.direction) {
            let at = self.subtest.elapsed();
            self.subtest.recorder().sampled(self.stream, at, sample);
        }
    }

    fn moved(&self, bytes: u64) {
        let at = self.subtest.elapsed();
        self.subtest.recorder().moved(self.stream, at, bytes);
        self.site.carried(self.peer, self.direction, bytes);
    }

    /// Keeps a client's measurement; `None` when it is none.
    fn hear(&mut self, text: &[u8]) -> Option<()> {
        let measurement = client_measurement(text).ok()?;
        if self.heard.len() < spec::MAX_CLIENT_MEASUREMENTS {
            self.heard.push(measurement);
        }
        Some(())
    }

    fn answer_ping(&mut self, payload: &[u8]) {
        self.waiting.extend(frame(Opcode::Pong, payload, None));
    }

    /// Writes what waits, as far as there is room.
    fn flush(&mut self, socket: &mut Transport) -> std::io::Result<()> {
        while !self.waiting.is_empty() {
            let written = socket.try_write(&self.waiting)?;
            self.waiting.drain(..written);
        }
        Ok(())
    }

    fn is_clogged(&self) -> bool {
        self.waiting.len() > MAX_WAITING_BYTES
    }

    async fn end(mut self, socket: &mut Transport, why: Stop) {
        self.sample(socket);
        let at = self.subtest.elapsed();
        self.subtest.recorder().leave(self.stream, at, why);
        if why != Stop::Failed {
            let close = close_payload(websocket::spec::CLOSE_NORMAL, "");
            self.waiting.extend(frame(Opcode::Close, &close, None));
            last_words(socket, &self.waiting).await;
            let limit = tokio::time::sleep_until(self.after(spec::MAX_RUNTIME));
            tokio::select! {
                () = drain(socket) => {}
                () = limit => {}
            }
        }
        self.keep();
    }

    fn keep(self) {
        let record = self.subtest.recorder().finish();
        if record.bytes() == 0 {
            return; // Nothing was measured.
        }
        let mut test = Test::new(spec::PROTOCOL, self.peer, self.ends.start_time);
        test.put(self.direction, record);
        test.keep(self.site);
        let path = archive::path(self.name(), self.ends.start_time, &self.ends.uuid);
        if let Ok(text) = serde_json::to_string(&self.record(net::wall_clock())) {
            self.site.keep(path, text);
        }
    }

    const fn name(&self) -> &'static str {
        match self.direction {
            Direction::Download => "download",
            Direction::Upload => "upload",
        }
    }

    fn record(&self, end_time: Timestamp) -> Record {
        let start_time = self.ends.start_time;
        // The client's address and port go no further than its own screen.
        let nameless = |m: &Measurement| Measurement {
            connection_info: None,
            ..m.clone()
        };
        let prefix = Prefix::of(self.peer.address).to_string();
        let subtest = archive::Subtest {
            uuid: self.ends.uuid.clone(),
            start_time,
            end_time,
            server_measurements: self.told.iter().map(nameless).collect(),
            client_measurements: self.heard.clone(),
            client_metadata: self.request.metadata.clone(),
            server_metadata: vec![NameValue {
                name: "site".into(),
                value: self.site.config().name.clone(),
            }],
        };
        let (download, upload) = match self.direction {
            Direction::Download => (Some(subtest), None),
            Direction::Upload => (None, Some(subtest)),
        };
        Record {
            git_short_commit: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            server_ip: self.server.ip().to_string(),
            server_port: self.server.port(),
            client_ip: prefix.split('/').next().unwrap_or_default().into(),
            client_port: 0,
            start_time,
            end_time,
            download,
            upload,
        }
    }
}

/// Reads what the client still sends, so that our last words reach it before
/// the connection is gone.
async fn drain(socket: &mut Transport) {
    let mut buffer = vec![0; 64 * 1024];
    while socket.readable().await.is_ok() {
        if matches!(try_read(socket, &mut buffer), Read::Gone) {
            return;
        }
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Text that was read from a client: what was in it.
enum Heard {
    Text(Vec<u8>),
    Ping(Vec<u8>),
}

impl Run<'_> {
    /// Takes what the decoder found; `None` when the client broke the protocol.
    fn take(&mut self, heard: Vec<Heard>) -> Option<()> {
        for heard in heard {
            match heard {
                Heard::Text(text) => self.hear(&text)?,
                Heard::Ping(payload) => self.answer_ping(&payload),
            }
        }
        Some(())
    }
}
