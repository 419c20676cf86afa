use metric::audit::Direction;

use super::*;
use crate::collect::collect;
use crate::fixture::{Place, at, draft, signed, simulation_key};
use crate::simulate;

const SYNTHETIC: Which = Which {
    month: None,
    synthetic: true,
};

/// November 2024 of one ward, simulated, through the collector.
fn simulated() -> Place {
    let place = Place::new();
    let areas = place.areas.areas().to_vec();
    let (month, now) = ("2024-11".parse().unwrap(), at("2024-12-31T00:00:00Z"));
    let mut plan = simulate::plan(areas, month, 7, "simulation".into(), now);
    plan.wards.truncate(1);
    plan.wards[0].tests = 80;
    for test in simulate::tests(&plan, &simulation_key()) {
        let body = serde_json::to_vec(&test.submission).unwrap();
        collect(&place.store, &place.tables(), test.received_at, &body).unwrap();
    }
    place
}

#[test]
fn a_replay_gives_the_same_bytes_every_time() {
    let place = simulated();
    let bytes = |mode| {
        let report = replay(&place.store, SYNTHETIC, Edition::CURRENT, mode).unwrap();
        serde_json::to_string(&report).unwrap()
    };
    for mode in [None, Some(Mode::Accurate), Some(Mode::Saver)] {
        assert_eq!(bytes(mode), bytes(mode));
    }
    assert_ne!(bytes(Some(Mode::Saver)), bytes(None));
}

#[test]
fn the_edition_of_today_finds_the_speeds_of_today() {
    let place = simulated();
    let report = replay(&place.store, SYNTHETIC, Edition::CURRENT, None).unwrap();
    assert_eq!(report.tests, 80);
    for line in &report.lines {
        assert_eq!(line.changed_share, Some(0.0), "{line:?}");
        assert!(line.n > 70 && line.lost == 0, "{line:?}");
    }
}

#[test]
fn the_audit_is_of_full_tests_of_its_own_kind() {
    let place = simulated();
    place.collect(&signed(draft(1))).unwrap();
    let report = audit(&place.store, SYNTHETIC, Edition::CURRENT).unwrap();
    assert_eq!((report.tests, report.drawn), (80, 0));
    let accurate = report.modes.iter().find(|line| {
        (line.mode, line.direction, line.class) == (Mode::Accurate, Direction::Download, "all")
    });
    let accurate = accurate.unwrap();
    assert!(
        accurate.bias_log_ratio.unwrap().abs() < 0.05,
        "{accurate:?}"
    );
    assert!(accurate.data_share.unwrap() < 0.7, "{accurate:?}");
    let real = Which {
        synthetic: false,
        ..SYNTHETIC
    };
    let report = audit(&place.store, real, Edition::CURRENT).unwrap();
    assert_eq!(report.tests, 1, "the real one");
}

#[test]
fn a_month_of_series_stays_below_four_kibibytes_a_test() {
    let place = simulated();
    let mut sizes = vec![];
    let read = place.store.each_series(SYNTHETIC, |stored| {
        sizes.push(stored.series.len());
        Ok(())
    });
    read.unwrap();
    sizes.sort_unstable();
    let at = |percent: usize| sizes[(sizes.len() - 1) * percent / 100];
    println!(
        "series of {} tests: median {} bytes, p95 {}, most {}",
        sizes.len(),
        at(50),
        at(95),
        at(100)
    );
    assert!(at(100) <= 4_096);
}

#[test]
fn a_damaged_series_is_one_clear_error() {
    let place = Place::new();
    place.collect(&signed(draft(1))).unwrap();
    place.store.damage_series();
    let real = Which {
        synthetic: false,
        ..SYNTHETIC
    };
    let error = audit(&place.store, real, Edition::CURRENT).unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("test 00000000-") && text.contains("byte"),
        "{text}"
    );
}
