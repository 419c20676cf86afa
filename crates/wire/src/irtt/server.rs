//! The server: connections with what they were granted, and echoes.

use std::net::SocketAddr;

use metric::unit::Micros;

use super::message::{Key, Malformed, Request};
use super::params::{self, Limits, Params};
use super::spec;
use crate::bounded::Bounded;

/// How a server answers.
#[derive(Clone, Debug)]
pub struct Config {
    /// Secret without which nothing is answered.
    pub key: Option<Key>,
    /// What is granted at most.
    pub limits: Limits,
    /// Connections at most; the one silent for longest is forgotten.
    pub connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key: None,
            limits: Limits::default(),
            connections: 4096,
        }
    }
}

/// How long a silent connection is kept.
const TIMEOUT: Micros = Micros(60_000_000);
/// Requests that may come before the interval is enforced.
const BURST: i64 = 5;
/// What fills the payload of replies: a stranger's octets are not sent on.
const FILL: &[u8] = b"irtt";

/// A moment by two clocks, in ns: of the day since 1970, and since an origin
/// of the caller's choice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    /// Wall clock.
    pub wall_ns: i64,
    /// Monotonic clock.
    pub mono_ns: i64,
}

/// What goes back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// The packet has become the reply, and is as long as before.
    InPlace,
    /// An open request is answered by its own octets and the token: 8 more
    /// than asked, once for each connection.
    Open(Vec<u8>),
    /// Nothing.
    None,
}

/// Why a packet is not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// It is no request.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its parameters cannot be read.
    #[error(transparent)]
    Params(#[from] params::Malformed),
    /// No such connection, or another address's.
    #[error("no such connection")]
    Unknown,
    /// Sooner than granted.
    #[error("the requests come faster than granted")]
    TooFast,
    /// Longer or shorter than granted.
    #[error("a packet of {0} octets was not granted")]
    Length(usize),
    /// Later than granted.
    #[error("the test is over")]
    Over,
}

#[derive(Debug)]
struct Connection {
    from: SocketAddr,
    params: Params,
    opened: Micros,
    count: u32,
    last: Option<u32>,
    window: u64,
    /// Requests in hand, in parts of the interval (ns), and when that was.
    credit_ns: i64,
    credited: Micros,
}

/// Answers clients. Time is given as microseconds since an origin of the
/// caller's choice.
#[derive(Debug)]
pub struct Server {
    config: Config,
    connections: Bounded<u64, Connection>,
}

impl Server {
    /// A server without connections.
    pub fn new(config: Config) -> Self {
        let connections = Bounded::new(config.connections, TIMEOUT);
        Self {
            config,
            connections,
        }
    }

    /// Whether a packet would open a connection, so that the caller can limit these.
    pub fn opens(&self, packet: &[u8]) -> bool {
        packet.get(3).is_some_and(|flags| flags & spec::OPEN != 0)
    }

    /// Takes a packet and says what goes back.
    ///
    /// `stamps` are when it was received and when the reply goes out; `token`
    /// is a random number for a new connection, without which none is opened.
    ///
    /// # Errors
    ///
    /// [`Refused`]; nothing goes back then.
    pub fn handle(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        stamps: [Stamp; 2],
        now: Micros,
        token: Option<u64>,
    ) -> Result<Reply, Refused> {
        match Request::decode(packet, self.config.key.as_ref())? {
            Request::Open { test, params_at } => {
                let token = if test {
                    Some(token.ok_or(Refused::Unknown)?)
                } else {
                    None
                };
                self.open(packet, params_at, token, from, now)
            }
            Request::Echo {
                token,
                sequence,
                fields_at,
            } => {
                let connection = self.connection(token, from, now)?;
                let fields = connection.echo(packet.len(), sequence, fields_at, stamps, now)?;
                let payload_at = fields_at + fields.len();
                packet[fields_at..payload_at].copy_from_slice(&fields);
                let payload = packet[payload_at..].iter_mut();
                payload
                    .zip(FILL.iter().cycle())
                    .for_each(|(to, from)| *to = *from);
                self.sign(packet);
                Ok(Reply::InPlace)
            }
            Request::Close { token } => {
                self.connection(token, from, now)?;
                self.connections.remove(&token);
                Ok(Reply::None)
            }
        }
    }

    /// Number of connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    fn sign(&self, packet: &mut [u8]) {
        packet[3] |= spec::REPLY;
        if let Some(key) = &self.config.key {
            key.seal(packet);
        }
    }

    fn open(
        &mut self,
        packet: &[u8],
        params_at: usize,
        token: Option<u64>,
        from: SocketAddr,
        now: Micros,
    ) -> Result<Reply, Refused> {
        let asked = Params::decode(&packet[params_at..])?;
        let params = asked.restricted(&self.config.limits);
        let mut reply = packet[..params_at].to_vec();
        reply.extend(token.unwrap_or(0).to_le_bytes());
        reply.extend(params.encode());
        // A default that was not asked for may take octets; not more than these.
        if reply.len() > packet.len() + spec::TOKEN_LEN {
            return Err(Refused::Length(packet.len()));
        }
        self.sign(&mut reply);
        if let Some(token) = token {
            let connection = Connection::new(from, params, now);
            self.connections.entry(token, now, || connection);
        }
        Ok(Reply::Open(reply))
    }

    fn connection(
        &mut self,
        token: u64,
        from: SocketAddr,
        now: Micros,
    ) -> Result<&mut Connection, Refused> {
        let connection = self.connections.get(&token, now);
        let own = connection.filter(|connection| connection.from == from);
        own.ok_or(Refused::Unknown)
    }
}

impl Connection {
    const fn new(from: SocketAddr, params: Params, now: Micros) -> Self {
        Self {
            from,
            params,
            opened: now,
            count: 0,
            last: None,
            window: 0,
            credit_ns: BURST.saturating_mul(params.interval_ns),
            credited: now,
        }
    }

    /// The fields of a reply.
    fn echo(
        &mut self,
        packet_len: usize,
        sequence: u32,
        fields_at: usize,
        stamps: [Stamp; 2],
        now: Micros,
    ) -> Result<Vec<u8>, Refused> {
        let least = fields_at + self.params.fields_len();
        let most = usize::try_from(self.params.length).unwrap_or(0).max(least);
        if packet_len < least || packet_len > most {
            return Err(Refused::Length(packet_len));
        }
        self.spend(now)?;
        self.receive(sequence);
        Ok(self.fields(stamps))
    }

    /// Takes one request from the credit that time gives.
    fn spend(&mut self, now: Micros) -> Result<(), Refused> {
        let ns = |span: u64| i64::try_from(span).unwrap_or(i64::MAX).saturating_mul(1000);
        let age = ns(now.0.saturating_sub(self.opened.0));
        let grace = ns(TIMEOUT.0);
        if age > self.params.duration_ns.saturating_add(grace) {
            return Err(Refused::Over);
        }
        let interval = self.params.interval_ns;
        let more = ns(now.0.saturating_sub(self.credited.0));
        let full = BURST.saturating_mul(interval);
        self.credit_ns = self.credit_ns.saturating_add(more).min(full);
        self.credited = now;
        if self.credit_ns < interval {
            return Err(Refused::TooFast);
        }
        self.credit_ns -= interval;
        Ok(())
    }

    /// Counts a request, and marks it in the window of the last 64: bit 0 is
    /// the highest number that came.
    fn receive(&mut self, sequence: u32) {
        self.count = self.count.wrapping_add(1);
        let ahead = self.last.map_or(64, |last| sequence.saturating_sub(last));
        if self.last.is_none_or(|last| sequence > last) {
            self.window = self.window.checked_shl(ahead).unwrap_or(0) | 1;
            self.last = Some(sequence);
        } else if let Some(behind) = self.last.and_then(|last| last.checked_sub(sequence)) {
            self.window |= 1_u64.checked_shl(behind).unwrap_or(0);
        }
    }

    fn fields(&self, [received, sent]: [Stamp; 2]) -> Vec<u8> {
        let mut out = Vec::with_capacity(44);
        if self.params.has_count() {
            out.extend(self.count.to_le_bytes());
        }
        if self.params.has_window() {
            out.extend(self.window.to_le_bytes());
        }
        let middle = Stamp {
            wall_ns: received.wall_ns / 2 + sent.wall_ns / 2,
            mono_ns: received.mono_ns / 2 + sent.mono_ns / 2,
        };
        let told: &[Stamp] = match self.params.stamp_at {
            1 => &[sent],
            2 => &[received],
            3 => &[received, sent],
            4 => &[middle],
            _ => &[],
        };
        for stamp in told {
            if self.params.clock & 1 != 0 {
                out.extend(stamp.wall_ns.to_le_bytes());
            }
            if self.params.clock & 2 != 0 {
                out.extend(stamp.mono_ns.to_le_bytes());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKEN: u64 = 0x8fb1_925b_3980_7cf0;
    const RECEIVED: Stamp = Stamp {
        wall_ns: 0x18eb_397b_91de_4b21,
        mono_ns: 0x556c_e68c,
    };
    const SENT: Stamp = Stamp {
        wall_ns: 0x18eb_397b_91de_6ebb,
        mono_ns: 0x556d_0a12,
    };

    fn from(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
        digits
            .chunks(2)
            .map(|two| u8::from_str_radix(&two.iter().collect::<String>(), 16).unwrap())
            .collect()
    }

    fn handle(server: &mut Server, packet: &mut [u8], now: u64) -> Result<Reply, Refused> {
        server.handle(
            packet,
            from(5000),
            [RECEIVED, SENT],
            Micros(now),
            Some(TOKEN),
        )
    }

    const OPEN: &str = "14a75b01 0102 02809c9c39 0380b48913 04c801 0506 0606 0706";

    fn opened() -> Server {
        let mut server = Server::new(Config::default());
        handle(&mut server, &mut unhex(OPEN), 0).unwrap();
        server
    }

    fn echo(sequence: u32, length: usize) -> Vec<u8> {
        let mut packet = [
            &spec::MAGIC[..],
            &[0],
            &TOKEN.to_le_bytes(),
            &sequence.to_le_bytes(),
        ]
        .concat();
        packet.resize(length, 0);
        packet
    }

    #[test]
    fn a_captured_conversation_is_repeated() {
        let text = include_str!("../../../../testdata/irtt/conversation.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        let bytes = |name: &str| unhex(golden[name].as_str().unwrap());
        let mut server = Server::new(Config::default());
        let reply = handle(&mut server, &mut bytes("open_request"), 0);
        assert_eq!(reply, Ok(Reply::Open(bytes("open_reply"))));
        let mut packet = bytes("echo_request");
        assert_eq!(handle(&mut server, &mut packet, 10), Ok(Reply::InPlace));
        assert_eq!(packet, bytes("echo_reply"));
        assert_eq!(
            handle(&mut server, &mut bytes("close_request"), 20),
            Ok(Reply::None)
        );
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn the_window_shows_what_came() {
        let mut server = opened();
        let mut window = |sequence, now| {
            let mut packet = echo(sequence, 100);
            handle(&mut server, &mut packet, now).unwrap();
            let count = u32::from_le_bytes(packet[16..20].try_into().unwrap());
            (
                count,
                u64::from_le_bytes(packet[20..28].try_into().unwrap()),
            )
        };
        assert_eq!(window(0, 20_000), (1, 0b1));
        assert_eq!(window(3, 40_000), (2, 0b1001));
        assert_eq!(window(1, 60_000), (3, 0b1101));
        assert_eq!(window(200, 80_000), (4, 0b1));
        assert_eq!(window(3, 100_000), (5, 0b1), "too far back to show");
    }

    #[test]
    fn a_connection_is_its_address_alone() {
        let mut server = opened();
        let mut packet = echo(0, 100);
        let other = server.handle(&mut packet, from(5001), [RECEIVED, SENT], Micros(1), None);
        assert_eq!(other, Err(Refused::Unknown));
        assert_eq!(packet, echo(0, 100), "what is refused is not changed");
    }

    #[test]
    fn faster_than_granted_is_refused() {
        let mut server = opened();
        let burst = (0..20).map(|k| handle(&mut server, &mut echo(k, 100), 1));
        let taken = burst.filter(Result::is_ok).count();
        assert_eq!(taken, 5);
        let even = (0..50).map(|k| {
            handle(
                &mut server,
                &mut echo(20 + k, 100),
                20_001 + 20_000 * u64::from(k),
            )
        });
        assert!(even.into_iter().all(|reply| reply.is_ok()));
    }

    #[test]
    fn longer_or_later_than_granted_is_refused() {
        let mut server = opened();
        assert_eq!(
            handle(&mut server, &mut echo(0, 101), 1),
            Err(Refused::Length(101))
        );
        assert_eq!(
            handle(&mut server, &mut echo(0, 59), 1),
            Err(Refused::Length(59))
        );
        for second in 1..=60 {
            handle(
                &mut server,
                &mut echo(second, 100),
                u64::from(second) * 1_000_000,
            )
            .unwrap();
        }
        assert_eq!(
            handle(&mut server, &mut echo(61, 100), 61_000_000),
            Err(Refused::Over)
        );
    }

    #[test]
    fn asking_without_testing_keeps_nothing() {
        let mut server = Server::new(Config::default());
        let mut packet = unhex(OPEN);
        packet[3] = spec::OPEN | spec::CLOSE;
        let Ok(Reply::Open(reply)) = handle(&mut server, &mut packet, 0) else {
            panic!("no reply");
        };
        assert_eq!(reply[3], spec::OPEN | spec::CLOSE | spec::REPLY);
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_key_is_asked_for_and_given() {
        let key = Key::new(b"secret").unwrap();
        let mut server = Server::new(Config {
            key: Some(key.clone()),
            ..Config::default()
        });
        let refused = Err(Refused::Malformed(Malformed::Hash));
        assert_eq!(handle(&mut server, &mut unhex(OPEN), 0), refused);
        let open = unhex(OPEN);
        let mut packet = [&open[..3], &[9], &[0; 16], &open[4..]].concat();
        key.seal(&mut packet);
        let Ok(Reply::Open(reply)) = handle(&mut server, &mut packet, 0) else {
            panic!("no reply");
        };
        assert_eq!(reply.len(), packet.len() + 8);
        let mut again = reply.clone();
        key.seal(&mut again);
        assert_eq!(again, reply, "the reply carries a hash that holds");
    }

    proptest! {
        #[test]
        fn nothing_is_answered_by_more_than_the_token(
            rest in proptest::collection::vec(any::<u8>(), 0..120),
            open: bool,
        ) {
            let mut server = opened();
            let flags = if open { vec![spec::OPEN] } else { [vec![0], TOKEN.to_le_bytes().to_vec()].concat() };
            let mut packet = [&spec::MAGIC[..], &flags, &rest].concat();
            let length = packet.len();
            match handle(&mut server, &mut packet, 1) {
                Ok(Reply::Open(reply)) => prop_assert!(reply.len() <= length + 8),
                _ => prop_assert_eq!(packet.len(), length),
            }
        }
    }
}
