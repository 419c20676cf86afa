//! What a site carries, against iperf3 on the same machine in the same minute.
//!
//! One stream at a time over the loopback device. A round runs iperf3, then
//! the site over HTTP and over WebSocket, then iperf3 again; it is void when the
//! two runs of iperf3 differ by more than [`MOST_DRIFT`], because then the
//! machine was busy with something else. Rounds are compared within themselves
//! and summed up by their median.

mod load;
mod tls;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use load::{Load, Moved};

use crate::summary::median;

/// Largest ratio of two runs of iperf3 in a valid round.
const MOST_DRIFT: f64 = 1.25;
/// Connections whose memory is measured.
const MANY: usize = 1000;
/// Ticks of `/proc/PID/stat` in a second (`USER_HZ`, 100 on every Linux).
const TICKS: f64 = 100.0;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Rounds of each direction.
    pub(crate) rounds: usize,
    /// Length of a run.
    pub(crate) seconds: u64,
    /// Our executable.
    pub(crate) ispeed: PathBuf,
    /// Where the table goes; printed in any case.
    pub(crate) out: Option<PathBuf>,
}

/// A server in a process of its own.
struct Server {
    process: Child,
}

impl Server {
    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields = stat.rsplit(')').next().context("no fields")?;
        let ticks = |at: usize| fields.split_whitespace().nth(at)?.parse::<f64>().ok();
        // utime and stime are fields 14 and 15; the name in brackets is the second.
        Ok((ticks(11).context("no utime")? + ticks(12).context("no stime")?) / TICKS)
    }

    fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
        kib.context("no VmRSS")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One run.
#[derive(Clone, Copy, Debug)]
struct Run {
    gbit_per_second: f64,
    cpu_seconds_per_gigabyte: f64,
}

impl Run {
    fn of(moved: Moved, cpu_seconds: f64) -> Self {
        Self {
            gbit_per_second: moved.bytes * 8.0 / moved.seconds / 1e9,
            cpu_seconds_per_gigabyte: cpu_seconds / (moved.bytes / 1e9),
        }
    }
}

/// Runs the bench.
pub(crate) fn run(asked: &Asked) -> anyhow::Result<ExitCode> {
    let mut table = String::from(
        "| one stream, plain | Gbit/s | × iperf3 | server CPU s/GB | × iperf3 |\n|---|---|---|---|---|\n",
    );
    let folder = tempfile::tempdir()?;
    let (site, address) = start_site(&asked.ispeed, folder.path())?;
    let mut valid = 0;
    for (name, down) in [("download", true), ("upload", false)] {
        let (rows, good) = direction(asked, &site, address, down)?;
        valid += good;
        for (what, ours, ratio, cpu, cpu_ratio) in rows {
            let _ = writeln!(
                table,
                "| {name}, {what} | {ours:.2} | {ratio:.2} | {cpu:.3} | {cpu_ratio:.2} |"
            );
        }
    }
    let (idle, blocked) = memory(&site, address)?;
    let _ = writeln!(
        table,
        "\nMedians of {valid} valid rounds of {} in both directions, {} s a run.\n\n\
         Memory above a site at rest: {MANY} idle connections {:.1} MiB, {MANY} blocked downloads {:.1} MiB.",
        2 * asked.rounds,
        asked.seconds,
        idle / 1024.0,
        blocked / 1024.0
    );
    table += &tls::table(asked)?;
    println!("{table}");
    if let Some(out) = &asked.out {
        std::fs::write(out, table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A valid round.
struct Round {
    before: Run,
    after: Run,
    ours: Vec<Run>,
}

impl Round {
    /// iperf3's mean of the round.
    fn peer(&self, of: impl Fn(&Run) -> f64) -> f64 {
        f64::midpoint(of(&self.before), of(&self.after))
    }
}

type Row = (&'static str, f64, f64, f64, f64);

fn direction(
    asked: &Asked,
    site: &Server,
    address: SocketAddr,
    down: bool,
) -> anyhow::Result<(Vec<Row>, usize)> {
    let loads: [(&str, Load); 2] = if down {
        [
            ("HTTP", load::http_download),
            ("WebSocket", load::websocket_download),
        ]
    } else {
        [
            ("HTTP", load::http_upload),
            ("WebSocket", load::websocket_upload),
        ]
    };
    let mut rounds = vec![];
    for round in 1..=asked.rounds {
        let before = iperf3(asked.seconds, down)?;
        let mut ours = vec![];
        for (_, load) in loads {
            let cpu = site.cpu_seconds()?;
            let moved = load(address, Duration::from_secs(asked.seconds))?;
            ours.push(Run::of(moved, site.cpu_seconds()? - cpu));
        }
        let after = iperf3(asked.seconds, down)?;
        let drift = before.gbit_per_second / after.gbit_per_second;
        let good = drift.max(1.0 / drift) <= MOST_DRIFT;
        eprintln!("round {round}: iperf3 {before:?} and {after:?}, site {ours:?}, valid {good}");
        if good {
            rounds.push(Round {
                before,
                after,
                ours,
            });
        }
    }
    ensure!(
        !rounds.is_empty(),
        "no valid round: the machine is too busy"
    );
    let row = |at: usize| {
        let over = |f: &dyn Fn(&Round) -> f64| median(rounds.iter().map(f).collect());
        (
            loads[at].0,
            over(&|r| r.ours[at].gbit_per_second),
            over(&|r| r.ours[at].gbit_per_second / r.peer(|run| run.gbit_per_second)),
            over(&|r| r.ours[at].cpu_seconds_per_gigabyte),
            over(&|r| {
                r.ours[at].cpu_seconds_per_gigabyte / r.peer(|run| run.cpu_seconds_per_gigabyte)
            }),
        )
    };
    Ok((vec![row(0), row(1)], rounds.len()))
}

/// One run of iperf3 with a server of its own.
fn iperf3(seconds: u64, down: bool) -> anyhow::Result<Run> {
    let port = load::free_port()?.to_string();
    let server = Server {
        process: Command::new("iperf3")
            .args(["-s", "-p", &port])
            .stdout(Stdio::null())
            .spawn()
            .context("starting iperf3: is it installed?")?,
    };
    load::wait_for(&port)?;
    let cpu = server.cpu_seconds()?;
    let time = seconds.to_string();
    let mut client = Command::new("iperf3");
    client.args(["-c", "127.0.0.1", "-p", &port, "-t", &time, "-J"]);
    if down {
        client.arg("-R");
    }
    let output = client.output()?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let sum = &report["end"]["sum_received"];
    let number = |name: &str| {
        sum[name]
            .as_f64()
            .with_context(|| format!("iperf3: no {name}"))
    };
    let moved = Moved {
        bytes: number("bytes")?,
        seconds: number("seconds")?,
    };
    Ok(Run::of(moved, server.cpu_seconds()? - cpu))
}

fn start_site(ispeed: &Path, folder: &Path) -> anyhow::Result<(Server, SocketAddr)> {
    // Room for the thousand connections whose memory is measured.
    let config = folder.join("site.toml");
    std::fs::write(
        &config,
        "[site]\nmax_sessions = 256\nmax_subtest_seconds = 60\n",
    )?;
    let mut command = Command::new(ispeed);
    command
        .args(["site", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config);
    let mut process = command
        .arg("--data")
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = process.stdout.take().context("no output")?;
    let server = Server { process };
    for line in BufReader::new(output).lines() {
        if let Some(address) = line?.strip_prefix("ispeed: http://") {
            return Ok((server, address.parse()?));
        }
    }
    bail!("the site ended before it listened")
}

/// Memory above the site at rest, KiB: idle connections, and blocked downloads.
fn memory(site: &Server, address: SocketAddr) -> anyhow::Result<(f64, f64)> {
    let rest = site.resident_kib()?;
    let idle: Vec<TcpStream> = (0..MANY)
        .map(|_| load::idle(address))
        .collect::<Result<_, _>>()?;
    let with_idle = site.resident_kib()?;
    drop(idle);
    let blocked: Vec<TcpStream> = (0..MANY)
        .map(|_| load::blocked(address))
        .collect::<Result<_, _>>()?;
    // Until the kernel's buffers are full.
    std::thread::sleep(Duration::from_secs(3));
    let with_blocked = site.resident_kib()?;
    drop(blocked);
    let above = |kib: u64| {
        let above = u32::try_from(kib.saturating_sub(rest)).unwrap_or(u32::MAX);
        f64::from(above)
    };
    Ok((above(with_idle), above(with_blocked)))
}
