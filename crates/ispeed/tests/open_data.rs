//! A month published as open data, checked on another folder, and caught when
//! a row is changed.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn ispeed(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ispeed"))
        .args(arguments)
        .output()
        .unwrap()
}

#[track_caller]
fn works(arguments: &[&str]) -> Value {
    let output = ispeed(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the check says of a folder, and its exit status.
fn verify(folder: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let mut arguments = vec!["verify", "month", folder.to_str().unwrap(), "--json"];
    arguments.extend(more);
    let output = ispeed(&arguments);
    let value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), value)
}

/// Replaces a field of a line of a CSV, the header being line 1.
fn change(file: &Path, line: usize, column: &str, to: impl Fn(&str) -> String) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = lines[0].split(',').position(|name| name == column).unwrap();
    let mut fields: Vec<String> = lines[line - 1].split(',').map(str::to_owned).collect();
    fields[at] = to(&fields[at]);
    lines[line - 1] = fields.join(",");
    std::fs::write(file, lines.join("\n") + "\n").unwrap();
}

#[track_caller]
fn finds(outcome: &(Option<i32>, Value), file: &str, line: u64, column: &str) {
    let findings = outcome.1["findings"].as_array().unwrap();
    let there = |f: &&Value| f["file"] == file && f["line"] == line && f["column"] == column;
    assert_eq!(outcome.0, Some(1), "{outcome:?}");
    assert!(
        findings.iter().any(|f| there(&f)),
        "{file} {line} {column}: {findings:#?}"
    );
}

/// A folder with two wards of a simulated month.
struct Month {
    directory: tempfile::TempDir,
}

impl Month {
    fn simulated() -> Self {
        let month = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let data = month.text("data");
        works(&[
            "simulate",
            "--data",
            &data,
            "--json",
            "--wards",
            "26740,26743",
            "--month",
            "2024-11",
            "--seed",
            "7",
        ]);
        month
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes the folder `to`, and the auditor's file beside it.
    fn publish(&self, to: &str) -> Value {
        let audit = self.text(&format!("{to}.csv"));
        works(&[
            "publish",
            "month",
            "2024-11",
            "--output",
            &self.text(to),
            "--audit",
            &audit,
            "--synthetic",
            "--data",
            &self.text("data"),
            "--json",
        ])
    }

    /// A copy of a published folder.
    fn copy(&self, from: &str, to: &str) -> PathBuf {
        std::fs::create_dir(self.path(to)).unwrap();
        for entry in std::fs::read_dir(self.path(from)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), self.path(to).join(entry.file_name())).unwrap();
        }
        self.path(to)
    }
}

#[test]
fn a_published_month_holds_elsewhere_and_is_written_the_same_again() {
    let month = Month::simulated();
    let published = month.publish("one");
    assert!(published["tests"].as_u64().unwrap() > 100, "{published}");
    month.publish("two");
    for entry in std::fs::read_dir(month.path("one")).unwrap() {
        let name = entry.unwrap().file_name();
        let bytes = |folder: &str| std::fs::read(month.path(folder).join(&name)).unwrap();
        assert!(
            bytes("one") == bytes("two"),
            "{name:?} differs between two runs"
        );
    }
    let elsewhere = month.copy("one", "elsewhere");
    let (status, outcome) = verify(&elsewhere, &[]);
    assert_eq!(
        (status, &outcome["holds"]),
        (Some(0), &Value::Bool(true)),
        "{outcome:#}"
    );
    assert_eq!(outcome["key_id"], published["key_id"]);
    let (status, outcome) = verify(&elsewhere, &["--audit", &month.text("one.csv")]);
    assert_eq!(status, Some(0), "{outcome:#}");
    assert_eq!(outcome["unchecked_columns"], serde_json::json!([]));
    let (status, _) = verify(&elsewhere, &["--key-id", "0000000000000000"]);
    assert_eq!(status, Some(1));
    // A folder that holds something is never written over.
    let data = month.text("data");
    let again = ispeed(&[
        "publish",
        "month",
        "2024-11",
        "--output",
        &month.text("one"),
        "--data",
        &data,
    ]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
}

#[test]
fn what_was_changed_is_named_with_file_line_and_column() {
    let month = Month::simulated();
    month.publish("one");
    let tests = month.copy("one", "tests");
    change(
        &tests.join("tests.csv"),
        5,
        "download_bits_per_second",
        |_| "500000000".into(),
    );
    finds(
        &verify(&tests, &[]),
        "tests.csv",
        5,
        "download_bits_per_second",
    );
    let figures = month.copy("one", "figures");
    change(&figures.join("figures.csv"), 2, "mean", |mean| {
        format!("{mean}1")
    });
    finds(&verify(&figures, &[]), "figures.csv", 2, "mean");
    let missing = month.copy("one", "missing");
    std::fs::remove_file(missing.join("counts.parquet")).unwrap();
    let (status, outcome) = verify(&missing, &[]);
    assert_eq!(status, Some(1));
    assert!(outcome["findings"].to_string().contains("counts.parquet"));
    let manifest = month.copy("one", "manifest");
    let text = std::fs::read_to_string(manifest.join("manifest.json")).unwrap();
    std::fs::write(
        manifest.join("manifest.json"),
        text.replace("\"edition\": ", "\"edition\": 1"),
    )
    .unwrap();
    let output = ispeed(&["verify", "month", manifest.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("signature does not hold"));
}

#[test]
fn open_data_holds_nothing_that_leads_to_a_person() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let data = path("data");
    let data = data.to_str().unwrap();
    works(&[
        "simulate", "--data", data, "--json", "--wards", "26740", "--month", "2024-11",
    ]);
    let out = path("out");
    works(&[
        "publish",
        "month",
        "2024-11",
        "--output",
        out.to_str().unwrap(),
        "--synthetic",
        "--data",
        data,
        "--json",
    ]);
    let store = rusqlite::Connection::open(path("data/ispeed.db")).unwrap();
    let mut statement = store
        .prepare(
            "SELECT device FROM verdicts UNION SELECT receipt ->> '$.client_prefix' FROM tests",
        )
        .unwrap();
    let secrets = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let published = std::fs::read_to_string(out.join("tests.csv")).unwrap();
    for secret in secrets {
        assert!(!published.contains(&secret.unwrap()));
    }
    // Who shares a cell: at least five devices, counted with the store's eyes.
    let lines: Vec<_> = published
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>())
        .collect();
    let mut cells: std::collections::BTreeMap<&str, std::collections::BTreeSet<&str>> =
        Default::default();
    for fields in &lines {
        if !fields[4].is_empty() {
            cells.entry(fields[4]).or_default().insert(fields[1]);
        }
    }
    assert!(!cells.is_empty());
    assert!(cells.values().all(|names| names.len() >= 5), "{cells:?}");
    assert!(
        lines
            .iter()
            .all(|fields| fields[0].len() == "2024-11-08T09".len())
    );
}
