//! Every decoder against bytes that nobody should send.
//!
//! Inputs are the corpus in `testdata/fuzz/<target>/` and what becomes of it by
//! cutting, flipping, repeating and joining; the same seed makes the same
//! inputs. `cargo test` tries some thousands of each; `cargo xtask fuzz` as many
//! as fit into a time. An input that fails is written beside the corpus.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wire::websocket::decoder::{Bulk, Decoder, Event, Malformed, Piece, Role};
use wire::{cloudflare, irtt, librespeed, locate, msak, native, ndt7, ookla, query, rmbt, stamp};

type Target = fn(&[u8]);

/// Every decoder of this crate that reads what a stranger sent.
const TARGETS: &[(&str, Target)] = &[
    ("websocket", websocket),
    ("form", form),
    ("query", queries),
    ("ndt7-message", |bytes| {
        let _ = ndt7::message::client_measurement(bytes);
    }),
    ("msak-message", |bytes| {
        let _ = msak::message::of_client(bytes);
        let _ = serde_json::from_slice::<msak::message::WireMeasurement>(bytes);
    }),
    ("msak-request", msak_requests),
    ("rmbt-session", rmbt_sessions),
    ("rmbt-control", |bytes| {
        let _ = serde_json::from_slice::<rmbt::control::SettingsQuestion>(bytes);
        let _ = serde_json::from_slice::<rmbt::control::Measured>(bytes);
        if let Ok(question) = serde_json::from_slice::<rmbt::control::TestQuestion>(bytes) {
            let _ = question.kind();
        }
    }),
    ("tcp-info", |bytes| {
        let _ = ndt7::tcp_info::TcpInfo::decode(bytes);
        let _ = ndt7::tcp_info::BbrInfo::decode(bytes);
    }),
    ("path", paths),
    ("stamp", stamp_packets),
    ("irtt", irtt_packets),
    ("session", |bytes| {
        let _ = serde_json::from_slice::<native::message::SessionRequest>(bytes);
        let _ = serde_json::from_slice::<native::message::UploadCount>(bytes);
        let _ = serde_json::from_slice::<native::message::Problem>(bytes);
    }),
    ("token", token),
];

/// Both ends, whole and in pieces: the same events, or the same refusal.
fn websocket(bytes: &[u8]) {
    for role in [Role::Client, Role::Server] {
        for bulk in [Bulk::Count(1 << 24), Bulk::Keep(64), Bulk::Show(1 << 24)] {
            let whole = events(role, bulk, bytes, usize::MAX);
            assert_eq!(events(role, bulk, bytes, 3), whole);
        }
    }
}

fn events(role: Role, bulk: Bulk, bytes: &[u8], piece: usize) -> Result<Vec<String>, Malformed> {
    let (mut decoder, mut seen, mut counted) = (Decoder::new(role, bulk), vec![], 0);
    for piece in bytes.chunks(piece) {
        decoder.feed(piece, |event| match event {
            Event::Counted(n) => counted += n,
            Event::Shown(piece) => counted += piece.len() as u64,
            other => seen.push(format!("{other:?}")),
        })?;
    }
    seen.push(counted.to_string());
    Ok(seen)
}

fn form(bytes: &[u8]) {
    let _ = librespeed::form::fields("multipart/form-data; boundary=b", bytes);
    if let Ok(fields) = librespeed::form::fields("", bytes) {
        let _ = librespeed::message::Telemetry::of_form(&fields).image();
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = librespeed::form::fields(&text, b"--b\r\n");
}

fn queries(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = query::value(&text, "a");
    let _ = ndt7::request::Request::of_query(&text);
    let _ = cloudflare::bytes(&text);
    assert!(librespeed::garbage_bytes(&text) <= 1 << 30);
    let site = locate::Candidate {
        plain: Some("h".into()),
        ..locate::Candidate::default()
    };
    for &service in locate::SERVICES {
        let question = locate::Question {
            service,
            query: Some(&text),
            mid: "m",
        };
        let answer = locate::nearest(&question, std::slice::from_ref(&site)).unwrap();
        for url in answer.results[0].urls.values() {
            assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
        }
    }
}

/// No run is endless, whatever was asked for.
fn msak_requests(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(request) = msak::request::Request::of_query(&text) {
        assert!(!request.mid.is_empty() && request.runtime <= msak::spec::MAX_RUNTIME);
        assert!(request.most_bytes != Some(0));
    }
}

/// Before the token and after it: the same whole and in pieces, and nobody
/// gets in by a token that was not issued.
fn rmbt_sessions(bytes: &[u8]) {
    let (began, longest) = (jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(16));
    let key = rmbt::token::Key::new(&[7; 32]).unwrap();
    let token = key.issue(uuid::Uuid::from_u128(1), began);
    let run = |first: &str, piece: usize| {
        let mut session = rmbt::session::Session::new(key.clone(), began, longest);
        let (mut events, mut received) = (vec![], 0);
        for piece in std::iter::once(first.as_bytes()).chain(bytes.chunks(piece)) {
            session.hear(Piece::plain(piece), Duration::ZERO, |event| match event {
                rmbt::session::Event::Received(bytes) => received += bytes,
                other => events.push(other),
            });
        }
        session.sent(Duration::ZERO, |event| events.push(event));
        (events, received)
    };
    let stranger = run("", usize::MAX);
    assert!(stranger.1 == 0 && stranger.0.iter().all(|event| !is_admitted(event)));
    for first in [String::new(), format!("TOKEN {token}\n")] {
        assert_eq!(run(&first, 3), run(&first, usize::MAX));
    }
}

const fn is_admitted(event: &rmbt::session::Event) -> bool {
    matches!(event, rmbt::session::Event::Admitted(_))
}

fn paths(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = rmbt::control::Endpoint::of_path(&text);
    let _ = librespeed::Endpoint::of_path(&text);
    let _ = ookla::Endpoint::of_path(&text);
    let _ = locate::Service::of_path(&text);
    assert_eq!(ookla::servers(&text, &text).matches('<').count(), 6);
}

fn stamp_packets(bytes: &[u8]) {
    let key = stamp::message::Key::new(b"0123456789abcdef");
    for key in [None, key.as_ref()] {
        let _ = stamp::message::SenderPacket::decode(bytes, key);
        let _ = stamp::message::ReflectedPacket::decode(bytes, key);
    }
    let mut tlvs = bytes.to_vec();
    stamp::tlv::reflect(&mut tlvs, 0, 0, None);
    assert_eq!(
        tlvs.len(),
        bytes.len(),
        "an answer is as long as the question"
    );
}

fn irtt_packets(bytes: &[u8]) {
    let key = irtt::message::Key::new(b"0123456789abcdef");
    for key in [None, key.as_ref()] {
        let _ = irtt::message::Request::decode(bytes, key);
    }
    let _ = irtt::params::Params::decode(bytes);
}

fn token(bytes: &[u8]) {
    let key = metric::key::SiteKey::from_seed(&[1; 32]).public();
    let text = String::from_utf8_lossy(bytes);
    let taken = native::token::verify(&text, |_| Some(key), jiff::Timestamp::UNIX_EPOCH);
    assert!(taken.is_err(), "nobody signed this");
    let key = rmbt::token::Key::new(&[7; 32]).unwrap();
    assert!(key.read(&text).is_err(), "nobody issued this");
}

/// The same numbers for the same seed (Steele, Lea & Flood 2014, "SplitMix").
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % (most.max(1) as u64)).unwrap()
    }

    fn byte(&mut self) -> u8 {
        // Lengths and markers live at the edges.
        match self.below(4) {
            0 => [0, 1, 0x7e, 0x7f, 0x80, 0xfe, 0xff, b'\n'][self.below(8)],
            _ => self.next().to_le_bytes()[0],
        }
    }
}

/// Longest input.
const MOST_BYTES: usize = 4096;

fn mutated(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(6) {
        let at = chance.below(input.len() + 1);
        match chance.below(6) {
            0 => input.insert(at, chance.byte()),
            1 => input.truncate(at),
            2 => drop(input.drain(at..(at + chance.below(9)).min(input.len()))),
            3 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            4 => {
                let end = (at + chance.below(32)).min(input.len());
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = chance.byte();
                }
            }
        }
    }
    input.truncate(MOST_BYTES);
    input
}

fn corpus(target: &str) -> (PathBuf, Vec<Vec<u8>>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("testdata/fuzz").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let inputs = files.iter().map(|path| fs::read(path).unwrap()).collect();
    (folder, inputs)
}

/// Inputs of each target when no time is given.
const TRIES: u64 = 2000;

#[expect(clippy::disallowed_methods, reason = "how long is the caller's to say")]
fn budget() -> Option<Duration> {
    let seconds = std::env::var("ISPEED_FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(seconds.parse().unwrap()))
}

#[expect(clippy::disallowed_methods, reason = "a time was given")]
fn now() -> Instant {
    Instant::now()
}

/// Tries one target until its time or its number is over; says what was tried.
fn attack((name, target): &(&str, Target)) -> String {
    let (folder, corpus) = corpus(name);
    let (until, mut chance, mut tried) = (budget().map(|b| now() + b), Chance(1), 0);
    let goes_on = |tried: u64| match until {
        // The clock costs more than most targets.
        Some(until) => !tried.is_multiple_of(256) || now() < until,
        None => tried < TRIES,
    };
    while goes_on(tried) {
        let index = usize::try_from(tried).unwrap();
        let input = match corpus.get(index) {
            Some(input) => input.clone(),
            None => mutated(&corpus, &mut chance),
        };
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let found = folder.join(format!("found-{tried}"));
            fs::write(&found, &input).unwrap();
            panic!("{name} failed on {}", found.display());
        }
        tried += 1;
    }
    format!("{name}: {tried} inputs from a corpus of {}", corpus.len())
}

/// As many targets at a time as there are processors: a time is each one's own.
#[test]
fn decoders_take_or_refuse_any_bytes() {
    let next = AtomicUsize::new(0);
    let attacker = || {
        while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
            println!("{}", attack(target));
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(attacker);
        }
    });
}
