//! The STAMP reflector's thread.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use metric::prefix::Prefix;
use metric::unit::Micros;
use net::udp::{Batch, UnixTime};
use wire::stamp::message::{Key, Malformed};
use wire::stamp::reflector::{Arrival, Config, Reflector, Refused};
use wire::stamp::timestamp::{ErrorEstimate, NtpTime};

use super::count::Outcome;
use super::{BATCH, Desk, LONGEST_BYTES, Offered, REPORT, Shared};
use crate::site::Site;

pub(super) fn start(
    socket: UdpSocket,
    site: &Arc<Site>,
    secret: Option<Vec<u8>>,
    ended: Arc<AtomicBool>,
) -> io::Result<()> {
    let config = &site.config().udp;
    let port = socket.local_addr()?.port();
    let mut reflector = Config {
        stateful: !config.stamp_stateless,
        key: secret.as_deref().and_then(Key::new),
        ..Config::default()
    };
    reflector.wary.push(port);
    if reflector.key.is_none() {
        // A client of ours has no secret, so it is told only of an open one.
        let stateful = reflector.stateful;
        let _ = site.udp().offer.set(Offered { port, stateful });
    }
    let desk = Desk::new(socket, site, &site.udp().stamp, ended);
    let issued_only = config.stamp_issued_only;
    let reflector = Reflector::new(reflector, clock_error());
    let site = Arc::clone(site);
    super::spawn("stamp", move || {
        run(desk, reflector, site.udp(), issued_only)
    })
}

fn run(mut desk: Desk, mut reflector: Reflector, shared: &Shared, issued_only: bool) {
    let mut batch = Batch::new(BATCH, LONGEST_BYTES);
    let mut reported = (net::now(), 0);
    while let Some(received) = desk.receive(&mut batch) {
        let now = desk.now();
        for k in 0..received {
            answer(
                &mut desk,
                &mut reflector,
                &mut batch,
                k,
                now,
                |ssid, prefix| !issued_only || shared.issued.holds(ssid, prefix, net::now()),
            );
        }
        send(&desk, &mut batch);
        let answered = desk.counts.of(Outcome::Answered);
        if net::now().duration_since(reported.0) > REPORT {
            reflector.set_error(clock_error());
            if answered != reported.1 {
                tracing::info!("STAMP packets so far: {}", desk.counts.summary());
            }
            reported = (net::now(), answered);
        }
    }
}

fn answer(
    desk: &mut Desk,
    reflector: &mut Reflector,
    batch: &mut Batch,
    k: usize,
    now: Micros,
    is_issued: impl FnOnce(u16, Prefix) -> bool,
) {
    let datagram = batch.datagram(k);
    let Some(from) = desk.admit(datagram.from, datagram.truncated, now) else {
        return;
    };
    let arrival = Arrival {
        from,
        received: ntp(datagram.received),
        ttl: datagram.ttl,
    };
    let sent = ntp(net::udp::unix_time());
    let is_issued = |ssid| is_issued(ssid, Prefix::of(from.ip()));
    match reflector.reflect(datagram.data, arrival, sent, now, is_issued) {
        Ok(()) => batch.keep(k),
        Err(refused) => desk.counts.add(outcome(refused), 1),
    }
}

/// Sends what was kept, and counts what went out and what did not.
pub(super) fn send(desk: &Desk, batch: &mut Batch) {
    let kept = batch.kept();
    if kept == 0 {
        return;
    }
    let sent = batch.send(&desk.socket).unwrap_or(0);
    desk.counts.add(Outcome::Answered, sent as u64);
    desk.counts
        .add(Outcome::NotSent, kept.saturating_sub(sent) as u64);
}

const fn outcome(refused: Refused) -> Outcome {
    match refused {
        Refused::Malformed(Malformed::TooShort(_)) => Outcome::Malformed,
        Refused::Malformed(Malformed::Hash) => Outcome::Unauthenticated,
        Refused::NotIssued(_) => Outcome::NotIssued,
        Refused::Loop(_) => Outcome::Loop,
    }
}

const fn ntp(time: UnixTime) -> NtpTime {
    NtpTime::of_unix(time.seconds, time.nanos)
}

/// How wrong our clock may be; where the system does not tell, a second.
fn clock_error() -> ErrorEstimate {
    let (error, synchronised) = net::udp::clock_error().unwrap_or((super::UNKNOWN_ERROR, false));
    ErrorEstimate::of(Micros::from(error), synchronised)
}
