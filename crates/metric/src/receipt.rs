//! The receipt: what a site's own sockets and kernel saw of one test, signed.
//!
//! Integers only, units in the names, versions only added. A golden file in
//! `testdata/receipt/` guards each version for ever. The format is described
//! in `docs/protocol/ispeed-v1.md` §3.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bins::{BIN, MAX_BINS};
use crate::canonical::{self, NotCanonical};
use crate::key::{PublicKey, SiteKey, sha256_hex};
use crate::prefix::Prefix;
use crate::unit::Micros;

/// Version of a receipt. Versions are only added.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Version {
    /// First version.
    #[serde(rename = "1")]
    V1,
}

/// First version of the receipt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptV1 {
    /// Version of the format.
    pub receipt: Version,
    /// The test, UUIDv7, chosen by the site.
    pub test_id: uuid::Uuid,
    /// Edition of the methodology it was measured by.
    pub method: u16,
    /// Protocol that carried the test.
    pub protocol: String,
    /// Mode of the method.
    pub mode: String,
    /// Whether the site drew the test to hold the adaptive modes against: one
    /// of them was asked for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub audit: bool,
    /// Name of the site.
    pub site: String,
    /// Version of the site's software.
    pub software: String,
    /// Network that every connection of the test came from.
    pub client_prefix: Prefix,
    /// SHA-256 of the nonce, which only the tester knows; 64 hex digits.
    pub nonce_sha256: String,
    /// When the session began, by the site's clock.
    pub started_at: Timestamp,
    /// When the receipt was signed.
    pub issued_at: Timestamp,
    /// First instant at which it may no longer be submitted.
    pub expires_at: Timestamp,
    /// The download, where one was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<SubtestRecord>,
    /// The upload, where one was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<SubtestRecord>,
    /// The latency connection, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyRecord>,
    /// Which key signed.
    pub key_id: String,
    /// Ed25519 over the canonical form without this member, base64url; empty
    /// while the receipt is being made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// One direction as the site saw it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SubtestRecord {
    /// What `bins_bytes` counts.
    pub counted: Counted,
    /// From the first stream's start to the end of the last, monotonic clock.
    pub duration_us: Micros,
    /// Length of a bin.
    pub bin_us: Micros,
    /// Bytes per bin over all streams, in order of time; at most [`MAX_BINS`].
    pub bins_bytes: Vec<u64>,
    /// Payload bytes per bin that had arrived at the receiving host, whether or
    /// not something before them was missing; what goodput is computed from.
    /// Absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrived_bytes: Vec<u64>,
    /// Mean smoothed RTT over the streams, one per bin; absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub srtt_us: Vec<u32>,
    /// Bytes retransmitted by the site, one sum per bin; absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retransmitted_bytes: Vec<u64>,
    /// Time since the direction began at which the last of its streams was seen
    /// past BBR's STARTUP; absent where one never was or the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_left_us: Option<Micros>,
    /// Why the direction ended.
    pub stop: Stop,
    /// Each connection, in order of arrival.
    pub streams: Vec<StreamRecord>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Bytes the client's kernel acknowledged (`tcpi_bytes_acked`).
    Acknowledged,
    /// Bytes written to the socket, where the kernel tells no better.
    Written,
    /// Payload bytes received.
    Received,
}

/// Why a direction ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The client stopped it.
    Client,
    /// The cap in time.
    TimeCap,
    /// The cap in bytes.
    ByteCap,
    /// The session ended.
    SessionCap,
    /// A connection broke.
    Failed,
}

/// One connection of a direction.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRecord {
    /// Bytes, of the kind that the direction counts.
    pub bytes: u64,
    /// Congestion control of the site's socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion: Option<String>,
    /// The kernel's account at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpRecord>,
}

/// `TCP_INFO` at the end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TcpRecord {
    /// Least round-trip time seen (`tcpi_min_rtt`).
    pub min_rtt_us: u32,
    /// Smoothed round-trip time (`tcpi_rtt`).
    pub srtt_us: u32,
    /// Bytes retransmitted (`tcpi_bytes_retrans`).
    pub bytes_retransmitted: u64,
    /// Time with data in flight (`tcpi_busy_time`).
    pub busy_us: u64,
    /// Of that, limited by the peer's receive window (`tcpi_rwnd_limited`).
    pub rwnd_limited_us: u64,
    /// Of that, limited by the send buffer (`tcpi_sndbuf_limited`).
    pub sndbuf_limited_us: u64,
}

/// The latency connection as the site saw it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyRecord {
    /// Probes echoed.
    pub echoes: u32,
}

impl ReceiptV1 {
    /// Signs the receipt: sets `key_id` and `signature`.
    ///
    /// # Errors
    ///
    /// [`NotCanonical`], which a receipt made of these types never is.
    pub fn sign(mut self, key: &SiteKey) -> Result<Self, NotCanonical> {
        self.key_id = key.public().id();
        self.signature = key.sign(&self.signed_bytes()?);
        Ok(self)
    }

    /// Whether `key` signed exactly these members.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signed_bytes()
            .is_ok_and(|bytes| key.verifies(&bytes, &self.signature))
    }

    /// Whether `nonce` is the tester's secret of this receipt.
    pub fn is_bound_to(&self, nonce: &str) -> bool {
        self.nonce_sha256 == nonce_sha256(nonce)
    }

    /// Whether the parts of the receipt agree with each other.
    pub fn is_well_formed(&self) -> bool {
        self.started_at <= self.issued_at
            && self.issued_at < self.expires_at
            && [&self.download, &self.upload]
                .into_iter()
                .flatten()
                .all(SubtestRecord::is_well_formed)
    }

    /// Least round-trip time that the site's kernel saw on any connection.
    pub fn min_rtt(&self) -> Option<Micros> {
        [&self.download, &self.upload]
            .into_iter()
            .flatten()
            .flat_map(|subtest| &subtest.streams)
            .filter_map(|stream| stream.tcp)
            .map(|tcp| Micros(u64::from(tcp.min_rtt_us)))
            .min()
    }

    fn signed_bytes(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut unsigned = self.clone();
        unsigned.signature.clear();
        canonical::to_bytes(&unsigned)
    }
}

impl SubtestRecord {
    /// Bytes in all bins.
    pub fn bytes(&self) -> u64 {
        self.bins_bytes
            .iter()
            .fold(0, |sum, &b| sum.saturating_add(b))
    }

    /// The bins that were over when the direction ended, in order of time: the
    /// one it ended in is left out.
    pub fn complete_bins(&self) -> &[u64] {
        let over = usize::try_from(self.duration_us.0 / BIN.0).unwrap_or(usize::MAX);
        &self.bins_bytes[..over.min(self.bins_bytes.len())]
    }

    /// Bytes per bin that had arrived at the receiving host, as far as the bins
    /// were over; `None` where the kernel did not tell.
    pub fn arrived(&self) -> Option<&[u64]> {
        let over = self.complete_bins().len();
        self.arrived_bytes
            .get(..over)
            .filter(|bins| !bins.is_empty())
    }

    /// Whether the site ended the direction at a cap.
    pub const fn is_capped(&self) -> bool {
        matches!(self.stop, Stop::TimeCap | Stop::ByteCap)
    }

    fn is_well_formed(&self) -> bool {
        let parallel = |len: usize| len == 0 || len == self.bins_bytes.len();
        self.bin_us == BIN
            && self.bins_bytes.len() <= MAX_BINS
            && parallel(self.arrived_bytes.len())
            && parallel(self.srtt_us.len())
            && parallel(self.retransmitted_bytes.len())
    }
}

/// What a receipt carries of the tester's secret.
pub fn nonce_sha256(nonce: &str) -> String {
    sha256_hex(nonce.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> &'static str {
        include_str!("../../../testdata/receipt/v1.json")
    }

    fn key() -> SiteKey {
        SiteKey::from_seed(&[1; 32])
    }

    #[test]
    fn version_1_still_reads_writes_and_verifies() {
        let receipt: ReceiptV1 = serde_json::from_str(golden()).unwrap();
        assert_eq!(
            serde_json::to_string_pretty(&receipt).unwrap(),
            golden().trim_end()
        );
        assert!(receipt.is_well_formed());
        assert!(
            receipt.is_signed_by(&key().public()),
            "the canonical form changed"
        );
        assert!(receipt.is_bound_to("00112233445566778899aabbccddeeff"));
        assert!(!receipt.is_bound_to("00112233445566778899aabbccddeefe"));
    }

    #[test]
    fn changing_any_digit_breaks_the_signature() {
        let original: ReceiptV1 = serde_json::from_str(golden()).unwrap();
        let mut tried = 0;
        for (at, digit) in golden().char_indices().filter(|(_, c)| c.is_ascii_digit()) {
            let mut text = golden().to_string();
            let other = if digit == '9' { "8" } else { "9" };
            text.replace_range(at..=at, other);
            // A change that no longer reads, or reads as the same, cannot deceive.
            let Ok(changed) = serde_json::from_str::<ReceiptV1>(&text) else {
                continue;
            };
            if changed != original {
                tried += 1;
                assert!(!changed.is_signed_by(&key().public()), "byte {at}");
            }
        }
        assert!(tried > 100, "only {tried} changes were tried");
    }

    #[test]
    fn parallel_series_must_be_as_long_as_the_bins() {
        let mut receipt: ReceiptV1 = serde_json::from_str(golden()).unwrap();
        receipt.download.as_mut().unwrap().srtt_us.pop();
        assert!(!receipt.is_well_formed());
    }

    #[test]
    fn unknown_members_are_refused() {
        let text = golden().replacen("\"method\"", "\"extra\": 1, \"method\"", 1);
        assert!(serde_json::from_str::<ReceiptV1>(&text).is_err());
    }
}
