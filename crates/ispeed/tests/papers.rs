//! Letters, reports, bulletins and kits on the command line, from a simulated
//! November 2024 of District 1, held against the numbers of its report.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

mod running;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use running::ispeed;
use serde_json::Value;

/// A folder with a simulated month.
struct Month {
    folder: tempfile::TempDir,
}

const OF: [&str; 5] = [
    "--campaign",
    "district-1",
    "--month",
    "2024-11",
    "--synthetic",
];

impl Month {
    /// A month of these wards, `--wards CODES`; of all where it is empty.
    fn of(wards: &[&str]) -> Self {
        let month = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut simulate = ispeed(&["simulate", "--month", "2024-11", "--seed", "1"]);
        simulate.args(wards);
        let done = simulate.arg("--data").arg(month.data()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        month
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command about the month.
    fn run(&self, words: &[&str], more: &[&str]) -> Output {
        let mut command = ispeed(words);
        command.args(OF).args(more).arg("--data").arg(self.data());
        command.current_dir(self.folder.path()).output().unwrap()
    }

    #[track_caller]
    fn makes(&self, words: &[&str], more: &[&str]) {
        let done = self.run(words, more);
        assert!(done.status.success(), "{words:?}: {done:?}");
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], more: &[&str], says: &str) {
        let done = self.run(words, more);
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success(), "{words:?} {more:?}");
        assert!(told.contains(says), "{says:?} is not in {told}");
    }

    /// The month's report as JSON.
    fn report(&self) -> Value {
        let done = self.run(&["report", "month"], &["--format", "json"]);
        serde_json::from_slice(&done.stdout).unwrap()
    }
}

const OFFICE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/offices/district-1.toml"
);

/// The words of a PDF, one blank between them; `None` without poppler.
fn text(pdf: &Path) -> Option<String> {
    let output = Command::new("pdftotext")
        .arg("-layout")
        .arg(pdf)
        .arg("-")
        .output();
    let Ok(output) = output else {
        println!("pdftotext is not installed: the PDF is not read");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn every_document_is_made_in_every_format() {
    let month = Month::of(&["--wards", "26743"]);
    let office = ["--office", OFFICE];
    let cases: [(&[&str], &[&str]); 5] = [
        (&["document", "letter"], &[]),
        (&["document", "launch"], &[]),
        (&["document", "report"], &["--number", "7/BC-UBND"]),
        (
            &["document", "report"],
            &["--unit", "26743", "--date", "2024-12-05"],
        ),
        (&["document", "bulletin"], &["--unit", "26743"]),
    ];
    for (words, more) in cases {
        for (format, start) in [("pdf", &b"%PDF"[..]), ("docx", b"PK\x03\x04")] {
            let output = ["--format", format, "--output", "made"];
            month.makes(words, &[&office[..], more, &output[..]].concat());
            let made = std::fs::read(month.file("made")).unwrap();
            assert!(made.starts_with(start), "{words:?} as {format}");
        }
    }
    month.makes(
        &["document", "report"],
        &[&office[..], &["--format", "xlsx", "--output", "made.xlsx"]].concat(),
    );
    month.makes(
        &["kit"],
        &[
            "--unit",
            "26743",
            "--centre",
            "https://do.example.vn",
            "--output",
            "kit",
        ],
    );
    assert!(month.file("kit/poster.pdf").exists() && month.file("kit/post.png").exists());
}

#[test]
fn the_letter_has_the_numbers_of_the_report() {
    let month = Month::of(&[]);
    let more = [
        "--office",
        OFFICE,
        "--number",
        "12/UBND-VHTT",
        "--date",
        "2024-12-05",
    ];
    month.makes(
        &["document", "letter"],
        &[&more[..], &["--output", "a.pdf"]].concat(),
    );
    let Some(text) = text(&month.file("a.pdf")) else {
        return;
    };
    assert!(text.contains("Số: 12/UBND-VHTT"), "{text}");
    assert!(text.contains("Quận 1, ngày 05 tháng 12 năm 2024"), "{text}");
    let report = month.report();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    for (at, row) in (1..).zip(rows) {
        let [name, counted, devices, shortfall] = [
            &row["area"]["full_name"],
            &row["counted"],
            &row["devices"],
            &row["shortfall"],
        ];
        let name = name.as_str().unwrap();
        let result = if row["reached"] == true {
            "Đạt"
        } else {
            "Chưa đạt"
        };
        let numbers = format!("300 {counted} {devices} {shortfall} {result}");
        // A long name breaks its line; then the numbers stand in its middle.
        let line = format!("{at} {name} {numbers}");
        assert!(
            text.contains(&line) || text.contains(&numbers),
            "{line} is not in {text}"
        );
    }
    assert!(text.matches("SỐ LIỆU MÔ PHỎNG").count() >= 2, "{text}");
}

#[test]
fn what_is_wrong_is_named_by_its_field() {
    let month = Month::of(&["--wards", "26743"]);
    let letter = &["document", "letter"];
    let office = ["--office", OFFICE];
    let with = |more: &[&'static str]| [&office[..], more].concat();
    for (more, says) in [
        (
            with(&["--number", "3879UBND-VHTT"]),
            "number: \"3879UBND-VHTT\" has no slash",
        ),
        (
            with(&["--number", "3879/ubnd"]),
            "number: \"3879/ubnd\" has the sign \"ubnd\"",
        ),
        (
            with(&["--date", "2024-11-31"]),
            "date: \"2024-11-31\" is not a day",
        ),
        (vec![], "issuer is missing"),
    ] {
        month.refuses(letter, &more, says);
    }
    month.refuses(
        &["document", "bulletin"],
        &with(&["--unit", "99999"]),
        "unit \"99999\" is no ward of campaign district-1 in 2024-11; known: 26734",
    );
    month.refuses(
        &["kit"],
        &[
            "--centre",
            "https://do.example.vn",
            "--qr-size",
            "3",
            "--output",
            "kit",
        ],
        "size is 3 mm, expected",
    );
    let made = ispeed(&["document", "templates", "--output"])
        .arg(month.file("words"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let template = month.file("words/reminder-letter.toml");
    let words = std::fs::read_to_string(&template).unwrap();
    std::fs::write(&template, words.replacen("{total_counted}", "{tong_so}", 1)).unwrap();
    let named = ["--template", "words/reminder-letter.toml"];
    month.refuses(
        letter,
        &[&office[..], &named].concat(),
        "no field {tong_so}; known: ",
    );
}
