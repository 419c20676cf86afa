use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use geo::BoundingRect as _;
use metric::consistency::verify;
use metric::goodput;
use metric::key::{Purpose, RegisteredKey};
use metric::month::civil_date;
use metric::validity::{Limits, Placement};

use super::*;
use crate::area::{AreaIndex, parse};

fn areas() -> Vec<Area> {
    parse(include_str!(
        "../../../../data/areas/district-1.demo.geojson"
    ))
    .unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn november(now: &str) -> Plan {
    let month = "2024-11".parse().unwrap();
    plan(areas(), month, 7, "demo".into(), time(now))
}

fn key() -> &'static SiteKey {
    static KEY: LazyLock<SiteKey> = LazyLock::new(|| SiteKey::from_seed(&[9; 32]));
    &KEY
}

fn registered() -> RegisteredKey {
    RegisteredKey {
        public_key: key().public(),
        site: "demo".into(),
        purpose: Purpose::Simulation,
        valid_from: time("2024-01-01T00:00:00Z"),
        valid_to: None,
    }
}

/// One ward with as many devices as tests, so that chance averages out.
fn large() -> Plan {
    let mut plan = november("2025-01-31T00:00:00Z");
    plan.wards.truncate(1);
    plan.wards[0].tests = 3_000;
    plan.wards[0].devices = 3_000;
    plan
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed| {
        let plan = Plan {
            seed,
            ..november("2024-11-04T00:00:00Z")
        };
        let texts = tests(&plan, key()).map(|t| serde_json::to_string(&t.submission).unwrap());
        texts.collect::<Vec<_>>()
    };
    assert!(bytes(7).len() > 100);
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn every_submission_verifies_and_is_well_formed() {
    let plan = november("2025-01-31T00:00:00Z");
    let mut before = Timestamp::MIN;
    let mut ids = BTreeSet::new();
    for Simulated {
        submission,
        received_at,
    } in tests(&plan, key())
    {
        assert!(before <= received_at, "out of order");
        before = received_at;
        submission.context.check().unwrap();
        submission.observed.check().unwrap();
        assert!(
            submission
                .context
                .position
                .is_none_or(|claim| claim.check().is_ok())
        );
        assert!(submission.receipt.issued_at <= received_at);
        assert!(serde_json::to_vec(&submission).unwrap().len() < 256 * 1024);
        assert!(ids.insert(submission.receipt.test_id), "an id twice");
        let verified = verify(submission, |_| Some(registered()), received_at).unwrap();
        assert_eq!(verified.purpose(), Purpose::Simulation);
        assert_eq!(
            civil_date(verified.receipt().started_at).first_of_month(),
            plan.month.first_day()
        );
    }
    let planned: u32 = plan.wards.iter().map(|ward| ward.tests).sum();
    assert_eq!(u32::try_from(ids.len()), Ok(planned));
}

#[test]
fn nothing_is_later_than_now_and_the_past_stays() {
    let ids = |now: &str| {
        let plan = november(now);
        let tests = tests(&plan, key()).inspect(|t| assert!(t.received_at <= plan.now));
        tests
            .map(|t| t.submission.receipt.test_id)
            .collect::<Vec<_>>()
    };
    let (early, late) = (ids("2024-11-03T00:00:00Z"), ids("2024-11-05T00:00:00Z"));
    assert!(!early.is_empty() && early.len() < late.len());
    assert_eq!(early, late[..early.len()]);
}

/// Tests of each ward that count for its quota if nothing repeats by accident.
fn qualified(plan: &Plan) -> BTreeMap<String, usize> {
    let index = AreaIndex::new(areas());
    let mut counted = BTreeMap::new();
    for draft in (0..plan.wards.len()).flat_map(|ward| draft::drafts(plan, ward)) {
        if !matches!(draft.oddity, draft::Oddity::Nothing | draft::Oddity::Border) {
            continue;
        }
        let position = draft.position.unwrap().check().unwrap();
        let day = civil_date(draft::at(draft.started_ms));
        let placed = index.place(&position, day, &Limits::default());
        if placed.placement == Placement::Inside {
            *counted
                .entry(placed.area.unwrap().key.to_string())
                .or_default() += 1;
        }
    }
    counted
}

#[test]
fn seven_of_ten_wards_pass_three_hundred() {
    let plan = november("2025-01-31T00:00:00Z");
    for seed in 0..5 {
        let wards = super::plan(areas(), plan.month, seed, plan.site.clone(), plan.now);
        let counted = qualified(&wards);
        assert_eq!(counted.len(), 10);
        let reached = counted.values().filter(|&&n| n >= 300).count();
        assert_eq!(reached, 7, "{counted:?}");
    }
}

#[test]
fn only_areas_of_the_month_are_planned() {
    let month = "2025-07".parse().unwrap();
    let plan = plan(
        areas(),
        month,
        7,
        "demo".into(),
        time("2025-09-30T00:00:00Z"),
    );
    assert_eq!(plan.wards.len(), 4);
    let reached = qualified(&plan).values().filter(|&&n| n >= 300).count();
    assert_eq!(reached, 3);
}

#[test]
fn honest_tests_show_the_truth() {
    let plan = large();
    let truth = &truth(&plan)[0];
    let mobile = |t: &Simulated| t.submission.context.technology.is_some();
    let honest: Vec<_> = tests(&plan, key()).filter(mobile).collect();
    let median = |mut sample: Vec<u64>| {
        sample.sort_unstable();
        to_f64(metric::statistic::quantile(&sample, 500).unwrap())
    };
    let rates = |bins: fn(&Simulated) -> Option<&Vec<u64>>| {
        let bins = honest.iter().filter_map(bins);
        median(
            bins.filter_map(|bins| {
                Some(
                    goodput::estimate(goodput::Mode::Full, bins, false)?
                        .goodput
                        .0,
                )
            })
            .collect(),
        )
    };
    let near = |found: f64, truth: u64| {
        assert!(
            (found / to_f64(truth) - 1.0).abs() < 0.08,
            "{found} {truth}"
        )
    };
    near(
        rates(|t| {
            t.submission
                .observed
                .download
                .as_ref()
                .map(|d| &d.bins_bytes)
        }),
        truth.download_median_bits_per_second,
    );
    near(
        rates(|t| t.submission.receipt.upload.as_ref().map(|d| &d.bins_bytes)),
        truth.upload_median_bits_per_second,
    );
    let rtts = honest
        .iter()
        .filter_map(|t| Some(t.submission.observed.idle_rtt()?.0));
    near(median(rtts.collect()), truth.idle_rtt_median_us);
    assert_eq!(
        truth.download_median_bits_per_second,
        plan.wards[0].median_bits_per_second
    );
}

#[test]
fn operators_have_their_shares() {
    let plan = large();
    let operators = draft::drafts(&plan, 0)
        .into_iter()
        .filter(|d| d.technology.is_some());
    let mut seen: BTreeMap<_, f64> = BTreeMap::new();
    for draft in operators {
        *seen.entry(draft.operator.id).or_default() += 1.0;
    }
    let all: f64 = seen.values().sum();
    for (id, share) in [
        ("viettel", 0.45),
        ("vinaphone", 0.25),
        ("mobifone", 0.22),
        ("vietnamobile", 0.05),
        ("itel", 0.03),
    ] {
        assert!(
            (seen[id] / all - share).abs() < 0.03,
            "{id}: {}",
            seen[id] / all
        );
    }
}

#[test]
fn an_operator_is_slow_where_the_plan_says_so_and_nowhere_else() {
    let plain = large();
    let middle = plain.wards[0]
        .area
        .geometry
        .bounding_rect()
        .unwrap()
        .center();
    let slow = Plan {
        slow: vec![Slow {
            operator: "viettel".into(),
            centre: [middle.y, middle.x],
            radius_metres: 400.0,
            factor: 0.05,
        }],
        ..plain.clone()
    };
    let mut slower = 0;
    for (before, after) in draft::drafts(&plain, 0).iter().zip(draft::drafts(&slow, 0)) {
        let here = before.position.is_some_and(|at| slow.slow[0].holds(&at));
        let is_slow = after.download_bits_per_second < before.download_bits_per_second;
        // A repeat lies a few steps from the test that it repeats.
        if after.oddity != draft::Oddity::Repeat {
            assert_eq!(is_slow, here && before.operator.id == "viettel");
            slower += usize::from(is_slow);
        }
    }
    assert!(slower > 20, "{slower}");
}
