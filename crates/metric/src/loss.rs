//! Packet loss: counts, a ratio with its interval, and when a ratio may not be
//! told as a number.

use serde::{Deserialize, Serialize};

use crate::unit::to_f64;

/// Packets sent one way (or there and back) and those that did not arrive.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Packets sent.
    pub sent: u32,
    /// Of these, lost; at most `sent`.
    pub lost: u32,
}

/// What may be said of a loss ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// Nothing was lost of fewer than 100 packets: the ratio is below `3/n`,
    /// the upper end of the 95 % interval by the rule of three. It is not 0 %.
    Below {
        /// Packets sent.
        sent: u32,
    },
    /// A ratio from 0 to 1.
    Ratio(f64),
}

/// Fewest packets of which "nothing was lost" may be told as 0 %.
pub const FEWEST_FOR_ZERO: u32 = 100;

/// 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Loss {
    /// `None` when nothing was sent or more was lost than sent.
    pub const fn new(sent: u32, lost: u32) -> Option<Self> {
        if sent == 0 || lost > sent {
            None
        } else {
            Some(Self { sent, lost })
        }
    }

    /// What may be said of the ratio; `None` when nothing was sent.
    ///
    /// - Source: Hanley & Lippman-Hand, "If nothing goes wrong, is everything
    ///   all right?", JAMA 249 (1983), for the rule of three.
    pub fn reading(self) -> Option<Reading> {
        let Self { sent, lost } = Self::new(self.sent, self.lost)?;
        Some(if lost == 0 && sent < FEWEST_FOR_ZERO {
            Reading::Below { sent }
        } else {
            Reading::Ratio(f64::from(lost) / f64::from(sent))
        })
    }

    /// 95 % interval of the ratio; `None` when nothing was sent.
    ///
    /// - Definition: the score interval,
    ///   `(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)`.
    /// - Source: Wilson, JASA 22 (1927) 209–212. It takes packets as
    ///   independent; loss comes in bursts, so the truth is less certain.
    pub fn interval(self) -> Option<[f64; 2]> {
        let Self { sent, lost } = Self::new(self.sent, self.lost)?;
        let n = to_f64(u64::from(sent));
        let p = f64::from(lost) / n;
        let square = Z * Z;
        let middle = p + square / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        let scale = 1.0 + square / n;
        let low = if lost == 0 {
            0.0
        } else {
            (middle - half) / scale
        };
        let high = if lost == sent {
            1.0
        } else {
            (middle + half) / scale
        };
        Some([low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(sent: u32, lost: u32, want: [f64; 2]) {
        let got = Loss { sent, lost }.interval().unwrap();
        for (got, want) in got.into_iter().zip(want) {
            assert!(
                (got - want).abs() < 5e-5,
                "{lost}/{sent}: {got} is not {want}"
            );
        }
    }

    #[test]
    fn worked_intervals() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        check(263, 81, [0.2553, 0.3662]);
        check(148, 15, [0.0624, 0.1605]);
        check(20, 0, [0.0, 0.1611]);
        check(29, 1, [0.0061, 0.1718]);
    }

    #[test]
    fn few_packets_without_loss_are_never_zero_per_cent() {
        let reading = |sent, lost| Loss { sent, lost }.reading();
        assert_eq!(reading(99, 0), Some(Reading::Below { sent: 99 }));
        assert_eq!(reading(100, 0), Some(Reading::Ratio(0.0)));
        assert_eq!(reading(20, 1), Some(Reading::Ratio(0.05)));
        assert_eq!(reading(0, 0), None);
        assert_eq!(reading(5, 6), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_ratio(sent in 1_u32..100_000, share in 0.0_f64..=1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to sent")]
            let lost = (f64::from(sent) * share) as u32;
            let [low, high] = Loss { sent, lost }.interval().unwrap();
            let ratio = f64::from(lost) / f64::from(sent);
            prop_assert!(0.0 <= low && low <= ratio && ratio <= high && high <= 1.0);
        }

        #[test]
        fn what_is_lost_and_what_arrives_are_mirrored(sent in 1_u32..10_000, part in 0_u32..10_000) {
            let lost = part.min(sent);
            let [low, high] = Loss { sent, lost }.interval().unwrap();
            let [other_low, other_high] = Loss { sent, lost: sent - lost }.interval().unwrap();
            prop_assert!((low - (1.0 - other_high)).abs() < 1e-9);
            prop_assert!((high - (1.0 - other_low)).abs() < 1e-9);
        }
    }
}
