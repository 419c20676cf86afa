//! What is kept of a subtest (m-lab/ndt-server `spec/data-format.md`, v0.3.0).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::Measurement;
use super::request::NameValue;

/// A subtest on disk.
///
/// Differs from M-Lab's in one thing: `ClientIP` is the first address of the
/// client's prefix and `ClientPort` is 0, because a site keeps no address.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {
    /// Commit of the software; empty here, its version says it.
    pub git_short_commit: String,
    /// Version of the software.
    pub version: String,
    /// The server's address.
    #[serde(rename = "ServerIP")]
    pub server_ip: String,
    /// The server's port.
    pub server_port: u16,
    /// First address of the client's prefix.
    #[serde(rename = "ClientIP")]
    pub client_ip: String,
    /// Always 0.
    pub client_port: u16,
    /// When the subtest began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Timestamp,
    /// The download, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Subtest>,
    /// The upload, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Subtest>,
}

/// One direction.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Subtest {
    /// Name of the subtest.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Timestamp,
    /// What the server measured, in order of time.
    pub server_measurements: Vec<Measurement>,
    /// What the client said it measured, in order of arrival.
    pub client_measurements: Vec<Value>,
    /// What the client said of itself.
    pub client_metadata: Vec<NameValue>,
    /// What the server says of itself.
    pub server_metadata: Vec<NameValue>,
}

/// Path of a record below the folder of archives:
/// `ndt7/2026/11/25/ndt7-download-20261125T070000.000000000Z.<uuid>.json`.
pub fn path(direction: &str, began: Timestamp, uuid: &str) -> String {
    path_of("ndt7", direction, began, uuid)
}

/// The same of any of M-Lab's datatypes.
pub(crate) fn path_of(datatype: &str, direction: &str, began: Timestamp, uuid: &str) -> String {
    let (day, time) = (
        began.strftime("%Y/%m/%d"),
        began.strftime("%Y%m%dT%H%M%S.%9fZ"),
    );
    format!("{datatype}/{day}/{datatype}-{direction}-{time}.{uuid}.json")
}

/// Name of a subtest: the site, when its process began, and 64 bits that no
/// other subtest of it has.
pub fn uuid(site: &str, boot: Timestamp, number: u64) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    };
    let site: String = site.chars().map(safe).collect();
    format!("{site}_{}_{number:016X}", boot.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_filed_by_day_and_name() {
        let began = "2026-11-25T07:00:01.5Z".parse().unwrap();
        let uuid = uuid("hcm/1 …é", began, 0xabcde);
        assert_eq!(uuid, "hcm-1---_1795590001_00000000000ABCDE");
        assert_eq!(
            path("upload", began, "u"),
            "ndt7/2026/11/25/ndt7-upload-20261125T070001.500000000Z.u.json"
        );
    }
}
