//! msak's `throughput1` on the wire: what is refused, what is told, and that
//! the streams of one measurement are one test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use metric::receipt::{ReceiptV1, Stop};
use running::{Answer, ask, connect, read_head, start, start_with};
use server::SiteConfig;
use wire::msak::archive::Record;
use wire::msak::message::WireMeasurement;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::{close_payload, frame};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const MSAK: &str = "Sec-WebSocket-Protocol: net.measurementlab.throughput.v1";
const MASK: Option<[u8; 4]> = Some([9, 8, 7, 6]);

fn open(site: SocketAddr, path: &str, headers: &[&str]) -> (TcpStream, Answer) {
    let mut stream = connect(site);
    let headers = headers.join("\r\n");
    let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_head(&mut stream);
    (stream, answer)
}

fn opened(site: SocketAddr, direction: &str, query: &str) -> TcpStream {
    let path = format!("/throughput/v1/{direction}?{query}");
    let (stream, answer) = open(site, &path, &[UPGRADE, MSAK]);
    assert_eq!(answer.status, 101, "{}", answer.head);
    stream
}

#[derive(Default)]
struct Seen {
    bytes: u64,
    text_bytes: u64,
    messages: Vec<WireMeasurement>,
    closed: Option<(u16, String)>,
}

impl Seen {
    /// Reads until the site closes.
    fn read(stream: &mut TcpStream) -> Self {
        Self::read_until(stream, |_| false)
    }

    /// Reads until the site closes, or `enough` says so.
    fn read_until(stream: &mut TcpStream, enough: impl Fn(&Self) -> bool) -> Self {
        let mut seen = Self::default();
        let mut decoder = Decoder::new(Role::Client, Bulk::Count(1 << 20));
        let mut buffer = vec![0; 1 << 16];
        while seen.closed.is_none() && !enough(&seen) {
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "the site goes with a word");
            let read = decoder.feed(&buffer[..n], |event| match event {
                Event::Counted(n) => seen.bytes += n,
                Event::Text(text) => {
                    seen.text_bytes += text.len() as u64;
                    seen.messages.push(serde_json::from_slice(text).unwrap());
                }
                Event::Close(code, why) => {
                    seen.closed = Some((code.unwrap(), String::from_utf8(why.to_vec()).unwrap()));
                }
                Event::Ping(_) | Event::Binary(_) | Event::Shown(_) => {
                    unreachable!("throughput1 has none")
                }
            });
            read.unwrap();
        }
        seen
    }
}

#[test]
fn a_wrong_request_is_refused_with_its_member() {
    let site = start(SiteConfig::default());
    let whole = "/throughput/v1/download?mid=a&streams=1";
    for (path, headers) in [
        (whole, &[UPGRADE][..]),
        (
            whole,
            &[UPGRADE, "Sec-WebSocket-Protocol: net.measurementlab.ndt.v7"],
        ),
        (whole, &[MSAK]),
        ("/throughput/v1/upload?streams=1", &[UPGRADE, MSAK]),
        ("/throughput/v1/upload?mid=a", &[UPGRADE, MSAK]),
        (
            "/throughput/v1/upload?mid=a&streams=1&cc=vegas",
            &[UPGRADE, MSAK],
        ),
        (
            "/throughput/v1/upload?mid=a&streams=1&duration=x",
            &[UPGRADE, MSAK],
        ),
    ] {
        let (_, answer) = open(site, path, headers);
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[test]
fn locate_names_the_measurement_in_its_urls() {
    let site = start(SiteConfig::default());
    let head = "GET /v2/nearest/msak/throughput1?client_name=x HTTP/1.1\r\nHost: h:8080";
    let answer = ask(site, head, b"").json();
    let url = answer["results"][0]["urls"]["ws:///throughput/v1/download"].clone();
    let url = url.as_str().unwrap();
    let mid = url
        .strip_prefix("ws://h:8080/throughput/v1/download?mid=")
        .unwrap();
    assert!(mid.ends_with("&client_name=x") && mid.len() > 20, "{mid}");
    let again = ask(site, head, b"").json();
    assert_ne!(answer, again, "every measurement has a name of its own");
}

#[test]
fn a_stream_with_a_limit_ends_near_it() {
    let site = start(SiteConfig::default());
    let mut stream = opened(site, "download", "mid=a&streams=1&bytes=150000");
    let seen = Seen::read(&mut stream);
    assert_eq!(seen.closed, Some((1000, "Done sending".into())));
    // Measurements count, too; the last comes after the limit.
    assert!(seen.bytes <= 150_000, "{}", seen.bytes);
    assert!(seen.bytes + seen.text_bytes >= 150_000);
    let last = seen.messages.last().unwrap();
    let sent = last.measurement.application.bytes_sent.unwrap();
    assert_eq!(sent, 150_000);
}

#[test]
fn a_client_that_goes_when_its_time_is_over_has_not_failed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_owned();
    let site = start_with(SiteConfig::default(), |site| site.keeping(here));
    let mut stream = opened(site, "download", "mid=b&streams=1&duration=300");
    Seen::read_until(&mut stream, |seen| seen.bytes > 1_000_000);
    drop(stream);
    let download = kept(folder.path()).download.unwrap();
    assert_eq!(download.stop, Stop::Client);
}

#[test]
fn the_streams_of_one_measurement_are_one_test() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_owned();
    let site = start_with(SiteConfig::default(), |site| site.keeping(here));
    let query = "mid=m-1&streams=2&duration=700&cc=cubic&client_name=t";
    let down: Vec<_> = [0, 1]
        .into_iter()
        .map(|_| {
            let mut stream = opened(site, "download", query);
            std::thread::spawn(move || {
                let said = br#"{"Application":{"BytesReceived":1},"LocalAddr":"192.0.2.7:1"}"#;
                stream.write_all(&frame(Opcode::Text, said, MASK)).unwrap();
                Seen::read(&mut stream)
            })
        })
        .collect();
    let down: Vec<_> = down.into_iter().map(|seen| seen.join().unwrap()).collect();
    for seen in &down {
        let (first, later) = seen.messages.split_first().unwrap();
        let stream = first.stream.as_ref().unwrap();
        assert_eq!(stream.congestion, "cubic");
        assert!(stream.remote_addr.starts_with("127.0.0.1:") && !stream.uuid.is_empty());
        assert!(!later.is_empty() && later.iter().all(|m| m.stream.is_none()));
        let last = &later.last().unwrap().measurement;
        let sent = last.application.bytes_sent.unwrap().cast_unsigned();
        assert!(sent.abs_diff(seen.bytes) < 1 << 21, "{sent} {}", seen.bytes);
        let taken = last.network.bytes_sent.unwrap().cast_unsigned();
        assert!(
            taken.abs_diff(seen.bytes) < 1 << 22,
            "{taken} {}",
            seen.bytes
        );
    }

    let mut up = opened(
        site,
        "upload",
        "mid=m-1&streams=1&duration=9000&client_name=t",
    );
    let payload = vec![0; 1 << 20];
    for _ in 0..4 {
        let message = frame(Opcode::Binary, &payload, MASK);
        up.write_all(&message).unwrap();
    }
    let told = |seen: &Seen| seen.messages.last().map(|m| m.measurement.application);
    let all = |seen: &Seen| told(seen).is_some_and(|a| a.bytes_received == Some(4 << 20));
    assert!(Seen::read_until(&mut up, all).closed.is_none());
    let close = frame(Opcode::Close, &close_payload(1000, ""), MASK);
    up.write_all(&close).unwrap();
    Seen::read(&mut up);
    drop(up);

    let receipt = kept(folder.path());
    assert!(receipt.is_well_formed());
    assert_eq!(receipt.protocol, "msak-throughput1");
    let (download, upload) = (receipt.download.unwrap(), receipt.upload.unwrap());
    assert_eq!((download.streams.len(), download.stop), (2, Stop::TimeCap));
    let bytes: u64 = down.iter().map(|seen| seen.bytes).sum();
    // The kernel acknowledges frames and text as well, but what was under way
    // at the end was not seen to arrive.
    assert!(download.bytes().abs_diff(bytes) < bytes / 20 + (1 << 22));
    assert_eq!((upload.bytes(), upload.stop), (4 << 20, Stop::Client));

    let records: Vec<Record> = files(&folder.path().join("throughput1"))
        .iter()
        .map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        .collect();
    assert_eq!(records.len(), 3);
    for record in &records {
        assert_eq!(
            (record.measurement_id.as_str(), record.client.as_str()),
            ("m-1", "127.0.0.0:0")
        );
        assert_eq!(record.client_metadata[0].value, "t");
        let text = serde_json::to_string(&record.client_measurements).unwrap();
        assert!(!text.contains("192.0.2.7"), "{text}");
    }
}

/// The one receipt, once the pause after the test is over.
fn kept(folder: &Path) -> ReceiptV1 {
    for _ in 0..1000 {
        let file = files(&folder.join("foreign")).pop();
        let text = file.and_then(|file| fs::read_to_string(file).ok());
        if let Some(text) = text.filter(|text| text.ends_with('\n')) {
            assert_eq!(text.lines().count(), 1, "one test");
            return serde_json::from_str(text.trim_end()).unwrap();
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
