//! When a subtest may stop: edition 1 of the stop rules.
//!
//! Mode `full` stops after its window. The adaptive modes stop when the 95 %
//! interval by batch means is narrow enough and the second half of the window
//! agrees with the first, which a link that is faster in its first seconds does
//! not. Everything is integer arithmetic, so that a site, a centre and a
//! browser stop at the same bin.
//!
//! Source: docs/METHODOLOGY.md, "Stop".

use crate::goodput::{Mode, StopReason, ramp_end, spec as window};
use crate::statistic::t_quantile_975;
use crate::unit::floor_u64;

/// Constants of an adaptive mode, edition 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Fewest measured bins.
    pub min_bins: usize,
    /// Half width of the interval, per mille of the rate.
    pub interval_per_mille: u64,
    /// Difference of the halves, per mille of the rate.
    pub drift_per_mille: u64,
    /// Bin at which it stops all the same, unless fewer than `min_bins` are measured.
    pub cap_bins: usize,
}

/// The rule of mode `accurate`.
pub const ACCURATE: Rule = Rule {
    min_bins: 10,
    interval_per_mille: 50,
    drift_per_mille: 50,
    cap_bins: 60,
};

/// The rule of mode `saver`.
pub const SAVER: Rule = Rule {
    min_bins: 8,
    interval_per_mille: 100,
    drift_per_mille: 80,
    cap_bins: 40,
};

/// The first bin count at which the mode stops, and why; `None` while it goes on.
///
/// - Shape: complete bins in order of time. Later bins never move the point.
pub fn stop_point(mode: Mode, bins: &[u64]) -> Option<(usize, StopReason)> {
    let start = ramp_end(bins)?;
    let rule = match mode {
        Mode::Full => {
            let end = start + window::WINDOW_BINS;
            return (bins.len() >= end).then_some((end, StopReason::Fixed));
        }
        Mode::Accurate => ACCURATE,
        Mode::Saver => SAVER,
    };
    let cap = rule.cap_bins.max(start + rule.min_bins);
    (start + rule.min_bins..=bins.len().min(cap)).find_map(|end| {
        let converged = is_converged(mode, &rule, &bins[start..end]);
        let why = if converged {
            Some(StopReason::Converged)
        } else {
            (end == cap).then_some(StopReason::TimeCap)
        };
        Some((end, why?))
    })
}

/// Bins in a batch for the interval of a window of some length.
pub const fn batch_bins(mode: Mode, length: usize) -> usize {
    match mode {
        Mode::Full => window::BATCH_BINS,
        _ if length < 12 => 2,
        _ => 3,
    }
}

fn is_converged(mode: Mode, rule: &Rule, bins: &[u64]) -> bool {
    is_narrow(mode, rule, bins).unwrap_or(false) && is_steady(rule, bins).unwrap_or(false)
}

/// Whether `t·s/√k ≤ ε·mean` over the batches; squared and multiplied out it is
/// `t²·(k·ΣB² − S²) ≤ ε²·(k − 1)·S²` for batch sums `B` with total `S`.
/// `None` when the numbers are too large to be bytes.
fn is_narrow(mode: Mode, rule: &Rule, bins: &[u64]) -> Option<bool> {
    let batches: Vec<u128> = bins
        .chunks_exact(batch_bins(mode, bins.len()))
        .map(|batch| batch.iter().map(|&b| u128::from(b)).sum())
        .collect();
    let k = u128::try_from(batches.len()).ok()?;
    let total = batches.iter().sum::<u128>();
    let total_squared = total.checked_mul(total)?;
    let squares = batches
        .iter()
        .try_fold(0_u128, |sum, b| sum.checked_add(b.checked_mul(*b)?))?;
    let spread = k.checked_mul(squares)?.checked_sub(total_squared)?;
    let t = u128::from(floor_u64(1000.0 * t_quantile_975(batches.len() - 1) + 0.5));
    let allowed = u128::from(rule.interval_per_mille);
    let left = (t * t).checked_mul(spread)?;
    let right = (allowed * allowed * (k - 1)).checked_mul(total_squared)?;
    Some(total > 0 && left <= right)
}

/// Whether the two halves of the window agree; the middle bin of an odd one
/// belongs to neither.
fn is_steady(rule: &Rule, bins: &[u64]) -> Option<bool> {
    let half = bins.len() / 2;
    let sum = |bins: &[u64]| bins.iter().map(|&b| u128::from(b)).sum::<u128>();
    let (first, second) = (sum(&bins[..half]), sum(&bins[bins.len() - half..]));
    let length = u128::try_from(bins.len()).ok()?;
    let difference = first.abs_diff(second).checked_mul(1000 * length)?;
    let allowed = u128::from(rule.drift_per_mille) * u128::try_from(half).ok()?;
    Some(difference <= allowed.checked_mul(sum(bins))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_steady_link_stops_at_the_first_chance() {
        let bins = [500_000; 60];
        assert_eq!(
            stop_point(Mode::Accurate, &bins),
            Some((18, StopReason::Converged))
        );
        assert_eq!(
            stop_point(Mode::Saver, &bins),
            Some((16, StopReason::Converged))
        );
        assert_eq!(stop_point(Mode::Full, &bins), None);
    }

    #[test]
    fn a_boost_is_not_mistaken_for_the_link() {
        // 3 s fast, then a third of it: within the boost it looks steady, so the
        // rule can only be fooled by a boost longer than its window.
        let bins = [vec![1_500_000; 14], vec![500_000; 60]].concat();
        let (end, why) = stop_point(Mode::Accurate, &bins).unwrap();
        assert_eq!((end, why), (60, StopReason::TimeCap));
    }

    #[test]
    fn a_silent_line_does_not_converge() {
        let bins = [vec![500_000; 8], vec![0; 60]].concat();
        assert_eq!(
            stop_point(Mode::Saver, &bins),
            Some((40, StopReason::TimeCap))
        );
    }

    #[test]
    fn a_late_ramp_still_gets_its_bins() {
        let bins: Vec<u64> = (0..80_u64).map(|i| i * i * i).collect();
        let (end, _) = stop_point(Mode::Saver, &bins).unwrap();
        assert_eq!(end, 48, "ramp cap 40, and eight bins");
    }

    proptest! {
        #[test]
        fn later_bins_never_move_the_stop(bins in proptest::collection::vec(0_u64..1_000_000, 0..130), cut in 0_usize..130) {
            for mode in Mode::ALL {
                let early = stop_point(mode, &bins[..cut.min(bins.len())]);
                prop_assert!(early.is_none() || early == stop_point(mode, &bins));
            }
        }

        #[test]
        fn scale_does_not_move_the_stop(bins in proptest::collection::vec(0_u64..1_000_000, 60..130)) {
            let scaled: Vec<u64> = bins.iter().map(|b| b * 1000).collect();
            for mode in Mode::ALL {
                prop_assert_eq!(stop_point(mode, &bins), stop_point(mode, &scaled));
            }
        }
    }
}
