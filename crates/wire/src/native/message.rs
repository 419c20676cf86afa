//! JSON messages of the control part.

use jiff::Timestamp;
use metric::bins::BIN;
use metric::budget::{Budget, Connection};
use metric::forecast::HORIZON_BINS;
use metric::goodput::spec as method;
use metric::submission::Network;
use metric::unit::{BitRate, Micros};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::spec;

/// Asks for a session.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// Mode of the method; the site's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The access, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Whether the person pays for data, or asked to save them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub metered: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A session: what a test needs to run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionReply {
    /// Name of the test.
    pub test_id: Uuid,
    /// The tester's secret, 32 hex digits.
    pub nonce: String,
    /// Opens the measuring connections.
    pub token: String,
    /// The site's clock.
    pub server_time: Timestamp,
    /// Name of the site.
    pub site: String,
    /// Edition of the methodology.
    pub method: u16,
    /// Mode that will be run.
    pub mode: String,
    /// Whether the site drew the test for its audit, and so runs mode `full`
    /// instead of the one asked for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub audit: bool,
    /// How to measure.
    pub parameters: Parameters,
    /// What the site enforces.
    pub caps: Caps,
    /// What the test may cost, and what it is expected to; absent from sites
    /// that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataNotice>,
    /// Whether the site tells what arrives; then goodput is computed from that.
    #[serde(default)]
    pub arrivals: bool,
    /// Where a browser may send its latency probes as datagrams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webtransport: Option<WebTransport>,
    /// Probes by UDP; absent where the site has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<UdpOffer>,
}

/// `WebTransport` (HTTP/3) at a site, for latency probes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WebTransport {
    /// UDP port on the site's host.
    pub port: u16,
    /// SHA-256 of certificates to accept, hex; empty where an authority
    /// vouches for the site's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_sha256: Vec<String>,
}

/// Where a session may send STAMP packets (RFC 8762), at the site's address.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UdpOffer {
    /// Port of the reflector.
    pub stamp_port: u16,
    /// Session identifier to send with them (RFC 8972 §3).
    pub ssid: u16,
    /// Whether the reflector counts for itself, so that loss has a direction.
    pub stateful: bool,
}

/// What a test may cost the person, told before it begins; each direction.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DataNotice {
    /// Kind of the connection whose budget holds; absent where none was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// Most payload bytes of a direction; absent where its length alone limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_bytes: Option<u64>,
    /// Payload bytes that a direction of this mode is expected to carry …
    pub expected_bytes: u64,
    /// … on a line of this rate.
    pub assumed_bits_per_second: BitRate,
}

/// How to measure.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Parameters {
    /// Most connections of one direction that are opened early
    /// ([`metric::streams::wanted`]).
    pub streams: u8,
    /// Length of a bin.
    pub bin_us: Micros,
    /// Longest ramp.
    pub ramp_cap_us: Micros,
    /// Length of mode `full`.
    pub measured_us: Micros,
    /// Probes before any load.
    pub idle_probes: u32,
    /// Time between probes.
    pub probe_interval_us: Micros,
    /// When an unanswered probe is lost.
    pub waiting_time_us: Micros,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            streams: spec::STREAMS,
            bin_us: BIN,
            ramp_cap_us: Micros(method::RAMP_CAP_BINS as u64 * BIN.0),
            measured_us: Micros(HORIZON_BINS as u64 * BIN.0),
            idle_probes: spec::IDLE_PROBES,
            probe_interval_us: spec::PROBE_INTERVAL,
            waiting_time_us: spec::WAITING_TIME,
        }
    }
}

/// What the site enforces.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Caps {
    /// Longest direction.
    pub subtest_us: Micros,
    /// Most bytes of one direction.
    pub subtest_bytes: u64,
    /// Longest session.
    pub session_us: Micros,
    /// Budget below `subtest_bytes` that grows with the rate; absent where
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// Upload: payload bytes that one stream brought in one bin.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UploadCount {
    /// Index of the bin.
    pub bin: usize,
    /// Payload bytes.
    pub bytes: u64,
}

/// A direction of a test.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subtest {
    /// From the site.
    Download,
    /// To the site.
    Upload,
}

/// Payload bytes that had arrived at the receiving host in one bin, over all
/// streams. Told in order, every bin once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Arrived {
    /// The direction.
    pub subtest: Subtest,
    /// Index of the bin.
    pub bin: usize,
    /// Payload bytes.
    pub bytes: u64,
}

/// Download: a stream has left BBR's STARTUP. Said once for each stream, where
/// the site's kernel tells; a client that does not know it ignores it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StartupLeft {
    /// Number of the stream, in the order in which the site saw them.
    pub stream: usize,
    /// When it was seen, by the site's clock since the direction began.
    pub startup_left_us: Micros,
}

/// An RFC 9457 problem as a client reads it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// `urn:ispeed:problem:<name>`.
    pub r#type: String,
    /// What the name means.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here.
    #[serde(default)]
    pub detail: String,
    /// Member of the request at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Problem {
    /// The name, without the prefix of the type.
    pub fn name(&self) -> &str {
        self.r#type
            .strip_prefix("urn:ispeed:problem:")
            .unwrap_or(&self.r#type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_request_may_be_empty() {
        let request: SessionRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(request, SessionRequest::default());
        assert!(serde_json::from_str::<SessionRequest>(r#"{"mood": "full"}"#).is_err());
    }

    #[test]
    fn a_problem_has_a_name() {
        let text = r#"{"type": "urn:ispeed:problem:site_busy", "title": "", "status": 503}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(problem.name(), "site_busy");
    }
}
