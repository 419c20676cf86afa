//! How many packets are answered: of one prefix, and in all.

use metric::prefix::Prefix;
use metric::unit::Micros;
use wire::bounded::Bounded;

use super::count::Outcome;

/// Prefixes that are counted at most.
const PREFIXES: usize = 16_384;
/// How long a silent prefix is remembered; its credit is full by then.
const REMEMBERED: Micros = Micros(10_000_000);
/// What a packet costs; a rate of one packet a second earns 1 in a µs.
const PACKET: u64 = 1_000_000;
/// Least number of packets that may come at once.
const LEAST_BURST: u64 = 32;

/// Credit that grows with time (token bucket): a quarter of a second's packets
/// may come at once.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    credit: u64,
    at: Micros,
}

impl Bucket {
    fn full(rate: u32, now: Micros) -> Self {
        Self {
            credit: most(rate),
            at: now,
        }
    }

    fn take(&mut self, rate: u32, now: Micros) -> bool {
        let passed = now.0.saturating_sub(self.at.0);
        let earned = passed.saturating_mul(u64::from(rate));
        self.credit = self.credit.saturating_add(earned).min(most(rate));
        self.at = now;
        let enough = self.credit >= PACKET;
        if enough {
            self.credit -= PACKET;
        }
        enough
    }
}

fn most(rate: u32) -> u64 {
    (u64::from(rate) / 4).max(LEAST_BURST) * PACKET
}

/// The rates of one reflector.
#[derive(Debug)]
pub(super) struct Limiter {
    total_rate: u32,
    prefix_rate: u32,
    total: Bucket,
    prefixes: Bounded<Prefix, Bucket>,
}

impl Limiter {
    pub(super) fn new(total_rate: u32, prefix_rate: u32) -> Self {
        Self {
            total_rate,
            prefix_rate,
            total: Bucket::full(total_rate, Micros(0)),
            prefixes: Bounded::new(PREFIXES, REMEMBERED),
        }
    }

    /// Takes a packet of `prefix` into account at `now`, or says which rate it
    /// is beyond. A packet that its prefix has no credit for costs the others
    /// nothing.
    pub(super) fn allow(&mut self, prefix: Prefix, now: Micros) -> Result<(), Outcome> {
        let rate = self.prefix_rate;
        let bucket = self.prefixes.entry(prefix, now, || Bucket::full(rate, now));
        if !bucket.take(rate, now) {
            return Err(Outcome::PrefixRate);
        }
        if !self.total.take(self.total_rate, now) {
            return Err(Outcome::TotalRate);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn prefix(number: u32) -> Prefix {
        let [_, a, b, c] = number.to_be_bytes();
        Prefix::of(IpAddr::from([a, b, c, 1]))
    }

    /// Packets allowed of those that come every `gap` µs for ten seconds.
    fn allowed(limiter: &mut Limiter, gap: u64, of: impl Fn(u64) -> u32) -> usize {
        let packets = 10_000_000 / gap;
        (0..packets)
            .filter(|k| limiter.allow(prefix(of(*k)), Micros(k * gap)).is_ok())
            .count()
    }

    #[test]
    fn a_prefix_gets_its_rate_and_no_more() {
        let got = allowed(&mut Limiter::new(1_000_000, 1000), 100, |_| 1);
        assert!((10_000..=10_300).contains(&got), "{got}");
        assert_eq!(
            allowed(&mut Limiter::new(1_000_000, 1000), 2000, |_| 1),
            5000
        );
    }

    #[test]
    fn one_that_floods_does_not_take_the_others_share() {
        let mut limiter = Limiter::new(3000, 1000);
        let (mut flood, mut other) = (0, 0);
        for k in 0..100_000_u64 {
            let now = Micros(k * 100);
            flood += u32::from(limiter.allow(prefix(1), now).is_ok());
            if k % 20 == 0 {
                other += u32::from(limiter.allow(prefix(2), now).is_ok());
            }
        }
        assert_eq!(other, 5000, "every packet of one within its rate");
        assert!(flood <= 10_300, "{flood}");
    }

    #[test]
    fn many_together_get_the_rate_of_the_reflector() {
        let got = allowed(&mut Limiter::new(2000, 1000), 100, |k| {
            u32::try_from(k % 50_000).unwrap()
        });
        assert!((20_000..=20_600).contains(&got), "{got}");
    }

    #[test]
    fn which_rate_is_told() {
        let mut limiter = Limiter::new(100, 100);
        let now = Micros(0);
        while limiter.allow(prefix(1), now).is_ok() {}
        assert_eq!(limiter.allow(prefix(1), now), Err(Outcome::PrefixRate));
        assert_eq!(limiter.allow(prefix(2), now), Err(Outcome::TotalRate));
    }
}
