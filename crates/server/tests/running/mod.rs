//! A site on real sockets, and HTTP as bare as a socket.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use metric::key::SiteKey;
use server::{Site, SiteConfig};

/// A site on a thread of its own, for the length of the test process.
pub(crate) fn start(config: SiteConfig) -> SocketAddr {
    start_with(config, |site| site)
}

/// The same, with something set first.
pub(crate) fn start_with(
    config: SiteConfig,
    set: impl FnOnce(Site) -> Site + Send + 'static,
) -> SocketAddr {
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
            let key = SiteKey::from_seed(&[5; 32]);
            let site = Arc::new(set(Site::new(config, key, &random)));
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

/// An answer: status, head in lower case, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header, where it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find_map(|l| l.strip_prefix(name))?;
        line.strip_prefix(": ")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) fn connect(site: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(site).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
}

/// Sends a request on a new connection and reads the whole answer.
pub(crate) fn ask(site: SocketAddr, head: &str, body: &[u8]) -> Answer {
    ask_on(&mut connect(site), head, body)
}

/// Sends a request and reads the whole answer; `head` has no last line break.
pub(crate) fn ask_on(stream: &mut TcpStream, head: &str, body: &[u8]) -> Answer {
    let length = body.len();
    write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
    let head_only = head.starts_with("HEAD");
    let mut answer = read_head(stream);
    let length = answer
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    answer.body = vec![0; if head_only { 0 } else { length }];
    stream.read_exact(&mut answer.body).unwrap();
    answer
}

pub(crate) fn read_head(stream: &mut TcpStream) -> Answer {
    let mut head = vec![];
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: vec![],
    }
}
