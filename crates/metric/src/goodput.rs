//! Goodput of one subtest from its 100 ms bins: edition 1.
//!
//! Mode `full` averages the ten seconds after the end of the ramp; the adaptive
//! modes stop when what they have is certain enough ([`crate::stop`]) and trim
//! the extremes. Each comes with an interval from batch means. Goodput counts
//! application bytes at the receiver; no factor for overhead is added. The same
//! law runs in the web application; both are held to
//! `testdata/method/goodput.json`.

use serde::{Deserialize, Serialize};

use crate::bins::BIN;
use crate::statistic::{mean, standard_deviation, t_quantile_975};
use crate::stop::{batch_bins, stop_point};
use crate::unit::{BitRate, Micros, floor_u64, to_f64};

/// Constants of edition 1.
pub mod spec {
    /// First bin at which the ramp may end.
    pub const RAMP_MIN_BINS: usize = 8;
    /// Bin at which the ramp ends at the latest.
    pub const RAMP_CAP_BINS: usize = 40;
    /// Measured bins after the ramp.
    pub const WINDOW_BINS: usize = 100;
    /// Fewest measured bins when the site stopped the subtest at a cap.
    pub const MIN_STOPPED_BINS: usize = 20;
    /// A window that ends in so many bins without a byte was not measured: the
    /// line died in it.
    pub const SILENT_BINS: usize = 20;
    /// Bins in a batch of mode `full`: one second.
    pub const BATCH_BINS: usize = 10;
    /// The adaptive modes leave out one bin of so many at each end.
    pub const TRIMMED_ONE_IN: usize = 10;
}

/// How long a subtest goes on, and how it is averaged.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Ten seconds after the ramp; the reference the others are held against.
    Full,
    /// Until the 95 % interval is within 5 %.
    Accurate,
    /// Until the 95 % interval is within 10 %: least data.
    Saver,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Full, Self::Accurate, Self::Saver];

    /// The mode of a name; `None` when there is no such mode here.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The name in receipts and sessions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Accurate => "accurate",
            Self::Saver => "saver",
        }
    }
}

/// How a subtest came to its end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The window of mode `full` was measured.
    Fixed,
    /// The interval was narrow enough and the rate did not drift.
    Converged,
    /// The cap in time, of the mode or of the site.
    TimeCap,
    /// The site's cap in bytes.
    ByteCap,
    /// A connection broke.
    Failed,
    /// The person stopped the test.
    Cancelled,
}

/// What edition 1 says about one subtest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimate {
    /// Goodput over the measured window.
    pub goodput: BitRate,
    /// 95 % interval of `goodput` by batch means; `None` below two batches.
    pub interval: Option<[BitRate; 2]>,
    /// Length of the ramp left out.
    pub ramp: Micros,
}

/// First bin after the ramp; `None` while that cannot be said yet.
///
/// - Definition: first `i ≥ 8` where the sum of bins `i−2..=i` is at most 1.1
///   times the largest such sum up to `i−3`, once that is above zero; 40 at
///   the latest. Silence before the first byte is ramp.
/// - Shape: complete bins in order of time.
/// - Source: docs/METHODOLOGY.md, "Ramp".
pub fn ramp_end(bins: &[u64]) -> Option<usize> {
    let m3 = |i: usize| bins[i - 2..=i].iter().map(|&b| u128::from(b)).sum::<u128>();
    let mut highest = 0;
    for i in spec::RAMP_MIN_BINS..bins.len().min(spec::RAMP_CAP_BINS) {
        let from = if i == spec::RAMP_MIN_BINS { 2 } else { i - 3 };
        highest = (from..=i - 3).map(m3).fold(highest, u128::max);
        if highest > 0 && 10 * m3(i) <= 11 * highest {
            return Some(i);
        }
    }
    (bins.len() >= spec::RAMP_CAP_BINS).then_some(spec::RAMP_CAP_BINS)
}

/// Estimate from complete bins.
///
/// The window reaches from the ramp's end to where the mode stops; bins beyond
/// that do not matter. `stopped` says that the site ended the subtest at a cap
/// before, so what there is (at least 2 s) will do.
///
/// - Unit: bit/s, rounded down.
/// - Shape: complete bins in order of time; `None` when the window is too
///   short or ends in two seconds without a byte — a test that could not be
///   computed has no speed, which is not a speed of zero.
pub fn estimate(mode: Mode, bins: &[u64], stopped: bool) -> Option<Estimate> {
    let start = ramp_end(bins)?;
    let end = match stop_point(mode, bins) {
        Some((end, _)) => end,
        None if stopped && bins.len() >= start + spec::MIN_STOPPED_BINS => bins.len(),
        None => return None,
    };
    let window = bins.get(start..end)?;
    if window.iter().rev().take(spec::SILENT_BINS).all(|&b| b == 0) {
        return None;
    }
    let goodput = level(mode, window)?;
    Some(Estimate {
        goodput,
        interval: interval(mode, window, goodput),
        ramp: Micros(start as u64 * BIN.0),
    })
}

/// Rate of a window: the mean in mode `full`, else the mean without the lowest
/// and the highest tenth of its bins. `None` for an empty window.
pub fn level(mode: Mode, window: &[u64]) -> Option<BitRate> {
    let mut sorted = window.to_vec();
    if mode != Mode::Full {
        sorted.sort_unstable();
        let trimmed = sorted.len() / spec::TRIMMED_ONE_IN;
        sorted = sorted[trimmed..sorted.len() - trimmed].to_vec();
    }
    BitRate::over(sum(&sorted), Micros(sorted.len() as u64 * BIN.0))
}

/// Bytes in some bins. They are a client's claim, so they may be absurd.
fn sum(bins: &[u64]) -> u64 {
    bins.iter().fold(0, |sum, &b| sum.saturating_add(b))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Bins for the golden file: name, bins, stopped; each in every mode.
    fn cases() -> Vec<(&'static str, Vec<u64>, bool)> {
        let ramp = |rate: u64, n: usize| -> Vec<u64> {
            (0..n as u64)
                .map(|i| rate.min(rate * (i + 1) / 12))
                .collect()
        };
        let wave = |n: u64| (0..n).map(|i| 500_000 + (i * 7_919 % 100_003)).collect();
        let boost = (0..140).map(|i| if i < 60 { 1_500_000 } else { 500_000 });
        vec![
            ("steady 40 Mbit/s after a ramp", ramp(500_000, 125), false),
            ("varying", wave(130), false),
            ("varying, one bin short", wave(107), false),
            ("speed boost", boost.collect(), false),
            (
                "growing to the cap",
                (0..150_u64).map(|i| i * i * i * 40).collect(),
                false,
            ),
            ("stopped at a cap after 3 s", wave(38), true),
            ("stopped too early", wave(20), true),
            ("silence", vec![0; 150], false),
            ("first byte late", [vec![0; 20], wave(120)].concat(), false),
            (
                "stall in the middle",
                [wave(60), vec![0; 10], wave(60)].concat(),
                false,
            ),
            ("line died", [wave(60), vec![0; 90]].concat(), false),
            (
                "line died at the end",
                [wave(88), vec![0; 20]].concat(),
                false,
            ),
            (
                "slow drift",
                (0..130_u64).map(|i| 300_000 + 3_000 * i).collect(),
                false,
            ),
            (
                "noisy radio",
                (0..130_u64)
                    .map(|i| 200_000 + (i * i * 7_919) % 600_011)
                    .collect(),
                false,
            ),
            ("empty", vec![], false),
        ]
    }

    fn worked() -> Vec<Value> {
        let cases = cases();
        let each = |(name, bins, stopped): &(&str, Vec<u64>, bool)| {
            Mode::ALL.map(|mode| {
                let estimate = estimate(mode, bins, *stopped);
                let stop = stop_point(mode, bins);
                json!({"name": name, "mode": mode, "bins_bytes": bins, "stopped": stopped, "want": {
                    "ramp_end_bins": ramp_end(bins),
                    "stop_bins": stop.map(|(at, _)| at),
                    "stop_reason": stop.map(|(_, why)| why),
                    "goodput_bits_per_second": estimate.map(|e| e.goodput),
                    "interval_bits_per_second": estimate.and_then(|e| e.interval),
                }})
            })
        };
        cases.iter().flat_map(each).collect()
    }

    #[test]
    fn golden_vectors_hold() {
        let golden = include_str!("../../../testdata/method/goodput.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let now = worked();
        assert!(
            golden == Value::Array(now),
            "the method changed: that takes a new edition"
        );
    }

    #[test]
    fn steady_rate_is_found_exactly() {
        let bins = [vec![100_000; 8], vec![500_000; 120]].concat();
        let e = estimate(Mode::Full, &bins, false).unwrap();
        // The step from 100 to 500 kB a bin is over at bin 12 at the earliest.
        assert!(e.ramp.0 >= 800_000, "{e:?}");
        let tail = estimate(Mode::Full, &vec![500_000; 120], false).unwrap();
        assert_eq!(tail.goodput, BitRate(40_000_000));
        assert_eq!(tail.interval, Some([tail.goodput; 2]));
    }

    #[test]
    fn no_bytes_is_no_speed() {
        for mode in Mode::ALL {
            assert_eq!(estimate(mode, &[0; 200], false), None);
            assert_eq!(estimate(mode, &[], false), None);
        }
    }

    fn modes() -> impl Strategy<Value = Mode> {
        proptest::sample::select(Mode::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn scale_of_bins_is_scale_of_rate(bins in proptest::collection::vec(1_u64..1_000_000, 120..160), mode in modes()) {
            let one = estimate(mode, &bins, false);
            let three = estimate(mode, &bins.iter().map(|b| b * 3).collect::<Vec<_>>(), false);
            let (Some(one), Some(three)) = (one, three) else {
                prop_assert_eq!(one, three);
                return Ok(());
            };
            prop_assert_eq!(one.ramp, three.ramp);
            prop_assert!(three.goodput.0.abs_diff(3 * one.goodput.0) <= 3);
        }

        #[test]
        fn absurd_bins_are_no_reason_to_panic(bins in proptest::collection::vec(any::<u64>(), 0..160), stopped in any::<bool>(), mode in modes()) {
            let _ = estimate(mode, &bins, stopped);
        }

        #[test]
        fn later_bins_never_move_the_ramp(bins in proptest::collection::vec(0_u64..1_000_000, 0..160), cut in 0_usize..160) {
            let early = ramp_end(&bins[..cut.min(bins.len())]);
            prop_assert!(early.is_none() || early == ramp_end(&bins));
        }

        #[test]
        fn bins_after_the_stop_do_not_matter(bins in proptest::collection::vec(0_u64..1_000_000, 0..160), mode in modes()) {
            if let Some((end, _)) = stop_point(mode, &bins) {
                prop_assert_eq!(estimate(mode, &bins[..end], false), estimate(mode, &bins, false));
            }
        }

        #[test]
        fn the_interval_holds_the_estimate(bins in proptest::collection::vec(0_u64..1_000_000, 120..160), mode in modes()) {
            if let Some(Estimate { goodput, interval: Some([low, high]), .. }) = estimate(mode, &bins, false) {
                prop_assert!(low <= goodput && goodput <= high);
            }
        }
    }
}
