//! The laws of a link, in virtual time.

use proptest::prelude::*;

use super::*;

fn spec(rate: Rate) -> Spec {
    Spec {
        rate,
        delay_us: 20_000,
        jitter_us: 0,
        loss: Loss {
            ratio: 0.0,
            burst: 1.0,
        },
        queue_bytes: 50_000,
        cross: None,
    }
}

/// Offers packets at a rate until `end`; what arrived, with its times.
fn offer(link: &mut Link, bytes: usize, rate: u64, end: Nanos) -> (Vec<Nanos>, Vec<Fate>) {
    let gap = bytes as u64 * 8 * SECOND / rate;
    let (mut now, mut out, mut fates) = (0, vec![], vec![]);
    while now < end {
        while let Some(at) = link.next_wakeup().filter(|at| *at <= now) {
            link.pop(at).unwrap();
            out.push(at);
        }
        fates.push(link.push(vec![0; bytes], now));
        now += gap;
    }
    while let Some(at) = link.next_wakeup() {
        link.pop(at).unwrap();
        out.push(at);
    }
    (out, fates)
}

fn count(fates: &[Fate], fate: Fate) -> f64 {
    fates.iter().filter(|other| **other == fate).count() as f64
}

#[test]
fn a_lone_packet_takes_sending_time_and_delay() {
    let mut link = Link::new(spec(Rate::Constant(12_000_000)), 1);
    link.push(vec![0; 1500], 5);
    // 1500 bytes at 12 Mbit/s are 1 ms.
    let due = 5 + MILLISECOND + 20 * MILLISECOND;
    assert_eq!(link.next_wakeup(), Some(due));
    assert!(link.pop(due - 1).is_none());
    assert_eq!(link.pop(due).unwrap().0, due);
}

#[test]
fn the_rate_is_held_exactly() {
    // A rate that no packet divides: rounding must not add up.
    let rate = 77_777_777;
    let mut link = Link::new(spec(Rate::Constant(rate)), 1);
    let (out, _) = offer(&mut link, 1500, 2 * rate, 10 * SECOND);
    let sent = out.len() as u128 * 1500 * 8;
    let first = u128::from(20 * MILLISECOND);
    let last = u128::from(*out.last().unwrap()) - first;
    assert_eq!(last, (sent * u128::from(SECOND)).div_ceil(u128::from(rate)));
}

#[test]
fn loss_comes_as_often_as_asked() {
    for burst in [1.0, 5.0] {
        let mut spec = spec(Rate::Constant(1_000_000_000));
        spec.loss = Loss { ratio: 0.02, burst };
        let (_, fates) = offer(&mut Link::new(spec, 7), 1000, 100_000_000, 10 * SECOND);
        let share = count(&fates, Fate::Lost) / fates.len() as f64;
        assert!((share - 0.02).abs() < 0.002, "burst {burst}: {share}");
        let runs = fates
            .windows(2)
            .filter(|w| w[0] != Fate::Lost && w[1] == Fate::Lost)
            .count();
        let mean = count(&fates, Fate::Lost) / runs as f64;
        assert!((mean / burst - 1.0).abs() < 0.1, "burst {burst}: {mean}");
    }
}

#[test]
fn a_boost_ends_after_its_bytes() {
    let rate = Rate::Boost {
        fast: 100_000_000,
        bytes: 12_500_000,
        then: 20_000_000,
    };
    let mut link = Link::new(spec(rate), 1);
    // One second of boost, then four of 20 Mbit/s.
    assert_eq!(
        link.carries(3 * SECOND, 8 * SECOND),
        12_500_000 + 10_000_000
    );
    let (out, _) = offer(&mut link, 1250, 200_000_000, 5 * SECOND);
    let got = out
        .iter()
        .filter(|at| **at <= 5 * SECOND + 20 * MILLISECOND)
        .count()
        * 1250;
    assert!(got.abs_diff(22_500_000) <= 1250, "{got}");
}

#[test]
fn a_policer_drops_what_is_above_its_rate() {
    let rate = Rate::Policer {
        line: 100_000_000,
        rate: 20_000_000,
        bucket_bytes: 500_000,
    };
    let mut link = Link::new(spec(rate), 1);
    let (out, fates) = offer(&mut link, 1000, 80_000_000, 10 * SECOND);
    assert_eq!(count(&fates, Fate::Overflow), 0.0);
    let want = 500_000 + 25_000_000;
    assert!((out.len() * 1000).abs_diff(want) <= 2000, "{}", out.len());
    assert_eq!(link.carries(0, 10 * SECOND), want as u64);
}

#[test]
fn a_trace_is_followed_and_begins_where_the_seed_says() {
    let rates = vec![10_000_000, 20_000_000, 40_000_000];
    let mut sums = vec![];
    for seed in 0..20 {
        let mut link = Link::new(spec(Rate::Trace(rates.clone())), seed);
        assert_eq!(link.carries(0, 3 * SECOND), 70_000_000 / 8);
        sums.push(link.carries(0, SECOND));
    }
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums, [1_250_000, 2_500_000, 5_000_000]);
}

#[test]
fn a_radio_has_the_mean_it_was_given() {
    let rate = Rate::Radio {
        mean: 50_000_000,
        sigma: 0.3,
        rho: 0.9,
    };
    let mut link = Link::new(spec(rate), 3);
    let mean = link.carries(0, 2000 * SECOND) as f64 * 8.0 / 2000.0;
    assert!((mean / 50e6 - 1.0).abs() < 0.03, "{mean}");
}

#[test]
fn others_take_their_share() {
    let mut spec = spec(Rate::Constant(50_000_000));
    spec.cross = Some(Cross {
        rate: 20_000_000,
        on_ms: 500,
        off_ms: 500,
    });
    let mut link = Link::new(spec, 3);
    let left = link.carries(0, 10 * SECOND) as f64 * 8.0 / 10.0;
    assert!((left / 40e6 - 1.0).abs() < 0.02, "{left}");
    let (out, _) = offer(&mut link, 1500, 60_000_000, 10 * SECOND);
    let got = out.len() as f64 * 1500.0 * 8.0 / 10.0;
    assert!((0.99..1.01).contains(&(got / left)), "{got} of {left}");
}

#[test]
fn truth_says_when_data_began_and_what_fits_then() {
    let mut link = Link::new(spec(Rate::Constant(8_000_000)), 1);
    for at in 0..100 {
        link.push(vec![0; 60], at * MILLISECOND);
    }
    let start = 200 * MILLISECOND;
    for _ in 0..20 {
        link.push(vec![0; 1000], start);
    }
    while let Some(at) = link.next_wakeup() {
        link.pop(at).unwrap();
    }
    let truth = link.truth(SECOND);
    // Twenty packets of 1 ms, and the delay: acknowledgements do not begin a direction.
    assert_eq!(truth.begun, Some(start + 40 * MILLISECOND));
    assert_eq!(truth.could_carry_bytes, Some(10_000_000));
    assert_eq!(truth.delivered.iter().sum::<u64>(), 26_000);
    assert_eq!(truth.capacity.len(), 10);
    assert_eq!(truth.capacity[9], 100_000);
}

proptest! {
    #[test]
    fn nothing_overtakes_or_comes_early(seed: u64, jitter_us in 0_u64..20_000, offered in 1_u64..60) {
        let mut spec = spec(Rate::Radio { mean: 20_000_000, sigma: 0.5, rho: 0.9 });
        spec.jitter_us = jitter_us;
        let mut link = Link::new(spec, seed);
        let (out, fates) = offer(&mut link, 1500, offered * 1_000_000, SECOND);
        prop_assert!(out.is_sorted());
        prop_assert!(out.first().is_none_or(|at| *at >= 20 * MILLISECOND));
        prop_assert_eq!(out.len() as f64, count(&fates, Fate::Accepted));
    }

    #[test]
    fn the_queue_never_holds_more_than_it_may(
        seed: u64,
        queue_bytes in 1500_u64..200_000,
        sizes in prop::collection::vec((40_usize..1500, 0_u64..2_000_000), 1..300),
    ) {
        let mut spec = spec(Rate::Constant(5_000_000));
        spec.queue_bytes = queue_bytes;
        let mut link = Link::new(spec, seed);
        let mut now = 0;
        for (size, gap) in sizes {
            now += gap;
            link.push(vec![0; size], now);
            prop_assert!(link.queued_bytes <= queue_bytes);
            prop_assert_eq!(link.queued_bytes, link.queue.iter().map(|(_, bytes)| bytes).sum::<u64>());
        }
    }

    #[test]
    fn a_seed_gives_the_same_link_again(seed: u64) {
        let run = || {
            let mut spec = spec(Rate::Radio { mean: 10_000_000, sigma: 0.4, rho: 0.95 });
            spec.loss = Loss { ratio: 0.05, burst: 3.0 };
            spec.jitter_us = 3000;
            offer(&mut Link::new(spec, seed), 1500, 12_000_000, SECOND)
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_filled_link_delivers_its_capacity(seed: u64, rate in 1_000_000_u64..50_000_000) {
        for rate in [Rate::Constant(rate), Rate::Radio { mean: rate, sigma: 0.3, rho: 0.9 }] {
            let mut link = Link::new(spec(rate), seed);
            let want = link.carries(0, 2 * SECOND);
            let (out, _) = offer(&mut link, 500, 200_000_000, 2 * SECOND);
            let until = 2 * SECOND + 20 * MILLISECOND;
            let got = out.iter().filter(|at| **at <= until).count() as u64 * 500;
            prop_assert!(got.abs_diff(want) <= 1500, "{} of {}", got, want);
        }
    }
}
