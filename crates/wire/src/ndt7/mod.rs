//! ndt7, M-Lab's test (m-lab/ndt-server `spec/ndt7-protocol.md`, v0.11.0).
//!
//! One WebSocket per direction: binary messages carry the load, text messages
//! carry what each end measures.

pub mod archive;
pub mod message;
pub mod request;
pub mod tcp_info;

use crate::memoryless::Intervals;

/// Constants of the protocol and of its reference server.
pub mod spec {
    use metric::unit::Micros;

    /// Name in receipts.
    pub const PROTOCOL: &str = "ndt7";
    /// WebSocket subprotocol; compared exactly.
    pub const SUBPROTOCOL: &str = "net.measurementlab.ndt.v7";
    /// Path of the download.
    pub const DOWNLOAD_PATH: &str = "/ndt/v7/download";
    /// Path of the upload.
    pub const UPLOAD_PATH: &str = "/ndt/v7/upload";
    /// First download message ("Initial message size", 1 << 13).
    pub const FIRST_MESSAGE_BYTES: usize = 1 << 13;
    /// Largest upload message that must be taken.
    pub const MAX_RECEIVED_MESSAGE_BYTES: u64 = 1 << 24;
    /// When the server ends a subtest.
    pub const RUNTIME: Micros = Micros(10_000_000);
    /// When it cuts the connection.
    pub const MAX_RUNTIME: Micros = Micros(15_000_000);
    /// Mean time between measurement messages.
    pub const MEAN_INTERVAL: Micros = Micros(250_000);
    /// Least time between them.
    pub const MIN_INTERVAL: Micros = Micros(25_000);
    /// Most time between them.
    pub const MAX_INTERVAL: Micros = Micros(625_000);
    /// The only value of `early_exit`, megabytes.
    pub const EARLY_EXIT_MEGABYTES: u64 = 250;
    /// Longest query taken.
    pub const MAX_QUERY_BYTES: usize = 4096;
    /// Text messages of a client that are kept; it may send ten a second.
    pub const MAX_CLIENT_MEASUREMENTS: usize = 150;
}

/// Times between measurement messages.
pub const INTERVALS: Intervals = Intervals {
    least: spec::MIN_INTERVAL,
    mean: spec::MEAN_INTERVAL,
    most: spec::MAX_INTERVAL,
};
