//! One row for each run and direction: what was said, and what was true.

use serde::{Deserialize, Serialize};

use crate::client::{Outcome, Said};
use crate::emulate::Log;
use crate::gate;
use crate::link::{HORIZON, SECOND, Spec, Truth};
use crate::links::{Family, Named};
use crate::pace::Rate;

/// Share of an IP packet of 1500 bytes that is TCP payload (IPv4, timestamps).
pub(crate) const PAYLOAD_SHARE: f64 = 1448.0 / 1500.0;

/// A row of `results.csv`. Empty means not measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) link: String,
    pub(crate) family: String,
    pub(crate) client: String,
    pub(crate) run: u64,
    pub(crate) seed: u64,
    pub(crate) direction: String,
    pub(crate) reported_bits_per_second: Option<f64>,
    pub(crate) low_bits_per_second: Option<f64>,
    pub(crate) high_bits_per_second: Option<f64>,
    /// Payload that crossed the link in this direction, by the emulator: all
    /// of the run, whoever measured.
    pub(crate) bytes: u64,
    pub(crate) seconds: Option<f64>,
    pub(crate) stop: String,
    /// The client's own verdict on what limited it.
    #[serde(default)]
    pub(crate) limited_by: Option<String>,
    pub(crate) truth_bits_per_second: Option<f64>,
    /// Reported over truth, less one.
    pub(crate) error: Option<f64>,
    /// What was moved, in ten seconds of the truth.
    pub(crate) data_ratio: Option<f64>,
    /// Of the whole run, both directions.
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) idle_rtt_us: Option<f64>,
    pub(crate) link_rtt_us: u64,
    pub(crate) began_seconds: Option<f64>,
    pub(crate) late_share: f64,
    pub(crate) overflow: u64,
    pub(crate) policed: u64,
    pub(crate) lost: u64,
    /// Why the run does not count.
    pub(crate) void: String,
    /// Why there is no figure.
    pub(crate) failed: String,
}

/// Where a row belongs.
#[derive(Clone, Debug)]
pub(crate) struct Cell<'a> {
    pub(crate) link: &'a Named,
    pub(crate) client: String,
    pub(crate) run: u64,
    pub(crate) seed: u64,
}

impl Cell<'_> {
    /// Both rows of a run.
    pub(crate) fn rows(&self, outcome: &Result<Outcome, String>, log: &Log) -> [Row; 2] {
        let none = Outcome::default();
        let (given, failed) = match outcome {
            Ok(outcome) => (outcome, ""),
            Err(why) => (&none, why.as_str()),
        };
        let row = |direction, said: &Option<Said>, truth, spec| {
            let mut row = self.row(direction, said.as_ref(), truth, spec, log);
            row.failed = match (failed, said) {
                ("", None) => "no estimate".into(),
                (why, _) => why.into(),
            };
            row.idle_rtt_us = given.idle_rtt_us;
            row.cpu_seconds = outcome.as_ref().ok().map(|outcome| outcome.cpu_seconds);
            row
        };
        let (down, up) = (&self.link.down, &self.link.up);
        [
            row("download", &given.download, &log.download, down),
            row("upload", &given.upload, &log.upload, up),
        ]
    }

    fn row(
        &self,
        direction: &'static str,
        said: Option<&Said>,
        truth: &Truth,
        spec: &Spec,
        log: &Log,
    ) -> Row {
        let true_rate = true_rate(self.link.line.family(), spec, truth);
        let reported = said.map(|said| said.bits_per_second);
        let over_truth = |amount: f64| true_rate.map(|truth| amount / truth);
        let crossed = truth.delivered.iter().sum::<u64>() as f64 * PAYLOAD_SHARE;
        Row {
            link: self.link.line.name.into(),
            family: self.link.line.family().name().into(),
            client: self.client.clone(),
            run: self.run,
            seed: self.seed,
            direction: direction.into(),
            reported_bits_per_second: reported,
            low_bits_per_second: said.and_then(|said| said.interval).map(|i| i[0]),
            high_bits_per_second: said.and_then(|said| said.interval).map(|i| i[1]),
            bytes: crossed as u64,
            seconds: said.and_then(|said| said.seconds),
            stop: said.map(|said| said.stop.clone()).unwrap_or_default(),
            limited_by: said.and_then(|said| said.limited_by.clone()),
            truth_bits_per_second: true_rate,
            error: reported.and_then(over_truth).map(|ratio| ratio - 1.0),
            data_ratio: over_truth(crossed * 8.0 / 10.0),
            cpu_seconds: None,
            idle_rtt_us: None,
            link_rtt_us: self.link.line.rtt_us(),
            began_seconds: truth.begun.map(|at| at as f64 / SECOND as f64),
            late_share: gate::late_share(log),
            overflow: truth.overflow,
            policed: truth.policed,
            lost: truth.lost,
            void: gate::void(log).unwrap_or_default(),
            failed: String::new(),
        }
    }
}

/// Payload per second that the link could carry. What is lost behind the
/// bottleneck was not carried: no sender gets more than the rest across an
/// erasure channel (Elias 1955).
fn true_rate(family: Family, spec: &Spec, truth: &Truth) -> Option<f64> {
    let ip = match (family, &spec.rate) {
        (Family::Constant, Rate::Constant(rate)) => *rate as f64,
        _ => truth.could_carry_bytes? as f64 * 8.0 * SECOND as f64 / HORIZON as f64,
    };
    Some(ip * PAYLOAD_SHARE * (1.0 - spec.loss.ratio))
}

impl Row {
    /// Whether it counts in the summary.
    pub(crate) fn counts(&self) -> bool {
        self.void.is_empty() && self.error.is_some()
    }

    /// Whether the stated interval holds the truth; nothing without one.
    pub(crate) fn covers(&self) -> Option<bool> {
        let (low, high) = (self.low_bits_per_second?, self.high_bits_per_second?);
        Some((low..=high).contains(&self.truth_bits_per_second?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<f64>, want: f64) {
        assert!(
            got.is_some_and(|got| (got / want - 1.0).abs() < 1e-9),
            "{got:?}"
        );
    }

    fn spec(loss: f64) -> Spec {
        Spec {
            rate: Rate::Constant(15_000_000),
            delay_us: 0,
            jitter_us: 0,
            loss: crate::link::Loss {
                ratio: loss,
                burst: 1.0,
            },
            queue_bytes: 0,
            cross: None,
        }
    }

    #[test]
    fn truth_of_a_constant_link_is_its_payload_less_what_is_lost() {
        let truth = |loss| true_rate(Family::Constant, &spec(loss), &Truth::default());
        near(truth(0.0), 14_480_000.0);
        near(truth(0.01), 14_335_200.0);
    }

    #[test]
    fn truth_of_a_varying_link_is_what_it_could_carry() {
        let spec = spec(0.0);
        assert_eq!(true_rate(Family::Varying, &spec, &Truth::default()), None);
        let truth = Truth {
            could_carry_bytes: Some(15_000_000),
            ..Truth::default()
        };
        near(true_rate(Family::Varying, &spec, &truth), 11_584_000.0);
    }

    #[test]
    fn a_run_that_failed_has_rows_without_figures() {
        let link = crate::links::find("r-20-30ms", std::path::Path::new("none")).unwrap();
        let cell = Cell {
            link: &link,
            client: "x".into(),
            run: 1,
            seed: 1,
        };
        let rows = cell.rows(&Err("it broke".into()), &Log::default());
        for row in rows {
            assert!(!row.counts() && row.failed == "it broke");
            assert_eq!(
                (row.error, row.covers(), row.cpu_seconds),
                (None, None, None)
            );
        }
    }
}
