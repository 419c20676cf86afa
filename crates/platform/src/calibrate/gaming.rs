//! What people who want better numbers can do to a figure, before and after the
//! rules.

use metric::chance::Chance;
use metric::sample::{Reading, Sample, Scale, collapse};
use metric::statistic::mean;
use metric::summary::{Described, Draws};
use metric::unit::{floor_u64, to_f64};
use metric::validity::{Limits, over_cap, trace_shape, travels};
use serde::Serialize;

/// One trick and what it does; rates in Mbit/s, of one ward with 300 honest
/// tests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What is done.
    pub trick: &'static str,
    /// Median and mean over all tests as they came in.
    pub before: [f64; 2],
    /// Tests that the rules take out.
    pub out: usize,
    /// Median and mean of the figure: device-days of the tests that are left.
    pub after: [f64; 2],
    /// The 95 % interval of the median of the figure.
    pub interval: [f64; 2],
}

/// A test as the rules see it.
#[derive(Clone, Copy)]
struct Test {
    device: u32,
    minute: u64,
    value: u64,
    /// Metres east of the ward's middle.
    east: f64,
    mobile: bool,
    /// What its trace is known by.
    shape: u64,
}

/// Every trick against the same honest ward: none, 5 and 20 % invented tests,
/// one phone with 150 tests, an office on one Wi-Fi, a copied trace, phones that
/// teleport.
pub fn table(seed: u64) -> Vec<Row> {
    let honest = honest(seed);
    let with = |added: Vec<Test>| [honest.clone(), added].concat();
    vec![
        row("không có gian lận", &honest),
        row(
            "5 % lần đo bịa 500 Mbit/s, mỗi lần một máy",
            &with(invented(16)),
        ),
        row(
            "20 % lần đo bịa 500 Mbit/s, mỗi lần một máy",
            &with(invented(75)),
        ),
        row("một máy nhanh đo 150 lần", &with(one_phone(150))),
        row(
            "cơ quan 40 máy trên một Wi-Fi, khai là Wi-Fi",
            &with(office(40, false)),
        ),
        row(
            "cơ quan 40 máy trên một Wi-Fi, khai là di động",
            &with(office(40, true)),
        ),
        row("một vết đo 500 Mbit/s chép lại 60 lần", &with(copied(60))),
        row(
            "20 máy nhảy từ nơi nhanh cách 400 km",
            &with(teleporting(20)),
        ),
    ]
}

/// 300 tests of 100 devices over a month, median 40 Mbit/s, σ = 0.9, ρ = 0.4.
fn honest(seed: u64) -> Vec<Test> {
    let mut chance = Chance::of(&[seed, 21]);
    let mut tests = vec![];
    for device in 0..100 {
        let own = chance.normal() * 0.9 * 0.4_f64.sqrt();
        for _ in 0..3 {
            let rest = chance.normal() * 0.9 * 0.6_f64.sqrt();
            tests.push(Test {
                device,
                minute: chance.whole(0.0, 43_200.0),
                value: floor_u64(40e6 * (own + rest).exp()),
                east: chance.within(-800.0, 800.0),
                mobile: true,
                shape: chance.next(),
            });
        }
    }
    tests
}

fn invented(n: u32) -> Vec<Test> {
    fast(n, 1_000, |n| 1_000 + n)
}

/// Fast tests, spread over the month, each with a trace of its own.
fn fast(n: u32, salt: u64, device: impl Fn(u32) -> u32) -> Vec<Test> {
    let mut chance = Chance::of(&[salt]);
    let test = |at: u32| Test {
        device: device(at),
        minute: chance.whole(0.0, 43_200.0),
        value: 500_000_000,
        east: 0.0,
        mobile: true,
        shape: chance.next(),
    };
    (0..n).map(test).collect()
}

/// 150 tests of one phone: in a loop, one every two minutes on five days.
fn one_phone(n: u32) -> Vec<Test> {
    let mut tests = fast(n, 2_000, |_| 2_000);
    for (at, test) in (0_u64..).zip(&mut tests) {
        test.minute = (at / 30) * 1_440 * 3 + 540 + (at % 30) * 2;
    }
    tests
}

fn office(n: u32, declared_mobile: bool) -> Vec<Test> {
    let mut tests = fast(n, 3_000, |n| 3_000 + n);
    for test in &mut tests {
        test.value = 180_000_000;
        test.mobile = declared_mobile;
    }
    tests
}

/// The trace of one test, submitted as that of others.
fn copied(n: u32) -> Vec<Test> {
    let trace: Vec<u64> = (0..60).map(|i| 5_000_000 + i * i * 977 % 900_000).collect();
    let shape = trace_shape(&trace).unwrap_or(0);
    let mut tests = fast(n, 4_000, |n| 4_000 + n);
    tests.iter_mut().for_each(|test| test.shape = shape);
    tests
}

/// Devices that measure where it is fast and say they are here, between two
/// tests there.
fn teleporting(n: u32) -> Vec<Test> {
    let mut tests = vec![];
    for (at, here) in (0_u64..).zip(fast(n, 5_000, |n| 5_000 + n)) {
        let morning = 1_440 * at + 600;
        for (minute, east) in [(morning, 400_000.0), (morning + 30, 0.0)] {
            tests.push(Test {
                minute,
                east,
                shape: at * 10 + minute % 10,
                ..here
            });
        }
    }
    tests
}

fn row(trick: &'static str, tests: &[Test]) -> Row {
    let limits = Limits::default();
    let here: Vec<_> = tests.iter().filter(|t| t.east.abs() < 1_000.0).collect();
    let mut before: Vec<_> = here.iter().filter(|t| t.mobile).map(|t| t.value).collect();
    if before.len() < here.len() {
        // As a count by place alone would take them.
        before = here.iter().map(|t| t.value).collect();
    }
    let kept = judged(tests, &limits);
    let figure = described(&kept);
    Row {
        trick,
        before: plain(before),
        out: here.len() - kept.len(),
        after: [mbit(figure.median()), mbit(figure.mean)],
        interval: figure.median_interval().unwrap_or([0, 0]).map(mbit),
    }
}

/// The tests that count for the ward, by the laws of the ledger.
fn judged(tests: &[Test], limits: &Limits) -> Vec<Test> {
    let mut order = tests.to_vec();
    order.sort_by_key(|t| (t.minute, t.device));
    let mut kept: Vec<Test> = vec![];
    for (at, test) in order.iter().enumerate() {
        let past = &order[..at];
        if test.mobile && test.east.abs() < 1_000.0 && counts(test, past, &kept, limits) {
            kept.push(*test);
        }
    }
    kept
}

fn counts(test: &Test, past: &[Test], kept: &[Test], limits: &Limits) -> bool {
    let own = || kept.iter().filter(|k| k.device == test.device);
    let near = |k: &&Test| test.minute - k.minute < 15 && (test.east - k.east).abs() < 100.0;
    let mut days: Vec<_> = own().map(|k| k.minute / 1_440).collect();
    let today = days
        .iter()
        .filter(|day| **day == test.minute / 1_440)
        .count();
    days.sort_unstable();
    days.dedup();
    let before = past.iter().rev().find(|p| p.device == test.device);
    let journey = before.is_some_and(|p| {
        let minutes = i64::try_from(test.minute - p.minute).unwrap_or(i64::MAX);
        let apart = jiff::SignedDuration::from_mins(minutes);
        travels((test.east - p.east).abs(), 0, apart, limits)
    });
    let copy = past.iter().any(|p| p.shape == test.shape);
    let cap = over_cap(days.len() as u64, today as u64, limits);
    own().find(near).is_none() && !cap && !journey && !copy
}

fn plain(mut values: Vec<u64>) -> [f64; 2] {
    values.sort_unstable();
    let floats: Vec<f64> = values.iter().map(|v| to_f64(*v)).collect();
    let median = metric::statistic::quantile(&values, 500).unwrap_or_default();
    [
        mbit(median),
        mbit(floor_u64(mean(&floats).unwrap_or_default())),
    ]
}

fn described(tests: &[Test]) -> Described {
    let reading = |t: &Test| Reading {
        device: t.device,
        day: u32::try_from(t.minute / 1_440).unwrap_or(0),
        group: 0,
        value: t.value,
    };
    let mut readings: Vec<_> = tests.iter().map(reading).collect();
    let sample = Sample::new(collapse(&mut readings, Scale::Log));
    let nothing = Described {
        quantiles: [0; 5],
        intervals: [None; 5],
        mean: 0,
        mean_interval: None,
        n_effective: 0.0,
    };
    Described::of(&sample, Scale::Log, 0.4, &mut Draws::default()).unwrap_or(nothing)
}

fn mbit(bits_per_second: u64) -> f64 {
    (to_f64(bits_per_second) / 1e5).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_take_out_what_they_can_and_the_median_holds_the_rest() {
        let rows = table(1);
        let median = |at: usize| rows[at].after[0];
        let honest = median(0);
        assert_eq!(rows[0].out, 0);
        assert!(
            (median(3) / honest - 1.0).abs() < 0.05,
            "one phone: {:?}",
            rows[3]
        );
        assert!(rows[3].out > 120);
        assert_eq!(rows[4].out, 40, "declared Wi-Fi");
        assert_eq!(rows[6].out, 59, "all but the first copy");
        assert_eq!(rows[7].out, 20, "teleporting");
        assert!(
            rows[1].before[1] / rows[0].before[1] > 1.25,
            "the mean is moved"
        );
        assert!(median(1) / honest < 1.12, "the median hardly");
    }
}
