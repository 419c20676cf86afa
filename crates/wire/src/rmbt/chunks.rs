//! What a download sends: chunks of one size, the last byte of each telling
//! whether another follows.

use super::spec::{LAST, MORE};
use crate::websocket::Opcode;
use crate::websocket::encode::header;

/// Length of the block that chunks are cut from, and of what small ones are
/// laid end to end up to.
const BLOCK_BYTES: usize = 128 * 1024;

/// A block of random bytes whose last is [`MORE`]: a piece that ends where the
/// block ends can end a chunk.
#[derive(Debug)]
pub struct Block(Vec<u8>);

impl Block {
    /// Filled with `random`, repeated where it is shorter.
    pub fn new(random: &[u8]) -> Self {
        let mut block: Vec<u8> = random.iter().copied().cycle().take(BLOCK_BYTES).collect();
        if let Some(last) = block.last_mut() {
            *last = MORE;
        }
        Self(block)
    }
}

/// Says what to write next.
#[derive(Debug)]
pub struct Chunks<'a> {
    block: &'a Block,
    /// A chunk with what frames it; small ones several times.
    head: Vec<u8>,
    /// Bytes that frame a chunk.
    header: usize,
    /// Bytes of a chunk.
    size: usize,
    /// Chunks before the last one.
    before: u64,
    /// Bytes that were written, with what frames them.
    written: u64,
}

impl<'a> Chunks<'a> {
    /// Chunks of `size` bytes, each a frame of a WebSocket if they are `framed`;
    /// `before` of them, and the last one.
    pub fn new(block: &'a Block, size: u32, framed: bool, before: u64) -> Self {
        let size = (size as usize).max(1);
        let (bytes, length) = header(Opcode::Binary, size as u64, None);
        let length = if framed { length } else { 0 };
        let from = match size % block.0.len() {
            0 => 0,
            odd => block.0.len() - odd,
        };
        let one = [&bytes[..length], &block.0[from..]].concat();
        let times = if size <= block.0.len() {
            (BLOCK_BYTES / one.len()).max(1)
        } else {
            1
        };
        Self {
            block,
            head: one.repeat(times),
            header: length,
            size,
            before,
            written: 0,
        }
    }

    /// What comes next; empty when all was written.
    pub fn next(&self) -> &[u8] {
        let at = self.at();
        let next = match self.head.get(at..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => &self.block.0[(at - self.head.len()) % self.block.0.len()..],
        };
        let left = if self.is_last() {
            // All but the byte that says so.
            self.length() - 1 - at
        } else if self.size > self.block.0.len() {
            self.length() - at
        } else {
            self.whole_left()
        };
        match (self.is_over(), self.is_last() && left == 0) {
            (true, _) => &[],
            (_, true) => &[LAST],
            _ => &next[..left.min(next.len())],
        }
    }

    /// So many bytes of [`next`](Self::next) were written.
    pub const fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    /// No chunk begins any more but the last one.
    pub fn finish(&mut self) {
        self.before = self.before.min(self.written.div_ceil(self.length() as u64));
    }

    /// Whether all was written.
    pub const fn is_over(&self) -> bool {
        self.written / self.length() as u64 > self.before
    }

    /// Bytes of chunks that were written.
    pub fn sent(&self) -> u64 {
        let whole = self.written / self.length() as u64;
        whole * self.size as u64 + self.at().saturating_sub(self.header) as u64
    }

    const fn is_last(&self) -> bool {
        self.written / self.length() as u64 == self.before
    }

    /// Bytes to write before the last chunk begins.
    fn whole_left(&self) -> usize {
        let end = self.before.saturating_mul(self.length() as u64);
        usize::try_from(end - self.written.min(end)).unwrap_or(usize::MAX)
    }

    /// Where in its chunk the next byte stands.
    fn at(&self) -> usize {
        usize::try_from(self.written % self.length() as u64).unwrap_or(0)
    }

    /// A chunk with what frames it.
    const fn length(&self) -> usize {
        self.header + self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::decoder::{Bulk, Decoder, Event, Role};
    use proptest::prelude::*;

    fn block() -> Block {
        let random: Vec<u8> = (0..100_003_u32)
            .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        Block::new(&random)
    }

    /// All that is written, in pieces of at most `piece` bytes.
    fn written(chunks: &mut Chunks<'_>, piece: usize) -> Vec<u8> {
        let mut all = vec![];
        while !chunks.is_over() {
            let next = chunks.next();
            let taken = next.len().min(piece);
            assert!(taken > 0);
            all.extend_from_slice(&next[..taken]);
            chunks.wrote(taken);
        }
        assert!(chunks.next().is_empty());
        all
    }

    #[track_caller]
    fn ends_once(bytes: &[u8], size: usize, count: usize) {
        assert_eq!(bytes.len(), size * count);
        let ends: Vec<_> = bytes.chunks(size).map(|chunk| chunk[size - 1]).collect();
        assert!(ends[..count - 1].iter().all(|&end| end == MORE));
        assert_eq!(ends[count - 1], LAST);
    }

    #[test]
    fn the_last_chunk_alone_says_that_it_is_the_last() {
        let block = block();
        for (size, before) in [
            (4096, 0),
            (4096, 100),
            (131_072, 3),
            (200_000, 2),
            (4_194_304, 1),
        ] {
            let mut chunks = Chunks::new(&block, size, false, before);
            let all = written(&mut chunks, usize::MAX);
            let count = usize::try_from(before).unwrap() + 1;
            ends_once(&all, size as usize, count);
            assert_eq!(chunks.sent(), all.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn frames_hold_one_chunk_each_whenever_it_ends(
            size in 4096_u32..300_000,
            piece in 1_usize..200_000,
            pieces in 0_usize..20,
            framed in any::<bool>(),
        ) {
            let block = block();
            let mut chunks = Chunks::new(&block, size, framed, u64::MAX);
            let mut all = vec![];
            for _ in 0..pieces {
                let next = chunks.next();
                let taken = next.len().min(piece);
                all.extend_from_slice(&next[..taken]);
                chunks.wrote(taken);
            }
            chunks.finish();
            all.extend(written(&mut chunks, usize::MAX));
            let mut payload = all.clone();
            if framed {
                payload.clear();
                let mut decoder = Decoder::new(Role::Client, Bulk::Keep(1 << 20));
                decoder.feed(&all, |event| {
                    if let Event::Binary(chunk) = event {
                        assert_eq!(chunk.len(), size as usize);
                        payload.extend_from_slice(chunk);
                    }
                }).unwrap();
            }
            let size = size as usize;
            ends_once(&payload, size, payload.len() / size);
            prop_assert_eq!(chunks.sent(), payload.len() as u64);
        }
    }
}
