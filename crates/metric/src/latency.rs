//! What a sample of round-trip delays says: its quantiles, how much they vary
//! (RFC 5481), how much a load adds, and responsiveness.

use serde::{Deserialize, Serialize};

use crate::delay::{Delay, Percent, Probes, percentile};
use crate::unit::Micros;

/// The statistics of one sample of round-trip delays. What is undefined is absent.
///
/// Each follows one law, named at its function; all are in µs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Latency {
    /// Least delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_us: Option<Micros>,
    /// Median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_us: Option<Micros>,
    /// 95 % quantile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_us: Option<Micros>,
    /// [`ipdv_mean_abs`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipdv_mean_abs_us: Option<Micros>,
    /// [`pdv_p95`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdv_p95_us: Option<Micros>,
}

impl Latency {
    /// The statistics of a sample; all absent when its counts do not agree.
    pub fn of(probes: &Probes) -> Self {
        if !probes.is_consistent() {
            return Self::default();
        }
        let sample = probes.sample();
        let quantile = |p| percentile(&sample, p).defined();
        Self {
            min_us: min(&sample),
            median_us: quantile(MEDIAN),
            p95_us: quantile(P95),
            ipdv_mean_abs_us: ipdv_mean_abs(&probes.rtt_us),
            pdv_p95_us: pdv_p95(&sample),
        }
    }
}

const MEDIAN: Percent = Percent::new(50).expect("50 is at most 100");
const P95: Percent = Percent::new(95).expect("95 is at most 100");

/// Least defined delay of a sample; `None` when there is none.
pub fn min(sample: &[Delay]) -> Option<Micros> {
    sample.iter().filter_map(Delay::defined).min()
}

/// Mean absolute inter-packet delay variation of round trips.
///
/// - Unit: µs, rounded down.
/// - Definition: mean of `|d(i) − d(i−1)|` over the pairs that the selection
///   function takes: each answered probe with the answered probe sent next.
///   Lost probes between the two are passed over, because a difference to an
///   undefined delay is undefined.
/// - Shape: `answered` in order of sending; `None` below two.
/// - Source: RFC 3393 (one-way there, round-trip here); RFC 5481 §4.1.
pub fn ipdv_mean_abs(answered: &[u32]) -> Option<Micros> {
    let pairs = answered.windows(2);
    let count = u64::try_from(pairs.len()).ok().filter(|&n| n > 0)?;
    let sum: u64 = pairs.map(|pair| u64::from(pair[0].abs_diff(pair[1]))).sum();
    Some(Micros(sum / count))
}

/// 95 % quantile of the packet delay variation.
///
/// - Unit: µs.
/// - Definition: `PDV(i) = d(i) − min d`; its 95 % quantile, which is that of
///   the delays less their minimum. Lost probes count as longer than any other,
///   so a sample that lost more than a twentieth has none.
/// - Shape: order does not matter; `None` for an empty sample.
/// - Source: RFC 5481 §4.2; RFC 7679 §5.1.
pub fn pdv_p95(sample: &[Delay]) -> Option<Micros> {
    let high = percentile(sample, P95).defined()?;
    Some(Micros(high.0.saturating_sub(min(sample)?.0)))
}

/// How much longer the median round trip is under load, µs; below zero when
/// the load made nothing longer. `None` unless both medians are defined.
pub fn working_increase(idle: Option<Micros>, working: Option<Micros>) -> Option<i64> {
    let signed = |rtt: Option<Micros>| i64::try_from(rtt?.0).ok();
    signed(working)?.checked_sub(signed(idle)?)
}

/// Responsiveness in round trips per minute: how many of the median working
/// round trips fit into 60 s.
///
/// - Unit: 1/min, rounded down.
/// - Definition: `60 s / median working_rtt`, of probes on a connection or port
///   of their own while the test's own load runs.
/// - Source: the idea and the unit are draft-ietf-ippm-responsiveness's; the
///   figure is not its RPM, which is the mean of a *foreign* part (new
///   connections: TCP, TLS and HTTP handshakes) and a *self* part (requests on
///   the loaded connections themselves), both trimmed by the worst 5 %, under
///   loads of both directions. Ours sees the network's queues alone, and is
///   therefore higher where the end hosts' own buffers are long.
pub fn responsiveness(working: Option<Micros>) -> Option<u64> {
    60_000_000_u64.checked_div(working?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn probes(rtt_us: &[u32], lost: u32) -> Probes {
        let received = u32::try_from(rtt_us.len()).unwrap();
        Probes {
            sent: received + lost,
            received,
            rtt_us: rtt_us.to_vec(),
        }
    }

    #[test]
    fn golden_samples() {
        let text = include_str!("../../../testdata/method/latency.json");
        let golden: Vec<Value> = serde_json::from_str(text).unwrap();
        assert!(golden.len() >= 6);
        for case in golden {
            let probes: Probes = serde_json::from_value(case["probes"].clone()).unwrap();
            let want: Latency = serde_json::from_value(case["latency"].clone()).unwrap();
            assert_eq!(Latency::of(&probes), want, "{}", case["name"]);
        }
    }

    #[test]
    fn a_claim_that_does_not_add_up_says_nothing() {
        let mut claim = probes(&[1, 2, 3], 0);
        claim.received = 2;
        assert_eq!(Latency::of(&claim), Latency::default());
    }

    #[test]
    fn responsiveness_counts_round_trips() {
        assert_eq!(responsiveness(Some(Micros(60_000))), Some(1000));
        assert_eq!(responsiveness(Some(Micros(0))), None);
        assert_eq!(responsiveness(None), None);
    }

    #[test]
    fn an_increase_needs_both_ends_and_may_be_negative() {
        let us = |us| Some(Micros(us));
        assert_eq!(working_increase(us(10), us(45)), Some(35));
        assert_eq!(working_increase(us(45), us(10)), Some(-35));
        assert_eq!(working_increase(None, us(10)), None);
        assert_eq!(working_increase(us(10), None), None);
    }

    proptest! {
        #[test]
        fn a_constant_shift_moves_quantiles_and_no_variation(
            rtts in proptest::collection::vec(0_u32..1_000_000, 2..60),
            lost in 0_u32..4,
            shift in 0_u32..1_000_000,
        ) {
            let shifted: Vec<_> = rtts.iter().map(|rtt| rtt + shift).collect();
            let (before, after) = (Latency::of(&probes(&rtts, lost)), Latency::of(&probes(&shifted, lost)));
            let moved = |us: Option<Micros>| us.map(|us| Micros(us.0 + u64::from(shift)));
            prop_assert_eq!(after.median_us, moved(before.median_us));
            prop_assert_eq!(after.min_us, moved(before.min_us));
            prop_assert_eq!(after.ipdv_mean_abs_us, before.ipdv_mean_abs_us);
            prop_assert_eq!(after.pdv_p95_us, before.pdv_p95_us);
        }

        #[test]
        fn the_way_back_varies_as_the_way_there(rtts in proptest::collection::vec(0_u32..1_000_000, 0..60)) {
            let reversed: Vec<_> = rtts.iter().rev().copied().collect();
            prop_assert_eq!(ipdv_mean_abs(&rtts), ipdv_mean_abs(&reversed));
        }

        #[test]
        fn quantiles_are_in_order(rtts in proptest::collection::vec(0_u32..1_000_000, 1..60), lost in 0_u32..20) {
            let of = Latency::of(&probes(&rtts, lost));
            let beyond = |us: Option<Micros>| us.map_or(u64::MAX, |us| us.0);
            prop_assert!(beyond(of.min_us) <= beyond(of.median_us));
            prop_assert!(beyond(of.median_us) <= beyond(of.p95_us));
        }
    }
}
