//! `ispeed statistics`, `rebuild` and `method`: figures, verdicts, calibration.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use metric::figure::Figure;
use metric::summary::Draws;
use platform::calibrate::{Effort, coverage, document, gaming};
use platform::collect::rebuild::{Plan, Rebuilt};
use platform::statistics::{Method, kept};
use platform::summary::{COUNTRY, Level, Metric, PlaceFigures, PlaceRow};
use serde_json::json;

use crate::centre::{open, print, tell};
use crate::cli::{CalibrateArgs, ComputeArgs, RebuildArgs, ShowArgs, StatisticsCommand};

/// Threads that compute figures.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40.green/dim} {pos}/{len}  {eta}") {
        bar.set_style(style);
    }
    bar
}

pub(crate) fn statistics(command: &StatisticsCommand) -> anyhow::Result<ExitCode> {
    match command {
        StatisticsCommand::Compute(args) => compute(args),
        StatisticsCommand::Show(args) => show(args),
    }
}

fn method(shares: Option<&Path>) -> anyhow::Result<Method> {
    let method = Method::of_edition()?;
    let Some(path) = shares else {
        return Ok(method);
    };
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    method
        .with_target(&text)
        .with_context(|| format!("in {}", path.display()))
}

fn compute(args: &ComputeArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let method = method(args.shares.as_deref())?;
    let bar = bar(0);
    let progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let (store, areas) = (centre.store(), centre.areas());
    let period = &args.period;
    let kept = kept::keep(
        store,
        areas.areas(),
        &method,
        period,
        args.synthetic,
        threads(),
        progress,
    )?;
    bar.finish_and_clear();
    let text = format!("Kept figures of {kept} places for {period}");
    print(
        &args.store,
        &json!({"period": period.to_string(), "places": kept}),
        &text,
    )
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let figures = match (args.level, &args.place) {
        (Level::Ward, Some(code)) => {
            let day = args.period.days().0;
            let areas = centre.areas();
            let valid = areas.areas().iter();
            let area = valid
                .clone()
                .find(|a| a.key.code == *code && a.validity().contains(day));
            let area =
                area.with_context(|| format!("no area {code:?} on {day}; see ispeed area list"))?;
            let method = method(None)?;
            Some(kept::area(
                centre.store(),
                &method,
                &area.key,
                &args.period,
                args.synthetic,
            )?)
        }
        (Level::Ward, None) => bail!("--place CODE is missing: which ward?"),
        (level, place) => {
            let place = place.as_deref().unwrap_or(COUNTRY);
            kept::kept(centre.store(), level, place, &args.period, args.synthetic)?
        }
    };
    let Some(figures) = figures else {
        bail!(
            "nothing is kept for {} yet: ispeed statistics compute --period {}",
            args.level.code(),
            args.period
        );
    };
    print(
        &args.store,
        &serde_json::to_value(&figures)?,
        &text(&figures),
    )
}

/// A line for each operator and technology: the download.
fn text(figures: &PlaceFigures) -> String {
    let head = format!(
        "{} {}  {}  edition {}{}",
        figures.level.code(),
        figures.place,
        figures.period,
        figures.edition,
        if figures.synthetic { "  SYNTHETIC" } else { "" }
    );
    let rows = figures.rows.iter().map(line);
    std::iter::once(head)
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

fn line(row: &PlaceRow) -> String {
    let origin = format!("{:?}", row.origin).to_lowercase();
    let counts = format!("{} tests, {} devices", row.tests, row.devices);
    format!(
        "{:14} {:12} {:10} {:28} {}",
        row.operator,
        row.technology,
        origin,
        counts,
        megabits(&row.figure(Metric::Download))
    )
}

fn megabits(figure: &Figure) -> String {
    let mbit = |rate: u64| format!("{:.1}", metric::unit::to_f64(rate) / 1e6);
    match figure {
        Figure::Withheld { n, why } => format!("withheld ({n} device-days, {why:?})"),
        Figure::Published {
            median,
            median_interval,
            grade,
            ..
        } => {
            let interval =
                median_interval.map(|[low, high]| format!(" [{}, {}]", mbit(low), mbit(high)));
            let grade = grade.map(|grade| format!("  {grade:?}"));
            let (interval, grade) = (interval.unwrap_or_default(), grade.unwrap_or_default());
            format!("{} Mbit/s{interval}{grade}", mbit(*median))
        }
    }
}

pub(crate) fn rebuild(args: &RebuildArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let bar = bar(0);
    let plan = Plan {
        edition: args.edition.unwrap_or(metric::EDITION),
        month: args.month,
        preview: args.preview,
    };
    let rebuilt = centre.rebuild(&plan, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let sha256 = centre.store().ledger_sha256(args.month)?;
    let mut value = serde_json::to_value(&rebuilt)?;
    value["ledger_sha256"] = json!(sha256);
    print(&args.store, &value, &rebuilt_text(&rebuilt, &sha256))
}

fn rebuilt_text(rebuilt: &Rebuilt, sha256: &str) -> String {
    let doing = if rebuilt.applied {
        "Judged"
    } else {
        "Would judge"
    };
    let mut text = format!(
        "{doing} {} tests by edition {}; {} differ\n",
        rebuilt.tests, rebuilt.edition, rebuilt.changed
    );
    for (reason, [before, after]) in &rebuilt.reasons {
        text += &format!("  {reason:20} {before:>10} → {after:>10}\n");
    }
    text + &format!("SHA-256 of the verdicts in use: {sha256}")
}

/// Measures every case, on all threads, and writes the page, the picture and
/// the numbers.
pub(crate) fn calibrate(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let mut cases = coverage::cases();
    cases.push(coverage::NAIVE_CASE);
    let effort = Effort {
        runs: args.runs,
        seed: args.seed,
    };
    let bar = bar(cases.len() as u64);
    let measured = measure_all(&cases, effort, &bar);
    bar.finish_and_clear();
    let gaming = gaming::table(args.seed);
    let page = document::markdown(&measured, &gaming, args.runs, args.seed);
    if let Some(dir) = &args.output {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let json = serde_json::to_string_pretty(&json!({"coverage": measured, "gaming": gaming}))?;
        for (name, text) in [
            ("README.md", page.as_str()),
            ("coverage.svg", &document::svg(&measured)),
            ("calibration.json", &(json + "\n")),
        ] {
            let path = dir.join(name);
            std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    if args.json {
        tell(&format!(
            "{}\n",
            json!({"coverage": measured, "gaming": gaming})
        ))?;
    } else {
        tell(&format!("{page}\n"))?;
    }
    let off = |c: &&coverage::Coverage| c.case.devices >= 30 && !(0.93..=0.97).contains(&c.median);
    let missed = measured.iter().filter(off).count();
    Ok(if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure_all(
    cases: &[coverage::Case],
    effort: Effort,
    bar: &ProgressBar,
) -> Vec<coverage::Coverage> {
    let half = |first: usize| {
        let mut draws = Draws::default();
        let cases = cases.iter().enumerate().skip(first).step_by(2);
        let measure = |(at, case): (usize, &coverage::Case)| {
            let coverage = coverage::measure(*case, effort, &mut draws);
            bar.inc(1);
            (at, coverage)
        };
        cases.map(measure).collect::<Vec<_>>()
    };
    let mut measured = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut measured = half(0);
        measured.extend(other.join().unwrap_or_default());
        measured
    });
    measured.sort_by_key(|(at, _)| *at);
    measured.into_iter().map(|(_, coverage)| coverage).collect()
}
