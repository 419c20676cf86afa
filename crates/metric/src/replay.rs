//! What another edition of the estimator makes of tests that were measured
//! before it: speeds, time and data beside those of then.
//!
//! Counters only, so any number of tests takes the same memory.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::audit::{Direction, LogRatios, share};
use crate::bins::BIN;
use crate::edition::Edition;
use crate::goodput::Mode;
use crate::series::{DirectionSeries, Series};
use crate::unit::{Micros, floor_u64, to_f64};

/// A test as it is replayed.
#[derive(Clone, Debug)]
pub struct Replayed<'a> {
    /// Edition and mode it was measured by.
    pub measured_by: (Edition, Mode),
    /// Its series.
    pub series: &'a Series,
}

/// One edition replayed, test by test.
#[derive(Clone, Debug)]
pub struct Replay {
    edition: Edition,
    /// Mode that every test is replayed in; its own where `None`.
    mode: Option<Mode>,
    tests: u64,
    tallies: BTreeMap<(&'static str, &'static str, Direction), Tally>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    directions: u64,
    gained: u64,
    lost: u64,
    changes: LogRatios,
    speeds: [Speeds; 2],
    bytes: [u128; 2],
    bins: [u64; 2],
}

/// Speeds, counted in steps of a thousandth of their logarithm.
#[derive(Clone, Debug, Default)]
struct Speeds(BTreeMap<u64, u64>);

/// A speed that differs by less is the same: half a per cent.
const SAME: f64 = 0.005;

impl Replay {
    /// A replay that has seen nothing; in `mode`, or each test in its own.
    pub const fn new(edition: Edition, mode: Option<Mode>) -> Self {
        Self {
            edition,
            mode,
            tests: 0,
            tallies: BTreeMap::new(),
        }
    }

    /// Takes a test into account.
    pub fn add(&mut self, test: &Replayed<'_>) {
        self.tests += 1;
        let (_, old) = test.measured_by;
        let new = self.mode.unwrap_or(old);
        for direction in Direction::BOTH {
            let Some(seen) = direction.of(test.series) else {
                continue;
            };
            let key = (old.name(), new.name(), direction);
            let tally = self.tallies.entry(key).or_default();
            tally.add(
                Outcome::of(test.measured_by, seen),
                Outcome::of((self.edition, new), seen),
            );
        }
    }

    /// What the replay says so far.
    pub fn report(&self) -> Report {
        let lines = self.tallies.iter();
        Report {
            edition: self.edition.number(),
            tests: self.tests,
            lines: lines
                .map(|(&(old, new, direction), tally)| tally.line(old, new, direction))
                .collect(),
        }
    }
}

/// What one edition and mode makes of a direction.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    bits_per_second: Option<u64>,
    bins: usize,
    bytes: u128,
}

impl Outcome {
    /// Time and data are those up to the stop; all there are where the mode
    /// wants more than was measured, and then there is no speed either, unless
    /// a cap had ended the direction.
    fn of((edition, mode): (Edition, Mode), seen: &DirectionSeries) -> Self {
        let bins = seen.measured();
        let end = edition
            .stop_point(mode, bins)
            .map_or(bins.len(), |(end, _)| end);
        let estimate = edition.estimate(mode, bins, seen.is_capped);
        Self {
            bits_per_second: estimate.map(|estimate| estimate.goodput.0),
            bins: end,
            bytes: bins[..end].iter().map(|&b| u128::from(b)).sum(),
        }
    }
}

impl Tally {
    fn add(&mut self, old: Outcome, new: Outcome) {
        self.directions += 1;
        match (old.bits_per_second, new.bits_per_second) {
            (None, Some(_)) => self.gained += 1,
            (Some(_), None) => self.lost += 1,
            (None, None) => {}
            (Some(before), Some(after)) => {
                self.changes.add(after, before);
                for (at, outcome) in [old, new].into_iter().enumerate() {
                    self.speeds[at].add(outcome.bits_per_second.unwrap_or(0));
                    self.bytes[at] += outcome.bytes;
                    self.bins[at] += outcome.bins as u64;
                }
            }
        }
    }

    fn line(&self, old: &'static str, new: &'static str, direction: Direction) -> Line {
        let n = self.changes.count();
        let [old_median, new_median] = [0, 1].map(|at| self.speeds[at].median());
        let [old_us, new_us] = self.bins.map(|bins| mean_span(bins, n));
        Line {
            measured_mode: old,
            mode: new,
            direction,
            directions: self.directions,
            n,
            gained: self.gained,
            lost: self.lost,
            old_median_bits_per_second: old_median,
            new_median_bits_per_second: new_median,
            median_change_log_ratio: self.changes.quantile(0.5),
            p90_change_log_ratio: self.changes.quantile_of_size(0.9),
            changed_share: share(self.changes.beyond(SAME).into(), n.into()),
            data_share: share(self.bytes[1], self.bytes[0]),
            old_mean_us: old_us,
            new_mean_us: new_us,
        }
    }
}

fn mean_span(bins: u64, n: u64) -> Option<Micros> {
    (bins * BIN.0).checked_div(n).map(Micros)
}

impl Speeds {
    fn add(&mut self, bits_per_second: u64) {
        if bits_per_second > 0 {
            let step = floor_u64((to_f64(bits_per_second).ln() * 1000.0).round());
            *self.0.entry(step).or_default() += 1;
        }
    }

    fn median(&self) -> Option<u64> {
        let total: u64 = self.0.values().sum();
        let mut below = 0;
        let mut steps = self.0.iter().filter(|(_, n)| {
            below += *n;
            2 * below >= total
        });
        let (step, _) = steps.next()?;
        Some(floor_u64((to_f64(*step) / 1000.0).exp().round()))
    }
}

/// A replay written out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Edition that was replayed.
    pub edition: u16,
    /// Tests it was replayed over.
    pub tests: u64,
    /// One line for each mode and direction that occurred.
    pub lines: Vec<Line>,
}

/// One mode in one direction, old beside new. What cannot be said is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Mode they were measured in.
    pub measured_mode: &'static str,
    /// Mode they were replayed in.
    pub mode: &'static str,
    /// Direction.
    pub direction: Direction,
    /// Directions that were measured.
    pub directions: u64,
    /// Of these, with a speed then and now; the figures below are theirs.
    pub n: u64,
    /// With a speed now and none then.
    pub gained: u64,
    /// With a speed then and none now: it wants more than was measured.
    pub lost: u64,
    /// Median of then, to a tenth of a per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_median_bits_per_second: Option<u64>,
    /// Median of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_median_bits_per_second: Option<u64>,
    /// Median of ln(now / then).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_change_log_ratio: Option<f64>,
    /// 90th percentile of |ln(now / then)|.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90_change_log_ratio: Option<f64>,
    /// Share whose speed changed by more than half a per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_share: Option<f64>,
    /// Bytes up to the stop of now, as a share of those of then: below 1 saves
    /// data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_share: Option<f64>,
    /// Mean length of then, up to the stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_mean_us: Option<Micros>,
    /// Mean length of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_mean_us: Option<Micros>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition() -> Edition {
        Edition::of(1).unwrap()
    }

    fn replay(mode: Option<Mode>, tests: &[(Mode, Vec<u64>, bool)]) -> Report {
        let mut replay = Replay::new(edition(), mode);
        for (old, bins, is_capped) in tests {
            let series = Series {
                download: Some(DirectionSeries::of_bins(bins.clone(), *is_capped)),
                upload: None,
            };
            replay.add(&Replayed {
                measured_by: (edition(), *old),
                series: &series,
            });
        }
        replay.report()
    }

    #[test]
    fn the_same_edition_changes_nothing() {
        let bins: Vec<u64> = (0..120).map(|i| 400_000 + (i * 7_919 % 100_003)).collect();
        let tests = Mode::ALL.map(|mode| (mode, bins.clone(), false));
        let report = replay(None, &tests);
        assert_eq!((report.tests, report.lines.len()), (3, 3));
        for line in report.lines {
            assert_eq!((line.n, line.gained, line.lost), (1, 0, 0));
            assert_eq!(line.changed_share, Some(0.0));
            assert_eq!(line.data_share, Some(1.0));
            assert_eq!(line.old_mean_us, line.new_mean_us);
        }
    }

    #[test]
    fn a_full_test_replayed_as_accurate_saves_data_and_time() {
        let report = replay(
            Some(Mode::Accurate),
            &[(Mode::Full, vec![500_000; 108], false)],
        );
        let line = &report.lines[0];
        assert_eq!((line.measured_mode, line.mode), ("full", "accurate"));
        assert_eq!(line.data_share, Some(0.166));
        assert_eq!(line.old_mean_us, Some(Micros(10_800_000)));
        assert_eq!(line.new_mean_us, Some(Micros(1_800_000)));
        let median = line.new_median_bits_per_second.unwrap();
        assert!(median.abs_diff(40_000_000) < 40_000, "{median}");
    }

    #[test]
    fn what_was_too_short_is_lost_and_not_zero() {
        let tests = [
            (Mode::Saver, vec![500_000; 16], false),
            (Mode::Full, vec![500_000; 60], true),
        ];
        let report = replay(Some(Mode::Full), &tests);
        let of = |mode| {
            report
                .lines
                .iter()
                .find(|l| l.measured_mode == mode)
                .unwrap()
        };
        assert_eq!((of("saver").n, of("saver").lost), (0, 1));
        assert_eq!(of("saver").new_median_bits_per_second, None);
        assert_eq!(of("full").n, 1, "its site had ended it at a cap");
    }
}
