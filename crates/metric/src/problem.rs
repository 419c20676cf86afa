//! When a cell is a problem: the law behind problem areas.
//!
//! A cell is a hexagon of one operator and technology. Its device-days with a
//! speed below the technology's limit are counted; whether that is more than
//! can be expected is a binomial test, and of the cells that fail it, at most a
//! tenth may be there by chance ([`crate::comparison::discoveries`]).

use serde::{Deserialize, Serialize};

use crate::comparison::{FALSE_DISCOVERY_RATE, discoveries};
use crate::interval::{Share, ln_gamma};
use crate::unit::to_f64;

/// The numbers in the rule; configuration, with these defaults.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Share of tests below the limit that is no problem yet, 0 to 1.
    pub share: f64,
    /// Fewest tests.
    pub min_tests: u32,
    /// Fewest devices.
    pub min_devices: u32,
    /// Least time of day between two of the slow tests, minutes.
    pub min_apart_minutes: u16,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            share: 0.10,
            min_tests: 5,
            min_devices: 3,
            min_apart_minutes: 240,
        }
    }
}

/// What was measured in a cell by one operator and technology.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Evidence {
    /// Tests that count.
    pub tests: u64,
    /// Devices behind them.
    pub devices: u64,
    /// Device-days, each slow when half its tests or more are.
    pub device_days: u64,
    /// Device-days below the limit.
    pub below: u64,
    /// Devices with a slow day.
    pub slow_devices: u64,
    /// Times of day of the slow tests, minutes since midnight, ascending.
    pub slow_minutes: Vec<u16>,
}

impl Evidence {
    /// Both together, where no device-day is in both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut slow_minutes = [self.slow_minutes.as_slice(), &other.slow_minutes].concat();
        slow_minutes.sort_unstable();
        Self {
            tests: self.tests + other.tests,
            devices: self.devices + other.devices,
            device_days: self.device_days + other.device_days,
            below: self.below + other.below,
            slow_devices: self.slow_devices + other.slow_devices,
            slow_minutes,
        }
    }

    /// Share of device-days below the limit with Wilson's interval; `None` for none.
    pub fn share(&self) -> Option<Share> {
        let n = to_f64(self.device_days);
        Share::wilson(to_f64(self.below) / n, n)
    }

    /// Whether there are enough tests, devices and times of day to say anything.
    pub fn is_enough(&self, rule: &Rule) -> bool {
        self.tests >= u64::from(rule.min_tests) && self.devices >= u64::from(rule.min_devices)
    }

    /// Whether the slow tests are of different times of day: two of them lie at
    /// least the rule's time apart, round the clock.
    pub fn is_spread(&self, rule: &Rule) -> bool {
        const DAY: u16 = 24 * 60;
        let apart = |a: u16, b: u16| (b - a).min(DAY - (b - a));
        let minutes = &self.slow_minutes;
        let pairs = minutes.iter().enumerate();
        pairs
            .flat_map(|(at, &a)| minutes[at + 1..].iter().map(move |&b| (a, b)))
            .any(|(a, b)| apart(a, b) >= rule.min_apart_minutes)
    }

    /// Probability of as many slow device-days or more when their share is the
    /// rule's.
    pub fn p_value(&self, rule: &Rule) -> f64 {
        let (n, share) = (self.device_days, rule.share);
        let probability = |k: u64| {
            let ways = ln_gamma(to_f64(n) + 1.0)
                - ln_gamma(to_f64(k) + 1.0)
                - ln_gamma(to_f64(n - k) + 1.0);
            (ways + to_f64(k) * share.ln() + to_f64(n - k) * (1.0 - share).ln()).exp()
        };
        (self.below..=n).map(probability).sum::<f64>().min(1.0)
    }
}

/// Which of some cells are problems.
///
/// A problem has enough tests and devices, slow tests at different times of day
/// and of two devices or more, a lower end of Wilson's interval above the
/// rule's share, and is a discovery at a rate of 10 % among all cells that have
/// enough.
pub fn problems(cells: &[Evidence], rule: &Rule) -> Vec<bool> {
    let tested: Vec<usize> = (0..cells.len())
        .filter(|&at| cells[at].is_enough(rule))
        .collect();
    let p_values: Vec<f64> = tested.iter().map(|&at| cells[at].p_value(rule)).collect();
    let mut found = vec![false; cells.len()];
    for (at, discovered) in tested
        .into_iter()
        .zip(discoveries(&p_values, FALSE_DISCOVERY_RATE))
    {
        let cell = &cells[at];
        let above = cell
            .share()
            .is_some_and(|share| share.interval[0] > rule.share);
        found[at] = discovered && above && cell.is_spread(rule) && cell.slow_devices >= 2;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(device_days: u64, below: u64, slow_minutes: &[u16]) -> Evidence {
        Evidence {
            tests: device_days,
            devices: device_days.min(6),
            device_days,
            below,
            slow_devices: below.min(6),
            slow_minutes: slow_minutes.to_vec(),
        }
    }

    const SPREAD: &[u16] = &[500, 700, 1_200];

    fn is_problem(cell: &Evidence) -> bool {
        problems(std::slice::from_ref(cell), &Rule::default())[0]
    }

    #[test]
    fn a_cell_is_a_problem_by_share_devices_and_hours() {
        assert!(is_problem(&cell(12, 8, SPREAD)));
        assert!(!is_problem(&cell(12, 1, SPREAD)), "one slow test");
        assert!(!is_problem(&cell(12, 8, &[500, 520, 700])), "one evening");
        assert!(!is_problem(&cell(4, 4, SPREAD)), "four tests");
        let one_phone = Evidence {
            devices: 1,
            ..cell(12, 8, SPREAD)
        };
        assert!(!is_problem(&one_phone));
        let one_slow_phone = Evidence {
            slow_devices: 1,
            ..cell(12, 8, SPREAD)
        };
        assert!(!is_problem(&one_slow_phone));
    }

    #[test]
    fn midnight_is_between_two_times_of_day() {
        let rule = Rule::default();
        assert!(
            !cell(9, 2, &[10, 1_430]).is_spread(&rule),
            "twenty minutes apart"
        );
        assert!(cell(9, 2, &[60, 1_200]).is_spread(&rule));
        assert!(!cell(9, 0, &[]).is_spread(&rule));
    }

    #[test]
    fn the_p_value_is_the_binomial_tail() {
        let rule = Rule::default();
        assert!((cell(5, 0, &[]).p_value(&rule) - 1.0).abs() < 1e-9);
        // 1 − 0.9⁵ − 5·0.1·0.9⁴
        assert!((cell(5, 2, &[]).p_value(&rule) - 0.081_46).abs() < 1e-6);
    }

    #[test]
    fn among_many_healthy_cells_few_are_called_problems() {
        let mut chance = crate::chance::Chance::of(&[3]);
        let mut false_ones = 0;
        for _ in 0..200 {
            let mut cells = vec![];
            for _ in 0..40 {
                let below = (0..12).filter(|_| chance.happens(0.05)).count();
                cells.push(cell(12, below as u64, SPREAD));
            }
            false_ones += problems(&cells, &Rule::default())
                .iter()
                .filter(|p| **p)
                .count();
        }
        assert!(false_ones < 12, "{false_ones} of 8,000");
    }
}
