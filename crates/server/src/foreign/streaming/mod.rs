//! One direction on one WebSocket, with measurements both ways: what M-Lab's
//! protocols have in common, over a bare connection or under TLS.
//!
//! A [`Dialect`] says what one of them says, and how long it goes on.

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
use tokio::time::Instant;
use wire::memoryless::Intervals;
use wire::ndt7::archive;
use wire::ndt7::tcp_info::{BbrInfo, TcpInfo};
use wire::websocket::encode::{close_payload, frame};
use wire::websocket::{self, Opcode};

use super::running::{Transfer, Watched};
use super::{Asked, Body, Place, place};
use crate::http::{self, Problem};
use crate::measure::{Read, last_words, look, take_over, try_read};
use crate::peer::Peer;
use crate::session::Direction;
use crate::site::{Site, random};

/// Text that may wait for a client that does not read.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// What one protocol says on such a connection.
pub(super) trait Dialect: Send + Sized {
    /// Times between measurements.
    const INTERVALS: Intervals;
    /// Payload of the first message of a download.
    const FIRST_MESSAGE_BYTES: usize;
    /// Largest message of an upload.
    const MAX_RECEIVED_MESSAGE_BYTES: u64;
    /// What the close frame says.
    const FAREWELL: &'static str;

    /// How long the direction runs.
    fn runtime(&self) -> Micros;

    /// When the connection is cut.
    fn longest(&self) -> Micros;

    /// Where a download ends to the byte.
    fn most_sent(&self) -> Option<u64> {
        None
    }

    /// The congestion control that the client asked for.
    fn congestion(&self) -> Option<&'static str> {
        None
    }

    /// The test that the stream belongs to.
    fn test(&self, site: &Arc<Site>, peer: Peer) -> Arc<Watched>;

    /// Takes the first look, before anything is carried.
    fn begins(&mut self, _look: Look) {}

    /// Whether a client that goes without a word has had its time: it closed
    /// the connection as its protocol lets it.
    fn has_had_its_time(&self, _elapsed: Micros) -> bool {
        false
    }

    /// The text in which a client is told of a look.
    fn tell(&mut self, look: Look, ends: &Ends) -> serde_json::Result<Vec<u8>>;

    /// Whether every measurement comes with a ping.
    fn pings(&self) -> bool {
        false
    }

    /// Whether a look shows that the client has what it asked for.
    fn is_enough(&self, look: &Look) -> bool;

    /// Keeps a client's measurement; `None` when it is none.
    fn hear(&mut self, text: &[u8]) -> Option<()>;

    /// What is archived, and under which path.
    fn archived(self, ended: &Ended) -> serde_json::Result<(String, String)>;

    /// Keeps the record of a test that is one stream; one of several streams
    /// is kept by who watches it.
    fn keep(transfer: Transfer);
}

/// A look at a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) direction: Direction,
    /// Since the stream began.
    pub(super) elapsed: Micros,
    /// Payload of binary messages so far.
    pub(super) bytes: u64,
    /// Absent where the kernel does not tell of the client.
    pub(super) tcp: Option<TcpInfo>,
    pub(super) bbr: Option<BbrInfo>,
}

/// Both ends of a stream, as they are told to the client and to nobody else.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) server: SocketAddr,
    pub(super) client: SocketAddr,
    pub(super) uuid: String,
    pub(super) began: Timestamp,
    /// Empty where it is not known.
    pub(super) congestion: String,
}

/// A stream that has ended, as an archive may hold it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) direction: Direction,
    pub(super) site: String,
    pub(super) server: SocketAddr,
    /// First address of the client's prefix.
    pub(super) client: String,
    pub(super) uuid: String,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) congestion: String,
}

impl Ended {
    /// Name of the direction.
    pub(super) const fn name(&self) -> &'static str {
        match self.direction {
            Direction::Download => "download",
            Direction::Upload => "upload",
        }
    }
}

/// Checks a request; the stream runs after the answer has gone out.
pub(super) fn answer(
    direction: Direction,
    mut asked: Asked,
    subprotocol: &'static str,
    dialect: impl Dialect + 'static,
) -> Result<Response<Body>, Problem> {
    let refused = || Problem::subprotocol_unsupported(subprotocol);
    let accept = http::accept(&asked.request, Some(subprotocol)).ok_or_else(refused)?;
    let place = place(&asked)?;
    let upgraded = hyper::upgrade::on(&mut asked.request);
    tokio::spawn(run(
        direction, asked.site, asked.peer, dialect, upgraded, place,
    ));
    http::switching(&accept, subprotocol).map(|response| response.map(Body::from))
}

/// Refuses a request that does not name the subprotocol; it is compared
/// exactly, as the reference servers do: a list is refused.
pub(super) fn check(asked: &Asked, subprotocol: &'static str) -> Result<(), Problem> {
    let named = asked.request.headers().get(SEC_WEBSOCKET_PROTOCOL);
    if named == Some(&HeaderValue::from_static(subprotocol)) {
        Ok(())
    } else {
        Err(Problem::subprotocol_unsupported(subprotocol))
    }
}

/// The reference servers close a connection that asked wrongly.
pub(super) fn closing(mut response: Response<Body>) -> Response<Body> {
    if response.status().is_client_error() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

async fn run<D: Dialect>(
    direction: Direction,
    site: Arc<Site>,
    peer: Peer,
    dialect: D,
    upgraded: OnUpgrade,
    _place: Place,
) {
    let Some((mut socket, early)) = take_over(upgraded).await else {
        return;
    };
    let Some(mut run) = Run::begin(direction, &site, peer, dialect, &socket) else {
        return;
    };
    let why = match direction {
        Direction::Download => download::run(&mut run, &mut socket, &early).await,
        Direction::Upload => upload::run(&mut run, &mut socket, &early).await,
    };
    run.end(&mut socket, why).await;
}

/// One stream while it runs.
struct Run<D> {
    dialect: D,
    transfer: Transfer,
    peer: Peer,
    ends: Ends,
    began: Instant,
    /// Frames to be written where no message is half written.
    waiting: Vec<u8>,
    /// Text that was told since it was last asked for.
    said: u64,
    next: Instant,
}

impl<D: Dialect> Run<D> {
    /// `None` when the connection has gone already, or the test has as many
    /// streams as a record holds.
    fn begin(
        direction: Direction,
        site: &Arc<Site>,
        peer: Peer,
        dialect: D,
        socket: &Transport,
    ) -> Option<Self> {
        let tcp = socket.tcp();
        if direction == Direction::Download {
            crate::measure::prepare(socket, site);
        }
        if let Some(asked) = dialect.congestion() {
            // Not to be had on every system; the client is told what is in use.
            let _ = net::tcp::set_congestion(tcp, asked);
        }
        let (server, client) = (tcp.local_addr().ok()?, tcp.peer_addr().ok()?);
        let number = u64::from_ne_bytes(random().ok()?);
        let congestion = net::tcp::congestion(tcp);
        let base = look(peer.proxied, socket, direction);
        let test = dialect.test(site, peer);
        let transfer = Transfer::join(site, test, direction, (congestion.clone(), base))?;
        let now = Instant::from_std(net::now());
        let mut run = Self {
            dialect,
            transfer,
            peer,
            ends: Ends {
                server,
                client: SocketAddr::new(peer.address, client.port()),
                uuid: archive::uuid(&site.config().name, site.started_at(), number),
                began: net::wall_clock(),
                congestion: congestion.unwrap_or_default(),
            },
            began: now,
            waiting: vec![],
            said: 0,
            next: now,
        };
        let look = run.look(socket, 0);
        run.dialect.begins(look);
        Some(run)
    }

    fn elapsed(&self) -> Micros {
        Micros::from(net::now().duration_since(self.began.into_std()))
    }

    fn after(&self, span: Micros) -> Instant {
        self.began + span.duration()
    }

    /// Looks at everything, queues a measurement, and draws the time of the
    /// next; whether the client has what it asked for.
    fn measure(&mut self, socket: &Transport, bytes: u64) -> bool {
        let look = self.look(socket, bytes);
        let enough = self.dialect.is_enough(&look);
        if let Ok(text) = self.dialect.tell(look, &self.ends) {
            self.said += text.len() as u64;
            self.waiting.extend(frame(Opcode::Text, &text, None));
        }
        if self.dialect.pings() {
            let sent_at = net::wall_clock().as_nanosecond().to_string();
            let ping = frame(Opcode::Ping, sent_at.as_bytes(), None);
            self.waiting.extend(ping);
        }
        let drawn = D::INTERVALS.draw(random().map_or(0, u32::from_ne_bytes));
        self.next = Instant::from_std(net::now() + drawn.duration());
        enough
    }

    fn look(&self, socket: &Transport, bytes: u64) -> Look {
        let elapsed = self.elapsed();
        let elapsed_time = signed(elapsed.0);
        // Behind a proxy the kernel's account is about the proxy.
        let tcp = socket.tcp();
        let raw = net::tcp::account(tcp).filter(|_| !self.peer.proxied);
        let bbr = net::tcp::congestion(tcp).is_some_and(|name| name == "bbr");
        let raw_bbr = net::tcp::congestion_account(tcp).filter(|_| bbr && !self.peer.proxied);
        Look {
            direction: self.transfer.direction(),
            elapsed,
            bytes,
            bbr: raw_bbr
                .and_then(|raw| BbrInfo::decode(&raw))
                .map(|info| BbrInfo {
                    elapsed_time,
                    ..info
                }),
            tcp: raw
                .and_then(|raw| TcpInfo::decode(&raw))
                .map(|info| TcpInfo {
                    elapsed_time,
                    ..info
                }),
        }
    }

    fn sample(&self, socket: &Transport) {
        if let Some(sample) = look(self.peer.proxied, socket, self.transfer.direction()) {
            self.transfer.sampled(sample);
        }
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
        let silent = why == Stop::Failed && self.dialect.has_had_its_time(self.elapsed());
        self.transfer.leave(if silent { Stop::Client } else { why });
        if why != Stop::Failed {
            let close = close_payload(websocket::spec::CLOSE_NORMAL, D::FAREWELL);
            self.waiting.extend(frame(Opcode::Close, &close, None));
            last_words(socket, &self.waiting).await;
            let limit = tokio::time::sleep_until(self.after(self.dialect.longest()));
            tokio::select! {
                () = drain(socket) => {}
                () = limit => {}
            }
        }
        self.keep();
    }

    fn keep(self) {
        if self.transfer.subtest().recorder().bytes() == 0 {
            return; // Nothing was measured.
        }
        let site = Arc::clone(self.transfer.site());
        // The client's address and port go no further than its own screen.
        let prefix = Prefix::of(self.peer.address).to_string();
        let ended = Ended {
            direction: self.transfer.direction(),
            site: site.config().name.clone(),
            server: self.ends.server,
            client: prefix.split('/').next().unwrap_or_default().into(),
            uuid: self.ends.uuid,
            began: self.ends.began,
            ended: net::wall_clock(),
            congestion: self.ends.congestion,
        };
        D::keep(self.transfer);
        if let Ok((path, text)) = self.dialect.archived(&ended) {
            site.keep(path, text);
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

pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Text that was read from a client: what was in it.
enum Heard {
    Text(Vec<u8>),
    Ping(Vec<u8>),
}

impl<D: Dialect> Run<D> {
    /// Takes what the decoder found; `None` when the client broke the protocol.
    fn take(&mut self, heard: Vec<Heard>) -> Option<()> {
        for heard in heard {
            match heard {
                Heard::Text(text) => self.dialect.hear(&text)?,
                Heard::Ping(payload) => self.answer_ping(&payload),
            }
        }
        Some(())
    }
}
