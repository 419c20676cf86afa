//! Ed25519 keys (RFC 8032) that sites sign with, and what the centre knows of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A site's private key.
#[derive(Clone)]
pub struct SiteKey(SigningKey);

impl SiteKey {
    /// The key made from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signature over `message`, base64url.
    pub fn sign(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteKey({})", self.public().id())
    }
}

/// A site's public key; as text, base64url of its 32 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The name of the key: the first 16 hex digits of its SHA-256.
    pub fn id(&self) -> String {
        sha256_hex(self.0.as_bytes()).chars().take(16).collect()
    }

    /// Whether `signature` (base64url) covers `message`. Weak keys and
    /// malleable signatures are refused.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .is_some_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }

    /// Reads the text form; `None` when it is not a key.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        VerifyingKey::from_bytes(&bytes).ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

/// SHA-256 of `bytes` as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = <Sha256 as sha2::Digest>::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of what is added piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        sha2::Digest::update(&mut self.0, bytes);
    }

    /// The digest so far, as 64 lower-case hex digits.
    pub fn hex(self) -> String {
        let digest = sha2::Digest::finalize(self.0);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a key may sign.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Tests of people.
    Measurement,
    /// Synthetic tests, which real statistics never count.
    Simulation,
}

/// A key as the centre has registered it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegisteredKey {
    /// The public key.
    pub public_key: PublicKey,
    /// Site that signs with it.
    pub site: String,
    /// What it may sign.
    pub purpose: Purpose,
    /// First instant of its validity.
    pub valid_from: Timestamp,
    /// First instant after its validity; `None` while it is in use.
    pub valid_to: Option<Timestamp>,
}

impl RegisteredKey {
    /// Whether the key was valid `at` an instant.
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.valid_from <= at && self.valid_to.is_none_or(|end| at < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_its_message_only() {
        let key = SiteKey::from_seed(&[7; 32]);
        let signature = key.sign(b"one");
        assert!(key.public().verifies(b"one", &signature));
        assert!(!key.public().verifies(b"two", &signature));
        assert!(!key.public().verifies(b"one", "not base64!"));
        let other = SiteKey::from_seed(&[8; 32]);
        assert!(!other.public().verifies(b"one", &signature));
    }

    #[test]
    fn a_public_key_survives_its_text() {
        let key = SiteKey::from_seed(&[7; 32]).public();
        assert_eq!(PublicKey::parse(&key.to_string()), Some(key));
        assert_eq!(PublicKey::parse("abc"), None);
        assert_eq!(key.id().len(), 16);
    }

    #[test]
    fn a_private_key_is_never_printed() {
        let key = SiteKey::from_seed(&[7; 32]);
        assert_eq!(
            format!("{key:?}"),
            format!("SiteKey({})", key.public().id())
        );
    }
}
