//! The token that opens measuring connections: a compact JWS (RFC 7515) with
//! EdDSA (RFC 8037), so that a site can check it with the issuer's key alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use metric::key::{PublicKey, SiteKey};
use metric::prefix::Prefix;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::Caps;

/// What a token says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The test it belongs to.
    pub test_id: Uuid,
    /// The site it is for.
    pub site: String,
    /// The network its connections come from.
    pub client_prefix: Prefix,
    /// What the site enforces.
    pub caps: Caps,
    /// First instant at which it opens nothing more.
    pub expires_at: Timestamp,
}

/// The header of every token: the algorithm is ours, only the key differs.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

impl Header {
    fn of(key: &PublicKey) -> Self {
        Self {
            alg: "EdDSA".into(),
            kid: key.id(),
            typ: "JWT".into(),
        }
    }
}

/// Writes a token.
///
/// # Errors
///
/// Claims that cannot be written as JSON, which these never are.
pub fn issue(claims: &Claims, key: &SiteKey) -> Result<String, serde_json::Error> {
    let header = serde_json::to_vec(&Header::of(&key.public()))?;
    let header = URL_SAFE_NO_PAD.encode(header);
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
    let signed = format!("{header}.{payload}");
    let signature = key.sign(signed.as_bytes());
    Ok(format!("{signed}.{signature}"))
}

/// Reads a token and checks its signature and time. `known` gives the key of
/// an id, so that keys can be changed while tokens by the last one still open.
///
/// # Errors
///
/// [`Refused`] says why it opens nothing.
pub fn verify(
    token: &str,
    known: impl Fn(&str) -> Option<PublicKey>,
    now: Timestamp,
) -> Result<Claims, Refused> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Invalid)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Invalid)?;
    let head: Header = decoded(header)?;
    let key = known(&head.kid).ok_or(Refused::Invalid)?;
    let is_ours = head.alg == "EdDSA" && head.typ == "JWT";
    if !is_ours || !key.verifies(signed.as_bytes(), signature) {
        return Err(Refused::Invalid);
    }
    let claims: Claims = decoded(payload)?;
    if now >= claims.expires_at {
        return Err(Refused::Expired);
    }
    Ok(claims)
}

fn decoded<T: for<'a> Deserialize<'a>>(part: &str) -> Result<T, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Invalid)
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// It is not ours, or was altered.
    #[error("the token is not one of this site")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::budget::Budgets;
    use metric::unit::Micros;
    use proptest::prelude::*;

    fn claims() -> Claims {
        Claims {
            test_id: Uuid::from_u128(7),
            site: "demo".into(),
            client_prefix: "203.0.113.0/24".parse().unwrap(),
            caps: Caps {
                subtest_us: Micros(1),
                subtest_bytes: 2,
                session_us: Micros(3),
                budget: Some(Budgets::default().cellular),
            },
            expires_at: "2024-11-08T02:01:30Z".parse().unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_opens_until_it_expires() {
        let key = SiteKey::from_seed(&[3; 32]);
        let token = issue(&claims(), &key).unwrap();
        let verify = |now| verify(&token, ring(&[&key]), at(now));
        assert_eq!(verify("2024-11-08T02:01:29Z"), Ok(claims()));
        assert_eq!(verify("2024-11-08T02:01:30Z"), Err(Refused::Expired));
    }

    #[test]
    fn a_token_of_another_key_opens_nothing() {
        let token = issue(&claims(), &SiteKey::from_seed(&[3; 32])).unwrap();
        let other = SiteKey::from_seed(&[4; 32]);
        let now = at("2024-11-08T02:00:00Z");
        assert_eq!(verify(&token, ring(&[&other]), now), Err(Refused::Invalid));
    }

    #[test]
    fn a_token_of_any_known_key_opens() {
        let keys = [3, 4].map(|n| SiteKey::from_seed(&[n; 32]));
        let now = at("2024-11-08T02:00:00Z");
        for key in &keys {
            let token = issue(&claims(), key).unwrap();
            let opened = verify(&token, ring(&[&keys[0], &keys[1]]), now);
            assert_eq!(opened, Ok(claims()));
        }
    }

    /// The keys of a site, by their ids.
    fn ring(keys: &[&SiteKey]) -> impl Fn(&str) -> Option<PublicKey> {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        move |id| keys.iter().copied().find(|key| key.id() == id)
    }

    proptest! {
        #[test]
        fn an_altered_token_opens_nothing(at_byte in 0_usize..1000, to in 33_u8..127) {
            let key = SiteKey::from_seed(&[3; 32]);
            let token = issue(&claims(), &key).unwrap();
            let mut bytes = token.into_bytes();
            let at_byte = at_byte % bytes.len();
            prop_assume!(bytes[at_byte] != to);
            bytes[at_byte] = to;
            let altered = String::from_utf8(bytes).unwrap();
            let got = verify(&altered, ring(&[&key]), at("2024-11-08T02:00:00Z"));
            prop_assert_eq!(got, Err(Refused::Invalid));
        }
    }
}
