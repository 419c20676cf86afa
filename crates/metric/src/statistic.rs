//! Statistics: functions of a sample. Floating point begins here.

use crate::unit::to_f64;

/// Arithmetic mean; `None` for an empty sample. QCVN's definition of a mean
/// speed (QCVN 81:2019/BTTTT §2.1.5).
pub fn mean(sample: &[f64]) -> Option<f64> {
    let n = to_f64(sample.len() as u64);
    (!sample.is_empty()).then(|| sample.iter().sum::<f64>() / n)
}

/// Sample standard deviation (divisor n − 1) about `mean`; `None` below two values.
pub fn standard_deviation(sample: &[f64], mean: f64) -> Option<f64> {
    let n = to_f64(sample.len() as u64);
    let squares = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    (sample.len() >= 2).then(|| (squares / (n - 1.0)).sqrt())
}

/// Quantile `p` in per mille of a sorted sample: the smallest value `x` with
/// `F(x) ≥ p` — a value that was really observed, without interpolation.
///
/// `None` for an empty sample. Source: RFC 2330 §11.3; Hyndman & Fan, type 1.
pub fn quantile(sorted: &[u64], per_mille: usize) -> Option<u64> {
    let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied()
}

/// Ranks `(l, u)`, counted from 1, whose order statistics hold the median with
/// a probability of at least 95 % whatever the distribution; `None` below six
/// values, where no pair of ranks reaches that.
///
/// - Definition: the largest `l` with `P(l ≤ B ≤ n−l) ≥ 0.95`, `B ~
///   Binomial(n, ½)`, and `u = n + 1 − l`.
/// - Source: Conover, *Practical Nonparametric Statistics*, §3.2. For n = 300
///   the ranks are 133 and 168, with a coverage of 95.69 %.
pub fn median_ranks(n: usize) -> Option<(usize, usize)> {
    let half = 0.025;
    let ln_2 = std::f64::consts::LN_2;
    // P(B = k), kept as a logarithm: (1/2)^n alone underflows from n = 1075.
    let mut ln_term = -to_f64(n as u64) * ln_2;
    let mut below = 0.0;
    let mut lower = 0;
    for k in 0..=n / 2 {
        below += ln_term.exp();
        if below > half {
            break;
        }
        lower = k + 1;
        ln_term += to_f64((n - k) as u64).ln() - to_f64(k as u64 + 1).ln();
    }
    (lower > 0).then_some((lower, n + 1 - lower))
}

/// The two order statistics of [`median_ranks`] in a sorted sample.
pub fn median_interval(sorted: &[u64]) -> Option<[u64; 2]> {
    let (low, high) = median_ranks(sorted.len())?;
    Some([sorted[low - 1], sorted[high - 1]])
}

/// 97.5 % quantile of Student's t distribution. Beyond 30 degrees of freedom the
/// last entry of the table stands in, which is at most 4 % too wide.
pub fn t_quantile_975(degrees_of_freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    let index = degrees_of_freedom.saturating_sub(1);
    TABLE.get(index).copied().unwrap_or(2.042)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_of_three_hundred() {
        assert_eq!(median_ranks(300), Some((133, 168)));
    }

    #[test]
    fn ranks_of_small_and_large_samples() {
        assert_eq!(median_ranks(0), None);
        assert_eq!(median_ranks(5), None);
        assert_eq!(median_ranks(6), Some((1, 6)));
        let (low, high) = median_ranks(1_000_000).unwrap();
        // Normal approximation: n/2 ± 0.98 √n.
        assert!(low.abs_diff(499_020) <= 1 && high.abs_diff(500_981) <= 1);
    }

    #[test]
    fn quantiles_are_observed_values() {
        let sorted = [10, 20, 30, 40];
        assert_eq!(quantile(&sorted, 500), Some(20));
        assert_eq!(quantile(&sorted, 950), Some(40));
        assert_eq!(quantile(&sorted, 50), Some(10));
        assert_eq!(quantile(&[], 500), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_monotone(mut sample in proptest::collection::vec(0_u64..1_000, 1..50), a in 0_usize..=1000, b in 0_usize..=1000) {
            sample.sort_unstable();
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(quantile(&sample, low) <= quantile(&sample, high));
        }

        #[test]
        fn the_interval_holds_the_median(mut sample in proptest::collection::vec(0_u64..1_000, 6..400)) {
            sample.sort_unstable();
            let [low, high] = median_interval(&sample).unwrap();
            let median = quantile(&sample, 500).unwrap();
            prop_assert!(low <= median && median <= high);
        }
    }
}
