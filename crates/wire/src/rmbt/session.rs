//! One connection to the measurement server, from its greeting to `BYE`.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::spec;
use super::token::Key;
use crate::websocket::decoder::Piece;

/// What the server has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// This is to be said.
    Say(String),
    /// The client may measure; its connection belongs to this test.
    Admitted(Uuid),
    /// Chunks are to be sent; [`Session::sent`] is told of their end.
    Send(Send),
    /// An upload begins. `reports` tells whether the client is told of it
    /// while it runs, as it wants to be when it measures.
    Receive {
        /// Whether it is told.
        reports: bool,
    },
    /// So many bytes of an upload came.
    Received(u64),
    /// A transfer is over, both ways.
    Over,
    /// The connection is over; what was said before still goes out.
    End,
}

/// Chunks that a client asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Send {
    /// Bytes of one.
    pub chunk: u32,
    /// How many there are.
    pub until: Until,
}

/// How many chunks there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Until {
    /// So many: a trial.
    Chunks(u64),
    /// As many as go in this time, and one: a measurement.
    Time(Duration),
}

/// A connection's state; total on any input.
#[derive(Debug)]
pub struct Session {
    key: Key,
    began: Timestamp,
    longest: Duration,
    /// Size of chunks, until a command gives another.
    chunk: u32,
    line: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Token,
    Command,
    /// Chunks are being sent since then; lines wait.
    Sending(Duration),
    /// Chunks were sent, or a pong; the client's `OK` is awaited.
    Answered {
        since: Duration,
        transfer: bool,
    },
    Receiving(Upload),
    Ended,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Upload {
    since: Duration,
    bytes: u64,
    /// When the client was last told; `None` when it does not want to be.
    told: Option<Duration>,
}

impl Session {
    /// A connection that began at `began`, on which no transfer takes longer
    /// than `longest`. Time is told as what has passed since `began`.
    pub const fn new(key: Key, began: Timestamp, longest: Duration) -> Self {
        Self {
            key,
            began,
            longest,
            chunk: spec::CHUNK_BYTES,
            line: Vec::new(),
            state: State::Token,
        }
    }

    /// What is said first.
    pub const fn greeting() -> [&'static str; 2] {
        [spec::GREETING, spec::ACCEPT_TOKEN]
    }

    /// Whether the connection is over.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether bytes that come now would be read as an upload.
    pub const fn is_receiving(&self) -> bool {
        matches!(self.state, State::Receiving(_))
    }

    /// Takes bytes and hands all that follows from them to `on`.
    pub fn hear(&mut self, mut piece: Piece<'_>, now: Duration, mut on: impl FnMut(Event)) {
        while !piece.is_empty() && !self.has_ended() {
            piece = match self.state {
                State::Receiving(upload) => self.receive(upload, piece, now, &mut on),
                _ => self.read(piece, now, &mut on),
            };
        }
    }

    /// The chunks that were asked for have been written.
    pub fn sent(&mut self, now: Duration, mut on: impl FnMut(Event)) {
        if let State::Sending(since) = self.state {
            self.state = State::Answered {
                since,
                transfer: true,
            };
            // What the client said meanwhile.
            let waiting = std::mem::take(&mut self.line);
            self.hear(Piece::plain(&waiting), now, &mut on);
        }
    }

    /// Reads up to the end of a line; what follows it comes back.
    fn read<'p>(
        &mut self,
        piece: Piece<'p>,
        now: Duration,
        on: &mut impl FnMut(Event),
    ) -> Piece<'p> {
        for at in 0..piece.len() {
            let Some(byte) = piece.get(at) else { break };
            let waits = matches!(self.state, State::Sending(_));
            if byte == b'\n' && !waits {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                self.understand(line.trim_matches([' ', '\r', '\0']), now, on);
                return piece.split_at(at + 1).1;
            }
            if self.line.len() == spec::MAX_LINE_BYTES {
                self.fail(on);
                break;
            }
            self.line.push(byte);
        }
        piece.split_at(piece.len()).1
    }

    fn understand(&mut self, line: &str, now: Duration, on: &mut impl FnMut(Event)) {
        match (self.state, line) {
            // Some clients end the upgrade with an empty line.
            (State::Token, "") => {}
            (State::Token | State::Command, "QUIT") => {
                on(Event::Say("BYE\n".into()));
                self.state = State::Ended;
                on(Event::End);
            }
            (State::Token, _) => self.admit(line, now, on),
            (State::Command, _) => self.obey(line, now, on),
            (State::Answered { since, transfer }, _) => {
                self.acknowledged(since, transfer, line, now, on)
            }
            (State::Sending(_) | State::Receiving(_) | State::Ended, _) => {}
        }
    }

    fn admit(&mut self, line: &str, now: Duration, on: &mut impl FnMut(Event)) {
        let token = line.strip_prefix("TOKEN ").map(str::trim);
        let at = self.began + jiff::SignedDuration::try_from(now).unwrap_or_default();
        let test = token.and_then(|token| self.key.verify(token, at).ok());
        let Some(test) = test else {
            return self.fail(on);
        };
        let [size, least, most] = [
            spec::CHUNK_BYTES,
            spec::MIN_CHUNK_BYTES,
            spec::MAX_CHUNK_BYTES,
        ];
        on(Event::Admitted(test));
        on(Event::Say("OK\n".into()));
        on(Event::Say(format!("CHUNKSIZE {size} {least} {most}\n")));
        self.accept(on);
    }

    fn accept(&mut self, on: &mut impl FnMut(Event)) {
        self.state = State::Command;
        on(Event::Say(spec::ACCEPT_COMMANDS.into()));
    }

    /// Says no to a command; the connection goes on.
    fn refuse(&mut self, on: &mut impl FnMut(Event)) {
        on(Event::Say("ERR\n".into()));
        self.accept(on);
    }

    /// Says no and ends.
    fn fail(&mut self, on: &mut impl FnMut(Event)) {
        on(Event::Say("ERR\n".into()));
        self.state = State::Ended;
        on(Event::End);
    }

    fn obey(&mut self, line: &str, now: Duration, on: &mut impl FnMut(Event)) {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let chunk = |at: usize| match words.get(at) {
            None => Some(self.chunk),
            Some(word) => word.parse().ok().filter(is_chunk),
        };
        match words[..] {
            ["PING"] => {
                on(Event::Say("PONG\n".into()));
                self.state = State::Answered {
                    since: now,
                    transfer: false,
                };
            }
            ["GETTIME", seconds, ..] if words.len() <= 3 => {
                let time = seconds.parse().ok().map(Duration::from_secs);
                let time = time.filter(|time| !time.is_zero() && *time <= self.longest);
                self.send(chunk(2), time.map(Until::Time), now, on);
            }
            ["GETCHUNKS", count, ..] if words.len() <= 3 => {
                let count = count.parse().ok();
                let count = count.filter(|count| (1..=spec::MAX_CHUNKS).contains(count));
                self.send(chunk(2), count.map(Until::Chunks), now, on);
            }
            ["PUT" | "PUTNORESULT", ..] if words.len() <= 2 => {
                self.take(chunk(1), words[0] == "PUT", now, on);
            }
            _ => self.refuse(on),
        }
    }

    fn send(
        &mut self,
        chunk: Option<u32>,
        until: Option<Until>,
        now: Duration,
        on: &mut impl FnMut(Event),
    ) {
        let (Some(chunk), Some(until)) = (chunk, until) else {
            return self.refuse(on);
        };
        self.chunk = chunk;
        self.state = State::Sending(now);
        on(Event::Send(Send { chunk, until }));
    }

    fn take(
        &mut self,
        chunk: Option<u32>,
        reports: bool,
        now: Duration,
        on: &mut impl FnMut(Event),
    ) {
        // Who sends chunks without waiting for our answer would have them read
        // as commands: there is no way on.
        let Some(chunk) = chunk else {
            return self.fail(on);
        };
        self.chunk = chunk;
        self.state = State::Receiving(Upload {
            since: now,
            bytes: 0,
            told: reports.then_some(now),
        });
        on(Event::Say("OK\n".into()));
        on(Event::Receive { reports });
    }

    fn acknowledged(
        &mut self,
        since: Duration,
        transfer: bool,
        line: &str,
        now: Duration,
        on: &mut impl FnMut(Event),
    ) {
        if transfer {
            on(Event::Over);
        }
        if line != "OK" {
            return self.refuse(on);
        }
        on(Event::Say(time(now.saturating_sub(since))));
        self.accept(on);
    }

    /// Takes an upload up to the end of a chunk; what follows it comes back.
    fn receive<'p>(
        &mut self,
        mut upload: Upload,
        piece: Piece<'p>,
        now: Duration,
        on: &mut impl FnMut(Event),
    ) -> Piece<'p> {
        let chunk = u64::from(self.chunk);
        let left = chunk - upload.bytes % chunk;
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let (taken, rest) = piece.split_at(left);
        upload.bytes += taken.len() as u64;
        on(Event::Received(taken.len() as u64));
        let ends = taken.len() == left && taken.get(left - 1) == Some(spec::LAST);
        let passed = now.saturating_sub(upload.since);
        let due = |told: Duration| ends || now.saturating_sub(told) > spec::REPORT_INTERVAL;
        if upload.told.is_some_and(due) {
            upload.told = Some(now);
            let bytes = upload.bytes;
            let told = format!("TIME {} BYTES {bytes}\n", passed.as_nanos());
            on(Event::Say(told));
        }
        self.state = State::Receiving(upload);
        if ends {
            on(Event::Over);
            on(Event::Say(time(passed)));
            self.accept(on);
        }
        rest
    }
}

fn is_chunk(size: &u32) -> bool {
    (spec::MIN_CHUNK_BYTES..=spec::MAX_CHUNK_BYTES).contains(size)
}

fn time(passed: Duration) -> String {
    format!("TIME {}\n", passed.as_nanos())
}

#[cfg(test)]
mod tests;
