//! Limits that a figure is held against, and verdicts that may be open.
//!
//! The limits are data with validity and source (`data/limits.toml`); what a
//! verdict means is here. A verdict has three values, because a sample that
//! does not decide must not be read as one that fails.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::area::Validity;
use crate::figure::Figure;
use crate::interval::Share;
use crate::unit::{floor_u64, to_f64};

/// A limit of a regulation or a target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Limit {
    /// Name in tables, as `qcvn-126-2021-mean-download`.
    pub id: String,
    /// The regulation, with its clause.
    pub source: String,
    /// First day; absent where it always held.
    #[serde(default)]
    pub valid_from: Option<Date>,
    /// First day no longer in force.
    #[serde(default)]
    pub valid_to: Option<Date>,
    /// Technologies it speaks of, as figures name them.
    pub technologies: Vec<String>,
    /// The operator it holds for; absent for all.
    #[serde(default)]
    pub operator: Option<String>,
    /// Metric it speaks of, as figures name it.
    pub metric: String,
    /// What it asks for.
    #[serde(flatten)]
    pub rule: Rule,
}

/// What a limit asks for, in the unit of its metric.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// The arithmetic mean is at least this.
    MeanAtLeast {
        /// The limit.
        limit: u64,
    },
    /// The arithmetic mean is at most this.
    MeanAtMost {
        /// The limit.
        limit: u64,
    },
    /// At least a share of the tests reach a value.
    ShareAtLeast {
        /// The value.
        threshold: u64,
        /// The share, 0 to 1.
        ratio: f64,
    },
}

/// What a sample says of a limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is on the good side.
    Meets,
    /// The whole interval is beyond the limit.
    Fails,
    /// The interval holds the limit.
    Undecided {
        /// Independent tests with which an interval about the same value would
        /// no longer hold the limit; absent when the value is the limit.
        #[serde(skip_serializing_if = "Option::is_none")]
        n_that_decides: Option<u64>,
    },
}

impl Limit {
    /// Whether it holds on a day for an operator and a technology.
    pub fn applies(&self, day: Date, operator: &str, technology: &str, metric: &str) -> bool {
        let validity = Validity {
            from: self.valid_from,
            to: self.valid_to,
        };
        validity.contains(day)
            && self.metric == metric
            && self.operator.as_deref().is_none_or(|o| o == operator)
            && self.technologies.iter().any(|t| t == technology)
    }

    /// The threshold below which tests have to be counted for this limit.
    pub const fn threshold(&self) -> Option<u64> {
        match self.rule {
            Rule::ShareAtLeast { threshold, .. } => Some(threshold),
            Rule::MeanAtLeast { .. } | Rule::MeanAtMost { .. } => None,
        }
    }

    /// What a figure says of the limit; `below` is the share of tests below
    /// [`Self::threshold`]. `None` where the figure is withheld or says nothing
    /// of it.
    pub fn verdict(&self, figure: &Figure, below: Option<&Share>) -> Option<Verdict> {
        let Figure::Published {
            n,
            mean,
            mean_interval,
            n_effective,
            ..
        } = figure
        else {
            return None;
        };
        let n = to_f64(n_effective.unwrap_or(*n));
        let mean = || Some((to_f64(*mean), mean_interval.as_ref()?.map(to_f64)));
        match self.rule {
            Rule::MeanAtLeast { limit } => Some(decide(mean()?, to_f64(limit), n)),
            Rule::MeanAtMost { limit } => {
                let (value, [low, high]) = mean()?;
                Some(decide((-value, [-high, -low]), -to_f64(limit), n))
            }
            Rule::ShareAtLeast { ratio, .. } => {
                let below = below?;
                let [low, high] = below.interval;
                let reach = (1.0 - below.ratio, [1.0 - high, 1.0 - low]);
                Some(decide(reach, ratio, n))
            }
        }
    }
}

/// Whether a value with its interval is at least `limit`.
///
/// The half width of an interval shrinks with √n, so an interval about the same
/// value ends at the limit once n has grown by (half width / distance)².
fn decide((value, [low, high]): (f64, [f64; 2]), limit: f64, n: f64) -> Verdict {
    if low >= limit {
        return Verdict::Meets;
    }
    if high < limit {
        return Verdict::Fails;
    }
    let (half, distance) = if value >= limit {
        (value - low, value - limit)
    } else {
        (high - value, limit - value)
    };
    let needed = n * (half / distance).powi(2);
    let known = needed.is_finite() && needed < 1e9;
    Verdict::Undecided {
        n_that_decides: known.then(|| floor_u64(needed.ceil())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MBIT: u64 = 1_000_000;

    fn figure(mean: u64, interval: [u64; 2]) -> Figure {
        Figure::Published {
            n: 150,
            median: mean,
            median_interval: None,
            mean: mean * MBIT,
            p5: 0,
            p25: 0,
            p75: 0,
            p95: 0,
            mean_interval: Some(interval.map(|m| m * MBIT)),
            p5_interval: None,
            p25_interval: None,
            p75_interval: None,
            p95_interval: None,
            n_effective: Some(100),
            grade: None,
        }
    }

    fn limit(rule: Rule) -> Limit {
        Limit {
            id: "test".into(),
            source: "QCVN 126:2021/BTTTT".into(),
            valid_from: Some("2022-07-01".parse().unwrap()),
            valid_to: None,
            technologies: vec!["5g".into()],
            operator: None,
            metric: "download_bits_per_second".into(),
            rule,
        }
    }

    #[test]
    fn the_whole_interval_decides_and_otherwise_nothing_is() {
        let mean = limit(Rule::MeanAtLeast { limit: 100 * MBIT });
        let verdict = |value, interval| mean.verdict(&figure(value, interval), None).unwrap();
        assert_eq!(verdict(130, [110, 150]), Verdict::Meets);
        assert_eq!(verdict(80, [70, 99]), Verdict::Fails);
        // 20 above with a half width of 40: four times as many tests.
        let want = Verdict::Undecided {
            n_that_decides: Some(400),
        };
        assert_eq!(verdict(120, [80, 170]), want);
        let never = Verdict::Undecided {
            n_that_decides: None,
        };
        assert_eq!(verdict(100, [80, 120]), never);
    }

    #[test]
    fn a_delay_must_be_at_most_its_limit() {
        let delay = limit(Rule::MeanAtMost { limit: 50 * MBIT });
        let verdict = |value, interval| delay.verdict(&figure(value, interval), None).unwrap();
        assert_eq!(verdict(30, [25, 40]), Verdict::Meets);
        assert_eq!(verdict(80, [60, 99]), Verdict::Fails);
        assert!(matches!(verdict(45, [40, 60]), Verdict::Undecided { .. }));
    }

    #[test]
    fn ninety_five_per_cent_of_tests_reach_the_minimum() {
        let share = limit(Rule::ShareAtLeast {
            threshold: 30 * MBIT,
            ratio: 0.95,
        });
        let below = |p, n| Share::wilson(p, n);
        let verdict = |p, n: f64| share.verdict(&figure(120, [110, 130]), below(p, n).as_ref());
        assert_eq!(verdict(0.01, 1000.0), Some(Verdict::Meets));
        assert_eq!(verdict(0.12, 1000.0), Some(Verdict::Fails));
        assert!(matches!(
            verdict(0.04, 50.0),
            Some(Verdict::Undecided { .. })
        ));
        assert_eq!(share.threshold(), Some(30 * MBIT));
    }

    #[test]
    fn a_withheld_figure_has_no_verdict() {
        let mean = limit(Rule::MeanAtLeast { limit: 1 });
        let withheld = Figure::Withheld { n: 3, why: None };
        assert_eq!(mean.verdict(&withheld, None), None);
    }

    #[test]
    fn a_limit_holds_in_its_time_for_its_technologies() {
        let limit = limit(Rule::MeanAtLeast { limit: 1 });
        let on = |day: &str, technology| {
            let metric = "download_bits_per_second";
            limit.applies(day.parse().unwrap(), "viettel", technology, metric)
        };
        assert!(on("2024-11-01", "5g"));
        assert!(!on("2024-11-01", "4g") && !on("2022-06-30", "5g"));
    }
}
