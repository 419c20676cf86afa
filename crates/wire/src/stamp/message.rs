//! Base packets of the two modes (RFC 8762 §4.2, §4.3; RFC 8972 §3).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::spec;
use super::timestamp::ErrorEstimate;

/// The secret of a session in authenticated mode.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

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

    /// Keyed hash of some parts, truncated to 16 octets (§4.4).
    pub(super) fn hash(&self, parts: &[&[u8]]) -> [u8; spec::HMAC_LEN] {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut truncated = [0; spec::HMAC_LEN];
        truncated.copy_from_slice(&whole[..spec::HMAC_LEN]);
        truncated
    }

    /// Whether `hash` is that of the parts; takes the same time either way.
    pub(super) fn holds(&self, parts: &[&[u8]], hash: &[u8]) -> bool {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        hash.len() == spec::HMAC_LEN && mac.verify_truncated_left(hash).is_ok()
    }
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the mode allows.
    #[error("a packet of {0} octets is too short")]
    TooShort(usize),
    /// The keyed hash does not hold.
    #[error("the keyed hash does not hold")]
    Hash,
}

/// Where each field stands in one mode; octets from the start.
pub(super) struct Layout {
    pub(super) base_len: usize,
    pub(super) timestamp: usize,
    pub(super) error: usize,
    pub(super) ssid: usize,
    pub(super) received: usize,
    pub(super) sender_sequence: usize,
    pub(super) sender_timestamp: usize,
    pub(super) sender_error: usize,
    pub(super) ttl: usize,
}

/// §4.2.1 and §4.3.1, figures 3 and 5.
const OPEN: Layout = Layout {
    base_len: spec::OPEN_LEN,
    timestamp: 4,
    error: 12,
    ssid: 14,
    received: 16,
    sender_sequence: 24,
    sender_timestamp: 28,
    sender_error: 36,
    ttl: 40,
};

/// §4.2.2 and §4.3.2, figures 4 and 6.
const AUTHENTICATED: Layout = Layout {
    base_len: spec::AUTHENTICATED_LEN,
    timestamp: 16,
    error: 24,
    ssid: 26,
    received: 32,
    sender_sequence: 48,
    sender_timestamp: 64,
    sender_error: 72,
    ttl: 80,
};

impl Layout {
    pub(super) const fn of(key: Option<&Key>) -> &'static Self {
        if key.is_some() { &AUTHENTICATED } else { &OPEN }
    }
}

/// A test packet of a sender.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SenderPacket {
    /// Number of the packet in its session, from 0.
    pub sequence: u32,
    /// When it was sent, in the format that `error` names.
    pub timestamp: u64,
    /// How wrong that may be.
    pub error: ErrorEstimate,
    /// Session identifier; 0 where there is none (RFC 8972 §3).
    pub ssid: u16,
}

impl SenderPacket {
    /// Reads the base of a packet; with a key, of one in authenticated mode.
    ///
    /// Without a key, a packet shorter than the base is taken as if zeros
    /// followed (RFC 8762 §4.6).
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn decode(bytes: &[u8], key: Option<&Key>) -> Result<Self, Malformed> {
        let layout = Layout::of(key);
        let shortest = if key.is_some() {
            layout.base_len
        } else {
            spec::SHORTEST_LEN
        };
        if bytes.len() < shortest {
            return Err(Malformed::TooShort(bytes.len()));
        }
        verify(bytes, key)?;
        Ok(Self {
            sequence: u32::from_be_bytes(field(bytes, 0)),
            timestamp: u64::from_be_bytes(field(bytes, layout.timestamp)),
            error: ErrorEstimate(u16::from_be_bytes(field(bytes, layout.error))),
            ssid: u16::from_be_bytes(field(bytes, layout.ssid)),
        })
    }

    /// The base packet, 44 or with a key 112 octets.
    pub fn encode(&self, key: Option<&Key>) -> Vec<u8> {
        let layout = Layout::of(key);
        let mut bytes = vec![0; layout.base_len];
        put(&mut bytes, 0, &self.sequence.to_be_bytes());
        put(&mut bytes, layout.timestamp, &self.timestamp.to_be_bytes());
        put(&mut bytes, layout.error, &self.error.0.to_be_bytes());
        put(&mut bytes, layout.ssid, &self.ssid.to_be_bytes());
        seal(&mut bytes, key);
        bytes
    }
}

/// A packet as a reflector sends it back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReflectedPacket {
    /// The reflector's own count, or the sender's number (stateless).
    pub sequence: u32,
    /// When the reflector sent it.
    pub timestamp: u64,
    /// How wrong the reflector's times may be.
    pub error: ErrorEstimate,
    /// Session identifier, as received.
    pub ssid: u16,
    /// When the reflector received the packet.
    pub received: u64,
    /// The sender's number.
    pub sender_sequence: u32,
    /// The sender's time, as received.
    pub sender_timestamp: u64,
    /// The sender's error estimate, as received.
    pub sender_error: ErrorEstimate,
    /// TTL or hop limit with which the packet arrived; 255 where the reflector
    /// was not told (§4.3.1).
    pub sender_ttl: u8,
}

impl ReflectedPacket {
    /// Reads the base of a reflected packet.
    ///
    /// # Errors
    ///
    /// [`Malformed`]; a reflected packet is at least as long as its base.
    pub fn decode(bytes: &[u8], key: Option<&Key>) -> Result<Self, Malformed> {
        let layout = Layout::of(key);
        if bytes.len() < layout.base_len {
            return Err(Malformed::TooShort(bytes.len()));
        }
        verify(bytes, key)?;
        Ok(Self {
            sequence: u32::from_be_bytes(field(bytes, 0)),
            timestamp: u64::from_be_bytes(field(bytes, layout.timestamp)),
            error: ErrorEstimate(u16::from_be_bytes(field(bytes, layout.error))),
            ssid: u16::from_be_bytes(field(bytes, layout.ssid)),
            received: u64::from_be_bytes(field(bytes, layout.received)),
            sender_sequence: u32::from_be_bytes(field(bytes, layout.sender_sequence)),
            sender_timestamp: u64::from_be_bytes(field(bytes, layout.sender_timestamp)),
            sender_error: ErrorEstimate(u16::from_be_bytes(field(bytes, layout.sender_error))),
            sender_ttl: field::<1>(bytes, layout.ttl)[0],
        })
    }

    /// Writes the base over the start of `bytes`, as much of it as fits.
    pub fn write(&self, bytes: &mut [u8], key: Option<&Key>) {
        let layout = Layout::of(key);
        let base = bytes.len().min(layout.base_len);
        bytes[..base].fill(0);
        put(bytes, 0, &self.sequence.to_be_bytes());
        put(bytes, layout.timestamp, &self.timestamp.to_be_bytes());
        put(bytes, layout.error, &self.error.0.to_be_bytes());
        put(bytes, layout.ssid, &self.ssid.to_be_bytes());
        put(bytes, layout.received, &self.received.to_be_bytes());
        put(
            bytes,
            layout.sender_sequence,
            &self.sender_sequence.to_be_bytes(),
        );
        put(
            bytes,
            layout.sender_timestamp,
            &self.sender_timestamp.to_be_bytes(),
        );
        put(
            bytes,
            layout.sender_error,
            &self.sender_error.0.to_be_bytes(),
        );
        put(bytes, layout.ttl, &[self.sender_ttl]);
        seal(bytes, key);
    }
}

/// `N` octets at `at`; what lies beyond the end is zero.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    let rest = bytes.get(at..).unwrap_or_default();
    let there = rest.len().min(N);
    field[..there].copy_from_slice(&rest[..there]);
    field
}

/// Writes a field; what lies beyond the end is left out.
fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    let rest = bytes.get_mut(at..).unwrap_or_default();
    let there = rest.len().min(field.len());
    rest[..there].copy_from_slice(&field[..there]);
}

fn verify(bytes: &[u8], key: Option<&Key>) -> Result<(), Malformed> {
    let Some(key) = key else { return Ok(()) };
    let (covered, rest) = bytes.split_at(spec::HMAC_COVERS);
    if key.holds(&[covered], &rest[..spec::HMAC_LEN]) {
        Ok(())
    } else {
        Err(Malformed::Hash)
    }
}

fn seal(bytes: &mut [u8], key: Option<&Key>) {
    if let Some(key) = key
        && bytes.len() >= spec::AUTHENTICATED_LEN
    {
        let hash = key.hash(&[&bytes[..spec::HMAC_COVERS]]);
        put(bytes, spec::HMAC_COVERS, &hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
        digits
            .chunks(2)
            .map(|two| u8::from_str_radix(&two.iter().collect::<String>(), 16).unwrap())
            .collect()
    }

    #[test]
    fn the_hash_is_that_of_rfc_4231() {
        // §4.6, test case 5: truncated to 128 bits.
        let key = Key::new(&[0x0c; 20]).unwrap();
        let want = unhex("a3b6167473100ee06e0c796c2955552b");
        let text = b"Test With Truncation";
        assert_eq!(key.hash(&[text]).to_vec(), want);
        assert!(key.holds(&[&text[..4], &text[4..]], &want));
        assert!(!key.holds(&[text], &want[..8]), "no shorter hash is taken");
    }

    #[test]
    fn golden_packets() {
        let text = include_str!("../../../../testdata/stamp/packets.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        let key = Key::new(golden["key"].as_str().unwrap().as_bytes()).unwrap();
        let bytes = |name: &str| unhex(golden[name].as_str().unwrap());
        let sender = SenderPacket {
            sequence: 7,
            timestamp: 0xe6b8_f0c5_1234_5678,
            error: ErrorEstimate(0x8a15),
            ssid: 0x1267,
        };
        let reflected = ReflectedPacket {
            sequence: 5,
            timestamp: 0xe6b8_f0c5_2000_0000,
            error: ErrorEstimate(0x0c01),
            ssid: 0x1267,
            received: 0xe6b8_f0c5_1fff_0000,
            sender_sequence: 7,
            sender_timestamp: sender.timestamp,
            sender_error: sender.error,
            sender_ttl: 254,
        };
        for (mode, key) in [("open", None), ("authenticated", Some(&key))] {
            let sent = bytes(&format!("{mode}_sender"));
            assert_eq!(sender.encode(key), sent, "{mode}");
            assert_eq!(SenderPacket::decode(&sent, key), Ok(sender));
            let came = bytes(&format!("{mode}_reflected"));
            let mut written = vec![0xff; came.len()];
            reflected.write(&mut written, key);
            assert_eq!(written, came, "{mode}");
            assert_eq!(ReflectedPacket::decode(&came, key), Ok(reflected));
        }
    }

    #[test]
    fn a_changed_octet_breaks_the_hash() {
        let key = Key::new(b"secret").unwrap();
        let good = SenderPacket::default().encode(Some(&key));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(
                SenderPacket::decode(&bad, Some(&key)),
                Err(Malformed::Hash),
                "{at}"
            );
        }
    }

    #[test]
    fn a_twamp_light_packet_is_filled_with_zeros() {
        let whole = SenderPacket {
            sequence: 1,
            timestamp: 2,
            error: ErrorEstimate(3),
            ssid: 0,
        };
        let short = &whole.encode(None)[..spec::SHORTEST_LEN];
        assert_eq!(SenderPacket::decode(short, None), Ok(whole));
        assert_eq!(
            SenderPacket::decode(&short[..13], None),
            Err(Malformed::TooShort(13))
        );
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", Key::new(b"secret").unwrap()), "Key(…)");
        assert!(Key::new(b"").is_none());
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(sequence: u32, timestamp: u64, error: u16, ssid: u16, with_key: bool) {
            let key = with_key.then(|| Key::new(b"secret").unwrap());
            let packet = SenderPacket { sequence, timestamp, error: ErrorEstimate(error), ssid };
            prop_assert_eq!(SenderPacket::decode(&packet.encode(key.as_ref()), key.as_ref()), Ok(packet));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), with_key: bool) {
            let key = with_key.then(|| Key::new(b"secret").unwrap());
            let _ = SenderPacket::decode(&bytes, key.as_ref());
            let _ = ReflectedPacket::decode(&bytes, key.as_ref());
            let mut bytes = bytes;
            ReflectedPacket::default().write(&mut bytes, key.as_ref());
        }
    }
}
