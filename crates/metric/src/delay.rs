//! Delay: singleton, sample, statistic (RFC 2330 §11).

use serde::{Deserialize, Serialize};

use crate::loss::Loss;
use crate::unit::Micros;

/// One singleton: the round-trip delay of one probe, or undefined when none
/// came back within the waiting time (RFC 2681, RFC 7679).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delay {
    /// The answer arrived after this long.
    Defined(Micros),
    /// Lost, corrupt, or later than the waiting time.
    Undefined,
}

/// A sample of round-trip delays as it travels: how many were sent, and the
/// delays of those answered, in order of sending.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// Probes sent.
    pub sent: u32,
    /// Probes answered in time; the length of `rtt_us`.
    pub received: u32,
    /// Round-trip delay of each answered probe, in µs; empty when none was.
    pub rtt_us: Vec<u32>,
}

impl Probes {
    /// Adds one singleton.
    pub fn push(&mut self, delay: Delay) {
        self.sent += 1;
        if let Delay::Defined(rtt) = delay {
            self.received += 1;
            self.rtt_us.push(u32::try_from(rtt.0).unwrap_or(u32::MAX));
        }
    }

    /// Whether the counts agree with the list and are such as a test can have.
    pub fn is_consistent(&self) -> bool {
        usize::try_from(self.received) == Ok(self.rtt_us.len())
            && self.received <= self.sent
            && self.sent <= MAX_PROBES
    }

    /// Median of the sample; `None` when it is undefined or not consistent.
    pub fn median(&self) -> Option<Micros> {
        self.is_consistent().then(|| median(&self.sample()))?
    }

    /// The sample: defined singletons first, then the lost ones.
    pub fn sample(&self) -> Vec<Delay> {
        let lost = self.sent.saturating_sub(self.received);
        self.rtt_us
            .iter()
            .map(|&us| Delay::Defined(Micros(u64::from(us))))
            .chain((0..lost).map(|_| Delay::Undefined))
            .collect()
    }
}

/// A sample of round-trip delays by UDP, with what is known of the way each
/// loss went. What was lost and stands in neither direction was lost on a way
/// that nobody can tell.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UdpProbes {
    /// Probes sent.
    pub sent: u32,
    /// Probes answered in time; the length of `rtt_us`.
    pub received: u32,
    /// Round-trip delay of each answered probe in order of sending, without
    /// the time it spent in the reflector, in µs.
    pub rtt_us: Vec<u32>,
    /// Probes that never reached the site; absent when the reflector does not
    /// count for itself (RFC 8762 §4.2, stateless).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_forward: Option<u32>,
    /// Answers that never came back; absent likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_backward: Option<u32>,
}

impl UdpProbes {
    /// The sample as round trips alone.
    pub fn probes(&self) -> Probes {
        Probes {
            sent: self.sent,
            received: self.received,
            rtt_us: self.rtt_us.clone(),
        }
    }

    /// Whether the counts agree and are such as a test can have.
    pub fn is_consistent(&self) -> bool {
        let known = |lost: Option<u32>| u64::from(lost.unwrap_or(0));
        let lost = known(self.lost_forward) + known(self.lost_backward);
        usize::try_from(self.received) == Ok(self.rtt_us.len())
            && u64::from(self.received) + lost <= u64::from(self.sent)
            && self.sent <= MAX_PROBES
    }

    /// Loss of round trips; `None` when nothing was sent.
    pub fn loss(&self) -> Option<Loss> {
        Loss::new(self.sent, self.sent.checked_sub(self.received)?)
    }

    /// Loss on the way to the site, of all whose way is known; `None` when no
    /// packet's is.
    pub fn forward_loss(&self) -> Option<Loss> {
        let lost = self.lost_forward?;
        let reached = self.received.checked_add(self.lost_backward?)?;
        Loss::new(reached.checked_add(lost)?, lost)
    }

    /// Loss on the way back, of what reached the site; `None` when not known.
    pub fn backward_loss(&self) -> Option<Loss> {
        let lost = self.lost_backward?;
        Loss::new(self.received.checked_add(lost)?, lost)
    }
}

/// Most probes a sample may claim: a thousand a second for the longest session.
pub const MAX_PROBES: u32 = 120_000;

/// Percentile of a delay sample.
///
/// Undefined singletons count as longer than any defined one, so heavy loss
/// makes a high percentile undefined instead of flattering it.
///
/// - Unit: a span; serialized as integer microseconds, `*_us`.
/// - Definition: smallest `x` with `F(x) >= p`.
/// - Shape: order does not matter; undefined for an empty sample.
/// - Source: RFC 7679 §5.1, RFC 2330 §11.3.
pub fn percentile(sample: &[Delay], p: Percent) -> Delay {
    let mut defined: Vec<_> = sample.iter().filter_map(|d| d.defined()).collect();
    defined.sort_unstable();
    let rank = (sample.len() * usize::from(p.0)).div_ceil(100).max(1);
    defined
        .get(rank - 1)
        .copied()
        .map_or(Delay::Undefined, Delay::Defined)
}

/// Median of a delay sample; `None` when undefined. See [`percentile`].
pub fn median(sample: &[Delay]) -> Option<Micros> {
    percentile(sample, Percent(50)).defined()
}

/// A percent from 0 to 100.
#[derive(Clone, Copy, Debug)]
pub struct Percent(u8);

impl Percent {
    /// `None` above 100.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 100 {
            Some(Self(value))
        } else {
            None
        }
    }
}

impl Delay {
    /// The span, where there is one.
    pub const fn defined(&self) -> Option<Micros> {
        match *self {
            Self::Defined(d) => Some(d),
            Self::Undefined => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(defined: &[u64], lost: usize) -> Vec<Delay> {
        let defined = defined.iter().map(|&v| Delay::Defined(Micros(v)));
        defined
            .chain(std::iter::repeat_n(Delay::Undefined, lost))
            .collect()
    }

    #[track_caller]
    fn check(sample: &[Delay], p: u8, want: Option<u64>) {
        let got = percentile(sample, Percent::new(p).unwrap());
        assert_eq!(got.defined(), want.map(Micros));
    }

    #[test]
    fn percentiles() {
        check(&sample(&[1, 2, 3, 4], 0), 50, Some(2));
        check(&sample(&[4, 3, 2, 1], 0), 95, Some(4));
        check(&[], 50, None);
    }

    #[test]
    fn loss_pushes_high_percentiles_to_undefined() {
        let sample = sample(&[10, 11, 12], 1);
        check(&sample, 50, Some(11));
        check(&sample, 95, None);
    }

    #[test]
    fn half_lost_has_no_median() {
        assert_eq!(median(&sample(&[10, 11], 3)), None);
        assert_eq!(median(&sample(&[10, 11], 2)), Some(Micros(11)));
    }

    #[test]
    fn probes_travel_with_their_losses() {
        let mut probes = Probes::default();
        probes.push(Delay::Defined(Micros(7)));
        probes.push(Delay::Undefined);
        assert!(probes.is_consistent());
        assert_eq!(probes.sample(), sample(&[7], 1));
        assert_eq!(probes.median(), Some(Micros(7)));
    }

    fn by_udp(sent: u32, received: u32, lost: [u32; 2]) -> UdpProbes {
        UdpProbes {
            sent,
            received,
            rtt_us: vec![7; received as usize],
            lost_forward: Some(lost[0]),
            lost_backward: Some(lost[1]),
        }
    }

    #[test]
    fn each_way_is_judged_by_what_entered_it() {
        let probes = by_udp(100, 80, [10, 8]);
        assert!(probes.is_consistent());
        assert_eq!(probes.loss(), Loss::new(100, 20));
        assert_eq!(probes.forward_loss(), Loss::new(98, 10));
        assert_eq!(probes.backward_loss(), Loss::new(88, 8));
        let blocked = by_udp(20, 0, [0, 0]);
        assert_eq!(
            (blocked.forward_loss(), blocked.backward_loss()),
            (None, None)
        );
        assert_eq!(blocked.loss(), Loss::new(20, 20));
    }

    #[test]
    fn more_lost_than_sent_is_not_believed() {
        assert!(!by_udp(10, 5, [3, 3]).is_consistent());
        assert!(!by_udp(10, 5, [u32::MAX, u32::MAX]).is_consistent());
        assert!(!by_udp(u32::MAX, 0, [0, 0]).is_consistent());
    }

    #[test]
    fn a_sample_of_billions_is_not_believed() {
        let claimed = Probes {
            sent: u32::MAX,
            received: 1,
            rtt_us: vec![7],
        };
        assert!(!claimed.is_consistent());
        assert_eq!(claimed.median(), None);
    }
}
