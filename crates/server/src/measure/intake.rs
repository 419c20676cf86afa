//! Reading messages of which most bytes are only counted.

use net::transport::Transport;
use wire::websocket::decoder::{Bulk, Decoder, Event, Malformed, Role};

use super::{Read, try_read};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;
/// What is left of a message when throwing it away is worth a call of its own.
const WORTH_BYTES: u64 = 32 * 1024;
/// What is read at a time after a message that was thrown away: the header of
/// the next, and little of what follows it.
const HEADER_BYTES: usize = 64;

/// The receiving end of an upload by WebSocket.
pub(crate) struct Intake {
    decoder: Decoder,
    buffer: Vec<u8>,
    /// How much of the buffer the next read may fill.
    most: usize,
}

impl Intake {
    /// Takes binary messages of at most `most` bytes a frame.
    pub(crate) fn new(most: u64) -> Self {
        Self {
            decoder: Decoder::new(Role::Server, Bulk::Count(most)),
            buffer: vec![0; BUFFER_BYTES],
            most: BUFFER_BYTES,
        }
    }

    /// Takes bytes that came with the request.
    pub(crate) fn feed(
        &mut self,
        early: &[u8],
        on: impl FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        self.decoder.feed(early, on)
    }

    /// Takes what is there, once; a peer that breaks the protocol is gone.
    ///
    /// What is left of a long message is thrown away in the kernel, where the
    /// connection can: copying it here would cost more than all the rest.
    pub(crate) fn read(&mut self, socket: &mut Transport, mut on: impl FnMut(Event<'_>)) -> Read {
        let left = self.decoder.countable();
        if left >= WORTH_BYTES && socket.can_discard() {
            return self.discard(left, socket, on);
        }
        let read = try_read(socket, &mut self.buffer[..self.most]);
        let Read::Bytes(n) = read else { return read };
        self.most = BUFFER_BYTES;
        match self.decoder.feed(&self.buffer[..n], &mut on) {
            Ok(()) => read,
            Err(_) => Read::Gone,
        }
    }

    fn discard(
        &mut self,
        left: u64,
        socket: &mut Transport,
        mut on: impl FnMut(Event<'_>),
    ) -> Read {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let discarded = Read::of(socket.try_discard(most));
        if let Read::Bytes(n) = discarded {
            on(Event::Counted(self.decoder.skip(n as u64)));
            self.most = HEADER_BYTES;
        }
        discarded
    }
}
