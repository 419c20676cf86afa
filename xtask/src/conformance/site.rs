//! A site in a process of its own, and what it signed.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Places;

/// How long the site may take to sign a test: it waits for a pause of 10 s.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Site {
    process: Child,
    folder: PathBuf,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

/// One direction as the site signed it.
pub(crate) struct Signed {
    pub(crate) bytes: f64,
    pub(crate) mbit_per_second: f64,
    /// Bytes per tenth of a second.
    bins: Vec<f64>,
}

impl Site {
    pub(crate) fn start(places: &Places) -> anyhow::Result<Self> {
        let folder = places.scratch.join("site");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let mut process = Command::new(&places.ispeed)
            .args(["site", "--listen", "127.0.0.1:0", "--data"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let url = loop {
            let line = lines.next().context("the site ended")??;
            if let Some(url) = line
                .strip_prefix("ispeed: ")
                .filter(|u| u.starts_with("http://"))
            {
                break url.to_owned();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.count());
        Ok(Self {
            process,
            folder,
            url,
        })
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Waits until the site has signed the direction of a protocol's tests.
    pub(crate) fn signed(&self, protocol: &str, direction: &str) -> anyhow::Result<Signed> {
        let deadline = now() + PATIENCE;
        while now() < deadline {
            let receipts = receipts(&self.folder.join("foreign"));
            let mut found = receipts.iter().filter(|r| r["protocol"] == protocol);
            if let Some(record) = found.find_map(|r| r.get(direction)) {
                return Signed::of(record);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("the site signed no {direction} by {protocol}")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Signed {
    fn of(record: &Value) -> anyhow::Result<Self> {
        let bins = record["bins_bytes"].as_array().context("no bins")?;
        let bins: Vec<f64> = bins.iter().filter_map(Value::as_f64).collect();
        let bytes = bins.iter().sum();
        let duration = record["duration_us"].as_f64().context("no duration")?;
        Ok(Self {
            bytes,
            mbit_per_second: bytes * 8.0 / duration,
            bins,
        })
    }

    /// The rate of the first so many seconds, Mbit/s.
    pub(crate) fn within(&self, seconds: f64) -> f64 {
        let mut left = seconds * 10.0;
        let mut bytes = 0.0;
        for bin in &self.bins {
            bytes += bin * left.clamp(0.0, 1.0);
            left -= 1.0;
        }
        bytes * 8.0 / seconds / 1e6
    }
}

#[expect(clippy::disallowed_methods, reason = "automation runs in real time")]
fn now() -> Instant {
    Instant::now()
}

fn receipts(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect()
}
