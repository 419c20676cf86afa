//! Upload: payload is counted as it comes, and the client is told every bin.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use metric::bins::{BIN, Bins};
use metric::receipt::Stop;
use metric::unit::Micros;
use net::transport::Transport;
use tokio::time::sleep_until;
use wire::native::message::UploadCount;
use wire::native::spec;
use wire::websocket::decoder::Event;
use wire::websocket::encode::{close_payload, frame};
use wire::websocket::{self, Opcode};

use super::{Intake, Read, Track, last_words};

/// Bytes read between two looks at the clock.
const READS_PER_TURN: u32 = 16;
/// How long a client may take to hear why a cap ended its stream.
const LINGER: Duration = Duration::from_millis(500);
/// Counts that may wait for a client that does not read them.
const MAX_WAITING_BYTES: usize = 64 * 1024;

pub(super) async fn run(mut socket: Transport, early: Bytes, track: Track<'_>) {
    let mut upload = Upload::new(&track);
    let why = match upload.hear(&early) {
        Some(why) => why,
        None => upload.drive(&mut socket).await,
    };
    track.leave(&socket, why);
    let reason = match why {
        Stop::TimeCap => spec::CLOSE_TIME_CAP,
        Stop::ByteCap => spec::CLOSE_BYTE_CAP,
        Stop::Client => "",
        _ => return,
    };
    upload.tell_until(Bins::index(track.subtest.elapsed()) + 1);
    let close = close_payload(websocket::spec::CLOSE_NORMAL, reason);
    upload.waiting.extend(frame(Opcode::Close, &close, None));
    last_words(&mut socket, &upload.waiting).await;
    if why != Stop::Client {
        // Dropping a connection with unread data resets it, and a reset may
        // overtake the reason; the client needs a moment to hear it.
        tokio::time::sleep(LINGER).await;
    }
}

struct Upload<'a> {
    track: &'a Track<'a>,
    intake: Intake,
    /// This stream's own bins.
    bins: Bins,
    /// First bin not yet told.
    next: usize,
    /// Frames not yet written.
    waiting: Vec<u8>,
}

impl<'a> Upload<'a> {
    fn new(track: &'a Track<'a>) -> Self {
        Self {
            track,
            intake: Intake::new(spec::MAX_UPLOAD_MESSAGE_BYTES),
            bins: Bins::new(),
            next: Bins::index(track.subtest.elapsed()),
            waiting: Vec::new(),
        }
    }

    async fn drive(&mut self, socket: &mut Transport) -> Stop {
        let mut ticks = self.track.ticks();
        let mut ended = pin!(self.track.session.ended());
        let mut deadline = pin!(sleep_until(self.track.deadline));
        loop {
            tokio::select! {
                biased;
                why = &mut ended => return why,
                () = &mut deadline => return Stop::TimeCap,
                _ = ticks.tick() => {
                    self.track.sample(socket);
                    self.tell_until(Bins::index(self.track.subtest.elapsed()));
                    if self.track.is_full() {
                        return Stop::ByteCap;
                    }
                    if self.write(socket).is_err() || self.waiting.len() > MAX_WAITING_BYTES {
                        return Stop::Failed;
                    }
                }
                _ = socket.readable() => if let Some(why) = self.read(socket) {
                    return why;
                },
            }
        }
    }

    fn read(&mut self, socket: &mut Transport) -> Option<Stop> {
        for _ in 0..READS_PER_TURN {
            let mut heard = Heard::default();
            match self.intake.read(socket, |event| heard.take(&event)) {
                Read::Bytes(_) => {}
                Read::Later => return None,
                Read::Gone => return Some(Stop::Failed),
            }
            if let Some(why) = self.count(heard) {
                return Some(why);
            }
        }
        None
    }

    fn hear(&mut self, early: &[u8]) -> Option<Stop> {
        let mut heard = Heard::default();
        let fed = self.intake.feed(early, |event| heard.take(&event));
        let why = self.count(heard);
        fed.map_or(Some(Stop::Failed), |()| why)
    }

    /// Counts payload; a close frame stops the stream.
    fn count(&mut self, heard: Heard) -> Option<Stop> {
        let at = self.track.subtest.elapsed();
        self.track.moved(at, heard.bytes);
        self.bins.add(at, heard.bytes);
        let spent = heard.bytes > 0 && self.track.spend(heard.bytes);
        let full = spent.then_some(Stop::ByteCap);
        heard.closed.then_some(Stop::Client).or(full)
    }

    /// Queues a message for every bin before `end` that was not told yet.
    fn tell_until(&mut self, end: usize) {
        self.bins.pass(Micros(end as u64 * BIN.0));
        for bin in self.next..end {
            let bytes = self.bins.bytes().get(bin).copied().unwrap_or(0);
            let count = UploadCount { bin, bytes };
            let text = serde_json::to_vec(&count).unwrap_or_default();
            self.waiting.extend(frame(Opcode::Text, &text, None));
        }
        self.next = self.next.max(end);
    }

    fn write(&mut self, socket: &mut Transport) -> io::Result<()> {
        match socket.try_write(&self.waiting) {
            Ok(written) => drop(self.waiting.drain(..written)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// What some bytes held.
#[derive(Clone, Copy, Default)]
struct Heard {
    bytes: u64,
    closed: bool,
}

impl Heard {
    const fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Counted(n) => self.bytes += *n,
            Event::Close(..) => self.closed = true,
            _ => {}
        }
    }
}
