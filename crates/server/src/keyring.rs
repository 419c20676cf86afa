//! The keys that sign tokens: made here, changed every hour, never written
//! down. A token lives 90 s and its session is in memory, so nothing is lost
//! with them, and the key of the receipts signs receipts alone.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metric::key::{PublicKey, SiteKey};

/// How long a key signs.
const SIGNS: Duration = Duration::from_secs(3600);
/// How long one that signs no more is still known: longer than any session and
/// the time its receipt is kept.
const KNOWN: Duration = Duration::from_secs(300);

/// The keys in use, the one that signs last.
#[derive(Debug, Default)]
pub(crate) struct Keyring(Mutex<Vec<(Instant, SiteKey)>>);

impl Keyring {
    /// The key that signs now; a new one, made of `seed`, when there is none
    /// or its hour is over.
    pub(crate) fn signing<E>(
        &self,
        now: Instant,
        seed: impl FnOnce() -> Result<[u8; 32], E>,
    ) -> Result<SiteKey, E> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = keys
            .last()
            .filter(|(made, _)| now.duration_since(*made) < SIGNS);
        if let Some((_, key)) = current {
            return Ok(key.clone());
        }
        keys.retain(|(made, _)| now.duration_since(*made) < SIGNS + KNOWN);
        let key = SiteKey::from_seed(&seed()?);
        keys.push((now, key.clone()));
        Ok(key)
    }

    /// The key of an id, while tokens by it may be shown.
    pub(crate) fn known(&self, id: &str) -> Option<PublicKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = keys.iter().map(|(_, key)| key.public());
        known.find(|key| key.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn a_key_signs_an_hour_and_is_known_a_little_longer() {
        let start = net::now();
        let ring = Keyring::default();
        let at = |seconds, seed| {
            let now = start + Duration::from_secs(seconds);
            let key = ring.signing(now, || Ok::<_, Infallible>([seed; 32]));
            key.unwrap().public()
        };
        let first = at(0, 1);
        assert_eq!(at(3599, 9), first);
        let second = at(3600, 2);
        assert_ne!(second, first);
        assert_eq!(ring.known(&first.id()), Some(first));
        assert_eq!(at(3600 + 3600, 3), at(7200, 9));
        assert_eq!(ring.known(&first.id()), None);
        assert_eq!(ring.known(&second.id()), Some(second));
    }
}
