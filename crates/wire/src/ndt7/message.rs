//! Measurement messages, both ways.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tcp_info::{BbrInfo, TcpInfo};

/// What the server measured, as it tells the client and keeps it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Measurement {
    /// The program's own count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_info: Option<AppInfo>,
    /// Both ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_info: Option<ConnectionInfo>,
    /// BBR's account, where BBR runs.
    #[serde(rename = "BBRInfo", default, skip_serializing_if = "Option::is_none")]
    pub bbr_info: Option<BbrInfo>,
    /// The kernel's account, where it gives one.
    #[serde(rename = "TCPInfo", default, skip_serializing_if = "Option::is_none")]
    pub tcp_info: Option<TcpInfo>,
}

/// The program's own count.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AppInfo {
    /// µs since the subtest began.
    pub elapsed_time: i64,
    /// Payload bytes sent or received.
    pub num_bytes: i64,
}

/// Both ends of the connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConnectionInfo {
    /// `address:port` of the client.
    pub client: String,
    /// `address:port` of the server.
    pub server: String,
    /// Name of the subtest.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// When it began.
    pub start_time: Timestamp,
}

/// A client's text message: any JSON object is kept as it is.
///
/// # Errors
///
/// [`NotAMeasurement`] when it is not an object.
pub fn client_measurement(text: &[u8]) -> Result<Value, NotAMeasurement> {
    let value: Value = serde_json::from_slice(text).map_err(|_| NotAMeasurement)?;
    value.is_object().then_some(value).ok_or(NotAMeasurement)
}

/// A text message that is no JSON object.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a measurement message is a JSON object")]
pub struct NotAMeasurement;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_message_names_both_ends() {
        let message = Measurement {
            app_info: Some(AppInfo {
                elapsed_time: 1234,
                num_bytes: 5678,
            }),
            connection_info: Some(ConnectionInfo {
                client: "1.2.3.4:5678".into(),
                server: "[2001:db8::1]:443".into(),
                uuid: "hcm-1_1700000000_00000000000ABCDE".into(),
                start_time: "2026-11-23T03:04:05.678Z".parse().unwrap(),
            }),
            bbr_info: Some(BbrInfo::default()),
            tcp_info: Some(TcpInfo::default()),
        };
        let json = serde_json::to_value(&message).unwrap();
        assert_eq!(json["AppInfo"]["ElapsedTime"], 1234);
        assert_eq!(json["AppInfo"]["NumBytes"], 5678);
        assert_eq!(
            json["ConnectionInfo"]["UUID"],
            "hcm-1_1700000000_00000000000ABCDE"
        );
        assert_eq!(
            json["ConnectionInfo"]["StartTime"],
            "2026-11-23T03:04:05.678Z"
        );
        assert!(json["BBRInfo"]["BW"].is_i64() && json["TCPInfo"]["RTT"].is_u64());
        assert_eq!(
            serde_json::from_value::<Measurement>(json).unwrap(),
            message
        );
    }

    #[test]
    fn what_is_absent_is_not_written() {
        assert_eq!(
            serde_json::to_string(&Measurement::default()).unwrap(),
            "{}"
        );
        assert!(client_measurement(br#"{"AppInfo":{"NumBytes":1.5}}"#).is_ok());
        assert!(client_measurement(b"[]").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = client_measurement(&text);
        }
    }
}
