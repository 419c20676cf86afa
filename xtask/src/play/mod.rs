//! `cargo xtask play district-1`: District 1's November 2024 from nothing to
//! the signed-off month, by the program's own commands, with a simulated month.
//!
//! Every number of every document is held against what the store answers, and
//! the ink of every page against the margins of Decree 30/2020.

mod ink;
mod mail;
mod numbers;
mod papers;
mod pieces;
mod read;
mod said;
mod steps;
mod truth;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

const CAMPAIGN: [&str; 2] = ["--campaign", "district-1"];
const MONTH: [&str; 3] = ["--month", "2024-11", "--synthetic"];
/// Plays the month into `folder`, which must be empty or absent.
///
/// # Errors
///
/// The command that failed with what it said, or the number that differs.
pub fn run(ispeed: &Path, root: &Path, folder: &Path) -> anyhow::Result<()> {
    let taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !taken,
        "{} is not empty: name another folder",
        folder.display()
    );
    std::fs::create_dir_all(folder)?;
    let play = Play {
        ispeed: ispeed.to_owned(),
        root: root.to_owned(),
        folder: folder.canonicalize()?,
        began: now(),
    };
    let wards = play.directory()?;
    play.members()?;
    play.month()?;
    play.reminders()?;
    play.reports(&wards)?;
    play.reconcile(&wards)?;
    play.documents(&wards)?;
    play.kits(&wards)?;
    play.check(&wards)?;
    play.layout(&wards)?;
    play.say(
        "done: look into the folder",
        &play.folder.display().to_string(),
    );
    Ok(())
}

struct Play {
    ispeed: PathBuf,
    root: PathBuf,
    folder: PathBuf,
    began: Instant,
}

/// A ward as the month's report has it.
struct Ward {
    code: String,
    name: String,
    full_name: String,
    counted: u64,
}

impl Play {
    /// The wards with what counted so far.
    fn wards(&self, counted: bool) -> anyhow::Result<Vec<Ward>> {
        let month = self.report()?;
        let rows = month["rows"].as_array().context("no rows")?;
        let ward = |row: &Value| {
            Some(Ward {
                code: row["area"]["code"].as_str()?.to_owned(),
                name: row["area"]["name"].as_str()?.to_owned(),
                full_name: row["area"]["full_name"].as_str()?.to_owned(),
                counted: row["counted"].as_u64().filter(|_| counted).unwrap_or(0),
            })
        };
        let wards: Option<Vec<_>> = rows.iter().map(ward).collect();
        wards.with_context(|| format!("a row of the report lacks something: {}", rows[0]))
    }

    fn report(&self) -> anyhow::Result<Value> {
        let words = [
            &["report", "month"],
            &CAMPAIGN[..],
            &MONTH,
            &["--format", "json"],
        ]
        .concat();
        Ok(serde_json::from_str(&self.run(&words)?)?)
    }

    fn json(&self, words: &[&str]) -> anyhow::Result<Value> {
        let said = self.run(&[words, &["--json"]].concat())?;
        serde_json::from_str(&said).with_context(|| format!("{words:?} said {said:?}"))
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.ispeed);
        command
            .args(words)
            .arg("--data")
            .arg(self.folder.join("data"));
        let output = command.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let told = String::from_utf8_lossy(&output.stdout);
            bail!("ispeed {}: {said}{told}", words.join(" "));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    #[expect(clippy::print_stdout, reason = "the play is for people")]
    fn say(&self, what: &str, how: &str) {
        let seconds = now().duration_since(self.began).as_secs();
        println!("{seconds:>4} s  {what}: {how}");
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{}: no UTF-8", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "automation runs in real time")]
fn now() -> Instant {
    Instant::now()
}
