//! Messages of the control server, as far as a measurement needs them
//! (specification, "Phase 1" and "Phase 7"; members as clients read them:
//! open-rmbt-client-cli, rmbtws).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Number;
use uuid::Uuid;

use super::spec;

/// Longest message taken: a result carries a point for every 40 ms of every
/// connection.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// What is asked of the control server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// A client's own name.
    Settings,
    /// A test.
    TestRequest,
    /// What a client measured.
    Result,
    /// What the client's browser calls itself.
    DataCollector,
}

impl Endpoint {
    /// The endpoint of a path.
    pub fn of_path(path: &str) -> Option<Self> {
        match path.strip_prefix(spec::CONTROL_PATH)? {
            "settings" => Some(Self::Settings),
            "testRequest" => Some(Self::TestRequest),
            "result" => Some(Self::Result),
            "requestDataCollector" => Some(Self::DataCollector),
            _ => None,
        }
    }
}

/// A question for settings; all other members are passed over.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct SettingsQuestion {
    /// The name that the client has already.
    pub uuid: Option<String>,
}

impl SettingsQuestion {
    /// The name that the client goes on with: its own, if it is one.
    pub fn name(&self, fresh: Uuid) -> Uuid {
        let own = self.uuid.as_deref().and_then(|text| text.parse().ok());
        own.unwrap_or(fresh)
    }
}

/// Settings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SettingsAnswer {
    /// One element.
    pub settings: [Settings; 1],
    /// Empty.
    pub error: Vec<String>,
}

/// A client's settings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Settings {
    /// Name of the client, by which nothing is kept here.
    pub uuid: Uuid,
}

/// A question for a test; all other members are passed over.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct TestQuestion {
    /// `RMBT` or `RMBTws`.
    pub client: String,
    /// What else it can.
    pub capabilities: Capabilities,
}

/// What a client can.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct Capabilities {
    /// Whether it upgrades from HTTP.
    #[serde(rename = "RMBThttp")]
    pub http: bool,
}

impl TestQuestion {
    /// How the client measures; `None` when it speaks RMBT from the first byte,
    /// which nobody can on a port that speaks HTTP.
    pub fn kind(&self) -> Option<&'static str> {
        match (self.client.as_str(), self.capabilities.http) {
            ("RMBTws", _) => Some("RMBTws"),
            (_, true) => Some("RMBThttp"),
            _ => None,
        }
    }
}

/// What a client needs to measure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TestAnswer {
    /// Name of the test.
    pub test_uuid: Uuid,
    /// What opens its connections.
    pub test_token: String,
    /// Host of the measurement server, without a port.
    pub test_server_address: String,
    /// Its port.
    pub test_server_port: u16,
    /// Whether TLS is spoken there.
    pub test_server_encryption: bool,
    /// Name of the measurement server.
    pub test_server_name: String,
    /// How it is spoken to.
    pub test_server_type: String,
    /// Length of each measurement, seconds.
    pub test_duration: u32,
    /// Connections at a time.
    pub test_numthreads: u32,
    /// Pings.
    pub test_numpings: u32,
    /// Seconds to wait.
    pub test_wait: u32,
    /// Where the result goes.
    pub result_url: String,
    /// The address that the client has here.
    pub client_remote_ip: IpAddr,
    /// The client's operator; empty: a site knows none.
    pub provider: String,
    /// Empty.
    pub error: Vec<String>,
}

/// An answer that holds nothing but what went wrong, or that nothing did.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Plain {
    /// In words; empty: all is well.
    pub error: Vec<String>,
}

/// What a client says it measured. Of all that it sends only this is read:
/// positions, addresses and what tells people apart are passed over.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Measured {
    /// The token of the test.
    #[serde(skip_serializing)]
    pub test_token: String,
    /// kbit/s down.
    pub test_speed_download: Option<Number>,
    /// kbit/s up.
    pub test_speed_upload: Option<Number>,
    /// ns of the shortest ping, as the server timed it.
    pub test_ping_shortest: Option<Number>,
    /// Bytes down.
    pub test_bytes_download: Option<Number>,
    /// ns in which they came.
    pub test_nsec_download: Option<Number>,
    /// Bytes up.
    pub test_bytes_upload: Option<Number>,
    /// ns in which they went.
    pub test_nsec_upload: Option<Number>,
    /// Connections down.
    pub test_num_threads: Option<Number>,
    /// Connections up.
    pub num_threads_ul: Option<Number>,
}

/// What a browser calls itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DataCollector {
    /// `User-Agent`.
    pub agent: String,
    /// Empty: it is not taken apart here.
    pub product: String,
    /// Empty as well.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_endpoint() {
        let of = |name: &str| Endpoint::of_path(&format!("/RMBTControlServer/{name}"));
        assert_eq!(of("settings"), Some(Endpoint::Settings));
        assert_eq!(of("testRequest"), Some(Endpoint::TestRequest));
        assert_eq!(of("result"), Some(Endpoint::Result));
        assert_eq!(of("requestDataCollector"), Some(Endpoint::DataCollector));
        assert_eq!((of("history"), Endpoint::of_path("/result")), (None, None));
    }

    #[test]
    fn a_client_that_needs_a_bare_port_is_known() {
        let kind = |json: &str| {
            let question: TestQuestion = serde_json::from_str(json).unwrap();
            question.kind()
        };
        assert_eq!(kind(r#"{"client":"RMBTws","uuid":"x"}"#), Some("RMBTws"));
        let upgrades = r#"{"client":"RMBT","capabilities":{"RMBThttp":true}}"#;
        assert_eq!(kind(upgrades), Some("RMBThttp"));
        assert_eq!(kind(r#"{"client":"RMBT","capabilities":{}}"#), None);
    }

    #[test]
    fn of_a_result_only_figures_are_kept() {
        let said = r#"{"test_token":"t","test_speed_download":93000,"test_nsec_upload":7.1e9,
            "geoLocations":[{"geo_lat":10.7}],"client_uuid":"u","pings":[]}"#;
        let measured: Measured = serde_json::from_str(said).unwrap();
        let kept = serde_json::to_string(&measured).unwrap();
        assert!(kept.contains("93000") && !kept.contains("10.7") && !kept.contains("\"t\""));
    }

    #[test]
    fn a_client_keeps_its_name() {
        let fresh = Uuid::from_u128(1);
        let own = SettingsQuestion {
            uuid: Some(Uuid::from_u128(2).to_string()),
        };
        assert_eq!(own.name(fresh), Uuid::from_u128(2));
        assert_eq!(SettingsQuestion::default().name(fresh), fresh);
    }
}
