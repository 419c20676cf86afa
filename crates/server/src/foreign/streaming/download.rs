//! Download: messages that grow, measurements between them.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use metric::receipt::Stop;
use net::transport::Transport;
use tokio::time::sleep_until;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::growing::Sender;

use super::{Dialect, Heard, Run};
use crate::measure::{Read, ticks, try_read};

/// Writes between two looks at the clock and at what the client says.
const WRITES_PER_TURN: u32 = 16;

pub(super) async fn run<D: Dialect>(
    run: &mut Run<D>,
    socket: &mut Transport,
    early: &[u8],
) -> Stop {
    let site = Arc::clone(run.transfer.site());
    let most = run.dialect.most_sent().unwrap_or(u64::MAX);
    let mut download = Download {
        sender: Sender::limited(site.frames(), D::FIRST_MESSAGE_BYTES, most),
        decoder: Decoder::new(Role::Server, Bulk::Count(0)),
    };
    let why = match download.hear(run, early) {
        Some(why) => why,
        None => download.drive(run, socket).await,
    };
    // What is left of a message has to come before the close frame.
    if why != Stop::Failed && !download.sender.is_between() {
        run.waiting.splice(..0, download.sender.rest());
    }
    why
}

struct Download<'a> {
    sender: Sender<'a>,
    decoder: Decoder,
}

impl Download<'_> {
    async fn drive<D: Dialect>(&mut self, run: &mut Run<D>, socket: &mut Transport) -> Stop {
        let mut bins = ticks(run.transfer.subtest());
        let mut buffer = [0; 4096];
        let mut deadline = pin!(sleep_until(run.after(run.dialect.runtime())));
        loop {
            tokio::select! {
                biased;
                () = &mut deadline => {
                    run.measure(socket, self.sender.sent());
                    return Stop::TimeCap;
                }
                () = sleep_until(run.next) => {
                    if run.measure(socket, self.sender.sent()) {
                        return Stop::ByteCap;
                    }
                    if run.is_clogged() {
                        return Stop::Failed;
                    }
                }
                _ = bins.tick() => run.sample(socket),
                _ = socket.readable() => match try_read(socket, &mut buffer) {
                    Read::Bytes(n) => if let Some(why) = self.hear(run, &buffer[..n]) {
                        return why;
                    },
                    Read::Later => {}
                    Read::Gone => return Stop::Failed,
                },
                _ = socket.writable() => if self.write(run, socket).is_err() {
                    return self.last_heard(run, socket, &mut buffer);
                } else if self.sender.is_over() {
                    run.measure(socket, self.sender.sent());
                    return Stop::ByteCap;
                },
            }
        }
    }

    /// A client that closes with data on its way resets the connection; its
    /// close frame may still be there to read.
    fn last_heard<D: Dialect>(
        &mut self,
        run: &mut Run<D>,
        socket: &mut Transport,
        buffer: &mut [u8],
    ) -> Stop {
        match try_read(socket, buffer) {
            Read::Bytes(n) => self.hear(run, &buffer[..n]).unwrap_or(Stop::Failed),
            Read::Later | Read::Gone => Stop::Failed,
        }
    }

    /// Takes what the client says; a binary message breaks the protocol.
    fn hear<D: Dialect>(&mut self, run: &mut Run<D>, input: &[u8]) -> Option<Stop> {
        let (mut heard, mut stop) = (vec![], None);
        let read = self.decoder.feed(input, |event| match event {
            Event::Text(text) => heard.push(Heard::Text(text.to_vec())),
            Event::Ping(payload) => heard.push(Heard::Ping(payload.to_vec())),
            Event::Close(..) => stop = Some(Stop::Client),
            Event::Counted(_) | Event::Binary(_) | Event::Shown(_) => stop = Some(Stop::Failed),
        });
        match (read, run.take(heard)) {
            (Ok(()), Some(())) => stop,
            _ => Some(Stop::Failed),
        }
    }

    fn write<D: Dialect>(&mut self, run: &mut Run<D>, socket: &mut Transport) -> io::Result<()> {
        for _ in 0..WRITES_PER_TURN {
            match self.write_once(run, socket) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn write_once<D: Dialect>(
        &mut self,
        run: &mut Run<D>,
        socket: &mut Transport,
    ) -> io::Result<()> {
        if self.sender.is_between() {
            run.flush(socket)?;
            self.sender.said(std::mem::take(&mut run.said));
        }
        if self.sender.is_over() {
            return Ok(());
        }
        let before = self.sender.sent();
        let written = socket.try_write(self.sender.next())?;
        self.sender.wrote(written);
        run.transfer.moved(self.sender.sent() - before);
        Ok(())
    }
}
