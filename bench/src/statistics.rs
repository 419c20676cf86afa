//! How fast a country's month becomes figures: computed, recomputed, asked
//! for, judged again; and DuckDB on the same tests.
//!
//! Everything is done by our executable as an administrator would do it; this
//! only watches the processes. Tests are simulated and go through the collector;
//! their verdicts may then be copied, so that there is a million of them.

mod asking;
mod process;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value;

use process::{Done, watch};

use crate::summary::median;

/// What is asked for.
#[derive(Args, Debug)]
pub(crate) struct StatisticsArgs {
    /// Tests that are simulated and judged again, with commas: a store for each.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "100000,25000"
    )]
    tests: Vec<u32>,
    /// Figures are computed of the first store with its verdicts so many times, under
    /// other devices; 1 leaves them as they are.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    copies: u32,
    /// The month, at which the areas are valid.
    #[arg(long, value_name = "YYYY-MM", default_value = "2025-08")]
    month: String,
    /// Boundaries (GeoJSON, or gzipped); the demonstration's where there is no such file.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "../shared/data/boundaries/vn_wards_from_2025-07-01.simplified8m.geojson.gz"
    )]
    areas: PathBuf,
    /// Runs of what takes seconds; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// A Python that has the package duckdb (`pip install duckdb`).
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Our executable [default: beside this one]
    #[arg(long, value_name = "FILE")]
    ispeed: Option<PathBuf>,
    /// Folder of the stores, about 1.3 GB for 100,000 tests; a store that is
    /// there is used again.
    #[arg(long, value_name = "DIR", default_value = "target/bench-statistics")]
    work: PathBuf,
    /// Only these parts: figures, duckdb, recompute, asked, rebuild, place.
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    only: Vec<String>,
    /// File of the table; it is printed in any case.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Threads that compute figures, as many as DuckDB may use.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A bench under way.
struct Bench<'a> {
    args: &'a StatisticsArgs,
    ispeed: PathBuf,
    /// The boundaries, unpacked.
    areas: PathBuf,
    config: PathBuf,
    table: String,
}

/// Runs the bench.
pub(crate) fn run(args: &StatisticsArgs) -> anyhow::Result<ExitCode> {
    let ispeed = match &args.ispeed {
        Some(ispeed) => ispeed.clone(),
        None => std::env::current_exe()?.with_file_name("ispeed"),
    };
    std::fs::create_dir_all(&args.work)?;
    let areas = boundaries(args)?;
    let mut bench = Bench {
        args,
        ispeed,
        areas,
        config: args.work.join("bench.toml"),
        table: "| what | goal | measured |\n|---|---|---|\n".into(),
    };
    // Positions that expire would be another bench; so would a limit on questions.
    std::fs::write(
        &bench.config,
        "[centre]\nposition_retention_days = 36500\n\
         [centre.api]\nrequests_per_second = 1000000\nburst = 1000000\n",
    )?;
    bench.all()?;
    println!("{}", bench.table);
    if let Some(out) = &args.out {
        std::fs::write(out, &bench.table)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The boundaries as a plain file.
fn boundaries(args: &StatisticsArgs) -> anyhow::Result<PathBuf> {
    if !args.areas.exists() {
        eprintln!(
            "{} is not there: the demonstration's areas stand in",
            args.areas.display()
        );
        return Ok("data/areas/district-1.demo.geojson".into());
    }
    if args.areas.extension().is_none_or(|end| end != "gz") {
        return Ok(args.areas.clone());
    }
    let plain = args.work.join("areas.geojson");
    let mut unpack = Command::new("gzip");
    unpack.arg("-dc").arg(&args.areas);
    let status = unpack.stdout(std::fs::File::create(&plain)?).status()?;
    ensure!(
        status.success(),
        "gzip could not unpack {}",
        args.areas.display()
    );
    Ok(plain)
}

impl Bench<'_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let Some((&first, _)) = self.args.tests.split_first() else {
            bail!("--tests names no number");
        };
        if self.wanted("place") {
            self.place()?;
        }
        for &tests in &self.args.tests {
            self.store(tests)?;
        }
        if self.wanted("rebuild") {
            for &tests in self.args.tests.iter().rev() {
                self.rebuild(tests)?;
            }
        }
        self.copy(first)?;
        if self.wanted("figures") {
            let ours = self.figures(first)?;
            if self.wanted("duckdb") {
                self.duckdb(first, ours)?;
            }
        }
        if self.wanted("recompute") {
            self.recompute(first)?;
        }
        if self.wanted("asked") {
            self.asked(first)?;
        }
        Ok(())
    }

    fn wanted(&self, part: &str) -> bool {
        self.args.only.is_empty() || self.args.only.iter().any(|only| only == part)
    }

    fn row(&mut self, what: &str, goal: &str, measured: &str) {
        eprintln!("{what}: {measured}");
        let _ = writeln!(self.table, "| {what} | {goal} | {measured} |");
    }

    fn folder(&self, tests: u32) -> PathBuf {
        self.args.work.join(format!("{tests}"))
    }

    /// Our executable on the store of so many tests.
    fn command(&self, tests: u32, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.ispeed);
        command.args(arguments).arg("--config").arg(&self.config);
        command.arg("--data").arg(self.folder(tests));
        command
    }

    fn run(&self, tests: u32, arguments: &[&str]) -> anyhow::Result<Done> {
        watch(&mut self.command(tests, arguments)).with_context(|| arguments.join(" "))
    }

    /// Makes the store of so many tests, unless it is there.
    fn store(&mut self, tests: u32) -> anyhow::Result<()> {
        let finished = self.folder(tests).join("simulated");
        let copied = self.folder(tests).join("copied").exists();
        ensure!(
            !(copied && self.args.only.iter().any(|part| part == "rebuild")),
            "{} holds copied verdicts, which cannot be rebuilt: name another --work",
            self.folder(tests).display()
        );
        if finished.exists() {
            return Ok(());
        }
        let areas = self.areas.to_string_lossy().into_owned();
        self.run(tests, &["area", "import", &areas])?;
        let number = tests.to_string();
        let simulate = ["simulate", "--month", &self.args.month, "--tests", &number];
        let done = self.run(tests, &simulate)?;
        let rate = f64::from(tests) / done.seconds;
        self.row(
            &format!("{tests} tests simulated and collected"),
            "",
            &format!(
                "{:.0} s, {rate:.0} a second, peak {:.0} MiB",
                done.seconds, done.peak_mib
            ),
        );
        Ok(std::fs::write(finished, "")?)
    }

    /// Copies the verdicts of a store, once.
    fn copy(&mut self, tests: u32) -> anyhow::Result<()> {
        let finished = self.folder(tests).join("copied");
        if self.args.copies == 1 || finished.exists() {
            return Ok(());
        }
        let mut command = Command::new(&self.args.python);
        command
            .arg("bench/duckdb/copies.py")
            .arg(self.folder(tests).join("ispeed.db"));
        let done = watch(command.arg(self.args.copies.to_string()))?;
        let verdicts = String::from_utf8_lossy(&done.output).trim().to_owned();
        let copies = self.args.copies;
        self.row(
            &format!(
                "verdicts after copying those of {tests} tests {copies} times under other devices"
            ),
            "",
            &verdicts,
        );
        Ok(std::fs::write(finished, "")?)
    }

    /// Tests whose verdicts are in a store.
    const fn verdicts(&self, tests: u32) -> u32 {
        tests.saturating_mul(self.args.copies)
    }

    fn figures(&mut self, tests: u32) -> anyhow::Result<f64> {
        let compute = [
            "statistics",
            "compute",
            "--synthetic",
            "--json",
            "--period",
            &self.args.month,
        ];
        let runs = (0..self.args.runs).map(|_| self.run(tests, &compute));
        let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
        let seconds = median(runs.iter().map(|run| run.seconds).collect());
        let peak = runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max);
        let said: Value = serde_json::from_slice(&runs[0].output)?;
        let what = format!(
            "figures of {} places of {} tests, all intervals, {} threads",
            said["places"],
            self.verdicts(tests),
            threads()
        );
        self.row(
            &what,
            "≤ 20 s, ≤ 1.5 GiB",
            &format!("{seconds:.1} s, peak {peak:.0} MiB"),
        );
        Ok(seconds)
    }

    fn duckdb(&mut self, tests: u32, ours: f64) -> anyhow::Result<()> {
        let what = "DuckDB: the same aggregation without intervals";
        let asked = Command::new(&self.args.python)
            .args(["-c", "import duckdb"])
            .stderr(Stdio::null())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let python = self.args.python.display();
            self.row(
                what,
                "",
                &format!("skipped: {python} has no package duckdb (--python)"),
            );
            return Ok(());
        }
        let mut command = Command::new(&self.args.python);
        command
            .arg("bench/duckdb/aggregate.py")
            .arg(self.folder(tests).join("ispeed.db"));
        command.args([
            &self.args.month,
            &threads().to_string(),
            &self.args.runs.to_string(),
            "5",
        ]);
        let done = watch(&mut command)?;
        let said: Value = serde_json::from_slice(&done.output).context("DuckDB said no JSON")?;
        let number = |name: &str| said[name].as_f64().with_context(|| format!("no {name}"));
        let (seconds, drawn) = (number("seconds")?, number("resampling_seconds")?);
        let peak = number("peak_mib")?;
        let version = said["version"].as_str().unwrap_or("?");
        self.row(
            &format!("DuckDB {version}: the same aggregation without any interval"),
            "",
            &format!(
                "{seconds:.1} s, peak {peak:.0} MiB; ours, with reading and intervals, {:.1} times that",
                ours / seconds
            ),
        );
        let draws = number("resamples")?;
        let thousand = drawn / draws * 1000.0;
        self.row(
            "DuckDB: wards' intervals of one metric of five, by resampling devices",
            "",
            &format!(
                "{drawn:.1} s for {draws:.0} resamples, so about {thousand:.0} s for 1,000: {:.0} times all of ours",
                thousand / ours
            ),
        );
        Ok(())
    }

    fn recompute(&mut self, tests: u32) -> anyhow::Result<()> {
        let mut command = Command::new(self.example("recompute"));
        command.arg(self.folder(tests)).arg(&self.args.month);
        let done = watch(&mut command)?;
        let said = String::from_utf8_lossy(&done.output);
        for (what, took) in said.lines().filter_map(|line| line.split_once(": ")) {
            let again = what.contains("again") && !what.contains("kept");
            self.row(what, if again { "≤ 50 ms" } else { "" }, took);
        }
        Ok(())
    }

    fn example(&self, name: &str) -> PathBuf {
        self.ispeed.with_file_name("examples").join(name)
    }

    fn asked(&mut self, tests: u32) -> anyhow::Result<()> {
        let listed = self.run(
            tests,
            &[
                "area",
                "list",
                "--json",
                "--at",
                &format!("{}-01", self.args.month),
            ],
        )?;
        let codes = codes(&listed.output)?;
        let server = process::serve(self.command(tests, &["serve", "--listen", "127.0.0.1:0"]))?;
        for (what, times) in asking::all(server.address, &codes, &self.args.month)? {
            self.row(&what, "p99 ≤ 20 ms", &times.to_string());
        }
        let peak = server.peak_mib();
        self.row("the serving process", "", &format!("peak {peak:.0} MiB"));
        Ok(())
    }

    fn rebuild(&mut self, tests: u32) -> anyhow::Result<()> {
        let done = self.run(tests, &["rebuild", "--json"])?;
        let said: Value = serde_json::from_slice(&done.output)?;
        let judged = said["tests"].as_f64().context("no tests")?;
        let what = format!(
            "rebuild of {judged} tests, {} of them changed",
            said["changed"]
        );
        let measured = format!(
            "{:.0} s, {:.0} a second, peak {:.0} MiB",
            done.seconds,
            judged / done.seconds,
            done.peak_mib
        );
        self.row(&what, "linear, ≤ 1 GiB", &measured);
        Ok(())
    }

    fn place(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(self.example("locate"));
        let done = watch(command.arg(&self.areas))?;
        for line in String::from_utf8_lossy(&done.output).lines() {
            let (what, took) = line.rsplit_once(": ").unwrap_or((line, ""));
            let goal = if what.contains("indexed") {
                "≤ 3 s with reading"
            } else if what.contains("points") {
                "≤ 2 s on one core"
            } else {
                ""
            };
            self.row(what, goal, took);
        }
        Ok(())
    }
}

/// The codes of `ispeed area list`.
fn codes(output: &[u8]) -> anyhow::Result<Vec<String>> {
    let said: Value = serde_json::from_slice(output)?;
    let areas = said["areas"].as_array().or(said.as_array());
    let areas = areas.context("ispeed area list said no areas")?;
    let codes = areas.iter().filter_map(|area| area["code"].as_str());
    let mut codes: Vec<_> = codes.map(str::to_owned).collect();
    codes.sort();
    codes.dedup();
    ensure!(!codes.is_empty(), "no area is valid in the month");
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_once_each() {
        let said = br#"{"areas": [{"code": "2"}, {"code": "1"}, {"code": "2"}]}"#;
        assert_eq!(codes(said).unwrap(), ["1", "2"]);
        assert!(codes(br#"{"areas": []}"#).is_err());
    }
}
