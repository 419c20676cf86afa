//! Whether this device can keep up while a direction runs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use metric::bottleneck::{Lag, spec};
use metric::unit::Micros;
use tokio::task::JoinHandle;

use crate::direction::lock;

/// Watches this device: how late its timer wakes a task among those that
/// measure, and how much processor time they take.
#[derive(Debug)]
pub(crate) struct Watch {
    lag: Arc<Mutex<Lag>>,
    ticking: JoinHandle<()>,
    began: Instant,
    cpu: Option<Duration>,
}

/// What a [`Watch`] saw; absent where the system does not tell.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Watched {
    pub(crate) lag_share_per_mille: Option<u16>,
    pub(crate) cpu_share_per_mille: Option<u16>,
}

impl Watch {
    /// Begins to watch.
    pub(crate) fn start() -> Self {
        let lag = Arc::new(Mutex::new(Lag::default()));
        Self {
            ticking: tokio::spawn(tick(Arc::clone(&lag))),
            lag,
            began: net::now(),
            cpu: net::process::cpu_time(),
        }
    }

    /// Ends it.
    pub(crate) fn end(self) -> Watched {
        let wall = net::now().duration_since(self.began);
        Watched {
            lag_share_per_mille: lock(&self.lag).share_per_mille(),
            cpu_share_per_mille: self.cpu.and_then(|before| cpu_share(before, wall)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

/// Notices that this device slept: the gap between two looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wakefulness {
    last: Instant,
}

impl Wakefulness {
    /// A gap so long is sleep, and what was measured across it is void.
    const GAP: Duration = Duration::from_secs(2);

    pub(crate) const fn new(now: Instant) -> Self {
        Self { last: now }
    }

    /// Called at every look; false once the device has slept.
    pub(crate) fn is_awake(&mut self, now: Instant) -> bool {
        let slept = now.saturating_duration_since(self.last);
        self.last = now;
        slept < Self::GAP
    }
}

async fn tick(lag: Arc<Mutex<Lag>>) {
    loop {
        let asleep = net::now();
        tokio::time::sleep(spec::TICK.duration()).await;
        let slept = net::now().duration_since(asleep);
        lock(&lag).slept(Micros::from(slept));
    }
}

/// Processor time since `before`, in thousandths of what all processors had.
fn cpu_share(before: Duration, wall: Duration) -> Option<u16> {
    let used = net::process::cpu_time()?.checked_sub(before)?;
    let all = (wall * net::process::processors()?).as_micros();
    let share = (used.as_micros() * 1000).checked_div(all)?;
    u16::try_from(share.min(1000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_noticed() {
        let start = net::now();
        let mut wakefulness = Wakefulness::new(start);
        let mut at = |ms| wakefulness.is_awake(start + Duration::from_millis(ms));
        assert!(at(20) && at(2_019));
        assert!(!at(4_019), "two seconds ahead");
        assert!(at(4_039), "and awake again");
        assert!(at(1_000), "back is no sleep");
    }

    #[tokio::test]
    async fn a_blocked_program_is_late() {
        let watch = Watch::start();
        // Lets the watch fall asleep before its thread is held.
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(400));
        tokio::task::yield_now().await;
        let watched = loop {
            tokio::task::yield_now().await;
            let share = lock(&watch.lag).share_per_mille();
            if share.is_some() {
                break watch.end();
            }
        };
        assert!(watched.lag_share_per_mille >= Some(500), "{watched:?}");
        assert!(watched.cpu_share_per_mille <= Some(1000));
    }
}
