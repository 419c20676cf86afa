//! Upload: payload is counted as it comes, and the client is told.

use std::io;
use std::pin::pin;

use metric::receipt::Stop;
use net::transport::Transport;
use tokio::time::sleep_until;
use wire::ndt7::spec;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};

use super::{Heard, Run};
use crate::measure::{Read, ticks, try_read};

/// Reads between two looks at the clock.
const READS_PER_TURN: u32 = 16;

pub(super) async fn run(run: &mut Run<'_>, socket: &mut Transport, early: &[u8]) -> Stop {
    let most = spec::MAX_RECEIVED_MESSAGE_BYTES;
    let mut upload = Upload {
        decoder: Decoder::new(Role::Server, Bulk::Count(most)),
        bytes: 0,
    };
    match upload.hear(run, early) {
        Some(why) => why,
        None => upload.drive(run, socket).await,
    }
}

struct Upload {
    decoder: Decoder,
    bytes: u64,
}

impl Upload {
    async fn drive(&mut self, run: &mut Run<'_>, socket: &mut Transport) -> Stop {
        let mut bins = ticks(&run.subtest);
        let mut buffer = vec![0; 256 * 1024];
        let mut deadline = pin!(sleep_until(run.after(spec::RUNTIME)));
        loop {
            tokio::select! {
                biased;
                () = &mut deadline => {
                    run.measure(socket, self.bytes);
                    return Stop::TimeCap;
                }
                () = sleep_until(run.next) => {
                    run.measure(socket, self.bytes);
                    if run.is_clogged() {
                        return Stop::Failed;
                    }
                }
                _ = bins.tick() => run.sample(socket),
                _ = socket.writable(), if !run.waiting.is_empty() => match run.flush(socket) {
                    Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Stop::Failed,
                    _ => {}
                },
                _ = socket.readable() => if let Some(why) = self.read(run, socket, &mut buffer) {
                    return why;
                },
            }
        }
    }

    fn read(
        &mut self,
        run: &mut Run<'_>,
        socket: &mut Transport,
        buffer: &mut [u8],
    ) -> Option<Stop> {
        for _ in 0..READS_PER_TURN {
            match try_read(socket, buffer) {
                Read::Bytes(n) => {
                    if let Some(why) = self.hear(run, &buffer[..n]) {
                        return Some(why);
                    }
                }
                Read::Later => return None,
                Read::Gone => return Some(Stop::Failed),
            }
        }
        None
    }

    /// Counts payload; a close frame stops the stream.
    fn hear(&mut self, run: &mut Run<'_>, input: &[u8]) -> Option<Stop> {
        let (mut bytes, mut heard, mut stop) = (0, vec![], None);
        let read = self.decoder.feed(input, |event| match event {
            Event::Counted(n) => bytes += n,
            Event::Text(text) => heard.push(Heard::Text(text.to_vec())),
            Event::Ping(payload) => heard.push(Heard::Ping(payload.to_vec())),
            Event::Close(..) => stop = Some(Stop::Client),
            Event::Binary(_) => {}
        });
        self.bytes += bytes;
        run.moved(bytes);
        match (read, run.take(heard)) {
            (Ok(()), Some(())) => stop,
            _ => Some(Stop::Failed),
        }
    }
}
