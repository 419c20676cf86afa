//! TLVs behind the base of a packet (RFC 8972 §4), and what a reflector marks
//! in them. They are marked in place, so that an answer is as long as what it
//! answers.

use super::message::{Key, field};
use super::spec;

/// The sender has not had it understood yet, or the reflector does not (§4).
pub const UNRECOGNISED: u8 = 0x80;
/// The length makes no sense (§4).
pub const MALFORMED: u8 = 0x40;
/// The keyed hash of the TLVs does not hold (§4).
pub const INTEGRITY: u8 = 0x20;

/// Reserved (§5.1): we take it for the padding of a TWAMP Light sender, behind
/// which nothing can be read.
const RESERVED: u8 = 0;
/// Extra Padding (§4.1).
pub const EXTRA_PADDING: u8 = 1;
/// Keyed hash over the TLVs (§4.8).
pub const HMAC: u8 = 8;

/// Most TLVs looked at; what follows is sent back unread.
const MOST: usize = 32;

/// Where a TLV stands: octets from the start of the TLVs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct At {
    head: usize,
    kind: u8,
    value_len: usize,
}

impl At {
    const fn end(self) -> usize {
        self.head + spec::TLV_HEAD_LEN + self.value_len
    }
}

/// What stands behind the base.
#[derive(Debug, Default)]
struct Found {
    tlvs: Vec<At>,
    /// Head of one that is longer than what is left.
    malformed: Option<usize>,
}

fn read(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let mut head = 0;
    while bytes.len() - head >= spec::TLV_HEAD_LEN && found.tlvs.len() < MOST {
        let [_, kind, high, low] = field(bytes, head);
        let at = At {
            head,
            kind,
            value_len: usize::from(u16::from_be_bytes([high, low])),
        };
        if kind == RESERVED {
            break;
        }
        if at.end() > bytes.len() {
            found.malformed = Some(head);
            break;
        }
        found.tlvs.push(at);
        head = at.end();
    }
    found
}

/// Marks the TLVs of a packet for the way back.
///
/// Sets U where a type is not known here, M where a length cannot be, and I on
/// all of them where a keyed hash is due and does not hold; clears each flag
/// otherwise. `asked` and `answered` are the sequence numbers of the packet and
/// of its answer, which the keyed hash covers too.
pub fn reflect(tlvs: &mut [u8], asked: u32, answered: u32, key: Option<&Key>) {
    if tlvs.len() < spec::TLV_HEAD_LEN {
        return;
    }
    let found = read(tlvs);
    let intact = key.is_none_or(|key| is_intact(tlvs, &found, asked, key));
    for at in &found.tlvs {
        let known = at.kind == EXTRA_PADDING || (at.kind == HMAC && key.is_some());
        tlvs[at.head] = match (intact, known) {
            (false, _) => INTEGRITY,
            (true, true) => 0,
            (true, false) => UNRECOGNISED,
        };
    }
    if let Some(head) = found.malformed {
        tlvs[head] = MALFORMED;
    }
    if let Some(key) = key.filter(|_| intact)
        && let Some(at) = keyed(&found)
    {
        let (covered, rest) = tlvs.split_at_mut(at.head);
        let hash = key.hash(&[&answered.to_be_bytes(), covered]);
        rest[spec::TLV_HEAD_LEN..spec::TLV_HEAD_LEN + spec::HMAC_LEN].copy_from_slice(&hash);
    }
}

/// The TLV of the keyed hash, where it stands as it must: behind all others
/// but Extra Padding (§4.8).
fn keyed(found: &Found) -> Option<At> {
    let mut rest = found.tlvs.iter().skip_while(|at| at.kind != HMAC);
    let at = *rest.next()?;
    let right = at.value_len == spec::HMAC_LEN && rest.all(|at| at.kind == EXTRA_PADDING);
    right.then_some(at)
}

/// In authenticated mode, TLVs other than Extra Padding need a keyed hash that holds.
fn is_intact(tlvs: &[u8], found: &Found, asked: u32, key: &Key) -> bool {
    if found.tlvs.iter().all(|at| at.kind == EXTRA_PADDING) {
        return true;
    }
    keyed(found).is_some_and(|at| {
        let hash = &tlvs[at.head + spec::TLV_HEAD_LEN..at.end()];
        key.holds(&[&asked.to_be_bytes(), &tlvs[..at.head]], hash)
    })
}

/// Extra Padding that fills `len` octets with head and all, with octets that
/// do not compress; nothing where `len` is too short for a head.
pub fn padding(len: usize, seed: u32) -> Vec<u8> {
    let Some(value_len) = len.checked_sub(spec::TLV_HEAD_LEN) else {
        return Vec::new();
    };
    let [high, low] = u16::try_from(value_len).unwrap_or(u16::MAX).to_be_bytes();
    let mut state = seed | 1;
    let noise = (0..usize::from(u16::from_be_bytes([high, low]))).map(|_| {
        // xorshift32 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    });
    [UNRECOGNISED, EXTRA_PADDING, high, low]
        .into_iter()
        .chain(noise)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[UNRECOGNISED, kind], &length[..], value].concat()
    }

    fn reflected(mut tlvs: Vec<u8>, key: Option<&Key>) -> Vec<u8> {
        reflect(&mut tlvs, 7, 5, key);
        tlvs
    }

    #[test]
    fn padding_is_understood_and_the_unknown_is_marked() {
        let sent = [padding(12, 1), tlv(200, b"abc"), tlv(EXTRA_PADDING, b"")].concat();
        let came = reflected(sent.clone(), None);
        assert_eq!((came[0], came[12], came[19]), (0, UNRECOGNISED, 0));
        assert_eq!(came[1..12], sent[1..12], "values come back unchanged");
    }

    #[test]
    fn a_length_beyond_the_packet_is_marked_and_ends_the_reading() {
        let mut sent = [padding(8, 1), tlv(3, b"abcd")].concat();
        sent[11] = 5;
        let came = reflected(sent.clone(), None);
        assert_eq!((came[0], came[8]), (0, MALFORMED));
        assert_eq!(came[9..], sent[9..]);
    }

    #[test]
    fn zeros_of_twamp_light_come_back_as_they_went() {
        assert_eq!(reflected(vec![0; 1000], None), vec![0; 1000]);
    }

    #[test]
    fn a_keyed_hash_is_checked_and_made_anew() {
        let key = Key::new(b"secret").unwrap();
        let first = tlv(200, b"abc");
        let hash = key.hash(&[&7_u32.to_be_bytes(), &first]);
        let sent = [first, tlv(HMAC, &hash), padding(6, 9)].concat();
        let came = reflected(sent.clone(), Some(&key));
        assert_eq!((came[0], came[7], came[27]), (UNRECOGNISED, 0, 0));
        let again = key.hash(&[&5_u32.to_be_bytes(), &came[..7]]);
        assert_eq!(came[11..27], again);

        let mut forged = sent;
        forged[5] ^= 1;
        let came = reflected(forged, Some(&key));
        assert_eq!(
            (came[0], came[7], came[27]),
            (INTEGRITY, INTEGRITY, INTEGRITY)
        );
    }

    #[test]
    fn tlvs_without_a_due_hash_are_not_trusted_but_padding_is() {
        let key = Key::new(b"secret").unwrap();
        assert_eq!(reflected(tlv(200, b"abc"), Some(&key))[0], INTEGRITY);
        assert_eq!(reflected(padding(20, 3), Some(&key))[0], 0);
        let in_front = [tlv(HMAC, &[0; 16]), tlv(200, b"")].concat();
        assert_eq!(reflected(in_front, Some(&key))[0], INTEGRITY);
        assert_eq!(reflected(tlv(HMAC, &[0; 16]), None)[0], UNRECOGNISED);
    }

    proptest! {
        #[test]
        fn any_octets_come_back_as_long_as_they_went(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            with_key: bool,
        ) {
            let key = with_key.then(|| Key::new(b"secret").unwrap());
            prop_assert_eq!(reflected(bytes.clone(), key.as_ref()).len(), bytes.len());
        }

        #[test]
        fn padding_fills_what_it_is_to(len in 0_usize..2000, seed: u32) {
            let want = if len < 4 { 0 } else { len };
            prop_assert_eq!(padding(len, seed).len(), want);
        }
    }
}
