//! RMBT, the regulators' test of Austria and others (RTR "RMBT: Specification"
//! 1.1.1, rtr-nettest/rmbt-server `RMBT_specification.md`).
//!
//! A client asks the control server for a test and gets a token with it; then
//! it opens connections to the measurement server, by an upgrade from HTTP or
//! by WebSocket, shows the token on each, and says line by line what it wants:
//! chunks to download, chunks to upload, pings. The last byte of a chunk tells
//! whether another follows. [`session`] is one connection, [`chunks`] what a
//! download sends, [`token`] the token, [`control`] the control server's
//! messages.

pub mod chunks;
pub mod control;
pub mod session;
pub mod token;

/// Constants of the protocol and of its reference server.
pub mod spec {
    use std::time::Duration;

    /// Name in receipts.
    pub const PROTOCOL: &str = "rmbt";
    /// What a connection is upgraded to ("HTTPS with upgrade to RMBT").
    pub const UPGRADE: &str = "RMBT";
    /// Paths at which clients ask for the upgrade; the reference server looks
    /// at none. Browsers ask at the first.
    pub const PATHS: [&str; 2] = ["/", "/rmbt"];
    /// What the paths of the control server begin with.
    pub const CONTROL_PATH: &str = "/RMBTControlServer/";
    /// First line of the server: the version that this follows.
    pub const GREETING: &str = "RMBTv1.3.5\n";
    /// What may be said before the token.
    pub const ACCEPT_TOKEN: &str = "ACCEPT TOKEN QUIT\n";
    /// What may be said after it; clients compare the line.
    pub const ACCEPT_COMMANDS: &str = "ACCEPT GETCHUNKS GETTIME PUT PUTNORESULT PING QUIT\n";
    /// Nominal size of a chunk (`s`).
    pub const CHUNK_BYTES: u32 = 4096;
    /// Smallest chunk (`s_min`).
    pub const MIN_CHUNK_BYTES: u32 = 4096;
    /// Largest chunk (`s_max`).
    pub const MAX_CHUNK_BYTES: u32 = 4_194_304;
    /// Most chunks of one `GETCHUNKS` (reference server `MAX_CHUNKS`).
    pub const MAX_CHUNKS: u64 = 300_000;
    /// Least time between two reports of an upload (`r`).
    pub const REPORT_INTERVAL: Duration = Duration::from_millis(1);
    /// Longest line (reference server `MAX_LINE_LENGTH`).
    pub const MAX_LINE_BYTES: usize = 1024;
    /// Last byte of a chunk that another follows.
    pub const MORE: u8 = 0x00;
    /// Last byte of the last chunk.
    pub const LAST: u8 = 0xff;
    /// How long a client that says nothing is waited for (reference `TIMEOUT`).
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// How long before its time a token is taken, seconds.
    pub const MAX_EARLY_SECONDS: i64 = 20;
    /// How long after it, seconds.
    pub const MAX_LATE_SECONDS: i64 = 90;
    /// Nominal length of a measurement (`t`), seconds.
    pub const TEST_SECONDS: u32 = 7;
    /// Connections that a client may open at a time; it chooses by a trial.
    pub const THREADS: u32 = 5;
    /// Pings that a client is asked for (`p_min`).
    pub const PINGS: u32 = 10;
}
