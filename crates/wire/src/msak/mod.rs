//! msak's `throughput1`, M-Lab's test over several streams (m-lab/msak
//! `pkg/throughput1` and the design document that its README names).
//!
//! Each stream is a WebSocket of its own, as in ndt7: binary messages carry
//! the load, text messages what each end measures. Streams of one measurement
//! carry the same `mid`; the client chooses how many there are, how long they
//! run, and, within limits, the congestion control and an end by bytes.
//! `latency1`, msak's test by UDP, is not here: STAMP and IRTT do what it does.

pub mod archive;
pub mod message;
pub mod request;

use crate::memoryless::Intervals;

/// Constants of the protocol and of its reference server.
pub mod spec {
    use metric::unit::Micros;

    /// Name in receipts.
    pub const PROTOCOL: &str = "msak-throughput1";
    /// WebSocket subprotocol; compared exactly (`SecWebSocketProtocol`).
    pub const SUBPROTOCOL: &str = "net.measurementlab.throughput.v1";
    /// Path of the download.
    pub const DOWNLOAD_PATH: &str = "/throughput/v1/download";
    /// Path of the upload.
    pub const UPLOAD_PATH: &str = "/throughput/v1/upload";
    /// First download message (`MinMessageSize`).
    pub const FIRST_MESSAGE_BYTES: usize = 1 << 10;
    /// Largest upload message that is taken; clients send at most 1 << 20.
    pub const MAX_RECEIVED_MESSAGE_BYTES: u64 = 1 << 24;
    /// How long a stream runs when the client does not say.
    pub const DEFAULT_RUNTIME: Micros = Micros(5_000_000);
    /// How long it runs at most (`MaxRuntime`).
    pub const MAX_RUNTIME: Micros = Micros(25_000_000);
    /// Mean time between measurement messages (`AvgMeasureInterval`).
    pub const MEAN_INTERVAL: Micros = Micros(250_000);
    /// Least time between them (`MinMeasureInterval`).
    pub const MIN_INTERVAL: Micros = Micros(100_000);
    /// Most time between them (`MaxMeasureInterval`).
    pub const MAX_INTERVAL: Micros = Micros(400_000);
    /// Congestion controls that a client may ask for.
    pub const CONGESTIONS: [&str; 3] = ["reno", "cubic", "bbr"];
    /// What the server's close frame says.
    pub const FAREWELL: &str = "Done sending";
    /// Longest query taken.
    pub const MAX_QUERY_BYTES: usize = 4096;
    /// Longest name of a member of the query.
    pub const MAX_NAME_BYTES: usize = 50;
    /// Longest value of one.
    pub const MAX_VALUE_BYTES: usize = 512;
    /// Most streams of one measurement that a record can hold.
    pub const MAX_STREAMS: u64 = 16;
    /// Text messages of a client that are kept; it sends at most ten a second.
    pub const MAX_CLIENT_MEASUREMENTS: usize = 250;
}

/// Times between measurement messages.
pub const INTERVALS: Intervals = Intervals {
    least: spec::MIN_INTERVAL,
    mean: spec::MEAN_INTERVAL,
    most: spec::MAX_INTERVAL,
};
