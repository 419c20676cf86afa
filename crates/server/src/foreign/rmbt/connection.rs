//! One measuring connection: bytes and time go into the session, and what it
//! says is done.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use metric::receipt::Stop;
use net::transport::Transport;
use tokio::time::{Instant, sleep_until};
use wire::rmbt::chunks::Chunks;
use wire::rmbt::session::{Event, Send, Session, Until};
use wire::rmbt::spec;
use wire::rmbt::token::Key;
use wire::websocket::decoder::{Bulk, Decoder, Event as Frame, Piece, Role};
use wire::websocket::encode::{close_payload, frame};
use wire::websocket::{self, Opcode};

use crate::foreign::Place;
use crate::foreign::running::{Running, Transfer, Watched, Which};
use crate::measure::{Read, last_words, look, prepare, take_over, try_read};
use crate::peer::Peer;
use crate::session::Direction;
use crate::site::Site;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// Reads or writes between two looks at the clock.
const TURNS: u32 = 16;
/// Answers that may wait for a client that does not read.
const MAX_WAITING_BYTES: usize = 64 * 1024;
/// Longest message of a client's WebSocket: a chunk and more.
const MAX_MESSAGE_BYTES: u64 = 1 << 24;
/// How much longer than its time a transfer may take to be taken.
const GRACE: Duration = Duration::from_secs(10);
/// How long a connection lasts at most: trial, pings, download and upload.
const LONGEST: Duration = Duration::from_secs(120);
/// Time between two looks at the kernel's account.
const LOOK: Duration = Duration::from_millis(100);

/// How bytes are framed.
pub(super) struct Framing(Option<Box<Decoder>>);

impl Framing {
    /// Not at all.
    pub(super) const fn bare() -> Self {
        Self(None)
    }

    /// As messages of a WebSocket: text is text, chunks are binary.
    pub(super) fn websocket() -> Self {
        let decoder = Decoder::new(Role::Server, Bulk::Show(MAX_MESSAGE_BYTES));
        Self(Some(Box::new(decoder)))
    }

    const fn is_websocket(&self) -> bool {
        self.0.is_some()
    }

    fn say(&self, text: &str) -> Vec<u8> {
        if self.is_websocket() {
            frame(Opcode::Text, text.as_bytes(), None)
        } else {
            text.as_bytes().to_vec()
        }
    }
}

/// Waits for the upgrade and drives the connection to its end.
pub(super) async fn run(
    site: Arc<Site>,
    peer: Peer,
    key: Key,
    framing: Framing,
    upgraded: OnUpgrade,
    _place: Place,
) {
    let Some((mut socket, early)) = take_over(upgraded).await else {
        return;
    };
    prepare(&socket, &site);
    let mut run = Run::begin(&site, peer, key, framing);
    run.hear(&socket, &early);
    let why = run.drive(&mut socket).await;
    run.end(&mut socket, why).await;
}

struct Run<'a> {
    site: &'a Arc<Site>,
    peer: Peer,
    session: Session,
    framing: Framing,
    began: Instant,
    /// When the client has to have done what it is about.
    limit: Instant,
    /// What is to be written.
    waiting: Vec<u8>,
    test: Option<Arc<Watched>>,
    /// Lines of this connection in the records of the two directions.
    download: Option<Transfer>,
    upload: Option<Transfer>,
    /// Which of them moves bytes now.
    moving: Option<Direction>,
    sending: Option<Sending<'a>>,
    closed: bool,
}

/// Chunks on their way.
struct Sending<'a> {
    chunks: Chunks<'a>,
    /// When the last one begins; `None` where they are counted.
    until: Option<Instant>,
}

impl<'a> Run<'a> {
    fn begin(site: &'a Arc<Site>, peer: Peer, key: Key, framing: Framing) -> Self {
        let longest = Duration::from_secs(site.config().max_subtest_seconds.into());
        let now = Instant::from_std(net::now());
        let greeting = Session::greeting().map(|line| framing.say(line));
        Self {
            site,
            peer,
            session: Session::new(key, net::wall_clock(), longest),
            framing,
            began: now,
            limit: now + spec::PATIENCE,
            waiting: greeting.concat(),
            test: None,
            download: None,
            upload: None,
            moving: None,
            sending: None,
            closed: false,
        }
    }

    async fn drive(&mut self, socket: &mut Transport) -> Stop {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut looks = tokio::time::interval(LOOK);
        while !self.session.has_ended() && !self.closed {
            let limit = self.limit.min(self.began + LONGEST);
            let until = self.sending.as_ref().and_then(|sending| sending.until);
            let writes = self.sending.is_some() || !self.waiting.is_empty();
            let done = tokio::select! {
                biased;
                () = sleep_until(limit) => return Stop::TimeCap,
                () = sleep_until(until.unwrap_or(limit)), if until.is_some() => {
                    self.finish();
                    Ok(())
                }
                _ = looks.tick(), if self.moving.is_some() => {
                    self.sample(socket);
                    Ok(())
                }
                _ = socket.writable(), if writes => self.write(socket),
                _ = socket.readable(), if self.sending.is_none() => self.read(socket, &mut buffer),
            };
            if done.is_err() || self.waiting.len() > MAX_WAITING_BYTES {
                return Stop::Failed;
            }
        }
        Stop::Client
    }

    fn now(&self) -> Duration {
        net::now().duration_since(self.began.into_std())
    }

    fn read(&mut self, socket: &mut Transport, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..TURNS {
            match try_read(socket, buffer) {
                Read::Bytes(n) => self.hear(socket, &buffer[..n]),
                Read::Later => return Ok(()),
                Read::Gone => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            if self.sending.is_some() || self.session.has_ended() || self.closed {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Gives the session what came.
    fn hear(&mut self, socket: &Transport, bytes: &[u8]) {
        let (now, mut events) = (self.now(), vec![]);
        let session = &mut self.session;
        if let Framing(Some(decoder)) = &mut self.framing {
            let (waiting, closed) = (&mut self.waiting, &mut self.closed);
            let fed = decoder.feed(bytes, |found| match found {
                Frame::Shown(piece) => session.hear(piece, now, |event| events.push(event)),
                Frame::Text(text) => {
                    session.hear(Piece::plain(text), now, |event| events.push(event));
                }
                Frame::Ping(payload) => waiting.extend(frame(Opcode::Pong, payload, None)),
                Frame::Close(..) => *closed = true,
                Frame::Counted(_) | Frame::Binary(_) => {}
            });
            self.closed |= fed.is_err();
        } else {
            session.hear(Piece::plain(bytes), now, |event| events.push(event));
        }
        self.follow(socket, events);
    }

    /// Does what follows from what was heard.
    fn follow(&mut self, socket: &Transport, events: Vec<Event>) {
        let now = Instant::from_std(net::now());
        for event in events {
            match event {
                Event::Say(line) => {
                    self.waiting.extend(self.framing.say(&line));
                    if !self.session.is_receiving() {
                        self.limit = now + spec::PATIENCE;
                    }
                }
                Event::Admitted(test) => {
                    let which = Which {
                        protocol: spec::PROTOCOL,
                        name: &test.to_string(),
                        peer: self.peer,
                    };
                    self.test = Some(Running::test(self.site, which));
                }
                Event::Send(send) => self.send(socket, send),
                Event::Receive { reports } => {
                    self.limit = now + self.longest() + GRACE;
                    self.begin_transfer(socket, Direction::Upload, reports);
                }
                Event::Received(bytes) => self.moved(Direction::Upload, bytes),
                Event::Over => self.over(socket, Stop::Client),
                Event::End => {}
            }
        }
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(self.site.config().max_subtest_seconds.into())
    }

    fn send(&mut self, socket: &Transport, send: Send) {
        let now = Instant::from_std(net::now());
        self.limit = now + self.longest() + GRACE;
        let (before, until) = match send.until {
            Until::Chunks(count) => (count - 1, None),
            Until::Time(time) => (u64::MAX, Some(now + time)),
        };
        // A trial is carried like all else, but it is no measurement.
        if until.is_some() {
            self.begin_transfer(socket, Direction::Download, true);
        }
        let framed = self.framing.is_websocket();
        self.sending = Some(Sending {
            chunks: Chunks::new(self.site.chunks(), send.chunk, framed, before),
            until,
        });
    }

    /// The time of a download is over.
    fn finish(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.chunks.finish();
            sending.until = None;
        }
    }

    fn write(&mut self, socket: &mut Transport) -> io::Result<()> {
        for _ in 0..TURNS {
            match self.write_once(socket) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Whether there may be more to write.
    fn write_once(&mut self, socket: &mut Transport) -> io::Result<bool> {
        if !self.waiting.is_empty() {
            let written = socket.try_write(&self.waiting)?;
            self.waiting.drain(..written);
            return Ok(true);
        }
        let Some(sending) = &mut self.sending else {
            return Ok(false);
        };
        let before = sending.chunks.sent();
        let written = socket.try_write(sending.chunks.next())?;
        sending.chunks.wrote(written);
        let moved = sending.chunks.sent() - before;
        let over = sending.chunks.is_over();
        self.moved(Direction::Download, moved);
        if over {
            self.sending = None;
            let mut events = vec![];
            self.session.sent(self.now(), |event| events.push(event));
            self.follow(socket, events);
        }
        Ok(!over)
    }

    fn transfer(&mut self, direction: Direction) -> &mut Option<Transfer> {
        match direction {
            Direction::Download => &mut self.download,
            Direction::Upload => &mut self.upload,
        }
    }

    /// A transfer of a direction begins; `in_earnest` when the client measures
    /// by it.
    fn begin_transfer(&mut self, socket: &Transport, direction: Direction, in_earnest: bool) {
        let Some(test) = self.test.clone() else {
            return;
        };
        if in_earnest {
            test.begins_in_earnest(direction);
        }
        self.moving = Some(direction);
        let known = self.transfer(direction).as_ref();
        if known.is_some_and(Transfer::is_current) {
            return;
        }
        let congestion = net::tcp::congestion(socket.tcp());
        let base = look(self.peer.proxied, socket, direction);
        let joined = Transfer::join(self.site, test, direction, (congestion, base));
        *self.transfer(direction) = joined;
    }

    /// Counts what moved; of a trial only for the account of its network.
    fn moved(&mut self, direction: Direction, bytes: u64) {
        let moving = self.moving == Some(direction);
        let transfer = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        match transfer.as_ref().filter(|_| moving) {
            Some(transfer) => transfer.moved(bytes),
            None => self.site.carried(self.peer, direction, bytes),
        }
    }

    fn sample(&self, socket: &Transport) {
        let Some(direction) = self.moving else { return };
        let transfer = match direction {
            Direction::Download => &self.download,
            Direction::Upload => &self.upload,
        };
        let seen = look(self.peer.proxied, socket, direction);
        if let Some((transfer, sample)) = transfer.as_ref().zip(seen) {
            transfer.sampled(sample);
        }
    }

    /// A transfer is over.
    fn over(&mut self, socket: &Transport, why: Stop) {
        self.sample(socket);
        if let Some(direction) = self.moving.take()
            && let Some(transfer) = self.transfer(direction)
        {
            transfer.leave(why);
        }
    }

    async fn end(mut self, socket: &mut Transport, why: Stop) {
        self.over(socket, why);
        if why == Stop::Failed {
            return;
        }
        if self.framing.is_websocket() {
            let close = close_payload(websocket::spec::CLOSE_NORMAL, "");
            self.waiting.extend(frame(Opcode::Close, &close, None));
        }
        last_words(socket, &self.waiting).await;
    }
}
