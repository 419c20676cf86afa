//! What a test may cost, on real sockets: told before, enforced, signed after.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream};

use asking::{MASK, UPGRADE, ask, drain, opened, receipt_of, start};
use metric::budget::{Budgets, Connection};
use metric::receipt::Stop;
use server::SiteConfig;
use wire::native::message::SessionReply;
use wire::websocket::Opcode;
use wire::websocket::encode::frame;

const METERED_BYTES: u64 = 10_000_000;
/// A frame that is begun at the cap is finished, and an upload is counted as it
/// is read: a message and a buffer.
const SLACK_BYTES: u64 = 64 * 1024 + 256 * 1024;

fn session(site: SocketAddr, headers: &str, body: &str) -> SessionReply {
    let head = format!("POST /api/v1/session HTTP/1.1{headers}");
    let (status, reply) = ask(&mut TcpStream::connect(site).unwrap(), &head, body);
    assert_eq!(status, 201, "{reply}");
    serde_json::from_str(&reply).unwrap()
}

#[test]
fn a_metered_download_costs_ten_megabytes_and_no_more() {
    let site = start(SiteConfig::default());
    let session = session(site, "", r#"{"mode": "full", "metered": true}"#);
    let data = session.data.unwrap();
    assert_eq!(data.connection, Some(Connection::Metered));
    assert_eq!(data.most_bytes, Some(METERED_BYTES));
    assert_eq!(data.expected_bytes, METERED_BYTES, "51 MB without a budget");
    let (bytes, why) = drain(&mut opened(site, "download", &session));
    assert_eq!(why, "byte_cap");
    assert!(
        (METERED_BYTES - SLACK_BYTES..=METERED_BYTES + SLACK_BYTES).contains(&bytes),
        "{bytes}"
    );
    let download = receipt_of(site, &session).1.download.unwrap();
    assert_eq!(download.stop, Stop::ByteCap);
    assert!(
        download.bytes() >= bytes,
        "what arrives after the cap is signed too: {} of {bytes}",
        download.bytes()
    );
}

#[test]
fn streams_share_the_budget_of_their_direction() {
    let site = start(SiteConfig::default());
    let session = session(site, "", r#"{"metered": true}"#);
    assert_eq!(
        session.mode, "saver",
        "the least data unless another is asked for"
    );
    let streams = [(); 4].map(|()| opened(site, "download", &session));
    let drained = streams.map(|mut s| std::thread::spawn(move || drain(&mut s).0));
    let bytes: u64 = drained.map(|thread| thread.join().unwrap()).iter().sum();
    let most = METERED_BYTES + 4 * SLACK_BYTES;
    assert!(bytes <= most, "{bytes}");
}

#[test]
fn a_metered_upload_is_ended_and_told_why() {
    let site = start(SiteConfig::default());
    let session = session(site, "\r\nSave-Data: on", r#"{"mode": "accurate"}"#);
    assert_eq!(session.data.unwrap().connection, Some(Connection::Metered));
    let mut upload = opened(site, "upload", &session);
    let mut sending = upload.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let message = frame(Opcode::Binary, &[1; 65_536], MASK);
        while sending.write_all(&message).is_ok() {}
    });
    let (_, why) = drain(&mut upload);
    assert_eq!(why, "byte_cap");
    drop(upload);
    sender.join().unwrap();
    let upload = receipt_of(site, &session).1.upload.unwrap();
    assert_eq!(upload.stop, Stop::ByteCap);
    let bytes = upload.bytes();
    assert!(
        (METERED_BYTES..=METERED_BYTES + SLACK_BYTES).contains(&bytes),
        "{bytes}"
    );
}

/// A session as over a proxy of the site, so that it does not look like loopback.
fn from_afar(site: SocketAddr, body: &str) -> SessionReply {
    session(site, "\r\nX-Forwarded-For: 203.0.113.9", body)
}

fn behind_a_proxy(config: SiteConfig) -> SocketAddr {
    start(SiteConfig {
        proxies: vec![IpAddr::from([127, 0, 0, 1])],
        ..config
    })
}

#[test]
fn a_fast_cellular_line_gets_more_and_never_over_a_hundred_megabytes() {
    let site = behind_a_proxy(SiteConfig::default());
    let session = from_afar(site, r#"{"mode": "accurate", "network": "mobile"}"#);
    let data = session.data.unwrap();
    assert_eq!(data.connection, Some(Connection::Cellular));
    assert_eq!(session.caps.budget, Some(Budgets::default().cellular));
    assert_eq!(data.most_bytes, Some(100_000_000));
    let mut download = TcpStream::connect(site).unwrap();
    let token = &session.token;
    let head = format!(
        "GET /measure/v1/download?token={token} HTTP/1.1\r\n{UPGRADE}\r\nX-Forwarded-For: 203.0.113.9"
    );
    assert_eq!(ask(&mut download, &head, "").0, 101);
    let (bytes, why) = drain(&mut download);
    assert_eq!(why, "byte_cap");
    assert!(
        (25_000_000..=100_000_000 + SLACK_BYTES).contains(&bytes),
        "{bytes}"
    );
}

#[test]
fn who_states_nothing_keeps_the_full_test() {
    let site = behind_a_proxy(SiteConfig::default());
    let of = |body| from_afar(site, body).data.unwrap();
    let full = of("");
    assert_eq!((full.connection, full.most_bytes), (None, None));
    assert_eq!(full.expected_bytes, 51_000_000);
    let adaptive = of(r#"{"mode": "saver"}"#);
    assert_eq!(adaptive.most_bytes, Some(1_000_000_000));
    assert_eq!(adaptive.connection, None, "nothing was stated");
}

#[test]
fn within_one_machine_no_data_are_spent() {
    let site = start(SiteConfig::default());
    let data = session(site, "", r#"{"mode": "saver", "network": "mobile"}"#).data;
    assert_eq!(data.unwrap().most_bytes, None);
}

#[test]
fn the_audit_draws_fixed_lines_and_nobody_who_pays() {
    let site = behind_a_proxy(SiteConfig {
        audit_share_per_mille: 1000,
        ..SiteConfig::default()
    });
    let drawn = from_afar(site, r#"{"mode": "saver", "network": "wifi"}"#);
    assert!(drawn.audit && drawn.mode == "full", "{drawn:?}");
    assert_eq!(drawn.caps.budget, Some(Budgets::default().of_audit()));
    assert_eq!(drawn.data.unwrap().most_bytes, Some(1_000_000_000));
    assert!(receipt_of(site, &drawn).1.audit, "the receipt says so too");
    for body in [
        r#"{"mode": "saver", "network": "mobile"}"#,
        r#"{"mode": "saver", "network": "wifi", "metered": true}"#,
        r#"{"mode": "accurate"}"#,
        r#"{"mode": "full", "network": "wifi"}"#,
    ] {
        let session = from_afar(site, body);
        assert!(!session.audit, "{body}");
        assert!(!receipt_of(site, &session).1.audit, "{body}");
    }
    let never = behind_a_proxy(SiteConfig {
        audit_share_per_mille: 0,
        ..SiteConfig::default()
    });
    assert!(!from_afar(never, r#"{"mode": "saver", "network": "wifi"}"#).audit);
}
