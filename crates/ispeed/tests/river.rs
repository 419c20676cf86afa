//! The river on loopback: a real test flows from a client to its ward's month,
//! and what was tampered with does not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use metric::goodput;
use metric::position::PositionClaim;
use metric::submission::{App, Context, Network, Submission};
use metric::unit::BitRate;
use running::{Server, ispeed, site_key, this_month};
use serde_json::Value;

/// A place in the middle of Bến Nghé / Sài Gòn, whichever is valid now.
const AT: &str = "10.7800,106.7020";

fn measured(url: &str) -> Submission {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let base = client::Base::parse(url).unwrap();
    let outcome = runtime
        .block_on(client::run(&base, &client::Plan::default(), &|_| {}))
        .unwrap();
    assert!(outcome.is_complete(), "{:?}", outcome.observed);
    let context = Context {
        measured_at: outcome.session.server_time,
        position: Some(PositionClaim {
            latitude_degrees: 10.78,
            longitude_degrees: 106.702,
            accuracy_metres: 12.0,
        }),
        network: Some(Network::Mobile),
        technology: None,
        operator: Some("viettel".into()),
        device: "river-test-device".into(),
        unit: None,
        app: App {
            name: "test".into(),
            version: "1".into(),
        },
        mock_location: None,
        roaming: None,
        mcc_mnc: None,
    };
    client::submission(&outcome, context).unwrap()
}

#[track_caller]
fn refused(server: &Server, submission: &Submission, why: &str) {
    let (status, problem) = server.submit(submission);
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["type"], "urn:ispeed:problem:receipt_invalid");
    assert_eq!(problem["why"], why, "{problem}");
}

#[test]
fn a_test_flows_to_its_ward_and_a_forged_one_does_not() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), "127.0.0.1:0");
    let honest = measured(&server.url);

    let mut one_byte = honest.clone();
    one_byte.receipt.upload.as_mut().unwrap().bins_bytes[3] ^= 1;
    refused(&server, &one_byte, "signature");

    let mut tenfold = honest.clone();
    let download = tenfold.observed.download.as_mut().unwrap();
    download
        .bins_bytes
        .iter_mut()
        .for_each(|bytes| *bytes *= 10);
    download.bytes *= 10;
    let claimed = goodput::estimate(goodput::Mode::Full, &download.bins_bytes, false).unwrap();
    download.goodput_bits_per_second = Some(claimed.goodput);
    refused(&server, &tenfold, "contradiction");

    let mut number_only = honest.clone();
    let rate = &mut number_only
        .observed
        .download
        .as_mut()
        .unwrap()
        .goodput_bits_per_second;
    *rate = rate.map(|BitRate(rate)| BitRate(rate * 10));
    refused(&server, &number_only, "contradiction");

    let mut borrowed = honest.clone();
    borrowed.nonce = "0".repeat(32);
    refused(&server, &borrowed, "nonce");

    let mut foreign = honest.clone();
    let other = metric::key::SiteKey::from_seed(&[42; 32]);
    foreign.receipt = foreign.receipt.sign(&other).unwrap();
    refused(&server, &foreign, "unknown_key");

    let (status, stored) = server.submit(&honest);
    assert_eq!(
        (status, &stored["state"]),
        (201, &Value::from("accepted")),
        "{stored}"
    );
    let (status, again) = server.submit(&honest);
    assert_eq!((status, &again), (200, &stored));
    let by_id = server.get(&format!("/api/v1/tests/{}", honest.receipt.test_id));
    assert_eq!(by_id, stored);

    let area = stored["area"]["code"].as_str().unwrap();
    let quota = server.get(&format!(
        "/api/v1/areas/{area}/quota?month={}",
        this_month()
    ));
    assert_eq!(quota["counted"], 1, "{quota}");
    assert_eq!(quota["not_counted"]["receipt_invalid"], 5, "{quota}");
    let rejections = server.get(&format!("/api/v1/rejections?month={}", this_month()));
    assert_eq!(
        rejections["rejections"]["receipt_invalid"], 5,
        "{rejections}"
    );
    assert_eq!(rejections["rejections"]["duplicate"], 1, "{rejections}");
    // The key file is what signed: nothing else could have.
    assert!(honest.receipt.is_signed_by(&site_key(data.path()).public()));
}

#[test]
fn the_command_line_measures_and_is_acknowledged() {
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), "127.0.0.1:0");
    let out = ispeed(&[
        "test",
        "--site",
        &server.url,
        "--at",
        AT,
        "--accuracy",
        "12",
        "--json",
    ])
    .args([
        "--mode",
        "accurate",
        "--network",
        "mobile",
        "--technology",
        "4g",
        "--operator",
        "viettel",
        "--state",
    ])
    .arg(state.path())
    .output()
    .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "{text} {}",
        String::from_utf8_lossy(&out.stderr)
    );
    let result: Value = serde_json::from_slice(&out.stdout).unwrap();
    for direction in ["download", "upload"] {
        let d = &result[direction];
        let rate = d["goodput_bits_per_second"].as_u64().unwrap();
        let [low, high] = [0, 1].map(|i| d["interval_bits_per_second"][i].as_u64().unwrap());
        assert!(low <= rate && rate <= high && rate > 1_000_000, "{d}");
        // Loopback on a busy machine may not be steady enough within the cap.
        assert!(
            ["converged", "time_cap"].contains(&d["stop_reason"].as_str().unwrap()),
            "{d}"
        );
    }
    assert!(result["idle_rtt_us"].as_u64().unwrap() > 0);
    assert_eq!(
        (&result["state"], &result["submission"]),
        (&"accepted".into(), &"acknowledged".into())
    );
    let waiting = std::fs::read_dir(state.path().join("queue")).unwrap();
    assert_eq!(
        waiting
            .filter(|e| e.as_ref().unwrap().path().is_file())
            .count(),
        0
    );
    let area = result["area"]["code"].as_str().unwrap();
    let quota = server.get(&format!(
        "/api/v1/areas/{area}/quota?month={}",
        this_month()
    ));
    assert_eq!(quota["counted"], 1);
}

#[test]
fn no_site_is_a_named_failure() {
    let state = tempfile::tempdir().unwrap();
    let out = ispeed(&["test", "--site", "http://127.0.0.1:1", "--state"])
        .arg(state.path())
        .output();
    let out = out.unwrap();
    assert_eq!(out.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&out.stderr).starts_with("ispeed: network:"));
}
