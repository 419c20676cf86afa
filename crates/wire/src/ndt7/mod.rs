//! ndt7, M-Lab's test (m-lab/ndt-server `spec/ndt7-protocol.md`, v0.11.0).
//!
//! One WebSocket per direction: binary messages carry the load, text messages
//! carry what each end measures.

pub mod archive;
pub mod message;
pub mod request;
pub mod sender;
pub mod tcp_info;

use metric::unit::{Micros, floor_u64};

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
    /// Largest download message. The specification allows 1 << 24; clients
    /// read at most 1 << 20, as the reference server sends.
    pub const MAX_SENT_MESSAGE_BYTES: usize = 1 << 20;
    /// A message doubles once it is at most this share of what was sent.
    pub const SCALING_FRACTION: u64 = 16;
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

/// The time to the next measurement message, from 32 random bits.
///
/// Exponential with [`spec::MEAN_INTERVAL`], held within its bounds, so that
/// messages fall independently of what the connection does ("memoryless").
pub fn interval(random: u32) -> Micros {
    // In (0, 1), so that the logarithm is finite.
    let uniform = (f64::from(random) + 0.5) / 4_294_967_296.0;
    let mean = metric::unit::to_f64(spec::MEAN_INTERVAL.0);
    let drawn = floor_u64(-uniform.ln() * mean);
    Micros(drawn.clamp(spec::MIN_INTERVAL.0, spec::MAX_INTERVAL.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intervals_are_exponential_within_their_bounds() {
        let draws = (0..100_000_u32).map(|i| interval(i.wrapping_mul(42_949)).0);
        let mean = draws.sum::<u64>() / 100_000;
        // Clamping [25, 625] of a mean of 250 ms leaves 250·(e^-0.1 − e^-2.5) + 25 = 230.7.
        assert!((230_000..232_000).contains(&mean), "{mean}");
        assert_eq!(interval(u32::MAX), spec::MIN_INTERVAL);
        assert_eq!(interval(0), spec::MAX_INTERVAL);
    }

    proptest! {
        #[test]
        fn an_interval_is_within_its_bounds(random in any::<u32>()) {
            let drawn = interval(random);
            prop_assert!(spec::MIN_INTERVAL <= drawn && drawn <= spec::MAX_INTERVAL);
        }
    }
}
