//! One stream of load, as plain as a socket: HTTP by LibreSpeed's paths,
//! WebSocket by ndt7's.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// What a run moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) bytes: f64,
    pub(super) seconds: f64,
}

/// A run of a length against a site.
pub(super) type Load = fn(SocketAddr, Duration) -> anyhow::Result<Moved>;

/// What iperf3 moves at a time.
const BLOCK_BYTES: usize = 128 * 1024;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: net.measurementlab.ndt.v7\r\n";

/// The longest answer is a gibibyte; a fast machine takes several, one after
/// the other on one connection.
pub(super) fn http_download(site: SocketAddr, time: Duration) -> anyhow::Result<Moved> {
    let mut stream = ask(site, "GET /garbage?ckSize=1024", "")?;
    let (began, mut bytes) = (net::now(), 0);
    loop {
        bytes += drain(&stream, began, time, 1 << 30)?;
        if net::now().duration_since(began) >= time {
            return Ok(moved(bytes, began));
        }
        ask_again(&mut stream, "GET /garbage?ckSize=1024", "")?;
    }
}

pub(super) fn websocket_download(site: SocketAddr, time: Duration) -> anyhow::Result<Moved> {
    let stream = ask(site, "GET /ndt/v7/download", UPGRADE)?;
    let began = net::now();
    let bytes = drain(&stream, began, time, u64::MAX)?;
    Ok(moved(bytes, began))
}

pub(super) fn http_upload(site: SocketAddr, time: Duration) -> anyhow::Result<Moved> {
    let head = format!("Content-Length: {}\r\n", u64::from(u32::MAX) * 16);
    let mut stream = TcpStream::connect(site)?;
    write!(stream, "POST /empty HTTP/1.1\r\nHost: h\r\n{head}\r\n")?;
    fill(&stream, &[b'0'; BLOCK_BYTES], time)
}

pub(super) fn websocket_upload(site: SocketAddr, time: Duration) -> anyhow::Result<Moved> {
    let stream = ask(site, "GET /ndt/v7/upload", UPGRADE)?;
    // A binary frame of 1 MiB under a mask of zeros, as a client's must be masked.
    let mut frame = vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0];
    frame.resize(frame.len() + (1 << 20), b'0');
    fill(&stream, &frame, time)
}

/// A connection that has asked once and waits.
pub(super) fn idle(site: SocketAddr) -> anyhow::Result<TcpStream> {
    ask(site, "GET /empty", "")
}

/// A connection that has asked for much and reads nothing of it.
pub(super) fn blocked(site: SocketAddr) -> anyhow::Result<TcpStream> {
    ask(site, "GET /garbage?ckSize=1024", "")
}

/// Sends a request and reads the head of the answer.
fn ask(site: SocketAddr, line: &str, headers: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(site)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    ask_again(&mut stream, line, headers)?;
    Ok(stream)
}

fn ask_again(stream: &mut TcpStream, line: &str, headers: &str) -> anyhow::Result<()> {
    write!(stream, "{line} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")?;
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).context("no status")?;
    ensure!(["200", "101"].contains(&status), "{line}: {status}");
    Ok(())
}

/// Reads until the time is over or the answer of `most` bytes is; bytes read.
fn drain(
    mut stream: &TcpStream,
    began: std::time::Instant,
    time: Duration,
    most: u64,
) -> io::Result<u64> {
    let (mut bytes, mut block) = (0, vec![0; BLOCK_BYTES]);
    while bytes < most && net::now().duration_since(began) < time {
        let left = usize::try_from(most - bytes).unwrap_or(BLOCK_BYTES);
        match stream.read(&mut block[..left.min(BLOCK_BYTES)])? {
            0 => break,
            n => bytes += n as u64,
        }
    }
    Ok(bytes)
}

/// Writes a block over and over until the time is over.
fn fill(mut stream: &TcpStream, block: &[u8], time: Duration) -> anyhow::Result<Moved> {
    let (began, mut bytes) = (net::now(), 0);
    while net::now().duration_since(began) < time {
        stream.write_all(block)?;
        bytes += block.len() as u64;
    }
    Ok(moved(bytes, began))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn moved(bytes: u64, began: std::time::Instant) -> Moved {
    Moved {
        bytes: bytes as f64,
        seconds: net::now().duration_since(began).as_secs_f64(),
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until something listens on a port, without connecting to it: iperf3
/// would take that for its client.
pub(super) fn wait_for(port: &str) -> anyhow::Result<()> {
    let port: u16 = port.parse()?;
    for _ in 0..200 {
        let listening = std::fs::read_to_string("/proc/net/tcp")?
            + &std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
        let wanted = format!(":{port:04X} ");
        let listens = |line: &str| line.contains(&wanted) && line.contains(" 0A ");
        if listening.lines().any(listens) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    anyhow::bail!("nothing listens on port {port}")
}
