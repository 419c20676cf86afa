//! How often the 95 % interval holds the truth.

use metric::chance::Chance;
use metric::sample::{Reading, Sample, Scale, collapse};
use metric::statistic::median_interval;
use metric::summary::{Described, Draws};
use metric::unit::{floor_u64, to_f64};
use serde::Serialize;

use super::Effort;

/// A kind of ward.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Case {
    /// Devices that test.
    pub devices: u32,
    /// Standard deviation of the logarithm of the rate within an operator.
    pub log_sd: f64,
    /// Share of that variance that lies between devices.
    pub rho: f64,
    /// Most days a device tests on; it tests on one to as many.
    pub most_days: u32,
}

/// What became of a case: shares of the runs, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// Runs whose interval of the median holds the true median.
    pub median: f64,
    /// The same for the rank interval that takes every test as independent.
    pub naive: f64,
    /// The same for the mean, by the interval of the figure.
    pub mean: f64,
    /// The same for the 5 % quantile, where it has an interval.
    pub p5: Option<f64>,
    /// The same for the 95 % quantile, where it has an interval.
    pub p95: Option<f64>,
    /// Mean half width of the interval of the median on the log scale.
    pub half_width: f64,
    /// Device-days of a ward, on average.
    pub device_days: f64,
}

/// Every case of the reference: σ 0.6 to 1.2, ρ 0 to 0.6, 10 to 300 devices.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for devices in [10, 20, 30, 60, 100, 300] {
        for log_sd in [0.6, 0.9, 1.2] {
            for rho in [0.0, 0.2, 0.4, 0.6] {
                for most_days in [1, 9] {
                    let case = Case {
                        devices,
                        log_sd,
                        rho,
                        most_days,
                    };
                    cases.push(case);
                }
            }
        }
    }
    cases.retain(|case| case.most_days > 1 || case.rho < 0.01);
    cases
}

/// The case of the reference where the naive interval holds the truth in 73 %
/// of the runs: 30 devices with ten tests each, one a day, ρ = 0.4, σ = 0.9.
pub const NAIVE_CASE: Case = Case {
    devices: 30,
    log_sd: 0.9,
    rho: 0.4,
    most_days: 10,
};

/// Measures one case.
pub fn measure(case: Case, effort: Effort, draws: &mut Draws) -> Coverage {
    let truth = Truth::of(case, effort.seed);
    let mut tally = Tally::default();
    for run in 0..effort.runs {
        let name = [effort.seed, u64::from(run), 11];
        tally.add(&ward(case, &mut Chance::of(&name)), case, &truth, draws);
    }
    tally.coverage(case)
}

/// Shares of the operators, and how fast each is.
const OPERATORS: [(f64, f64); 4] = [(0.55, 1.0), (0.25, 1.25), (0.15, 0.85), (0.05, 0.4)];

/// Share of the tests in the evening, and how fast it is then.
const EVENING: (f64, f64) = (0.3, 0.65);

/// Median of the fastest hours of the first operator, bit/s.
const RATE: f64 = 45e6;

/// One test as it is simulated.
type Test = Reading;

/// The tests of a ward: devices of mixed operators, days, one to three tests a
/// day at mixed hours.
fn ward(case: Case, chance: &mut Chance) -> Vec<Test> {
    let shares = OPERATORS.map(|(share, _)| share);
    let mut tests = vec![];
    for device in 0..case.devices {
        let operator = chance.weighted(&shares);
        let own = chance.normal() * case.log_sd * case.rho.sqrt();
        for day in 0..days(case, chance) {
            for _ in 0..per_day(case, chance) {
                let value = rate(case, operator, own, chance);
                tests.push(Reading {
                    device,
                    day,
                    group: 0,
                    value,
                });
            }
        }
    }
    tests
}

/// The reference case has ten days a device; others differ.
fn days(case: Case, chance: &mut Chance) -> u32 {
    if case == NAIVE_CASE {
        10
    } else {
        chance.between(1, case.most_days)
    }
}

fn per_day(case: Case, chance: &mut Chance) -> u32 {
    if case == NAIVE_CASE || case.most_days == 1 {
        1
    } else {
        chance.between(1, 3)
    }
}

fn rate(case: Case, operator: usize, own: f64, chance: &mut Chance) -> u64 {
    let hour = if chance.happens(EVENING.0) {
        EVENING.1
    } else {
        1.0
    };
    let rest = chance.factor(case.log_sd * (1.0 - case.rho).sqrt());
    floor_u64(RATE * OPERATORS[operator].1 * hour * own.exp() * rest)
}

/// The true figures: those of a ward with very many devices.
struct Truth {
    median: u64,
    mean: f64,
    p5: u64,
    p95: u64,
}

impl Truth {
    fn of(case: Case, seed: u64) -> Self {
        let everyone = Case {
            devices: 60_000,
            ..case
        };
        let everyone = if case == NAIVE_CASE {
            Case {
                most_days: 1,
                ..everyone
            }
        } else {
            everyone
        };
        let mut tests = ward(everyone, &mut Chance::of(&[seed, 13]));
        let sample = Sample::new(collapse(&mut tests, Scale::Log));
        let quantile = |p| sample.quantile(p).unwrap_or_default();
        Self {
            median: quantile(500),
            mean: sample.mean().unwrap_or_default(),
            p5: quantile(50),
            p95: quantile(950),
        }
    }
}

#[derive(Default)]
struct Tally {
    runs: u32,
    median: u32,
    naive: u32,
    mean: u32,
    p5: [u32; 2],
    p95: [u32; 2],
    half_width: f64,
    device_days: u64,
}

impl Tally {
    fn add(&mut self, tests: &[Test], case: Case, truth: &Truth, draws: &mut Draws) {
        let mut readings = tests.to_vec();
        let sample = Sample::new(collapse(&mut readings, Scale::Log));
        let Some(described) = Described::of(&sample, Scale::Log, case.rho, draws) else {
            return;
        };
        let holds = |interval: Option<[u64; 2]>, truth: u64| {
            interval.map(|[low, high]| u32::from(low <= truth && truth <= high))
        };
        let interval = described.median_interval();
        self.runs += 1;
        self.median += holds(interval, truth.median).unwrap_or(0);
        self.naive += holds(naive(tests), truth.median).unwrap_or(0);
        self.mean += holds(described.mean_interval, floor_u64(truth.mean)).unwrap_or(0);
        for (tally, q, truth) in [(&mut self.p5, 0, truth.p5), (&mut self.p95, 4, truth.p95)] {
            if let Some(held) = holds(described.intervals[q], truth) {
                *tally = [tally[0] + held, tally[1] + 1];
            }
        }
        let [low, high] = interval.unwrap_or([1, 1]).map(|x| to_f64(x.max(1)).ln());
        self.half_width += (high - low) / 2.0;
        self.device_days += sample.len() as u64;
    }

    fn coverage(&self, case: Case) -> Coverage {
        let runs = f64::from(self.runs.max(1));
        let share = |held: u32| f64::from(held) / runs;
        let some =
            |[held, of]: [u32; 2]| (of > self.runs / 2).then(|| f64::from(held) / f64::from(of));
        Coverage {
            case,
            median: share(self.median),
            naive: share(self.naive),
            mean: share(self.mean),
            p5: some(self.p5),
            p95: some(self.p95),
            half_width: self.half_width / runs,
            device_days: to_f64(self.device_days) / runs,
        }
    }
}

/// The interval of edition 1: every test on its own.
fn naive(tests: &[Test]) -> Option<[u64; 2]> {
    let mut values: Vec<_> = tests.iter().map(|test| test.value).collect();
    values.sort_unstable();
    median_interval(&values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(case: Case, runs: u32) -> Coverage {
        let effort = Effort { runs, seed: 1 };
        measure(case, effort, &mut Draws::default())
    }

    #[test]
    fn thirty_devices_are_enough_and_the_naive_interval_is_not() {
        let coverage = run(NAIVE_CASE, 600);
        assert!((0.925..=0.98).contains(&coverage.median), "{coverage:?}");
        assert!((0.68..=0.79).contains(&coverage.naive), "{coverage:?}");
    }
}
