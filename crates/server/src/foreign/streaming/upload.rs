//! Upload: payload is counted as it comes, and the client is told.

use std::io;
use std::pin::pin;

use metric::receipt::Stop;
use net::transport::Transport;
use tokio::time::sleep_until;
use wire::websocket::decoder::Event;

use super::{Dialect, Heard, Run};
use crate::measure::{Intake, Read, ticks};

/// Reads between two looks at the clock.
const READS_PER_TURN: u32 = 16;

pub(super) async fn run<D: Dialect>(
    run: &mut Run<D>,
    socket: &mut Transport,
    early: &[u8],
) -> Stop {
    let mut upload = Upload {
        intake: Intake::new(D::MAX_RECEIVED_MESSAGE_BYTES),
        bytes: 0,
    };
    match upload.hear(run, early) {
        Some(why) => why,
        None => upload.drive(run, socket).await,
    }
}

struct Upload {
    intake: Intake,
    bytes: u64,
}

impl Upload {
    async fn drive<D: Dialect>(&mut self, run: &mut Run<D>, socket: &mut Transport) -> Stop {
        let mut bins = ticks(run.transfer.subtest());
        let mut deadline = pin!(sleep_until(run.after(run.dialect.runtime())));
        loop {
            tokio::select! {
                biased;
                () = &mut deadline => {
                    run.measure(socket, self.bytes);
                    return Stop::TimeCap;
                }
                () = sleep_until(run.next) => {
                    if run.measure(socket, self.bytes) {
                        return Stop::ByteCap;
                    }
                    if run.is_clogged() {
                        return Stop::Failed;
                    }
                }
                _ = bins.tick() => run.sample(socket),
                _ = socket.writable(), if !run.waiting.is_empty() => match run.flush(socket) {
                    Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Stop::Failed,
                    _ => {}
                },
                _ = socket.readable() => if let Some(why) = self.read(run, socket) {
                    return why;
                },
            }
        }
    }

    fn read<D: Dialect>(&mut self, run: &mut Run<D>, socket: &mut Transport) -> Option<Stop> {
        for _ in 0..READS_PER_TURN {
            let mut said = Said::default();
            match self.intake.read(socket, |event| said.take(&event)) {
                Read::Bytes(_) => {}
                Read::Later => return None,
                Read::Gone => return Some(Stop::Failed),
            }
            if let Some(why) = self.count(run, said) {
                return Some(why);
            }
        }
        None
    }

    fn hear<D: Dialect>(&mut self, run: &mut Run<D>, early: &[u8]) -> Option<Stop> {
        let mut said = Said::default();
        let fed = self.intake.feed(early, |event| said.take(&event));
        let why = self.count(run, said);
        fed.map_or(Some(Stop::Failed), |()| why)
    }

    /// Counts payload; a close frame stops the stream.
    fn count<D: Dialect>(&mut self, run: &mut Run<D>, said: Said) -> Option<Stop> {
        self.bytes += said.bytes;
        run.transfer.moved(said.bytes);
        match run.take(said.heard) {
            Some(()) => said.closed.then_some(Stop::Client),
            None => Some(Stop::Failed),
        }
    }
}

/// What some bytes held.
#[derive(Default)]
struct Said {
    bytes: u64,
    heard: Vec<Heard>,
    closed: bool,
}

impl Said {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Counted(n) => self.bytes += n,
            Event::Text(text) => self.heard.push(Heard::Text(text.to_vec())),
            Event::Ping(payload) => self.heard.push(Heard::Ping(payload.to_vec())),
            Event::Close(..) => self.closed = true,
            Event::Binary(_) | Event::Shown(_) => {}
        }
    }
}
