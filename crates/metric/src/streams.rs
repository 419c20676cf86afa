//! How many streams a direction wants: edition 1 of the schedule.
//!
//! One stream understates a path with loss or long delay (Bauer et al. 2010;
//! Feamster & Livingood 2020), many are a burden to a slow one and too few do
//! not fill a fast one. Integer arithmetic over complete bins, so that a
//! browser and the command line open the same streams; both are held to
//! `testdata/method/streams.json`.
//!
//! Source: docs/METHODOLOGY.md, "Streams".

use crate::bins::BIN;
use crate::unit::Micros;

/// Constants of edition 1.
pub mod spec {
    use crate::unit::{BitRate, Micros};

    /// Streams opened at once.
    pub const FIRST: u8 = 2;
    /// Most streams of a direction, and what a site takes.
    pub const MOST: u8 = 16;
    /// Time between the early streams that follow the first.
    pub const STAGGER: Micros = Micros(200_000);
    /// A link that has not carried more than this keeps its first streams.
    pub const SLOW: BitRate = BitRate(2_000_000);
    /// Bins over which a link must have been faster than [`SLOW`].
    pub const SLOW_BINS: usize = 2;
    /// Bin count of the first look at growth, …
    pub const GROWTH_FROM_BINS: usize = 10;
    /// … and bins between looks; each compares the last so many with those before.
    pub const GROWTH_BINS: usize = 5;
    /// A rate still grows when it is at least so many tenths of the one before.
    pub const GROWTH_TENTHS: u128 = 11;
    /// From this rate, while it grows, …
    pub const FAST: BitRate = BitRate(300_000_000);
    /// … a direction wants so many streams.
    pub const FAST_STREAMS: u8 = 6;
    /// From this rate, growing or not, …
    pub const VERY_FAST: BitRate = BitRate(1_000_000_000);
    /// … it wants so many, …
    pub const VERY_FAST_STREAMS: u8 = 8;
    /// … and so many more at each look at which it still grows.
    pub const VERY_FAST_STEP: u8 = 4;
}

/// Streams wanted by now, from 1 to 16.
///
/// - Definition: two at once; one more every 200 ms up to `early` once two
///   neighbouring bins carried more than 2 Mbit/s; at 1 s and every 0.5 s after
///   it, 6 if the last 0.5 s carried 300 Mbit/s and 10 % more than the 0.5 s
///   before, 8 if it carried 1 Gbit/s, and 4 more (16 at most) at each later
///   such look at which it still grows.
/// - Shape: complete bins in order of time; `elapsed` since the first stream
///   opened; `early` is what the site allows early (`parameters.streams`).
/// - Law: more bins or a later time never want fewer.
pub fn wanted(early: u8, bins: &[u64], elapsed: Micros) -> u8 {
    early_streams(early, bins, elapsed)
        .max(fast_streams(bins))
        .clamp(1, spec::MOST)
}

/// The first streams, and those that follow once the link is known not to be slow.
fn early_streams(early: u8, bins: &[u64], elapsed: Micros) -> u8 {
    let is_fast = |bins: &[u64]| exceeds(bins, spec::SLOW.0);
    let first = spec::FIRST.min(early);
    let Some(at) = bins.windows(spec::SLOW_BINS).position(is_fast) else {
        return first;
    };
    let known = Micros((at + spec::SLOW_BINS) as u64 * BIN.0);
    let Some(since) = elapsed.0.checked_sub(known.0.max(spec::STAGGER.0)) else {
        return first;
    };
    let more = u8::try_from(1 + since / spec::STAGGER.0).unwrap_or(u8::MAX);
    first.saturating_add(more).min(early)
}

/// What the looks at growth ask for; 0 when they ask for nothing.
fn fast_streams(bins: &[u64]) -> u8 {
    let looks = (spec::GROWTH_FROM_BINS..=bins.len()).step_by(spec::GROWTH_BINS);
    looks.fold(0, |streams: u8, end| {
        let (before, last) = bins[end - 2 * spec::GROWTH_BINS..end].split_at(spec::GROWTH_BINS);
        let grows = 10 * sum(last) >= spec::GROWTH_TENTHS * sum(before);
        let asked = if reaches(last, spec::VERY_FAST.0) {
            let more = grows && streams >= spec::VERY_FAST_STREAMS;
            let step = if more { spec::VERY_FAST_STEP } else { 0 };
            spec::VERY_FAST_STREAMS.max(streams.saturating_add(step))
        } else if grows && reaches(last, spec::FAST.0) {
            spec::FAST_STREAMS
        } else {
            0
        };
        streams.max(asked).min(spec::MOST)
    })
}

/// Whether some bins carried at least a rate, in bit/s.
fn reaches(bins: &[u64], rate: u64) -> bool {
    sum(bins) >= at_rate(bins, rate)
}

/// Whether some bins carried more than a rate, in bit/s.
fn exceeds(bins: &[u64], rate: u64) -> bool {
    sum(bins) > at_rate(bins, rate)
}

/// Bytes of as many bins at a rate.
fn at_rate(bins: &[u64], rate: u64) -> u128 {
    u128::from(rate) * u128::from(BIN.0) * bins.len() as u128 / 8_000_000
}

fn sum(bins: &[u64]) -> u128 {
    bins.iter().map(|&bytes| u128::from(bytes)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(bins: usize) -> Micros {
        Micros(bins as u64 * BIN.0)
    }

    /// Streams wanted when 0, 1, 2, … bins are complete.
    fn course(early: u8, bins: &[u64]) -> Vec<u8> {
        let wanted = |n| wanted(early, &bins[..n], at(n));
        (0..=bins.len()).map(wanted).collect()
    }

    /// Bins for the golden file: name, early streams, bins.
    fn cases() -> Vec<(&'static str, u8, Vec<u64>)> {
        let mbit = |rate: u64| rate * 12_500;
        let growing = |from: u64, tenths: u64| {
            let mut rate = mbit(from);
            let next = move |_| {
                rate = rate * tenths / 10;
                rate
            };
            (0..40).map(next).collect::<Vec<u64>>()
        };
        vec![
            ("silence", 4, vec![0; 30]),
            ("1 Mbit/s keeps two", 4, vec![mbit(1); 30]),
            ("exactly 2 Mbit/s keeps two", 4, vec![mbit(2); 30]),
            ("50 Mbit/s", 4, vec![mbit(50); 30]),
            (
                "first byte late",
                4,
                [vec![0; 9], vec![mbit(50); 21]].concat(),
            ),
            (
                "one burst on a slow link",
                4,
                [vec![mbit(1); 5], vec![mbit(3)], vec![mbit(1); 24]].concat(),
            ),
            ("steady 400 Mbit/s", 4, vec![mbit(400); 30]),
            (
                "growing to 400 Mbit/s",
                4,
                (1..=40).map(|i| mbit(400.min(20 * i))).collect(),
            ),
            ("steady 2 Gbit/s", 4, vec![mbit(2_000); 30]),
            ("growing without end", 4, growing(20, 13)),
            ("growing slowly", 4, growing(500, 10)),
            (
                "fast, then slow",
                4,
                [vec![mbit(1_500); 12], vec![mbit(1); 18]].concat(),
            ),
            ("the site allows one", 1, vec![mbit(50); 30]),
            ("the site allows three", 3, vec![mbit(50); 30]),
            (
                "the site allows more than there are",
                200,
                vec![mbit(50); 40],
            ),
        ]
    }

    #[test]
    fn golden_vectors_hold() {
        let each = |(name, early, bins): &(&str, u8, Vec<u64>)| json!({"name": name, "early_streams": early, "bins_bytes": bins, "want": course(*early, bins)});
        let now: Vec<Value> = cases().iter().map(each).collect();
        let golden = include_str!("../../../testdata/method/streams.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        assert!(
            golden == Value::Array(now),
            "the method changed: that takes a new edition"
        );
    }

    #[test]
    fn the_early_streams_follow_every_200_ms() {
        let bins = [625_000; 10];
        let want = |ms: u64| {
            wanted(
                4,
                &bins[..usize::try_from(ms / 100).unwrap()],
                Micros(ms * 1000),
            )
        };
        assert_eq!([0, 199, 200, 399, 400, 900].map(want), [2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn a_slow_link_keeps_two() {
        assert_eq!(wanted(4, &[25_000; 100], at(100)), 2);
        assert_eq!(wanted(4, &[25_001; 100], at(100)), 4);
    }

    #[test]
    fn growth_is_what_asks_for_six() {
        let bins = |last| [vec![4_000_000; 5], vec![last; 5]].concat();
        assert_eq!(wanted(4, &bins(4_000_000), at(10)), 4);
        assert_eq!(wanted(4, &bins(4_399_999), at(10)), 4);
        assert_eq!(wanted(4, &bins(4_400_000), at(10)), 6);
    }

    #[test]
    fn a_gigabit_asks_for_eight_and_more_while_it_grows() {
        let mut bins = vec![12_500_000; 10];
        assert_eq!(wanted(4, &bins, at(10)), 8);
        for (rate, want) in [(14, 12), (14, 12), (16, 16), (18, 16)] {
            bins.extend([rate * 1_000_000; 5]);
            assert_eq!(wanted(4, &bins, at(bins.len())), want);
        }
    }

    proptest! {
        #[test]
        fn it_never_falls(bins in proptest::collection::vec(0_u64..30_000_000, 0..80), cut in 0_usize..80, early in any::<u8>(), late_us in 0_u64..1_000_000) {
            let cut = cut.min(bins.len());
            let (first, then) = (wanted(early, &bins[..cut], at(cut)), wanted(early, &bins, at(bins.len())));
            let later = wanted(early, &bins, Micros(at(bins.len()).0 + late_us));
            prop_assert!(1 <= first && first <= then && then <= later && later <= spec::MOST);
        }

        #[test]
        fn absurd_bins_are_no_reason_to_panic(bins in proptest::collection::vec(any::<u64>(), 0..160), early in any::<u8>(), elapsed in any::<u64>()) {
            prop_assert!((1..=spec::MOST).contains(&wanted(early, &bins, Micros(elapsed))));
        }
    }
}
