//! Tokens: `UUID_TIME_HMAC` (specification, "TOKEN").
//!
//! The control server makes them and the measurement server checks them with
//! the same key; here both are one process, whose key nobody else has. A token
//! is not bound to a network, because a client may ask by IPv6 and measure by
//! IPv4; it opens nothing that is not open to all, and limits of networks hold
//! for every connection by itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha1::Sha1;
use uuid::Uuid;

use super::spec;

/// The key of one process.
#[derive(Clone)]
pub struct Key(Hmac<Sha1>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A key of 256 bits.
    pub fn new(secret: &[u8; 32]) -> Option<Self> {
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// The token of a test that may start at `start`.
    pub fn issue(&self, test: Uuid, start: Timestamp) -> String {
        let said = format!("{test}_{}", start.as_second());
        let mut mac = self.0.clone();
        mac.update(said.as_bytes());
        let mac = STANDARD.encode(mac.finalize().into_bytes());
        format!("{said}_{mac}")
    }

    /// The test that a token is for.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Uuid, Refused> {
        let (test, start) = self.read(token)?;
        let early = start - SignedDuration::from_secs(spec::MAX_EARLY_SECONDS);
        let late = start + SignedDuration::from_secs(spec::MAX_LATE_SECONDS);
        if (early..=late).contains(&now) {
            Ok(test)
        } else {
            Err(Refused::Time)
        }
    }

    /// The test that a token was for, whenever that was.
    ///
    /// # Errors
    ///
    /// [`Refused::Invalid`].
    pub fn read(&self, token: &str) -> Result<(Uuid, Timestamp), Refused> {
        let read = || {
            let (said, mac) = token.rsplit_once('_')?;
            let (test, start) = said.split_once('_')?;
            let mut own = self.0.clone();
            own.update(said.as_bytes());
            own.verify_slice(&STANDARD.decode(mac).ok()?).ok()?;
            let start = Timestamp::from_second(start.parse().ok()?).ok()?;
            Some((test.parse().ok()?, start))
        };
        read().ok_or(Refused::Invalid)
    }
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Not of this key, or no token.
    #[error("the token was not issued here")]
    Invalid,
    /// Too early or too late.
    #[error("the token is not for this time")]
    Time,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::new(&[7; 32]).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_taken_around_its_time_and_by_its_key_alone() {
        let test = Uuid::from_u128(5);
        let token = key().issue(test, at(1_795_590_000));
        assert!(token.starts_with("00000000-0000-0000-0000-000000000005_1795590000_"));
        for (second, want) in [
            (-21, Err(Refused::Time)),
            (-20, Ok(test)),
            (0, Ok(test)),
            (90, Ok(test)),
            (91, Err(Refused::Time)),
        ] {
            let now = at(1_795_590_000 + second);
            assert_eq!(key().verify(&token, now), want, "{second}");
        }
        let other = Key::new(&[8; 32]).unwrap();
        assert_eq!(
            other.verify(&token, at(1_795_590_000)),
            Err(Refused::Invalid)
        );
    }

    #[test]
    fn the_code_is_that_of_rfc_2202() {
        // Test case 2 has a key of its own length; the algorithm is the same.
        let mut mac = Hmac::<Sha1>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        let code = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(code, "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    }

    proptest! {
        #[test]
        fn what_nobody_issued_is_refused(text in ".{0,100}", cut in 0_usize..90) {
            prop_assert!(key().verify(&text, at(0)).is_err());
            let token = key().issue(Uuid::from_u128(1), at(0));
            let cut = cut.min(token.len() - 1);
            prop_assert!(key().verify(&token[..cut], at(0)).is_err());
        }
    }
}
