//! Runs a site in the process of a test, and asks it.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a module of tests")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use metric::key::SiteKey;
use metric::receipt::ReceiptV1;
use serde_json::Value;
use server::{Site, SiteConfig};
use wire::native::message::SessionReply;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};

pub fn key() -> SiteKey {
    SiteKey::from_seed(&[5; 32])
}

/// A site on a thread of its own, for the length of the test process.
pub fn start(config: SiteConfig) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let random: Vec<u8> = (0..1_u32 << 20)
                .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
                .collect();
            let site = Arc::new(Site::new(config, key(), &random));
            server::serve(listener, site, |_, _| async {
                let mut response = Response::new(Full::<Bytes>::from("{}"));
                *response.status_mut() = hyper::StatusCode::NOT_FOUND;
                response
            })
            .await;
        });
    });
    told.recv().unwrap()
}

/// Sends bytes and reads the head of the answer.
pub fn ask(stream: &mut TcpStream, head: &str, body: &str) -> (u16, String) {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let length = body.len();
    write!(
        stream,
        "{head}\r\nHost: site\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = vec![];
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.split("content-length: ").nth(1);
    let length = length.map_or(0, |rest| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

pub fn post(site: SocketAddr, path: &str, bearer: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(site).unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {bearer}");
    let (status, body) = ask(&mut stream, &head, body);
    (status, serde_json::from_str(&body).unwrap())
}

pub const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ispeed.v1";

pub fn open(stream: &mut TcpStream, kind: &str, token: &str) -> (u16, String) {
    let head = format!("GET /measure/v1/{kind}?token={token} HTTP/1.1\r\n{UPGRADE}");
    ask(stream, &head, "")
}

pub fn opened(site: SocketAddr, kind: &str, session: &SessionReply) -> TcpStream {
    let mut stream = TcpStream::connect(site).unwrap();
    let (status, problem) = open(&mut stream, kind, &session.token);
    assert_eq!(status, 101, "{problem}");
    stream
}

pub fn receipt_of(site: SocketAddr, session: &SessionReply) -> (String, ReceiptV1) {
    let path = format!("/api/v1/session/{}/receipt", session.test_id);
    let (status, receipt) = post(site, &path, &session.token, "");
    assert_eq!(status, 200, "{receipt}");
    (
        receipt.to_string(),
        serde_json::from_value(receipt).unwrap(),
    )
}

/// Reads until the site closes: payload bytes, and the reason it gave.
pub fn drain(stream: &mut TcpStream) -> (u64, String) {
    let (mut bytes, mut why) = (0, String::new());
    let mut decoder = Decoder::new(Role::Client, Bulk::Count(1 << 20));
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = stream.read(&mut buffer).unwrap_or(0);
        let read = decoder.feed(&buffer[..n], |event| match event {
            Event::Counted(n) => bytes += n,
            Event::Close(_, reason) => why = String::from_utf8_lossy(reason).into_owned(),
            _ => {}
        });
        read.unwrap();
        if n == 0 {
            return (bytes, why);
        }
    }
}

pub const MASK: Option<[u8; 4]> = Some([9, 8, 7, 6]);
