//! Delay and loss by UDP: a whole test against a running site, with UDP and
//! where there is none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use running::{Server, ispeed};
use serde_json::Value;

/// What `ispeed test --json` says of a test in mode saver.
fn test(site: &Server, more: &[&str]) -> Value {
    let state = tempfile::tempdir().unwrap();
    let mut command = ispeed(&[
        "test",
        "--site",
        &site.url,
        "--no-submit",
        "--json",
        "--state",
    ]);
    let out = command.arg(state.path()).args(more).output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{errors}");
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn udp_carries_the_delay_and_tells_loss_by_direction() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), "127.0.0.1:0");
    let result = test(&server, &["--mode", "accurate"]);
    let latency = &result["latency"];
    assert_eq!(latency["connection"], "udp", "{latency}");
    assert_eq!(latency["idle"]["median_us"], result["idle_rtt_us"]);
    assert_eq!(latency["idle"]["sent"], 20);
    for part in ["idle", "working_download", "working_upload", "train"] {
        let loss = &result["loss"][part];
        let sent = loss["round_trip"]["sent"].as_u64().unwrap();
        assert!(sent >= 20, "{part}: {loss}");
        // A busy machine may drop; what is lost has a direction all the same.
        let lost = loss["round_trip"]["lost"].as_u64().unwrap();
        assert!(lost * 5 <= sent, "{part}: {loss}");
        assert!(loss["forward"]["interval_ratio"][1].as_f64().unwrap() > 0.0);
    }
    assert_eq!(result["loss"]["train"]["round_trip"]["sent"], 250);
}

#[test]
fn a_saver_of_data_sends_no_train() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), "127.0.0.1:0");
    let result = test(&server, &["--mode", "saver"]);
    assert!(result["loss"]["idle"].is_object(), "{}", result["loss"]);
    assert!(result["loss"].get("train").is_none());
}

#[test]
fn without_udp_the_websocket_stands_and_the_result_says_so() {
    let data = tempfile::tempdir().unwrap();
    let settings = "[site.udp]\nstamp = false\n";
    let server = Server::start_with(ispeed(&[]), data.path(), "127.0.0.1:0", settings);
    let result = test(&server, &["--mode", "saver"]);
    assert_eq!(result["latency"]["connection"], "websocket");
    assert!(result["idle_rtt_us"].as_u64().is_some());
    assert!(result.get("loss").is_none(), "TCP tells no loss");
}
