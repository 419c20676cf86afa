//! What is kept of a stream (msak `model.Throughput1Result`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::Measurement;
use crate::ndt7::request::NameValue;

/// A stream on disk.
///
/// Differs from M-Lab's in one thing: `Client` is the first address of the
/// client's prefix and port 0, because a site keeps no address.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {
    /// Commit of the software; empty here, its version says it.
    pub git_short_commit: String,
    /// Version of the software.
    pub version: String,
    /// `download` or `upload`.
    pub direction: String,
    /// Name of the measurement, which other streams share.
    #[serde(rename = "MeasurementID")]
    pub measurement_id: String,
    /// Name of the stream.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// `address:port` of the server.
    pub server: String,
    /// First address of the client's prefix, and port 0.
    pub client: String,
    /// Congestion control of the end that sends; empty where it is not known.
    #[serde(rename = "CCAlgorithm")]
    pub congestion: String,
    /// When the stream began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Timestamp,
    /// What the server measured, in order of time.
    pub server_measurements: Vec<Measurement>,
    /// What the client said it measured, in order of arrival.
    pub client_measurements: Vec<Value>,
    /// The options of the query.
    pub client_options: Vec<NameValue>,
    /// What the client said of itself.
    pub client_metadata: Vec<NameValue>,
}

/// Path of a record below the folder of archives:
/// `throughput1/2026/11/25/throughput1-download-20261125T070000.000000000Z.<uuid>.json`.
pub fn path(direction: &str, began: Timestamp, uuid: &str) -> String {
    crate::ndt7::archive::path_of("throughput1", direction, began, uuid)
}
