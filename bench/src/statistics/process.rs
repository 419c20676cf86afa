//! A process with its time and its peak of memory.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// How often the peak is looked at; the kernel keeps it, so only the last
/// moments can be missed.
const LOOK: Duration = Duration::from_millis(20);

/// What a process did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) seconds: f64,
    /// Peak of its resident memory.
    pub(super) peak_mib: f64,
    /// Its standard output.
    pub(super) output: Vec<u8>,
}

/// Runs a command to its end.
pub(super) fn watch(command: &mut Command) -> anyhow::Result<Done> {
    let began = net::now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    let mut pipe = child.stdout.take().context("no output")?;
    let reader = std::thread::spawn(move || {
        let mut output = vec![];
        pipe.read_to_end(&mut output).map(|_| output)
    });
    let mut peak_mib: f64 = 0.0;
    let status = loop {
        peak_mib = peak_mib.max(peak_of(child.id()).unwrap_or(0.0));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let seconds = net::now().duration_since(began).as_secs_f64();
    let output = reader.join().ok().context("reading the output")??;
    ensure!(status.success(), "ended with {status}");
    Ok(Done {
        seconds,
        peak_mib,
        output,
    })
}

/// Peak of the resident memory of a process, MiB; `None` once it is over.
fn peak_of(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

/// A server until it is dropped.
pub(super) struct Server {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn peak_mib(&self) -> f64 {
        peak_of(self.process.id()).unwrap_or(0.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts `ispeed serve` and waits until it listens.
pub(super) fn serve(mut command: Command) -> anyhow::Result<Server> {
    let mut process = command.stdout(Stdio::piped()).spawn()?;
    let output = process.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some(address) = line.strip_prefix("ispeed: http://") {
            let address = address.parse()?;
            // Nobody else reads what it says, and a full pipe would stop it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(Server { process, address });
        }
    }
    let _ = process.wait();
    bail!("ispeed serve ended before it listened")
}
