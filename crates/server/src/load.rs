//! How much a site carries: payload per second, over the last two seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wire::roster::spec::FULL_PERCENT;

use crate::session::Direction;

/// Length of a slot; the window is as long as all of them but the running one.
const SLOT: Duration = Duration::from_millis(250);
const SLOTS: usize = 9;

/// Counts what a site moves. All measuring connections share one.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    /// Number of the running slot since the beginning.
    slot: u128,
    /// Bytes sent and received, by slot number modulo [`SLOTS`].
    bytes: [[u64; 2]; SLOTS],
    /// The same since the beginning.
    totals: [u64; 2],
}

/// What a site carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Load {
    /// Sessions that run.
    pub sessions: u32,
    /// Payload it sends.
    pub sent_bits_per_second: u64,
    /// Payload it receives.
    pub received_bits_per_second: u64,
    /// Load of the line, per cent of its capacity, the busier way; 0 where the
    /// capacity is not told.
    pub utilisation_percent: u32,
}

impl Load {
    /// Whether the line has no room for one more test.
    pub const fn is_full(&self) -> bool {
        self.utilisation_percent >= FULL_PERCENT
    }
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            began: now,
            window: Mutex::default(),
        }
    }

    /// Counts payload that was moved.
    pub(crate) fn moved(&self, now: Instant, direction: Direction, bytes: u64) {
        let slot = self.slot(now);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(slot);
        let way = match direction {
            Direction::Download => 0,
            Direction::Upload => 1,
        };
        window.bytes[index(slot)][way] += bytes;
        window.totals[way] += bytes;
    }

    /// Payload sent and received since the beginning, bytes.
    pub(crate) fn totals(&self) -> [u64; 2] {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.totals
    }

    /// The load now; `capacity` in bit/s each way.
    pub(crate) fn load(&self, now: Instant, sessions: usize, capacity: Option<u64>) -> Load {
        let slot = self.slot(now);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(slot);
        let [sent, received] = window.rates(slot);
        drop(window);
        let busier = sent.max(received);
        let percent = capacity.map_or(0, |capacity| {
            (u128::from(busier) * 100).div_ceil(u128::from(capacity.max(1)))
        });
        Load {
            sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
            sent_bits_per_second: sent,
            received_bits_per_second: received,
            utilisation_percent: u32::try_from(percent).unwrap_or(u32::MAX),
        }
    }

    fn slot(&self, now: Instant) -> u128 {
        now.duration_since(self.began).as_millis() / SLOT.as_millis()
    }
}

impl Window {
    /// Empties the slots that have begun since.
    fn advance(&mut self, slot: u128) {
        let begun = slot.saturating_sub(self.slot).min(SLOTS as u128);
        for back in 0..begun {
            self.bytes[index(slot - back)] = [0; 2];
        }
        self.slot = self.slot.max(slot);
    }

    /// Bit/s over the slots that are over.
    fn rates(&self, running: u128) -> [u64; 2] {
        let whole = (SLOTS as u64 - 1) * u64::try_from(SLOT.as_millis()).unwrap_or(250);
        [0, 1].map(|way| {
            let all: u64 = self.bytes.iter().map(|slot| slot[way]).sum();
            let past = all - self.bytes[index(running)][way];
            past.saturating_mul(8000) / whole
        })
    }
}

fn index(slot: u128) -> usize {
    usize::try_from(slot % SLOTS as u128).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_that_rate_whatever_the_phase() {
        let began = net::now();
        let meter = Meter::new(began);
        let capacity = Some(100_000_000);
        for step in 0..1000_u64 {
            // 12.5 kB each 10 ms is 10 Mbit/s.
            let now = began + Duration::from_millis(10 * step);
            meter.moved(now, Direction::Upload, 12_500);
            if step > 300 {
                let load = meter.load(now, 3, capacity);
                let rate = load.received_bits_per_second;
                assert!((9_900_000..=10_100_000).contains(&rate), "{step}: {rate}");
                assert_eq!((load.sessions, load.sent_bits_per_second), (3, 0));
                assert!((10..=11).contains(&load.utilisation_percent));
            }
        }
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let began = net::now();
        let meter = Meter::new(began);
        meter.moved(began, Direction::Download, 1_000_000);
        let load = |millis| meter.load(began + Duration::from_millis(millis), 0, Some(1_000_000));
        assert!(load(300).is_full());
        assert_eq!(load(300).sent_bits_per_second, 4_000_000);
        assert_eq!(load(2_300).sent_bits_per_second, 0);
        assert_eq!(load(1_000_000_000).utilisation_percent, 0);
    }
}
