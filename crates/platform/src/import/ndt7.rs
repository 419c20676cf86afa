//! The archive of an ndt7 server: one JSON object for each test and direction,
//! one to a line or one to a file.
//!
//! Source: m-lab/ndt-server `spec/data-format.md`, `ndt7/model/archivaldata.go`.
//! Throughput is M-Lab's: bytes of the last `TCPInfo` over its elapsed time.

use anyhow::{Context as _, Result, ensure};
use metric::prefix::Prefix;
use serde_json::Value;

use super::rows::instant;
use super::{ForeignTest, Mistake, Reading};

pub(super) fn read(bytes: &[u8]) -> Result<Reading<ForeignTest>> {
    let text = std::str::from_utf8(bytes).context("it is not UTF-8")?;
    if let Ok(whole) = serde_json::from_str::<Value>(text) {
        let tests = if let Value::Array(tests) = whole {
            tests
        } else {
            vec![whole]
        };
        let numbered = (1..).zip(&tests);
        return Ok(Reading::of(numbered.map(|(row, test)| one(row, test))));
    }
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let mut results = vec![];
    for (row, line) in lines {
        results.push(match serde_json::from_str::<Value>(line) {
            Ok(test) => one(row, &test),
            Err(error) => Err(vec![Mistake::new(
                row,
                "(line)",
                format!("is no JSON: {error}"),
            )]),
        });
    }
    ensure!(!results.is_empty(), "it is empty");
    Ok(Reading::of(results))
}

fn one(row: u64, test: &Value) -> Result<ForeignTest, Vec<Mistake>> {
    let mut mistakes = vec![];
    let mut wrong = |field: &str, what: String| mistakes.push(Mistake::new(row, field, what));
    let started = test["StartTime"].as_str().unwrap_or_default();
    let measured_at = instant(started, 0);
    if measured_at.is_none() {
        wrong("StartTime", format!("{started:?}, expected RFC 3339"));
    }
    let address = test["ClientIP"]
        .as_str()
        .map(str::parse::<std::net::IpAddr>);
    if let Some(Err(_)) = address {
        // The address itself is not repeated.
        wrong("ClientIP", "is no address".into());
    }
    let mut speed = |direction: &str, bytes: &str| {
        let last = last_tcp(&test[direction])?;
        let rate = rate(last[bytes].as_u64(), last["ElapsedTime"].as_u64());
        if rate.is_none() {
            let field = format!("{direction}.ServerMeasurements.TCPInfo");
            wrong(&field, format!("has no {bytes} and ElapsedTime"));
        }
        rate
    };
    let (download, upload) = (
        speed("Download", "BytesAcked"),
        speed("Upload", "BytesReceived"),
    );
    if download.is_none() && upload.is_none() && mistakes.is_empty() {
        let what = "neither Download nor Upload has a TCPInfo; is this an ndt7 result?";
        mistakes.push(Mistake::new(row, "Download", what));
    }
    let rtt = ["Download", "Upload"]
        .into_iter()
        .filter_map(|direction| last_tcp(&test[direction]));
    let rtt = rtt.filter_map(|tcp| tcp["MinRTT"].as_u64()).min();
    match measured_at {
        Some(measured_at) if mistakes.is_empty() => Ok(ForeignTest {
            row,
            measured_at,
            download_bits_per_second: download,
            upload_bits_per_second: upload,
            rtt_us: rtt,
            prefix: address.and_then(Result::ok).map(Prefix::of),
            position: None,
            mobile: None,
        }),
        _ => Err(mistakes),
    }
}

/// The last `TCPInfo` that the server saw in a direction.
fn last_tcp(direction: &Value) -> Option<&Value> {
    let measured = direction["ServerMeasurements"].as_array()?;
    measured
        .iter()
        .rev()
        .map(|m| &m["TCPInfo"])
        .find(|tcp| tcp.is_object())
}

/// Bit/s from bytes and microseconds.
fn rate(bytes: Option<u64>, elapsed_us: Option<u64>) -> Option<u64> {
    let rate = metric::unit::BitRate::over(bytes?, metric::unit::Micros(elapsed_us?))?;
    Some(rate.0)
}
