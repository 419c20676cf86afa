//! A message sealed for one browser: RFC 8291 over RFC 8188, one record.

use anyhow::{Result, anyhow, ensure};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::SystemRandom;

/// Bytes of a public key, of the browser's secret, and of a salt.
pub(super) const POINT: usize = 65;
pub(super) const SECRET: usize = 16;
pub(super) const SALT: usize = 16;
/// Size of a record, as the head says it; every push service takes 4 KiB.
const RECORD: u32 = 4096;
/// Longest message: the record without its head, delimiter and tag.
const LONGEST: usize = RECORD as usize - (SALT + 4 + 1 + POINT) - 1 - 16;
/// After the message of the last record.
const LAST: u8 = 2;

/// Seals a message for a browser, with a key pair that is used this once. The
/// pair is drawn inside `ring`, which takes chance from nowhere else.
pub(super) fn sealed(
    browser: &[u8; POINT],
    secret: &[u8; SECRET],
    salt: [u8; SALT],
    message: &[u8],
) -> Result<Vec<u8>> {
    let failed = |_| anyhow!("the browser's public key is no point of P-256");
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
    let own = own.map_err(|_| anyhow!("drawing a key pair failed"))?;
    let public = own.compute_public_key().map_err(failed)?;
    let public: [u8; POINT] = public.as_ref().try_into()?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, browser);
    let sealed = agree_ephemeral(own, &peer, |shared| {
        seal(shared, (browser, &public), secret, salt, message)
    });
    sealed.map_err(failed)?
}

/// The same where both sides' secret is agreed.
fn seal(
    shared: &[u8],
    (browser, own): (&[u8; POINT], &[u8; POINT]),
    secret: &[u8; SECRET],
    salt: [u8; SALT],
    message: &[u8],
) -> Result<Vec<u8>> {
    ensure!(
        message.len() <= LONGEST,
        "the message has {} bytes, at most {LONGEST} fit",
        message.len()
    );
    let prk = Salt::new(HKDF_SHA256, secret).extract(shared);
    let input: [u8; 32] = expand(&prk, &[b"WebPush: info\0", browser, own])?;
    let prk = Salt::new(HKDF_SHA256, &salt).extract(&input);
    let key: [u8; 16] = expand(&prk, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = expand(&prk, &[b"Content-Encoding: nonce\0"])?;
    let mut record = [message, &[LAST]].concat();
    let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| anyhow!("a key of 16 bytes"))?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut record)
        .map_err(|_| anyhow!("sealing failed"))?;
    let length = u8::try_from(POINT)?;
    Ok([&salt[..], &RECORD.to_be_bytes(), &[length], own, &record].concat())
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = prk.expand(info, Length(N));
    let filled = filled.and_then(|material| material.fill(&mut bytes));
    filled.map_err(|_| anyhow!("deriving a key failed"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        bytes.try_into().unwrap()
    }

    const BROWSER: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

    /// RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_standard_is_sealed_to_its_bytes() {
        let shared: [u8; 32] = bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let own = bytes(
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
        );
        let sealed = seal(
            &shared,
            (&bytes(BROWSER), &own),
            &bytes("BTBZMqHH6r4Tts7J_aSIgg"),
            bytes("DGv6ra1nlYgDCS1FRnbzlw"),
            b"When I grow up, I want to be a watermelon",
        );
        let want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(sealed.unwrap()), want);
    }

    #[test]
    fn no_two_messages_are_alike_and_none_is_longer_than_a_record() {
        let seal = |message: &[u8]| sealed(&bytes(BROWSER), &[1; SECRET], [2; SALT], message);
        assert_ne!(seal(b"a").unwrap(), seal(b"a").unwrap());
        assert_eq!(seal(&[0; LONGEST]).unwrap().len(), RECORD as usize);
        assert!(seal(&[0; LONGEST + 1]).is_err());
        let no_point = sealed(&[4; POINT], &[1; SECRET], [2; SALT], b"a");
        assert!(no_point.unwrap_err().to_string().contains("P-256"));
    }
}
