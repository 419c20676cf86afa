//! The emulator between two real namespaces: datagrams know the delay.
//!
//! Needs root and iproute2; where namespaces cannot be made it says so, and
//! the model is tested in virtual time.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use serde_json::Value;

const PROBES: u64 = 5;

/// Two namespaces, removed again with this value.
struct Namespaces([String; 2]);

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(args: &[&str]) -> bool {
    let done = Command::new("ip").args(args).output();
    done.is_ok_and(|output| output.status.success())
}

#[test]
fn a_link_has_its_delay_and_tells_its_truth() {
    let id = std::process::id();
    let names = ["s", "c"].map(|end| format!("isbt-{id}-{end}"));
    let namespaces = Namespaces(names);
    let [site, citizen] = &namespaces.0;
    let tun = ["tuntap", "add", "t0", "mode", "tun"];
    let made = ip(&["netns", "add", site]) && ip(&["netns", "add", citizen]);
    if !made || !ip(&[&["-n", site][..], &tun].concat()) {
        println!("namespaces or TUN are not allowed here");
        return;
    }
    let mut emulator = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["emulate", "--link", "t-15-30ms", "--seed", "1"])
        .args(["--site", site, "--citizen", citizen, "--traces", "none"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(emulator.stdout.take().unwrap());
    let mut ready = String::new();
    said.read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    for (name, own, peer) in [
        (site, "10.77.0.1", "10.77.0.2"),
        (citizen, "10.77.0.2", "10.77.0.1"),
    ] {
        assert!(ip(&[
            "-n", name, "addr", "add", own, "peer", peer, "dev", "isb0"
        ]));
        assert!(ip(&["-n", name, "link", "set", "isb0", "up"]));
    }
    let rtt = least_rtt(site, citizen);
    drop(emulator.stdin.take());
    let log: Value = serde_json::from_reader(said).unwrap();
    assert!(emulator.wait().unwrap().success());
    let bytes = |direction: &str| -> u64 {
        let slots = log[direction]["delivered"].as_array().unwrap();
        slots.iter().map(|slot| slot.as_u64().unwrap()).sum()
    };
    let expected = Duration::from_millis(30)..Duration::from_millis(60);
    assert!(expected.contains(&rtt), "{rtt:?}");
    assert!(bytes("upload") >= PROBES * 1028 && bytes("download") >= PROBES * 1028);
    assert!(log["download"]["begun"].is_null(), "20 kB have not crossed");
}

/// Runs on a thread of its own, inside a namespace.
fn inside<T: Send + 'static>(
    namespace: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    std::thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        work()
    })
}

/// The least round trip of five datagrams of 1,000 bytes.
fn least_rtt(site: &str, citizen: &str) -> Duration {
    let echo = inside(site, || {
        let socket = UdpSocket::bind("10.77.0.1:7").unwrap();
        let mut buffer = [0; 1500];
        move || {
            for _ in 0..PROBES {
                let (bytes, from) = socket.recv_from(&mut buffer).unwrap();
                socket.send_to(&buffer[..bytes], from).unwrap();
            }
        }
    });
    // The socket is open when this is done; it stays in its namespace.
    let echo = echo.join().unwrap();
    let echo = std::thread::spawn(echo);
    let probe = inside(citizen, || {
        let socket = UdpSocket::bind("10.77.0.2:0").unwrap();
        socket.connect("10.77.0.1:7").unwrap();
        let mut buffer = [0; 1000];
        let mut once = || {
            let sent = net::now();
            socket.send(&buffer).unwrap();
            socket.recv(&mut buffer).unwrap();
            net::now().duration_since(sent)
        };
        (0..PROBES).map(|_| once()).min().unwrap()
    });
    echo.join().unwrap();
    probe.join().unwrap()
}
