//! Two network namespaces joined by a cable: a site in one, a citizen's device
//! in the other, real kernel sockets between.
//!
//! Needs root and iproute2; where namespaces cannot be made it says so, and
//! the same flow is shown on loopback by `river.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::process::Command;

use running::{Server, ispeed, this_month};
use serde_json::Value;

/// Removes the namespaces again.
struct Namespaces {
    site: String,
    device: String,
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.site, &self.device] {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(args: &[&str]) -> bool {
    let done = Command::new("ip").args(args).output();
    done.is_ok_and(|out| out.status.success())
}

impl Namespaces {
    fn make() -> Option<Self> {
        let id = std::process::id();
        let these = Self {
            site: format!("isp-site-{id}"),
            device: format!("isp-dev-{id}"),
        };
        let (site, device) = (these.site.as_str(), these.device.as_str());
        let steps: [&[&str]; 9] = [
            &["netns", "add", site],
            &["netns", "add", device],
            &[
                "link", "add", "isp0", "netns", site, "type", "veth", "peer", "name", "isp1",
                "netns", device,
            ],
            &["-n", site, "addr", "add", "10.77.0.1/24", "dev", "isp0"],
            &["-n", device, "addr", "add", "10.77.0.2/24", "dev", "isp1"],
            &["-n", site, "link", "set", "isp0", "up"],
            &["-n", device, "link", "set", "isp1", "up"],
            &["-n", site, "link", "set", "lo", "up"],
            &["-n", device, "link", "set", "lo", "up"],
        ];
        steps.iter().all(|args| ip(args)).then_some(these)
    }

    fn enter(&self, name: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name, env!("CARGO_BIN_EXE_ispeed")]);
        command
    }
}

/// No real cellular line is as fast as a cable that nothing shapes.
const UNLIMITED: &str = "[site.budgets.cellular]
bytes = 100_000_000_000
from_bits_per_second = 0
span_us = 0
most_bytes = 100_000_000_000
";

#[test]
fn a_test_crosses_a_network() {
    let Some(namespaces) = Namespaces::make() else {
        println!("network namespaces cannot be made here; see river.rs for loopback");
        return;
    };
    // A slow cable, so that the figure has something to be.
    let shaped = Command::new("tc")
        .args([
            "-n",
            &namespaces.site,
            "qdisc",
            "add",
            "dev",
            "isp0",
            "root",
        ])
        .args(["tbf", "rate", "50mbit", "burst", "32k", "latency", "50ms"])
        .status()
        .is_ok_and(|status| status.success());
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let command = namespaces.enter(&namespaces.site);
    let server = Server::start_with(command, data.path(), "10.77.0.1:8080", UNLIMITED);
    let out = namespaces
        .enter(&namespaces.device)
        .args([
            "test",
            "--site",
            "http://10.77.0.1:8080",
            "--at",
            "10.7800,106.7020",
        ])
        .args([
            "--network",
            "mobile",
            "--operator",
            "viettel",
            "--json",
            "--state",
        ])
        .arg(state.path())
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let result: Value = serde_json::from_slice(&out.stdout).unwrap();
    let download = result["download"]["goodput_bits_per_second"]
        .as_u64()
        .unwrap();
    println!("download over the cable: {download} bit/s (shaped: {shaped})");
    if shaped {
        // 50 Mbit/s of frames carry at most 1448/1514 of payload.
        assert!((44_000_000..48_500_000).contains(&download), "{download}");
    }
    assert_eq!(result["state"], "accepted", "{result}");
    assert_eq!(result["receipt"]["client_prefix"], "10.77.0.0/24");
    let month = month(data.path());
    assert_eq!(month["total"]["counted"], 1, "{month}");
    drop(server);
}

/// The campaign's month, from the store that the server writes.
fn month(data: &std::path::Path) -> Value {
    let month = this_month();
    let mut report = ispeed(&[
        "report",
        "month",
        "--campaign",
        "district-1",
        "--format",
        "json",
    ]);
    let out = report
        .args(["--month", &month, "--data"])
        .arg(data)
        .output();
    serde_json::from_slice(&out.unwrap().stdout).unwrap()
}

#[test]
fn help_has_examples() {
    let out = ispeed(&["test", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).contains("Examples:"));
}
