//! The measuring connections after their upgrade: TCP, bare or under TLS,
//! framed by hand.

mod arrivals;
mod download;
mod intake;
mod latency;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use metric::bins::{BIN, Bins};
use metric::receipt::{Stop, TcpRecord};
use metric::unit::Micros;
use net::transport::Transport;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use wire::native::message::StartupLeft;
use wire::native::recorder::{Arrival, Sample};

pub(crate) use intake::Intake;

use crate::session::{Direction, Open, Session, Subtest};
use crate::site::Site;

/// Kind of a measuring connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Latency,
    Arrivals,
    Subtest(Direction),
}

impl Kind {
    /// The kind that the last part of a path names.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        match path {
            "latency" => Some(Self::Latency),
            "arrivals" => Some(Self::Arrivals),
            "download" => Some(Self::Subtest(Direction::Download)),
            "upload" => Some(Self::Subtest(Direction::Upload)),
            _ => None,
        }
    }
}

/// A place reserved for a connection in its session.
#[derive(Debug)]
pub(crate) struct Stream {
    kind: Kind,
    session: Arc<Session>,
    subtest: Option<Arc<Subtest>>,
    _open: Open,
}

impl Stream {
    /// `None` when the direction has been run, or the session has ended.
    pub(crate) fn reserve(kind: Kind, session: Arc<Session>) -> Option<Self> {
        let (subtest, open) = match kind {
            Kind::Latency | Kind::Arrivals if session.has_ended() => return None,
            Kind::Latency | Kind::Arrivals => (None, session.open()),
            Kind::Subtest(direction) => {
                let (subtest, open) = session.join(direction)?;
                (Some(subtest), open)
            }
        };
        Some(Self {
            kind,
            session,
            subtest,
            _open: open,
        })
    }
}

impl Stream {
    /// The session it belongs to.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }
}

/// Waits for the upgrade and drives the connection to its end.
pub(crate) async fn run(site: Arc<Site>, stream: Stream, upgraded: OnUpgrade) {
    let Some((socket, early)) = take_over(upgraded).await else {
        return;
    };
    match (stream.kind, &stream.subtest) {
        (Kind::Arrivals, _) => arrivals::run(socket, &stream.session).await,
        (Kind::Latency, _) | (_, None) => latency::run(socket, early, &stream.session).await,
        (Kind::Subtest(direction), Some(subtest)) => {
            let Some(track) = Track::join(&stream.session, subtest, &socket, &site, direction)
            else {
                return;
            };
            match direction {
                Direction::Download => download::run(socket, early, track, &site).await,
                Direction::Upload => upload::run(socket, early, track).await,
            }
        }
    }
}

/// The bare connection after an upgrade, and what had been read of it already.
pub(crate) async fn take_over(upgraded: OnUpgrade) -> Option<(Transport, Bytes)> {
    let upgraded = tokio::time::timeout(Duration::from_secs(5), upgraded).await;
    let parts = upgraded.ok()?.ok()?.downcast::<TokioIo<Transport>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

/// Sets a socket up to send as fast as it can.
pub(crate) fn prepare(socket: &Transport, site: &Site) {
    // Not to be had on every system; the receipt says what was in use.
    let _ = net::tcp::set_congestion(socket.tcp(), &site.config().congestion);
    let _ = net::tcp::set_notsent_lowat(socket.tcp(), 128 * 1024);
}

/// One stream's line in the recorder of its direction.
struct Track<'a> {
    session: &'a Session,
    subtest: &'a Subtest,
    site: &'a Site,
    /// What the stream has moved, for the account of its network.
    carried: AtomicU64,
    direction: Direction,
    id: usize,
    deadline: Instant,
}

impl<'a> Track<'a> {
    fn join(
        session: &'a Session,
        subtest: &'a Subtest,
        socket: &Transport,
        site: &'a Site,
        direction: Direction,
    ) -> Option<Self> {
        if direction == Direction::Download {
            prepare(socket, site);
        }
        let congestion = net::tcp::congestion(socket.tcp());
        let id = subtest.recorder().join(
            subtest.elapsed(),
            congestion,
            look(session.proxied, socket, direction),
        )?;
        let longest = session.claims.caps.subtest_us.duration();
        let deadline = Instant::from_std(subtest.began + longest);
        Some(Self {
            session,
            subtest,
            site,
            carried: AtomicU64::new(0),
            direction,
            id,
            deadline,
        })
    }

    /// Reserves up to `bytes` of what the direction may still carry.
    fn reserve(&self, bytes: usize) -> usize {
        let given = self.subtest.allowance().reserve(bytes as u64);
        usize::try_from(given).unwrap_or(bytes)
    }

    fn give_back(&self, bytes: usize) {
        self.subtest.allowance().give_back(bytes as u64);
    }

    /// Counts bytes that came; whether that was all the direction may carry.
    fn spend(&self, bytes: u64) -> bool {
        let mut allowance = self.subtest.allowance();
        allowance.reserve(bytes);
        allowance.left() == 0
    }

    fn moved(&self, at: Micros, bytes: u64) {
        self.subtest.recorder().moved(self.id, at, bytes);
        self.carried.fetch_add(bytes, Ordering::Relaxed);
        self.site.meter().moved(net::now(), self.direction, bytes);
    }

    fn sample(&self, socket: &Transport) {
        if let Some(sample) = look(self.session.proxied, socket, self.direction) {
            let at = self.subtest.elapsed();
            self.subtest.recorder().sampled(self.id, at, sample);
        }
    }

    /// When the kernel says that BBR's STARTUP is over; `None` while it is not,
    /// and where the kernel does not tell of the connection to the client itself.
    fn left_startup(&self, socket: &Transport) -> Option<StartupLeft> {
        let over = !self.session.proxied && net::tcp::is_in_startup(socket.tcp()) == Some(false);
        let at = over.then(|| self.subtest.elapsed())?;
        self.subtest.recorder().left_startup(self.id, at);
        Some(StartupLeft {
            stream: self.id,
            startup_left_us: at,
        })
    }

    /// Takes the rate so far into account, and says whether the direction has
    /// carried all that it may.
    fn is_full(&self) -> bool {
        self.subtest.see_rate();
        self.subtest.allowance().left() == 0
    }

    /// Waits until the client's kernel has acknowledged `bytes` of this stream:
    /// what is under way at a cap arrives all the same, and belongs to what the
    /// site saw.
    async fn drained(&self, socket: &Transport, bytes: u64) {
        if self.subtest.recorder().counts_moved() {
            return;
        }
        let acknowledged = async {
            loop {
                self.sample(socket);
                let seen = self.subtest.recorder().stream_bytes(self.id);
                if seen.is_none_or(|seen| seen >= bytes) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN, acknowledged).await;
    }

    fn leave(&self, socket: &Transport, why: Stop) {
        self.sample(socket);
        let at = self.subtest.elapsed();
        self.subtest.recorder().leave(self.id, at, why);
    }

    /// Ticks at the ends of the direction's bins.
    fn ticks(&self) -> Interval {
        ticks(self.subtest)
    }
}

/// Ticks at the ends of a direction's bins.
pub(crate) fn ticks(subtest: &Subtest) -> Interval {
    let next = (Bins::index(subtest.elapsed()) as u64 + 1) * BIN.0;
    let next = subtest.began + Micros(next).duration();
    let mut ticks = interval_at(Instant::from_std(next), BIN.duration());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

impl Drop for Track<'_> {
    fn drop(&mut self) {
        let network = self.session.claims.client_prefix;
        let carried = self.carried.load(Ordering::Relaxed);
        let networks = self.site.networks();
        networks.spend(network, carried, net::wall_clock());
    }
}

/// The kernel's account of a connection to the client itself, as the recorder
/// wants it.
pub(crate) fn look(proxied: bool, socket: &Transport, direction: Direction) -> Option<Sample> {
    let info = net::tcp::info(socket.tcp()).filter(|_| !proxied)?;
    let tcp = TcpRecord {
        min_rtt_us: info.min_rtt_us,
        srtt_us: info.srtt_us,
        bytes_retransmitted: info.bytes_retransmitted,
        busy_us: info.busy_us,
        rwnd_limited_us: info.rwnd_limited_us,
        sndbuf_limited_us: info.sndbuf_limited_us,
    };
    let (in_order, with_holes) = match direction {
        Direction::Download => (info.bytes_acked, info.bytes_delivered),
        Direction::Upload => (info.bytes_received, info.segment_bytes_in),
    };
    let [bytes_acked, in_order, with_holes] =
        [info.bytes_acked, in_order, with_holes].map(|bytes| carried(bytes, socket.is_tls()));
    Some(Sample {
        bytes_acked,
        arrival: Arrival {
            in_order,
            with_holes,
            holes: info.segments_out_of_order > 0,
        },
        tcp,
    })
}

/// What TCP carried without what TLS added: a full record is 16,384 bytes in
/// 16,406 (RFC 8446 §5.2: header 5, type 1, tag 16). Both ends write full
/// records while they measure; the few short ones make the rest a little more
/// than it is, never less.
fn carried(bytes: u64, tls: bool) -> u64 {
    if !tls {
        return bytes;
    }
    let payload = (u128::from(bytes) * 16_384).div_ceil(16_406);
    u64::try_from(payload).unwrap_or(bytes)
}

/// How long what is under way may take to arrive after a cap.
const DRAIN: Duration = Duration::from_millis(800);
/// Time between two looks at what has arrived.
const LOOK: Duration = Duration::from_millis(20);

/// What reading came to.
pub(crate) enum Read {
    /// So many bytes are in the buffer.
    Bytes(usize),
    /// Nothing for now.
    Later,
    /// The peer is gone, without or with an error.
    Gone,
}

impl Read {
    fn of(read: std::io::Result<usize>) -> Self {
        match read {
            Ok(0) => Self::Gone,
            Ok(n) => Self::Bytes(n),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Self::Later,
            Err(_) => Self::Gone,
        }
    }
}

pub(crate) fn try_read(socket: &mut Transport, buffer: &mut [u8]) -> Read {
    Read::of(socket.try_read(buffer))
}

/// Writes a last frame, as far as the peer takes it within a second.
pub(crate) async fn last_words(socket: &mut Transport, bytes: &[u8]) {
    use tokio::io::AsyncWriteExt as _;
    let said = socket.write_all(bytes);
    let _ = tokio::time::timeout(Duration::from_secs(1), said).await;
    let _ = tokio::time::timeout(Duration::from_millis(100), socket.shutdown()).await;
}
