//! `ispeed publish` and `ispeed verify`: open data, written and checked.

use std::process::ExitCode;

use anyhow::ensure;
use indicatif::{ProgressBar, ProgressStyle};
use platform::publish::manifest::MANIFEST;
use platform::publish::tests::TestTable;
use platform::publish::verify::{Finding, Outcome};
use platform::publish::{Edition, figures, secret_of, write};
use platform::{Centre, statistics};
use serde_json::json;

use crate::centre::{open, say};
use crate::cli::{PublishArgs, VerifyArgs};
use crate::config;

/// Files of a published month, its manifest apart.
const FILES: u64 = 10;

pub(crate) fn month(args: &PublishArgs) -> anyhow::Result<ExitCode> {
    let inside = |path: &std::path::Path| path.starts_with(&args.output);
    ensure!(
        !args.audit.as_deref().is_some_and(inside),
        "--audit lies inside --output; the auditor's file is not open data, put it elsewhere"
    );
    let centre = open(&args.store)?;
    let dir = config::centre(&args.store)?.data_dir;
    let key = server::load_or_create(&dir.join("publication.key"))?;
    let bar = bar(FILES, "writing");
    let edition = edition(&centre, args, secret_of(&key, args.month))?;
    let audit = args.audit.as_deref();
    let manifest = write(&edition, &key, &args.output, audit, |_| bar.inc(1))?;
    bar.finish_and_clear();
    let [tests, figures, ..] = &edition.tables;
    let text = format!(
        "{}: {} tests, {} figures, {} files and {MANIFEST}, signed by key {}",
        args.output.display(),
        tests.rows(),
        figures.rows(),
        manifest.files.len(),
        manifest.key_id()
    );
    let value = json!({"month": args.month, "synthetic": args.synthetic, "key_id": manifest.key_id(),
                       "tests": tests.rows(), "figures": figures.rows(), "files": manifest.files});
    say(args.store.json, &value, &text)
}

/// The tables of a month from the store.
fn edition(centre: &Centre, args: &PublishArgs, secret: String) -> anyhow::Result<Edition> {
    let (store, month, synthetic) = (centre.store(), args.month, args.synthetic);
    let bar = bar(store.tests_in(month, synthetic)?, "reading");
    let mut tests = TestTable::new(secret);
    store.each_test_of(month, synthetic, |test| {
        tests.push(&test);
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    let index = centre.areas();
    let areas = statistics::valid_in(index.areas(), month);
    let of_area = |area: &&_| statistics::figures(store, area, month, synthetic);
    let tables = areas
        .iter()
        .map(of_area)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let of_area = |area: &&_| statistics::quota(store, area, month, synthetic);
    let quotas = areas
        .iter()
        .map(of_area)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (tests, devices) = tests.finish();
    Ok(Edition {
        month,
        synthetic,
        edition: metric::EDITION,
        tables: [
            tests,
            figures::figures(&tables),
            figures::counts(&quotas),
            figures::areas(&quotas),
        ],
        devices,
    })
}

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let bar = bar(FILES + 5, "checking");
    let law = |manifest: &platform::publish::manifest::Manifest, areas: &[_]| {
        statistics::figures_of(areas, manifest.month, manifest.synthetic)
    };
    let audit = args.audit.as_deref();
    let mut outcome = platform::publish::verify::verify(&args.folder, audit, &law, |_| bar.inc(1))?;
    bar.finish_and_clear();
    if let Some(id) = args.key_id.as_ref().filter(|id| **id != outcome.key_id) {
        outcome.holds = false;
        let what = format!("is signed by key {}, not by {id}", outcome.key_id);
        let file = MANIFEST.into();
        outcome.findings.push(Finding {
            file,
            line: None,
            column: None,
            what,
        });
    }
    say(args.json, &serde_json::to_value(&outcome)?, &text(&outcome))?;
    Ok(if outcome.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for Finding {
        file,
        line,
        column,
        what,
    } in &outcome.findings
    {
        let line = line.map_or_else(String::new, |line| format!(", line {line}"));
        let column = column
            .as_ref()
            .map_or_else(String::new, |column| format!(", column {column}"));
        text += &format!("{file}{line}{column}: {what}\n");
    }
    let rows: Vec<_> = outcome
        .rows
        .iter()
        .map(|(name, rows)| format!("{name} {rows}"))
        .collect();
    text += &format!(
        "{}: signed by key {}, edition {}, rows: {}; {} cells computed again",
        if outcome.holds {
            "Everything holds"
        } else {
            "DOES NOT HOLD"
        },
        outcome.key_id,
        outcome.edition,
        rows.join(", "),
        outcome.recomputed_cells
    );
    if !outcome.unchecked_columns.is_empty() {
        let columns = outcome.unchecked_columns.join(", ");
        text += &format!(
            "\nHeld against bounds and by signature, for want of the auditor's file: \
             figures' {columns}; by signature alone: counts' devices"
        );
    }
    text
}

fn bar(steps: u64, doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(steps).with_message(doing);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40.green/dim} {pos}/{len}  {eta}") {
        bar.set_style(style);
    }
    bar
}
