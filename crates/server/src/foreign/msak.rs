//! msak's `throughput1`: several streams of one name are one test.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Response;
use metric::unit::Micros;
use serde_json::Value;
use wire::memoryless::Intervals;
use wire::msak::archive::{self, Record};
use wire::msak::message::{self, ByteCounters, Measurement, Stream, WireMeasurement};
use wire::msak::request::Request;
use wire::msak::{INTERVALS, spec};
use wire::ndt7::tcp_info::TcpInfo;

use super::running::{Running, Transfer, Watched, Which};
use super::streaming::{self, Dialect, Ended, Ends, Look, signed};
use super::{Asked, Body, query};
use crate::http::Problem;
use crate::peer::Peer;
use crate::session::Direction;
use crate::site::Site;

pub(super) fn answer(direction: Direction, asked: Asked) -> Result<Response<Body>, Problem> {
    streaming::check(&asked, spec::SUBPROTOCOL)?;
    let request = Request::of_query(query(&asked));
    let request = request.map_err(|e| Problem::query_refused(&e.to_string()))?;
    let longest = Micros(u64::from(asked.site.config().max_subtest_seconds) * 1_000_000);
    let dialect = Msak {
        longest: longest.min(spec::MAX_RUNTIME),
        request,
        sends: direction == Direction::Download,
        base: None,
        text_sent: 0,
        text_received: 0,
        congestion: String::new(),
        told: vec![],
        heard: vec![],
    };
    streaming::answer(direction, asked, spec::SUBPROTOCOL, dialect)
}

struct Msak {
    request: Request,
    longest: Micros,
    sends: bool,
    /// The kernel's account when the stream began.
    base: Option<TcpInfo>,
    /// Bytes of measurements, which count as the application's.
    text_sent: u64,
    text_received: u64,
    /// What the client says that it sends by.
    congestion: String,
    told: Vec<Measurement>,
    heard: Vec<Value>,
}

impl Msak {
    /// What the application at this end has sent and received.
    const fn moved(&self, bytes: u64) -> (u64, u64) {
        if self.sends {
            (bytes + self.text_sent, self.text_received)
        } else {
            (self.text_sent, bytes + self.text_received)
        }
    }
}

impl Dialect for Msak {
    const INTERVALS: Intervals = INTERVALS;
    const FIRST_MESSAGE_BYTES: usize = spec::FIRST_MESSAGE_BYTES;
    const MAX_RECEIVED_MESSAGE_BYTES: u64 = spec::MAX_RECEIVED_MESSAGE_BYTES;
    const FAREWELL: &'static str = spec::FAREWELL;

    fn runtime(&self) -> Micros {
        self.request.runtime.min(self.longest)
    }

    fn longest(&self) -> Micros {
        spec::MAX_RUNTIME
    }

    fn most_sent(&self) -> Option<u64> {
        self.request.most_bytes
    }

    fn congestion(&self) -> Option<&'static str> {
        self.request.congestion
    }

    fn test(&self, site: &Arc<Site>, peer: Peer) -> Arc<Watched> {
        let which = Which {
            protocol: spec::PROTOCOL,
            name: &self.request.mid,
            peer,
        };
        Running::test(site, which)
    }

    fn begins(&mut self, look: Look) {
        self.base = look.tcp;
    }

    /// Clients count the time themselves and then close the socket, as often
    /// as not before their close frame is out.
    fn has_had_its_time(&self, elapsed: Micros) -> bool {
        elapsed.0 + spec::MAX_INTERVAL.0 >= self.runtime().0
    }

    fn tell(&mut self, look: Look, ends: &Ends) -> serde_json::Result<Vec<u8>> {
        let first = self.told.is_empty();
        let (sent, received) = self.moved(look.bytes);
        let measurement = Measurement {
            application: ByteCounters {
                bytes_sent: Some(signed(sent)),
                bytes_received: Some(signed(received)),
            },
            network: self
                .base
                .zip(look.tcp)
                .map(|(base, now)| ByteCounters::between(&base, &now))
                .unwrap_or_default(),
            elapsed_time: signed(look.elapsed.0),
            bbr_info: look.bbr,
            tcp_info: look.tcp,
        };
        self.told.push(measurement.clone());
        let stream = first.then(|| Stream {
            congestion: ends.congestion.clone(),
            uuid: ends.uuid.clone(),
            local_addr: ends.server.to_string(),
            remote_addr: ends.client.to_string(),
        });
        let text = serde_json::to_vec(&WireMeasurement {
            stream,
            measurement,
        })?;
        self.text_sent += text.len() as u64;
        Ok(text)
    }

    /// An upload ends by what the kernel has received.
    fn is_enough(&self, look: &Look) -> bool {
        let received = look
            .tcp
            .and_then(|tcp| u64::try_from(tcp.bytes_received).ok());
        let received = received.unwrap_or(look.bytes);
        let most = self.request.most_bytes;
        look.direction == Direction::Upload && most.is_some_and(|most| received >= most)
    }

    fn hear(&mut self, text: &[u8]) -> Option<()> {
        let (measurement, congestion) = message::of_client(text).ok()?;
        self.text_received += text.len() as u64;
        if self.congestion.is_empty() {
            self.congestion = congestion;
        }
        if self.heard.len() < spec::MAX_CLIENT_MEASUREMENTS {
            self.heard.push(without_addresses(measurement));
        }
        Some(())
    }

    fn archived(self, ended: &Ended) -> serde_json::Result<(String, String)> {
        let client = ended.client.parse().map(|ip| SocketAddr::new(ip, 0));
        let record = Record {
            git_short_commit: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            direction: ended.name().into(),
            measurement_id: self.request.mid,
            uuid: ended.uuid.clone(),
            server: ended.server.to_string(),
            client: client.map_or_else(|_| String::new(), |client| client.to_string()),
            congestion: if self.sends {
                ended.congestion.clone()
            } else {
                self.congestion
            },
            start_time: ended.began,
            end_time: ended.ended,
            server_measurements: self.told,
            client_measurements: self.heard,
            client_options: self.request.options,
            client_metadata: self.request.metadata,
        };
        let path = archive::path(ended.name(), ended.began, &ended.uuid);
        serde_json::to_string(&record).map(|text| (path, text))
    }

    /// Whoever watches the streams of its name keeps them together.
    fn keep(_: Transfer) {}
}

/// A client tells its own address, too, which no archive holds.
fn without_addresses(mut measurement: Value) -> Value {
    if let Some(members) = measurement.as_object_mut() {
        members.remove("LocalAddr");
        members.remove("RemoteAddr");
    }
    measurement
}
