//! RMBT on the wire, word by word as its specification has it: by the upgrade
//! from HTTP and by WebSocket, and what is kept of a test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use metric::receipt::{Counted, ReceiptV1, Stop};
use running::{Answer, ask, connect, read_head, start, start_with};
use serde_json::{Value, json};
use server::SiteConfig;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::frame;

const ACCEPT: &str = "ACCEPT GETCHUNKS GETTIME PUT PUTNORESULT PING QUIT\n";
const MASK: Option<[u8; 4]> = Some([9, 8, 7, 6]);

fn control(site: SocketAddr, path: &str, body: &Value) -> Answer {
    let head = format!("POST /RMBTControlServer/{path} HTTP/1.1\r\nHost: h:8080");
    ask(site, &head, body.to_string().as_bytes())
}

fn token(site: SocketAddr) -> String {
    let asked = json!({"client": "RMBT", "capabilities": {"RMBThttp": true}});
    let answer = control(site, "testRequest", &asked).json();
    answer["test_token"].as_str().unwrap().to_owned()
}

/// A connection upgraded from HTTP.
struct Bare(TcpStream);

impl Bare {
    fn upgraded(site: SocketAddr) -> Self {
        let mut stream = connect(site);
        let head = "GET /rmbt HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: RMBT\r\n\
            RMBT-Version: 1.3.5\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_head(&mut stream);
        assert_eq!(answer.status, 101, "{}", answer.head);
        assert_eq!(answer.header("upgrade"), Some("rmbt"));
        Self(stream)
    }

    fn admitted(site: SocketAddr, token: &str) -> Self {
        let mut bare = Self::upgraded(site);
        bare.hears("RMBTv1.3.5\nACCEPT TOKEN QUIT\n");
        bare.says(&format!("TOKEN {token}\n"));
        bare.hears("OK\nCHUNKSIZE 4096 4096 4194304\n");
        bare.hears(ACCEPT);
        bare
    }

    fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[track_caller]
    fn hears(&mut self, text: &str) {
        let heard = self.bytes(text.len());
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    fn line(&mut self) -> String {
        let mut line = vec![];
        while line.last() != Some(&b'\n') {
            line.extend(self.bytes(1));
        }
        String::from_utf8(line).unwrap()
    }

    /// Nanoseconds of the line `TIME n`.
    #[track_caller]
    fn time(&mut self) -> u64 {
        let line = self.line();
        let number = line.strip_prefix("TIME ").map(str::trim_end);
        number.and_then(|n| n.parse().ok()).expect(&line)
    }

    /// Reads chunks up to the last one.
    fn chunks(&mut self, size: usize) -> usize {
        for count in 1.. {
            let chunk = self.bytes(size);
            match chunk[size - 1] {
                0x00 => {}
                0xff => return count,
                other => panic!("a chunk ends with {other:#x}"),
            }
        }
        unreachable!()
    }
}

fn chunk(last: u8) -> Vec<u8> {
    let mut chunk = vec![0xff; 4096];
    chunk[4095] = last;
    chunk
}

#[test]
fn a_client_is_told_where_and_how_to_measure() {
    let site = start(SiteConfig::default());
    let settings = control(site, "settings", &json!({"name": "RMBT"})).json();
    let uuid = settings["settings"][0]["uuid"].as_str().unwrap();
    assert_eq!(uuid.len(), 36);
    let again = control(site, "settings", &json!({ "uuid": uuid })).json();
    assert_eq!(again["settings"][0]["uuid"], uuid);

    let asked = json!({"client": "RMBTws", "uuid": uuid, "time": 1});
    let test = control(site, "testRequest", &asked);
    assert_eq!(test.header("access-control-allow-origin"), Some("*"));
    let test = test.json();
    assert_eq!(
        (&test["test_server_address"], &test["test_server_port"]),
        (&json!("h"), &json!(8080))
    );
    assert_eq!(test["test_server_encryption"], false);
    assert_eq!(
        (&test["test_duration"], &test["test_wait"]),
        (&json!(7), &json!(0))
    );
    assert_eq!(test["result_url"], "http://h:8080/RMBTControlServer/result");
    assert_eq!(
        (&test["client_remote_ip"], &test["error"]),
        (&json!("127.0.0.1"), &json!([]))
    );
    let token = test["test_token"].as_str().unwrap();
    assert!(token.starts_with(test["test_uuid"].as_str().unwrap()));

    let bare = control(site, "testRequest", &json!({"client": "RMBT"})).json();
    assert!(bare["error"][0].as_str().unwrap().contains("RMBThttp"));
    let agent = ask(
        site,
        "GET /RMBTControlServer/requestDataCollector HTTP/1.1\r\nHost: h\r\nUser-Agent: x/1",
        b"",
    );
    assert_eq!(agent.json()["agent"], "x/1");
    assert_eq!(
        control(site, "result", &json!({"test_token": "x"})).status,
        400
    );
}

#[test]
fn the_examples_of_the_specification_run_as_written() {
    let site = start(SiteConfig::default());
    let mut bare = Bare::admitted(site, &token(site));
    for count in [1, 2, 4] {
        bare.says(&format!("GETCHUNKS {count}\n"));
        assert_eq!(bare.chunks(4096), count);
        bare.says("OK\n");
        assert!(bare.time() > 0);
        bare.hears(ACCEPT);
    }
    bare.says("GETCHUNKS 2 200000\n");
    assert_eq!(bare.chunks(200_000), 2);
    bare.says("OK\n");
    bare.time();
    bare.hears(ACCEPT);
    bare.says("PING\n");
    bare.hears("PONG\n");
    bare.says("OK\n");
    assert!(bare.time() > 0);
    bare.hears(ACCEPT);
    bare.says("GETTIME 1 16384\n");
    assert!(bare.chunks(16_384) > 10);
    bare.says("OK\n");
    assert!(bare.time() >= 1_000_000_000);
    bare.hears(ACCEPT);
    bare.says("PUTNORESULT 4096\n");
    bare.0
        .write_all(&[chunk(0), chunk(0), chunk(0xff)].concat())
        .unwrap();
    bare.hears("OK\n");
    bare.time();
    bare.hears(ACCEPT);
    bare.says("GETTIME 31\n");
    bare.hears("ERR\n");
    bare.hears(ACCEPT);
    bare.says("QUIT\n");
    bare.hears("BYE\n");
    assert_eq!(bare.0.read(&mut [0]).unwrap(), 0, "the site closes");
}

#[test]
fn without_a_token_of_this_site_nothing_is_carried() {
    let site = start(SiteConfig::default());
    for said in [
        "TOKEN 00000000-0000-0000-0000-000000000000_1_x\n",
        "GETTIME 1\n",
    ] {
        let mut bare = Bare::upgraded(site);
        bare.hears("RMBTv1.3.5\nACCEPT TOKEN QUIT\n");
        bare.says(said);
        bare.hears("ERR\n");
        assert_eq!(bare.0.read(&mut [0]).unwrap(), 0);
    }
    // What is no upgrade at these paths is a page's.
    let page = ask(site, "GET / HTTP/1.1\r\nHost: h", b"");
    assert_eq!(page.status, 404);
}

/// A connection by WebSocket, as browsers open it: at the root, without a
/// subprotocol.
struct Socket {
    stream: TcpStream,
    decoder: Decoder,
    messages: Vec<(bool, Vec<u8>)>,
}

impl Socket {
    fn open(site: SocketAddr) -> Self {
        let mut stream = connect(site);
        let head = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_head(&mut stream);
        assert_eq!(answer.status, 101);
        assert_eq!(answer.header("sec-websocket-protocol"), None);
        Self {
            stream,
            decoder: Decoder::new(Role::Client, Bulk::Keep(1 << 23)),
            messages: vec![],
        }
    }

    fn admitted(site: SocketAddr, token: &str) -> Self {
        let mut socket = Self::open(site);
        socket.hears("RMBTv1.3.5\n");
        socket.hears("ACCEPT TOKEN QUIT\n");
        socket.says(&format!("TOKEN {token}\n"));
        socket.hears("OK\n");
        socket.hears("CHUNKSIZE 4096 4096 4194304\n");
        socket.hears(ACCEPT);
        socket
    }

    /// Reads reports up to the end of an upload: bytes of the last one.
    fn reported(&mut self) -> u64 {
        let mut reported = 0;
        loop {
            let said = String::from_utf8(self.next().1).unwrap();
            match said.split_once(" BYTES ") {
                Some((_, bytes)) => reported = bytes.trim_end().parse().unwrap(),
                None if said.starts_with("TIME ") => return reported,
                None => panic!("{said}"),
            }
        }
    }

    /// The next message: whether it is text, and what it says.
    fn next(&mut self) -> (bool, Vec<u8>) {
        let mut buffer = vec![0; 1 << 16];
        while self.messages.is_empty() {
            let n = self.stream.read(&mut buffer).unwrap();
            assert!(n > 0);
            let messages = &mut self.messages;
            let fed = self.decoder.feed(&buffer[..n], |event| match event {
                Event::Text(text) => messages.push((true, text.to_vec())),
                Event::Binary(bytes) => messages.push((false, bytes.to_vec())),
                _ => {}
            });
            fed.unwrap();
        }
        self.messages.remove(0)
    }

    #[track_caller]
    fn hears(&mut self, want: &str) {
        let (text, said) = self.next();
        assert!(text);
        assert_eq!(String::from_utf8_lossy(&said), want);
    }

    fn says(&mut self, text: &str) {
        let said = frame(Opcode::Text, text.as_bytes(), MASK);
        self.stream.write_all(&said).unwrap();
    }

    fn sends(&mut self, bytes: &[u8]) {
        let sent = frame(Opcode::Binary, bytes, MASK);
        self.stream.write_all(&sent).unwrap();
    }
}

#[test]
fn one_test_by_websocket_is_one_record_without_its_trials() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_owned();
    let site = start_with(SiteConfig::default(), |site| site.keeping(here));
    let token = token(site);
    let mut socket = Socket::admitted(site, &token);
    socket.says("GETCHUNKS 2 4096\n");
    for last in [0, 0xff] {
        let (text, chunk) = socket.next();
        assert_eq!((text, chunk.len(), chunk[4095]), (false, 4096, last));
    }
    socket.says("OK\n");
    assert!(socket.next().1.starts_with(b"TIME "));
    socket.hears(ACCEPT);
    socket.says("GETTIME 1 65536\n");
    let mut down = 0;
    loop {
        let (_, chunk) = socket.next();
        down += chunk.len() as u64;
        if chunk.last() == Some(&0xff) {
            break;
        }
    }
    socket.says("OK\n");
    assert!(socket.next().1.starts_with(b"TIME "));
    socket.hears(ACCEPT);
    // A trial, in messages that are no chunks.
    socket.says("PUTNORESULT 4096\n");
    socket.sends(&chunk(0)[..1000]);
    socket.sends(&chunk(0)[1000..]);
    socket.sends(&chunk(0xff));
    socket.hears("OK\n");
    assert!(socket.next().1.starts_with(b"TIME "));
    socket.hears(ACCEPT);
    socket.says("PUT 4096\n");
    socket.hears("OK\n");
    for _ in 0..99 {
        socket.sends(&chunk(0));
    }
    socket.sends(&chunk(0xff));
    socket.says("QUIT\n");
    assert_eq!(socket.reported(), 409_600);
    socket.hears(ACCEPT);
    socket.hears("BYE\n");
    drop(socket);

    let measured = json!({"test_token": token, "test_speed_download": 93_000,
        "geoLocations": [{"geo_lat": 10.77}]});
    assert_eq!(
        control(site, "result", &measured).json()["error"],
        json!([])
    );

    let receipt = kept(folder.path());
    assert!(receipt.is_well_formed());
    assert_eq!(
        (receipt.protocol.as_str(), receipt.mode.as_str()),
        ("rmbt", "foreign")
    );
    let (download, upload) = (receipt.download.unwrap(), receipt.upload.unwrap());
    assert_eq!(
        (download.counted, download.stop),
        (Counted::Acknowledged, Stop::Client)
    );
    assert!(
        download.bytes().abs_diff(down) < down / 50,
        "{} {down}",
        download.bytes()
    );
    assert_eq!((upload.bytes(), upload.streams.len()), (409_600, 1));
    let said = lines(&folder.path().join("rmbt"));
    assert!(said.contains("93000") && !said.contains("10.77"), "{said}");
}

/// The one receipt, once the pause after the test is over.
fn kept(folder: &Path) -> ReceiptV1 {
    for _ in 0..1000 {
        let text = lines(&folder.join("foreign"));
        if text.ends_with('\n') {
            assert_eq!(text.lines().count(), 1, "one test");
            return serde_json::from_str(text.trim_end()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing was kept");
}

/// What the files of a folder hold.
fn lines(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    texts.collect()
}
