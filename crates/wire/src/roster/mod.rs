//! How a site joins its centre, stays known there, and leaves
//! (`docs/protocol/roster-v1.md`).
//!
//! A site sends signed notices: that it wants to join, every 30 s that it
//! lives, and that it goes. The signature by the key that signs its receipts
//! is the proof that the key is its own.

pub mod address;
pub mod notice;
pub mod standing;

/// Constants of the protocol.
pub mod spec {
    /// Path that takes notices.
    pub const NOTICES_PATH: &str = "/api/v1/sites/notices";
    /// Path of the candidates for a client.
    pub const NEAREST_PATH: &str = "/api/v1/sites/nearest";
    /// Path that every site answers while it is well.
    pub const HEALTH_PATH: &str = "/healthz";
    /// Time between heartbeats, seconds.
    pub const HEARTBEAT_SECONDS: u64 = 30;
    /// Time after the last heartbeat at which a site counts as gone, seconds:
    /// three heartbeats.
    pub const STALE_SECONDS: i64 = 90;
    /// Most that the clocks of a site and its centre may differ, seconds.
    pub const CLOCK_SECONDS: i64 = 120;
    /// Longest notice, bytes.
    pub const MAX_NOTICE_BYTES: usize = 16 * 1024;
    /// Utilisation from which a site takes no new tests, per cent of its capacity.
    pub const FULL_PERCENT: u32 = 80;
    /// Utilisation from which others go first, per cent.
    pub const BUSY_PERCENT: u32 = 60;
    /// Most candidates of one answer.
    pub const MAX_CANDIDATES: usize = 4;
}
