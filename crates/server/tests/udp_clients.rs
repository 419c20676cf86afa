//! Unmodified clients of others against our reflectors, and our sender against
//! another reflector. A client that is not installed is passed over, and said so.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it saw"
)]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metric::delay::UdpProbes;
use metric::key::SiteKey;
use metric::unit::Micros;
use serde_json::Value;
use server::udp::{Outcome, Reflectors, UdpConfig};
use server::{Site, SiteConfig};
use wire::stamp::message::Key;
use wire::stamp::sender::{Config, Sender, Series};
use wire::stamp::timestamp::{ErrorEstimate, NtpTime};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SECRET_HEX: &str = "00112233445566778899aabbccddeeff";
const SECRET: [u8; 16] = [
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
];

fn start(udp: UdpConfig) -> Reflectors {
    let config = SiteConfig {
        udp,
        ..SiteConfig::default()
    };
    let key = SiteKey::from_seed(&[7; 32]);
    let site = Arc::new(Site::new(config, key, &[0x55; 64 * 1024]));
    Reflectors::start(&site, LOOPBACK).unwrap()
}

/// Standard output of a client; `None`, and a line that says so, where it is
/// not installed.
fn client(program: &str, args: &[&str]) -> Option<String> {
    match Command::new(program).args(args).output() {
        Ok(out) => {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let errors = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{program}: {text}{errors}");
            Some(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("{program} is not installed: passed over");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// The first number after `label` in a text.
fn number(text: &str, label: &str) -> f64 {
    let after = text
        .split(label)
        .nth(1)
        .unwrap_or_else(|| panic!("{label} not in {text}"));
    let digits = after.trim_start_matches([':', ' ', '"']);
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.');
    digits[..end.unwrap_or(digits.len())].parse().unwrap()
}

fn irtt(reflectors: &Reflectors, more: &[&str]) -> Option<Value> {
    let at = reflectors.irtt().unwrap().to_string();
    let args = [
        "client", "-i", "20ms", "-d", "1s", "-l", "100", "-q", "-o", "-",
    ];
    let text = client("irtt", &[&args, more, &[&at]].concat())?;
    let json = text
        .find('{')
        .unwrap_or_else(|| panic!("no JSON in {text}"));
    let mut values = serde_json::Deserializer::from_str(&text[json..]).into_iter();
    Some(values.next().unwrap().unwrap())
}

#[test]
fn irtt_measures_against_us() {
    let reflectors = start(UdpConfig {
        irtt_listen: Some(SocketAddr::new(LOOPBACK, 0)),
        ..UdpConfig::default()
    });
    let Some(result) = irtt(&reflectors, &[]) else {
        return;
    };
    let stats = &result["stats"];
    println!(
        "irtt: {} sent, {} received, rtt {}",
        stats["packets_sent"], stats["packets_received"], stats["rtt"]["median"]
    );
    let sent = stats["packets_sent"].as_u64().unwrap();
    assert!(sent >= 40, "{stats}");
    assert!(
        stats["packets_received"].as_u64().unwrap() * 100 >= sent * 95,
        "{stats}"
    );
    assert_eq!(
        stats["server_packets_received"].as_u64(),
        Some(sent),
        "our count reached it"
    );
    let rtt = stats["rtt"]["median"].as_u64().unwrap();
    assert!((1_000..1_000_000_000).contains(&rtt), "{rtt} ns");
    assert!(stats["server_processing_time"]["mean"].as_i64().unwrap() >= 0);
}

#[test]
fn irtt_with_a_secret_measures_against_us_and_without_it_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("irtt.key");
    std::fs::write(&file, "secret").unwrap();
    let reflectors = start(UdpConfig {
        irtt_listen: Some(SocketAddr::new(LOOPBACK, 0)),
        irtt_key: Some(file),
        ..UdpConfig::default()
    });
    for options in [
        &["--hmac=secret"][..],
        &["--hmac=secret", "--tstamp=midpoint", "--stats=count"],
        &[
            "--hmac=secret",
            "--tstamp=receive",
            "--clock=wall",
            "--stats=none",
            "--sfill=rand",
            "--dscp=46",
            "--loose",
        ],
    ] {
        let Some(result) = irtt(&reflectors, options) else {
            return;
        };
        let received = result["stats"]["packets_received"].as_u64().unwrap();
        assert!(received >= 38, "{options:?}: {}", result["stats"]);
    }
    let at = reflectors.irtt().unwrap().to_string();
    let refused = Command::new("irtt")
        .args(["client", "-n", "--timeouts=200ms,200ms", &at])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(reflectors.counts()[1].of(Outcome::Unauthenticated) > 0);
}

/// Packets that stamp-suite's sender sent and had answered.
fn stamp_suite(reflectors: &Reflectors, more: &[&str]) -> Option<[f64; 2]> {
    let port = reflectors.stamp().unwrap().port().to_string();
    let args = [
        "--remote-addr",
        "127.0.0.1",
        "--local-addr",
        "127.0.0.1",
        "--remote-port",
        &port,
    ];
    let pace = ["--count", "50", "--send-delay", "20", "--timeout", "2"];
    let text = client("stamp-suite", &[&args[..], &pace, more].concat())?;
    println!("{text}");
    Some([
        number(&text, "Packets sent"),
        number(&text, "Packets received"),
    ])
}

#[test]
fn stamp_suite_measures_against_us() {
    for stateless in [false, true] {
        let reflectors = start(UdpConfig {
            stamp_stateless: stateless,
            ..UdpConfig::default()
        });
        for more in [&[][..], &["--ssid", "4711"]] {
            let Some([sent, received]) = stamp_suite(&reflectors, more) else {
                return;
            };
            assert!(
                sent >= 50.0 && received >= 0.95 * sent,
                "{received} of {sent}"
            );
        }
    }
}

#[test]
fn stamp_suite_with_a_secret_measures_against_us() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stamp.key");
    std::fs::write(&file, SECRET).unwrap();
    let reflectors = start(UdpConfig {
        stamp_key: Some(file),
        ..UdpConfig::default()
    });
    let with_key = ["-A", "A", "--hmac-key", SECRET_HEX];
    let Some([sent, received]) = stamp_suite(&reflectors, &with_key) else {
        return;
    };
    assert!(
        sent >= 50.0 && received >= 0.95 * sent,
        "{received} of {sent}"
    );
}

/// Another's reflector; ended when dropped.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// stamp-suite's reflector on a port that was free a moment ago.
fn peer(more: &[&str]) -> Option<(Peer, SocketAddr)> {
    let free = UdpSocket::bind((LOOPBACK, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let port = free.port().to_string();
    let mut command = Command::new("stamp-suite");
    command.args(["-i", "--local-addr", "127.0.0.1", "--local-port", &port]);
    command
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match command.spawn() {
        Ok(child) => Some((Peer(child), free)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("stamp-suite is not installed: passed over");
            None
        }
        Err(error) => panic!("stamp-suite: {error}"),
    }
}

/// Our sender over a plain socket: 50 packets, 20 ms apart.
fn send_to(to: SocketAddr, key: Option<Key>, stateful: bool) -> UdpProbes {
    let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    socket.connect(to).unwrap();
    let origin: Instant = net::now();
    let now = || Micros::from(net::now().duration_since(origin));
    let mut sender = Sender::new(Config {
        ssid: 4711,
        key,
        stateful,
        error: ErrorEstimate(1),
        waiting_time: Micros(1_000_000),
    });
    let series = sender.begin(
        Series {
            count: 50,
            interval: Micros(20_000),
            packet_len: 200,
        },
        now(),
    );
    let mut buffer = [0; 1500];
    while let Some(wakeup) = sender.next_wakeup() {
        let time = net::udp::unix_time();
        if let Some(packet) =
            sender.poll_transmit(now(), NtpTime::of_unix(time.seconds, time.nanos))
        {
            let _ = socket.send(&packet);
        }
        sender.handle_timeout(now());
        let patience = Duration::from_micros(wakeup.0.saturating_sub(now().0).max(1));
        socket.set_read_timeout(Some(patience)).unwrap();
        if let Ok(length) = socket.recv(&mut buffer) {
            let _ = sender.handle_datagram(&buffer[..length], now());
        }
    }
    sender.sample(series)
}

/// Sends until the peer, which says nothing when it is up, answers.
#[track_caller]
fn check_peer(more: &[&str], key: Option<&Key>, stateful: bool) {
    let Some((_peer, at)) = peer(more) else {
        return;
    };
    let first = (0..30).find_map(|_| {
        let sample = send_to(at, key.cloned(), stateful);
        (sample.received > 0).then_some(sample)
    });
    first.expect("the peer answers within a minute");
    let sample = send_to(at, key.cloned(), stateful);
    println!("{more:?}: {sample:?}");
    assert_eq!(sample.sent, 50);
    assert!(sample.received >= 47, "{sample:?}");
    if stateful {
        assert_eq!(
            (sample.lost_forward, sample.lost_backward),
            (Some(0), Some(0))
        );
    }
}

#[test]
fn our_sender_measures_against_stamp_suite() {
    check_peer(&[], None, false);
}

#[test]
fn our_sender_measures_against_a_stateful_stamp_suite() {
    check_peer(&["--stateful-reflector"], None, true);
}

#[test]
fn our_sender_measures_against_stamp_suite_with_a_secret() {
    let key = Key::new(&SECRET).unwrap();
    let with_key = ["-A", "A", "--hmac-key", SECRET_HEX];
    check_peer(&with_key, Some(&key), false);
}
