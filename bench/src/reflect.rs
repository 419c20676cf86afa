//! How many packets our UDP reflector answers for each second of CPU, beside a
//! loop that sends back what it receives and does nothing else: that loop is
//! the limit that the kernel sets on this machine in this minute.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use net::udp::Batch;

use crate::summary::median;
use serde_json::json;

/// How to measure.
#[derive(Args, Debug)]
pub(crate) struct ReflectArgs {
    /// Length of a run, seconds.
    #[arg(long, value_name = "S", default_value_t = 5)]
    seconds: u64,
    /// Runs of each, in turn.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Packets under way at a time.
    #[arg(long, value_name = "N", default_value_t = 256)]
    window: usize,
    /// Our executable [default: beside this one]
    #[arg(long, value_name = "FILE")]
    ispeed: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Floods a reflector and counts the answers (the bench starts this).
#[derive(Args, Debug)]
pub(crate) struct FloodArgs {
    #[arg(long)]
    to: SocketAddr,
    #[arg(long)]
    seconds: u64,
    #[arg(long)]
    window: usize,
}

/// Datagrams taken at a time, and their longest, as the reflector has it.
const BATCH: usize = 64;
const LONGEST_BYTES: usize = 1500;
/// Length of a base packet of STAMP.
const PACKET_BYTES: usize = 44;
/// Silence after which lost packets are replaced.
const SILENCE: Duration = Duration::from_millis(20);

/// One run of one reflector.
#[derive(Clone, Copy, Debug)]
struct Run {
    answered: u64,
    wall: Duration,
    cpu: Duration,
}

impl Run {
    fn per_core(self) -> f64 {
        self.answered as f64 / self.cpu.as_secs_f64()
    }

    fn per_second(self) -> f64 {
        self.answered as f64 / self.wall.as_secs_f64()
    }
}

/// Runs both in turn and prints what they did.
pub(crate) fn run(args: &ReflectArgs) -> anyhow::Result<ExitCode> {
    let (mut ours, mut plain) = (vec![], vec![]);
    for _ in 0..args.runs {
        plain.push(measure(&mut Target::echo()?, args)?);
        ours.push(measure(&mut Target::site(args.ispeed.as_deref())?, args)?);
    }
    let ratios = ours
        .iter()
        .zip(&plain)
        .map(|(a, b)| a.per_core() / b.per_core());
    let ratio = median(ratios.collect());
    if args.json {
        let list = |runs: &[Run]| -> Vec<_> {
            let one = |run: &Run| {
                json!({"packets": run.answered, "wall_us": run.wall.as_micros() as u64,
                       "cpu_us": run.cpu.as_micros() as u64})
            };
            runs.iter().map(one).collect()
        };
        println!(
            "{:#}",
            json!({"stamp": list(&ours), "echo": list(&plain), "ratio": ratio})
        );
    } else {
        println!("| reflector | packets/s/core, median (runs) | packets/s | CPU s |");
        println!("|---|---|---|---|");
        line("plain recvmmsg/sendmmsg echo", &plain);
        line("ispeed STAMP, stateful", &ours);
        println!("\nratio per core, median of pairs: {ratio:.2}");
    }
    Ok(ExitCode::SUCCESS)
}

fn line(name: &str, runs: &[Run]) {
    let rates: Vec<_> = runs.iter().map(|run| run.per_core()).collect();
    let each: Vec<_> = rates
        .iter()
        .map(|rate| format!("{:.0}k", rate / 1e3))
        .collect();
    println!(
        "| {name} | {:.0} ({}) | {:.0} | {:.2} |",
        median(rates.clone()),
        each.join(", "),
        median(runs.iter().map(|run| run.per_second()).collect()),
        median(runs.iter().map(|run| run.cpu.as_secs_f64()).collect()),
    );
}

/// A reflector in a process of its own; ended when dropped.
struct Target {
    child: Child,
    address: SocketAddr,
    _settings: Option<tempfile::TempDir>,
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Target {
    fn echo() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.arg("udp-echo"), None)
    }

    /// A site without limits that a bench could meet; they are checked all the same.
    fn site(ispeed: Option<&Path>) -> anyhow::Result<Self> {
        let beside = std::env::current_exe()?.with_file_name("ispeed");
        let dir = tempfile::tempdir()?;
        let settings = dir.path().join("site.toml");
        fs::write(
            &settings,
            "listen = \"127.0.0.1:0\"\n[site.udp]\npackets_per_second = 4000000000\n\
             prefix_packets_per_second = 4000000000\n",
        )?;
        let mut command = Command::new(ispeed.unwrap_or(&beside));
        command.args(["site", "--data"]).arg(dir.path());
        Self::start(command.arg("--config").arg(&settings), Some(dir))
    }

    fn start(command: &mut Command, settings: Option<tempfile::TempDir>) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the output was not piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = lines.find_map(|line| {
            let line = line.ok()?;
            line.strip_prefix("stamp: udp ")?.parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        let Some(address) = address else {
            let _ = child.kill();
            bail!("the reflector did not say where it listens");
        };
        Ok(Self {
            child,
            address,
            _settings: settings,
        })
    }

    /// CPU time of all threads, from the scheduler, in ns.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let on_cpu = text.split(' ').next().context("schedstat is empty")?;
            nanos += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

/// Lets another process flood a reflector and takes the CPU time of the reflector.
fn measure(target: &mut Target, args: &ReflectArgs) -> anyhow::Result<Run> {
    let before = target.cpu()?;
    let began = net::now();
    let out = Command::new(std::env::current_exe()?)
        .args(["udp-flood", "--to", &target.address.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .args(["--window", &args.window.to_string()])
        .output()?;
    let wall = net::now().duration_since(began);
    let cpu = target.cpu()?.saturating_sub(before);
    let answered = String::from_utf8_lossy(&out.stdout).trim().parse();
    Ok(Run {
        answered: answered.context("the sender said no number")?,
        wall,
        cpu,
    })
}

/// Sends back what it receives, for ever.
pub(crate) fn echo() -> anyhow::Result<ExitCode> {
    let socket = net::udp::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("stamp: udp {}", socket.local_addr()?);
    let mut batch = Batch::new(BATCH, LONGEST_BYTES);
    loop {
        let received = batch.receive(&socket, true)?;
        (0..received).for_each(|k| batch.keep(k));
        batch.send(&socket)?;
    }
}

/// Keeps `window` packets under way and counts those that come back. An answer
/// is a packet of STAMP again, and goes out as the next question as it is.
pub(crate) fn flood(args: &FloodArgs) -> anyhow::Result<ExitCode> {
    let socket = net::udp::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    net::udp::set_patience(&socket, SILENCE)?;
    let mut batch = Batch::new(BATCH, LONGEST_BYTES);
    let end: Instant = net::now() + Duration::from_secs(args.seconds);
    let mut answered = 0_u64;
    fill(&socket, args)?;
    while net::now() < end {
        match batch.receive(&socket, true) {
            Ok(received) => {
                answered += received as u64;
                (0..received).for_each(|k| batch.keep(k));
                batch.send(&socket)?;
            }
            // All that was under way is lost or answered.
            Err(_) => fill(&socket, args)?,
        }
    }
    println!("{answered}");
    Ok(ExitCode::SUCCESS)
}

fn fill(socket: &UdpSocket, args: &FloodArgs) -> anyhow::Result<()> {
    for _ in 0..args.window {
        socket.send_to(&[0; PACKET_BYTES], args.to)?;
    }
    Ok(())
}
