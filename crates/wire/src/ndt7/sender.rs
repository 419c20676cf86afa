//! The download's messages: which size is next, and where in it we are.

use super::spec;
use crate::websocket::Opcode;
use crate::websocket::encode::header;

/// The beginning of a frame of each size, 8 KiB to 1 MiB, and the block with
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
        let sizes = std::iter::successors(Some(spec::FIRST_MESSAGE_BYTES), |size| Some(size * 2));
        let sizes = sizes.take_while(|&size| size <= spec::MAX_SENT_MESSAGE_BYTES);
        let block: Vec<u8> = random.iter().copied().cycle().take(BLOCK_BYTES).collect();
        Self {
            first: sizes.map(|size| first_of(&block, size)).collect(),
            block,
        }
    }
}

/// What is written at a time.
const BLOCK_BYTES: usize = 128 * 1024;

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
    /// Bytes of the frame that were written.
    at: usize,
    /// Payload of whole messages that were written.
    sent: u64,
}

impl<'a> Sender<'a> {
    /// At the start of a download.
    pub const fn new(frames: &'a Frames) -> Self {
        Self {
            frames,
            size: 0,
            at: 0,
            sent: 0,
        }
    }

    /// What comes next of the frame that is being written, at most a block and
    /// its header; never empty.
    pub fn next(&self) -> &'a [u8] {
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

    /// So many bytes of [`next`](Self::next) were written.
    pub fn wrote(&mut self, bytes: usize) {
        self.at += bytes;
        if self.at < self.length() {
            return;
        }
        let payload = self.payload();
        self.at = 0;
        self.sent += payload as u64;
        let small = payload as u64 <= self.sent / spec::SCALING_FRACTION;
        if small && payload < spec::MAX_SENT_MESSAGE_BYTES {
            self.size += 1;
        }
    }

    /// Payload bytes written, whole messages and parts.
    pub fn sent(&self) -> u64 {
        let header = self.length() - self.payload();
        self.sent + self.at.saturating_sub(header) as u64
    }

    fn first(&self) -> &'a [u8] {
        &self.frames.first[self.size]
    }

    /// Payload of the frame that is being written.
    const fn payload(&self) -> usize {
        spec::FIRST_MESSAGE_BYTES << self.size
    }

    /// Length of that frame with its header.
    fn length(&self) -> usize {
        let (_, header) = header(Opcode::Binary, self.payload() as u64, None);
        header + self.payload()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::decoder::{Bulk, Decoder, Event, Role};
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
        let mut sender = Sender::new(&frames);
        let mut sizes = vec![];
        for _ in 0..200 {
            sizes.push(sender.rest().len());
            sender.wrote(sender.next().len());
            while !sender.is_between() {
                sender.wrote(sender.next().len());
            }
        }
        // 16 of 8 KiB are sixteen times one, and from then on 8 of each size double the sum.
        assert_eq!(sizes[..16], [(1 << 13) + 4; 16]);
        assert_eq!(sizes[16], (1 << 14) + 4);
        assert_eq!(sizes.last(), Some(&((1 << 20) + 10)));
    }

    proptest! {
        #[test]
        fn any_pieces_are_a_stream_of_messages(pieces in proptest::collection::vec(1_usize..300_000, 1..60)) {
            let frames = frames();
            let mut sender = Sender::new(&frames);
            let mut decoder = Decoder::new(Role::Client, Bulk::Count(1 << 20));
            let mut counted = 0;
            for piece in pieces {
                let next = sender.next();
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
