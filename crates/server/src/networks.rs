//! What one network may take from a site in a day, and how many transfers it
//! may have at a time: a site is open to all, and nobody's alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use metric::prefix::Prefix;

/// Networks that are remembered in each of two generations, so that no flood
/// of addresses fills the memory: about 5 MB in all.
const REMEMBERED: usize = 32 * 1024;

/// What each network has taken today. Networks not seen for the longest are
/// forgotten first, and with them what they have taken.
#[derive(Debug)]
pub(crate) struct Networks {
    most_bytes_a_day: u64,
    remembered: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    day: i64,
    young: HashMap<Prefix, Taken>,
    old: HashMap<Prefix, Taken>,
}

/// What a network has taken.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    bytes: u64,
    transfers: usize,
    /// When it last took something, seconds since 1970.
    last: i64,
}

/// How long after its last transfer a client may still be in the same test,
/// seconds: foreign clients ask for one piece after another.
const SAME_TEST_SECONDS: i64 = 10;

impl Networks {
    /// `most_bytes_a_day` is what one network may take between two midnights UTC.
    pub(crate) fn new(most_bytes_a_day: u64) -> Self {
        Self {
            most_bytes_a_day,
            remembered: REMEMBERED,
            seen: Mutex::default(),
        }
    }

    /// Whether a network has taken all it may today.
    pub(crate) fn is_spent(&self, network: Prefix, now: Timestamp) -> bool {
        self.seen(now).of(network, self.remembered).bytes >= self.most_bytes_a_day
    }

    /// Counts what a network has taken.
    pub(crate) fn spend(&self, network: Prefix, bytes: u64, now: Timestamp) {
        let mut seen = self.seen(now);
        let taken = seen.of(network, self.remembered);
        taken.bytes = taken.bytes.saturating_add(bytes);
        taken.last = now.as_second();
    }

    /// Whether a network is in the middle of a test, as far as can be told.
    pub(crate) fn is_at_work(&self, network: Prefix, now: Timestamp) -> bool {
        let mut seen = self.seen(now);
        let taken = seen.of(network, self.remembered);
        taken.transfers > 0 || now.as_second() - taken.last <= SAME_TEST_SECONDS
    }

    /// A place for one more transfer of a network; `None` when it has `most`.
    pub(crate) fn enter(
        self: &Arc<Self>,
        network: Prefix,
        most: usize,
        now: Timestamp,
    ) -> Option<Visit> {
        let mut seen = self.seen(now);
        let taken = seen.of(network, self.remembered);
        if taken.transfers >= most {
            return None;
        }
        taken.transfers += 1;
        Some(Visit {
            networks: Arc::clone(self),
            network,
        })
    }

    fn seen(&self, now: Timestamp) -> MutexGuard<'_, Seen> {
        let mut seen = self.lock();
        let day = now.as_second().div_euclid(86_400);
        if seen.day != day {
            seen.day = day;
            let Seen { young, old, .. } = &mut *seen;
            for taken in young.values_mut().chain(old.values_mut()) {
                taken.bytes = 0;
            }
        }
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The account of a network, among the young from now on.
    fn of(&mut self, network: Prefix, remembered: usize) -> &mut Taken {
        if !self.young.contains_key(&network) {
            if self.young.len() >= remembered {
                self.age();
            }
            let known = self.old.remove(&network).unwrap_or_default();
            self.young.insert(network, known);
        }
        self.young.entry(network).or_default()
    }

    /// The young become old, and the old are forgotten but for those that
    /// have transfers now.
    fn age(&mut self) {
        let busy = self.old.drain().filter(|(_, taken)| taken.transfers > 0);
        let busy: HashMap<_, _> = busy.collect();
        self.old = std::mem::replace(&mut self.young, busy);
    }
}

/// A transfer of a network, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Visit {
    networks: Arc<Networks>,
    network: Prefix,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut seen = self.networks.lock();
        let taken = seen.of(self.network, self.networks.remembered);
        taken.transfers = taken.transfers.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn network(n: u32) -> Prefix {
        let [_, a, b, c] = n.to_be_bytes();
        Prefix::of([a, b, c, 0].into())
    }

    fn noon() -> Timestamp {
        "2024-11-08T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_network_may_take_so_much_a_day() {
        let networks = Networks::new(100);
        networks.spend(network(1), 99, noon());
        assert!(!networks.is_spent(network(1), noon()));
        networks.spend(network(1), 1, noon());
        assert!(networks.is_spent(network(1), noon()));
        assert!(!networks.is_spent(network(2), noon()));
        let midnight = noon() + SignedDuration::from_hours(12);
        assert!(!networks.is_spent(network(1), midnight));
    }

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let networks = Arc::new(Networks::new(1));
        let first = networks.enter(network(1), 2, noon()).unwrap();
        let _second = networks.enter(network(1), 2, noon()).unwrap();
        assert!(networks.enter(network(1), 2, noon()).is_none());
        assert!(networks.is_at_work(network(1), noon()));
        assert!(!networks.is_at_work(network(2), noon()));
        assert!(networks.enter(network(2), 2, noon()).is_some());
        drop(first);
        assert!(networks.enter(network(1), 2, noon()).is_some());
    }

    #[test]
    fn a_flood_of_networks_is_forgotten_but_not_who_is_at_work() {
        let networks = Arc::new(Networks {
            remembered: 10,
            ..Networks::new(100)
        });
        let visit = networks.enter(network(1), 1, noon()).unwrap();
        for n in 2..1000 {
            networks.spend(network(n), 100, noon());
            let seen = networks.lock();
            assert!(seen.young.len() + seen.old.len() <= 21);
        }
        assert!(networks.enter(network(1), 1, noon()).is_none());
        drop(visit);
        assert!(networks.enter(network(1), 1, noon()).is_some());
        assert!(
            networks.is_spent(network(999), noon()),
            "the last is remembered"
        );
        assert!(!networks.is_spent(network(2), noon()), "the first is not");
    }
}
