//! Connections word by word, as the specification's examples have them.

use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key::new(&[7; 32]).unwrap()
}

fn began() -> Timestamp {
    Timestamp::from_second(1_795_590_000).unwrap()
}

const LONGEST: Duration = Duration::from_secs(16);

/// A connection, and what the server did so far.
struct Talk {
    session: Session,
    now: Duration,
    events: Vec<Event>,
}

impl Talk {
    fn new() -> Self {
        Self {
            session: Session::new(key(), began(), LONGEST),
            now: Duration::ZERO,
            events: vec![],
        }
    }

    fn admitted() -> Self {
        let mut talk = Self::new();
        let token = key().issue(Uuid::from_u128(1), began());
        talk.says(&format!("TOKEN {token}\n"));
        assert_eq!(
            talk.done(),
            "admitted; OK; CHUNKSIZE 4096 4096 4194304; \
             ACCEPT GETCHUNKS GETTIME PUT PUTNORESULT PING QUIT"
        );
        talk
    }

    fn says(&mut self, text: &str) {
        self.sends(text.as_bytes());
    }

    fn sends(&mut self, bytes: &[u8]) {
        let (now, events) = (self.now, &mut self.events);
        self.session
            .hear(Piece::plain(bytes), now, |event| events.push(event));
    }

    fn passes(&mut self, nanoseconds: u64) {
        self.now += Duration::from_nanos(nanoseconds);
    }

    fn sent(&mut self) {
        let (now, events) = (self.now, &mut self.events);
        self.session.sent(now, |event| events.push(event));
    }

    /// What the server did since this was last asked.
    fn done(&mut self) -> String {
        let name = |event: Event| match event {
            Event::Say(line) => line.trim_end().to_owned(),
            Event::Admitted(_) => "admitted".into(),
            Event::Send(Send { chunk, until }) => format!("send {chunk} {until:?}"),
            Event::Receive { reports } => format!("receive, reports {reports}"),
            Event::Received(bytes) => format!("received {bytes}"),
            Event::Over => "over".into(),
            Event::End => "end".into(),
        };
        let done: Vec<_> = self.events.drain(..).map(name).collect();
        done.join("; ")
    }
}

const ACCEPT: &str = "ACCEPT GETCHUNKS GETTIME PUT PUTNORESULT PING QUIT";

fn chunk(last: u8) -> Vec<u8> {
    let mut chunk = vec![0xff; 4096];
    chunk[4095] = last;
    chunk
}

#[test]
fn phase_1_a_token_opens_the_connection() {
    assert_eq!(
        Session::greeting().concat(),
        "RMBTv1.3.5\nACCEPT TOKEN QUIT\n"
    );
    Talk::admitted();
    for wrong in ["TOKEN x\n", "GETTIME 1\n", "TOKEN\n", "HELLO\n"] {
        let mut talk = Talk::new();
        talk.says(wrong);
        assert_eq!(talk.done(), "ERR; end", "{wrong}");
        assert!(talk.session.has_ended());
    }
}

#[test]
fn phase_2_chunks_are_sent_and_timed() {
    let mut talk = Talk::admitted();
    talk.says("GETCHUNKS 2\n");
    assert_eq!(talk.done(), "send 4096 Chunks(2)");
    talk.passes(1_000_000);
    talk.sent();
    talk.passes(948_610);
    talk.says("OK\n");
    assert_eq!(talk.done(), format!("over; TIME 1948610; {ACCEPT}"));
    talk.says("GETCHUNKS 8 8192\n");
    assert_eq!(talk.done(), "send 8192 Chunks(8)");
}

#[test]
fn phase_3_a_ping_is_timed_from_its_pong_to_the_ok() {
    let mut talk = Talk::admitted();
    talk.says("PING\n");
    assert_eq!(talk.done(), "PONG");
    talk.passes(11_532_370);
    talk.says("OK\n");
    assert_eq!(talk.done(), format!("TIME 11532370; {ACCEPT}"));
}

#[test]
fn phase_4_a_download_takes_its_time_and_waits_for_its_ok() {
    let mut talk = Talk::admitted();
    talk.says("GETTIME 7 16384\n");
    assert_eq!(talk.done(), "send 16384 Time(7s)");
    // A client that says so too early is heard when the chunks are out.
    talk.says("OK\n");
    assert_eq!(talk.done(), "");
    talk.passes(7_522_125_183);
    talk.sent();
    assert_eq!(talk.done(), format!("over; TIME 7522125183; {ACCEPT}"));
}

#[test]
fn phase_5_chunks_may_come_before_our_answer() {
    let mut talk = Talk::admitted();
    let both = [b"PUTNORESULT 4096\n", &chunk(0)[..], &chunk(0xff)[..]].concat();
    talk.sends(&both);
    assert_eq!(
        talk.done(),
        format!("OK; receive, reports false; received 4096; received 4096; over; TIME 0; {ACCEPT}")
    );
}

#[test]
fn phase_6_the_client_is_told_what_came_at_most_once_a_millisecond() {
    let mut talk = Talk::admitted();
    talk.says("PUT\n");
    assert_eq!(talk.done(), "OK; receive, reports true");
    talk.passes(500_000);
    talk.sends(&chunk(0));
    assert_eq!(talk.done(), "received 4096");
    talk.passes(600_000);
    talk.sends(&chunk(0)[..100]);
    assert_eq!(talk.done(), "received 100; TIME 1100000 BYTES 4196");
    talk.passes(10);
    talk.sends(&chunk(0xff)[100..]);
    talk.says("QUIT\n");
    assert_eq!(
        talk.done(),
        format!("received 3996; TIME 1100010 BYTES 8192; over; TIME 1100010; {ACCEPT}; BYE; end")
    );
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let mut talk = Talk::admitted();
    for wrong in [
        "GETTIME 0",
        "GETTIME 17",
        "GETTIME",
        "GETTIME 1 4095",
        "GETTIME 1 4194305",
        "GETTIME 1 4096 1",
        "GETCHUNKS 0",
        "GETCHUNKS 300001",
        "GETCHUNKS -1",
        "PING 1",
        "",
        "OK",
    ] {
        talk.says(&format!("{wrong}\n"));
        assert_eq!(talk.done(), format!("ERR; {ACCEPT}"), "{wrong}");
    }
    talk.says("PUT 1\n");
    assert_eq!(talk.done(), "ERR; end");
    let mut talk = Talk::admitted();
    talk.says(&"x".repeat(1025));
    assert_eq!(talk.done(), "ERR; end");
}

proptest! {
    /// Bytes mean the same whole and in pieces.
    #[test]
    fn any_bytes_are_taken_or_refused(
        lines in proptest::collection::vec("(PUT|PUTNORESULT|GETTIME|GETCHUNKS|PING|OK|QUIT)( [0-9]{1,5}){0,2}", 0..8),
        noise in proptest::collection::vec(any::<u8>(), 0..9000),
        piece in 1_usize..5000,
    ) {
        let mut bytes = lines.join("\n").into_bytes();
        bytes.push(b'\n');
        bytes.extend(noise);
        let whole = run(&bytes, usize::MAX);
        prop_assert_eq!(run(&bytes, piece), whole);
    }
}

/// What follows from bytes when chunks are sent at once; of an upload the sum.
fn run(bytes: &[u8], piece: usize) -> (Vec<Event>, u64) {
    let mut talk = Talk::admitted();
    for piece in bytes.chunks(piece.min(bytes.len().max(1))) {
        talk.sends(piece);
    }
    let received = talk.events.iter().map(|event| match event {
        Event::Received(bytes) => *bytes,
        _ => 0,
    });
    let sum = received.sum();
    talk.events
        .retain(|event| !matches!(event, Event::Received(_)));
    (talk.events, sum)
}
