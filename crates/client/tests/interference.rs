//! What stands between a device and a site, and the name each gets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use client::{Base, Error, Outcome, Plan};

/// Answers every request of every connection with what `answer` makes of its head.
fn site(answer: impl Fn(&str) -> String + Send + Clone + 'static) -> Base {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            std::thread::spawn(move || serve(stream.unwrap(), &answer));
        }
    });
    Base::parse(&url).unwrap()
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str) -> String) {
    let mut buffer = [0; 8192];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        let answer = answer(&String::from_utf8_lossy(&buffer[..n]));
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn http(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn run(base: &Base) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client::run(base, &Plan::default(), &|_| {}))
}

const SESSION: &str = r#"{"test_id": "0192e6a1-7c5a-7d3e-9f00-2b6f1c5e8a11", "nonce": "00", "token": "t",
    "server_time": "2024-11-08T02:00:00Z", "site": "demo", "method": 1, "mode": "full",
    "parameters": {"streams": 4, "bin_us": 100000, "ramp_cap_us": 4000000, "measured_us": 10000000,
                   "idle_probes": 20, "probe_interval_us": 50000, "waiting_time_us": 3000000},
    "caps": {"subtest_us": 16000000, "subtest_bytes": 1, "session_us": 120000000}}"#;

#[test]
fn a_captive_portal_is_named() {
    let portal = site(|_| http("200 OK", "text/html", "<h1>Đăng nhập Wi-Fi</h1>"));
    assert!(matches!(run(&portal), Err(Error::Blocked(_))));
    let redirect = site(|_| http("302 Found", "text/html", ""));
    assert!(matches!(run(&redirect), Err(Error::Blocked(_))));
}

#[test]
fn what_is_not_http_is_named() {
    let other = site(|_| "SSH-2.0-OpenSSH_9.2\r\n".into());
    assert!(matches!(run(&other), Err(Error::Blocked(_))));
}

#[test]
fn a_proxy_that_strips_upgrades_is_named() {
    let proxy = site(|head| {
        let json = "application/json";
        if head.starts_with("POST") {
            http("201 Created", json, SESSION)
        } else {
            http("200 OK", json, "{}")
        }
    });
    assert!(matches!(run(&proxy), Err(Error::Blocked(_))));
}

#[test]
fn a_busy_site_says_when_to_come_back() {
    let busy = site(|_| {
        let body = "{}";
        format!(
            "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let seven = Duration::from_secs(7);
    assert!(matches!(run(&busy), Err(Error::Busy { retry_after }) if retry_after == seven));
}

#[test]
fn a_refusal_keeps_its_problem() {
    let refusing = site(|_| {
        let problem =
            r#"{"type": "urn:ispeed:problem:mode_unsupported", "title": "", "status": 422}"#;
        http("422 No", "application/problem+json", problem)
    });
    let Err(Error::Refused(problem)) = run(&refusing) else {
        panic!("not refused")
    };
    assert_eq!(problem.name(), "mode_unsupported");
}

#[test]
fn silence_ends_after_ten_seconds() {
    let silent = site(|_| {
        std::thread::sleep(Duration::from_secs(60));
        String::new()
    });
    assert!(matches!(run(&silent), Err(Error::Silent(_))));
}

#[test]
fn a_site_that_sends_nothing_gives_no_speed() {
    // Answers the upgrade correctly, and then nothing ever comes.
    let mute = site(|head| {
        if head.starts_with("POST /api/v1/session HTTP") {
            return http("201 Created", "application/json", SESSION);
        }
        let key = head
            .lines()
            .find_map(|l| l.strip_prefix("sec-websocket-key: "));
        key.map_or_else(String::new, |key| {
            let accept = wire::websocket::accept_key(key);
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: ispeed.v1\r\n\r\n"
            )
        })
    });
    let outcome = run(&mute).unwrap();
    assert!(!outcome.is_complete());
    assert_eq!(outcome.observed.download, None, "not measured is absent");
    assert_eq!(outcome.observed.idle_rtt(), None);
    assert_eq!(outcome.receipt, None);
}
