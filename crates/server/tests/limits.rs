//! What a site refuses so that it stays of use to all, on real sockets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use asking::{ask, start};
use serde_json::Value;
use server::SiteConfig;

/// A site that takes the test for its proxy, so that clients may come from
/// anywhere.
fn config() -> SiteConfig {
    SiteConfig {
        proxies: vec!["127.0.0.1".parse().unwrap()],
        max_sessions: 100_000,
        ..SiteConfig::default()
    }
}

fn asked(site: SocketAddr, line: &str, client: &str) -> (u16, Vec<u8>) {
    let head = format!("{line} HTTP/1.1\r\nX-Forwarded-For: {client}");
    let (status, body) = ask(&mut TcpStream::connect(site).unwrap(), &head, "");
    (status, body.into_bytes())
}

fn session(site: SocketAddr, client: &str) -> (u16, Value) {
    let (status, body) = asked(site, "POST /api/v1/session", client);
    (status, serde_json::from_slice(&body).unwrap())
}

/// Downloads by a foreign protocol; returns how much came.
fn download(site: SocketAddr, client: &str, bytes: usize) -> usize {
    let mut stream = TcpStream::connect(site).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    write!(
        stream,
        "GET /__down?bytes={bytes} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\
         X-Forwarded-For: {client}\r\n\r\n"
    )
    .unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    answer.len() - head
}

#[test]
fn a_network_has_so_many_sessions_at_a_time() {
    let site = start(SiteConfig {
        max_prefix_sessions: 2,
        ..config()
    });
    assert_eq!(session(site, "203.0.113.1").0, 201);
    assert_eq!(session(site, "203.0.113.2").0, 201);
    let (status, problem) = session(site, "203.0.113.3");
    assert_eq!((status, &problem["why"]), (429, &"prefix_sessions".into()));
    assert_eq!(problem["type"], "urn:ispeed:problem:prefix_busy");
    assert_eq!(session(site, "198.51.100.1").0, 201, "another network");
    assert_eq!(session(site, "2001:db8::1").0, 201);
}

#[test]
fn a_network_has_its_share_of_the_day() {
    let site = start(SiteConfig {
        max_prefix_bytes_per_day: 2_000_000,
        ..config()
    });
    assert_eq!(download(site, "203.0.113.1", 2_000_000), 2_000_000);
    let (status, problem) = session(site, "203.0.113.99");
    assert_eq!((status, &problem["why"]), (429, &"bytes_spent".into()));
    assert!(download(site, "203.0.113.1", 2_000_000) < 2_000_000);
    assert_eq!(download(site, "198.51.100.1", 1_000), 1_000);
    assert_eq!(session(site, "127.0.0.1").0, 201, "no line, no share");
}

#[test]
fn a_full_line_takes_no_more() {
    let site = start(SiteConfig {
        capacity_bits_per_second: Some(1_000_000),
        max_prefix_sessions: 100_000,
        ..config()
    });
    assert_eq!(session(site, "203.0.113.1").0, 201);
    assert_eq!(download(site, "203.0.113.1", 5_000_000), 5_000_000);
    // The load is that of whole quarters of a second; the running one ends soon.
    let refused = (0..20_000).find_map(|_| {
        let (status, problem) = session(site, "198.51.100.1");
        (status != 201).then_some((status, problem))
    });
    let (status, problem) = refused.unwrap();
    assert_eq!((status, &problem["why"]), (503, &"line_full".into()));
}

#[test]
fn a_head_or_a_body_that_never_ends_is_cut_off() {
    let site = start(config());
    let begun = [
        "GET / HTTP/1.1\r\nHost: s",
        "POST /api/v1/session HTTP/1.1\r\nHost: site\r\nContent-Length: 9\r\n\r\n{",
    ];
    let mut streams = begun.map(|begin| {
        let mut stream = TcpStream::connect(site).unwrap();
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        stream
    });
    let mut answer = vec![];
    streams[0].read_to_end(&mut answer).unwrap();
    let mut some = [0; 12];
    streams[1].read_exact(&mut some).unwrap();
    assert_eq!(&some, b"HTTP/1.1 400");
}
