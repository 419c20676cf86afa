//! The reflector: stateless, or stateful with a count of its own for every
//! session, which tells loss on the way there from loss on the way back.

use std::net::SocketAddr;

use metric::unit::Micros;

use super::message::{Key, Layout, Malformed, ReflectedPacket, SenderPacket};
use super::timestamp::{ErrorEstimate, NtpTime};
use super::{spec, tlv};
use crate::bounded::Bounded;

/// How a reflector answers.
#[derive(Clone, Debug)]
pub struct Config {
    /// Count for every session (RFC 8762 §4.2, stateful).
    pub stateful: bool,
    /// Answer packets in authenticated mode, and only these.
    pub key: Option<Key>,
    /// Sessions that are counted at most; the one silent for longest is forgotten.
    pub sessions: usize,
    /// UDP ports from which only whole packets with zeros where a sender leaves
    /// them are answered, because what listens there may answer the answer.
    pub wary: Vec<u16>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stateful: true,
            key: None,
            sessions: 4096,
            wary: ECHOING_PORTS.to_vec(),
        }
    }
}

/// Ports whose programs answer anything: echo, daytime, quote, chargen, time,
/// DNS, NTP, STAMP, IRTT. Two reflectors that answer each other never stop.
const ECHOING_PORTS: &[u16] = &[0, 7, 13, 17, 19, 37, 53, 123, spec::PORT, 2112];

/// How a packet came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// From where.
    pub from: SocketAddr,
    /// When, by the clock of the day.
    pub received: NtpTime,
    /// TTL or hop limit, where the kernel told.
    pub ttl: Option<u8>,
}

/// Why a packet is not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// It is no packet of this mode.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its session was not issued here.
    #[error("session {0} was not issued")]
    NotIssued(u16),
    /// It comes from a port that would answer the answer.
    #[error("port {0} may be a reflector itself")]
    Loop(u16),
}

/// A session by the address and port of its sender and its identifier.
type Session = (SocketAddr, u16);

/// Answers test packets. Time is given as microseconds since an origin of the
/// caller's choice.
#[derive(Debug)]
pub struct Reflector {
    config: Config,
    error: ErrorEstimate,
    sessions: Bounded<Session, u32>,
}

impl Reflector {
    /// A reflector whose clock is wrong by no more than `error`.
    pub fn new(config: Config, error: ErrorEstimate) -> Self {
        let sessions = Bounded::new(config.sessions, spec::REFWAIT);
        Self {
            config,
            error,
            sessions,
        }
    }

    /// Sets how wrong the clock may be.
    pub const fn set_error(&mut self, error: ErrorEstimate) {
        self.error = error;
    }

    /// Turns a packet into its answer, in place: never longer, never shorter.
    ///
    /// `sent` is the time at which the answer goes out; `is_issued` says
    /// whether a session identifier is answered.
    ///
    /// # Errors
    ///
    /// [`Refused`]; the packet is then not to be answered, and not counted.
    pub fn reflect(
        &mut self,
        packet: &mut [u8],
        arrival: Arrival,
        sent: NtpTime,
        now: Micros,
        is_issued: impl FnOnce(u16) -> bool,
    ) -> Result<(), Refused> {
        let key = self.config.key.as_ref();
        let asked = SenderPacket::decode(packet, key)?;
        let port = arrival.from.port();
        if self.config.wary.contains(&port) && !is_question(packet, key) {
            return Err(Refused::Loop(port));
        }
        if !is_issued(asked.ssid) {
            return Err(Refused::NotIssued(asked.ssid));
        }
        let sequence = if self.config.stateful {
            let session = (arrival.from, asked.ssid);
            let count = self.sessions.entry(session, now, || 0);
            let sequence = *count;
            *count = count.wrapping_add(1);
            sequence
        } else {
            asked.sequence
        };
        if let Some(tlvs) = packet.get_mut(Layout::of(key).base_len..) {
            tlv::reflect(tlvs, asked.sequence, sequence, key);
        }
        let answer = ReflectedPacket {
            sequence,
            timestamp: sent.0,
            error: self.error,
            ssid: asked.ssid,
            received: arrival.received.0,
            sender_sequence: asked.sequence,
            sender_timestamp: asked.timestamp,
            sender_error: asked.error,
            sender_ttl: arrival.ttl.unwrap_or(255),
        };
        answer.write(packet, key);
        Ok(())
    }

    /// Sessions that are counted.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }
}

/// Whether a packet is a sender's and no reflector's: that writes the time at
/// which it received where a sender leaves zeros (RFC 8762 §4.2, §4.3).
fn is_question(packet: &[u8], key: Option<&Key>) -> bool {
    let layout = Layout::of(key);
    let received = packet.get(layout.received..layout.received + 8);
    packet.len() >= layout.base_len && received.is_some_and(|time| time == [0; 8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arrival(port: u16) -> Arrival {
        Arrival {
            from: SocketAddr::from(([192, 0, 2, 1], port)),
            received: NtpTime(30),
            ttl: Some(61),
        }
    }

    fn reflector(stateful: bool) -> Reflector {
        let config = Config {
            stateful,
            ..Config::default()
        };
        Reflector::new(config, ErrorEstimate(0x0101))
    }

    fn packet(sequence: u32, ssid: u16) -> Vec<u8> {
        SenderPacket {
            sequence,
            timestamp: 20,
            error: ErrorEstimate(0x8202),
            ssid,
        }
        .encode(None)
    }

    #[track_caller]
    fn answer(reflector: &mut Reflector, port: u16, sequence: u32, ssid: u16) -> ReflectedPacket {
        let mut packet = packet(sequence, ssid);
        let sent = NtpTime(40);
        let done = reflector.reflect(&mut packet, arrival(port), sent, Micros(0), |_| true);
        assert_eq!(done, Ok(()));
        ReflectedPacket::decode(&packet, None).unwrap()
    }

    #[test]
    fn a_stateless_reflector_repeats_the_number() {
        let got = answer(&mut reflector(false), 5000, 77, 9);
        let want = ReflectedPacket {
            sequence: 77,
            timestamp: 40,
            error: ErrorEstimate(0x0101),
            ssid: 9,
            received: 30,
            sender_sequence: 77,
            sender_timestamp: 20,
            sender_error: ErrorEstimate(0x8202),
            sender_ttl: 61,
        };
        assert_eq!(got, want);
    }

    #[test]
    fn a_stateful_reflector_counts_each_session_by_itself() {
        let mut reflector = reflector(true);
        let mut count =
            |port, sequence, ssid| answer(&mut reflector, port, sequence, ssid).sequence;
        assert_eq!((count(5000, 10, 1), count(5000, 12, 1)), (0, 1));
        assert_eq!((count(5000, 13, 2), count(5001, 14, 1)), (0, 0));
        assert_eq!(count(5000, 15, 1), 2);
    }

    #[test]
    fn what_is_refused_is_neither_changed_nor_counted() {
        let mut reflector = reflector(true);
        let sent = packet(1, 4);
        let mut try_it = |packet: &mut Vec<u8>, port, issued| {
            reflector.reflect(packet, arrival(port), NtpTime(0), Micros(0), |_| issued)
        };
        let mut copy = sent.clone();
        assert_eq!(try_it(&mut copy, 5000, false), Err(Refused::NotIssued(4)));
        assert_eq!(copy, sent);
        let short = Err(Refused::Malformed(Malformed::TooShort(13)));
        assert_eq!(try_it(&mut vec![0; 13], 5000, true), short);
        assert_eq!(reflector.sessions(), 0);
    }

    #[test]
    fn two_reflectors_do_not_answer_each_other_for_ever() {
        let (mut ours, mut theirs) = (reflector(true), reflector(false));
        let mut packet = packet(1, 4);
        let answer = |of: &mut Reflector, packet: &mut Vec<u8>| {
            of.reflect(packet, arrival(spec::PORT), NtpTime(1), Micros(0), |_| true)
        };
        assert_eq!(
            answer(&mut ours, &mut packet),
            Ok(()),
            "a sender may use the port"
        );
        let back = answer(&mut theirs, &mut packet);
        assert_eq!(back, Err(Refused::Loop(spec::PORT)));
        let short = Err(Refused::Loop(spec::PORT));
        assert_eq!(
            answer(&mut ours, &mut vec![0; 14]),
            short,
            "an echo of an echo"
        );
    }

    #[test]
    fn strangers_cannot_fill_the_memory() {
        let mut reflector = reflector(true);
        for ssid in 0..=u16::MAX {
            answer(&mut reflector, 5000, 0, ssid);
        }
        assert!(reflector.sessions() <= 4096);
    }

    proptest! {
        #[test]
        fn an_answer_is_as_long_as_its_question(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            stateful: bool,
        ) {
            let mut reflector = reflector(stateful);
            let mut packet = bytes.clone();
            let done = reflector.reflect(&mut packet, arrival(5000), NtpTime(1), Micros(0), |_| true);
            prop_assert_eq!(packet.len(), bytes.len());
            prop_assert_eq!(done.is_ok(), bytes.len() >= spec::SHORTEST_LEN);
        }
    }
}
