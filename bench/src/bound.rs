//! How well anybody can tell ten seconds of a link from its first few: no
//! client, no packet, only the links' own capacity.
//!
//! Two who know more than a client can. *Seen* filled the link from the first
//! instant and takes the mean of what it saw. *Told* was also told which link it
//! is on, and which straight line between the logarithms of what is seen and
//! what comes fits that link best, over the very runs it is then asked about.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use crate::Set;
use crate::link::{HORIZON, Link, Nanos, SECOND, Spec};
use crate::links::{Family, Named};
use crate::summary::quantile;

/// What is asked for.
#[derive(Args, Debug)]
pub(crate) struct BoundArgs {
    /// The set of links.
    #[arg(long, value_enum, default_value_t = Set::Reporting)]
    set: Set,
    /// Seconds that are seen, with commas.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "2.2,4.5"
    )]
    seconds: Vec<f64>,
    /// Seeds of each link.
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u64).range(3..))]
    runs: u64,
    /// Folder of rate traces; a radio stands in for those that are missing.
    #[arg(long, value_name = "DIR", default_value = "../shared/data/traces")]
    traces: PathBuf,
    /// File of the table; it is printed in any case.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// When a direction begins, as in a run: the download after the latency
/// probes, the upload behind it.
const BEGINS: [Nanos; 2] = [SECOND, 7 * SECOND];

/// What a link carried in the seconds that are seen, and in ten.
#[derive(Clone, Copy, Debug)]
struct Carried {
    seen: f64,
    whole: f64,
}

/// Relative errors of the two, one for each run.
#[derive(Clone, Debug, Default)]
struct Errors {
    seen: Vec<f64>,
    told: Vec<f64>,
}

/// Prints the table.
pub(crate) fn run(args: &BoundArgs) -> anyhow::Result<ExitCode> {
    for seconds in &args.seconds {
        let inside = *seconds > 0.0 && *seconds <= 10.0;
        ensure!(inside, "--seconds {seconds}: above 0 and at most 10");
    }
    let mut table = String::from(
        "| link | seconds seen | seen, median % | p90 % | told, median % | p90 % |\n\
         |---|---|---|---|---|---|\n",
    );
    for &seconds in &args.seconds {
        let mut all = Errors::default();
        for link in args.set.lines() {
            let link = link.build(&args.traces)?;
            if link.line.family() == Family::Varying {
                let errors = errors(&link, (seconds * SECOND as f64) as Nanos, args.runs);
                row(&mut table, link.line.name, seconds, &errors);
                all.seen.extend(errors.seen);
                all.told.extend(errors.told);
            }
        }
        row(&mut table, "all varying links", seconds, &all);
    }
    println!("{table}");
    if let Some(out) = &args.out {
        std::fs::write(out, &table)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(table: &mut String, link: &str, seconds: f64, errors: &Errors) {
    let _ = write!(table, "| {link} | {seconds:.1} |");
    for values in [&errors.seen, &errors.told] {
        for share in [0.5, 0.9] {
            let value = quantile(values.iter().copied(), share).unwrap_or(f64::NAN);
            let _ = write!(table, " {:.1} |", value * 100.0);
        }
    }
    table.push('\n');
}

/// Both directions of a link under many seeds.
fn errors(link: &Named, seen: Nanos, runs: u64) -> Errors {
    let mut all = Errors::default();
    for (spec, begins) in [&link.down, &link.up].into_iter().zip(BEGINS) {
        let runs = (1..=runs).map(|run| carried(spec, link.line.seed + run, begins, seen));
        let runs: Vec<_> = runs.collect();
        let [base, slope] = line(&runs);
        let told = |run: &Carried| (base + slope * run.seen.ln()).exp();
        all.seen
            .extend(runs.iter().map(|run| off(run.seen, run.whole)));
        all.told
            .extend(runs.iter().map(|run| off(told(run), run.whole)));
    }
    all
}

fn carried(spec: &Spec, seed: u64, from: Nanos, seen: Nanos) -> Carried {
    let rate = |time: Nanos| {
        let bytes = Link::new(spec.clone(), seed).carries(from, from + time);
        bytes as f64 / time as f64
    };
    Carried {
        seen: rate(seen),
        whole: rate(HORIZON),
    }
}

fn off(value: f64, truth: f64) -> f64 {
    (value / truth - 1.0).abs()
}

/// Least squares of ln(whole) on ln(seen): where it begins, and its slope. A
/// link that always shows the same has a slope of nothing.
fn line(runs: &[Carried]) -> [f64; 2] {
    let count = runs.len() as f64;
    let mean = |of: fn(&Carried) -> f64| runs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|run| run.seen.ln()), mean(|run| run.whole.ln()));
    let apart = |run: &Carried| run.seen.ln() - x;
    let square: f64 = runs.iter().map(|run| apart(run).powi(2)).sum();
    let cross: f64 = runs
        .iter()
        .map(|run| apart(run) * (run.whole.ln() - y))
        .sum();
    let slope = if square > 1e-12 { cross / square } else { 0.0 };
    [y - slope * x, slope]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::find;

    fn of(name: &str, seconds: u64) -> Errors {
        let link = find(name, std::path::Path::new("none")).unwrap();
        errors(&link, seconds * SECOND, 20)
    }

    #[track_caller]
    fn median(values: &[f64]) -> f64 {
        quantile(values.iter().copied(), 0.5).unwrap()
    }

    #[test]
    fn who_sees_all_errs_in_nothing() {
        let errors = of("r-radio-30", 10);
        assert!(errors.seen.iter().chain(&errors.told).all(|e| *e < 1e-9));
    }

    #[test]
    fn a_boost_that_lasts_longer_is_not_seen_but_can_be_told() {
        // 50 Mbit/s behind 40 MB at 100: 3.2 s at twice the rate, 6.8 s at half of it.
        let errors = of("r-boost-50", 2);
        assert!((median(&errors.seen) - (10.0 / 6.6 - 1.0)).abs() < 0.01);
        assert!(median(&errors.told) < 1e-9);
    }

    #[test]
    fn more_that_is_seen_is_less_that_is_guessed() {
        let [short, long] = [1, 5].map(|seconds| median(&of("r-radio-120", seconds).seen));
        assert!(long < short, "{long} {short}");
    }
}
