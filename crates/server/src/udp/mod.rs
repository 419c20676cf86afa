//! Reflectors by UDP: STAMP for our own client and everyone's, IRTT where it
//! is switched on.
//!
//! Each has a thread of its own that the kernel wakes with batches; what they
//! answer is bounded in rate, in size and in memory.

mod count;
mod irtt;
mod issued;
mod limit;
mod stamp;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metric::prefix::Prefix;
use metric::unit::Micros;
use net::udp::UnixTime;
use serde::{Deserialize, Serialize};
use wire::native::message::UdpOffer;

use crate::site::Site;
pub use count::{Counts, Outcome};
use issued::Issued;
use limit::Limiter;

/// What a site can be told about UDP.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct UdpConfig {
    /// Whether STAMP is answered at all.
    pub stamp: bool,
    /// Address of the STAMP reflector. Absent: that of HTTP, on a free port,
    /// which every session is told. The standard's port 862 needs a privilege.
    pub stamp_listen: Option<SocketAddr>,
    /// Whether only sessions of our own protocol are answered.
    pub stamp_issued_only: bool,
    /// Whether packets are not counted by session; loss has no direction then.
    pub stamp_stateless: bool,
    /// File with the secret of authenticated mode; then nothing else is answered.
    pub stamp_key: Option<PathBuf>,
    /// Address of the IRTT server, usually with port 2112. Absent: none.
    pub irtt_listen: Option<SocketAddr>,
    /// File with the secret without which IRTT is not answered.
    pub irtt_key: Option<PathBuf>,
    /// Packets that each reflector answers in a second.
    pub packets_per_second: u32,
    /// Of these, packets of one address prefix (IPv4 /24, IPv6 /48).
    pub prefix_packets_per_second: u32,
}

impl Default for UdpConfig {
    fn default() -> Self {
        Self {
            stamp: true,
            stamp_listen: None,
            stamp_issued_only: false,
            stamp_stateless: false,
            stamp_key: None,
            irtt_listen: None,
            irtt_key: None,
            packets_per_second: 100_000,
            prefix_packets_per_second: 2_000,
        }
    }
}

/// What the reflectors and the sessions share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    issued: Issued,
    stamp: Arc<Counts>,
    irtt: Arc<Counts>,
    offer: OnceLock<Offered>,
}

/// The STAMP reflector that sessions are told of.
#[derive(Clone, Copy, Debug)]
struct Offered {
    port: u16,
    stateful: bool,
}

impl Shared {
    /// A session identifier for a client of `prefix`, and where to use it;
    /// `None` without a reflector, or without an identifier to spare.
    pub(crate) fn issue(&self, prefix: Prefix, random: [u8; 8]) -> Option<UdpOffer> {
        let offered = self.offer.get()?;
        let ssid = self.issued.issue(prefix, random, net::now())?;
        Some(UdpOffer {
            stamp_port: offered.port,
            ssid,
            stateful: offered.stateful,
        })
    }
}

/// The reflectors of a site; they end when this is dropped.
#[derive(Debug)]
pub struct Reflectors {
    ended: Arc<AtomicBool>,
    stamp: Option<SocketAddr>,
    irtt: Option<SocketAddr>,
    counts: [Arc<Counts>; 2],
}

impl Reflectors {
    /// Starts what the site's configuration names; `http` is the IP address
    /// that the site listens on.
    ///
    /// # Errors
    ///
    /// The system's, with the setting: an address that cannot be had, a key
    /// that cannot be read.
    pub fn start(site: &Arc<Site>, http: IpAddr) -> io::Result<Self> {
        let config = &site.config().udp;
        let ended = Arc::new(AtomicBool::new(false));
        let shared = site.udp();
        let stamp = config.stamp.then(|| {
            let any = SocketAddr::new(http, 0);
            bind("site.udp.stamp_listen", config.stamp_listen.unwrap_or(any))
        });
        let stamp = stamp.transpose()?;
        let irtt = config
            .irtt_listen
            .map(|at| bind("site.udp.irtt_listen", at));
        let irtt = irtt.transpose()?;
        let this = Self {
            stamp: stamp.as_ref().map(UdpSocket::local_addr).transpose()?,
            irtt: irtt.as_ref().map(UdpSocket::local_addr).transpose()?,
            counts: [Arc::clone(&shared.stamp), Arc::clone(&shared.irtt)],
            ended: Arc::clone(&ended),
        };
        if let Some(socket) = stamp {
            let key = secret("site.udp.stamp_key", config.stamp_key.as_deref())?;
            stamp::start(socket, site, key, Arc::clone(&ended))?;
        }
        if let Some(socket) = irtt {
            let key = secret("site.udp.irtt_key", config.irtt_key.as_deref())?;
            irtt::start(socket, site, key, ended)?;
        }
        Ok(this)
    }

    /// Where STAMP is answered.
    pub const fn stamp(&self) -> Option<SocketAddr> {
        self.stamp
    }

    /// Where IRTT is answered.
    pub const fn irtt(&self) -> Option<SocketAddr> {
        self.irtt
    }

    /// What became of the packets of STAMP and of IRTT so far.
    pub fn counts(&self) -> [&Counts; 2] {
        [&self.counts[0], &self.counts[1]]
    }
}

impl Drop for Reflectors {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn bind(setting: &str, address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = net::udp::bind(address).and_then(|socket| {
        net::udp::set_patience(&socket, PATIENCE)?;
        Ok(socket)
    });
    socket.map_err(|error| {
        let text = format!("{setting}: UDP {address}: {error}; take another port, or 0 for any");
        io::Error::new(error.kind(), text)
    })
}

/// A secret, without the white space at its end.
fn secret(setting: &str, path: Option<&Path>) -> io::Result<Option<Vec<u8>>> {
    let Some(path) = path else { return Ok(None) };
    let told =
        |kind, why: &str| io::Error::new(kind, format!("{setting}: {}: {why}", path.display()));
    let text = std::fs::read(path).map_err(|error| told(error.kind(), &error.to_string()))?;
    let text = text.trim_ascii_end();
    if text.is_empty() {
        let why = "the file is empty; write the secret into it";
        return Err(told(io::ErrorKind::InvalidData, why));
    }
    Ok(Some(text.to_vec()))
}

/// How long a thread waits for packets before it looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(500);
/// Datagrams taken at a time.
const BATCH: usize = 64;
/// Longest datagram taken: an Ethernet frame's.
const LONGEST_BYTES: usize = 1500;
/// How wrong a clock is taken to be that the system says nothing of.
const UNKNOWN_ERROR: Duration = Duration::from_secs(1);
/// Time between two lines in the log.
const REPORT: Duration = Duration::from_secs(60);

/// What every reflector's loop needs.
struct Desk {
    socket: UdpSocket,
    limiter: Limiter,
    counts: Arc<Counts>,
    ended: Arc<AtomicBool>,
    origin: Instant,
}

impl Desk {
    fn new(socket: UdpSocket, site: &Site, counts: &Arc<Counts>, ended: Arc<AtomicBool>) -> Self {
        let config = &site.config().udp;
        Self {
            socket,
            limiter: Limiter::new(config.packets_per_second, config.prefix_packets_per_second),
            counts: Arc::clone(counts),
            ended,
            origin: net::now(),
        }
    }

    fn now(&self) -> Micros {
        Micros::from(net::now().duration_since(self.origin))
    }

    /// Receives a batch; 0 when nothing came, `None` when it is time to end.
    fn receive(&self, batch: &mut net::udp::Batch) -> Option<usize> {
        if self.ended.load(Ordering::Relaxed) {
            return None;
        }
        match batch.receive(&self.socket, true) {
            Ok(received) => Some(received),
            Err(error) => {
                let nothing = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                if !nothing.contains(&error.kind()) {
                    tracing::warn!(%error, "Could not receive datagrams");
                    std::thread::sleep(PATIENCE);
                }
                Some(0)
            }
        }
    }

    /// The sender of a datagram that may be answered; others are counted.
    fn admit(
        &mut self,
        from: Option<SocketAddr>,
        truncated: bool,
        now: Micros,
    ) -> Option<SocketAddr> {
        let refused = match from {
            None => Outcome::Malformed,
            Some(_) if truncated => Outcome::TooLong,
            Some(from) => match self.limiter.allow(Prefix::of(from.ip()), now) {
                Ok(()) => return Some(from),
                Err(why) => why,
            },
        };
        self.counts.add(refused, 1);
        None
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(name.into());
    thread.spawn(work).map(drop)
}

const fn unix_ns(time: UnixTime) -> i64 {
    let seconds = time.seconds.cast_signed();
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(time.nanos as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let error = secret("site.udp.irtt_key", Some(&path)).unwrap_err();
        assert!(error.to_string().contains("site.udp.irtt_key"), "{error}");
        std::fs::write(&path, " \n").unwrap();
        let error = secret("site.udp.irtt_key", Some(&path)).unwrap_err();
        assert!(error.to_string().contains("write the secret"), "{error}");
        std::fs::write(&path, "s3cret\n").unwrap();
        assert_eq!(secret("x", Some(&path)).unwrap(), Some(b"s3cret".to_vec()));
        assert_eq!(secret("x", None).unwrap(), None);
    }
}
