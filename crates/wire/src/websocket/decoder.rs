//! Reading frames from bytes as they come, in pieces of any size.

use super::{Opcode, spec};

/// Which end reads: clients mask what they send, servers do not (§5.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Reads what a server sent.
    Client,
    /// Reads what a client sent.
    Server,
}

/// What is done with binary messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bulk {
    /// They are counted, whatever their length up to this many bytes a frame.
    Count(u64),
    /// They are kept up to this many bytes.
    Keep(u64),
    /// They are shown as they come, whatever their length up to this many
    /// bytes a frame.
    Show(u64),
}

/// Bytes as they came: masked, since most of them nobody reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Piece<'a> {
    bytes: &'a [u8],
    mask: [u8; 4],
    /// Where the first byte stands in its frame, modulo 4.
    phase: usize,
}

impl<'a> Piece<'a> {
    /// Bytes that are not masked.
    pub const fn plain(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            mask: [0; 4],
            phase: 0,
        }
    }

    /// How many they are.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One of them, unmasked.
    pub fn get(&self, at: usize) -> Option<u8> {
        let byte = self.bytes.get(at)?;
        Some(byte ^ self.mask[(self.phase + at) % 4])
    }

    /// The first `at` of them, and the others.
    #[must_use]
    pub fn split_at(self, at: usize) -> (Self, Self) {
        let (first, rest) = self.bytes.split_at(at.min(self.bytes.len()));
        let phase = (self.phase + first.len()) % 4;
        (
            Self {
                bytes: first,
                ..self
            },
            Self {
                bytes: rest,
                phase,
                ..self
            },
        )
    }
}

/// What the bytes held.
#[derive(Debug, Eq, PartialEq)]
pub enum Event<'a> {
    /// So many payload bytes of binary messages went by.
    Counted(u64),
    /// A piece of a binary message went by.
    Shown(Piece<'a>),
    /// A whole text message.
    Text(&'a [u8]),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping with its payload, to be answered.
    Ping(&'a [u8]),
    /// The peer closes, with its code and reason where it gave them.
    Close(Option<u16>, &'a [u8]),
}

/// Reads frames; total on any input.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    bulk: Bulk,
    header: [u8; spec::MAX_HEADER],
    header_length: usize,
    frame: Option<Frame>,
    /// A fragmented message waits for its end; whether it is text.
    fragmented: Option<bool>,
    message: Vec<u8>,
    control: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// Whether it belongs to a text message.
    text: bool,
    mask: [u8; 4],
    length: u64,
    remaining: u64,
}

/// Longest text message that is kept.
const MAX_TEXT: u64 = 64 * 1024;

impl Decoder {
    /// A decoder at the start of a connection.
    pub const fn new(role: Role, bulk: Bulk) -> Self {
        Self {
            role,
            bulk,
            header: [0; spec::MAX_HEADER],
            header_length: 0,
            frame: None,
            fragmented: None,
            message: Vec::new(),
            control: Vec::new(),
        }
    }

    /// Takes bytes and hands every event in them to `on`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the peer breaks the protocol; the connection is over.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut on: impl FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        while !input.is_empty() {
            let taken = match self.frame {
                None => self.take_header(input)?,
                Some(frame) => self.take_payload(frame, input, &mut on),
            };
            input = &input[taken..];
            if self.frame.is_some_and(|frame| frame.remaining == 0) {
                self.end_frame(&mut on);
            }
        }
        Ok(())
    }

    /// How many bytes come next that would only be counted.
    pub const fn countable(&self) -> u64 {
        match self.frame {
            Some(frame) if self.counts(frame) => frame.remaining,
            _ => 0,
        }
    }

    /// So many bytes of the payload went by without being read; the least of
    /// `bytes` and [`countable`](Self::countable) comes back and is counted.
    pub fn skip(&mut self, bytes: u64) -> u64 {
        let skipped = bytes.min(self.countable());
        if let Some(frame) = &mut self.frame {
            frame.remaining -= skipped;
            if frame.remaining == 0 {
                self.frame = None; // A counted frame ends without an event.
            }
        }
        skipped
    }

    fn take_header(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let wanted = self.wanted_header();
        let taken = input.len().min(wanted - self.header_length);
        self.header[self.header_length..][..taken].copy_from_slice(&input[..taken]);
        self.header_length += taken;
        if self.header_length == self.wanted_header() {
            self.frame = Some(self.begin_frame()?);
            self.header_length = 0;
        }
        Ok(taken)
    }

    /// Length of the header, as far as the bytes so far tell.
    fn wanted_header(&self) -> usize {
        if self.header_length < 2 {
            return 2;
        }
        let length = match self.header[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        length + if self.header[1] & 0x80 != 0 { 4 } else { 0 }
    }

    fn begin_frame(&mut self) -> Result<Frame, Malformed> {
        let [first, second, ..] = self.header;
        let opcode = Opcode::of_bits(first & 0x0f).ok_or(Malformed::Opcode(first & 0x0f))?;
        let (masked, fin) = (second & 0x80 != 0, first & 0x80 != 0);
        if first & 0x70 != 0 {
            return Err(Malformed::ReservedBits);
        }
        if masked != (self.role == Role::Server) {
            return Err(Malformed::Masking);
        }
        let (length, at) = self.length();
        let mut mask = [0; 4];
        if masked {
            mask.copy_from_slice(&self.header[at..at + 4]);
        }
        let (text, most) = self.begin_message(opcode, fin)?;
        if length > most || (opcode.is_control() && !fin) {
            return Err(Malformed::TooLong { length, most });
        }
        Ok(Frame {
            opcode,
            fin,
            text,
            mask,
            length,
            remaining: length,
        })
    }

    /// Length of the payload, and where in the header the mask stands.
    fn length(&self) -> (u64, usize) {
        let bytes = |range: std::ops::Range<usize>| {
            self.header[range]
                .iter()
                .fold(0, |n, &b| n << 8 | u64::from(b))
        };
        match self.header[1] & 0x7f {
            126 => (bytes(2..4), 4),
            127 => (bytes(2..10), 10),
            short => (u64::from(short), 2),
        }
    }

    /// Keeps track of fragments; returns whether the frame is text and how
    /// long it may be.
    fn begin_message(&mut self, opcode: Opcode, fin: bool) -> Result<(bool, u64), Malformed> {
        if opcode.is_control() {
            return Ok((false, spec::MAX_CONTROL));
        }
        let text = match (opcode, self.fragmented) {
            (Opcode::Continuation, Some(text)) => text,
            (Opcode::Text, None) => true,
            (Opcode::Binary, None) => false,
            _ => return Err(Malformed::Fragment),
        };
        self.fragmented = (!fin).then_some(text);
        let kept = self.message.len() as u64;
        let most = match self.bulk {
            _ if text => MAX_TEXT.saturating_sub(kept),
            Bulk::Count(most) | Bulk::Show(most) => most,
            Bulk::Keep(most) => most.saturating_sub(kept),
        };
        Ok((text, most))
    }

    fn take_payload(
        &mut self,
        frame: Frame,
        input: &[u8],
        on: &mut impl FnMut(Event<'_>),
    ) -> usize {
        let taken = usize::try_from(frame.remaining).map_or(input.len(), |n| n.min(input.len()));
        let offset = usize::try_from(frame.length - frame.remaining).unwrap_or(0);
        if self.counts(frame) {
            on(Event::Counted(taken as u64));
        } else if self.shows(frame) {
            on(Event::Shown(Piece {
                bytes: &input[..taken],
                mask: frame.mask,
                phase: offset % 4,
            }));
        } else {
            let key = frame.mask.iter().cycle().skip(offset % 4);
            let plain = input[..taken].iter().zip(key).map(|(b, k)| b ^ k);
            let control = frame.opcode.is_control();
            let kept = if control {
                &mut self.control
            } else {
                &mut self.message
            };
            kept.extend(plain);
        }
        if let Some(frame) = &mut self.frame {
            frame.remaining -= taken as u64;
        }
        taken
    }

    /// Whether the payload of this frame is counted and not kept.
    const fn counts(&self, frame: Frame) -> bool {
        !frame.opcode.is_control() && !frame.text && matches!(self.bulk, Bulk::Count(_))
    }

    /// Whether the payload of this frame is shown and not kept.
    const fn shows(&self, frame: Frame) -> bool {
        !frame.opcode.is_control() && !frame.text && matches!(self.bulk, Bulk::Show(_))
    }

    fn end_frame(&mut self, on: &mut impl FnMut(Event<'_>)) {
        let Some(frame) = self.frame.take() else {
            return;
        };
        if frame.opcode.is_control() {
            control(frame.opcode, &self.control, on);
            self.control.clear();
        } else if frame.fin && !self.counts(frame) && !self.shows(frame) {
            let event = if frame.text {
                Event::Text
            } else {
                Event::Binary
            };
            on(event(&self.message));
            self.message.clear();
        }
    }
}

fn control(opcode: Opcode, payload: &[u8], on: &mut impl FnMut(Event<'_>)) {
    match (opcode, payload.split_first_chunk()) {
        (Opcode::Ping, _) => on(Event::Ping(payload)),
        (Opcode::Close, Some((code, reason))) => {
            on(Event::Close(Some(u16::from_be_bytes(*code)), reason));
        }
        (Opcode::Close, None) => on(Event::Close(None, &[])),
        _ => {}
    }
}

/// Bytes that no peer of ours sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// §5.2: reserved bits without an extension.
    #[error("reserved bits are set, but no extension was agreed on")]
    ReservedBits,
    /// §5.2: an opcode that does not exist.
    #[error("opcode {0} does not exist")]
    Opcode(u8),
    /// §5.1: a client must mask, a server must not.
    #[error("the peer masks where it must not, or does not where it must")]
    Masking,
    /// §5.4: a fragment out of its order.
    #[error("a fragment stands where none can be")]
    Fragment,
    /// A frame longer than this connection takes, or a fragmented control frame.
    #[error("a frame of {length} bytes, where at most {most} are taken")]
    TooLong {
        /// Length the peer announced.
        length: u64,
        /// Longest accepted.
        most: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::super::encode::{close_payload, frame, header, slab};
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Owned {
        Counted(u64),
        Shown(Vec<u8>),
        Text(Vec<u8>),
        Binary(Vec<u8>),
        Ping(Vec<u8>),
        Close(Option<u16>, Vec<u8>),
    }

    /// Feeds `input` in pieces of `piece` bytes; neighbouring counts are summed.
    fn decode(role: Role, bulk: Bulk, input: &[u8], piece: usize) -> Result<Vec<Owned>, Malformed> {
        let mut decoder = Decoder::new(role, bulk);
        let mut events = vec![];
        for piece in input.chunks(piece.max(1)) {
            decoder.feed(piece, |event| match event {
                Event::Counted(n) => match events.last_mut() {
                    Some(Owned::Counted(sum)) => *sum += n,
                    _ => events.push(Owned::Counted(n)),
                },
                Event::Shown(piece) => {
                    let plain = (0..piece.len()).filter_map(|at| piece.get(at));
                    match events.last_mut() {
                        Some(Owned::Shown(all)) => all.extend(plain),
                        _ => events.push(Owned::Shown(plain.collect())),
                    }
                }
                Event::Text(t) => events.push(Owned::Text(t.into())),
                Event::Binary(b) => events.push(Owned::Binary(b.into())),
                Event::Ping(p) => events.push(Owned::Ping(p.into())),
                Event::Close(code, reason) => events.push(Owned::Close(code, reason.into())),
            })?;
        }
        Ok(events)
    }

    const MASK: Option<[u8; 4]> = Some([1, 2, 3, 250]);

    #[test]
    fn bulk_is_counted_and_text_is_kept() {
        let input = [
            frame(Opcode::Binary, &[7; 70_000], MASK),
            frame(Opcode::Text, b"hi", MASK),
            frame(Opcode::Ping, b"p", MASK),
            frame(Opcode::Close, &close_payload(1000, "bye"), MASK),
        ]
        .concat();
        let want = [
            Owned::Counted(70_000),
            Owned::Text(b"hi".into()),
            Owned::Ping(b"p".into()),
            Owned::Close(Some(1000), b"bye".into()),
        ];
        for piece in [1, 2, 3, 7, 1000, usize::MAX] {
            let got = decode(Role::Server, Bulk::Count(1 << 24), &input, piece);
            assert_eq!(got.unwrap(), want, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_slab_is_a_stream_of_frames() {
        let slab = slab(&[5; 3 * 1024], 1024, None);
        let got = decode(Role::Client, Bulk::Count(1024), &slab, 100).unwrap();
        assert_eq!(got, [Owned::Counted(3 * 1024)]);
    }

    #[test]
    fn fragments_are_joined() {
        let unfinished = |opcode, payload: &[u8]| {
            let mut bytes = frame(opcode, payload, None);
            bytes[0] &= 0x7f;
            bytes
        };
        let input = [
            unfinished(Opcode::Text, b"a"),
            frame(Opcode::Ping, b"", None),
            frame(Opcode::Continuation, b"b", None),
        ];
        let got = decode(Role::Client, Bulk::Keep(64), &input.concat(), 1).unwrap();
        assert_eq!(got, [Owned::Ping(vec![]), Owned::Text(b"ab".into())]);
    }

    #[track_caller]
    fn refused(input: &[u8], want: Malformed) {
        let got = decode(Role::Server, Bulk::Keep(64), input, usize::MAX);
        assert_eq!(got, Err(want));
    }

    #[test]
    fn rules_of_the_specification_are_kept() {
        refused(&frame(Opcode::Text, b"x", None), Malformed::Masking);
        refused(&[0x83, 0x80, 0, 0, 0, 0], Malformed::Opcode(3));
        refused(&[0xc1, 0x80, 0, 0, 0, 0], Malformed::ReservedBits);
        refused(
            &frame(Opcode::Continuation, b"x", MASK),
            Malformed::Fragment,
        );
        let long = frame(Opcode::Binary, &[0; 65], MASK);
        refused(
            &long,
            Malformed::TooLong {
                length: 65,
                most: 64,
            },
        );
        let (huge, length) = header(Opcode::Binary, u64::MAX, MASK);
        refused(
            &huge[..length],
            Malformed::TooLong {
                length: u64::MAX,
                most: 64,
            },
        );
    }

    #[test]
    fn what_is_shown_is_what_was_sent_in_pieces_of_any_size() {
        let payload: Vec<u8> = (0..=255).collect();
        let mut stream = frame(Opcode::Binary, &payload, Some([1, 2, 3, 4]));
        stream.extend(frame(Opcode::Text, b"PING\n", Some([5, 6, 7, 8])));
        for piece in [1, 3, 7, 1000] {
            let events = decode(Role::Server, Bulk::Show(256), &stream, piece).unwrap();
            let want = [Owned::Shown(payload.clone()), Owned::Text(b"PING\n".into())];
            assert_eq!(events, want, "{piece}");
        }
        let (first, rest) = Piece::plain(&payload).split_at(7);
        assert_eq!(
            (first.len(), rest.get(0), rest.get(249)),
            (7, Some(7), None)
        );
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(payload in proptest::collection::vec(any::<u8>(), 0..300), mask in any::<[u8; 4]>(), piece in 1_usize..64) {
            let bytes = frame(Opcode::Binary, &payload, Some(mask));
            let got = decode(Role::Server, Bulk::Keep(300), &bytes, piece).unwrap();
            prop_assert_eq!(got, [Owned::Binary(payload)]);
        }

        #[test]
        fn skipping_counts_like_reading(sizes in proptest::collection::vec(0_usize..400, 1..8), piece in 1_usize..64, skip in 1_u64..200) {
            let binary = |&size: &usize| frame(Opcode::Binary, &vec![7; size], MASK);
            let mut input = sizes.iter().map(binary).collect::<Vec<_>>().concat();
            input.extend(frame(Opcode::Text, b"end", MASK));
            let mut decoder = Decoder::new(Role::Server, Bulk::Count(1 << 24));
            let (mut at, mut counted, mut text) = (0, 0, false);
            while at < input.len() {
                let skipped = decoder.skip(skip);
                at += usize::try_from(skipped).unwrap();
                counted += skipped;
                let next = &input[at..(at + piece).min(input.len())];
                decoder.feed(next, |event| match event {
                    Event::Counted(n) => counted += n,
                    other => text = other == Event::Text(b"end"),
                }).unwrap();
                at += next.len();
            }
            prop_assert!(text);
            prop_assert_eq!(counted, sizes.iter().sum::<usize>() as u64);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..64, server in any::<bool>()) {
            let role = if server { Role::Server } else { Role::Client };
            let whole = decode(role, Bulk::Count(1 << 24), &bytes, usize::MAX);
            prop_assert_eq!(whole, decode(role, Bulk::Count(1 << 24), &bytes, piece));
        }
    }
}
