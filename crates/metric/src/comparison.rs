//! Whether two figures differ, rankings as tiers, and lists of the worst.

use serde::{Deserialize, Serialize};

use crate::interval::{Z_975, normal_cdf};
use crate::unit::to_f64;

/// A median with its 95 % interval, as it is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Compared {
    /// The median.
    pub median: u64,
    /// Its interval.
    pub interval: [u64; 2],
}

/// Two medians against each other.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Comparison {
    /// The first over the second.
    pub ratio: f64,
    /// 95 % interval of that ratio.
    pub ratio_interval: [f64; 2],
    /// Whether the interval excludes 1, so that they differ.
    pub differ: bool,
    /// Two-sided p value of "they are the same".
    pub p_value: f64,
}

impl Compared {
    fn ln(value: u64) -> f64 {
        to_f64(value.max(1)).ln()
    }

    /// Distance from the median to either end on the log scale.
    fn halves(&self) -> [f64; 2] {
        let [low, high] = self.interval.map(Self::ln);
        let median = Self::ln(self.median);
        [(median - low).max(0.0), (high - median).max(0.0)]
    }
}

/// Compares two independent figures by the logarithm of their ratio.
///
/// - Definition: the halves of the two intervals that point the same way add up
///   in squares, so that intervals that are longer on one side stay so.
/// - Source: Newcombe, *Statistics in Medicine* 17 (1998) ("square and add"),
///   on the log scale as Zou & Donner (2008).
pub fn compare(a: &Compared, b: &Compared) -> Comparison {
    let difference = Compared::ln(a.median) - Compared::ln(b.median);
    let ([a_low, a_high], [b_low, b_high]) = (a.halves(), b.halves());
    let (low, high) = (a_low.hypot(b_high), a_high.hypot(b_low));
    let interval = [difference - low, difference + high];
    let towards_zero = if difference > 0.0 { low } else { high };
    Comparison {
        ratio: rounded(difference.exp()),
        ratio_interval: interval.map(|x| rounded(x.exp())),
        differ: interval[0] > 0.0 || interval[1] < 0.0,
        p_value: p_value(difference.abs(), towards_zero / Z_975),
    }
}

fn p_value(distance: f64, error: f64) -> f64 {
    if error > 0.0 {
        (2.0 * normal_cdf(-distance / error)).min(1.0)
    } else if distance > 0.0 {
        0.0
    } else {
        1.0
    }
}

fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

/// Tier of each place, 1 for the best; places whose difference the sample
/// cannot show share one.
///
/// - Order: `higher_is_better` for rates, not for delays.
/// - Definition: in order of the medians, a tier ends before the first place
///   that differs from the tier's first.
pub fn tiers(places: &[Compared], higher_is_better: bool) -> Vec<u32> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&at| {
        let median = places[at].median;
        (
            if higher_is_better {
                u64::MAX - median
            } else {
                median
            },
            at,
        )
    });
    let mut tiers = vec![0; places.len()];
    let (mut tier, mut first) = (0, None);
    for at in order {
        let new = first.is_none_or(|first: usize| compare(&places[first], &places[at]).differ);
        if new {
            tier += 1;
            first = Some(at);
        }
        tiers[at] = tier;
    }
    tiers
}

/// Which hypotheses may be rejected so that of the rejected ones at most a share
/// `rate` is expected to be true.
///
/// - Order: that of the p values given.
/// - Source: Benjamini & Hochberg, *JRSS B* 57 (1995).
pub fn discoveries(p_values: &[f64], rate: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let m = to_f64(p_values.len() as u64);
    let holds = |&(k, &at): &(usize, &usize)| p_values[at] <= rate * to_f64(k as u64 + 1) / m;
    let last = order.iter().enumerate().rfind(holds).map(|(k, _)| k);
    let mut found = vec![false; p_values.len()];
    for &at in order.iter().take(last.map_or(0, |k| k + 1)) {
        found[at] = true;
    }
    found
}

/// Share of false discoveries that "worst" lists and problem lists accept.
pub const FALSE_DISCOVERY_RATE: f64 = 0.10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A median with the half width that n = 300 and σ = 0.8 give.
    fn place(mbit: u64) -> Compared {
        let median = mbit * 1_000_000;
        Compared {
            median,
            interval: [median * 893 / 1000, median * 1_120 / 1000],
        }
    }

    #[test]
    fn two_wards_of_three_hundred_differ_from_a_ratio_of_1_17() {
        assert!(!compare(&place(46), &place(40)).differ);
        assert!(compare(&place(48), &place(40)).differ);
        assert!(compare(&place(40), &place(48)).differ);
        let same = compare(&place(40), &place(40));
        assert!((same.ratio - 1.0).abs() < 1e-9 && (same.p_value - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_tier_holds_what_cannot_be_told_apart() {
        let places = [place(40), place(90), place(42), place(85), place(20)];
        assert_eq!(tiers(&places, true), [2, 1, 2, 1, 3]);
        assert_eq!(tiers(&places, false), [2, 3, 2, 3, 1]);
        assert_eq!(tiers(&[], true), [0_u32; 0]);
    }

    #[test]
    fn benjamini_and_hochbergs_own_example() {
        // Their 15 p values; at 5 % the first four are rejected.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let found = discoveries(&p, 0.05);
        assert_eq!(found.iter().filter(|f| **f).count(), 4);
        assert!(found[..4].iter().all(|f| *f));
        assert!(discoveries(&[], 0.1).is_empty());
    }

    proptest! {
        #[test]
        fn a_comparison_turned_round_says_the_same(a in 1_u64..1000, b in 1_u64..1000) {
            let (one, other) = (compare(&place(a), &place(b)), compare(&place(b), &place(a)));
            prop_assert_eq!(one.differ, other.differ);
            prop_assert!((one.p_value - other.p_value).abs() < 1e-9);
        }
    }
}
