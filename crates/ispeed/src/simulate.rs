//! `ispeed simulate`: a synthetic month through the same collector.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::mpsc;

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use metric::figure::Figure;
use metric::key::{Purpose, RegisteredKey};
use platform::Centre;
use platform::area::Area;
use platform::collect::Failure;
use platform::simulate::{Plan, plan, tests, truth};
use platform::statistics;
use platform::store::test::Appended;
use serde_json::{Value, json};

use crate::centre::{open, print};
use crate::cli::SimulateArgs;
use crate::config;

/// Site that synthetic receipts name.
const SITE: &str = "simulation";

pub(crate) fn simulate(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let centre = open(&args.store)?;
    let dir = config::centre(&args.store)?.data_dir;
    let key = server::load_or_create(&dir.join("simulation.key"))?;
    centre.register_key(&RegisteredKey {
        public_key: key.public(),
        site: SITE.into(),
        purpose: Purpose::Simulation,
        valid_from: Timestamp::UNIX_EPOCH,
        valid_to: None,
    })?;
    let plan = plan(
        wards(&centre, args)?,
        args.month,
        args.seed,
        SITE.into(),
        net::wall_clock(),
    );
    let plan = Plan {
        slow: args.slow.clone(),
        ..plan
    };
    let plan = match args.tests {
        Some(tests) => plan.of_size(tests),
        None => plan,
    };
    centre.store().without_waiting()?;
    let states = run(&centre, &plan, &key)?;
    report(&centre, args, &plan, &states)
}

/// The wards named, or all that were valid in the month.
fn wards(centre: &Centre, args: &SimulateArgs) -> anyhow::Result<Vec<Area>> {
    let areas = centre.areas();
    let valid = statistics::valid_in(areas.areas(), args.month);
    let named = |area: &&&Area| args.wards.is_empty() || args.wards.contains(&area.key.code);
    let wards: Vec<Area> = valid
        .iter()
        .filter(named)
        .map(|area| (**area).clone())
        .collect();
    let known = |code: &&String| !wards.iter().any(|area| area.key.code == **code);
    if let Some(unknown) = args.wards.iter().find(known) {
        bail!(
            "--wards {unknown}: no such area in {}; see `ispeed area list`",
            args.month
        );
    }
    ensure!(
        !wards.is_empty(),
        "no area was valid in {}; import some",
        args.month
    );
    Ok(wards)
}

/// Hands every test to the collector; returns how many came to which state.
fn run(
    centre: &Centre,
    plan: &Plan,
    key: &metric::key::SiteKey,
) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut states = BTreeMap::new();
    let expected = plan.wards.iter().map(|ward| u64::from(ward.tests)).sum();
    let bar = ProgressBar::new(expected);
    if let Ok(style) = ProgressStyle::with_template("{bar:40.green/dim} {pos}/{len}  {eta}") {
        bar.set_style(style);
    }
    // Making tests costs as much as collecting them, so it has a thread of its own.
    let (sender, made) = mpsc::sync_channel(AHEAD);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        scope.spawn(move || make(plan, key, &sender));
        for test in made {
            let (received_at, body) = test?;
            let state = match centre.collect_at(received_at, &body) {
                Ok(Appended::New(body)) => state_of(&body),
                Ok(Appended::Known(_)) => "known".into(),
                Err(Failure::Refused(why)) => {
                    bail!("the collector refused a synthetic test: {why:?}")
                }
                Err(Failure::Centre(error)) => return Err(error),
            };
            *states.entry(state).or_insert(0) += 1;
            bar.inc(1);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(states)
}

/// A test on its way to the collector: when it arrives, and its body.
type Made = anyhow::Result<(Timestamp, Vec<u8>)>;

/// Tests that are made and wait.
const AHEAD: usize = 256;

/// Makes the tests in order, until nobody takes them any more.
fn make(plan: &Plan, key: &metric::key::SiteKey, sender: &mpsc::SyncSender<Made>) {
    for test in tests(plan, key) {
        let body = serde_json::to_vec(&test.submission).map_err(anyhow::Error::from);
        if sender
            .send(body.map(|body| (test.received_at, body)))
            .is_err()
        {
            return;
        }
    }
}

fn state_of(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["state"].as_str().unwrap_or("unknown").to_owned()
}

/// What came of it, beside the truth.
fn report(
    centre: &Centre,
    args: &SimulateArgs,
    plan: &Plan,
    states: &BTreeMap<String, u64>,
) -> anyhow::Result<ExitCode> {
    let mut rows = vec![];
    let mut text = format!(
        "SYNTHETIC month {} (seed {}): {states:?}\n",
        args.month, args.seed
    );
    text += &format!(
        "{:<28}{:>9}{:>9}{:>14}{:>14}\n",
        "ward", "counted", "raw", "true Mbit/s", "median Mbit/s"
    );
    let truths = truth(plan);
    for (ward, truth) in plan.wards.iter().zip(&truths) {
        let quota = statistics::quota(centre.store(), &ward.area, plan.month, true)?;
        let figures = statistics::figures(centre.store(), &ward.area, plan.month, true)?;
        let all = figures
            .figures
            .iter()
            .find(|row| row.operator == "all" && row.technology == "mobile");
        let median = all.and_then(|row| match row.figures.download_bits_per_second {
            Figure::Published { median, .. } => Some(median),
            Figure::Withheld { .. } => None,
        });
        let shown = median.map_or_else(|| "withheld".into(), |m| (m / 1_000_000).to_string());
        let true_median = truth.download_median_bits_per_second;
        text += &format!(
            "{:<28}{:>9}{:>9}{:>14}{:>14}\n",
            ward.area.full_name,
            quota.counts.counted,
            quota.counts.raw,
            true_median / 1_000_000,
            shown
        );
        rows.push(json!({
            "area": ward.area.key, "counted": quota.counts.counted, "raw": quota.counts.raw,
            "true_download_median_bits_per_second": true_median, "download_median_bits_per_second": median,
        }));
    }
    let value = json!({"synthetic": true, "month": plan.month, "seed": plan.seed, "states": states, "wards": rows});
    print(&args.store, &value, text.trim_end()).context("printing")
}
