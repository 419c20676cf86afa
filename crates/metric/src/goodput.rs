//! Goodput of one subtest from its 100 ms bins.
//!
//! Every mode asks for the same: the mean rate that the line carries in the
//! first ten seconds of a direction. Mode `full` sees them all, the adaptive
//! modes stop when what they have seen is certain enough ([`crate::stop`]) and
//! forecast the rest ([`crate::forecast`]). The bins are what had arrived at the
//! receiving host; no factor for overhead is added. The same law runs in the
//! web application; both are held to `testdata/method/goodput-3.json`.

use serde::{Deserialize, Serialize};

use crate::METHOD;
use crate::bins::BIN;
use crate::edition_1;
use crate::forecast::{Forecast, forecast, lasting};
use crate::statistic::quantile;
use crate::stop::stop_point_lasting;
use crate::unit::{BitRate, Micros, floor_u64};

/// Constants of edition 2.
pub mod spec {
    /// First bin at which the ramp may end.
    pub const RAMP_MIN_BINS: usize = 8;
    /// Bin at which the ramp ends at the latest.
    pub const RAMP_CAP_BINS: usize = 40;
    /// Fewest bins after the ramp.
    pub const LEAST_WINDOW_BINS: usize = 8;
    /// A window that ends in so many bins without a byte was not measured: the
    /// line died in it.
    pub const SILENT_BINS: usize = 20;
    /// Half width of the interval for what was not seen of a line that varies
    /// without end.
    ///
    /// A share of the rate. With [`HALF_SPREAD_AT`], [`UNKNOWN`] and [`FLOOR`]
    /// set so that 95 % of the runs on the tuning links are covered.
    pub const SPREAD: f64 = 1.2;
    /// Volatility at which half of it is reached.
    pub const HALF_SPREAD_AT: f64 = 0.1;
    /// Half width of the interval when all was seen: what a bin may be off.
    pub const FLOOR: f64 = 0.01;
    /// Added to it for what looks calm and is not over, times the fourth power
    /// of the unseen share: a boost or a fade that has not come yet.
    pub const UNKNOWN: f64 = 0.27;
}

/// How long a subtest goes on, and how it is averaged.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All ten seconds; the reference the others are held against.
    Full,
    /// About four seconds, more where the line varies.
    Accurate,
    /// About two seconds: least data.
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
    /// The ten seconds of mode `full` were measured.
    Fixed,
    /// What was not seen can hardly change the result.
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

/// What the method says about one subtest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimate {
    /// Mean rate of the ten seconds.
    pub goodput: BitRate,
    /// 95 % interval of `goodput`; edition 1 had none below two batches.
    pub interval: Option<[BitRate; 2]>,
    /// Length of the ramp.
    pub ramp: Micros,
    /// 90 % quantile of the bins after the ramp.
    pub p90: BitRate,
    /// Plain mean from the first bin on, ramp and all.
    pub mean: BitRate,
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

/// Estimate from complete bins, by the current edition.
///
/// `stopped` says that the site ended the subtest at a cap before the mode
/// was content, so what there is (a ramp and 0.8 s) will do. Bins beyond the
/// stop do not matter.
///
/// - Unit: bit/s, rounded down.
/// - Shape: complete bins in order of time; `None` when they are too few or end
///   in two seconds without a byte — a test that could not be computed has no
///   speed, which is not a speed of zero.
/// - Source: docs/METHODOLOGY.md, "Goodput".
pub fn estimate(mode: Mode, bins: &[u64], stopped: bool) -> Option<Estimate> {
    estimate_lasting(mode, bins, stopped, lasting(METHOD))
}

/// As [`estimate`], by what an edition takes for a level that lasts.
fn estimate_lasting(mode: Mode, bins: &[u64], stopped: bool, lasting: usize) -> Option<Estimate> {
    let start = ramp_end(bins)?;
    let end = match stop_point_lasting(mode, bins, lasting) {
        Some((end, _)) => end,
        None if stopped && bins.len() >= start + spec::LEAST_WINDOW_BINS => bins.len(),
        None => return None,
    };
    let (ramp, window) = bins.get(..end)?.split_at(start);
    if is_silent(window) {
        return None;
    }
    let seen = forecast(ramp, window, lasting)?;
    let whole = Estimate {
        goodput: per_bin(seen.mean),
        interval: Some(interval(&seen)),
        ..described(ramp, window)?
    };
    Some(whole)
}

/// [`estimate`] by the edition of a receipt.
pub fn estimate_of(edition: u16, mode: Mode, bins: &[u64], stopped: bool) -> Option<Estimate> {
    if edition >= 2 {
        return estimate_lasting(mode, bins, stopped, lasting(edition));
    }
    let start = ramp_end(bins)?;
    let (goodput, interval) = edition_1::estimate(mode, bins, stopped)?;
    let (ramp, window) = bins.split_at(start);
    let described = described(ramp, window)?;
    Some(Estimate {
        goodput,
        interval,
        ..described
    })
}

/// Where a mode stops by the edition of a receipt; as [`crate::stop::stop_point`].
pub fn stop_point_of(edition: u16, mode: Mode, bins: &[u64]) -> Option<(usize, StopReason)> {
    if edition >= 2 {
        stop_point_lasting(mode, bins, lasting(edition))
    } else {
        edition_1::stop_point(mode, bins)
    }
}

/// What is said beside the estimate; its own place is held by the mean.
fn described(ramp: &[u64], window: &[u64]) -> Option<Estimate> {
    let mut sorted = window.to_vec();
    sorted.sort_unstable();
    let all = Micros((ramp.len() + window.len()) as u64 * BIN.0);
    let mean = BitRate::over(sum(ramp).saturating_add(sum(window)), all)?;
    Some(Estimate {
        goodput: mean,
        interval: None,
        ramp: Micros(ramp.len() as u64 * BIN.0),
        p90: BitRate::over(quantile(&sorted, 900)?, BIN)?,
        mean,
    })
}

/// 95 % interval: what a bin may be off, what has not come yet, and what the
/// seen part varies, for the share that was not seen.
fn interval(seen: &Forecast) -> [BitRate; 2] {
    let squared = seen.unseen * seen.unseen;
    let unknown = spec::FLOOR + spec::UNKNOWN * (squared * squared);
    let varies = seen.volatility / (seen.volatility + spec::HALF_SPREAD_AT);
    let half = spec::SPREAD * (seen.unseen + seen.unfilled) * varies + unknown;
    let rate = seen.mean * BITS_PER_SECOND;
    [
        BitRate(floor_u64(rate - rate * half)),
        BitRate(floor_u64((rate + rate * half).ceil())),
    ]
}

/// Bits per second of one byte per bin.
const BITS_PER_SECOND: f64 = 80.0;

fn per_bin(bytes: f64) -> BitRate {
    BitRate(floor_u64(bytes * BITS_PER_SECOND))
}

/// Whether a window ends in two seconds without a byte.
pub(crate) fn is_silent(window: &[u64]) -> bool {
    window.iter().rev().take(spec::SILENT_BINS).all(|&b| b == 0)
}

/// Bytes in some bins. They may be a client's claim, so they may be absurd.
pub(crate) fn sum(bins: &[u64]) -> u64 {
    bins.iter().fold(0, |sum, &b| sum.saturating_add(b))
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
            (
                "others stopped for a moment",
                [vec![400_000; 20], vec![800_000; 7], vec![400_000; 73]].concat(),
                false,
            ),
            (
                "a boost that ended",
                [vec![800_000; 14], vec![400_000; 90]].concat(),
                false,
            ),
        ]
    }

    fn worked(edition: u16) -> Vec<Value> {
        let cases = cases();
        let each = |(name, bins, stopped): &(&str, Vec<u64>, bool)| {
            Mode::ALL.map(|mode| {
                let estimate = estimate_of(edition, mode, bins, *stopped);
                let stop = stop_point_of(edition, mode, bins);
                json!({"name": name, "mode": mode, "bins_bytes": bins, "stopped": stopped, "want": {
                    "ramp_end_bins": ramp_end(bins),
                    "stop_bins": stop.map(|(at, _)| at),
                    "stop_reason": stop.map(|(_, why)| why),
                    "goodput_bits_per_second": estimate.map(|e| e.goodput),
                    "interval_bits_per_second": estimate.and_then(|e| e.interval),
                    "p90_bits_per_second": estimate.map(|e| e.p90),
                    "mean_bits_per_second": estimate.map(|e| e.mean),
                }})
            })
        };
        cases.iter().flat_map(each).collect()
    }

    #[test]
    fn golden_vectors_hold() {
        let of_2 = include_str!("../../../testdata/method/goodput-2.json");
        let of_3 = include_str!("../../../testdata/method/goodput-3.json");
        for (edition, golden) in [(2, of_2), (METHOD, of_3)] {
            let golden: Value = serde_json::from_str(golden).unwrap();
            let (now, want) = (worked(edition), golden.as_array().unwrap());
            // Later editions have more cases.
            assert!(
                now[..want.len()] == want[..],
                "edition {edition} changed: that takes a new one"
            );
        }
    }

    #[test]
    fn steady_rate_is_found_exactly() {
        for mode in Mode::ALL {
            let e = estimate(mode, &[500_000; 120], false).unwrap();
            assert_eq!(e.goodput, BitRate(40_000_000));
            assert_eq!((e.p90, e.mean), (e.goodput, e.goodput));
        }
    }

    #[test]
    fn the_interval_closes_as_the_seconds_pass() {
        let width = |mode| {
            let [low, high] = estimate(mode, &[500_000; 120], false)
                .unwrap()
                .interval
                .unwrap();
            high.0 - low.0
        };
        assert!(width(Mode::Saver) > width(Mode::Accurate));
        assert!(width(Mode::Accurate) > width(Mode::Full));
        assert_eq!(width(Mode::Full), 800_000, "1 % either way");
    }

    #[test]
    fn a_cap_after_a_second_leaves_a_figure() {
        let bins = [500_000; 17];
        assert_eq!(estimate(Mode::Full, &bins, false), None);
        assert_eq!(estimate(Mode::Full, &bins[..15], true), None);
        let stopped = estimate(Mode::Full, &bins, true).unwrap();
        assert_eq!(stopped.goodput, BitRate(40_000_000));
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
            // A power of two scales floats exactly.
            let one = estimate(mode, &bins, false);
            let more = estimate(mode, &bins.iter().map(|b| b * 64).collect::<Vec<_>>(), false);
            let (Some(one), Some(more)) = (one, more) else {
                prop_assert_eq!(one, more);
                return Ok(());
            };
            prop_assert_eq!(one.ramp, more.ramp);
            prop_assert!(more.goodput.0.abs_diff(64 * one.goodput.0) < 64);
        }

        #[test]
        fn full_is_the_mean_of_ten_seconds(bins in proptest::collection::vec(1_u64..1_000_000, 100..160)) {
            // But for the ramp, which counts as at least the level after it.
            let e = estimate(Mode::Full, &bins, false).unwrap();
            prop_assert!(e.goodput >= e.mean);
            let ramp = usize::try_from(e.ramp.0 / BIN.0).unwrap();
            let most = e.mean.0 + 80 * 1_000_000 * ramp as u64 / 100;
            prop_assert!(e.goodput.0 <= most);
        }

        #[test]
        fn streams_may_come_in_any_order(a in proptest::collection::vec(0_u64..500_000, 100..120), b in proptest::collection::vec(0_u64..500_000, 100..120), mode in modes()) {
            let sum = |x: &[u64], y: &[u64]| -> Vec<u64> { x.iter().zip(y).map(|(x, y)| x + y).collect() };
            prop_assert_eq!(estimate(mode, &sum(&a, &b), false), estimate(mode, &sum(&b, &a), false));
        }

        #[test]
        fn silence_before_the_first_byte_is_ramp(level in 10_000_u64..1_000_000, late in 0_usize..20) {
            let bins = [vec![0; late], vec![level; 110]].concat();
            let e = estimate(Mode::Full, &bins, false).unwrap();
            prop_assert!(e.goodput.0.abs_diff(level * 80) <= 80);
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
            if let Some((end, _)) = crate::stop::stop_point(mode, &bins) {
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
