//! Download: frames from one slab, over and over, until someone says stop.

use std::io;
use std::pin::pin;

use bytes::Bytes;
use metric::receipt::Stop;
use net::transport::Transport;
use tokio::time::sleep_until;
use wire::native::spec;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::{close_payload, frame, header};
use wire::websocket::{self, Opcode};

use super::{Read, Track, last_words, try_read};
use crate::site::Site;

/// Writes between two looks at the clock and at what the client says.
const WRITES_PER_TURN: u32 = 16;

pub(super) async fn run(mut socket: Transport, early: Bytes, track: Track<'_>, site: &Site) {
    let mut download = Download::new(&track, site.slab());
    let why = match download.hear(&early) {
        Some(why) => why,
        None => download.drive(&mut socket).await,
    };
    let reason = match why {
        Stop::TimeCap => spec::CLOSE_TIME_CAP,
        Stop::ByteCap => spec::CLOSE_BYTE_CAP,
        // The client has gone, or has its receipt.
        _ => return track.leave(&socket, why),
    };
    let close = close_payload(websocket::spec::CLOSE_NORMAL, reason);
    let rest = [
        download.rest_of_frame(),
        &download.words,
        &frame(Opcode::Close, &close, None),
    ]
    .concat();
    last_words(&mut socket, &rest).await;
    let sent = download.written + rest.len() as u64;
    track.drained(&socket, sent).await;
    track.leave(&socket, why);
}

struct Download<'a> {
    track: &'a Track<'a>,
    decoder: Decoder,
    slab: &'a [u8],
    /// Where in the slab the next byte is.
    at: usize,
    /// Bytes of this stream so far.
    written: u64,
    /// What is still to be said between two frames.
    words: Vec<u8>,
    /// Whether the client was told that BBR's STARTUP is over.
    told: bool,
}

impl<'a> Download<'a> {
    const fn new(track: &'a Track<'a>, slab: &'a [u8]) -> Self {
        let decoder = Decoder::new(Role::Server, Bulk::Count(spec::MAX_PROBE_BYTES));
        Self {
            track,
            decoder,
            slab,
            at: 0,
            written: 0,
            words: Vec::new(),
            told: false,
        }
    }

    async fn drive(&mut self, socket: &mut Transport) -> Stop {
        let mut ticks = self.track.ticks();
        let mut buffer = [0; 1024];
        let mut ended = pin!(self.track.session.ended());
        let mut deadline = pin!(sleep_until(self.track.deadline));
        loop {
            tokio::select! {
                biased;
                why = &mut ended => return why,
                () = &mut deadline => return Stop::TimeCap,
                _ = ticks.tick() => {
                    self.track.sample(socket);
                    self.tell(socket);
                    if self.track.is_full() {
                        return Stop::ByteCap;
                    }
                }
                _ = socket.readable() => match try_read(socket, &mut buffer) {
                    Read::Bytes(n) => if let Some(why) = self.hear(&buffer[..n]) {
                        return why;
                    },
                    Read::Later => {}
                    Read::Gone => return Stop::Failed,
                },
                _ = socket.writable() => match self.write(socket) {
                    Ok(None) => {}
                    Ok(Some(why)) => return why,
                    Err(_) => return self.last_heard(socket, &mut buffer),
                },
            }
        }
    }

    /// A client that closes with data on its way resets the connection; its
    /// close frame may still be there to read.
    fn last_heard(&mut self, socket: &mut Transport, buffer: &mut [u8]) -> Stop {
        match try_read(socket, buffer) {
            Read::Bytes(n) => self.hear(&buffer[..n]).unwrap_or(Stop::Failed),
            Read::Later | Read::Gone => Stop::Failed,
        }
    }

    /// Takes what the client says; a close frame stops the stream.
    fn hear(&mut self, input: &[u8]) -> Option<Stop> {
        let mut stop = None;
        let heard = self.decoder.feed(input, |event| {
            if matches!(event, Event::Close(..)) {
                stop = Some(Stop::Client);
            }
        });
        heard.map_or(Some(Stop::Failed), |()| stop)
    }

    /// Writes for a turn; the reason when all that the direction may carry is
    /// on its way.
    fn write(&mut self, socket: &mut Transport) -> io::Result<Option<Stop>> {
        for _ in 0..WRITES_PER_TURN {
            let rest = self.next();
            let allowed = self.track.reserve(rest.len());
            if allowed == 0 {
                return Ok(Some(Stop::ByteCap));
            }
            let tried = socket.try_write(&rest[..allowed]);
            let written = tried.as_ref().map_or(0, |n| *n);
            self.track.give_back(allowed - written);
            match tried {
                Ok(_) => self.wrote(written),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// Tells the client, once, that BBR's STARTUP is over.
    fn tell(&mut self, socket: &Transport) {
        if self.told {
            return;
        }
        if let Some(left) = self.track.left_startup(socket) {
            let text = serde_json::to_vec(&left).unwrap_or_default();
            self.words = frame(Opcode::Text, &text, None);
            self.told = true;
        }
    }

    /// The next bytes: the slab, over and over; words come between two frames.
    fn next(&self) -> &[u8] {
        let rest = self.rest_of_frame();
        match (self.words.is_empty(), rest.is_empty()) {
            (true, _) => &self.slab[self.at..],
            (false, true) => &self.words,
            (false, false) => rest,
        }
    }

    /// So many of the next bytes are written.
    fn wrote(&mut self, written: usize) {
        self.track
            .moved(self.track.subtest.elapsed(), written as u64);
        self.written += written as u64;
        if !self.words.is_empty() && self.rest_of_frame().is_empty() {
            self.words.drain(..written);
        } else {
            self.at = (self.at + written) % self.slab.len();
        }
    }

    /// What is missing of the frame being sent.
    fn rest_of_frame(&self) -> &'a [u8] {
        let payload = spec::DOWNLOAD_MESSAGE_BYTES;
        let (_, header) = header(Opcode::Binary, payload as u64, None);
        let end = self.at.next_multiple_of(header + payload);
        &self.slab[self.at..end]
    }
}
