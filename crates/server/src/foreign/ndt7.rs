//! ndt7: one stream is one direction is one test.

use std::sync::Arc;

use hyper::Response;
use metric::unit::Micros;
use serde_json::Value;
use wire::memoryless::Intervals;
use wire::ndt7::archive::{self, Record};
use wire::ndt7::message::{AppInfo, ConnectionInfo, Measurement, client_measurement};
use wire::ndt7::request::{NameValue, Request};
use wire::ndt7::{INTERVALS, spec};

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
    let dialect = Ndt7 {
        request,
        told: vec![],
        heard: vec![],
    };
    streaming::answer(direction, asked, spec::SUBPROTOCOL, dialect)
}

struct Ndt7 {
    request: Request,
    told: Vec<Measurement>,
    heard: Vec<Value>,
}

impl Dialect for Ndt7 {
    const INTERVALS: Intervals = INTERVALS;
    const FIRST_MESSAGE_BYTES: usize = spec::FIRST_MESSAGE_BYTES;
    const MAX_RECEIVED_MESSAGE_BYTES: u64 = spec::MAX_RECEIVED_MESSAGE_BYTES;
    const FAREWELL: &'static str = "";

    fn runtime(&self) -> Micros {
        spec::RUNTIME
    }

    fn longest(&self) -> Micros {
        spec::MAX_RUNTIME
    }

    fn test(&self, site: &Arc<Site>, peer: Peer) -> Arc<Watched> {
        Running::alone(site, Which::nameless(spec::PROTOCOL, peer))
    }

    fn tell(&mut self, look: Look, ends: &Ends) -> serde_json::Result<Vec<u8>> {
        let measurement = Measurement {
            app_info: Some(AppInfo {
                elapsed_time: signed(look.elapsed.0),
                num_bytes: signed(look.bytes),
            }),
            connection_info: Some(ConnectionInfo {
                client: ends.client.to_string(),
                server: ends.server.to_string(),
                uuid: ends.uuid.clone(),
                start_time: ends.began,
            }),
            bbr_info: look.bbr,
            tcp_info: look.tcp,
        };
        let text = serde_json::to_vec(&measurement);
        self.told.push(Measurement {
            connection_info: None,
            ..measurement
        });
        text
    }

    fn pings(&self) -> bool {
        true
    }

    /// A download may end early, by what the client has acknowledged.
    fn is_enough(&self, look: &Look) -> bool {
        let acked = look.tcp.and_then(|tcp| u64::try_from(tcp.bytes_acked).ok());
        let acked = acked.unwrap_or(look.bytes);
        let most = self.request.early_exit_bytes;
        look.direction == Direction::Download && most.is_some_and(|most| acked >= most)
    }

    fn hear(&mut self, text: &[u8]) -> Option<()> {
        let measurement = client_measurement(text).ok()?;
        if self.heard.len() < spec::MAX_CLIENT_MEASUREMENTS {
            self.heard.push(measurement);
        }
        Some(())
    }

    fn archived(self, ended: &Ended) -> serde_json::Result<(String, String)> {
        let subtest = archive::Subtest {
            uuid: ended.uuid.clone(),
            start_time: ended.began,
            end_time: ended.ended,
            server_measurements: self.told,
            client_measurements: self.heard,
            client_metadata: self.request.metadata,
            server_metadata: vec![NameValue {
                name: "site".into(),
                value: ended.site.clone(),
            }],
        };
        let (download, upload) = match ended.direction {
            Direction::Download => (Some(subtest), None),
            Direction::Upload => (None, Some(subtest)),
        };
        let record = Record {
            git_short_commit: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            server_ip: ended.server.ip().to_string(),
            server_port: ended.server.port(),
            client_ip: ended.client.clone(),
            client_port: 0,
            start_time: ended.began,
            end_time: ended.ended,
            download,
            upload,
        };
        let path = archive::path(ended.name(), ended.began, &ended.uuid);
        serde_json::to_string(&record).map(|text| (path, text))
    }

    fn keep(transfer: Transfer) {
        transfer.keep_alone();
    }
}
