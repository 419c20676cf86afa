//! District 1's November 2024 on the command line: simulated, reported, read
//! back by another library, and held against the database.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::path::Path;

use calamine::{Data, Range, Reader as _, Xlsx, open_workbook};
use running::ispeed;

fn report(data: &Path, file: &Path, synthetic: bool) -> Range<Data> {
    let mut command = ispeed(&[
        "report",
        "month",
        "--campaign",
        "district-1",
        "--month",
        "2024-11",
    ]);
    command
        .args(["--format", "xlsx", "--data"])
        .arg(data)
        .arg("--output")
        .arg(file);
    if synthetic {
        command.arg("--synthetic");
    }
    assert!(command.status().unwrap().success());
    let mut workbook: Xlsx<_> = open_workbook(file).unwrap();
    let sheet = workbook.sheet_names()[0].clone();
    assert_eq!(sheet.contains("MÔ PHỎNG"), synthetic, "{sheet}");
    workbook.worksheet_range(&sheet).unwrap()
}

/// The column below a header, down to the ward before the total.
fn column(range: &Range<Data>, header: &str) -> Vec<u64> {
    let is = |cell: &Data| matches!(cell, Data::String(text) if text == header);
    let top = range.rows().position(|row| row.iter().any(is)).unwrap();
    let at = range.rows().nth(top).unwrap().iter().position(is).unwrap();
    let wards = range
        .rows()
        .skip(top + 1)
        .take_while(|row| row[0] != Data::Empty);
    wards
        .map(|row| row[at].to_string().parse().unwrap())
        .collect()
}

/// Tests of a month that count, by ward, asked of the database itself.
fn counted(data: &Path, column: &str, synthetic: bool) -> Vec<u64> {
    let database = rusqlite::Connection::open(data.join("ispeed.db")).unwrap();
    let sql = format!(
        "SELECT (SELECT count(*) FROM verdicts v WHERE v.area_code = a.code
                    AND v.area_valid_from = a.valid_from AND month = '2024-11'
                    AND synthetic = ?1 AND {column} = 1)
         FROM areas a WHERE a.valid_to = '2025-07-01' ORDER BY a.code"
    );
    let mut statement = database.prepare(&sql).unwrap();
    let counts = statement
        .query_map([synthetic], |row| row.get::<_, u32>(0))
        .unwrap();
    counts.map(|count| u64::from(count.unwrap())).collect()
}

/// What `ispeed method` prints about the simulated month.
fn method(data: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = ispeed(&["method"]);
    command
        .args(args)
        .args(["--month", "2024-11", "--synthetic"]);
    let out = command.arg("--json").arg("--data").arg(data).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{out:?}");
    out.stdout
}

fn the_month_is_replayed(data: &Path) {
    let replay = ["replay", "--edition", "1", "--mode", "saver"];
    let printed = method(data, &replay);
    assert_eq!(printed, method(data, &replay), "two runs, the same bytes");
    let replayed: serde_json::Value = serde_json::from_slice(&printed).unwrap();
    assert!(replayed["tests"].as_u64().unwrap() > 3_000, "{replayed}");
    assert_eq!(replayed["lines"][0]["measured_mode"], "full");
    let audit: serde_json::Value = serde_json::from_slice(&method(data, &["audit"])).unwrap();
    assert_eq!(audit["tests"], replayed["tests"]);
    let unknown = ispeed(&["method", "replay", "--edition", "99", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(64));
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        said.contains("edition 99") && said.contains("known: [1"),
        "{said}"
    );
}

#[test]
fn november_2024_in_the_workbook_is_november_2024_in_the_database() {
    let data = tempfile::tempdir().unwrap();
    let simulated = ispeed(&[
        "simulate", "--month", "2024-11", "--seed", "1", "--json", "--data",
    ])
    .arg(data.path())
    .output()
    .unwrap();
    assert!(
        simulated.status.success(),
        "{}",
        String::from_utf8_lossy(&simulated.stderr)
    );

    the_month_is_replayed(data.path());
    let file = data.path().join("thang-11.xlsx");
    let synthetic = report(data.path(), &file, true);
    let (qualified, raw) = (
        column(&synthetic, "Không trùng lặp"),
        column(&synthetic, "Toàn bộ"),
    );
    assert_eq!(qualified.len(), 10, "ten wards in November 2024");
    assert_eq!(qualified, counted(data.path(), "counts_quota", true));
    assert_eq!(raw, counted(data.path(), "counts_quota_raw", true));
    assert_eq!(
        qualified.iter().filter(|&&n| n >= 300).count(),
        7,
        "{qualified:?}"
    );

    let real = report(data.path(), &file, false);
    assert_eq!(
        column(&real, "Toàn bộ"),
        [0; 10],
        "a simulation is never counted as real"
    );
}
