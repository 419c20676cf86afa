//! Who measures: our client in each of its modes, and its peers
//! ([`crate::peer`]).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;
use serde_json::Value;

use crate::netns::{SITE, World};
use crate::peer::Peer;

/// A client of the bench.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Client {
    /// `ispeed test` in a mode.
    Ispeed { mode: String },
    /// Somebody else's client.
    Peer(Peer),
}

/// What a client said about a direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Said {
    pub(crate) bits_per_second: f64,
    pub(crate) interval: Option<[f64; 2]>,
    /// Length of the direction, where it tells.
    pub(crate) seconds: Option<f64>,
    pub(crate) stop: String,
    /// What limited it by its own verdict, where it gives one.
    pub(crate) limited_by: Option<String>,
    /// Bytes per 100 ms, where the client tells.
    pub(crate) bins: Vec<u64>,
}

/// What a run gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) download: Option<Said>,
    pub(crate) upload: Option<Said>,
    pub(crate) idle_rtt_us: Option<f64>,
    /// Of the client's processes, user and system.
    pub(crate) cpu_seconds: f64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ran {
    Outcome(Box<Outcome>),
    /// It broke, with the reason.
    Failed(String),
    /// It is not to be had, with the reason: not worth another try.
    Missing(String),
}

/// What the bench was told.
#[derive(Debug)]
pub(crate) struct Tools<'a> {
    pub(crate) ispeed: &'a Path,
    /// Where peers are installed: `bin/` and `node_modules/`.
    pub(crate) peers: &'a Path,
    /// Scratch.
    pub(crate) folder: &'a Path,
    /// Set when somebody wants to stop.
    pub(crate) stopped: &'a AtomicBool,
}

/// The longest a process of a client may take.
const PATIENCE: Duration = Duration::from_secs(150);
const STEP: Duration = Duration::from_millis(20);

impl Client {
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        match name.split_once('-') {
            Some(("ispeed", mode)) if !mode.is_empty() => Ok(Self::Ispeed { mode: mode.into() }),
            _ => Peer::parse(name).map(Self::Peer).ok_or_else(|| {
                format!(
                    "{name}: expected ispeed-MODE or one of {}",
                    Peer::NAMES.join(", ")
                )
            }),
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Ispeed { mode } => format!("ispeed-{mode}"),
            Self::Peer(peer) => peer.name(),
        }
    }

    /// Starts the server in a world, measures, and stops the server.
    pub(crate) fn run(&self, world: &World, tools: &Tools<'_>) -> anyhow::Result<Ran> {
        let (mut server, port) = self.server(world, tools);
        let log = File::create(tools.folder.join("server.log"))?;
        server
            .stdout(Stdio::null())
            .stderr(log)
            .stdin(Stdio::null());
        let server = match server.spawn() {
            Ok(child) => Server(child),
            Err(error) => return Ok(Ran::Missing(error.to_string())),
        };
        if !server.listens(port) {
            let why = std::fs::read_to_string(tools.folder.join("server.log"))?;
            return Ok(Ran::Missing(format!(
                "its server does not start: {}",
                last_line(&why)
            )));
        }
        match self {
            Self::Ispeed { mode } => ispeed(mode, world, tools),
            Self::Peer(peer) => peer.run(world, tools),
        }
    }

    fn server(&self, world: &World, tools: &Tools<'_>) -> (Command, u16) {
        match self {
            Self::Peer(peer) if peer.has_own_server() => peer.server(world),
            // Every other peer measures against our site, by its own protocol.
            Self::Ispeed { .. } | Self::Peer(_) => {
                let mut site = world.at_site(tools.ispeed);
                let pages = matches!(self, Self::Peer(peer) if peer.needs_pages());
                site.arg(if pages { "serve" } else { "site" });
                site.args(["--listen", &format!("{SITE}:8080"), "--data"]);
                site.arg(tools.folder.join(if pages { "serve" } else { "site" }));
                (site, 8080)
            }
        }
    }
}

fn ispeed(mode: &str, world: &World, tools: &Tools<'_>) -> anyhow::Result<Ran> {
    let mut command = world.at_citizen(tools.ispeed);
    command.args([
        "test",
        "--site",
        &format!("http://{SITE}:8080"),
        "--mode",
        mode,
    ]);
    command
        .args(["--no-submit", "--json", "--state"])
        .arg(tools.folder.join("state"));
    let ended = finish(command, tools)?;
    if ended.err.contains("mode_unsupported") {
        return Ok(Ran::Missing(format!("the site refuses mode {mode}")));
    }
    let Ok(said) = serde_json::from_str::<Value>(&ended.out) else {
        return Ok(Ran::Failed(ended.why()));
    };
    let direction = |name: &str| ispeed_said(&said[name], &said["receipt"][name]);
    Ok(Ran::Outcome(Box::new(Outcome {
        download: direction("download"),
        upload: direction("upload"),
        idle_rtt_us: said["idle_rtt_us"].as_f64(),
        cpu_seconds: ended.cpu_seconds,
    })))
}

fn ispeed_said(said: &Value, receipt: &Value) -> Option<Said> {
    let bins = receipt["arrived_bytes"]
        .as_array()
        .or_else(|| said["bins_bytes"].as_array());
    let interval = &said["interval_bits_per_second"];
    Some(Said {
        bits_per_second: said["goodput_bits_per_second"].as_f64()?,
        interval: interval[0]
            .as_f64()
            .zip(interval[1].as_f64())
            .map(Into::into),
        seconds: said["duration_us"].as_f64().map(|us| us / 1e6),
        stop: said["stop_reason"].as_str()?.into(),
        limited_by: None,
        bins: bins.map_or_else(Vec::new, |bins| {
            bins.iter().filter_map(Value::as_u64).collect()
        }),
    })
}

/// A client's process that has ended.
pub(crate) struct Finished {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) cpu_seconds: f64,
    status: ExitStatus,
}

impl Finished {
    /// Why there is no result.
    pub(crate) fn why(&self) -> String {
        format!("{} ({})", last_line(&self.err), self.status)
    }
}

/// Runs a client's process to its end.
pub(crate) fn finish(mut command: Command, tools: &Tools<'_>) -> anyhow::Result<Finished> {
    let path = |name: &str| -> PathBuf { tools.folder.join(name) };
    let (out, err) = (path("client.out"), path("client.err"));
    command.stdin(Stdio::null());
    command
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?);
    // Nothing else is waited for in between, so the difference is the client's.
    let before = children_seconds()?;
    let mut child = command.spawn().context("starting the client")?;
    let began = net::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(STEP);
        let stopped = tools.stopped.load(Ordering::Relaxed);
        if stopped || net::now().duration_since(began) > PATIENCE {
            let _ = child.kill();
            child.wait()?;
            ensure!(!stopped, "stopped");
        }
    };
    let cpu_seconds = children_seconds()? - before;
    let read = |path: &Path| std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
    Ok(Finished {
        out: read(&out)?,
        err: read(&err)?,
        cpu_seconds,
        status,
    })
}

/// CPU time of all processes that were waited for.
fn children_seconds() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn last_line(text: &str) -> String {
    text.trim()
        .lines()
        .last()
        .unwrap_or("it said nothing")
        .into()
}

/// A server that ends with its value.
struct Server(Child);

impl Server {
    /// Whether it comes to listen on a port, within five seconds.
    fn listens(&self, port: u16) -> bool {
        (0..250).any(|_| {
            std::thread::sleep(STEP);
            ["tcp", "tcp6"].iter().any(|table| {
                let table = format!("/proc/{}/net/{table}", self.0.id());
                std::fs::read_to_string(table).is_ok_and(|text| listens(&text, port))
            })
        })
    }
}

/// Whether a table of the kernel's TCP sockets has one that listens.
fn listens(table: &str, port: u16) -> bool {
    let local = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (own, _, state) = (words.next(), words.next(), words.next());
        own.is_some_and(|own| own.ends_with(&local)) && state == Some("0A")
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Our executable: the one named, or the one beside this.
pub(crate) fn find_ispeed(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("ispeed"),
    };
    if !path.is_file() {
        bail!(
            "{} is missing: run `cargo xtask bench links`, which builds it",
            path.display()
        );
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn clients_are_named() {
        for name in [
            "ispeed-full",
            "ispeed-accurate",
            "iperf3",
            "iperf3-4s",
            "ndt7",
        ] {
            assert_eq!(Client::parse(name).unwrap().name(), name);
        }
        for name in ["ispeed", "ispeed-", "iperf", "iperf3-0s", ""] {
            assert!(Client::parse(name).is_err());
        }
    }

    #[test]
    fn what_was_not_measured_is_not_zero() {
        assert_eq!(
            ispeed_said(
                &json!({"bytes": 1, "duration_us": 2, "stop_reason": "died"}),
                &Value::Null
            ),
            None
        );
        assert_eq!(ispeed_said(&Value::Null, &Value::Null), None);
    }

    #[test]
    fn our_json_is_read() {
        let said = json!({"bytes": 5, "duration_us": 1_500_000, "stop_reason": "complete",
            "goodput_bits_per_second": 100, "interval_bits_per_second": [90, 110]});
        let want = Said {
            bits_per_second: 100.0,
            interval: Some([90.0, 110.0]),
            seconds: Some(1.5),
            stop: "complete".into(),
            limited_by: None,
            bins: vec![],
        };
        assert_eq!(ispeed_said(&said, &Value::Null), Some(want));
    }

    #[test]
    fn a_listening_port_is_found() {
        let table =
            "  sl  local_address rem_address   st\n   0: 0100A8C0:1F90 00000000:0000 0A 0\n";
        assert!(listens(table, 8080));
        assert!(!listens(table, 808));
        assert!(!listens(&table.replace(" 0A ", " 01 "), 8080));
    }
}
