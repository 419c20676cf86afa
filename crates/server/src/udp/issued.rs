//! Session identifiers that were issued with sessions of our own protocol.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metric::prefix::Prefix;

/// How long an identifier is answered: the longest session, and the last answers.
const LIFETIME: Duration = Duration::from_secs(130);
/// Most identifiers at a time; half of all there are, so that one is found soon.
const MOST: usize = 32_768;

/// Identifiers, whose they are, and since when.
#[derive(Debug, Default)]
pub(super) struct Issued(Mutex<HashMap<u16, (Prefix, Instant)>>);

impl Issued {
    /// An identifier that nobody has; of the `random` octets, the first pair
    /// that is free. `None` when none is, or too many are out.
    pub(super) fn issue(&self, prefix: Prefix, random: [u8; 8], now: Instant) -> Option<u16> {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, (_, since)| now.duration_since(*since) < LIFETIME);
        if issued.len() >= MOST {
            return None;
        }
        let pairs = random.chunks_exact(2);
        let mut candidates = pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        // Zero says "no identifier" (RFC 8972 §3).
        let ssid = candidates.find(|ssid| *ssid != 0 && !issued.contains_key(ssid))?;
        issued.insert(ssid, (prefix, now));
        Some(ssid)
    }

    /// Whether an identifier was issued to a client of `prefix`.
    pub(super) fn holds(&self, ssid: u16, prefix: Prefix, now: Instant) -> bool {
        let issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued
            .get(&ssid)
            .is_some_and(|(of, since)| *of == prefix && now.duration_since(*since) < LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(last: u8) -> Prefix {
        Prefix::of(std::net::IpAddr::from([192, 0, last, 1]))
    }

    #[test]
    fn an_identifier_is_one_networks_for_a_while() {
        let issued = Issued::default();
        let now = net::now();
        let ssid = issued.issue(prefix(1), [0, 0, 1, 2, 3, 4, 5, 6], now);
        assert_eq!(ssid, Some(0x0102), "zero is never issued");
        assert!(issued.holds(0x0102, prefix(1), now));
        assert!(!issued.holds(0x0102, prefix(2), now));
        assert!(!issued.holds(0x0103, prefix(1), now));
        assert!(!issued.holds(0x0102, prefix(1), now + LIFETIME));
    }

    #[test]
    fn no_identifier_is_issued_twice_at_a_time() {
        let issued = Issued::default();
        let now = net::now();
        let next = |now| issued.issue(prefix(1), [0, 7, 0, 7, 0, 8, 0, 0], now);
        assert_eq!(next(now), Some(7));
        assert_eq!(next(now), Some(8));
        assert_eq!(next(now), None);
        assert_eq!(next(now + LIFETIME), Some(7));
    }
}
