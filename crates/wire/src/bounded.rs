//! A map that strangers may fill: bounded, forgetting what was not used for
//! longest, without a list to keep in order.

use std::collections::HashMap;
use std::hash::Hash;

use metric::unit::Micros;

/// A map of at most `capacity` entries in two generations: what is used moves
/// to the young one; when that is half the capacity or old enough, it becomes
/// the old one, and the old one is forgotten.
///
/// An entry is kept for at least the lifetime after its last use, unless more
/// than half the capacity is used meanwhile.
#[derive(Debug)]
pub struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
    lifetime: Micros,
    turned: Micros,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// An empty map of at most `capacity` entries (2 at least).
    pub fn new(capacity: usize, lifetime: Micros) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (capacity / 2).max(1),
            lifetime,
            turned: Micros(0),
        }
    }

    /// The entry of `key`, made by `new` where there is none; used at `now`.
    pub fn entry(&mut self, key: K, now: Micros, new: impl FnOnce() -> V) -> &mut V {
        self.turn(now);
        let Self { young, old, .. } = self;
        young
            .entry(key)
            .or_insert_with_key(|key| old.remove(key).unwrap_or_else(new))
    }

    /// The entry of `key`, used at `now`, where there is one.
    pub fn get(&mut self, key: &K, now: Micros) -> Option<&mut V>
    where
        K: Clone,
    {
        self.turn(now);
        if let Some(value) = self.old.remove(key) {
            self.young.insert(key.clone(), value);
        }
        self.young.get_mut(key)
    }

    /// Forgets `key`.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn turn(&mut self, now: Micros) {
        let age = now.0.saturating_sub(self.turned.0);
        if age >= self.lifetime.0 || self.young.len() >= self.half {
            let older_than_both = age >= self.lifetime.0.saturating_mul(2);
            self.old = std::mem::take(&mut self.young);
            if older_than_both {
                self.old.clear();
            }
            self.turned = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Micros = Micros(1_000_000);

    #[test]
    fn what_is_used_stays() {
        let mut map = Bounded::new(8, SECOND);
        for step in 0..100 {
            let now = Micros(step * 400_000);
            *map.entry("used", now, || 0) += 1;
            map.entry(if step % 2 == 0 { "even" } else { "odd" }, now, || 0);
        }
        assert_eq!(map.get(&"used", Micros(39_700_000)), Some(&mut 100));
    }

    #[test]
    fn what_is_not_used_for_two_lifetimes_is_gone() {
        let mut map = Bounded::new(8, SECOND);
        map.entry("a", Micros(0), || 1);
        assert!(map.get(&"a", Micros(900_000)).is_some());
        assert!(map.get(&"a", Micros(1_800_000)).is_some());
        assert!(map.get(&"a", Micros(4_000_000)).is_none());
    }

    proptest! {
        #[test]
        fn strangers_cannot_fill_it(keys in proptest::collection::vec(0_u32..10_000, 0..2000)) {
            let mut map = Bounded::new(64, SECOND);
            for (at, key) in keys.into_iter().enumerate() {
                map.entry(key, Micros(at as u64), || ());
                prop_assert!(map.len() <= 64);
            }
        }
    }
}
