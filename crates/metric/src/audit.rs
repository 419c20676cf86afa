//! How far the adaptive modes are from mode `full`, over tests that were
//! measured in full: their bins up to where a mode would have stopped against
//! the whole window.
//!
//! Counters only, so any number of tests takes the same memory, and the order
//! of the tests does not matter.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::edition::Edition;
use crate::goodput::{Estimate, Mode};
use crate::series::{DirectionSeries, Series};
use crate::unit::{floor_u64, to_f64};

/// Whether a session is drawn for the audit: `draw` is uniform over all of its
/// values, the share of an adaptive mode's sessions is in thousandths.
pub fn is_drawn(share_per_mille: u16, draw: u32) -> bool {
    (u64::from(draw) * 1000) >> 32 < u64::from(share_per_mille)
}

/// Logarithms of ratios, counted in steps of a thousandth: a tenth of a per
/// cent. What lies beyond a factor of 20 is counted at its end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogRatios(BTreeMap<i32, u64>);

impl LogRatios {
    const STEPS: f64 = 1000.0;
    const END: f64 = 3000.0;

    /// Counts `a / b`; nothing where either is zero, which has no logarithm.
    pub fn add(&mut self, a: u64, b: u64) {
        if a > 0 && b > 0 {
            let step = ((to_f64(a) / to_f64(b)).ln() * Self::STEPS).round();
            *self.0.entry(step_of(step)).or_default() += 1;
        }
    }

    /// Ratios counted.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The smallest logarithm at or below which a share of them lies; `None`
    /// of none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        quantile(&self.0, share)
    }

    /// The same of their sizes without sign.
    pub fn quantile_of_size(&self, share: f64) -> Option<f64> {
        let mut sizes = BTreeMap::<i32, u64>::new();
        for (step, n) in &self.0 {
            *sizes.entry(step.abs()).or_default() += n;
        }
        quantile(&sizes, share)
    }

    /// How many are larger than a size, in either direction.
    pub fn beyond(&self, size: f64) -> u64 {
        let steps = step_of(size * Self::STEPS);
        let beyond = self.0.iter().filter(|(step, _)| step.abs() > steps);
        beyond.map(|(_, n)| n).sum()
    }
}

fn step_of(step: f64) -> i32 {
    let step = step.clamp(-LogRatios::END, LogRatios::END);
    let size = i32::try_from(floor_u64(step.abs())).unwrap_or(0);
    if step < 0.0 { -size } else { size }
}

fn quantile(steps: &BTreeMap<i32, u64>, share: f64) -> Option<f64> {
    let total: u64 = steps.values().sum();
    let mut below = 0;
    let mut found = steps.iter().filter(|(_, n)| {
        below += **n;
        to_f64(below) >= share * to_f64(total)
    });
    let (step, _) = found.next()?;
    Some(f64::from(*step) / LogRatios::STEPS)
}

/// Direction of a subtest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the site.
    Download,
    /// To the site.
    Upload,
}

impl Direction {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::Download, Self::Upload];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }

    /// This direction of a test.
    pub const fn of(self, series: &Series) -> Option<&DirectionSeries> {
        match self {
            Self::Download => series.download.as_ref(),
            Self::Upload => series.upload.as_ref(),
        }
    }
}

/// Classes of rates, by the goodput of the whole window: name, and the rate at
/// which the next one begins.
const CLASSES: [(&str, u64); 5] = [
    ("below_2_mbit", 2_000_000),
    ("2_to_10_mbit", 10_000_000),
    ("10_to_50_mbit", 50_000_000),
    ("50_to_200_mbit", 200_000_000),
    ("from_200_mbit", u64::MAX),
];

/// The class of all rates together.
const ALL: &str = "all";

fn class_of(bits_per_second: u64) -> usize {
    let holds = |(_, end): &(&str, u64)| bits_per_second < *end;
    CLASSES.iter().position(holds).unwrap_or(CLASSES.len() - 1)
}

/// The audit of one edition, test by test.
#[derive(Clone, Debug)]
pub struct Audit {
    edition: Edition,
    tests: u64,
    drawn: u64,
    tallies: BTreeMap<(usize, Direction, usize), Tally>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    directions: u64,
    errors: LogRatios,
    with_interval: u64,
    covered: u64,
    bytes: u128,
    full_bytes: u128,
}

/// The adaptive modes, which are what is audited.
const AUDITED: [Mode; 2] = [Mode::Accurate, Mode::Saver];

impl Audit {
    /// An audit that has seen nothing.
    pub const fn new(edition: Edition) -> Self {
        Self {
            edition,
            tests: 0,
            drawn: 0,
            tallies: BTreeMap::new(),
        }
    }

    /// Takes a test of mode `full` into account; `drawn` says that the site
    /// drew it for the audit. A direction whose window was not measured to its
    /// end is no reference, and is left out.
    pub fn add(&mut self, series: &Series, drawn: bool) {
        self.tests += 1;
        self.drawn += u64::from(drawn);
        for direction in Direction::BOTH {
            if let Some(seen) = direction.of(series) {
                self.add_direction(direction, seen.measured());
            }
        }
    }

    fn add_direction(&mut self, direction: Direction, bins: &[u64]) -> Option<()> {
        let (end, _) = self.edition.stop_point(Mode::Full, bins)?;
        let full = self.edition.estimate(Mode::Full, bins, false)?;
        let class = class_of(full.goodput.0);
        for (at, mode) in AUDITED.into_iter().enumerate() {
            let stop = self.edition.stop_point(mode, bins);
            let short = stop.map_or(end, |(stop, _)| stop);
            let found = self.edition.estimate(mode, &bins[..short], false);
            for class in [class, CLASSES.len()] {
                let tally = self.tallies.entry((at, direction, class)).or_default();
                tally.add(found, &full, &bins[..short], &bins[..end]);
            }
        }
        Some(())
    }

    /// What the audit says so far.
    pub fn report(&self) -> Report {
        let line = |(&(mode, direction, class), tally): (&(usize, Direction, usize), &Tally)| {
            let class = CLASSES.get(class).map_or(ALL, |(name, _)| name);
            tally.line(AUDITED[mode], direction, class)
        };
        Report {
            edition: self.edition.number(),
            tests: self.tests,
            drawn: self.drawn,
            modes: self.tallies.iter().map(line).collect(),
        }
    }
}

impl Tally {
    fn add(&mut self, found: Option<Estimate>, full: &Estimate, short: &[u64], whole: &[u64]) {
        let sum = |bins: &[u64]| bins.iter().map(|&b| u128::from(b)).sum::<u128>();
        self.directions += 1;
        self.bytes += sum(short);
        self.full_bytes += sum(whole);
        let Some(found) = found else { return };
        self.errors.add(found.goodput.0, full.goodput.0);
        if let Some([low, high]) = found.interval {
            self.with_interval += 1;
            self.covered += u64::from(low <= full.goodput && full.goodput <= high);
        }
    }

    fn line(&self, mode: Mode, direction: Direction, class: &'static str) -> Line {
        Line {
            mode,
            direction,
            class,
            directions: self.directions,
            n: self.errors.count(),
            bias_log_ratio: self.errors.quantile(0.5),
            p90_error_log_ratio: self.errors.quantile_of_size(0.9),
            interval_coverage: share(self.covered.into(), self.with_interval.into()),
            data_share: share(self.bytes, self.full_bytes),
        }
    }
}

/// A share from 0 to 1 with three decimals; `None` of nothing.
pub(crate) fn share(part: u128, whole: u128) -> Option<f64> {
    let per_mille = part.checked_mul(1000)?.checked_div(whole)?;
    Some(to_f64(u64::try_from(per_mille).ok()?) / 1000.0)
}

/// An audit written out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Edition whose modes were held against its own mode `full`.
    pub edition: u16,
    /// Tests of mode `full`.
    pub tests: u64,
    /// Of these, drawn by a site for the audit.
    pub drawn: u64,
    /// One line for each mode, direction and class of rates that occurred.
    pub modes: Vec<Line>,
}

/// One adaptive mode in one direction and class of rates. What cannot be said
/// of so few is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The adaptive mode.
    pub mode: Mode,
    /// Direction.
    pub direction: Direction,
    /// Class of rates by the whole window; `all` for all of them.
    pub class: &'static str,
    /// Directions with a whole window.
    pub directions: u64,
    /// Of these, with an estimate by the mode.
    pub n: u64,
    /// Median of ln(mode / full): −0.01 reads one per cent low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias_log_ratio: Option<f64>,
    /// 90th percentile of |ln(mode / full)|.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90_error_log_ratio: Option<f64>,
    /// Share whose 95 % interval holds the speed of the whole window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_coverage: Option<f64>,
    /// Bytes up to the mode's stop, as a share of those of the whole window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_share: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use proptest::prelude::*;

    fn test(bins: Vec<u64>) -> Series {
        let direction = DirectionSeries::of_bins(bins, false);
        Series {
            download: Some(direction.clone()),
            upload: Some(direction),
        }
    }

    fn audit(tests: &[Series]) -> Report {
        let mut audit = Audit::new(Edition::of(1).unwrap());
        tests.iter().for_each(|test| audit.add(test, false));
        audit.report()
    }

    fn line<'a>(report: &'a Report, mode: Mode, class: &str) -> &'a Line {
        let is = |line: &&Line| {
            (line.mode, line.direction, line.class) == (mode, Direction::Download, class)
        };
        report.modes.iter().find(is).unwrap()
    }

    #[test]
    fn a_steady_line_shows_no_bias() {
        let report = audit(&[test(vec![500_000; 108])]);
        let line = line(&report, Mode::Accurate, ALL);
        assert_eq!((line.directions, line.n), (1, 1));
        assert_eq!(line.bias_log_ratio, Some(0.0));
        assert_eq!(line.interval_coverage, Some(1.0));
        assert_eq!(line.data_share, Some(0.166), "18 bins of 108");
    }

    #[test]
    fn a_boost_shows_as_bias_upwards_of_the_least_data() {
        let bins = [vec![1_000_000; 30], vec![500_000; 78]].concat();
        let report = audit(&[test(bins)]);
        let saver = line(&report, Mode::Saver, ALL);
        assert!(saver.bias_log_ratio.unwrap() > 0.4, "{saver:?}");
        assert_eq!(saver.interval_coverage, Some(0.0));
    }

    #[test]
    fn classes_add_up_and_a_half_test_is_no_reference() {
        let tests = [1, 5, 20, 100, 300].map(|megabits| test(vec![megabits * 12_500; 108]));
        let half = test(vec![500_000; 60]);
        let report = audit(&[&tests[..], &[half]].concat());
        assert_eq!(report.tests, 6);
        assert_eq!(line(&report, Mode::Saver, ALL).directions, 5);
        for (class, _) in CLASSES {
            assert_eq!(line(&report, Mode::Saver, class).directions, 1, "{class}");
        }
    }

    #[test]
    fn the_share_drawn_is_the_share_set() {
        let mut chance = Chance::of(&[3]);
        let mut drawn = |share| {
            let draws = (0..20_000).filter(|_| {
                let draw = u32::try_from(chance.next() >> 32).unwrap();
                is_drawn(share, draw)
            });
            draws.count()
        };
        assert_eq!((drawn(0), drawn(1000)), (0, 20_000));
        assert!((300..500).contains(&drawn(20)), "2 % of 20,000 are 400");
        assert!(is_drawn(1, 0) && !is_drawn(0, 0) && !is_drawn(999, u32::MAX));
    }

    proptest! {
        #[test]
        fn the_order_of_tests_does_not_matter(
            seeds in proptest::collection::vec(any::<u64>(), 2..6), turn in any::<prop::sample::Index>(),
        ) {
            let mut tests: Vec<Series> = seeds.iter().map(|&seed| {
                let mut chance = Chance::of(&[seed]);
                test((0..120).map(|_| floor_u64(400_000.0 * chance.factor(0.3))).collect())
            }).collect();
            let before = audit(&tests);
            tests.rotate_left(turn.index(seeds.len()));
            prop_assert_eq!(before, audit(&tests));
        }

        #[test]
        fn quantiles_are_of_what_was_counted(ratios in proptest::collection::vec(1_u64..5_000, 1..60)) {
            let mut counted = LogRatios::default();
            ratios.iter().for_each(|&ratio| counted.add(ratio, 1_000));
            let mut sorted = ratios.clone();
            sorted.sort_unstable();
            let median = sorted[(sorted.len() - 1) / 2];
            let exact = (to_f64(median) / 1000.0).ln().clamp(-3.0, 3.0);
            prop_assert!((counted.quantile(0.5).unwrap() - exact).abs() <= 0.0011);
            prop_assert_eq!(counted.count(), ratios.len() as u64);
        }
    }
}
