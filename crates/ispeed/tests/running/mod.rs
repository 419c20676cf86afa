//! A running `ispeed serve`, and what a test asks it.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a module of tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use metric::key::SiteKey;
use metric::submission::Submission;
use serde_json::Value;

/// A server process; killed when dropped.
pub struct Server {
    pub child: Child,
    pub url: String,
    /// Where it speaks TLS; empty without.
    pub secure_url: String,
}

/// `ispeed` with some arguments.
pub fn ispeed(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ispeed"));
    command.args(args);
    command
}

/// A configuration for loopback with settings of one's own.
fn settings_in(data: &Path, settings: &str) -> PathBuf {
    let config = data.join("ispeed.toml");
    let loopback = include_str!("../../../../testdata/config/loopback.toml");
    std::fs::write(&config, format!("{loopback}{settings}")).unwrap();
    config
}

impl Server {
    /// Starts a server on a free port (or `listen`) and waits until it answers.
    pub fn start(data: &Path, listen: &str) -> Self {
        Self::start_as(ispeed(&[]), data, listen)
    }

    /// The same with TLS; `certificate` says which one.
    pub fn start_secure(data: &Path, certificate: &[&str]) -> Self {
        Self::start_secure_at(data, "127.0.0.1:0", certificate)
    }

    /// The same with an address of one's own beside it.
    pub fn start_secure_at(data: &Path, listen: &str, certificate: &[&str]) -> Self {
        let mut command = ispeed(&["serve", "--listen", listen, "--tls-listen", "127.0.0.1:0"]);
        command.args(certificate).arg("--data").arg(data);
        if !certificate.contains(&"--config") {
            command.arg("--config").arg(settings_in(data, ""));
        }
        Self::wait(command, true)
    }

    /// The same with a command of one's own in front (a network namespace).
    pub fn start_as(command: Command, data: &Path, listen: &str) -> Self {
        Self::start_with(command, data, listen, "")
    }

    /// The same with settings of one's own, TOML.
    pub fn start_with(mut command: Command, data: &Path, listen: &str, settings: &str) -> Self {
        command
            .args(["serve", "--listen", listen, "--data"])
            .arg(data)
            .arg("--config")
            .arg(settings_in(data, settings));
        Self::run(command)
    }

    /// Runs a command that serves, and waits until it says where.
    pub fn run(command: Command) -> Self {
        Self::wait(command, false)
    }

    fn wait(mut command: Command, secure: bool) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = || {
            let mut urls = lines.by_ref().map(Result::unwrap);
            let url = urls.find_map(|line| Some(line.strip_prefix("ispeed: ")?.to_owned()));
            url.expect("the server says where it listens")
        };
        let url = said();
        let secure_url = if secure { said() } else { String::new() };
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url,
            secure_url,
        }
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, b"");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn submit(&self, submission: &Submission) -> (u16, Value) {
        self.request(
            "POST",
            "/api/v1/tests",
            &serde_json::to_vec(submission).unwrap(),
        )
    }

    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        self.try_request(method, path, body).unwrap()
    }

    /// One HTTP request; an error when the server is gone.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> std::io::Result<(u16, Value)> {
        self.request_from(None, method, path, body)
    }

    /// The same through a proxy that names the client; an answer without a
    /// body is `Null`.
    pub fn request_from(
        &self,
        client: Option<&str>,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> std::io::Result<(u16, Value)> {
        let forwarded = client.map_or_else(String::new, |c| format!("X-Forwarded-For: {c}\r\n"));
        let (status, _, value) = self.answer(&forwarded, method, path, body)?;
        Ok((status, value))
    }

    /// The same with lines of one's own in the head; the answer with its head.
    pub fn answer(
        &self,
        headers: &str,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> std::io::Result<(u16, String, Value)> {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let gone = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let split = answer
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .ok_or_else(gone)?;
        let head = String::from_utf8_lossy(&answer[..split]).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .ok_or_else(gone)?;
        let mut body = answer[split + 4..].to_vec();
        if head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked")
        {
            body = unchunk(&body);
        }
        if status == 204 {
            return Ok((status, head, Value::Null));
        }
        if body.is_empty() {
            return Err(gone());
        }
        let value = serde_json::from_slice(&body);
        Ok((
            status,
            head,
            value.unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body))),
        ))
    }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    while let Some(line) = body.windows(2).position(|w| w == b"\r\n") {
        let length =
            usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        out.extend_from_slice(&body[line + 2..][..length]);
        body = &body[line + 4 + length..];
    }
    out
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The key that the server of a data folder signs with.
pub fn site_key(data: &Path) -> SiteKey {
    let seed = std::fs::read(data.join("site.key")).unwrap();
    SiteKey::from_seed(&seed.try_into().unwrap())
}

/// This month, as Vietnam counts.
pub fn this_month() -> String {
    metric::month::Month::of(net::wall_clock()).to_string()
}
