//! A figure: what may be said of a sample of observations.

use serde::{Deserialize, Serialize};

use crate::statistic::{mean, median_interval, quantile};
use crate::unit::{floor_u64, to_f64};

/// A published statistic of an area, operator, technology and month, or the
/// fact that the sample is too small for one.
///
/// - Unit: that of the values; the member that holds the figure names it.
/// - Definitions: quantiles are values that occur ([`quantile`]); the mean is
///   arithmetic, rounded down. In edition 1 a value is a test and the interval
///   of the median is the distribution-free rank interval; from edition 2 on a
///   value is a device-day and every interval is that of [`crate::summary`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a figure is copied like the numbers it holds; there are few at a time"
)]
pub enum Figure {
    /// Enough to publish.
    Published {
        /// Number of values.
        n: u64,
        /// Median.
        median: u64,
        /// 95 % interval of the median; `None` below six values.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        median_interval: Option<[u64; 2]>,
        /// Arithmetic mean.
        mean: u64,
        /// 5 % quantile.
        p5: u64,
        /// 25 % quantile.
        p25: u64,
        /// 75 % quantile.
        p75: u64,
        /// 95 % quantile.
        p95: u64,
        /// 95 % interval of the mean; this and what follows since edition 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mean_interval: Option<[u64; 2]>,
        /// 95 % interval of the 5 % quantile; none where the sample is too
        /// small to hold one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p5_interval: Option<[u64; 2]>,
        /// 95 % interval of the 25 % quantile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p25_interval: Option<[u64; 2]>,
        /// 95 % interval of the 75 % quantile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p75_interval: Option<[u64; 2]>,
        /// 95 % interval of the 95 % quantile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        p95_interval: Option<[u64; 2]>,
        /// Independent tests that would say as much, rounded down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        n_effective: Option<u64>,
        /// How far the figure can be trusted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grade: Option<Grade>,
    },
    /// Below the floor. Counts are public all the same.
    Withheld {
        /// Number of values.
        n: u64,
        /// Why; since edition 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
    },
}

/// How far a figure can be trusted; the limits are those of
/// [`crate::summary::Floors`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Grade {
    /// Many independent tests, devices and hours.
    A,
    /// A narrow interval.
    B,
    /// Provisional.
    C,
    /// Withheld.
    D,
}

/// Why a figure is withheld.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Too few device-days.
    TooFew,
    /// The interval of the median is too wide, or there is none.
    TooWide,
    /// Too few independent tests and no narrow interval.
    Dependent,
}

/// Fewest device-days for a figure to be published.
pub const FLOOR_DEVICE_DAYS: u64 = 30;

impl Figure {
    /// The figure of some values that come from `device_days` device-days.
    ///
    /// Order does not matter; an empty sample is withheld.
    pub fn of(mut values: Vec<u64>, device_days: u64) -> Self {
        values.sort_unstable();
        let n = values.len() as u64;
        if device_days < FLOOR_DEVICE_DAYS {
            return Self::withheld(n);
        }
        Self::published(&values).unwrap_or_else(|| Self::withheld(n))
    }

    const fn withheld(n: u64) -> Self {
        Self::Withheld { n, why: None }
    }

    /// Number of values.
    pub const fn n(&self) -> u64 {
        match self {
            Self::Published { n, .. } | Self::Withheld { n, .. } => *n,
        }
    }

    /// The median; `None` when the figure is withheld.
    pub const fn median(&self) -> Option<u64> {
        match self {
            Self::Published { median, .. } => Some(*median),
            Self::Withheld { .. } => None,
        }
    }

    /// The 95 % interval of the median; `None` when withheld or not known.
    pub const fn median_interval(&self) -> Option<[u64; 2]> {
        match self {
            Self::Published {
                median_interval, ..
            } => *median_interval,
            Self::Withheld { .. } => None,
        }
    }

    fn published(sorted: &[u64]) -> Option<Self> {
        let as_floats: Vec<f64> = sorted.iter().map(|&v| to_f64(v)).collect();
        Some(Self::Published {
            n: sorted.len() as u64,
            median: quantile(sorted, 500)?,
            median_interval: median_interval(sorted),
            mean: floor_u64(mean(&as_floats)?),
            p5: quantile(sorted, 50)?,
            p25: quantile(sorted, 250)?,
            p75: quantile(sorted, 750)?,
            p95: quantile(sorted, 950)?,
            mean_interval: None,
            p5_interval: None,
            p25_interval: None,
            p75_interval: None,
            p95_interval: None,
            n_effective: None,
            grade: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn below_the_floor_is_withheld_and_never_zero() {
        assert_eq!(Figure::of(vec![5; 29], 29), Figure::withheld(29));
        assert_eq!(Figure::of(vec![], 30), Figure::withheld(0));
    }

    #[test]
    fn a_worked_example() {
        let want = Figure::Published {
            n: 100,
            median: 50,
            median_interval: Some([40, 61]),
            mean: 50,
            p5: 5,
            p25: 25,
            p75: 75,
            p95: 95,
            mean_interval: None,
            p5_interval: None,
            p25_interval: None,
            p75_interval: None,
            p95_interval: None,
            n_effective: None,
            grade: None,
        };
        assert_eq!(Figure::of((1..=100).collect(), 100), want);
    }

    proptest! {
        #[test]
        fn order_does_not_matter(values in proptest::collection::vec(0_u64..1_000_000, 0..80)) {
            let reversed = values.iter().rev().copied().collect();
            prop_assert_eq!(Figure::of(values, 40), Figure::of(reversed, 40));
        }
    }
}
