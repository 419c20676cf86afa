//! Messages that grow, as M-Lab's tests send them: which size is next, and
//! where in it we are.

use super::Opcode;
use super::encode::header;

/// A message doubles once it is at most this share of what was sent
/// (ndt7 v0.11.0 "Adaptive message size"; msak `throughput1` `ScalingFraction`).
pub const SCALING_FRACTION: u64 = 16;
/// Smallest message.
const LEAST_MESSAGE_BYTES: usize = 1 << 10;
/// Largest message: clients read no larger ones.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// What is written at a time.
const BLOCK_BYTES: usize = 128 * 1024;

/// The beginning of a frame of each size, 1 KiB to 1 MiB, and the block with
/// which a longer one goes on, over and over: a program that sends from few
/// bytes sends from the processor's cache.
#[derive(Debug)]
pub struct Frames {
    first: Vec<Vec<u8>>,
    block: Vec<u8>,
}

impl Frames {
    /// Frames filled with `random`, repeated where it is shorter than a block.
    pub fn new(random: &[u8]) -> Self {
        let sizes = std::iter::successors(Some(LEAST_MESSAGE_BYTES), |size| Some(size * 2));
        let sizes = sizes.take_while(|&size| size <= MAX_MESSAGE_BYTES);
        let block: Vec<u8> = random.iter().copied().cycle().take(BLOCK_BYTES).collect();
        Self {
            first: sizes.map(|size| first_of(&block, size)).collect(),
            block,
        }
    }
}

/// The header of a frame of `size` bytes, and as much of its payload as a block.
fn first_of(block: &[u8], size: usize) -> Vec<u8> {
    let (header, length) = header(Opcode::Binary, size as u64, None);
    [&header[..length], &block[..size.min(block.len())]].concat()
}

/// Says what to write next.
#[derive(Debug)]
pub struct Sender<'a> {
    frames: &'a Frames,
    /// Which size is being sent.
    size: usize,
    /// Payload of the frame that is being written.
    payload: usize,
    /// The beginning of that frame where it is shorter than its size.
    cut: Vec<u8>,
    /// Bytes of the frame that were written.
    at: usize,
    /// Payload of whole messages that were written.
    sent: u64,
    /// Bytes of text between the messages.
    text: u64,
    /// Most bytes of both.
    most: u64,
}

impl<'a> Sender<'a> {
    /// At the start of a download that begins with messages of `first` bytes,
    /// a power of two from 1 KiB to 1 MiB, and never ends.
    pub fn new(frames: &'a Frames, first: usize) -> Self {
        Self::limited(frames, first, u64::MAX)
    }

    /// The same, ended when messages and text come to `most` bytes.
    pub fn limited(frames: &'a Frames, first: usize, most: u64) -> Self {
        let first = first.clamp(LEAST_MESSAGE_BYTES, MAX_MESSAGE_BYTES);
        let mut sender = Self {
            frames,
            size: (first / LEAST_MESSAGE_BYTES).ilog2() as usize,
            payload: 0,
            cut: Vec::new(),
            at: 0,
            sent: 0,
            text: 0,
            most,
        };
        sender.begin();
        sender
    }

    /// What comes next of the frame that is being written, at most a block and
    /// its header; empty only when the download [is over](Self::is_over).
    pub fn next(&self) -> &[u8] {
        if self.is_over() {
            return &[];
        }
        match self.first().get(self.at..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => {
                let left = self.length() - self.at;
                &self.frames.block[..left.min(BLOCK_BYTES)]
            }
        }
    }

    /// All that is left of the frame that is being written.
    pub fn rest(&self) -> Vec<u8> {
        let from = self.first().len().min(self.at);
        let begun = self.first()[from..].iter();
        let block = self.frames.block.iter().cycle();
        begun
            .chain(block)
            .copied()
            .take(self.length() - self.at)
            .collect()
    }

    /// Whether no frame is half written, so that another may come between.
    pub const fn is_between(&self) -> bool {
        self.at == 0
    }

    /// Whether all that may be sent was sent.
    pub const fn is_over(&self) -> bool {
        self.is_between() && self.payload == 0
    }

    /// So many bytes of text were sent between two messages.
    pub const fn said(&mut self, bytes: u64) {
        self.text += bytes;
    }

    /// So many bytes of [`next`](Self::next) were written.
    pub fn wrote(&mut self, bytes: usize) {
        self.at += bytes;
        if self.payload == 0 || self.at < self.length() {
            return;
        }
        let whole = self.payload == self.full();
        self.at = 0;
        self.sent += self.payload as u64;
        let small = self.full() as u64 <= (self.sent + self.text) / SCALING_FRACTION;
        if whole && small && self.full() < MAX_MESSAGE_BYTES {
            self.size += 1;
        }
        self.begin();
    }

    /// Payload bytes written, whole messages and parts.
    pub fn sent(&self) -> u64 {
        let header = self.length() - self.payload;
        self.sent + self.at.saturating_sub(header) as u64
    }

    /// The next message, as long as its size and what may still be sent.
    fn begin(&mut self) {
        let left = self.most.saturating_sub(self.sent + self.text);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        self.payload = self.full().min(left);
        self.cut.clear();
        if self.payload < self.full() {
            self.cut = first_of(&self.frames.block, self.payload);
        }
    }

    fn first(&self) -> &[u8] {
        if self.cut.is_empty() {
            &self.frames.first[self.size]
        } else {
            &self.cut
        }
    }

    /// Payload of a frame of the present size.
    const fn full(&self) -> usize {
        LEAST_MESSAGE_BYTES << self.size
    }

    /// Length of the frame that is being written, with its header.
    fn length(&self) -> usize {
        let (_, header) = header(Opcode::Binary, self.payload as u64, None);
        header + self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::super::decoder::{Bulk, Decoder, Event, Role};
    use super::*;
    use proptest::prelude::*;

    fn frames() -> Frames {
        let random: Vec<u8> = (0..100_003_u32)
            .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        Frames::new(&random)
    }

    #[test]
    fn messages_double_at_a_sixteenth_of_what_was_sent() {
        let frames = frames();
        let mut sender = Sender::new(&frames, 1 << 13);
        let mut sizes = vec![];
        for _ in 0..200 {
            sizes.push(sender.rest().len());
            loop {
                let written = sender.next().len();
                sender.wrote(written);
                if sender.is_between() {
                    break;
                }
            }
        }
        // 16 of 8 KiB are sixteen times one, and from then on 8 of each size double the sum.
        assert_eq!(sizes[..16], [(1 << 13) + 4; 16]);
        assert_eq!(sizes[16], (1 << 14) + 4);
        assert_eq!(sizes.last(), Some(&((1 << 20) + 10)));
    }

    #[test]
    fn a_limited_download_ends_to_the_byte() {
        let frames = frames();
        let mut sender = Sender::limited(&frames, 1 << 10, 20_000);
        let mut stream = vec![];
        while !sender.is_over() {
            let next = sender.next();
            stream.extend_from_slice(next);
            let written = next.len();
            sender.wrote(written);
        }
        let (mut decoder, mut counted) = (Decoder::new(Role::Client, Bulk::Count(1 << 20)), 0);
        decoder
            .feed(&stream, |event| {
                if let Event::Counted(n) = event {
                    counted += n;
                }
            })
            .unwrap();
        assert_eq!(
            (counted, sender.sent(), decoder.countable()),
            (20_000, 20_000, 0)
        );
        assert!(sender.next().is_empty());
    }

    proptest! {
        #[test]
        fn any_pieces_are_a_stream_of_messages(pieces in proptest::collection::vec(1_usize..300_000, 1..60)) {
            let frames = frames();
            let mut sender = Sender::new(&frames, 1 << 13);
            let mut decoder = Decoder::new(Role::Client, Bulk::Count(1 << 20));
            let mut counted = 0;
            for piece in pieces {
                let next = sender.next().to_vec();
                let piece = piece.min(next.len());
                decoder.feed(&next[..piece], |event| if let Event::Counted(n) = event { counted += n }).unwrap();
                sender.wrote(piece);
                prop_assert_eq!(sender.sent(), counted);
            }
            if !sender.is_between() {
                decoder.feed(&sender.rest(), |event| if let Event::Counted(n) = event { counted += n }).unwrap();
                prop_assert_eq!(decoder.countable(), 0);
            }
        }
    }
}
