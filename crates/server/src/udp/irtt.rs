//! The IRTT server's thread.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use metric::prefix::Prefix;
use metric::unit::Micros;
use net::udp::{Batch, UnixTime};
use wire::irtt::message::{Key, Malformed};
use wire::irtt::server::{Config, Refused, Reply, Server, Stamp};

use super::count::Outcome;
use super::limit::Limiter;
use super::{BATCH, Desk, LONGEST_BYTES, REPORT, unix_ns};
use crate::site::Site;

/// Connections opened in a second, of all and of one prefix. An answer to an
/// open request is 8 octets longer than that, so these are few.
const OPENS_PER_SECOND: [u32; 2] = [200, 4];

pub(super) fn start(
    socket: UdpSocket,
    site: &Arc<Site>,
    secret: Option<Vec<u8>>,
    ended: Arc<AtomicBool>,
) -> io::Result<()> {
    let server = Server::new(Config {
        key: secret.as_deref().and_then(Key::new),
        ..Config::default()
    });
    let desk = Desk::new(socket, site, &site.udp().irtt, ended);
    let [total, prefix] = OPENS_PER_SECOND;
    let opens = Limiter::new(total, prefix);
    super::spawn("irtt", move || run(desk, server, opens))
}

fn run(mut desk: Desk, mut server: Server, mut opens: Limiter) {
    let mut batch = Batch::new(BATCH, LONGEST_BYTES);
    let mut reported = (net::now(), 0);
    while let Some(received) = desk.receive(&mut batch) {
        let now = desk.now();
        for k in 0..received {
            answer(&mut desk, &mut server, &mut opens, &mut batch, k, now);
        }
        super::stamp::send(&desk, &mut batch);
        let answered = desk.counts.of(Outcome::Answered);
        if net::now().duration_since(reported.0) > REPORT {
            if answered != reported.1 {
                tracing::info!("IRTT packets so far: {}", desk.counts.summary());
            }
            reported = (net::now(), answered);
        }
    }
}

fn answer(
    desk: &mut Desk,
    server: &mut Server,
    opens: &mut Limiter,
    batch: &mut Batch,
    k: usize,
    now: Micros,
) {
    let datagram = batch.datagram(k);
    let Some(from) = desk.admit(datagram.from, datagram.truncated, now) else {
        return;
    };
    let mut fresh = None;
    if server.opens(datagram.data) {
        if let Err(why) = opens.allow(Prefix::of(from.ip()), now) {
            desk.counts.add(why, 1);
            return;
        }
        fresh = token();
    }
    let sent = net::udp::unix_time();
    let stamps = stamps(datagram.received, sent, desk.now());
    match server.handle(datagram.data, from, stamps, now, fresh) {
        Ok(Reply::InPlace) => batch.keep(k),
        Ok(Reply::Open(reply)) => {
            let went = desk.socket.send_to(&reply, from).is_ok();
            let outcome = if went {
                Outcome::Answered
            } else {
                Outcome::NotSent
            };
            desk.counts.add(outcome, 1);
        }
        Ok(Reply::None) => {}
        Err(refused) => desk.counts.add(outcome(refused), 1),
    }
}

/// Both moments by both clocks: the kernel tells the arrival by the wall clock,
/// so the monotonic one is set back by as much.
fn stamps(received: UnixTime, sent: UnixTime, now: Micros) -> [Stamp; 2] {
    let mono_ns = i64::try_from(now.0)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000);
    let waited = i64::try_from(sent.since(received).as_nanos()).unwrap_or(0);
    [
        Stamp {
            wall_ns: unix_ns(received),
            mono_ns: mono_ns.saturating_sub(waited),
        },
        Stamp {
            wall_ns: unix_ns(sent),
            mono_ns,
        },
    ]
}

/// A number that nobody guesses.
fn token() -> Option<u64> {
    let mut octets = [0; 8];
    getrandom::fill(&mut octets).ok()?;
    Some(u64::from_le_bytes(octets))
}

const fn outcome(refused: Refused) -> Outcome {
    match refused {
        Refused::Malformed(Malformed::Hash) => Outcome::Unauthenticated,
        Refused::Malformed(_) | Refused::Params(_) => Outcome::Malformed,
        Refused::Unknown => Outcome::NotIssued,
        Refused::TooFast | Refused::Length(_) | Refused::Over => Outcome::NotGranted,
    }
}
