//! Who sends, as a push service wants to know it: VAPID (RFC 8292), a JWT
//! signed with a key of P-256 (RFC 7519, ES256).

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

/// File in the data folder.
const FILE: &str = "push.key";
/// How long a token holds; a service takes at most a day.
const HOLDS: SignedDuration = SignedDuration::from_hours(12);

/// The centre's own key.
pub struct Key(EcdsaKeyPair);

impl Key {
    /// The key of a data folder, made where there is none: browsers that
    /// subscribed know the centre by it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, or holds no key.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let named = || format!("the push key {}", path.display());
        if !path.exists() {
            make(&path).with_context(named)?;
        }
        let bytes = std::fs::read(&path).with_context(named)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ES256, &bytes, &SystemRandom::new());
        let pair = pair.map_err(|e| anyhow!("no key of P-256 (PKCS #8): {e}"));
        Ok(Self(pair.with_context(named)?))
    }

    /// The public half, base64url: `applicationServerKey` of browsers.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    /// The line `Authorization` for a push service.
    ///
    /// # Errors
    ///
    /// When signing fails.
    pub(super) fn authorization(
        &self,
        origin: &str,
        contact: &str,
        at: Timestamp,
    ) -> Result<String> {
        let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let expires = (at + HOLDS).as_second();
        let head = encoded(json!({"typ": "JWT", "alg": "ES256"}));
        let claims = encoded(json!({"aud": origin, "exp": expires, "sub": contact}));
        let signed = format!("{head}.{claims}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| anyhow!("signing for a push service failed"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(format!("vapid t={signed}.{signature}, k={}", self.public()))
    }
}

fn make(path: &Path) -> Result<()> {
    let bytes = EcdsaKeyPair::generate_pkcs8(&ES256, &SystemRandom::new());
    let bytes = bytes.map_err(|_| anyhow!("drawing a key failed"))?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => Ok(file.write_all(bytes.as_ref())?),
        // Another process was faster; its key is the key.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn the_key_stays_and_what_it_signs_is_verified_by_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::open(folder.path()).unwrap();
        assert_eq!(key.public(), Key::open(folder.path()).unwrap().public());
        let at = "2024-11-08T02:00:00Z".parse().unwrap();
        let line = key.authorization("https://push.example.net", "mailto:a@b.vn", at);
        let line = line.unwrap();
        let (token, public) = line
            .strip_prefix("vapid t=")
            .and_then(|rest| rest.split_once(", k="))
            .unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(public))
            .verify(signed.as_bytes(), &decode(signature))
            .unwrap();
        let claims = decode(signed.split('.').nth(1).unwrap());
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "https://push.example.net");
        assert_eq!(claims["exp"], 1_731_031_200 + 12 * 3600);
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "không").unwrap();
        let error = format!("{:#}", Key::open(folder.path()).err().unwrap());
        assert!(error.contains("push.key"), "{error}");
    }
}
