//! Packets of a client, and the keyed hash of both sides.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;

use super::spec;

/// The secret that client and server share.
#[derive(Clone)]
pub struct Key(Hmac<Md5>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A key of any length; `None` when it is empty.
    pub fn new(secret: &[u8]) -> Option<Self> {
        let mac = Hmac::new_from_slice(secret).ok()?;
        (!secret.is_empty()).then_some(Self(mac))
    }

    /// The hash covers the whole packet with zeros in the hash's own place.
    fn mac(&self, packet: &[u8]) -> Hmac<Md5> {
        let mut mac = self.0.clone();
        let rest = packet.get(spec::HEAD_LEN + spec::HMAC_LEN..);
        mac.update(packet.get(..spec::HEAD_LEN).unwrap_or_default());
        mac.update(&[0; spec::HMAC_LEN]);
        mac.update(rest.unwrap_or_default());
        mac
    }

    /// Writes the hash into its place, where the packet has one.
    pub(super) fn seal(&self, packet: &mut [u8]) {
        let hash: [u8; spec::HMAC_LEN] = self.mac(packet).finalize().into_bytes().into();
        let place = spec::HEAD_LEN..spec::HEAD_LEN + spec::HMAC_LEN;
        if let Some(place) = packet.get_mut(place) {
            place.copy_from_slice(&hash);
        }
    }
}

/// What a client wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request {
    /// A connection, or with `test` false only to know whether it would get one.
    Open {
        /// Whether it is to be kept.
        test: bool,
        /// Octets before the parameters.
        params_at: usize,
    },
    /// An echo.
    Echo {
        /// Of this connection.
        token: u64,
        /// Number of the request.
        sequence: u32,
        /// Octets before the fields that the server fills.
        fields_at: usize,
    },
    /// The end of a connection.
    Close {
        /// The connection.
        token: u64,
    },
}

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// It ends before its fields do.
    #[error("a packet of {0} octets is too short")]
    TooShort(usize),
    /// Another protocol's.
    #[error("the magic octets are missing")]
    Magic,
    /// Flags that no client sends; among them those of a reply, so that two
    /// servers never answer each other.
    #[error("flags {0:#04x} are no request's")]
    Flags(u8),
    /// The keyed hash is missing, not wanted, or does not hold.
    #[error("the keyed hash does not hold")]
    Hash,
}

impl Request {
    /// Reads a request; with a key, one that carries its hash.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn decode(bytes: &[u8], key: Option<&Key>) -> Result<Self, Malformed> {
        let too_short = Malformed::TooShort(bytes.len());
        let (head, rest) = bytes
            .split_first_chunk::<{ spec::HEAD_LEN }>()
            .ok_or(too_short)?;
        let [magic @ .., flags] = head;
        if *magic != spec::MAGIC {
            return Err(Malformed::Magic);
        }
        let at = match (key, flags & spec::HMAC != 0) {
            (None, false) => spec::HEAD_LEN,
            (Some(key), true) => {
                let hash = rest.get(..spec::HMAC_LEN).ok_or(too_short)?;
                let holds = key.mac(bytes).verify_slice(hash);
                holds.map_err(|_| Malformed::Hash)?;
                spec::HEAD_LEN + spec::HMAC_LEN
            }
            (Some(_), false) | (None, true) => return Err(Malformed::Hash),
        };
        let rest = &bytes[at..];
        let token = || {
            rest.first_chunk()
                .map(|token| u64::from_le_bytes(*token))
                .ok_or(too_short)
        };
        const OPEN_AND_CLOSE: u8 = spec::OPEN | spec::CLOSE;
        match flags & !spec::HMAC {
            spec::OPEN => Ok(Self::Open {
                test: true,
                params_at: at,
            }),
            OPEN_AND_CLOSE => Ok(Self::Open {
                test: false,
                params_at: at,
            }),
            spec::CLOSE => Ok(Self::Close { token: token()? }),
            0 => {
                let sequence = rest.get(spec::TOKEN_LEN..).unwrap_or_default();
                let sequence = sequence.first_chunk().ok_or(too_short)?;
                Ok(Self::Echo {
                    token: token()?,
                    sequence: u32::from_le_bytes(*sequence),
                    fields_at: at + spec::TOKEN_LEN + 4,
                })
            }
            _ => Err(Malformed::Flags(*flags)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_that_of_a_client() {
        // Opens with `--hmac=secret -i 20ms -d 60ms -l 80`, as captured.
        let packet = [
            0x14, 0xa7, 0x5b, 0x09, 0x35, 0x07, 0xf4, 0x45, 0x4e, 0xc8, 0x5c, 0x52, 0xe7, 0x47,
            0x4e, 0xbe, 0xc3, 0xff, 0x37, 0x14, 0x01, 0x02, 0x02, 0x80, 0x9c, 0x9c, 0x39, 0x03,
            0x80, 0xb4, 0x89, 0x13, 0x04, 0xa0, 0x01, 0x05, 0x06, 0x06, 0x06, 0x07, 0x06,
        ];
        let key = Key::new(b"secret").unwrap();
        let open = Request::Open {
            test: true,
            params_at: 20,
        };
        assert_eq!(Request::decode(&packet, Some(&key)), Ok(open));
        assert_eq!(Request::decode(&packet, None), Err(Malformed::Hash));
        let mut sealed = packet;
        sealed[4..20].fill(0xee);
        key.seal(&mut sealed);
        assert_eq!(sealed, packet);
        sealed[30] ^= 1;
        assert_eq!(Request::decode(&sealed, Some(&key)), Err(Malformed::Hash));
    }

    #[test]
    fn a_server_is_no_client() {
        let reply = [
            0x14,
            0xa7,
            0x5b,
            spec::REPLY,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        assert_eq!(Request::decode(&reply, None), Err(Malformed::Flags(2)));
        assert_eq!(Request::decode(b"GET ", None), Err(Malformed::Magic));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(rest in proptest::collection::vec(any::<u8>(), 0..60), right: bool, with_key: bool) {
            let magic = if right { spec::MAGIC.to_vec() } else { vec![] };
            let key = with_key.then(|| Key::new(b"secret").unwrap());
            let _ = Request::decode(&[magic, rest].concat(), key.as_ref());
        }

        #[test]
        fn what_is_sealed_is_taken(rest in proptest::collection::vec(any::<u8>(), 28..60)) {
            let key = Key::new(b"secret").unwrap();
            let mut packet = [&spec::MAGIC[..], &[spec::HMAC], &rest].concat();
            key.seal(&mut packet);
            prop_assert!(Request::decode(&packet, Some(&key)).is_ok());
        }
    }
}
