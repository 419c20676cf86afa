//! The river: a simulated month through the collector into the campaign's table.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use metric::area::AreaKey;
use metric::figure::Figure;
use metric::key::{Purpose, RegisteredKey, SiteKey};
use metric::month::Month;
use platform::centre::Centre;
use platform::config::Config;
use platform::simulate::{self, Plan, Truth};
use platform::statistics::month_table;
use platform::table::{MonthRow, MonthTable};

const SITE: &str = "simulation";

fn key() -> SiteKey {
    SiteKey::from_seed(&[8; 32])
}

fn centre(directory: &tempfile::TempDir) -> Centre {
    let config = Config {
        data_dir: directory.path().to_owned(),
        ..Config::default()
    };
    let now = "2024-12-01T00:00:00Z".parse().unwrap();
    let centre = Centre::open(config, move || now).unwrap();
    let key = RegisteredKey {
        public_key: key().public(),
        site: SITE.into(),
        purpose: Purpose::Simulation,
        valid_from: "2024-01-01T00:00:00Z".parse().unwrap(),
        valid_to: None,
    };
    centre.register_key(&key).unwrap();
    centre
}

fn november() -> Month {
    "2024-11".parse().unwrap()
}

fn plan(centre: &Centre) -> Plan {
    let areas = centre.areas().areas().to_vec();
    simulate::plan(areas, november(), 7, SITE.into(), centre.now())
}

/// Collects a whole plan; nothing of it may be refused.
fn collect(centre: &Centre, plan: &Plan) -> u64 {
    let mut tests = 0;
    for test in simulate::tests(plan, &key()) {
        let body = serde_json::to_vec(&test.submission).unwrap();
        centre.collect_at(test.received_at, &body).unwrap();
        tests += 1;
    }
    tests
}

fn table(centre: &Centre, synthetic: bool) -> MonthTable {
    let campaign = centre.store().campaign("district-1").unwrap().unwrap();
    let areas = centre.areas();
    month_table(
        centre.store(),
        &campaign,
        areas.areas(),
        november(),
        synthetic,
    )
    .unwrap()
}

#[test]
fn a_simulated_month_ends_as_planned_and_touches_no_real_figure() {
    let directory = tempfile::tempdir().unwrap();
    let centre = centre(&directory);
    let plan = plan(&centre);
    let tests = collect(&centre, &plan);
    assert!(tests > 3_000, "{tests}");
    let month = table(&centre, true);
    assert_eq!((month.total.areas, month.total.reached_areas), (10, 7));
    for reason in ["repeat", "not_mobile", "unlocated"] {
        assert!(month.total.not_counted.contains_key(reason), "{reason}");
    }
    let truths = simulate::truth(&plan);
    let said: Vec<_> = month
        .rows
        .iter()
        .filter_map(|row| holds(row, &truths))
        .collect();
    let missed = said.iter().filter(|holds| !**holds).count();
    assert!(
        said.len() >= 7,
        "a ward that reaches its quota has a figure: {said:?}"
    );
    assert!(missed <= 1, "intervals miss the truth: {said:?}");
    let real = table(&centre, false);
    assert_eq!((real.total.raw, real.total.not_counted.len()), (0, 0));
}

/// Whether the interval of the download's median holds the truth, as it should
/// in 95 % of wards; `None` where it is too wide to be said.
fn holds(row: &MonthRow, truths: &[Truth]) -> Option<bool> {
    let key = AreaKey {
        code: row.area.code.clone(),
        valid_from: row.area.valid_from,
    };
    let truth = truths.iter().find(|truth| truth.area == key).unwrap();
    let Figure::Published {
        median_interval: Some([low, high]),
        ..
    } = row.figures.download_bits_per_second
    else {
        return None;
    };
    Some((low..=high).contains(&truth.download_median_bits_per_second))
}

#[test]
fn collecting_a_month_again_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let centre = centre(&directory);
    let mut plan = plan(&centre);
    plan.wards.truncate(2);
    collect(&centre, &plan);
    let counts = |table: MonthTable| {
        let rows = table.rows.into_iter();
        rows.map(|row| {
            (
                row.counts.raw,
                row.counts.qualified,
                row.counts.devices,
                row.figures,
            )
        })
        .collect::<Vec<_>>()
    };
    let before = counts(table(&centre, true));
    collect(&centre, &plan);
    assert_eq!(counts(table(&centre, true)), before);
}
