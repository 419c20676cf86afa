//! Sites written by hand, over real sockets: honest by default, so that each
//! test says only what its site does wrong.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use client::{Base, Error, Outcome, Plan};
use wire::native::message::UploadCount;
use wire::websocket::Opcode;
use wire::websocket::decoder::{Bulk, Decoder, Event, Role};
use wire::websocket::encode::frame;

pub(crate) const TEST: &str = "0192e6a1-7c5a-7d3e-9f00-2b6f1c5e8a11";

/// What has happened to the line or the site.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Nothing gets through any more, in neither direction.
    Silent,
    /// The process is another one: connections are cut, the session is unknown.
    Restarted,
}

/// What the connections of a site share.
#[derive(Default)]
pub(crate) struct World {
    fault: Mutex<Fault>,
    /// Connections of a dead line, kept open.
    held: Mutex<Vec<TcpStream>>,
    upload: OnceLock<Instant>,
}

impl World {
    pub(crate) fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    pub(crate) fn strike(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Lets a connection go the way of the fault: held open, or cut.
    pub(crate) fn lose(&self, stream: TcpStream) {
        if self.fault() == Fault::Silent {
            self.held.lock().unwrap().push(stream);
        }
    }
}

/// A site; every method is honest until a test says otherwise.
pub(crate) trait Site: Send + Sync + Sized + 'static {
    /// Mode, and cap in bytes of one direction.
    const SESSION: (&'static str, u64) = ("saver", 1_000_000_000_000);

    fn latency(&self, stream: TcpStream, world: &World) {
        echo(stream, world, usize::MAX);
    }

    fn download(&self, stream: TcpStream, world: &World) {
        pump(stream, world, Duration::MAX);
    }

    fn upload(&self, stream: TcpStream, world: &World) {
        count(stream, world, Duration::MAX, |count| vec![count]);
    }

    /// The whole HTTP answer to a measuring connection, instead of an upgrade.
    fn answer(&self, _kind: &str) -> Option<String> {
        None
    }

    /// The receipt as JSON.
    fn receipt(&self) -> String {
        receipt(TEST, None)
    }
}

/// Runs a test against a site; it has to come to its end within 15 s of when
/// its site begins to misbehave, which none of them does later than 5 s.
pub(crate) fn run<S: Site>(site: S) -> Result<Outcome, Error> {
    let base = start(site);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let test = async {
        let plan = Plan::default();
        tokio::time::timeout(Duration::from_secs(20), client::run(&base, &plan, &|_| {})).await
    };
    runtime.block_on(test).expect("a test ends")
}

fn start<S: Site>(site: S) -> Base {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shared = Arc::new((site, World::default()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream.unwrap(), &shared.0, &shared.1));
        }
    });
    Base::parse(&url).unwrap()
}

fn serve<S: Site>(mut stream: TcpStream, site: &S, world: &World) {
    stream.set_nodelay(true).unwrap();
    if world.fault() == Fault::Silent {
        return world.lose(stream);
    }
    let head = head(&mut stream);
    let Some((path, key)) = head.strip_prefix("GET /measure/v1/").and_then(|rest| {
        let key = head
            .lines()
            .find_map(|l| l.strip_prefix("sec-websocket-key: "))?;
        Some((rest, key))
    }) else {
        return say(&mut stream, &control(&head, site, world));
    };
    let kind = path.split('?').next().unwrap_or("");
    if world.fault() == Fault::Restarted {
        return say(&mut stream, &unknown());
    }
    if let Some(answer) = site.answer(kind) {
        return say(&mut stream, &answer);
    }
    say(&mut stream, &upgrade(key));
    match kind {
        "latency" => site.latency(stream, world),
        "download" => site.download(stream, world),
        _ => site.upload(stream, world),
    }
}

/// The answer to a request that is not for measuring.
fn control<S: Site>(head: &str, site: &S, world: &World) -> String {
    let json = "application/json";
    if head.starts_with("POST /api/v1/session HTTP") {
        http("201 Created", json, &session(S::SESSION))
    } else if world.fault() == Fault::Restarted {
        unknown()
    } else {
        http("200 OK", json, &site.receipt())
    }
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

pub(crate) fn http(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

fn unknown() -> String {
    let problem = r#"{"type": "urn:ispeed:problem:session_unknown", "title": "", "status": 404}"#;
    http("404 Not Found", "application/problem+json", problem)
}

fn upgrade(key: &str) -> String {
    let accept = wire::websocket::accept_key(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: ispeed.v1\r\n\r\n"
    )
}

fn session((mode, most_bytes): (&str, u64)) -> String {
    format!(
        r#"{{"test_id": "{TEST}", "nonce": "00", "token": "t",
        "server_time": "2024-11-08T02:00:00Z", "site": "demo", "method": 1, "mode": "{mode}",
        "parameters": {{"streams": 4, "bin_us": 100000, "ramp_cap_us": 4000000,
            "measured_us": 10000000, "idle_probes": 20, "probe_interval_us": 50000,
            "waiting_time_us": 3000000}},
        "caps": {{"subtest_us": 16000000, "subtest_bytes": {most_bytes}, "session_us": 120000000}}}}"#
    )
}

/// A receipt of a test, with so many bytes of upload or none.
pub(crate) fn receipt(test_id: &str, upload_bytes: Option<u64>) -> String {
    let golden = include_str!("../../../../testdata/receipt/v1.json");
    let mut receipt: serde_json::Value = serde_json::from_str(golden).unwrap();
    receipt["test_id"] = test_id.into();
    let object = receipt.as_object_mut().unwrap();
    object.remove("download");
    match upload_bytes {
        None => drop(object.remove("upload")),
        Some(bytes) => {
            let mut upload = object["upload"].clone();
            let bins = vec![bytes / 30; 30];
            upload["bins_bytes"] = serde_json::json!(bins);
            for series in ["srtt_us", "retransmitted_bytes"] {
                upload.as_object_mut().unwrap().remove(series);
            }
            object.insert("upload".into(), upload);
        }
    }
    receipt.to_string()
}

/// Echoes so many probes, then the line is silent.
pub(crate) fn echo(mut stream: TcpStream, world: &World, most: usize) {
    let mut decoder = Decoder::new(Role::Server, Bulk::Keep(64));
    let (mut buffer, mut echoed) = ([0; 4096], 0);
    stream.set_read_timeout(Some(TURN)).unwrap();
    while world.fault() == Fault::None {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => n,
            Err(_) => continue,
        };
        let mut answers = Vec::new();
        let fed = decoder.feed(&buffer[..read], |event| {
            if let Event::Binary(probe) = event {
                answers.push(frame(Opcode::Binary, probe, None));
            }
        });
        fed.unwrap();
        for answer in answers {
            if echoed == most {
                world.strike(Fault::Silent);
                break;
            }
            let _ = stream.write_all(&answer);
            echoed += 1;
        }
    }
    world.lose(stream);
}

/// How long a loop may sleep before it looks at the world again.
const TURN: Duration = Duration::from_millis(5);

/// Sends payload at some 25 Mbit/s a stream, for so long; returns the
/// connection where it was not lost.
pub(crate) fn pump(mut stream: TcpStream, world: &World, span: Duration) -> Option<TcpStream> {
    let message = frame(Opcode::Binary, &[7; 16 * 1024], None);
    let began = net::now();
    while net::now().duration_since(began) < span {
        if world.fault() != Fault::None {
            world.lose(stream);
            return None;
        }
        stream.write_all(&message).ok()?;
        std::thread::sleep(TURN);
    }
    Some(stream)
}

/// Counts what is uploaded, for so long, and tells what `tell` makes of each
/// count; returns the connection where it was not lost.
pub(crate) fn count(
    mut stream: TcpStream,
    world: &World,
    span: Duration,
    tell: impl Fn(UploadCount) -> Vec<UploadCount>,
) -> Option<TcpStream> {
    let began = *world.upload.get_or_init(net::now);
    let mut decoder = Decoder::new(Role::Server, Bulk::Count(1 << 24));
    let bin = || usize::try_from(net::now().duration_since(began).as_millis() / 100).unwrap();
    let (mut next, mut bytes, mut buffer) = (bin(), 0, vec![0; 256 * 1024]);
    stream.set_read_timeout(Some(TURN)).unwrap();
    while net::now().duration_since(began) < span {
        if world.fault() != Fault::None {
            world.lose(stream);
            return None;
        }
        let over = bin();
        for bin in next..over {
            let bytes = std::mem::take(&mut bytes);
            for count in tell(UploadCount { bin, bytes }) {
                let text = serde_json::to_vec(&count).unwrap();
                stream.write_all(&frame(Opcode::Text, &text, None)).ok()?;
            }
        }
        next = over;
        if let Ok(read) = stream.read(&mut buffer) {
            if read == 0 {
                return None;
            }
            let fed = decoder.feed(&buffer[..read], |event| {
                if let Event::Counted(n) = event {
                    bytes += n;
                }
            });
            fed.unwrap();
            // Some 100 Mbit/s, so that a burst of loopback is no test of this machine.
            std::thread::sleep(TURN);
        }
    }
    Some(stream)
}
