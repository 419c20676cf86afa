//! Cloudflare's speed test module (npm `@cloudflare/speedtest` 1.14).
//!
//! There is no specification; these are the paths and headers that the module
//! asks for and reads. Its packet loss needs a TURN server and is left out: a
//! page that uses the module gives no `turnServerUri`, or leaves the
//! `packetLoss` measurement out.

use crate::query::{self, NotANumber};

/// Numbers and names of the module.
pub mod spec {
    /// Name in receipts.
    pub const PROTOCOL: &str = "cloudflare";
    /// Download, and the latency probe (`bytes=0`).
    pub const DOWN_PATH: &str = "/__down";
    /// Upload.
    pub const UP_PATH: &str = "/__up";
    /// What the client's network looks like from here.
    pub const TRACE_PATH: &str = "/cdn-cgi/trace";
    /// Most bytes of one request.
    pub const MAX_BYTES: u64 = 1_000_000_000;
}

/// Bytes that a request to [`spec::DOWN_PATH`] asks for; none when it names none.
///
/// # Errors
///
/// [`Refused`] when `bytes` is no whole number or above [`spec::MAX_BYTES`].
pub fn bytes(query: &str) -> Result<u64, Refused> {
    let bytes = query::number(query, "bytes")?.unwrap_or(0);
    if bytes > spec::MAX_BYTES {
        return Err(Refused::TooMany(bytes));
    }
    Ok(bytes)
}

/// `Server-Timing` that says how long the site took for itself, in the only
/// form that the module reads (milliseconds with a fraction).
pub fn server_timing(took_us: u64) -> String {
    format!(
        "cfRequestDuration;dur={}.{:03}",
        took_us / 1000,
        took_us % 1000
    )
}

/// A `bytes` that is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No number.
    #[error(transparent)]
    NotANumber(#[from] NotANumber),
    /// More than one request may ask for.
    #[error("bytes: {0} is more than {max}", max = spec::MAX_BYTES)]
    TooMany(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_or_refused() {
        assert_eq!(bytes("measId=1&bytes=100000&during=download"), Ok(100_000));
        assert_eq!(bytes("bytes=0"), Ok(0));
        assert_eq!(bytes(""), Ok(0));
        assert!(matches!(bytes("bytes=x"), Err(Refused::NotANumber(_))));
        assert_eq!(
            bytes("bytes=1000000001"),
            Err(Refused::TooMany(1_000_000_001))
        );
    }

    #[test]
    fn the_timing_is_in_milliseconds() {
        assert_eq!(server_timing(50), "cfRequestDuration;dur=0.050");
        assert_eq!(server_timing(12_345), "cfRequestDuration;dur=12.345");
    }
}
