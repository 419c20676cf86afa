//! A site on real sockets: what it refuses, what it caps, what it signs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use asking::{MASK, UPGRADE, ask, drain, key, open, opened, post, receipt_of, start};
use metric::receipt::{Counted, Stop};
use serde_json::{Value, json};
use server::SiteConfig;
use wire::native::message::SessionReply;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::{close_payload, frame};

fn session(site: SocketAddr) -> SessionReply {
    let (status, reply) = post(site, "/api/v1/session", "", r#"{"network": "mobile"}"#);
    assert_eq!(status, 201, "{reply}");
    serde_json::from_value(reply).unwrap()
}

#[track_caller]
fn problem((status, body): (u16, String), want_status: u16, want: &str) {
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, want_status, "{body}");
    assert_eq!(body["type"], format!("urn:ispeed:problem:{want}"), "{body}");
    assert!(body["detail"].as_str().is_some_and(|d| !d.is_empty()) && body["remedy"].is_string());
}

#[test]
fn a_whole_session_is_signed() {
    let site = start(SiteConfig::default());
    let session = session(site);
    let mut latency = opened(site, "latency", &session);
    latency
        .write_all(&frame(Opcode::Binary, b"ping", MASK))
        .unwrap();
    let mut echo = [0; 6];
    latency.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"\x82\x04ping");

    let mut download = opened(site, "download", &session);
    let mut some = vec![0; 3_000_000];
    download.read_exact(&mut some).unwrap();
    download
        .write_all(&frame(Opcode::Close, &close_payload(1000, ""), MASK))
        .unwrap();
    let mut rest = vec![];
    let _ = download.read_to_end(&mut rest);

    let mut upload = opened(site, "upload", &session);
    for _ in 0..10 {
        upload
            .write_all(&frame(Opcode::Binary, &[1; 100_000], MASK))
            .unwrap();
    }
    std::thread::sleep(Duration::from_millis(250));

    let (bytes, receipt) = receipt_of(site, &session);
    assert!(receipt.is_signed_by(&key().public()) && receipt.is_well_formed());
    assert!(receipt.is_bound_to(&session.nonce));
    assert_eq!(receipt.client_prefix.to_string(), "127.0.0.0/24");
    assert_eq!(receipt.latency.unwrap().echoes, 1);
    let down = receipt.download.unwrap();
    assert_eq!(down.stop, Stop::Client);
    if down.counted == Counted::Acknowledged {
        // The close frame carries the acknowledgement of all that was read before it.
        assert!(down.bytes() >= 3_000_000, "{} acknowledged", down.bytes());
    }
    let up = receipt.upload.unwrap();
    assert_eq!(
        (up.bytes(), up.stop, up.counted),
        (1_000_000, Stop::Client, Counted::Received)
    );
    assert_eq!(
        receipt_of(site, &session).0,
        bytes,
        "asked again, the same bytes"
    );
}

#[test]
fn an_upload_is_told_bin_by_bin() {
    let site = start(SiteConfig::default());
    let session = session(site);
    let mut upload = opened(site, "upload", &session);
    upload
        .write_all(&frame(Opcode::Binary, &[1; 5000], MASK))
        .unwrap();
    std::thread::sleep(Duration::from_millis(350));
    upload
        .write_all(&frame(Opcode::Close, &close_payload(1000, ""), MASK))
        .unwrap();
    let mut decoder = Decoder::new(Role::Client, Bulk::Keep(0));
    let (mut told, mut closed) = (vec![], false);
    let mut buffer = [0; 4096];
    while !closed {
        let n = upload.read(&mut buffer).unwrap();
        let read = decoder.feed(&buffer[..n], |event| match event {
            Event::Text(text) => told.push(serde_json::from_slice::<Value>(text).unwrap()),
            Event::Close(code, _) => closed = code == Some(1000),
            _ => {}
        });
        read.unwrap();
    }
    assert_eq!(told[0], json!({"bin": 0, "bytes": 5000}));
    let bins: Vec<_> = told
        .iter()
        .map(|count| count["bin"].as_u64().unwrap())
        .collect();
    assert_eq!(
        bins,
        (0..bins.len() as u64).collect::<Vec<_>>(),
        "in order, none left out"
    );
    assert!(bins.len() >= 4, "the stall is told: {told:?}");
}

#[test]
fn what_does_not_fit_is_named() {
    let site = start(SiteConfig::default());
    let session = session(site);
    let plain = |path: &str| {
        let mut stream = TcpStream::connect(site).unwrap();
        ask(&mut stream, &format!("GET {path} HTTP/1.1"), "")
    };
    problem(
        plain("/measure/v1/download?token=x"),
        426,
        "upgrade_required",
    );
    problem(plain("/measure/v1/sideways"), 404, "not_found");
    problem(plain("/api/v1/session"), 405, "method_not_allowed");
    let open_with =
        |kind: &str, token: &str| open(&mut TcpStream::connect(site).unwrap(), kind, token);
    problem(open_with("download", "x.y.z"), 401, "token_invalid");
    problem(open_with("download", ""), 401, "token_invalid");
    let (head, tail) = session.token.split_at(60);
    problem(
        open_with("download", &format!("{head}A{}", &tail[1..])),
        401,
        "token_invalid",
    );
    let bad = |body: &str| {
        let (status, body) = post(site, "/api/v1/session", "", body);
        (status, body.to_string())
    };
    problem(bad("{"), 400, "malformed_body");
    problem(bad(r#"{"network": "pigeon"}"#), 400, "malformed_body");
    problem(bad(&" ".repeat(5000)), 400, "malformed_body");
    problem(bad(r#"{"mode": "warp"}"#), 422, "mode_unsupported");
}

#[test]
fn a_token_is_bound_to_its_network() {
    let site = start(SiteConfig::default());
    let session = session(site);
    // Another /24 of the loopback network.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(IpAddr::from([127, 0, 1, 5]), 0))
            .unwrap();
        let stream = socket.connect(site).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    });
    problem(
        open(&mut stream, "download", &session.token),
        403,
        "prefix_mismatch",
    );
}

#[test]
fn behind_a_proxy_the_client_is_whom_the_proxy_names() {
    let config = SiteConfig {
        proxies: vec![IpAddr::from([127, 0, 0, 1])],
        ..SiteConfig::default()
    };
    let site = start(config);
    let named = "X-Forwarded-For: 203.0.113.9";
    let mut stream = TcpStream::connect(site).unwrap();
    let (_, reply) = ask(
        &mut stream,
        &format!("POST /api/v1/session HTTP/1.1\r\n{named}"),
        "",
    );
    let session: SessionReply = serde_json::from_str(&reply).unwrap();
    let mut download = TcpStream::connect(site).unwrap();
    let token = &session.token;
    let head = format!("GET /measure/v1/download?token={token} HTTP/1.1\r\n{UPGRADE}\r\n{named}");
    assert_eq!(ask(&mut download, &head, "").0, 101);
    download.read_exact(&mut [0; 100_000]).unwrap();
    let (_, receipt) = receipt_of(site, &session);
    assert_eq!(receipt.client_prefix.to_string(), "203.0.113.0/24");
    let download = receipt.download.unwrap();
    assert_eq!(
        download.counted,
        Counted::Written,
        "the proxy's kernel is not the client's"
    );
    assert_eq!(download.streams[0].tcp, None);
}

#[test]
fn a_direction_runs_once() {
    let site = start(SiteConfig::default());
    let session = session(site);
    let mut first = opened(site, "download", &session);
    let second = opened(site, "download", &session);
    drop(second);
    first
        .write_all(&frame(Opcode::Close, &close_payload(1000, ""), MASK))
        .unwrap();
    drain(&mut first);
    std::thread::sleep(Duration::from_millis(300));
    let again = open(
        &mut TcpStream::connect(site).unwrap(),
        "download",
        &session.token,
    );
    problem(again, 409, "subtest_taken");
    receipt_of(site, &session);
    let late = open(
        &mut TcpStream::connect(site).unwrap(),
        "upload",
        &session.token,
    );
    problem(late, 409, "subtest_taken");
}

#[test]
fn caps_end_a_direction_with_their_name() {
    let config = SiteConfig {
        max_subtest_bytes: 1_000_000,
        ..SiteConfig::default()
    };
    let site = start(config);
    let session = session(site);
    let (bytes, why) = drain(&mut opened(site, "download", &session));
    assert!(bytes >= 1_000_000, "{bytes}");
    assert_eq!(why, "byte_cap");
    let (_, receipt) = receipt_of(site, &session);
    assert_eq!(receipt.download.unwrap().stop, Stop::ByteCap);
    assert!(receipt.upload.is_none(), "what was not measured is absent");

    let site = start(SiteConfig {
        max_subtest_seconds: 1,
        ..SiteConfig::default()
    });
    let session = self::session(site);
    let (_, why) = drain(&mut opened(site, "download", &session));
    assert_eq!(why, "time_cap");
}

#[test]
fn a_full_site_says_when_to_come_back() {
    let site = start(SiteConfig {
        max_sessions: 1,
        ..SiteConfig::default()
    });
    let session = session(site);
    let mut stream = TcpStream::connect(site).unwrap();
    let busy = ask(&mut stream, "POST /api/v1/session HTTP/1.1", "");
    problem(busy, 503, "site_busy");
    receipt_of(site, &session);
    self::session(site);
}

#[test]
fn broken_frames_end_the_connection_and_nothing_else() {
    let site = start(SiteConfig::default());
    let session = session(site);
    for bytes in [
        &[0xff; 64][..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x82, 0x05, 1, 2, 3, 4, 5],
    ] {
        let mut upload = opened(site, "latency", &session);
        upload.write_all(bytes).unwrap();
        let closed = matches!(upload.read(&mut [0; 16]), Ok(0) | Err(_));
        assert!(closed, "{bytes:?}");
    }
    receipt_of(site, &session);
}
