//! Does the 95 % interval of a direction cover the mean of its ten seconds?
//!
//! Lines are simulated bin by bin: constant ones, radios, boosts, policers,
//! others' traffic, and recorded LTE rates where `../shared/data/traces` is at
//! hand (a radio stands in elsewhere). What is asked is the mean of all ten
//! seconds; what a mode sees of them is up to its own rule.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use metric::chance::Chance;
use metric::forecast::HORIZON_BINS;
use metric::goodput::{Mode, estimate};
use metric::unit::{floor_u64, to_f64};

/// Lines of each kind; a constant line counts nine times, as in the bench's sets.
const LINES: u64 = 200;
/// Bytes per bin of a line of rate 1.
const SCALE: f64 = 1e6;

/// The rate of each bin, about 1.
type Rates = Vec<f64>;

fn bins() -> impl Iterator<Item = usize> {
    0..HORIZON_BINS + 10
}

fn constant(_: &mut Chance) -> Rates {
    bins().map(|_| 1.0).collect()
}

fn radio(chance: &mut Chance) -> Rates {
    let (sigma, memory) = (chance.within(0.2, 0.42), [0.85, 0.9, 0.95, 0.97]);
    let memory = memory[chance.index(4)];
    let mut state = chance.normal();
    let mut step = |_| {
        state = memory * state + f64::sqrt(1.0 - memory * memory) * chance.normal();
        f64::exp(sigma * state - sigma * sigma / 2.0)
    };
    bins().map(&mut step).collect()
}

fn boost(chance: &mut Chance) -> Rates {
    boost_until(45, chance)
}

fn boost_until(latest: u32, chance: &mut Chance) -> Rates {
    let (end, fast) = (chance.between(12, latest) as usize, chance.within(1.5, 3.0));
    bins()
        .map(|bin| if bin < end { fast } else { 1.0 })
        .collect()
}

fn policer(chance: &mut Chance) -> Rates {
    let end = chance.between(2, 6) as usize;
    bins()
        .map(|bin| if bin < end { 2.0 } else { 1.0 })
        .collect()
}

fn cross(chance: &mut Chance) -> Rates {
    let others = chance.within(0.25, 0.45);
    let (on, off) = (
        chance.between(5, 10) as usize,
        chance.between(4, 9) as usize,
    );
    let rate = |bin| {
        if bin % (on + off) < on {
            1.0 - others
        } else {
            1.0
        }
    };
    bins().map(rate).collect()
}

/// Ten seconds of a log of one rate a second, from anywhere in it.
fn recorded(log: &[f64], chance: &mut Chance) -> Rates {
    let (from, into) = (chance.index(log.len() - 13), chance.index(10));
    bins().map(|bin| log[from + (bin + into) / 10]).collect()
}

fn logs() -> Vec<Vec<f64>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/traces");
    let read = |name| fs::read_to_string(folder.join(name)).ok();
    let rate = |line: &str| {
        let (number, unit) = line.split_once(',').unwrap();
        let scale = match unit.as_bytes()[0] {
            b'M' => 1.0,
            b'K' => 1e-3,
            _ => 1e-6,
        };
        number.parse::<f64>().unwrap() * scale
    };
    let texts = ["bus62.csv", "7Train2.csv"].into_iter().filter_map(read);
    texts.map(|text| text.lines().map(rate).collect()).collect()
}

/// What arrives: a ramp of some bins, then the line, give or take a packet.
fn arrivals(rates: &Rates, chance: &mut Chance) -> Vec<u64> {
    let ramp = [2, 3, 4, 5, 7, 9][chance.index(6)];
    let seen = |(bin, rate): (usize, &f64)| {
        let grown = f64::exp2((to_f64(bin as u64) - f64::from(ramp)).min(0.0));
        let noise = 1.0 + 0.01 * chance.normal();
        floor_u64(SCALE * rate * grown * noise)
    };
    rates.iter().enumerate().map(seen).collect()
}

/// Of lines that gave an estimate: how many, covered, and absolute errors.
struct Tally {
    weight: f64,
    covered: f64,
    errors: Vec<f64>,
}

fn tally(mode: Mode, weight: f64, line: impl Fn(&mut Chance) -> Rates) -> Tally {
    let mut errors = vec![];
    let mut covered = 0.0;
    for seed in 0..LINES {
        let mut chance = Chance::of(&[7, seed]);
        let rates = line(&mut chance);
        let truth =
            80.0 * SCALE * rates[..HORIZON_BINS].iter().sum::<f64>() / to_f64(HORIZON_BINS as u64);
        let Some(found) = estimate(mode, &arrivals(&rates, &mut chance), false) else {
            continue;
        };
        let [low, high] = found.interval.unwrap().map(|rate| to_f64(rate.0));
        covered += f64::from(u8::from(low <= truth && truth <= high));
        errors.push((to_f64(found.goodput.0) / truth - 1.0).abs());
    }
    let n = to_f64(errors.len() as u64);
    errors.sort_by(f64::total_cmp);
    Tally {
        weight,
        covered: covered / n,
        errors,
    }
}

fn quantile(tally: &Tally, per_cent: usize) -> f64 {
    tally.errors[(tally.errors.len() - 1) * per_cent / 100]
}

/// Coverage over the mix of the bench's sets: nine constant links, seven that vary.
fn coverage(mode: Mode) -> f64 {
    let logs = logs();
    let mut all = vec![
        tally(mode, 9.0, constant),
        tally(mode, 2.0, radio),
        tally(mode, 1.0, boost),
        tally(mode, 1.0, policer),
        tally(mode, 1.0, cross),
    ];
    all.extend(
        logs.iter()
            .map(|log| tally(mode, 1.0, |chance| recorded(log, chance))),
    );
    all.extend((logs.len()..2).map(|_| tally(mode, 1.0, radio)));
    let weights = all.iter().map(|tally| tally.weight).sum::<f64>();
    all.iter()
        .map(|tally| tally.weight * tally.covered)
        .sum::<f64>()
        / weights
}

#[test]
fn the_interval_covers_what_it_says() {
    for mode in [Mode::Accurate, Mode::Saver] {
        let covered = coverage(mode);
        assert!((0.90..=0.98).contains(&covered), "{mode:?}: {covered}");
    }
}

#[test]
fn recorded_lines_are_covered_by_accurate() {
    for log in logs() {
        let covered = tally(Mode::Accurate, 1.0, |chance| recorded(&log, chance)).covered;
        assert!(covered >= 0.85, "{covered}");
    }
}

#[test]
fn constant_lines_are_right_to_a_percent_in_every_mode() {
    for mode in Mode::ALL {
        let constant = tally(mode, 1.0, constant);
        assert!(quantile(&constant, 90) < 0.01, "{mode:?}");
        assert!(constant.covered > 0.98, "{mode:?}");
    }
}

#[test]
fn full_knows_whatever_the_line_did() {
    // But for what the ramp hides: a tenth of the ten seconds at the most.
    for line in [radio, boost, policer, cross] {
        let tally = tally(Mode::Full, 1.0, line);
        assert!(quantile(&tally, 50) < 0.03 && quantile(&tally, 90) < 0.06);
    }
}

#[test]
fn a_boost_that_ends_in_sight_is_seen() {
    let in_sight = tally(Mode::Accurate, 1.0, |chance| boost_until(34, chance));
    assert!(quantile(&in_sight, 90) < 0.02);
}
