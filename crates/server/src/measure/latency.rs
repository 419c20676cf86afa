//! Latency: every message comes back at once.

use bytes::Bytes;
use net::transport::Transport;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};
use wire::native::spec;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Malformed, Role};
use wire::websocket::encode::frame;

use crate::session::Session;

pub(super) async fn run(mut socket: Transport, early: Bytes, session: &Session) {
    let deadline = session.started + session.claims.caps.session_us.duration();
    let echo = async {
        let mut echo = Echo::new(session);
        let mut answer = echo.answer(&early)?;
        let mut buffer = [0; 4096];
        while !echo.closed {
            socket.write_all(&answer).await.ok()?;
            socket.flush().await.ok()?;
            let read = socket.read(&mut buffer).await.ok().filter(|&n| n > 0)?;
            answer = echo.answer(&buffer[..read])?;
        }
        Some(())
    };
    tokio::select! {
        _ = echo => {}
        _ = session.ended() => {}
        () = sleep_until(Instant::from_std(deadline)) => {}
    }
}

struct Echo<'a> {
    session: &'a Session,
    decoder: Decoder,
    closed: bool,
}

impl<'a> Echo<'a> {
    const fn new(session: &'a Session) -> Self {
        let decoder = Decoder::new(Role::Server, Bulk::Keep(spec::MAX_PROBE_BYTES));
        Self {
            session,
            decoder,
            closed: false,
        }
    }

    /// What to send for what was read; `None` when the peer breaks the protocol.
    fn answer(&mut self, input: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let read: Result<(), Malformed> = self.decoder.feed(input, |event| match event {
            Event::Binary(probe) => {
                self.session.echoed();
                out.extend(frame(Opcode::Binary, probe, None));
            }
            Event::Ping(payload) => out.extend(frame(Opcode::Pong, payload, None)),
            Event::Close(..) => self.closed = true,
            Event::Counted(_) | Event::Shown(_) | Event::Text(_) => {}
        });
        read.ok().map(|()| out)
    }
}
