//! The method as its edition 1 had it, kept so that receipts of that edition
//! are judged by their own law and can be compared with later ones.
//!
//! Mode `full` averages the ten seconds after the ramp, the adaptive modes trim
//! the extremes. When a subtest may stop:
//! Mode `full` stops after its window. The adaptive modes stop when the 95 %
//! interval by batch means is narrow enough and the second half of the window
//! agrees with the first, which a link that is faster in its first seconds does
//! not. Everything is integer arithmetic, so that a site, a centre and a
//! browser stop at the same bin.
//!
//! Source: docs/METHODOLOGY.md, "Stop".

use crate::bins::BIN;
use crate::goodput::{Mode, StopReason, is_silent, ramp_end, sum};
use crate::statistic::{mean, standard_deviation, t_quantile_975};
use crate::unit::{BitRate, Micros, floor_u64, to_f64};

/// Measured bins after the ramp, mode `full`.
const WINDOW_BINS: usize = 100;
/// Fewest measured bins when the site stopped the subtest at a cap.
const MIN_STOPPED_BINS: usize = 20;
/// Bins in a batch of mode `full`: one second.
const BATCH_BINS: usize = 10;
/// The adaptive modes leave out one bin of so many at each end.
const TRIMMED_ONE_IN: usize = 10;

/// Constants of an adaptive mode, edition 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Rule {
    /// Fewest measured bins.
    min_bins: usize,
    /// Half width of the interval, per mille of the rate.
    interval_per_mille: u64,
    /// Difference of the halves, per mille of the rate.
    drift_per_mille: u64,
    /// Bin at which it stops all the same, unless fewer than `min_bins` are measured.
    cap_bins: usize,
}

/// The rule of mode `accurate`.
const ACCURATE: Rule = Rule {
    min_bins: 10,
    interval_per_mille: 50,
    drift_per_mille: 50,
    cap_bins: 60,
};

/// The rule of mode `saver`.
const SAVER: Rule = Rule {
    min_bins: 8,
    interval_per_mille: 100,
    drift_per_mille: 80,
    cap_bins: 40,
};

/// Estimate of edition 1; as [`crate::goodput::estimate`] otherwise.
pub(crate) fn estimate(
    mode: Mode,
    bins: &[u64],
    stopped: bool,
) -> Option<(BitRate, Option<[BitRate; 2]>)> {
    let start = ramp_end(bins)?;
    let end = match stop_point(mode, bins) {
        Some((end, _)) => end,
        None if stopped && bins.len() >= start + MIN_STOPPED_BINS => bins.len(),
        None => return None,
    };
    let window = bins.get(start..end).filter(|window| !is_silent(window))?;
    let goodput = level(mode, window)?;
    Some((goodput, interval(mode, window, goodput)))
}

/// Rate of a window: the mean in mode `full`, else the mean without the lowest
/// and the highest tenth of its bins. `None` for an empty window.
fn level(mode: Mode, window: &[u64]) -> Option<BitRate> {
    let mut sorted = window.to_vec();
    if mode != Mode::Full {
        sorted.sort_unstable();
        let trimmed = sorted.len() / TRIMMED_ONE_IN;
        sorted = sorted[trimmed..sorted.len() - trimmed].to_vec();
    }
    BitRate::over(sum(&sorted), Micros(sorted.len() as u64 * BIN.0))
}

/// 95 % interval of the rate by batch means, which take the correlation of
/// neighbouring bins into account.
///
/// Source: Law, *Simulation Modeling and Analysis*, "batch means".
fn interval(mode: Mode, window: &[u64], goodput: BitRate) -> Option<[BitRate; 2]> {
    let length = batch_bins(mode, window.len());
    let span = Micros(length as u64 * BIN.0);
    let batches: Vec<f64> = window
        .chunks_exact(length)
        .filter_map(|batch| BitRate::over(sum(batch), span))
        .map(|rate| to_f64(rate.0))
        .collect();
    let deviation = standard_deviation(&batches, mean(&batches)?)?;
    let k = to_f64(batches.len() as u64);
    let half = t_quantile_975(batches.len() - 1) * deviation / k.sqrt();
    let centre = to_f64(goodput.0);
    Some([
        BitRate(floor_u64(centre - half)),
        BitRate(floor_u64((centre + half).ceil())),
    ])
}

/// The first bin count at which the mode stops, and why; `None` while it goes on.
///
/// - Shape: complete bins in order of time. Later bins never move the point.
pub(crate) fn stop_point(mode: Mode, bins: &[u64]) -> Option<(usize, StopReason)> {
    let start = ramp_end(bins)?;
    let rule = match mode {
        Mode::Full => {
            let end = start + WINDOW_BINS;
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
const fn batch_bins(mode: Mode, length: usize) -> usize {
    match mode {
        Mode::Full => BATCH_BINS,
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
    use serde_json::{Value, json};

    #[test]
    fn golden_vectors_hold() {
        let golden = include_str!("../../../testdata/method/goodput-1.json");
        let golden: Vec<Value> = serde_json::from_str(golden).unwrap();
        assert_eq!(golden.len(), 45);
        for case in golden {
            let mode: Mode = serde_json::from_value(case["mode"].clone()).unwrap();
            let bins: Vec<u64> = serde_json::from_value(case["bins_bytes"].clone()).unwrap();
            let estimate = estimate(mode, &bins, case["stopped"] == true);
            let stop = stop_point(mode, &bins);
            let now = json!({
                "ramp_end_bins": ramp_end(&bins),
                "stop_bins": stop.map(|(at, _)| at),
                "stop_reason": stop.map(|(_, why)| why),
                "goodput_bits_per_second": estimate.map(|(goodput, _)| goodput),
                "interval_bits_per_second": estimate.and_then(|(_, interval)| interval),
            });
            assert_eq!(now, case["want"], "{} {}", case["name"], case["mode"]);
        }
    }

    proptest! {
        #[test]
        fn absurd_bins_are_no_reason_to_panic(bins in proptest::collection::vec(any::<u64>(), 0..160), stopped in any::<bool>()) {
            for mode in Mode::ALL {
                let _ = estimate(mode, &bins, stopped);
            }
        }
    }
}
