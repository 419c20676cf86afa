//! Times as they travel: NTP's 32.32 format, and how wrong they may be.

use metric::unit::Micros;

/// Seconds from 1900 (NTP) to 1970 (Unix).
const UNIX_IN_NTP: u64 = 2_208_988_800;
const NANOS: u64 = 1_000_000_000;

/// A time in NTP's 64-bit format: seconds since 1900 and fractions of 2⁻³² s
/// (RFC 5905 §6). It wraps in 2036; differences stay right across that.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From a time since 1970, whole seconds and nanoseconds (below 10⁹).
    pub const fn of_unix(seconds: u64, nanos: u32) -> Self {
        let fraction = ((nanos as u64) << 32) / NANOS;
        Self((seconds.wrapping_add(UNIX_IN_NTP) << 32) | fraction)
    }

    /// Time from `earlier` to `self`, to the nearest µs; `None` when it is negative.
    pub fn since(self, earlier: Self) -> Option<Micros> {
        let span = i64::from_ne_bytes(self.0.wrapping_sub(earlier.0).to_ne_bytes());
        let span = u64::try_from(span).ok()?;
        Some(Micros(
            (u128::from(span) * 1_000_000)
                .saturating_add(1 << 31)
                .checked_shr(32)?
                .try_into()
                .ok()?,
        ))
    }
}

/// Time between two timestamps of one packet, whose format its error estimate
/// names; `None` when it is negative or no time.
pub fn span(from: u64, to: u64, error: ErrorEstimate) -> Option<Micros> {
    if !error.is_ptp() {
        return NtpTime(to).since(NtpTime(from));
    }
    // IEEE 1588-2008: 32 bits of seconds, 32 bits of nanoseconds.
    let nanos = |time: u64| {
        let nanos = time & 0xffff_ffff;
        (nanos < NANOS).then(|| (time >> 32) * NANOS + nanos)
    };
    Some(Micros(nanos(to)?.checked_sub(nanos(from)?)? / 1000))
}

/// How wrong a timestamp may be: synchronised, format, scale, multiplier
/// (RFC 4656 §4.1.2, RFC 8186 §2 for the Z bit).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ErrorEstimate(pub u16);

impl ErrorEstimate {
    const SYNCHRONISED: u16 = 0x8000;
    const PTP: u16 = 0x4000;

    /// The least estimate that is not below `error`, in NTP format.
    ///
    /// The error is `multiplier · 2^(scale − 32)` s; the multiplier is never 0.
    pub fn of(error: Micros, synchronised: bool) -> Self {
        // Fractions of 2⁻³² s, rounded up.
        let mut multiplier = (u128::from(error.0) << 32).div_ceil(1_000_000).max(1);
        let mut scale = 0_u16;
        while multiplier > 0xff && scale < 63 {
            multiplier = multiplier.div_ceil(2);
            scale += 1;
        }
        let multiplier = u16::try_from(multiplier).unwrap_or(0xff).min(0xff);
        let flag = if synchronised { Self::SYNCHRONISED } else { 0 };
        Self(flag | (scale << 8) | multiplier)
    }

    /// Whether the clock says that it follows UTC.
    pub const fn is_synchronised(self) -> bool {
        self.0 & Self::SYNCHRONISED != 0
    }

    /// Whether the packet's timestamps are in PTP's format and not in NTP's.
    pub const fn is_ptp(self) -> bool {
        self.0 & Self::PTP != 0
    }

    /// The error in seconds; `None` when the multiplier is 0, which RFC 4656
    /// calls corrupt.
    pub fn seconds(self) -> Option<f64> {
        let [high, multiplier] = self.0.to_be_bytes();
        let exponent = i32::from(high & 0x3f) - 32;
        (multiplier != 0).then(|| f64::from(multiplier) * 2_f64.powi(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_unix_epoch_in_ntp() {
        assert_eq!(NtpTime::of_unix(0, 0).0, 0x83aa_7e80_0000_0000);
        assert_eq!(NtpTime::of_unix(0, 500_000_000).0, 0x83aa_7e80_8000_0000);
    }

    #[test]
    fn differences_cross_the_era_of_2036() {
        let before = NtpTime(u64::MAX - (1 << 31));
        let after = NtpTime(1 << 31);
        assert_eq!(after.since(before), Some(Micros(1_000_000)));
        assert_eq!(before.since(after), None);
    }

    #[test]
    fn the_format_is_the_packets_own() {
        let ptp = ErrorEstimate(0x4001);
        assert_eq!(span(7 << 32, (7 << 32) | 1_500, ptp), Some(Micros(1)));
        assert_eq!(span(0, 0xffff_ffff, ptp), None, "no such nanosecond");
        assert_eq!(span(0, 1 << 31, ErrorEstimate(1)), Some(Micros(500_000)));
    }

    proptest! {
        #[test]
        fn nanoseconds_survive_to_the_microsecond(seconds in 0_u64..4_000_000_000, nanos in 0_u32..1_000_000_000, later in 0_u64..1_000_000_000) {
            let start = NtpTime::of_unix(seconds, nanos);
            let total = u64::from(nanos) + later;
            let end = NtpTime::of_unix(seconds + total / NANOS, u32::try_from(total % NANOS).unwrap());
            let got = end.since(start).unwrap().0;
            prop_assert!(got.abs_diff(later / 1000) <= 1);
        }

        #[test]
        fn an_estimate_is_never_below_the_error(error in 0_u64..100_000_000_000, synchronised: bool) {
            let estimate = ErrorEstimate::of(Micros(error), synchronised);
            let seconds = estimate.seconds().unwrap();
            let truth = std::time::Duration::from_micros(error).as_secs_f64();
            prop_assert!(seconds >= truth);
            prop_assert!(seconds <= truth * 1.02 + 1e-9);
            prop_assert_eq!(estimate.is_synchronised(), synchronised);
            prop_assert!(!estimate.is_ptp());
        }

        #[test]
        fn no_two_timestamps_panic(from: u64, to: u64, error: u16) {
            let _ = span(from, to, ErrorEstimate(error));
            let _ = ErrorEstimate(error).seconds();
        }
    }
}
