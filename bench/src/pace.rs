//! How fast a bottleneck sends, and what others send through it.

use serde::{Deserialize, Serialize};

use crate::link::{MILLISECOND, Nanos, SECOND};
use crate::random::Random;

/// The rate of a bottleneck. Rates are bit/s of IP packets.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rate {
    Constant(u64),
    /// One rate a second, again from the front at the end; the seed chooses
    /// where it begins.
    Trace(Vec<u64>),
    /// The logarithm of the rate is an AR(1) process with a step of 100 ms.
    Radio {
        /// Mean rate.
        mean: u64,
        /// Standard deviation of the logarithm.
        sigma: f64,
        /// Correlation of one step with the next, 0 to 1.
        rho: f64,
    },
    /// The first `bytes` go faster.
    Boost {
        fast: u64,
        bytes: u64,
        then: u64,
    },
    /// A token bucket drops what is above `rate`; what it lets through is
    /// sent at `line`.
    Policer {
        line: u64,
        rate: u64,
        bucket_bytes: u64,
    },
}

/// Traffic of others: packets at random (Poisson) while it is on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cross {
    /// Rate while on, bit/s.
    pub(crate) rate: u64,
    pub(crate) on_ms: u64,
    pub(crate) off_ms: u64,
}

impl Cross {
    pub(crate) const PACKET_BYTES: u64 = 1500;

    pub(crate) fn with(self, seed: u64) -> Others {
        let mut others = Others {
            cross: self,
            random: Random::new(seed, 4),
            next: 0,
        };
        others.step();
        others
    }
}

/// Others' packets, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Others {
    cross: Cross,
    random: Random,
    next: Nanos,
}

impl Others {
    /// The time of the next packet, if it comes by `now`.
    pub(crate) fn next_until(&mut self, now: Nanos) -> Option<Nanos> {
        let next = self.next;
        (next <= now).then(|| {
            self.step();
            next
        })
    }

    /// Bytes from `from` until `to`, counted from the first packet on.
    pub(crate) fn bytes(mut self, from: Nanos, to: Nanos) -> u64 {
        let times = std::iter::from_fn(|| self.next_until(to));
        times.filter(|at| *at >= from).count() as u64 * Cross::PACKET_BYTES
    }

    fn step(&mut self) {
        let mean = Cross::PACKET_BYTES as f64 * 8e9 / self.cross.rate as f64;
        self.next += (self.random.exponential() * mean) as u64 + 1;
        let (on, off) = (self.cross.on_ms, self.cross.off_ms);
        let (on, period) = (on * MILLISECOND, (on + off) * MILLISECOND);
        if self.next % period >= on {
            self.next += period - self.next % period;
        }
    }
}

/// Step of the radio.
const STEP: Nanos = 100 * MILLISECOND;

/// A rate above zero, so that every packet leaves some day.
const LEAST: u64 = 10_000;

/// A bottleneck that runs. Amounts are bits × 10⁹ (bit/s × ns), so that no
/// rounding adds up.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    seed: u64,
    random: Random,
    /// The radio so far: state and rate of each step.
    state: f64,
    radio: Vec<u64>,
    /// When the last packet is gone.
    busy: Nanos,
    /// What the last nanosecond of it could still have sent.
    spare: u128,
    sent_bytes: u64,
    tokens: u128,
    filled: Nanos,
}

const fn amount(bytes: u64) -> u128 {
    bytes as u128 * 8 * SECOND as u128
}

const fn bytes(amount: u128) -> u64 {
    (amount / (8 * SECOND as u128)) as u64
}

impl Pace {
    pub(crate) fn new(rate: Rate, seed: u64) -> Self {
        let tokens = match rate {
            Rate::Policer { bucket_bytes, .. } => amount(bucket_bytes),
            _ => 0,
        };
        let mut random = Random::new(seed, 1);
        Self {
            state: random.normal(),
            random,
            rate,
            seed,
            radio: vec![],
            busy: 0,
            spare: 0,
            sent_bytes: 0,
            tokens,
            filled: 0,
        }
    }

    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether the policer lets a packet through; takes its tokens.
    pub(crate) fn police(&mut self, bytes: u64, now: Nanos) -> bool {
        let Rate::Policer {
            rate, bucket_bytes, ..
        } = self.rate
        else {
            return true;
        };
        self.tokens += u128::from(rate) * u128::from(now - self.filled);
        self.tokens = self.tokens.min(amount(bucket_bytes));
        self.filled = now;
        let left = self.tokens.checked_sub(amount(bytes));
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }

    /// Sends a packet behind all others; when it begins and when it is gone.
    pub(crate) fn send(&mut self, bytes: u64, now: Nanos) -> (Nanos, Nanos) {
        if now > self.busy {
            self.spare = 0;
            self.busy = now;
        }
        let begun = self.busy;
        let mut need = amount(bytes).saturating_sub(self.spare);
        self.spare = self.spare.saturating_sub(amount(bytes));
        while need > 0 {
            let (rate, until) = self.at(self.busy);
            let rate = u128::from(rate);
            let takes = need.div_ceil(rate);
            let left = u128::from(until - self.busy);
            if takes <= left {
                self.spare = takes * rate - need;
                self.busy += takes as u64;
                break;
            }
            need -= left * rate;
            self.busy = until;
        }
        self.sent_bytes += bytes;
        (begun, self.busy)
    }

    /// Bytes that leave until `to`, if the link is filled from `from` on.
    pub(crate) fn carries(&mut self, from: Nanos, to: Nanos) -> u64 {
        let time = u128::from(to.saturating_sub(from));
        match self.rate {
            Rate::Constant(rate) => bytes(u128::from(rate) * time),
            Rate::Boost {
                fast,
                bytes: first,
                then,
            } => {
                let quick = u128::from(fast) * time;
                let slow = quick.saturating_sub(amount(first)) * u128::from(then);
                bytes(quick.min(amount(first)) + slow / u128::from(fast))
            }
            Rate::Policer {
                line,
                rate,
                bucket_bytes,
            } => {
                let let_through = amount(bucket_bytes) + u128::from(rate) * time;
                bytes(let_through.min(u128::from(line) * time))
            }
            Rate::Trace(_) | Rate::Radio { .. } => self.integral(from, to),
        }
    }

    fn integral(&mut self, from: Nanos, to: Nanos) -> u64 {
        let (mut at, mut sum) = (from, 0);
        while at < to {
            let (rate, until) = self.at(at);
            let until = until.min(to);
            sum += u128::from(rate) * u128::from(until - at);
            at = until;
        }
        bytes(sum)
    }

    /// The rate at a time, and until when it holds.
    fn at(&mut self, now: Nanos) -> (u64, Nanos) {
        let (rate, until) = match &self.rate {
            Rate::Constant(rate) => (*rate, u64::MAX),
            Rate::Policer { line, .. } => (*line, u64::MAX),
            Rate::Boost { fast, bytes, then } => {
                let boosted = self.sent_bytes < *bytes;
                (if boosted { *fast } else { *then }, u64::MAX)
            }
            Rate::Trace(rates) => {
                let second = now / SECOND;
                let length = rates.len() as u64;
                let at = (Random::new(self.seed, 5).next() % length + second) % length;
                (rates[at as usize], (second + 1) * SECOND)
            }
            Rate::Radio { mean, sigma, rho } => {
                let (mean, sigma, rho) = (*mean as f64, *sigma, *rho);
                let step = now / STEP;
                while self.radio.len() as u64 <= step {
                    let log = sigma * self.state - sigma * sigma / 2.0;
                    self.radio.push((mean * log.exp()) as u64);
                    let fresh = (1.0 - rho * rho).sqrt() * self.random.normal();
                    self.state = rho * self.state + fresh;
                }
                (self.radio[step as usize], (step + 1) * STEP)
            }
        };
        (rate.max(LEAST), until)
    }
}
