//! ndt7 on the wire: what is refused, what is told, what is kept.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use metric::receipt::{ReceiptV1, Stop};
use metric::{key::SiteKey, receipt::Counted};
use running::{Answer, connect, read_head, start, start_with};
use serde_json::Value;
use server::SiteConfig;
use wire::ndt7::archive::Record;
use wire::ndt7::message::Measurement;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::{close_payload, frame};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const NDT7: &str = "Sec-WebSocket-Protocol: net.measurementlab.ndt.v7";
const MASK: Option<[u8; 4]> = Some([9, 8, 7, 6]);

fn open(site: SocketAddr, path: &str, headers: &[&str]) -> (TcpStream, Answer) {
    let mut stream = connect(site);
    let headers = headers.join("\r\n");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n"
    )
    .unwrap();
    let answer = read_head(&mut stream);
    (stream, answer)
}

fn opened(site: SocketAddr, path: &str) -> TcpStream {
    let (stream, answer) = open(site, path, &[UPGRADE, NDT7]);
    assert_eq!(answer.status, 101, "{}", answer.head);
    assert_eq!(
        answer.header("sec-websocket-protocol"),
        Some("net.measurementlab.ndt.v7")
    );
    stream
}

#[derive(Default)]
struct Seen {
    bytes: u64,
    messages: Vec<Measurement>,
    raw: Vec<Value>,
    pings: usize,
    closed: Option<u16>,
}

impl Seen {
    /// Reads until the connection ends, or `enough` says so.
    fn read(stream: &mut TcpStream, mut enough: impl FnMut(&Self) -> bool) -> Self {
        let mut seen = Self::default();
        let mut decoder = Decoder::new(Role::Client, Bulk::Count(1 << 20));
        let mut buffer = vec![0; 1 << 16];
        while !enough(&seen) {
            let n = stream.read(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            let read = decoder.feed(&buffer[..n], |event| match event {
                Event::Counted(n) => seen.bytes += n,
                Event::Text(text) => {
                    seen.messages.push(serde_json::from_slice(text).unwrap());
                    seen.raw.push(serde_json::from_slice(text).unwrap());
                }
                Event::Ping(payload) => {
                    assert!(payload.iter().all(u8::is_ascii_digit));
                    seen.pings += 1;
                }
                Event::Close(code, _) => seen.closed = code,
                Event::Binary(_) | Event::Shown(_) => unreachable!(),
            });
            read.unwrap();
        }
        seen
    }
}

#[test]
fn only_the_subprotocol_itself_is_taken() {
    let site = start(SiteConfig::default());
    for headers in [
        &[][..],
        &[UPGRADE],
        &[UPGRADE, "Sec-WebSocket-Protocol: ispeed.v1"],
        &[
            UPGRADE,
            "Sec-WebSocket-Protocol: a, net.measurementlab.ndt.v7",
        ],
        &[NDT7],
    ] {
        for path in ["/ndt/v7/download", "/ndt/v7/upload"] {
            let (_, answer) = open(site, path, headers);
            assert_eq!(answer.status, 400, "{headers:?}");
            assert_eq!(answer.header("connection"), Some("close"));
        }
    }
    for query in ["early_exit=100", "early_exit="] {
        let path = format!("/ndt/v7/download?{query}");
        let (_, answer) = open(site, &path, &[UPGRADE, NDT7]);
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[test]
fn a_download_measures_and_ends_early_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let site = keeping(folder.path());
    let mut stream = opened(
        site,
        "/ndt/v7/download?early_exit=250&client_name=t&server_x=1",
    );
    let said = frame(Opcode::Text, br#"{"AppInfo":{"NumBytes":1}}"#, MASK);
    stream.write_all(&said).unwrap();
    let seen = Seen::read(&mut stream, |seen| seen.closed.is_some());
    assert_eq!(seen.closed, Some(1000));
    assert!(seen.bytes >= 250_000_000, "{}", seen.bytes);
    assert!(!seen.messages.is_empty());
    assert_eq!(seen.pings, seen.messages.len());
    for (message, raw) in seen.messages.iter().zip(&seen.raw) {
        let app = message.app_info.unwrap();
        assert!(app.elapsed_time >= 0 && app.num_bytes >= 0);
        assert!(
            message
                .connection_info
                .as_ref()
                .unwrap()
                .client
                .starts_with("127.0.0.1:")
        );
        let fractions = raw["TCPInfo"].as_object().unwrap().values();
        assert!(fractions.clone().all(|v| v.is_i64() || v.is_u64()));
    }
    let last = seen.messages.last().unwrap().tcp_info.unwrap();
    assert!(last.bytes_acked >= 250_000_000 && last.bytes_sent >= last.bytes_acked);

    drop(stream);
    let (receipt, record) = kept(folder.path());
    assert!(receipt.is_signed_by(&SiteKey::from_seed(&[5; 32]).public()));
    assert!(receipt.is_well_formed());
    assert_eq!(
        (receipt.protocol.as_str(), receipt.mode.as_str()),
        ("ndt7", "foreign")
    );
    let download = receipt.download.unwrap();
    assert_eq!(
        (download.stop, download.counted),
        (Stop::ByteCap, Counted::Acknowledged)
    );
    assert!(download.bytes() >= 250_000_000 && receipt.upload.is_none());
    assert_eq!(record.client_ip, "127.0.0.0");
    let subtest = record.download.unwrap();
    assert_eq!(subtest.server_measurements.len(), seen.messages.len());
    assert!(
        subtest
            .server_measurements
            .iter()
            .all(|m| m.connection_info.is_none())
    );
    assert_eq!(subtest.client_measurements.len(), 1);
    let names: Vec<_> = subtest
        .client_metadata
        .iter()
        .map(|m| m.name.as_str())
        .collect();
    assert_eq!(names, ["early_exit", "client_name"]);
}

#[test]
fn an_upload_is_told_what_came_and_closed_by_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let site = keeping(folder.path());
    let mut stream = opened(site, "/ndt/v7/upload");
    // The largest message there is, and one that is small.
    stream
        .write_all(&frame(Opcode::Binary, &vec![0; 1 << 24], MASK))
        .unwrap();
    stream
        .write_all(&frame(Opcode::Binary, b"12345678", MASK))
        .unwrap();
    let sent = (1 << 24) + 8;
    let seen = Seen::read(&mut stream, |seen| {
        let told = seen.messages.last().map(|m| m.app_info.unwrap().num_bytes);
        told == Some(sent)
    });
    let last = seen.messages.last().unwrap().tcp_info.unwrap();
    assert!(
        last.bytes_received > sent,
        "the kernel counts frames and head, too"
    );
    assert!(last.elapsed_time > 0);
    stream
        .write_all(&frame(Opcode::Close, &close_payload(1000, ""), MASK))
        .unwrap();
    let rest = Seen::read(&mut stream, |seen| seen.closed.is_some());
    assert_eq!(rest.closed, Some(1000));
    drop(stream);
    let (receipt, record) = kept(folder.path());
    let upload = receipt.upload.unwrap();
    assert_eq!(
        (upload.bytes(), upload.stop),
        (sent.cast_unsigned(), Stop::Client)
    );
    assert!(record.upload.is_some() && record.download.is_none());
}

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    let site = start(SiteConfig::default());
    let header = wire::websocket::encode::header(Opcode::Binary, (1 << 24) + 1, MASK);
    for (path, bytes) in [
        ("/ndt/v7/download", frame(Opcode::Binary, b"x", MASK)),
        ("/ndt/v7/download", frame(Opcode::Text, b"[]", MASK)),
        ("/ndt/v7/upload", header.0[..header.1].to_vec()),
        ("/ndt/v7/upload", vec![0xff; 64]),
    ] {
        let mut stream = opened(site, path);
        stream.write_all(&bytes).unwrap();
        let mut buffer = vec![0; 1 << 16];
        while let Ok(1..) = stream.read(&mut buffer) {}
    }
}

fn keeping(folder: &Path) -> SocketAddr {
    let folder = folder.to_owned();
    start_with(SiteConfig::default(), |site| site.keeping(folder))
}

/// The one receipt and the one archive, once they are on disk.
fn kept(folder: &Path) -> (ReceiptV1, Record) {
    let read = || {
        let line = files(&folder.join("foreign")).pop()?;
        let record = files(&folder.join("ndt7")).pop()?;
        let line = fs::read_to_string(line).ok()?;
        let receipt = serde_json::from_str(line.trim_end()).ok()?;
        Some((
            receipt,
            serde_json::from_str(&fs::read_to_string(record).ok()?).ok()?,
        ))
    };
    for _ in 0..500 {
        if let Some(kept) = read() {
            return kept;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing was kept");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let deeper = entries.flat_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    deeper.collect()
}
