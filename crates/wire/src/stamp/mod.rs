//! Simple Two-way Active Measurement Protocol: RFC 8762, with the session
//! identifier and the TLVs of RFC 8972, and TWAMP Light's senders (RFC 5357
//! appendix I) taken as RFC 8762 §4.6 asks.

pub mod message;
pub mod reflector;
pub mod sender;
pub mod timestamp;
pub mod tlv;

#[cfg(test)]
mod tests;

/// Constants of the specification.
pub mod spec {
    use metric::unit::Micros;

    /// UDP port of a reflector (RFC 8762 §4.1); privileged.
    pub const PORT: u16 = 862;
    /// Length of a base packet without authentication, octets (§4.2.1).
    pub const OPEN_LEN: usize = 44;
    /// Length of a base packet with authentication, octets (§4.2.2).
    pub const AUTHENTICATED_LEN: usize = 112;
    /// Shortest packet of a TWAMP Light sender: sequence number, timestamp and
    /// error estimate (RFC 5357 §4.1.2); what lacks is taken as zero.
    pub const SHORTEST_LEN: usize = 14;
    /// Length of the keyed hash: HMAC-SHA-256 truncated, octets (§4.4).
    pub const HMAC_LEN: usize = 16;
    /// Length of what the hash of a base packet covers, octets (§4.4).
    pub const HMAC_COVERS: usize = 96;
    /// Length of the head of a TLV, octets (RFC 8972 §4).
    pub const TLV_HEAD_LEN: usize = 4;
    /// When an unanswered packet is lost.
    pub const WAITING_TIME: Micros = Micros(3_000_000);
    /// How long a reflector keeps the count of a silent session. RFC 5357's
    /// REFWAIT is 900 s; a test of ours is over in 120 s.
    pub const REFWAIT: Micros = Micros(120_000_000);
}
