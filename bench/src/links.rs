//! The links, by name. What is tuned on `TUNING` is reported on `REPORTING`:
//! no link is in both.

use std::path::Path;

use anyhow::Context as _;

use crate::link::{Loss, Spec};
use crate::pace::{Cross, Rate};

/// What the truth about a link is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Family {
    /// The payload share of the configured rate.
    Constant,
    /// The payload it could carry in the ten seconds from the start.
    Varying,
}

impl Family {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Varying => "varying",
        }
    }
}

/// How the bottleneck goes, Mbit/s unless a name says otherwise.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Constant,
    Radio {
        sigma: f64,
        rho: f64,
    },
    Boost {
        fast: f64,
        megabytes: u64,
    },
    /// Twice the rate of the link is its line.
    Policer {
        bucket_kilobytes: u64,
    },
    Cross {
        rate: f64,
        on_ms: u64,
        off_ms: u64,
    },
    /// A file of one rate a second; a radio stands in where it is missing.
    Trace(&'static str),
}

/// A link as the tables below write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    kind: Kind,
    /// Mbit/s towards the citizen, and from there.
    down: f64,
    up: f64,
    rtt_ms: u64,
    jitter_ms: u64,
    /// Percent of the packets, and mean length of a run of losses.
    loss: (f64, f64),
    /// Queue in bandwidth-delay products, at least ten packets.
    queue_bdp: f64,
    /// Run `n` has seed `seed + n`.
    pub(crate) seed: u64,
}

/// A link with its two directions.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) line: Line,
    pub(crate) down: Spec,
    pub(crate) up: Spec,
    /// A trace was asked for and a radio stands in.
    pub(crate) stands_in: bool,
}

const NONE: (f64, f64) = (0.0, 1.0);

macro_rules! line {
    ($name:literal $kind:expr, $down:literal / $up:literal, $rtt:literal ms + $jitter:literal, $loss:expr, $bdp:literal bdp, $seed:literal) => {
        Line {
            name: $name,
            kind: $kind,
            down: $down,
            up: $up,
            rtt_ms: $rtt,
            jitter_ms: $jitter,
            loss: $loss,
            queue_bdp: $bdp,
            seed: $seed,
        }
    };
}

use Kind::{Boost, Constant, Policer, Radio, Trace};

/// Links to choose parameters on.
#[rustfmt::skip]
pub(crate) const TUNING: &[Line] = &[
    line!("t-3-60ms"          Constant,                                     3.0 / 1.0,     60 ms + 0, NONE,        4.0 bdp, 1000),
    line!("t-8-90ms-loss"     Constant,                                     8.0 / 2.0,     90 ms + 0, (0.5, 1.0),  2.0 bdp, 1100),
    line!("t-15-30ms"         Constant,                                    15.0 / 15.0,    30 ms + 2, NONE,        1.0 bdp, 1200),
    line!("t-25-20ms-bloat"   Constant,                                    25.0 / 5.0,     20 ms + 0, NONE,       10.0 bdp, 1300),
    line!("t-40-120ms"        Constant,                                    40.0 / 10.0,   120 ms + 0, (0.1, 1.0),  1.0 bdp, 1400),
    line!("t-75-10ms-shallow" Constant,                                    75.0 / 75.0,    10 ms + 0, NONE,        0.5 bdp, 1500),
    line!("t-120-40ms-bursts" Constant,                                   120.0 / 30.0,    40 ms + 0, (0.3, 4.0),  2.0 bdp, 1600),
    line!("t-250-8ms"         Constant,                                   250.0 / 100.0,    8 ms + 0, NONE,        2.0 bdp, 1700),
    line!("t-radio-20"        Radio { sigma: 0.35, rho: 0.95 },            20.0 / 8.0,     50 ms + 4, NONE,        4.0 bdp, 1800),
    line!("t-radio-90"        Radio { sigma: 0.25, rho: 0.90 },            90.0 / 25.0,    25 ms + 2, NONE,        3.0 bdp, 1900),
    line!("t-boost-30"        Boost { fast: 2.5, megabytes: 20 },          30.0 / 10.0,    20 ms + 0, NONE,        2.0 bdp, 2000),
    line!("t-policer-40"      Policer { bucket_kilobytes: 500 },           40.0 / 10.0,    30 ms + 0, NONE,        2.0 bdp, 2100),
    line!("t-cross-50"        Kind::Cross { rate: 20.0, on_ms: 700, off_ms: 500 }, 50.0 / 20.0, 30 ms + 0, NONE,   2.0 bdp, 2200),
    line!("t-trace-bus62"     Trace("bus62.csv"),                           8.0 / 3.0,     60 ms + 5, NONE,        6.0 bdp, 2300),
    line!("t-trace-7train2"   Trace("7Train2.csv"),                        12.0 / 4.0,     50 ms + 5, NONE,        6.0 bdp, 2400),
];

/// Links to report on.
#[rustfmt::skip]
pub(crate) const REPORTING: &[Line] = &[
    line!("r-2-50ms"          Constant,                                     2.0 / 1.0,     50 ms + 0, NONE,        5.0 bdp, 5000),
    line!("r-5-40ms"          Constant,                                     5.0 / 5.0,     40 ms + 1, NONE,        2.0 bdp, 5100),
    line!("r-10-80ms-loss"    Constant,                                    10.0 / 2.5,     80 ms + 0, (1.0, 1.0),  2.0 bdp, 5200),
    line!("r-20-30ms"         Constant,                                    20.0 / 20.0,    30 ms + 0, NONE,        1.0 bdp, 5300),
    line!("r-50-20ms-bloat"   Constant,                                    50.0 / 10.0,    20 ms + 0, NONE,       10.0 bdp, 5400),
    line!("r-50-60ms-bursts"  Constant,                                    50.0 / 50.0,    60 ms + 0, (0.5, 5.0),  2.0 bdp, 5500),
    line!("r-100-10ms"        Constant,                                   100.0 / 100.0,   10 ms + 0, NONE,        0.5 bdp, 5600),
    line!("r-100-150ms"       Constant,                                   100.0 / 20.0,   150 ms + 0, (0.01, 1.0), 1.0 bdp, 5700),
    line!("r-300-5ms"         Constant,                                   300.0 / 150.0,    5 ms + 0, NONE,        4.0 bdp, 5800),
    line!("r-radio-30"        Radio { sigma: 0.30, rho: 0.97 },            30.0 / 10.0,    40 ms + 4, NONE,        4.0 bdp, 5900),
    line!("r-radio-120"       Radio { sigma: 0.40, rho: 0.85 },           120.0 / 30.0,    20 ms + 2, NONE,        3.0 bdp, 6000),
    line!("r-boost-50"        Boost { fast: 2.0, megabytes: 40 },          50.0 / 12.0,    15 ms + 0, NONE,        2.0 bdp, 6100),
    line!("r-policer-25"      Policer { bucket_kilobytes: 1000 },          25.0 / 12.0,    40 ms + 0, NONE,        2.0 bdp, 6200),
    line!("r-cross-80"        Kind::Cross { rate: 30.0, on_ms: 900, off_ms: 800 }, 80.0 / 40.0, 25 ms + 0, NONE,   2.0 bdp, 6300),
    line!("r-trace-bus57"     Trace("bus57.csv"),                           6.0 / 2.5,     70 ms + 5, NONE,        6.0 bdp, 6400),
    line!("r-trace-qtrain"    Trace("QTrain.csv"),                         18.0 / 6.0,     45 ms + 5, NONE,        6.0 bdp, 6500),
];

/// The link of that name.
pub(crate) fn find(name: &str, traces: &Path) -> anyhow::Result<Named> {
    let all = TUNING.iter().chain(REPORTING);
    let line = all.into_iter().find(|line| line.name == name);
    line.with_context(|| format!("no link is named {name}"))?
        .build(traces)
}

fn bits(megabits: f64) -> u64 {
    (megabits * 1e6) as u64
}

impl Line {
    pub(crate) const fn family(&self) -> Family {
        match self.kind {
            Constant => Family::Constant,
            _ => Family::Varying,
        }
    }

    /// Round trip without load, jitter included on the average.
    pub(crate) const fn rtt_us(&self) -> u64 {
        (self.rtt_ms + self.jitter_ms) * 1000
    }

    /// Both directions; traces are looked for in a folder.
    pub(crate) fn build(self, traces: &Path) -> anyhow::Result<Named> {
        let trace = match self.kind {
            Trace(file) => read_trace(&traces.join(file))?,
            _ => None,
        };
        Ok(Named {
            down: self.direction(self.down, trace.as_deref(), 1.0),
            up: self.direction(self.up, trace.as_deref(), self.up / self.down),
            stands_in: matches!(self.kind, Trace(_)) && trace.is_none(),
            line: self,
        })
    }

    fn direction(&self, megabits: f64, trace: Option<&[f64]>, scale: f64) -> Spec {
        let rate = bits(megabits);
        let bdp = megabits * 1e6 / 8.0 * self.rtt_ms as f64 / 1e3;
        Spec {
            rate: self.rate(megabits, trace, scale),
            delay_us: self.rtt_ms * 1000 / 2,
            jitter_us: self.jitter_ms * 1000,
            loss: Loss {
                ratio: self.loss.0 / 100.0,
                burst: self.loss.1,
            },
            queue_bytes: ((bdp * self.queue_bdp) as u64).max(15_000),
            cross: match self.kind {
                Kind::Cross {
                    rate: others,
                    on_ms,
                    off_ms,
                } => Some(Cross {
                    rate: (rate as f64 * others / self.down) as u64,
                    on_ms,
                    off_ms,
                }),
                _ => None,
            },
        }
    }

    fn rate(&self, megabits: f64, trace: Option<&[f64]>, scale: f64) -> Rate {
        let rate = bits(megabits);
        let stand_in = |sigma, rho| Rate::Radio {
            mean: rate,
            sigma,
            rho,
        };
        match (self.kind, trace) {
            (Constant | Kind::Cross { .. }, _) => Rate::Constant(rate),
            (Radio { sigma, rho }, _) => stand_in(sigma, rho),
            (Boost { fast, megabytes }, _) => Rate::Boost {
                fast: bits(megabits * fast),
                bytes: (megabytes as f64 * 1e6 * (megabits / self.down)) as u64,
                then: rate,
            },
            (Policer { bucket_kilobytes }, _) => Rate::Policer {
                line: 2 * rate,
                rate,
                bucket_bytes: bucket_kilobytes * 1000,
            },
            (Trace(_), Some(trace)) => Rate::Trace(trace.iter().map(|m| bits(m * scale)).collect()),
            (Trace(_), None) => stand_in(0.5, 0.97),
        }
    }
}

/// Mbit/s per second of a log whose lines are `0.57,Mbits/sec`; nothing if
/// there is no such file.
fn read_trace(path: &Path) -> anyhow::Result<Option<Vec<f64>>> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    let rates: Option<Vec<f64>> = text.lines().map(trace_line).collect();
    let rates = rates.filter(|rates| !rates.is_empty());
    let rates = rates.with_context(|| format!("{} is not a trace", path.display()))?;
    Ok(Some(rates))
}

fn trace_line(line: &str) -> Option<f64> {
    let (number, unit) = line.trim().split_once(',')?;
    let scale = match unit.chars().next()? {
        'G' => 1e3,
        'M' => 1.0,
        'K' => 1e-3,
        'b' => 1e-6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(lines: &[Line], family: Family) -> usize {
        lines.iter().filter(|line| line.family() == family).count()
    }

    #[test]
    fn each_set_is_large_enough() {
        for lines in [TUNING, REPORTING] {
            assert!(count(lines, Family::Constant) >= 8);
            assert!(count(lines, Family::Varying) >= 6);
        }
    }

    #[test]
    fn no_link_is_in_both_sets() {
        for (at, line) in TUNING.iter().enumerate() {
            for other in TUNING[..at].iter().chain(REPORTING) {
                assert_ne!(line.name, other.name);
                assert!(
                    line.seed.abs_diff(other.seed) >= 100,
                    "seeds of {} meet",
                    line.name
                );
                let same =
                    (line.down, line.up, line.rtt_ms) == (other.down, other.up, other.rtt_ms);
                assert!(!same, "{} is {}", line.name, other.name);
            }
        }
    }

    #[test]
    fn parameters_are_within_the_stated_ranges() {
        for line in TUNING.iter().chain(REPORTING) {
            assert!((2.0..=300.0).contains(&line.down) && line.up <= line.down);
            assert!((5..=150).contains(&line.rtt_ms) && line.loss.0 <= 1.0);
            assert!((0.5..=10.0).contains(&line.queue_bdp));
        }
    }

    #[test]
    fn a_missing_trace_is_said() {
        let link = find("r-trace-qtrain", Path::new("nowhere")).unwrap();
        assert!(link.stands_in && matches!(link.down.rate, Rate::Radio { .. }));
    }

    #[test]
    fn units_of_a_trace_are_read() {
        assert_eq!(trace_line("0.57,Mbits/sec"), Some(0.57));
        assert_eq!(trace_line("500,Kbits/sec"), Some(0.5));
        assert_eq!(trace_line("57"), None);
    }
}
