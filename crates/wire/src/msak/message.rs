//! Measurement messages, both ways (msak `model.WireMeasurement`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ndt7::message::{NotAMeasurement, client_measurement};
use crate::ndt7::tcp_info::{BbrInfo, TcpInfo};

/// What one end tells the other.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct WireMeasurement {
    /// Of the stream; only the first message has it.
    #[serde(flatten)]
    pub stream: Option<Stream>,
    /// What was measured.
    #[serde(flatten)]
    pub measurement: Measurement,
}

/// What is told of a stream once.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stream {
    /// Congestion control of the end that tells; empty where it is not known.
    #[serde(rename = "CC", default, skip_serializing_if = "String::is_empty")]
    pub congestion: String,
    /// Name of the stream.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// `address:port` of the end that tells.
    pub local_addr: String,
    /// `address:port` of the other end.
    pub remote_addr: String,
}

/// What one end measured.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Measurement {
    /// Payload of messages, text included.
    #[serde(default)]
    pub application: ByteCounters,
    /// What the kernel took and gave for them, with all that frames them.
    #[serde(default)]
    pub network: ByteCounters,
    /// µs since the stream began.
    #[serde(default)]
    pub elapsed_time: i64,
    /// BBR's account, where BBR runs.
    #[serde(rename = "BBRInfo", default, skip_serializing_if = "Option::is_none")]
    pub bbr_info: Option<BbrInfo>,
    /// The kernel's account, where it gives one.
    #[serde(rename = "TCPInfo", default, skip_serializing_if = "Option::is_none")]
    pub tcp_info: Option<TcpInfo>,
}

/// Bytes both ways since the stream began; absent where nobody counts them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ByteCounters {
    /// Sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<i64>,
    /// Received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<i64>,
}

impl ByteCounters {
    /// What the kernel took and gave between two accounts of a connection:
    /// taken is what it sent, first copies alone, and what waits unsent.
    pub fn between(base: &TcpInfo, now: &TcpInfo) -> Self {
        let taken = |tcp: &TcpInfo| {
            let first = tcp.bytes_sent.saturating_sub(tcp.bytes_retrans);
            first.saturating_add(tcp.notsent_bytes.into())
        };
        Self {
            bytes_sent: Some(taken(now).saturating_sub(taken(base))),
            bytes_received: Some(now.bytes_received.saturating_sub(base.bytes_received)),
        }
    }
}

/// A client's text message: any JSON object is kept as it is. With it the
/// congestion control that the client names, empty where it names none.
///
/// # Errors
///
/// [`NotAMeasurement`] when it is not an object.
pub fn of_client(text: &[u8]) -> Result<(Value, String), NotAMeasurement> {
    let value = client_measurement(text)?;
    let named = value.get("CC").and_then(Value::as_str).unwrap_or_default();
    let named = named.chars().take(16).collect();
    Ok((value, named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_message_tells_of_the_stream() {
        let measurement = Measurement {
            application: ByteCounters {
                bytes_sent: Some(1024),
                bytes_received: None,
            },
            elapsed_time: 7,
            tcp_info: Some(TcpInfo::default()),
            ..Measurement::default()
        };
        let stream = Stream {
            congestion: "bbr".into(),
            uuid: "u".into(),
            local_addr: "[::1]:80".into(),
            remote_addr: "[::1]:81".into(),
        };
        let first = WireMeasurement {
            stream: Some(stream),
            measurement: measurement.clone(),
        };
        let json = serde_json::to_value(&first).unwrap();
        assert_eq!((&json["CC"], &json["UUID"]), (&"bbr".into(), &"u".into()));
        assert_eq!(json["Application"]["BytesSent"], 1024);
        assert_eq!(json["Network"], serde_json::json!({}));
        assert!(json["TCPInfo"]["RTT"].is_u64() && json.get("BBRInfo").is_none());
        assert_eq!(
            serde_json::from_value::<WireMeasurement>(json).unwrap(),
            first
        );
        let later = WireMeasurement {
            stream: None,
            measurement,
        };
        let json = serde_json::to_value(&later).unwrap();
        assert!(json.get("CC").is_none() && json.get("LocalAddr").is_none());
    }

    #[test]
    fn retransmissions_are_not_sent_twice() {
        let base = TcpInfo {
            bytes_sent: 100,
            bytes_received: 500,
            ..TcpInfo::default()
        };
        let now = TcpInfo {
            bytes_sent: 1100,
            bytes_retrans: 300,
            notsent_bytes: 50,
            bytes_received: 700,
            ..TcpInfo::default()
        };
        let counters = ByteCounters::between(&base, &now);
        assert_eq!(
            (counters.bytes_sent, counters.bytes_received),
            (Some(750), Some(200))
        );
    }

    #[test]
    fn a_client_may_name_its_congestion_control() {
        assert_eq!(of_client(br#"{"CC":"cubic"}"#).unwrap().1, "cubic");
        assert_eq!(of_client(br#"{"CC":1}"#).unwrap().1, "");
        assert!(of_client(b"null").is_err() && of_client(b"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = of_client(&text);
        }
    }
}
