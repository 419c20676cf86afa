//! The same figure in the API, the series, the comparison, the open data and
//! the report: equal to the last digit that each of them shows.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod running;

use std::collections::BTreeMap;
use std::path::Path;

use running::{Server, ispeed};
use serde_json::Value;

const MONTH: &str = "2024-11";
const METRICS: [&str; 3] = [
    "download_bits_per_second",
    "upload_bits_per_second",
    "idle_rtt_us",
];

fn run(arguments: &[&str], data: &Path) -> Vec<u8> {
    let output = ispeed(arguments).arg("--data").arg(data).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    output.stdout
}

/// Rows of a CSV by its header.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let header: Vec<_> = lines
        .next()
        .unwrap()
        .split(',')
        .map(str::to_owned)
        .collect();
    let row = |line: &str| {
        header
            .iter()
            .cloned()
            .zip(line.split(',').map(str::to_owned))
            .collect()
    };
    lines.map(row).collect()
}

fn simulated(data: &Path) {
    let wards = [
        "simulate",
        "--wards",
        "26740,26743",
        "--month",
        MONTH,
        "--seed",
        "3",
    ];
    run(&wards, data);
}

/// Every figure of the open data by area, operator, technology and metric.
fn published(data: &Path, to: &Path) -> BTreeMap<[String; 4], BTreeMap<String, String>> {
    let folder = to.to_str().unwrap();
    run(
        &["publish", "month", MONTH, "--synthetic", "--output", folder],
        data,
    );
    let text = std::fs::read_to_string(to.join("figures.csv")).unwrap();
    let key = |row: &BTreeMap<String, String>| {
        ["area_code", "operator", "technology", "metric"].map(|name| row[name].clone())
    };
    rows(&text)
        .into_iter()
        .map(|row| (key(&row), row))
        .collect()
}

/// A member of a figure as open data writes it.
fn member(figure: &Value, name: &str) -> String {
    let (of, end) = match name.rsplit_once('_') {
        Some((of, "low")) => (format!("{of}_interval"), Some(0)),
        Some((of, "high")) => (format!("{of}_interval"), Some(1)),
        _ => (name.to_owned(), None),
    };
    let value = end.map_or(&figure[&of], |end: usize| &figure[&of][end]);
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn api_and_open_data_say_the_same_in_every_figure() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    simulated(data.path());
    let open = published(data.path(), &out.path().join("month"));
    let server = Server::start(data.path(), "127.0.0.1:0");
    // CSV and Parquet say the same in every cell.
    let folder = out.path().join("month");
    let verify = ["verify", "month", folder.to_str().unwrap(), "--json"];
    let verified = ispeed(&verify).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let mut compared = 0;
    for code in ["26740", "26743"] {
        let table = server.get(&format!(
            "/api/v1/areas/{code}/figures?month={MONTH}&synthetic=true"
        ));
        let series = server.get(&format!(
            "/api/v1/areas/{code}/series?from={MONTH}&to={MONTH}&synthetic=true"
        ));
        for row in table["figures"].as_array().unwrap() {
            let (operator, technology) = (
                row["operator"].as_str().unwrap(),
                row["technology"].as_str().unwrap(),
            );
            if (operator, technology) == ("all", "mobile") {
                assert_eq!(&series["points"][0]["figures"], row);
            }
            for metric in METRICS {
                let row_of = [code, operator, technology, metric].map(str::to_owned);
                let there = &open[&row_of];
                for name in [
                    "state",
                    "n",
                    "median",
                    "median_low",
                    "median_high",
                    "mean",
                    "p5",
                    "p25",
                    "p75",
                    "p95",
                    "grade",
                ] {
                    assert_eq!(there[name], member(&row[metric], name), "{row_of:?} {name}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
    let map = server.get(&format!("/api/v1/map?month={MONTH}&synthetic=true"));
    let feature = map["features"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["properties"]["code"] == "26740")
        .unwrap();
    let figure = &feature["properties"]["figures"]["download_bits_per_second"];
    let key = ["26740", "all", "mobile", "download_bits_per_second"].map(str::to_owned);
    assert_eq!(member(figure, "median"), open[&key]["median"]);
}

#[test]
fn report_chart_and_i_speed_s_addresses_round_the_same_figure() {
    let data = tempfile::tempdir().unwrap();
    simulated(data.path());
    let report = run(
        &[
            "report",
            "month",
            "--campaign",
            "district-1",
            "--month",
            MONTH,
            "--synthetic",
            "--format",
            "csv",
        ],
        data.path(),
    );
    let report = rows(&String::from_utf8(report).unwrap());
    let report = report.iter().find(|row| row["Mã"] == "26740").unwrap();
    let server = Server::start(data.path(), "127.0.0.1:0");
    let table = server.get(&format!(
        "/api/v1/areas/26740/figures?month={MONTH}&synthetic=true"
    ));
    let all = table["figures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["operator"] == "all" && row["technology"] == "mobile")
        .unwrap();
    let median = all["download_bits_per_second"]["median"].as_f64().unwrap() / 1e6;
    let shown = &report["Tải xuống: trung vị (Mbit/s)"];
    assert_eq!(*shown, format!("{median:.2}"));
    let places = server
        .get("/i-speed/mobile/overview-place-map?year=2024&month=11&cityId=79&synthetic=true");
    let place = places
        .as_array()
        .unwrap()
        .iter()
        .find(|place| place["code"] == "26740")
        .unwrap();
    assert!(
        (place["download"].as_f64().unwrap() - median).abs() < 0.005,
        "{place} {median}"
    );
    let chart = server.get(&format!(
        "/api/v1/areas/26740/charts/distribution.svg?month={MONTH}&synthetic=true"
    ));
    let decimals = if median < 100.0 { 1 } else { 0 };
    let scale = f64::from(10_u8.pow(decimals));
    let shown = (median * scale).round() / scale;
    let shown = format!("{shown:.0$}", decimals as usize).replace('.', ",");
    let said = format!("Trung vị {shown} Mbit/s");
    assert!(chart.as_str().unwrap().contains(&said), "{said}");
}

/// The row of a ward in the workbook of the month, by the headers.
fn workbook_row(data: &Path, code: &str) -> BTreeMap<String, calamine::Data> {
    use calamine::{Reader as _, Xlsx, open_workbook};
    let file = data.join("month.xlsx");
    let mut arguments = REPORT.to_vec();
    arguments.extend(["--format", "xlsx", "--output", file.to_str().unwrap()]);
    run(&arguments, data);
    let mut book: Xlsx<_> = open_workbook(&file).unwrap();
    let sheet = book.sheet_names()[0].clone();
    let range = book.worksheet_range(&sheet).unwrap();
    let is_head = |row: &&[calamine::Data]| row.iter().any(|cell| *cell == *"Mã");
    let head: Vec<_> = range.rows().find(is_head).unwrap().to_vec();
    let at = head.iter().position(|cell| *cell == *"Mã").unwrap();
    let row = range.rows().find(|row| row[at] == *code).unwrap();
    head.iter()
        .map(ToString::to_string)
        .zip(row.to_vec())
        .collect()
}

const REPORT: [&str; 7] = [
    "report",
    "month",
    "--campaign",
    "district-1",
    "--month",
    MONTH,
    "--synthetic",
];

#[test]
fn the_report_s_files_hold_every_figure_of_the_api_to_the_last_digit() {
    let data = tempfile::tempdir().unwrap();
    simulated(data.path());
    let mut arguments = REPORT.to_vec();
    arguments.extend(["--format", "csv"]);
    let csv = rows(&String::from_utf8(run(&arguments, data.path())).unwrap());
    let server = Server::start(data.path(), "127.0.0.1:0");
    let mut compared = 0;
    for code in ["26740", "26743"] {
        let api = server.get(&format!(
            "/api/v1/areas/{code}/figures?month={MONTH}&synthetic=true"
        ));
        let all = api["figures"].as_array().unwrap().iter();
        let all = all
            .clone()
            .find(|row| row["operator"] == "all" && row["technology"] == "mobile")
            .unwrap();
        let csv = csv.iter().find(|row| row["Mã"] == code).unwrap();
        let xlsx = workbook_row(data.path(), code);
        for (metric, what, unit, scale) in [
            (METRICS[0], "Tải xuống", "Mbit/s", 1e6),
            (METRICS[1], "Tải lên", "Mbit/s", 1e6),
            (METRICS[2], "Độ trễ", "ms", 1e3),
        ] {
            for (part, name) in [
                ("median", "trung vị"),
                ("median_low", "cận dưới 95%"),
                ("median_high", "cận trên 95%"),
            ] {
                let header = format!("{what}: {name} ({unit})");
                let value: f64 = member(&all[metric], part).parse().unwrap();
                assert_eq!(csv[&header], format!("{:.2}", value / scale), "{header}");
                let cell = calamine::DataType::get_float(&xlsx[&header]).unwrap();
                assert!((cell - value / scale).abs() < 1e-9, "{header}: {cell}");
                compared += 1;
            }
        }
        let quota = server.get(&format!(
            "/api/v1/areas/{code}/quota?month={MONTH}&synthetic=true"
        ));
        for (name, header) in [
            ("counted", "Được tính"),
            ("raw", "Toàn bộ"),
            ("qualified", "Không trùng lặp"),
            ("devices", "Số thiết bị"),
        ] {
            assert_eq!(csv[header], quota[name].to_string(), "{header}");
            assert_eq!(
                xlsx[header].to_string(),
                quota[name].to_string(),
                "{header}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 26);
}
