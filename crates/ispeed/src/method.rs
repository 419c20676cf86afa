//! `ispeed method`: the method looked at over stored tests.

use std::fmt::Write as _;
use std::process::ExitCode;

use client::Error;
use metric::audit;
use metric::edition::Edition;
use metric::goodput::Mode;
use metric::replay;
use metric::unit::Micros;
use platform::store::series::Which;
use serde::Serialize;
use serde_json::{Value, json};

use crate::centre::{open, print};
use crate::cli::{MethodArgs, MethodCommand};

pub(crate) fn method(command: &MethodCommand) -> anyhow::Result<ExitCode> {
    match command {
        MethodCommand::Calibrate(args) => crate::statistics::calibrate(args),
        MethodCommand::Audit { args } => {
            let report =
                platform::method::audit(open(&args.store)?.store(), which(args), Edition::CURRENT)?;
            print(&args.store, &value(args, &report)?, &audited(args, &report))
        }
        MethodCommand::Replay {
            edition,
            mode,
            args,
        } => {
            let edition = Edition::of(*edition)
                .map_err(|unknown| Error::Usage(format!("--edition: {unknown}")))?;
            let mode = mode.as_deref().map(mode_of).transpose()?;
            let centre = open(&args.store)?;
            let report = platform::method::replay(centre.store(), which(args), edition, mode)?;
            print(
                &args.store,
                &value(args, &report)?,
                &replayed(args, &report),
            )
        }
    }
}

const fn which(args: &MethodArgs) -> Which {
    Which {
        month: args.month,
        synthetic: args.synthetic,
    }
}

fn mode_of(name: &str) -> Result<Mode, Error> {
    let unknown = || format!("--mode {name}: expected full, accurate or saver");
    Mode::of_name(name).ok_or_else(|| Error::Usage(unknown()))
}

/// The report with what was asked.
fn value(args: &MethodArgs, report: &impl Serialize) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(report)?;
    value["synthetic"] = json!(args.synthetic);
    if let Some(month) = args.month {
        value["month"] = json!(month);
    }
    Ok(value)
}

/// First line of a text: of what, and whether it is real.
fn title(args: &MethodArgs, what: &str, tests: u64) -> String {
    let month = args
        .month
        .map_or_else(|| "all months".into(), |month| format!("month {month}"));
    let synthetic = if args.synthetic { "SYNTHETIC " } else { "" };
    format!("{synthetic}{what}, {month}: {tests} tests\n")
}

fn audited(args: &MethodArgs, report: &audit::Report) -> String {
    let what = format!("Audit of edition {} against mode full", report.edition);
    let mut text = title(args, &what, report.tests);
    let _ = writeln!(text, "  of these drawn by a site: {}", report.drawn);
    let _ = writeln!(
        text,
        "{:<10}{:<10}{:<16}{:>7}{:>9}{:>10}{:>10}{:>7}",
        "mode", "direction", "rates", "n", "bias", "p90 error", "coverage", "data"
    );
    for line in &report.modes {
        let _ = writeln!(
            text,
            "{:<10}{:<10}{:<16}{:>7}{:>9}{:>10}{:>10}{:>7}",
            line.mode.name(),
            line.direction.name(),
            line.class,
            line.n,
            percent(line.bias_log_ratio.map(f64::exp_m1)),
            percent(line.p90_error_log_ratio.map(f64::exp_m1)),
            percent(line.interval_coverage),
            percent(line.data_share),
        );
    }
    text.trim_end().into()
}

fn replayed(args: &MethodArgs, report: &replay::Report) -> String {
    let what = format!("Edition {} replayed", report.edition);
    let mut text = title(args, &what, report.tests);
    let _ = writeln!(
        text,
        "{:<22}{:<10}{:>7}{:>14}{:>14}{:>9}{:>9}{:>7}{:>8}{:>8}{:>6}{:>6}",
        "measured → replayed",
        "direction",
        "n",
        "then Mbit/s",
        "now Mbit/s",
        "change",
        "changed",
        "data",
        "then s",
        "now s",
        "new",
        "lost"
    );
    for line in &report.lines {
        let _ = writeln!(
            text,
            "{:<22}{:<10}{:>7}{:>14}{:>14}{:>9}{:>9}{:>7}{:>8}{:>8}{:>6}{:>6}",
            format!("{} → {}", line.measured_mode, line.mode),
            line.direction.name(),
            line.n,
            megabits(line.old_median_bits_per_second),
            megabits(line.new_median_bits_per_second),
            percent(line.median_change_log_ratio.map(f64::exp_m1)),
            percent(line.changed_share),
            percent(line.data_share),
            seconds(line.old_mean_us),
            seconds(line.new_mean_us),
            line.gained,
            line.lost,
        );
    }
    text.trim_end().into()
}

/// What cannot be said of so few.
const NONE: &str = "–";

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.into(), |share| format!("{:.1} %", 100.0 * share))
}

fn megabits(bits_per_second: Option<u64>) -> String {
    let megabits = |rate: u64| format!("{}.{}", rate / 1_000_000, rate % 1_000_000 / 100_000);
    bits_per_second.map_or_else(|| NONE.into(), megabits)
}

fn seconds(span: Option<Micros>) -> String {
    let seconds = |Micros(us)| format!("{}.{}", us / 1_000_000, us % 1_000_000 / 100_000);
    span.map_or_else(|| NONE.into(), seconds)
}
