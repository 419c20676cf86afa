//! The order of things: links, runs, clients in turn.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::client::{Client, Outcome, Ran, Tools, find_ispeed};
use crate::emulate::Log;
use crate::link::SECOND;
use crate::links::{Line, Named, REPORTING, TUNING};
use crate::netns::{self, World};
use crate::row::{Cell, Row};
use crate::summary::Summary;
use crate::{LinksArgs, Set, gate, results};

/// `bench links`.
pub(crate) fn links(args: &LinksArgs) -> anyhow::Result<ExitCode> {
    let links = chosen(args)?;
    if args.list {
        list(&links)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(why) = netns::refused() {
        eprintln!("bench: {why}; run as root on a Linux that has /dev/net/tun");
        return Ok(ExitCode::from(2));
    }
    netns::sweep();
    let mut bench = Bench::new(args, &links)?;
    for note in &bench.notes {
        println!("{note}");
    }
    println!("Gate: {}.", gate::RULE);
    let done = bench.run(&links);
    // What was measured before a break is worth keeping.
    let summary = bench.write()?;
    done?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        println!("\n{}", summary.markdown());
    }
    println!("Written to {}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

fn chosen(args: &LinksArgs) -> anyhow::Result<Vec<Named>> {
    let lines: Vec<Line> = if args.only.is_empty() {
        args.set.lines().to_vec()
    } else {
        let find = |name: &String| {
            let line = TUNING
                .iter()
                .chain(REPORTING)
                .find(|line| line.name == name);
            line.copied()
                .with_context(|| format!("--only {name}: no such link; see --list"))
        };
        args.only.iter().map(find).collect::<Result<_, _>>()?
    };
    lines
        .into_iter()
        .map(|line| line.build(&args.traces))
        .collect()
}

fn list(links: &[Named]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for link in links {
        let stands_in = if link.stands_in {
            " (trace missing: a radio stands in)"
        } else {
            ""
        };
        let (name, family) = (link.line.name, link.line.family().name());
        writeln!(out, "{name:<20} {family:<9}{stands_in}")?;
        writeln!(out, "    down {}", serde_json::json!(brief(&link.down)))?;
        writeln!(out, "    up   {}", serde_json::json!(brief(&link.up)))?;
    }
    Ok(())
}

/// A direction without the hours of a trace.
fn brief(spec: &crate::link::Spec) -> crate::link::Spec {
    let mut spec = spec.clone();
    if let crate::pace::Rate::Trace(rates) = &mut spec.rate {
        rates.truncate(3);
    }
    spec
}

struct Bench<'a> {
    args: &'a LinksArgs,
    ispeed: PathBuf,
    scratch: tempfile::TempDir,
    stopped: Arc<AtomicBool>,
    realtime: bool,
    clients: Vec<Client>,
    notes: Vec<String>,
    rows: Vec<Row>,
}

impl<'a> Bench<'a> {
    fn new(args: &'a LinksArgs, links: &[Named]) -> anyhow::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stopped))?;
        }
        std::fs::create_dir_all(&args.out)
            .with_context(|| format!("making {}", args.out.display()))?;
        let realtime = realtime_allowed();
        Ok(Self {
            args,
            ispeed: find_ispeed(args.ispeed.as_deref())?,
            scratch: tempfile::tempdir()?,
            stopped,
            realtime,
            clients: args.clients.clone(),
            notes: notes(args, links, realtime),
            rows: vec![],
        })
    }

    /// A B A B on each link.
    fn run(&mut self, links: &[Named]) -> anyhow::Result<()> {
        let began = net::now();
        let rounds = links.len() as u64 * self.args.runs;
        let turns = (1..=self.args.runs).flat_map(|run| links.iter().map(move |link| (run, link)));
        for (done, (run, link)) in (0_u64..).zip(turns) {
            if done > 0 {
                let left = net::now().duration_since(began) / done as u32 * (rounds - done) as u32;
                println!("round {} of {rounds}, {} left", done + 1, minutes(left));
            }
            for client in self.clients.clone() {
                self.one(link, &client, run)?;
            }
            self.write()?;
        }
        Ok(())
    }

    /// One run in a world of its own.
    fn one(&mut self, link: &Named, client: &Client, run: u64) -> anyhow::Result<()> {
        ensure!(!self.stopped.load(Ordering::Relaxed), "stopped");
        let (name, seed) = (link.line.name, link.line.seed + run);
        let world = World::new(name, seed, &self.args.traces, self.realtime)?;
        let tools = Tools {
            ispeed: &self.ispeed,
            peers: &self.args.peers,
            folder: self.scratch.path(),
            stopped: &self.stopped,
        };
        let outcome = match client.run(&world, &tools)? {
            Ran::Missing(why) => {
                let note = format!("{} is not available: {why}", client.name());
                println!("{note}");
                self.notes.push(note);
                self.clients.retain(|other| other != client);
                return Ok(());
            }
            Ran::Failed(why) => Err(why),
            Ran::Outcome(outcome) => Ok(*outcome),
        };
        let log = world.end()?;
        let cell = Cell {
            link,
            client: client.name(),
            run,
            seed,
        };
        let rows = cell.rows(&outcome, &log);
        self.keep(&cell, &outcome, &log)?;
        show(&rows, &outcome, log.nanoseconds);
        self.rows.extend(rows);
        Ok(())
    }

    /// The emulator's log and what the client saw, for work on estimators
    /// without a network.
    fn keep(
        &self,
        cell: &Cell<'_>,
        outcome: &Result<Outcome, String>,
        log: &Log,
    ) -> anyhow::Result<()> {
        let folder = self.args.out.join("logs");
        std::fs::create_dir_all(&folder)?;
        let (link, client) = (cell.link.line.name, &cell.client);
        let name = format!("{link}-{client}-{}.json", cell.run);
        let said = outcome.as_ref().ok();
        let kept = serde_json::json!({
            "link": link, "seed": cell.seed, "log": log,
            "download": said.and_then(|said| said.download.as_ref()),
            "upload": said.and_then(|said| said.upload.as_ref()),
        });
        Ok(std::fs::write(
            folder.join(name),
            serde_json::to_vec(&kept)?,
        )?)
    }

    /// Writes everything known so far.
    fn write(&self) -> anyhow::Result<Summary> {
        results::write(&self.args.out, &self.rows, &self.notes)
    }
}

/// Whether the emulator may run before everything else (SCHED_FIFO).
fn realtime_allowed() -> bool {
    let mut tried = Command::new("chrt");
    tried
        .args(["-f", "20", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    tried.status().is_ok_and(|status| status.success())
}

/// What a reader of the figures has to know.
fn notes(args: &LinksArgs, links: &[Named], realtime: bool) -> Vec<String> {
    let set = match (args.only.is_empty(), args.set) {
        (false, _) => "links named by hand",
        (true, Set::Tuning) => "the tuning set",
        (true, Set::Reporting) => "the reporting set",
    };
    let mut notes = vec![format!(
        "{} links ({set}), {} runs of each client on each, in turn.",
        links.len(),
        args.runs
    )];
    if args.runs < 10 {
        notes.push("Fewer than 10 runs a cell: to look at, not to publish.".into());
    }
    if !realtime {
        notes.push("chrt -f is not allowed here: expect void runs on a busy machine.".into());
    }
    let congestion = Path::new("/proc/sys/net/ipv4/tcp_congestion_control");
    if let Ok(name) = std::fs::read_to_string(congestion) {
        notes.push(format!(
            "Congestion control of the machine: {}.",
            name.trim()
        ));
    }
    for link in links.iter().filter(|link| link.stands_in) {
        notes.push(format!(
            "{}: its trace is missing, a radio stands in.",
            link.line.name
        ));
    }
    notes
}

fn show(rows: &[Row], outcome: &Result<Outcome, String>, nanoseconds: u64) {
    let Some(Row {
        link,
        client,
        run,
        void,
        ..
    }) = rows.first()
    else {
        return;
    };
    let direction = |row: &Row| match (row.reported_bits_per_second, row.error) {
        (Some(rate), Some(error)) => format!("{:.2} Mbit/s ({:+.1} %)", rate / 1e6, error * 100.0),
        _ => row.failed.clone(),
    };
    let said: Vec<_> = rows.iter().map(direction).collect();
    let cpu = outcome.as_ref().map_or(0.0, |outcome| outcome.cpu_seconds);
    let void = if void.is_empty() {
        String::new()
    } else {
        format!("  VOID: {void}")
    };
    println!(
        "  {link} {client} run {run}: down {}, up {}, {:.1} s, CPU {cpu:.2} s{void}",
        said[0],
        said[1],
        nanoseconds as f64 / SECOND as f64
    );
}

fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}
