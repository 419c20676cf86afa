//! The reflectors over real sockets: what they answer, and what they do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use metric::key::SiteKey;
use server::udp::{Counts, Outcome, Reflectors, UdpConfig};
use server::{Site, SiteConfig};
use wire::stamp::message::{Key, ReflectedPacket, SenderPacket};
use wire::stamp::timestamp::{ErrorEstimate, NtpTime};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Starts the reflectors that a configuration names.
fn start(udp: UdpConfig) -> Reflectors {
    let config = SiteConfig {
        udp,
        ..SiteConfig::default()
    };
    let key = SiteKey::from_seed(&[7; 32]);
    let site = Arc::new(Site::new(config, key, &[0x55; 64 * 1024]));
    Reflectors::start(&site, LOOPBACK).unwrap()
}

fn client(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    socket.connect(to).unwrap();
    let patience = Some(Duration::from_secs(5));
    socket.set_read_timeout(patience).unwrap();
    socket
}

fn packet(sequence: u32, key: Option<&Key>) -> Vec<u8> {
    SenderPacket {
        sequence,
        timestamp: 99,
        error: ErrorEstimate(1),
        ssid: 5,
    }
    .encode(key)
}

fn ask(socket: &UdpSocket, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 2048];
    socket.send(packet).unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// Waits until a count is reached; another thread counts.
fn wait_for(counts: &Counts, outcome: Outcome, wanted: u64) {
    for _ in 0..500 {
        if counts.of(outcome) >= wanted {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{outcome:?} not {wanted} times: {}", counts.summary());
}

#[test]
fn a_session_is_counted_and_dated_by_the_kernel() {
    let reflectors = start(UdpConfig::default());
    let socket = client(reflectors.stamp().unwrap());
    for k in 0..3 {
        let answer = ask(&socket, &packet(10 * k, None));
        let answer = ReflectedPacket::decode(&answer, None).unwrap();
        assert_eq!((answer.sequence, answer.sender_sequence), (k, 10 * k));
        assert_eq!((answer.ssid, answer.sender_timestamp), (5, 99));
        let inside = NtpTime(answer.timestamp).since(NtpTime(answer.received));
        assert!(inside.unwrap().0 < 5_000_000, "received, then sent");
        let ttl = if cfg!(target_os = "linux") { 64 } else { 255 };
        assert_eq!(answer.sender_ttl, ttl);
    }
    wait_for(reflectors.counts()[0], Outcome::Answered, 3);
}

#[test]
fn a_stateless_reflector_repeats_numbers() {
    let reflectors = start(UdpConfig {
        stamp_stateless: true,
        ..UdpConfig::default()
    });
    let socket = client(reflectors.stamp().unwrap());
    let answer = ask(&socket, &packet(77, None));
    assert_eq!(ReflectedPacket::decode(&answer, None).unwrap().sequence, 77);
}

#[test]
fn an_answer_is_as_long_as_its_question() {
    let reflectors = start(UdpConfig::default());
    let socket = client(reflectors.stamp().unwrap());
    for length in [14, 41, 44, 45, 48, 112, 200, 1472] {
        let mut question = packet(1, None);
        question.resize(length, 0);
        assert_eq!(ask(&socket, &question).len(), length);
    }
}

#[test]
fn nonsense_is_counted_and_not_answered() {
    let reflectors = start(UdpConfig::default());
    let socket = client(reflectors.stamp().unwrap());
    socket.send(b"").unwrap();
    socket.send(&[0; 13]).unwrap();
    socket.send(&[0; 1501]).unwrap();
    let counts = reflectors.counts()[0];
    wait_for(counts, Outcome::Malformed, 2);
    wait_for(counts, Outcome::TooLong, 1);
    assert_eq!(counts.of(Outcome::Answered), 0);
}

#[test]
fn only_issued_sessions_are_answered_where_that_is_asked() {
    let reflectors = start(UdpConfig {
        stamp_issued_only: true,
        ..UdpConfig::default()
    });
    let socket = client(reflectors.stamp().unwrap());
    socket.send(&packet(1, None)).unwrap();
    wait_for(reflectors.counts()[0], Outcome::NotIssued, 1);
}

#[test]
fn a_flood_is_cut_to_its_rate() {
    let reflectors = start(UdpConfig {
        prefix_packets_per_second: 1,
        ..UdpConfig::default()
    });
    let socket = client(reflectors.stamp().unwrap());
    for k in 0..200 {
        socket.send(&packet(k, None)).unwrap();
    }
    let counts = reflectors.counts()[0];
    wait_for(counts, Outcome::PrefixRate, 100);
    assert!(counts.of(Outcome::Answered) < 60, "{}", counts.summary());
}

#[test]
fn authenticated_mode_answers_its_secret_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stamp.key");
    std::fs::write(&file, "shared\n").unwrap();
    let reflectors = start(UdpConfig {
        stamp_key: Some(file),
        ..UdpConfig::default()
    });
    let socket = client(reflectors.stamp().unwrap());
    let key = Key::new(b"shared").unwrap();
    let answer = ask(&socket, &packet(3, Some(&key)));
    let answer = ReflectedPacket::decode(&answer, Some(&key)).unwrap();
    assert_eq!(answer.sender_sequence, 3);
    let other = Key::new(b"other").unwrap();
    socket.send(&packet(4, Some(&other))).unwrap();
    wait_for(reflectors.counts()[0], Outcome::Unauthenticated, 1);
}

#[test]
fn irtt_is_off_unless_asked_for_and_then_echoes() {
    assert_eq!(start(UdpConfig::default()).irtt(), None);
    let reflectors = start(UdpConfig {
        irtt_listen: Some(SocketAddr::new(LOOPBACK, 0)),
        ..UdpConfig::default()
    });
    let socket = client(reflectors.irtt().unwrap());
    let open = [
        0x14, 0xa7, 0x5b, 1, 1, 2, 2, 0x80, 0x9c, 0x9c, 0x39, 3, 0x80, 0xb4, 0x89, 0x13,
    ];
    let reply = ask(&socket, &open);
    assert_eq!(reply.len(), open.len() + 8);
    let echo = [&open[..3], &[0], &reply[4..12], &[0; 4]].concat();
    let answer = ask(&socket, &echo);
    assert_eq!(answer.len(), echo.len());
    assert_eq!(answer[3], 2);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let config = SiteConfig {
        udp: UdpConfig {
            stamp_listen: Some(taken.local_addr().unwrap()),
            ..UdpConfig::default()
        },
        ..SiteConfig::default()
    };
    let key = SiteKey::from_seed(&[7; 32]);
    let site = Arc::new(Site::new(config, key, &[0x55; 64 * 1024]));
    let error = Reflectors::start(&site, LOOPBACK).unwrap_err().to_string();
    assert!(error.contains("site.udp.stamp_listen"), "{error}");
}
