//! Writing frames.

use super::{Opcode, spec};

/// The header of an unfragmented frame: bytes and how many of them count.
pub fn header(
    opcode: Opcode,
    length: u64,
    mask: Option<[u8; 4]>,
) -> ([u8; spec::MAX_HEADER], usize) {
    let mut out = [0; spec::MAX_HEADER];
    out[0] = 0x80 | opcode.bits();
    let mut end = match length {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    let bytes = length.to_be_bytes();
    match end {
        2 => out[1] = bytes[7],
        4 => {
            out[1] = 126;
            out[2..4].copy_from_slice(&bytes[6..]);
        }
        _ => {
            out[1] = 127;
            out[2..10].copy_from_slice(&bytes);
        }
    }
    if let Some(mask) = mask {
        out[1] |= 0x80;
        out[end..end + 4].copy_from_slice(&mask);
        end += 4;
    }
    (out, end)
}

/// A whole frame; with `mask` the payload is masked, as a client must (§5.3).
pub fn frame(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let (header, length) = header(opcode, payload.len() as u64, mask);
    let key = mask.unwrap_or([0; 4]);
    let masked = payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k);
    header[..length].iter().copied().chain(masked).collect()
}

/// The payload of a close frame: a code and a reason (§5.5.1).
pub fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Frames of `payload_length` bytes each, laid end to end, cut from `random`;
/// written over and over they are a valid stream.
///
/// A client gives a `mask`: since the payload is random, it is random masked
/// or not, and need not be masked byte by byte.
pub fn slab(random: &[u8], payload_length: usize, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(random.len() + random.len() / payload_length * 14);
    for payload in random.chunks_exact(payload_length) {
        let (header, length) = header(Opcode::Binary, payload_length as u64, mask);
        out.extend_from_slice(&header[..length]);
        out.extend_from_slice(payload);
    }
    out
}
