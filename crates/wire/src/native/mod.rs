//! The ispeed protocol, version 1 (`docs/protocol/ispeed-v1.md`).

pub mod allowance;
pub mod arrivals;
pub mod counter;
pub mod message;
pub mod prober;
pub mod recorder;
pub mod startup;
pub mod token;

/// Constants of the protocol.
pub mod spec {
    use metric::unit::Micros;

    /// WebSocket subprotocol, and the `protocol` of its receipts.
    pub const SUBPROTOCOL: &str = "ispeed.v1";
    /// Path of a new session.
    pub const SESSION_PATH: &str = "/api/v1/session";
    /// What the measuring paths begin with.
    pub const MEASURE_PATH: &str = "/measure/v1/";
    /// Path that is answered with 204 at once, to time the way there.
    pub const PING_PATH: &str = "/measure/v1/ping";
    /// Pings to each candidate when a site is chosen.
    pub const CHOICE_PINGS: u32 = 3;
    /// Pings over the family of addresses that the test does not use.
    pub const FAMILY_PINGS: u32 = 10;
    /// Candidates closer together than this are as good as each other.
    pub const CHOICE_TIE: Micros = Micros(5_000);
    /// Head start of each address over the next (RFC 8305 §8).
    pub const ATTEMPT_DELAY: Micros = Micros(250_000);
    /// Streams of one direction: the most a client opens early.
    pub const STREAMS: u8 = 4;
    /// Streams of one direction: what a site takes.
    pub const MAX_STREAMS: usize = metric::streams::spec::MOST as usize;
    /// Payload of one download message.
    pub const DOWNLOAD_MESSAGE_BYTES: usize = 64 * 1024;
    /// Longest upload message taken.
    pub const MAX_UPLOAD_MESSAGE_BYTES: u64 = 16 * 1024 * 1024;
    /// Longest latency message taken.
    pub const MAX_PROBE_BYTES: u64 = 64;
    /// Probes before any load.
    pub const IDLE_PROBES: u32 = 20;
    /// Time between probes.
    pub const PROBE_INTERVAL: Micros = Micros(50_000);
    /// When an unanswered probe is lost.
    pub const WAITING_TIME: Micros = Micros(3_000_000);
    /// How long a token opens connections.
    pub const TOKEN_LIFETIME_SECONDS: u64 = 90;
    /// How long a receipt may be submitted.
    pub const RECEIPT_LIFETIME_DAYS: u64 = 30;
    /// Reason in the close frame when the cap in time ended a stream.
    pub const CLOSE_TIME_CAP: &str = "time_cap";
    /// Reason in the close frame when the cap in bytes ended a stream.
    pub const CLOSE_BYTE_CAP: &str = "byte_cap";
}
