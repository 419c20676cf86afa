//! Quantities with their unit in the type.
//!
//! Receipts hold integers; floating point begins in [`crate::statistic`], and
//! the two conversions between the worlds are here.

use serde::{Deserialize, Serialize};

/// A data rate, in bit/s.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(transparent)]
pub struct BitRate(pub u64);

impl BitRate {
    /// Mean rate of `bytes` carried in `elapsed`, rounded down; `None` when `elapsed` is zero.
    pub fn over(bytes: u64, elapsed: Micros) -> Option<Self> {
        let bits = u128::from(bytes) * 8 * 1_000_000;
        let rate = bits.checked_div(u128::from(elapsed.0))?;
        Some(Self(u64::try_from(rate).unwrap_or(u64::MAX)))
    }
}

/// A time span, in microseconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// The span as the standard library's type.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0)
    }
}

impl From<std::time::Duration> for Micros {
    fn from(span: std::time::Duration) -> Self {
        Self(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }
}

/// An integer as a floating-point number; exact below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "rates and spans stay far below 2^53; this is the one place where floats begin"
)]
pub const fn to_f64(n: u64) -> f64 {
    n as f64
}

/// A floating-point number rounded down to an integer; negative and NaN become zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted here"
)]
pub fn floor_u64(x: f64) -> u64 {
    x.floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_time() {
        assert_eq!(BitRate::over(1_000_000, Micros(0)), None);
        assert_eq!(
            BitRate::over(1_250_000, Micros(100_000)),
            Some(BitRate(100_000_000))
        );
    }

    #[test]
    fn floor_saturates() {
        assert_eq!(floor_u64(-3.5), 0);
        assert_eq!(floor_u64(f64::NAN), 0);
        assert_eq!(floor_u64(2.99), 2);
    }
}
