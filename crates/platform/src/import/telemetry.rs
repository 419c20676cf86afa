//! LibreSpeed's telemetry and Ookla's exports, both CSV.

use std::net::IpAddr;

use anyhow::{Result, bail};
use metric::prefix::Prefix;

use super::rows::{Row, Table};
use super::{ForeignTest, Reading};

/// The columns of LibreSpeed's table `speedtest_users`: rates in Mbit/s, ping in ms.
pub(super) fn librespeed(bytes: &[u8], offset_hours: i8) -> Result<Reading<ForeignTest>> {
    let table = Table::read(bytes)?;
    table.needs(&["timestamp", "dl", "ul", "ping"])?;
    let one = |mut row: Row<'_>| {
        let columns = Columns {
            time: "timestamp",
            download: "dl",
            upload: "ul",
            rtt: "ping",
            address: "ip",
        };
        let test = test(&mut row, &columns, 1e6, offset_hours);
        row.checked(test)
    };
    Ok(Reading::of(table.rows().map(one)))
}

/// Ookla's app writes kbit/s, its command line bytes a second; the header tells
/// which. The command line writes no time: one has to stand in a column `date`
/// or `datetime`, as those who log it do.
pub(super) fn ookla(bytes: &[u8], offset_hours: i8) -> Result<Reading<ForeignTest>> {
    let table = Table::read(bytes)?;
    table.needs(&["download", "upload"])?;
    let time = ["date", "datetime", "timestamp"]
        .into_iter()
        .find(|name| table.has(name));
    let Some(time) = time else {
        bail!("no column holds the time of a test: add one named date, as 2024-11-08 09:00:00");
    };
    let rtt = ["latency", "idle latency", "ping"]
        .into_iter()
        .find(|name| table.has(name));
    let scale = if table.has("conntype") {
        1e3
    } else if table.has("server id") {
        8.0
    } else {
        bail!(
            "neither conntype (the app, kbit/s) nor server id (the command line, bytes a second) is in the header, so the unit of download is not known"
        );
    };
    let columns = Columns {
        time,
        download: "download",
        upload: "upload",
        rtt: rtt.unwrap_or("latency"),
        address: "externalip",
    };
    let one = |mut row: Row<'_>| {
        let test = test(&mut row, &columns, scale, offset_hours);
        let position = position(&mut row);
        let mobile = row.text("conntype").map(|kind| {
            kind.eq_ignore_ascii_case("cell") || kind.to_lowercase().contains("mobile")
        });
        let test = test.map(|test| ForeignTest {
            position,
            mobile,
            ..test
        });
        row.checked(test)
    };
    Ok(Reading::of(table.rows().map(one)))
}

/// Names of columns.
struct Columns {
    time: &'static str,
    download: &'static str,
    upload: &'static str,
    rtt: &'static str,
    address: &'static str,
}

/// What all of them have; `scale` makes bit/s of a rate.
fn test(row: &mut Row<'_>, columns: &Columns, scale: f64, offset_hours: i8) -> Option<ForeignTest> {
    let measured_at = row.time(columns.time, offset_hours);
    let download = row.scaled(columns.download, scale);
    let upload = row.scaled(columns.upload, scale);
    let rtt_us = row.scaled(columns.rtt, 1e3);
    if download.is_none() && upload.is_none() {
        row.mistake(
            columns.download,
            "there is neither a download nor an upload",
        );
    }
    let address = row.text(columns.address).map(str::parse::<IpAddr>);
    if matches!(address, Some(Err(_))) {
        // The address itself is not repeated.
        row.mistake(columns.address, "is no address");
    }
    Some(ForeignTest {
        row: row.row,
        measured_at: measured_at?,
        download_bits_per_second: download,
        upload_bits_per_second: upload,
        rtt_us,
        prefix: address.and_then(Result::ok).map(Prefix::of),
        position: None,
        mobile: None,
    })
}

fn position(row: &mut Row<'_>) -> Option<(f64, f64)> {
    let (lat, lon) = (row.text("lat")?, row.text("lon")?);
    let degrees = |text: &str, most: f64| text.parse::<f64>().ok().filter(|d| d.abs() <= most);
    match (degrees(lat, 90.0), degrees(lon, 180.0)) {
        // The app writes zeros where it did not know.
        (Some(lat), Some(lon)) if lat.abs() + lon.abs() < 1e-9 => None,
        (Some(lat), Some(lon)) => Some((lat, lon)),
        _ => {
            row.mistake("lat", "lat and lon are no position in degrees");
            None
        }
    }
}
