//! `kill -9` of the server under load: every acknowledged test is there once,
//! none twice.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use jiff::SignedDuration;
use metric::key::SiteKey;
use metric::position::PositionClaim;
use metric::receipt::{
    Counted, ReceiptV1, Stop, StreamRecord, SubtestRecord, Version, nonce_sha256,
};
use metric::submission::{self, App, Context, Network, Observed, ObservedSubtest, Submission};
use metric::unit::Micros;
use running::{Server, site_key, this_month};

const TESTS: usize = 1000;
const SENDERS: usize = 8;

#[test]
fn no_acknowledged_test_is_lost_or_doubled() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), "127.0.0.1:0");
    let key = site_key(data.path());
    let tests: Vec<_> = (0..TESTS).map(|i| submission(i, &key)).collect();
    let listen = server.url.strip_prefix("http://").unwrap().to_owned();

    let acknowledged = Mutex::new(BTreeSet::new());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| send(&server, &tests, &next, &acknowledged));
        }
        // In the midst of it, without warning.
        while acknowledged.lock().unwrap().len() < TESTS / 3 {
            thread::sleep(Duration::from_millis(1));
        }
        let pid = server.child.id().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-9", &pid])
            .status();
        assert!(killed.unwrap().success());
    });
    let before = acknowledged.into_inner().unwrap();
    assert!(before.len() < TESTS, "the server died in the midst of it");

    server.kill();
    let server = Server::start(data.path(), &listen);
    for (i, test) in tests.iter().enumerate() {
        let (status, answer) = server.submit(test);
        let stored = if before.contains(&i) {
            status == 200
        } else {
            status == 200 || status == 201
        };
        assert!(stored, "test {i}: {status} {answer}");
    }
    let area = "/api/v1/areas/26740/quota?month=";
    let quota = server.get(&format!("{area}{}", this_month()));
    assert_eq!(quota["raw"], TESTS, "{quota}");
    println!(
        "{} acknowledged before the kill, {TESTS} after",
        before.len()
    );
}

/// Sends tests until there are none left or the server is gone.
fn send(server: &Server, tests: &[Submission], next: &AtomicUsize, done: &Mutex<BTreeSet<usize>>) {
    loop {
        let i = next.fetch_add(1, Ordering::Relaxed);
        let Some(test) = tests.get(i) else { return };
        let body = serde_json::to_vec(test).unwrap();
        match server.try_request("POST", "/api/v1/tests", &body) {
            Ok((201, _)) => done.lock().unwrap().insert(i),
            Ok((status, answer)) => panic!("test {i}: {status} {answer}"),
            Err(_) => return,
        };
    }
}

/// A complete test in the middle of ward 26740, signed by the site's own key.
fn submission(i: usize, key: &SiteKey) -> Submission {
    let now = net::wall_clock();
    let nonce = format!("{i:032x}");
    let receipt = ReceiptV1 {
        receipt: Version::V1,
        test_id: uuid(i),
        method: metric::METHOD,
        protocol: "ispeed.v1".into(),
        mode: "full".into(),
        audit: false,
        site: "demo".into(),
        software: "0.1.0".into(),
        client_prefix: "203.0.113.0/24".parse().unwrap(),
        nonce_sha256: nonce_sha256(&nonce),
        started_at: now,
        issued_at: now,
        expires_at: now + SignedDuration::from_hours(24),
        download: Some(record(Counted::Acknowledged)),
        upload: Some(record(Counted::Received)),
        latency: None,
        key_id: String::new(),
        signature: String::new(),
    };
    Submission {
        submission: submission::Version::V1,
        receipt: receipt.sign(key).unwrap(),
        nonce,
        observed: Observed {
            download: Some(observed()),
            upload: Some(observed()),
            ..Observed::default()
        },
        context: context(i, now),
    }
}

fn uuid(i: usize) -> uuid::Uuid {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&(i as u64).to_be_bytes());
    let now = u64::try_from(net::wall_clock().as_millisecond()).unwrap();
    uuid::Builder::from_unix_timestamp_millis(now, &random).into_uuid()
}

fn record(counted: Counted) -> SubtestRecord {
    SubtestRecord {
        counted,
        duration_us: Micros(12_000_000),
        bin_us: Micros(100_000),
        bins_bytes: vec![500_000; 120],
        arrived_bytes: vec![],
        srtt_us: vec![],
        retransmitted_bytes: vec![],
        startup_left_us: None,
        stop: Stop::Client,
        streams: vec![StreamRecord {
            bytes: 60_000_000,
            congestion: None,
            tcp: None,
        }],
    }
}

fn observed() -> ObservedSubtest {
    ObservedSubtest {
        bin_us: Micros(100_000),
        bins_bytes: vec![500_000; 115],
        stop_reason: metric::goodput::StopReason::Fixed,
        goodput_bits_per_second: None,
        interval_bits_per_second: None,
        p90_bits_per_second: None,
        mean_bits_per_second: None,
        bytes: 57_500_000,
        duration_us: Micros(11_500_000),
        ramp_us: None,
        startup_left_us: None,
        lag_share_per_mille: None,
        cpu_share_per_mille: None,
        tcp: vec![],
    }
}

fn context(i: usize, now: jiff::Timestamp) -> Context {
    Context {
        measured_at: now,
        position: Some(PositionClaim {
            latitude_degrees: 10.78,
            longitude_degrees: 106.702,
            accuracy_metres: 12.0,
        }),
        network: Some(Network::Mobile),
        technology: None,
        operator: Some("viettel".into()),
        device: format!("crash-device-{i}"),
        unit: None,
        app: App {
            name: "test".into(),
            version: "1".into(),
        },
        mock_location: None,
        roaming: None,
        mcc_mnc: None,
    }
}
